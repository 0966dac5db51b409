"""What the endpoint does by itself: strangers, limits, methods, dialogs that nobody knows."""

import pytest

from callcenter.domain.units import SECOND
from callcenter.sip.endpoint import (
    Credentials,
    IncomingCall,
    Malformed,
    RequestReceived,
    RequestTimeout,
    ResponseReceived,
)
from callcenter.sip.events import SipEvent
from callcenter.sip.flow import Flow
from callcenter.sip.message import Response, parse_message
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, SDP, Line
from tests.sip.stage import a_request, last, stage

FLOW = Flow("udp", CALLED, CALLER)
TCP = Flow("tcp", CALLED, CALLER, 3)


def ask(line: Line, data: bytes, flow: Flow = FLOW) -> tuple[list[SipEvent], list[Response]]:
    """What `line` tells and answers when `data` comes."""
    events = line.endpoint.receive(data, flow, 0)
    answers = [parse_message(data) for _, data in line.endpoint.take_outgoing()]
    assert all(isinstance(answer, Response) for answer in answers)
    return events, [answer for answer in answers if isinstance(answer, Response)]


def statuses(answers: list[Response]) -> list[int]:
    return [answer.status for answer in answers]


# ---- methods ------------------------------------------------------------------------------


def test_options_is_answered_with_what_we_can() -> None:
    line = Line(CALLED)
    events, (answer,) = ask(line, a_request("OPTIONS"))
    assert events == []
    assert answer.status == 200
    assert "INVITE" in (answer.header("Allow") or "")
    assert answer.header("Accept") == "application/sdp"


def test_options_is_told_where_strangers_must_not_find_us() -> None:
    line = Line(CALLED, answers_options=False)
    (event,), answers = ask(line, a_request("OPTIONS"))
    assert answers == []
    assert isinstance(event, RequestReceived)
    line.endpoint.respond(event.request, 200, headers=[("Allow", "INVITE")], now=0)
    answer = parse_message(line.endpoint.take_outgoing()[0][1])
    assert answer.headers.get_all("Allow")[-1:] == [answer.headers.get("Allow")]
    assert answer.header("Accept") == "application/sdp"


def test_register_is_told_and_answered_by_the_user() -> None:
    line = Line(CALLED)
    (event,), answers = ask(line, a_request("REGISTER"))
    assert isinstance(event, RequestReceived)
    assert event.request.method == "REGISTER"
    assert answers == []
    line.endpoint.respond(event.request, 200, headers=[("Contact", "<sip:x>;expires=60")], now=0)
    answer = parse_message(line.endpoint.take_outgoing()[0][1])
    assert answer.header("Contact") == "<sip:x>;expires=60"
    assert answer.to.tag


@pytest.mark.parametrize(("method", "status"), [("NOTIFY", 405), ("SUBSCRIBE", 405), ("JUMP", 501)])
def test_a_method_that_we_do_not_take_is_answered_with_those_we_do(
    method: str, status: int
) -> None:
    _, (answer,) = ask(Line(CALLED), a_request(method))
    assert answer.status == status
    assert "INVITE" in (answer.header("Allow") or "")


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE"])
@pytest.mark.parametrize("to", ["<sip:b@192.0.2.2>", "<sip:b@192.0.2.2>;tag=nobody"])
def test_a_request_for_an_unknown_dialog_gets_481(method: str, to: str) -> None:
    line = Line(CALLED)
    events, (answer,) = ask(line, a_request(method, To=to))
    assert (events, answer.status) == ([], 481)
    assert line.endpoint.transactions == 0


def test_a_reinvite_for_an_unknown_dialog_gets_481_and_its_ack_is_swallowed() -> None:
    line = Line(CALLED)
    to = "<sip:b@192.0.2.2>;tag=gone"
    _, (answer,) = ask(line, a_request("INVITE", To=to))
    assert answer.status == 481
    assert ask(line, a_request("ACK", To=to)) == ([], [])
    assert line.endpoint.counters["acks_stray"] == 1


