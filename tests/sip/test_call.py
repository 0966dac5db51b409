"""Calls between two endpoints of ours, after the flows of RFC 3665."""

import pytest

from callcenter.domain.errors import LocalError
from callcenter.domain.units import SECOND
from callcenter.sip.endpoint import (
    CallAnswered,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallReinvited,
    CallRejected,
    CallState,
    Credentials,
    IncomingCall,
    ReinviteAnswered,
    ReinviteRejected,
    RequestReceived,
    ResponseReceived,
)
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, parse_message
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, SDP
from tests.sip.stage import STEP, last, stage


def test_a_call_is_set_up_and_ended_by_the_caller() -> None:
    scene = stage()
    scene.set_up()
    assert scene.names() == (["CallProgress", "CallAnswered"], ["IncomingCall", "CallConfirmed"])
    assert last(scene.caller, CallAnswered).sdp == ANSWER_SDP
    assert scene.come.remote_sdp == SDP
    scene.out.bye(scene.now, [("Reason", "Q.850;cause=16")])
    scene.step()
    assert last(scene.called, CallEnded).by_remote
    assert last(scene.called, CallEnded).reason == "Q.850;cause=16"
    assert not last(scene.caller, CallEnded).by_remote
    scene.end()


def test_a_call_is_ended_by_the_called() -> None:
    scene = stage()
    scene.set_up()
    scene.come.bye(scene.now)
    scene.step()
    assert last(scene.caller, CallEnded).by_remote
    assert scene.network.sent("BYE sip:line@192.0.2.1:5060") == 1
    scene.end()


def test_100_goes_out_before_anybody_decides_anything() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    assert scene.network.sent("SIP/2.0 100") == 1
    assert scene.caller.names() == []
    scene.come.reject(486, scene.now)
    scene.end()


def test_a_rejected_call_is_told_with_status_and_fields_and_ends_on_both_sides() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.reject(486, scene.now, headers=[("Retry-After", "60")])
    scene.step()
    told = last(scene.caller, CallRejected)
    assert (told.status, told.phrase) == (486, "Busy Here")
    assert told.headers.get("Retry-After") == "60"
    assert scene.network.sent("ACK") == 1
    assert scene.called.names() == ["IncomingCall"]
    scene.end()


def test_early_media_is_told_with_its_description() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now, ANSWER_SDP)
    scene.step()
    told = last(scene.caller, CallProgress)
    assert (told.status, told.sdp) == (183, ANSWER_SDP)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.bye(scene.now)
    scene.end()


def test_nobody_there_is_a_timeout() -> None:
    scene = stage(loss=1.0)
    scene.invite()
    scene.step(33 * SECOND)
    assert last(scene.caller, CallRejected).status == 408
    scene.end()


def test_a_connection_that_closes_while_it_rings_ends_the_call() -> None:
    scene = stage(transport="tcp")
    scene.invite()
    scene.step()
    scene.caller.events += scene.caller.endpoint.flow_closed(scene.out.flow, scene.now)
    assert last(scene.caller, CallRejected).status == 503
    scene.come.reject(480, scene.now)
    scene.end()


def test_an_invite_without_an_offer_is_answered_with_one_and_acknowledged_with_the_answer() -> None:
    scene = stage()
    scene.set_up(sdp=None)
    assert last(scene.called, IncomingCall).call.remote_sdp is None
    assert last(scene.caller, CallAnswered).sdp == ANSWER_SDP
    assert scene.out.state is CallState.ANSWERED
    scene.out.acknowledge(SDP, scene.now)
    scene.step()
    assert last(scene.called, CallConfirmed).sdp == SDP
    assert scene.come.remote_sdp == SDP
    scene.out.bye(scene.now)
    scene.end()


# ---- changing the session -----------------------------------------------------------------


def test_the_caller_changes_the_session() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert last(scene.called, CallReinvited).sdp == OTHER_SDP
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, ReinviteAnswered).sdp == ANSWER_SDP
    assert scene.come.remote_sdp == OTHER_SDP
    assert scene.out.local_sdp == OTHER_SDP
    scene.out.bye(scene.now)
    scene.end()


