"""A call goes on in a new process from its record alone, in whatever state it was."""

from collections.abc import Callable

import pytest

from callcenter.domain.units import SECOND
from callcenter.sip.endpoint import (
    Call,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallReinvited,
    CallRejected,
    DialogRecord,
    IncomingCall,
    InviteNames,
    ReinviteAnswered,
    ResponseReceived,
    decode_record,
    encode_record,
)
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, SDP, Line
from tests.sip.stage import Stage, a_request, last, stage


def restart(scene: Stage, line: Line, call: Call) -> Call:
    """`line` dies and comes again with nothing but the record, through bytes."""
    record = decode_record(encode_record(call.record()))
    line.endpoint = line.start()
    return line.endpoint.restore(record, scene.now)


def test_an_established_call_goes_on_and_skips_a_hundred_numbers() -> None:
    scene = stage()
    scene.set_up()
    called = restart(scene, scene.called, scene.come)
    assert (called.id, called.remote_sdp, called.local_sdp) == (scene.come.id, SDP, ANSWER_SDP)
    called.send_request("OPTIONS", scene.now)
    scene.step()
    answer = last(scene.called, ResponseReceived)
    assert answer.response.status == 200
    assert answer.request.request.cseq.number == 101
    called.bye(scene.now)
    scene.step()
    assert last(scene.caller, CallEnded).by_remote
    scene.end()


def test_the_peer_of_a_restarted_process_notices_nothing() -> None:
    scene = stage()
    scene.set_up()
    caller = restart(scene, scene.caller, scene.out)
    scene.come.reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, CallReinvited).call is caller
    caller.answer_reinvite(SDP, scene.now)
    scene.step()
    assert last(scene.called, ReinviteAnswered).sdp == SDP
    scene.come.bye(scene.now)
    scene.step()
    assert last(scene.caller, CallEnded).call is caller
    scene.end()


def test_a_200_without_its_ack_is_sent_again_until_the_ack_comes() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.network.drop = lambda message, to: True
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    called = restart(scene, scene.called, scene.come)
    scene.step(2 * SECOND)
    assert scene.network.sent("SIP/2.0 200") == 4
    scene.network.drop = lambda message, to: False
    scene.step(4 * SECOND)
    assert last(scene.called, CallConfirmed).call is called
    assert len(scene.caller.told(CallAnswered)) == 1
    scene.out.bye(scene.now)
    scene.end()


def test_an_invite_that_comes_again_after_the_restart_is_no_new_call() -> None:
    scene = stage()
    scene.network.drop = lambda message, to: to == CALLER
    scene.invite()
    scene.step()
    called = restart(scene, scene.called, scene.come)
    scene.step(4 * SECOND)
    assert scene.called.names() == ["IncomingCall"]
    scene.network.drop = lambda message, to: False
    called.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert scene.called.names() == ["IncomingCall", "CallConfirmed"]
    scene.out.bye(scene.now)
    scene.end()


@pytest.mark.parametrize("rings", [False, True])
def test_a_call_that_was_not_answered_yet_is_answered_by_the_new_process(rings: bool) -> None:
    scene = stage()
    scene.invite()
    scene.step()
    if rings:
        scene.come.ringing(scene.now)
        scene.step()
    sent = len(scene.network.log)
    called = restart(scene, scene.called, scene.come)
    assert called.request.cseq.number == 1
    scene.step()
    again = "SIP/2.0 180 Ringing" if rings else "SIP/2.0 100 Trying"
    assert [line for _, line, _ in scene.network.log[sent:]] == [again]
    called.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.bye(scene.now)
    scene.end()


def test_a_call_that_was_not_answered_yet_can_still_be_cancelled_by_the_caller() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    restart(scene, scene.called, scene.come)
    scene.out.cancel(scene.now)
    scene.step()
    assert scene.called.names() == ["IncomingCall", "CallCancelled"]
    assert last(scene.caller, CallRejected).status == 487
    scene.end()