def test_a_request_of_a_stranger_who_knows_only_our_tag_gets_481() -> None:
    scene = stage()
    scene.set_up()
    to = f"<sip:b@192.0.2.2>;tag={scene.come.id}"
    forged = a_request("BYE", Call_ID=scene.come.call_id, To=to)
    _, (answer,) = ask(scene.called, forged)
    assert answer.status == 481


@pytest.mark.parametrize("hops", ["0", "1", "70"])
def test_max_forwards_is_for_proxies_and_we_are_the_end(hops: str) -> None:
    (event,), (answer,) = ask(Line(CALLED), a_request("INVITE", Max_Forwards=hops))
    assert isinstance(event, IncomingCall)
    assert answer.status == 100


def test_an_extension_that_we_must_support_and_do_not_is_named() -> None:
    _, (answer,) = ask(Line(CALLED), a_request("INVITE", ("Require", "100rel, precondition")))
    assert (answer.status, answer.header("Unsupported")) == (420, "precondition")


def test_session_timer_fields_are_tolerated() -> None:
    fields = [("Supported", "timer"), ("Session-Expires", "1800"), ("Min-SE", "90")]
    (event,), _ = ask(Line(CALLED), a_request("INVITE", *fields))
    assert isinstance(event, IncomingCall)


def test_an_invite_without_a_contact_cannot_be_answered() -> None:
    line = Line(CALLED)
    events, (answer,) = ask(line, a_request("INVITE", Contact=""))
    assert isinstance(events[0], Malformed)
    assert answer.status == 400
    assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)


def test_an_invite_that_a_proxy_has_doubled_is_refused_482() -> None:
    line = Line(CALLED)
    ask(line, a_request("INVITE"))
    twin = a_request("INVITE", Via="SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtwin")
    events, (answer,) = ask(line, twin)
    assert (events, answer.status) == ([], 482)


def test_a_repeated_invite_gets_the_last_answer_and_is_told_once() -> None:
    line = Line(CALLED)
    (event,), _ = ask(line, a_request("INVITE"))
    assert isinstance(event, IncomingCall)
    assert statuses(ask(line, a_request("INVITE"))[1]) == [100]
    event.call.ringing(0)
    line.endpoint.take_outgoing()
    events, answers = ask(line, a_request("INVITE"))
    assert (events, statuses(answers)) == ([], [180])


# ---- where answers go ---------------------------------------------------------------------


def test_an_answer_goes_to_the_source_and_says_what_the_source_was() -> None:
    line = Line(CALLED)
    translated = Flow("udp", CALLED, ("203.0.113.5", 61_234))
    via = "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnat;rport"
    line.endpoint.receive(a_request("OPTIONS", Via=via), translated, 0)
    flow, data = line.endpoint.take_outgoing()[0]
    assert flow == translated
    top = parse_message(data).vias[0]
    assert (top.received, top.rport) == ("203.0.113.5", "61234")


def test_every_via_goes_back() -> None:
    vias = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa, SIP/2.0/TCP far.example;branch=z9hG4bKb"
    _, (answer,) = ask(Line(CALLED), a_request("OPTIONS", Via=vias))
    assert [via.host for via in answer.vias] == ["192.0.2.1", "far.example"]


def test_a_ping_on_a_stream_gets_a_pong_and_a_datagram_ping_nothing() -> None:
    line = Line(CALLED)
    line.endpoint.receive(b"\r\n\r\n", TCP, 0)
    assert line.endpoint.take_outgoing() == [(TCP, b"\r\n")]
    for ping in (b"\r\n\r\n", b"\0\0\0\0", b""):
        line.endpoint.receive(ping, FLOW, 0)
    assert line.endpoint.take_outgoing() == []


# ---- rubbish ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"rubbish",
        b"INVITE",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 99 No\r\n\r\n",
        a_request("INVITE", CSeq="1 BYE"),
        a_request("INVITE", Via="nonsense"),
        a_request("INVITE", Call_ID=""),
        a_request("ACK", CSeq=""),
        a_request("BYE", From="nobody"),
    ],
)
def test_rubbish_is_told_counted_and_leaves_nothing(data: bytes) -> None:
    line = Line(CALLED)
    events = line.endpoint.receive(data, FLOW, 0)
    assert [type(event) for event in events] == [Malformed]
    assert line.endpoint.counters["malformed"] == 1
    assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)