def test_the_called_changes_the_session_and_is_refused_and_the_call_stays_as_it_was() -> None:
    scene = stage()
    scene.set_up()
    scene.come.reinvite(OTHER_SDP, scene.now)
    scene.step()
    scene.out.reject_reinvite(488, scene.now)
    scene.step()
    assert last(scene.called, ReinviteRejected).status == 488
    assert scene.come.local_sdp == ANSWER_SDP
    assert scene.out.remote_sdp == ANSWER_SDP
    assert scene.come.state is scene.out.state is CallState.CONFIRMED
    scene.come.bye(scene.now)
    scene.end()


def test_a_refresh_that_changes_nothing_is_answered_without_asking_anybody() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(SDP, scene.now)
    scene.step()
    assert last(scene.caller, ReinviteAnswered).sdp == ANSWER_SDP
    assert not scene.called.told(CallReinvited)
    assert scene.called.endpoint.counters["refreshes_answered"] == 1
    scene.out.bye(scene.now)
    scene.end()


def test_an_offerless_reinvite_is_answered_with_our_offer_and_its_answer_is_told() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(b"", scene.now)
    scene.step()
    assert last(scene.called, CallReinvited).sdp is None
    scene.come.answer_reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, ReinviteAnswered).sdp == OTHER_SDP
    assert len(scene.called.told(ReinviteAnswered)) == 1
    scene.out.bye(scene.now)
    scene.end()


@pytest.mark.parametrize("sdp", [b"", SDP], ids=["nothing", "what was agreed"])
def test_an_update_that_refreshes_a_session_timer_is_answered_by_itself(sdp: bytes) -> None:
    scene = stage()
    scene.set_up()
    scene.out.send_request("UPDATE", scene.now, [("Session-Expires", "1800")], sdp)
    scene.step()
    assert last(scene.caller, ResponseReceived).response.status == 200
    assert not scene.called.told(CallReinvited)
    scene.out.bye(scene.now)
    scene.end()


def test_an_update_with_an_offer_is_answered_like_a_reinvite() -> None:
    scene = stage()
    scene.set_up()
    scene.out.send_request("UPDATE", scene.now, (), OTHER_SDP)
    scene.step()
    assert last(scene.called, CallReinvited).sdp == OTHER_SDP
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, ResponseReceived).response.body == ANSWER_SDP
    assert scene.come.remote_sdp == OTHER_SDP
    scene.out.bye(scene.now)
    scene.end()


def test_only_the_last_wish_is_sent_when_the_road_is_free_again() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.out.reinvite(SDP.replace(b"4000", b"7000"), scene.now)
    scene.out.reinvite(SDP.replace(b"4000", b"8000"), scene.now)
    for _ in range(2):
        scene.step()
        scene.come.answer_reinvite(ANSWER_SDP, scene.now)
        scene.step()
    offers = [event.sdp for event in scene.called.told(CallReinvited)]  # type: ignore[union-attr]
    assert offers == [OTHER_SDP, SDP.replace(b"4000", b"8000")]
    scene.out.bye(scene.now)
    scene.end()


# ---- requests in the dialog ---------------------------------------------------------------


def test_options_in_a_dialog_shows_that_the_call_is_alive() -> None:
    scene = stage()
    scene.set_up()
    scene.come.send_request("OPTIONS", scene.now)
    scene.step()
    answer = last(scene.called, ResponseReceived)
    assert answer.response.status == 200
    assert answer.request.call is scene.come
    scene.out.bye(scene.now)
    scene.end()


def test_info_is_told_with_its_call_and_answered_by_the_user() -> None:
    scene = stage()
    scene.set_up()
    fields = [("Content-Type", "application/dtmf-relay")]
    scene.out.send_request("INFO", scene.now, fields, b"Signal=5\r\n")
    scene.step()
    received = last(scene.called, RequestReceived).request
    assert received.call is scene.come
    assert received.request.body == b"Signal=5\r\n"
    scene.called.endpoint.respond(received, 200, now=scene.now)
    scene.step()
    assert last(scene.caller, ResponseReceived).response.status == 200
    scene.out.bye(scene.now)
    scene.end()


def test_a_request_without_a_dialog_cannot_be_sent() -> None:
    scene = stage()
    call = scene.invite()
    assert call.send_request("OPTIONS", scene.now) is None
    call.cancel(scene.now)
    scene.step()
    scene.end()