def test_our_open_invite_is_cancelled_by_the_new_process_with_the_same_branch() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    caller = restart(scene, scene.caller, scene.out)
    assert scene.network.sent("INVITE") == 1
    caller.cancel(scene.now)
    scene.step()
    assert last(scene.caller, CallRejected).status == 487
    assert scene.called.names() == ["IncomingCall", "CallCancelled"]
    assert scene.network.sent("INVITE") == 1
    scene.end()


def test_our_open_invite_is_acknowledged_by_the_new_process_when_it_is_answered() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    caller = restart(scene, scene.caller, scene.out)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, CallAnswered).sdp == ANSWER_SDP
    assert scene.called.told(CallConfirmed)
    caller.bye(scene.now)
    scene.end()


def test_an_invite_that_nobody_has_heard_is_sent_again() -> None:
    scene = stage(loss=1.0)
    scene.invite()
    scene.step()
    restart(scene, scene.caller, scene.out)
    scene.network.loss = 0.0
    scene.step()
    assert scene.network.sent("INVITE") == 2
    assert scene.called.names() == ["IncomingCall"]


def test_a_cancel_that_was_wanted_is_sent_by_the_new_process() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.network.drop = lambda message, to: isinstance(message, Request)
    scene.out.cancel(scene.now)
    scene.step()
    restart(scene, scene.caller, scene.out)
    scene.network.drop = lambda message, to: False
    scene.step(2 * SECOND)
    assert scene.called.names() == ["IncomingCall", "CallCancelled"]
    assert last(scene.caller, CallRejected).status == 487
    scene.end()


def test_a_bye_that_was_on_its_way_is_said_again() -> None:
    scene = stage()
    scene.set_up()
    scene.network.drop = lambda message, to: True
    scene.out.bye(scene.now)
    scene.step()
    restart(scene, scene.caller, scene.out)
    scene.network.drop = lambda message, to: False
    scene.step()
    assert last(scene.called, CallEnded).by_remote
    assert scene.caller.told(CallEnded)
    scene.end()


def test_a_reinvite_that_we_owe_an_answer_is_told_again() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    called = restart(scene, scene.called, scene.come)
    scene.step()
    assert [event.sdp for event in scene.called.told(CallReinvited)] == [OTHER_SDP] * 2  # type: ignore[union-attr]
    called.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, ReinviteAnswered).sdp == ANSWER_SDP
    scene.out.bye(scene.now)
    scene.end()


def test_the_200_to_a_reinvite_of_the_old_process_is_acknowledged() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    caller = restart(scene, scene.caller, scene.out)
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step(3 * SECOND)
    assert scene.come.incoming is not None
    assert not scene.come.incoming.waits_for_ack
    caller.bye(scene.now)
    scene.end()


def test_a_200_that_comes_again_after_the_restart_is_acknowledged_from_the_record() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.network.drop = lambda message, to: (
        isinstance(message, Request) and message.method == "ACK"
    )
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    ack = scene.out.ack
    caller = restart(scene, scene.caller, scene.out)
    scene.network.drop = lambda message, to: False
    scene.step(SECOND)
    assert scene.called.told(CallConfirmed)
    assert caller.dialog is not None
    assert b"CSeq: 1 ACK" in ack
    caller.bye(scene.now)
    scene.end()


def test_an_offer_in_a_200_is_answered_by_the_new_process() -> None:
    scene = stage()
    scene.set_up(sdp=None)
    caller = restart(scene, scene.caller, scene.out)
    scene.step(2 * SECOND)
    caller.acknowledge(SDP, scene.now)
    scene.step()
    assert last(scene.called, CallConfirmed).sdp == SDP
    caller.bye(scene.now)
    scene.end()


# ---- without a record ---------------------------------------------------------------------

NAMES = InviteNames("callid", "tag", "branch")