def test_rubbish_that_names_its_transaction_is_answered_and_an_ack_never() -> None:
    line = Line(CALLED)
    line.endpoint.receive(a_request("INVITE", CSeq="1 BYE"), FLOW, 0)
    assert line.endpoint.take_outgoing()[0][1].startswith(b"SIP/2.0 400")
    line.endpoint.receive(a_request("ACK", CSeq="1 BYE"), FLOW, 0)
    assert line.endpoint.take_outgoing() == []


def test_an_answer_to_nothing_is_counted_and_dropped() -> None:
    line = Line(CALLED)
    stray = a_request("BYE").replace(b"BYE sip:b@192.0.2.2 SIP/2.0", b"SIP/2.0 200 OK", 1)
    assert line.endpoint.receive(stray, FLOW, 0) == []
    assert line.endpoint.take_outgoing() == []
    assert line.endpoint.counters["responses_stray"] == 1


# ---- limits -------------------------------------------------------------------------------


def test_a_call_over_the_limit_gets_503_with_retry_after_and_nothing_is_kept() -> None:
    line = Line(CALLED, calls_max=1)
    ask(line, a_request("INVITE"))
    kept = line.endpoint.transactions
    second = a_request("INVITE", Call_ID="second", Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    events, (answer,) = ask(line, second)
    assert (events, answer.status) == ([], 503)
    assert answer.header("Retry-After") == "5"
    assert line.endpoint.transactions == kept
    assert line.endpoint.counters["overload_refused"] == 1


def test_what_a_503_says_is_the_users_to_decide_and_refused_calls_are_counted() -> None:
    reason = ("Reason", 'Q.850;cause=42;text="Overloaded"')
    line = Line(CALLED, calls_max=0, transactions_max=100, overload_headers=(reason,))
    _, (answer,) = ask(line, a_request("INVITE"))
    assert (answer.status, answer.header("Reason")) == (503, reason[1])
    line.endpoint._transactions_max = 0
    _, (answer,) = ask(line, a_request("REGISTER", Call_ID="second"))
    assert (answer.status, answer.header("Reason")) == (503, reason[1])
    counters = line.endpoint.counters
    assert (counters["overload_refused"], counters["calls_refused"]) == (2, 1)


def test_over_the_limit_of_transactions_calls_that_are_up_go_on() -> None:
    scene = stage()
    scene.set_up()
    scene.called.endpoint._transactions_max = 0
    events, (answer,) = ask(scene.called, a_request("REGISTER"))
    assert (events, answer.status) == ([], 503)
    scene.out.bye(scene.now)
    scene.end()


def test_a_stateless_refusal_keeps_nothing_and_is_made_again_for_a_repeated_invite() -> None:
    line = Line(CALLED)
    for _ in range(2):
        (event,), _ = ask(line, a_request("INVITE"))
        assert isinstance(event, IncomingCall)
        event.call.reject(401, 0, stateless=True)
        assert line.endpoint.take_outgoing()[-1][1].startswith(b"SIP/2.0 401")
        assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)
    assert ask(line, a_request("ACK")) == ([], [])


def test_a_stateless_refusal_in_the_same_turn_goes_out_instead_of_the_100() -> None:
    line = Line(CALLED)
    (event,) = line.endpoint.receive(a_request("INVITE"), FLOW, 0)
    assert isinstance(event, IncomingCall)
    event.call.reject(401, 0, stateless=True)
    ((_, only),) = line.endpoint.take_outgoing()
    assert only.startswith(b"SIP/2.0 401")