def test_a_request_that_is_out_of_order_is_refused() -> None:
    scene = stage()
    scene.set_up()
    assert scene.out.dialog is not None
    scene.out.send_request("OPTIONS", scene.now)
    scene.step()
    scene.out.dialog.local_number -= 1
    scene.out.send_request("OPTIONS", scene.now)
    scene.step()
    statuses = [e.response.status for e in scene.caller.told(ResponseReceived)]  # type: ignore[union-attr]
    assert statuses == [200, 500]
    scene.out.bye(scene.now)
    scene.end()


def test_the_answer_to_a_request_goes_where_it_came_from_and_so_do_later_requests() -> None:
    scene = stage()
    scene.set_up()
    moved = Flow("udp", CALLED, ("198.51.100.7", 61000))
    assert scene.out.dialog is not None
    info = scene.out.dialog.request("OPTIONS", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnat;rport")
    scene.called.endpoint.receive(info.encode(), moved, scene.now)
    flow, data = scene.called.endpoint.take_outgoing()[0]
    assert flow == moved
    assert b"rport=61000;received=198.51.100.7" in data
    assert scene.come.flow == moved


# ---- routes -------------------------------------------------------------------------------


def record_routed(data: bytes, *routes: str) -> bytes:
    message = parse_message(data)
    message.headers.set_all("Record-Route", routes)
    return message.encode()


def test_a_call_that_came_over_proxies_goes_back_over_them() -> None:
    scene = stage()
    scene.invite()
    _, data = scene.caller.endpoint.take_outgoing()[0]
    back = Flow("udp", CALLED, CALLER)
    near_first = ("<sip:near.example;lr>", "<sip:far.example;lr=on>")
    events = scene.called.endpoint.receive(record_routed(data, *near_first), back, scene.now)
    scene.called.events += events
    scene.come.ringing(scene.now)
    scene.come.answer(ANSWER_SDP, scene.now)
    sent = [parse_message(data) for _, data in scene.called.endpoint.take_outgoing()]
    assert [m.headers.get_all("Record-Route") for m in sent] == [[], [*near_first], [*near_first]]
    assert scene.out.dialog is None
    for message in sent:
        scene.caller.endpoint.receive(message.encode(), scene.out.flow, scene.now)
    ack = parse_message(scene.caller.endpoint.take_outgoing()[0][1])
    assert isinstance(ack, Request)
    assert ack.headers.get_all("Route") == [*reversed(near_first)]
    assert ack.uri == "sip:line@192.0.2.2:5060"
    scene.called.endpoint.receive(ack.encode(), back, scene.now)
    scene.come.bye(scene.now)
    bye = parse_message(scene.called.endpoint.take_outgoing()[0][1])
    assert bye.headers.get_all("Route") == [*near_first]


def test_a_strict_router_becomes_the_request_uri() -> None:
    scene = stage()
    scene.invite()
    _, data = scene.caller.endpoint.take_outgoing()[0]
    back = Flow("udp", CALLED, CALLER)
    routes = ("<sip:strict.example>", "<sip:far.example;lr>")
    scene.called.events += scene.called.endpoint.receive(
        record_routed(data, *routes), back, scene.now
    )
    dialog = scene.come.dialog
    assert dialog is not None
    request = dialog.request("BYE", "SIP/2.0/UDP h;branch=z9hG4bKx")
    assert request.uri == "sip:strict.example"
    assert request.headers.get_all("Route") == [
        "<sip:far.example;lr>",
        "<sip:line@192.0.2.1:5060>",
    ]


def test_a_preloaded_route_is_sent() -> None:
    scene = stage()
    scene.invite(route_set=("<sip:edge.example;lr>",))
    _, data = scene.caller.endpoint.take_outgoing()[0]
    assert parse_message(data).headers.get_all("Route") == ["<sip:edge.example;lr>"]


def test_a_reinvite_may_say_that_the_peer_is_elsewhere_now() -> None:
    scene = stage()
    scene.set_up()
    assert scene.out.dialog is not None
    request = scene.out.dialog.request("INVITE", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKmove")
    request.headers.set("Contact", "<sip:line@192.0.2.77:5070>")
    request.body = SDP
    request.headers.set("Content-Type", "application/sdp")
    scene.called.endpoint.receive(request.encode(), Flow("udp", CALLED, CALLER), scene.now)
    assert scene.come.dialog is not None
    assert scene.come.dialog.target == "sip:line@192.0.2.77:5070"


# ---- passwords ----------------------------------------------------------------------------

CHALLENGE = 'Digest realm="trunk", nonce="n1", algorithm=MD5, qop="auth"'


@pytest.mark.parametrize(
    ("status", "asked", "answered"),
    [
        (401, "WWW-Authenticate", "Authorization"),
        (407, "Proxy-Authenticate", "Proxy-Authorization"),
    ],
)
def test_a_challenge_is_answered_once_with_the_next_number(
    status: int, asked: str, answered: str
) -> None:
    scene = stage()
    scene.invite(credentials=Credentials("us", "secret"))
    scene.step()
    scene.come.reject(status, scene.now, headers=[(asked, CHALLENGE)])
    scene.step()
    again = scene.come.request
    assert again.cseq.number == 2
    assert 'username="us"' in (again.header(answered) or "")
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert scene.caller.names() == ["CallAnswered"]
    scene.out.bye(scene.now)
    scene.end()


def test_a_wrong_password_is_not_tried_twice() -> None:
    scene = stage()
    scene.invite(credentials=Credentials("us", "wrong"))
    for _ in range(2):
        scene.step()
        scene.come.reject(401, scene.now, headers=[("WWW-Authenticate", CHALLENGE)])
    scene.step()
    assert last(scene.caller, CallRejected).status == 401
    assert len(scene.called.told(IncomingCall)) == 2
    scene.end()


def test_a_stale_nonce_is_answered_again() -> None:
    scene = stage()
    scene.invite(credentials=Credentials("us", "secret"))
    scene.step()
    scene.come.reject(401, scene.now, headers=[("WWW-Authenticate", CHALLENGE)])
    scene.step()
    stale = CHALLENGE.replace("n1", "n2") + ", stale=true"
    scene.come.reject(401, scene.now, headers=[("WWW-Authenticate", stale)])
    scene.step()
    assert 'nonce="n2"' in (scene.come.request.header("Authorization") or "")
    scene.come.reject(486, scene.now)
    scene.step()
    assert last(scene.caller, CallRejected).status == 486
    scene.end()


def test_a_challenge_from_another_realm_gets_no_digest() -> None:
    scene = stage()
    scene.invite(credentials=Credentials("us", "secret", realm="our-trunk"))
    scene.step()
    scene.come.reject(401, scene.now, headers=[("WWW-Authenticate", CHALLENGE)])
    scene.step()
    assert last(scene.caller, CallRejected).status == 401
    scene.end()


def test_a_challenged_bye_of_a_call_that_we_did_not_open_gets_no_digest() -> None:
    scene = stage()
    scene.set_up()
    scene.come.bye(scene.now)
    _, data = scene.called.endpoint.take_outgoing()[0]
    bye = parse_message(data)
    assert isinstance(bye, Request)
    harvest = scene.caller.endpoint._core.response(
        bye, 407, headers=[("Proxy-Authenticate", CHALLENGE)]
    )
    told = scene.called.endpoint.receive(harvest.encode(), Flow("udp", CALLED, CALLER), scene.now)
    assert [type(event) for event in told] == [CallEnded]
    assert scene.called.endpoint.take_outgoing() == []


# ---- what is asked of a call in the wrong state -------------------------------------------


def test_what_comes_too_late_does_nothing() -> None:
    scene = stage()
    scene.set_up()
    scene.out.bye(scene.now)
    scene.step()
    sent = len(scene.network.log)
    for call in (scene.out, scene.come):
        call.ringing(scene.now)
        call.answer(SDP, scene.now)
        call.reject(486, scene.now)
        call.cancel(scene.now)
        call.bye(scene.now)
        call.reinvite(SDP, scene.now)
        call.answer_reinvite(SDP, scene.now)
        call.reject_reinvite(488, scene.now)
        call.acknowledge(SDP, scene.now)
        assert call.send_request("OPTIONS", scene.now) is None
    scene.step(STEP)
    assert len(scene.network.log) == sent
    scene.end()


def test_the_invite_of_a_call_taken_up_again_is_not_kept() -> None:
    scene = stage()
    scene.set_up()
    record = scene.come.record()
    scene.called.endpoint = scene.called.start()
    restored = scene.called.endpoint.restore(record, scene.now)
    with pytest.raises(LocalError):
        _ = restored.request