def invite_again(scene: Stage, *, sent_before: bool) -> Call:
    """The caller's process dies without a record and comes again, knowing the names."""
    scene.caller.endpoint = scene.caller.start()
    return invite_by_name(scene, sent_before=sent_before)


def invite_by_name(scene: Stage, *, sent_before: bool = False) -> Call:
    return scene.caller.endpoint.invite(
        to_uri="sip:b@192.0.2.2",
        request_uri="sip:b@192.0.2.2:5060",
        from_addr="sip:a@192.0.2.1",
        flow=scene.network.flow(scene.caller.address, scene.called.address),
        sdp=SDP,
        now=scene.now,
        names=NAMES,
        sent_before=sent_before,
    )


def test_an_invite_sent_again_by_its_names_is_a_repetition() -> None:
    scene = stage()
    invite_by_name(scene)
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    again = invite_again(scene, sent_before=False)
    scene.step()
    assert len(scene.called.told(IncomingCall)) == 1
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert last(scene.caller, CallAnswered).call is again
    again.bye(scene.now)
    scene.end()


def test_an_invite_that_was_sent_before_is_cancelled_by_its_names_alone() -> None:
    scene = stage()
    invite_by_name(scene)
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    invite_again(scene, sent_before=True).cancel(scene.now)
    scene.step()
    assert scene.called.told(CallCancelled)
    assert scene.network.sent("INVITE") == 1
    scene.end()


def test_an_invite_that_never_was_sent_can_be_cancelled_and_rings_nowhere() -> None:
    scene = stage()
    invite_by_name(scene, sent_before=True).cancel(scene.now)
    scene.step()
    assert scene.called.told(IncomingCall) == []
    scene.end()


def test_a_cancelled_invite_is_not_sent_again_after_a_restart() -> None:
    scene = stage()
    out = scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    out.cancel(scene.now)
    restart(scene, scene.caller, out)
    scene.step()
    assert scene.called.told(CallCancelled)
    assert scene.network.sent("INVITE") == 1
    scene.end()


def test_octets_of_the_peer_survive_though_they_are_no_text() -> None:
    line = Line(CALLED)
    flow = Flow("udp", CALLED, CALLER)
    invite = a_request("INVITE").replace(
        b"<sip:a@192.0.2.1>;tag=a", b'"J\xf6rg" <sip:a@x>;tag=\xff'
    )
    line.endpoint.receive(invite, flow, 0)
    (call,) = line.endpoint.calls
    call.answer(ANSWER_SDP, 0)
    record = encode_record(call.record())
    line.endpoint = line.start()
    line.endpoint.restore(decode_record(record), 0)
    _, again = line.endpoint.take_outgoing()[0]
    assert b'From: "J\xf6rg" <sip:a@x>;tag=\xff\r\n' in again


def test_a_record_of_a_confirmed_call_is_small() -> None:
    scene = stage()
    scene.set_up()
    assert len(encode_record(scene.come.record())) < 1000


def broken(change: Callable[[DialogRecord], dict[str, object]]) -> DialogRecord:
    scene = stage()
    scene.invite()
    scene.step()
    record = scene.come.record()
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return DialogRecord(**(fields | change(record)))


@pytest.mark.parametrize(
    "change",
    [
        lambda record: {"state": "dancing"},
        lambda record: {"invite": b""},
        lambda record: {"invite": b"rubbish"},
        lambda record: {"invite": record.answer},
        lambda record: {"answer": b"SIP/2.0 abc"},
        lambda record: {"state": "ended"},
    ],
    ids=["state", "no INVITE", "rubbish", "a response", "no status", "over"],
)
def test_a_record_that_makes_no_sense_is_refused_and_leaves_nothing(
    change: Callable[[DialogRecord], dict[str, object]],
) -> None:
    line = Line(CALLED)
    with pytest.raises(SipError):
        line.endpoint.restore(broken(change), 0)
    assert line.endpoint.calls == []
    assert line.endpoint.transactions == 0