def test_a_flood_of_unfinished_calls_is_forgotten_in_time() -> None:
    line = Line(CALLED)
    for number in range(200):
        via = f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{number}"
        (event,), _ = ask(line, a_request("INVITE", Via=via, Call_ID=f"flood{number}"))
        assert isinstance(event, IncomingCall)
        event.call.answer(ANSWER_SDP, 0)
    assert len(line.endpoint.calls) == 200
    for at in range(0, 200 * SECOND, SECOND):
        line.endpoint.tick(at)
        line.endpoint.take_outgoing()
    assert (line.endpoint.calls, line.endpoint.transactions) == ([], 0)
    assert line.endpoint.deadline is None


# ---- requests of ours ---------------------------------------------------------------------


def test_register_is_sent_challenged_and_sent_again() -> None:
    scene = stage()
    asked = scene.caller.endpoint.request(
        "REGISTER",
        to_uri="sip:ann@192.0.2.2",
        request_uri="sip:192.0.2.2",
        from_addr="sip:ann@192.0.2.2",
        flow=scene.network.flow(CALLER, CALLED),
        now=scene.now,
        headers=[("Expires", "60")],
        credentials=Credentials("ann", "secret"),
    )
    scene.step()
    first = last(scene.called, RequestReceived).request
    challenge = 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
    scene.called.endpoint.respond(
        first, 401, headers=[("WWW-Authenticate", challenge)], now=scene.now
    )
    scene.step()
    second = last(scene.called, RequestReceived).request
    assert second.request.call_id == first.request.call_id == asked.call_id
    assert second.request.cseq.number == 2
    assert "Authorization" in second.request.headers
    scene.called.endpoint.respond(second, 200, now=scene.now)
    scene.step()
    assert last(scene.caller, ResponseReceived).response.status == 200
    assert last(scene.caller, ResponseReceived).request is asked
    scene.end()


def test_a_request_that_nobody_answers_is_told_after_32_seconds() -> None:
    scene = stage(loss=1.0)
    asked = scene.caller.endpoint.request(
        "OPTIONS",
        to_uri="sip:b@192.0.2.2",
        request_uri="sip:b@192.0.2.2",
        from_addr="sip:a@192.0.2.1",
        flow=scene.network.flow(CALLER, CALLED),
        now=scene.now,
        call_id="mine",
        number=7,
    )
    assert asked.request.cseq.number == 7
    scene.step(33 * SECOND)
    assert last(scene.caller, RequestTimeout).request is asked
    scene.end()


def test_our_messages_are_in_the_form_that_simple_phones_read() -> None:
    """One Via per line, full names, a space after the colon, Content-Type before the body."""
    scene = stage()
    scene.invite()
    head, _, body = scene.caller.endpoint.take_outgoing()[0][1].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    names = [line.partition(": ")[0] for line in lines[1:]]
    assert names == [
        "Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "User-Agent", "Allow",
        "Supported", "Content-Type", "Content-Length",
    ]  # fmt: skip
    assert body == SDP


def test_nothing_is_answered_at_greater_length_to_an_address_that_may_be_forged() -> None:
    scene = stage()
    endpoint, flow = scene.called.endpoint, Flow("udp", CALLED, ("203.0.113.9", 5060))
    head = (
        b"Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 %b\r\n\r\n"
    )
    small = b"OPTIONS sip:d SIP/2.0\r\n" + head % b"OPTIONS"
    rubbish = b"OPTIONS sip:d SIP/2.0\r\nVia: x\r\n\r\n"
    endpoint.receive(small, flow, scene.now)
    [(_, trusted)] = endpoint.take_outgoing()
    assert b"\r\nAllow: " in trusted
    endpoint.trusts = lambda _: False
    endpoint.receive(small.replace(b"z9hG4bKx", b"z9hG4bKy"), flow, scene.now)
    [(_, plain)] = endpoint.take_outgoing()
    assert b"\r\nAllow: " not in plain
    endpoint.receive(rubbish, flow, scene.now)
    assert endpoint.take_outgoing() == []
    assert endpoint.counters["refusals_withheld"] == 1
    endpoint.receive(rubbish + b" " * 200, flow._replace(transport="tcp"), scene.now)
    assert endpoint.take_outgoing()
