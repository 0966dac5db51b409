"""What simple phones do wrong and must not be turned away for; texts as pyVoIP 1.6.8 writes them."""

from callcenter.domain.units import SECOND
from callcenter.sip.endpoint import CallConfirmed, CallEnded, IncomingCall
from callcenter.sip.events import SipEvent
from callcenter.sip.flow import Flow
from callcenter.sip.message import Response, parse_message
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, SDP, Line
from tests.sip.stage import a_request

FLOW = Flow("udp", CALLED, CALLER)
BRANCH = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone-for-all"
CALL_ID = "2c624232cdd221771294dfbb310aca00@192.0.2.1:5060"


def write(method: str, number: int = 1, tag: str = "f1", to_tag: str = "") -> bytes:
    """A request of one call: one branch and one Call-ID, whatever it is."""
    to = f"<sip:100@192.0.2.2>{';tag=' + to_tag if to_tag else ''}"
    return a_request(
        method, body=SDP if method == "INVITE" else b"", Via=BRANCH, Call_ID=CALL_ID, To=to,
        From=f"<sip:ann@192.0.2.1>;tag={tag}", CSeq=f"{number} {method}",
        Content_Type="application/sdp" if method == "INVITE" else "",
    )  # fmt: skip


def feed(line: Line, data: bytes, now: int = 0) -> list[SipEvent]:
    return line.endpoint.receive(data, FLOW, now)


def call_of(events: list[SipEvent]) -> IncomingCall:
    (event,) = events
    assert isinstance(event, IncomingCall)
    return event


def test_the_invite_with_credentials_has_the_branch_of_the_first_and_is_a_new_call() -> None:
    line = Line(CALLED)
    first = call_of(feed(line, write("INVITE", 1, "f1"))).call
    first.reject(401, 0)
    assert feed(line, write("ACK", 1, "f1", "invented")) == []
    second = call_of(feed(line, write("INVITE", 2, "f2"))).call
    assert second is not first
    assert second.state == "proceeding"


def test_the_ack_of_a_401_with_an_invented_to_tag_stops_its_repetition() -> None:
    line = Line(CALLED)
    call_of(feed(line, write("INVITE"))).call.reject(401, 0)
    feed(line, write("ACK", 1, "f1", "invented"))
    line.endpoint.take_outgoing()
    line.endpoint.tick(4 * SECOND)
    assert line.endpoint.take_outgoing() == []


def test_the_ack_of_a_200_with_an_invented_to_tag_and_the_branch_of_the_invite_confirms() -> None:
    line = Line(CALLED)
    call = call_of(feed(line, write("INVITE"))).call
    call.answer(ANSWER_SDP, 0)
    told = feed(line, write("ACK", 1, "f1", "invented"))
    assert [type(event) for event in told] == [CallConfirmed]


def test_an_ack_with_an_invented_to_tag_and_a_new_branch_confirms_too() -> None:
    line = Line(CALLED)
    call = call_of(feed(line, write("INVITE"))).call
    call.answer(ANSWER_SDP, 0)
    ack = write("ACK", 1, "f1", "invented").replace(b"one-for-all", b"another")
    assert [type(event) for event in feed(line, ack)] == [CallConfirmed]


def test_an_ack_of_another_number_confirms_nothing() -> None:
    line = Line(CALLED)
    call = call_of(feed(line, write("INVITE"))).call
    call.answer(ANSWER_SDP, 0)
    ack = write("ACK", 2, "f1", "invented").replace(b"one-for-all", b"another")
    assert feed(line, ack) == []


def test_a_bye_with_the_branch_of_the_invite_ends_the_call() -> None:
    line = Line(CALLED)
    call = call_of(feed(line, write("INVITE"))).call
    call.answer(ANSWER_SDP, 0)
    feed(line, write("ACK"))
    told = feed(line, write("BYE", 2, "f1", call.id))
    assert [type(event) for event in told] == [CallEnded]


def test_a_phone_that_was_restarted_begins_with_the_same_branch_and_call_id() -> None:
    line = Line(CALLED)
    before = call_of(feed(line, write("INVITE", 1, "f1"))).call
    before.answer(ANSWER_SDP, 0)
    feed(line, write("ACK", 1, "f1"))
    after = call_of(feed(line, write("INVITE", 1, "f9"), SECOND)).call
    assert after is not before
    after.answer(ANSWER_SDP, SECOND)
    told = feed(line, write("ACK", 1, "f9", "invented"), SECOND)
    assert [event.call for event in told if isinstance(event, CallConfirmed)] == [after]


def test_a_bye_that_copies_our_own_via_is_answered() -> None:
    line = Line(CALLED)
    call = line.endpoint.invite(
        to_uri="sip:ann@192.0.2.1", request_uri="sip:ann@192.0.2.1:5060",
        from_addr="sip:queue@192.0.2.2", flow=FLOW, sdp=SDP, now=0,
    )  # fmt: skip
    invite = parse_message(line.endpoint.take_outgoing()[0][1])
    answer = Response(200, "OK", invite.headers.copy(), ANSWER_SDP)
    answer.headers.set("To", "<sip:ann@192.0.2.1>;tag=p1")
    answer.headers.set("Contact", "<sip:ann@192.0.2.1:5060;transport=UDP>")
    feed(line, answer.encode())
    bye = a_request(
        "BYE", Via=invite.headers.get("Via") or "", Call_ID=call.call_id,
        From="<sip:ann@192.0.2.1>;tag=p1", To=f"<sip:queue@192.0.2.2>;tag={call.id}",
        CSeq="2 BYE",
    )  # fmt: skip
    assert [type(event) for event in feed(line, bye)] == [CallEnded]
    assert line.endpoint.take_outgoing()[-1][1].startswith(b"SIP/2.0 200")
    assert line.endpoint.calls == []


def test_a_200_to_our_bye_with_an_invented_to_tag_is_the_end_all_the_same() -> None:
    line = Line(CALLED)
    call = call_of(feed(line, write("INVITE"))).call
    call.answer(ANSWER_SDP, 0)
    feed(line, write("ACK"))
    line.endpoint.take_outgoing()
    call.bye(0)
    bye = parse_message(line.endpoint.take_outgoing()[0][1])
    answer = Response(200, "OK", bye.headers.copy())
    answer.headers.set("To", "<sip:ann@192.0.2.1>;tag=quite-another")
    assert [type(event) for event in feed(line, answer.encode())] == [CallEnded]


def test_a_180_with_our_own_contact_does_no_harm() -> None:
    line = Line(CALLED)
    call = line.endpoint.invite(
        to_uri="sip:ann@192.0.2.1", request_uri="sip:ann@192.0.2.1:5060",
        from_addr="sip:queue@192.0.2.2", flow=FLOW, sdp=SDP, now=0,
    )  # fmt: skip
    invite = parse_message(line.endpoint.take_outgoing()[0][1])
    ringing = Response(180, "Ringing", invite.headers.copy())
    ringing.headers.set("To", "<sip:ann@192.0.2.1>;tag=p1")
    busy = Response(486, "Busy Here", invite.headers.copy())
    busy.headers.set("To", "<sip:ann@192.0.2.1>;tag=p2")
    names = [type(e).__name__ for e in feed(line, ringing.encode()) + feed(line, busy.encode())]
    assert names == ["CallProgress", "CallRejected"]
    assert call.state == "ended"
