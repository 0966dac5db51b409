"""What crosses on the road: CANCEL and 200, two BYEs, two re-INVITEs, forks, a lost ACK."""

import pytest

from callcenter.domain.units import MILLISECOND, SECOND
from callcenter.sip.call_states import UAC_STEPS, UAS_STEPS, CallState, Step
from callcenter.sip.endpoint import (
    AckTimeout,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallProgress,
    CallReinvited,
    CallRejected,
    ReinviteAnswered,
    ReinviteRejected,
)
from callcenter.sip.flow import Flow
from callcenter.sip.message import Request, Response, parse_message, response_to
from tests.sip.network import ANSWER_SDP, CALLED, CALLER, OTHER_SDP, SDP
from tests.sip.stage import STEP, Stage, last, stage

# ---- the table of calls -------------------------------------------------------------------


@pytest.mark.parametrize("steps", [UAS_STEPS, UAC_STEPS], ids=["uas", "uac"])
def test_every_state_of_a_call_can_end_and_nothing_leaves_the_end(
    steps: dict[tuple[CallState, Step], CallState],
) -> None:
    ending = {CallState.ENDED}
    for _ in steps:
        ending |= {before for (before, _), after in steps.items() if after in ending}
    assert ending >= {before for before, _ in steps}
    assert not [key for key in steps if key[0] is CallState.ENDED]


# ---- CANCEL -------------------------------------------------------------------------------


def test_a_call_that_rings_is_cancelled_with_487() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    scene.out.cancel(scene.now, [("Reason", "SIP;cause=200")])
    scene.step(2 * STEP)
    assert last(scene.caller, CallRejected).status == 487
    assert last(scene.called, CallCancelled).reason == "SIP;cause=200"
    assert scene.network.sent("SIP/2.0 487") == 1
    assert scene.network.sent("ACK") == 1
    scene.end()


def test_a_cancel_waits_for_the_first_provisional() -> None:
    scene = stage()
    scene.network.drop = lambda message, to: (
        isinstance(message, Response) and scene.now < 3 * SECOND
    )
    scene.invite()
    scene.out.cancel(scene.now)
    scene.step(1 * SECOND)
    assert scene.network.sent("CANCEL") == 0
    scene.step(5 * SECOND)
    assert scene.network.sent("CANCEL") == 1
    assert last(scene.caller, CallRejected).status == 487
    scene.end()


def test_a_cancel_that_crosses_a_200_is_made_good_by_ack_and_bye() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.answer(ANSWER_SDP, scene.now)
    elsewhere = 'SIP;cause=200;text="Call completed elsewhere"'
    scene.out.cancel(scene.now, headers=(("Reason", elsewhere),))
    scene.step(4 * STEP)
    assert scene.names() == (["CallEnded"], ["IncomingCall", "CallConfirmed", "CallEnded"])
    assert last(scene.called, CallEnded).reason == elsewhere, "the BYE says what the CANCEL said"
    assert scene.network.sent("CANCEL") == 1
    assert scene.network.sent("BYE") == 1
    assert scene.caller.endpoint.counters["cancels_crossed"] == 1
    scene.end()


def test_a_phone_that_ignores_487_and_answers_a_cancelled_call_is_acknowledged_and_released() -> (
    None
):
    """pyVoIP: 200 to the CANCEL, no 487, and a 200 to the INVITE when somebody picks up."""
    scene = stage()
    scene.invite()
    scene.step()
    scene.out.cancel(scene.now)
    scene.network.drop = lambda message, to: isinstance(message, Request)
    scene.step(10 * SECOND)
    scene.network.drop = lambda message, to: False
    invite = scene.come.request
    success = response_to(invite, 200, to_tag=scene.come.id)
    told = scene.caller.endpoint.receive(success.encode(), Flow("udp", CALLER, CALLED), scene.now)
    assert told == []
    sent = [data[:4] for _, data in scene.caller.endpoint.take_outgoing()]
    assert sent == [b"ACK ", b"BYE "]
    scene.step(60 * SECOND)
    assert scene.caller.names() == ["CallEnded"]


def test_a_cancel_without_any_effect_is_given_up_after_64_t1() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.network.drop = lambda message, to: True
    scene.out.cancel(scene.now)
    scene.step(31 * SECOND)
    assert scene.caller.names() == []
    scene.step(2 * SECOND)
    assert last(scene.caller, CallRejected).status == 408
    scene.come.reject(480, scene.now)
    scene.end()


def test_a_cancel_for_nothing_and_a_cancel_from_another_host_are_answered_481() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.out.cancel(scene.now)
    cancel = next(
        data for _, data in scene.caller.endpoint.take_outgoing() if data.startswith(b"CANCEL")
    )
    stranger = Flow("udp", CALLED, ("198.51.100.1", 5060))
    assert scene.called.endpoint.receive(cancel, stranger, scene.now) == []
    forged = scene.called.endpoint.take_outgoing()[0][1]
    assert forged.startswith(b"SIP/2.0 481")
    other = cancel.replace(b"z9hG4bK", b"z9hG4bKother")
    scene.called.endpoint.receive(other, Flow("udp", CALLED, CALLER), scene.now)
    assert scene.called.endpoint.take_outgoing()[0][1].startswith(b"SIP/2.0 481")
    assert scene.come.state is CallState.PROCEEDING


def test_an_invite_whose_expires_runs_out_is_ended_by_487() -> None:
    scene = stage()
    scene.invite(headers=(("Expires", "10"),))
    scene.step(9 * SECOND)
    assert scene.called.names() == ["IncomingCall"]
    scene.step(2 * SECOND)
    assert last(scene.caller, CallRejected).status == 487
    assert scene.called.names() == ["IncomingCall", "CallCancelled"]
    scene.end()


# ---- 200 and ACK --------------------------------------------------------------------------


def drop_acks(scene: Stage) -> None:
    scene.network.drop = lambda message, to: (
        isinstance(message, Request) and message.method == "ACK"
    )


def test_a_200_is_repeated_until_the_ack_with_growing_pauses() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    drop_acks(scene)
    began = scene.now
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step(10 * SECOND)
    times = [at - began for at, line, _ in scene.network.log if line == "SIP/2.0 200 OK"]
    assert [round(t / SECOND, 1) for t in times] == [0, 0.5, 1.5, 3.5, 7.5]
    assert scene.network.sent("ACK") == len(times)
    scene.network.drop = lambda message, to: False
    scene.step(5 * SECOND)
    assert len(scene.called.told(CallConfirmed)) == 1
    assert len(scene.caller.told(CallAnswered)) == 1
    scene.out.bye(scene.now)
    scene.end()


def test_a_200_over_a_reliable_road_is_repeated_as_well() -> None:
    scene = stage(transport="tcp")
    scene.invite()
    scene.step()
    drop_acks(scene)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step(2 * SECOND)
    assert scene.network.sent("SIP/2.0 200") == 3


def test_a_200_that_is_never_acknowledged_ends_in_bye() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    drop_acks(scene)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step(31 * SECOND)
    assert not scene.called.told(AckTimeout)
    scene.step(2 * SECOND)
    assert scene.called.names() == ["IncomingCall", "AckTimeout", "CallEnded"]
    assert last(scene.caller, CallEnded).by_remote
    scene.end()


def test_our_bye_waits_until_the_caller_has_acknowledged_our_200() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    drop_acks(scene)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.come.bye(scene.now)
    scene.step(3 * SECOND)
    assert scene.network.sent("BYE") == 0
    scene.network.drop = lambda message, to: False
    scene.step(3 * SECOND)
    assert scene.network.sent("BYE") == 1
    assert scene.called.names() == ["IncomingCall", "CallConfirmed", "CallEnded"]
    scene.end()


def test_a_bye_that_overtakes_the_ack_ends_the_call() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    drop_acks(scene)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.bye(scene.now)
    scene.step()
    assert scene.called.names() == ["IncomingCall", "CallEnded"]
    repeated = scene.network.sent("SIP/2.0 200")
    scene.end()
    assert scene.network.sent("SIP/2.0 200") == repeated


def test_a_200_that_comes_again_long_after_is_acknowledged_again() -> None:
    scene = stage()
    scene.set_up()
    success = scene.come.incoming
    assert success is not None
    scene.step(60 * SECOND)
    assert scene.caller.endpoint.transactions == 0
    invite = parse_message(scene.out.request.encode())
    assert isinstance(invite, Request)
    again = response_to(invite, 200, to_tag=scene.come.id).encode()
    scene.caller.endpoint.receive(again, Flow("udp", CALLER, CALLED), scene.now)
    assert scene.caller.endpoint.take_outgoing()[0][1] == scene.out.ack
    scene.out.bye(scene.now)
    scene.end()


# ---- forks --------------------------------------------------------------------------------


def answers_of(scene: Stage, invite: Request, status: int, tag: str, port: int) -> bytes:
    response = response_to(invite, status, to_tag=tag)
    response.headers.set("Contact", f"<sip:phone@192.0.2.2:{port}>")
    if status == 200:
        response.body = ANSWER_SDP
        response.headers.set("Content-Type", "application/sdp")
    return response.encode()


def test_of_two_phones_that_answer_the_first_has_the_call_and_the_second_is_released() -> None:
    scene = stage()
    scene.invite()
    flow, data = scene.caller.endpoint.take_outgoing()[0]
    invite = parse_message(data)
    assert isinstance(invite, Request)
    told = []
    for status, tag, port in [
        (180, "left", 1), (180, "right", 2), (200, "right", 2), (200, "left", 1), (200, "left", 1),
    ]:  # fmt: skip
        answer = answers_of(scene, invite, status, tag, port)
        told += scene.caller.endpoint.receive(answer, flow, scene.now)
    assert [type(event) for event in told] == [CallProgress, CallProgress, CallAnswered]
    assert scene.out.remote_tag == "right"
    sent = [parse_message(data) for _, data in scene.caller.endpoint.take_outgoing()]
    lines = [(m.start_line().split()[0:2], m.to.tag) for m in sent]
    assert lines == [
        (["ACK", "sip:phone@192.0.2.2:2"], "right"),
        (["ACK", "sip:phone@192.0.2.2:1"], "left"),
        (["BYE", "sip:phone@192.0.2.2:1"], "left"),
        (["ACK", "sip:phone@192.0.2.2:1"], "left"),
    ]


def test_the_description_is_that_of_the_phone_that_answers() -> None:
    scene = stage()
    scene.invite()
    flow, data = scene.caller.endpoint.take_outgoing()[0]
    invite = parse_message(data)
    assert isinstance(invite, Request)
    early = response_to(invite, 183, to_tag="left")
    early.body = OTHER_SDP
    early.headers.set("Content-Type", "application/sdp")
    scene.caller.endpoint.receive(early.encode(), flow, scene.now)
    answer = answers_of(scene, invite, 200, "right", 2)
    events = scene.caller.endpoint.receive(answer, flow, scene.now)
    assert isinstance(events[0], CallAnswered)
    assert events[0].sdp == scene.out.remote_sdp == ANSWER_SDP


# ---- two BYEs -----------------------------------------------------------------------------


def test_two_byes_that_cross_both_end_the_call_once() -> None:
    scene = stage()
    scene.set_up()
    scene.out.bye(scene.now)
    scene.come.bye(scene.now)
    scene.step()
    assert len(scene.caller.told(CallEnded)) == len(scene.called.told(CallEnded)) == 1
    assert not last(scene.caller, CallEnded).by_remote
    assert scene.network.sent("SIP/2.0 200") == 3
    scene.end()


def test_a_bye_that_nobody_answers_is_given_up_and_the_call_is_over() -> None:
    scene = stage()
    scene.set_up()
    scene.network.drop = lambda message, to: True
    scene.out.bye(scene.now)
    scene.step(33 * SECOND)
    assert not last(scene.caller, CallEnded).by_remote
    assert scene.caller.endpoint.calls == []


def test_the_caller_says_bye_instead_of_cancel_while_it_rings() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    invite = scene.out.request
    bye = parse_message(invite.encode())
    assert isinstance(bye, Request)
    bye.method = "BYE"
    bye.headers.set("CSeq", "2 BYE")
    bye.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbye")
    bye.headers.set("To", f"<sip:b@192.0.2.2>;tag={scene.come.id}")
    bye.body = b""
    told = scene.called.endpoint.receive(bye.encode(), Flow("udp", CALLED, CALLER), scene.now)
    assert [type(event) for event in told] == [CallCancelled]
    sent = [data[:11] for _, data in scene.called.endpoint.take_outgoing()]
    assert sent == [b"SIP/2.0 200", b"SIP/2.0 487"]


# ---- two re-INVITEs -----------------------------------------------------------------------


def test_two_reinvites_that_cross_are_refused_491_and_tried_again_one_after_the_other() -> None:
    scene = stage()
    scene.set_up()
    scene.caller.on_event = lambda event, now: (
        event.call.answer_reinvite(SDP, now) if isinstance(event, CallReinvited) else None
    )
    scene.called.on_event = lambda event, now: (
        event.call.answer_reinvite(ANSWER_SDP, now) if isinstance(event, CallReinvited) else None
    )
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.come.reinvite(OTHER_SDP, scene.now)
    scene.step(10 * SECOND)
    assert scene.network.sent("SIP/2.0 491") == 2
    assert len(scene.caller.told(ReinviteAnswered)) == 1
    assert len(scene.called.told(ReinviteAnswered)) == 1
    assert not scene.caller.told(ReinviteRejected)
    scene.out.bye(scene.now)
    scene.end()


def test_the_owner_of_the_call_id_waits_longer_after_a_glare() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.come.reinvite(OTHER_SDP, scene.now)
    scene.step(STEP)
    assert scene.out.changes.due is not None
    assert (
        2_100 * MILLISECOND
        <= scene.out.changes.due - scene.now + STEP
        <= 4_000 * MILLISECOND + STEP
    )
    assert scene.come.changes.due is not None
    assert scene.come.changes.due - scene.now <= 2_000 * MILLISECOND
    scene.out.bye(scene.now)
    scene.end()


def test_a_second_reinvite_before_the_first_is_answered_gets_500_with_retry_after() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert scene.out.dialog is not None
    second = scene.out.dialog.request("INVITE", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKsecond")
    second.headers.set("Contact", "<sip:line@192.0.2.1>")
    scene.called.endpoint.receive(second.encode(), Flow("udp", CALLED, CALLER), scene.now)
    answer = parse_message(scene.called.endpoint.take_outgoing()[0][1])
    assert isinstance(answer, Response)
    assert answer.status == 500
    assert answer.header("Retry-After")


def test_a_reinvite_that_overtakes_the_ack_counts_as_the_ack() -> None:
    scene = stage()
    scene.invite()
    scene.step()
    drop_acks(scene)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert scene.called.names() == ["IncomingCall", "CallConfirmed", "CallReinvited"]
    scene.network.drop = lambda message, to: False
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.bye(scene.now)
    scene.end()


def test_a_reinvite_that_is_cancelled_leaves_the_call_as_it_was() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    assert scene.out.outgoing is not None
    scene.out.outgoing.cancel((), scene.now)
    scene.step(2 * STEP)
    assert last(scene.caller, ReinviteRejected).status == 487
    scene.come.answer_reinvite(ANSWER_SDP, scene.now)
    assert scene.come.state is scene.out.state is CallState.CONFIRMED
    scene.out.bye(scene.now)
    scene.end()


def test_a_reinvite_to_a_peer_that_has_forgotten_the_call_ends_it() -> None:
    scene = stage()
    scene.set_up()
    scene.called.endpoint = scene.called.start()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step(2 * STEP)
    assert scene.caller.names()[-2:] == ["ReinviteRejected", "CallEnded"]
    assert last(scene.caller, ReinviteRejected).status == 481
    scene.end()


def test_a_reinvite_that_is_heard_but_never_answered_ends_the_call_after_a_minute() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step(59 * SECOND)
    assert not scene.caller.told(ReinviteRejected)
    scene.step(2 * SECOND)
    assert last(scene.caller, ReinviteRejected).status == 408
    assert last(scene.called, CallEnded).by_remote
    scene.end()


def test_a_reinvite_whose_peer_answers_only_the_bye_leaves_nothing() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    scene.network.drop = lambda message, to: isinstance(message, Response) and message.status == 487
    scene.out.bye(scene.now)
    scene.step()
    assert last(scene.called, CallEnded).by_remote
    scene.end()


def test_a_bye_while_a_reinvite_is_open_refuses_the_reinvite_with_the_call() -> None:
    scene = stage()
    scene.set_up()
    scene.out.reinvite(OTHER_SDP, scene.now)
    scene.step()
    scene.come.bye(scene.now)
    scene.step()
    assert scene.network.sent("SIP/2.0 487") == 1
    assert last(scene.caller, CallEnded).by_remote
    scene.end()


@pytest.mark.parametrize("moment", range(0, 120, 10))
@pytest.mark.parametrize("who", ["caller", "called", "both"])
def test_a_call_that_is_given_up_at_any_moment_leaves_nothing_and_ends_once(
    who: str, moment: int
) -> None:
    """INVITE at 0, ring at 30, answer at 60, re-INVITE at 90 ms; then one side or both let go."""
    scene = stage(jitter=4 * MILLISECOND, seed=moment)
    scene.invite()
    start = scene.now

    def at(span: int) -> None:
        scene.network.run_until(start + span * MILLISECOND)

    acts = [(30, "ring"), (60, "answer"), (90, "reinvite"), (moment, "let go")]
    for when, act in sorted(acts, key=lambda item: item[0]):
        at(when)
        come = scene.come if scene.called.events else None
        if act == "ring" and come:
            come.ringing(scene.now)
        elif act == "answer" and come:
            come.answer(ANSWER_SDP, scene.now)
        elif act == "reinvite":
            scene.out.reinvite(OTHER_SDP, scene.now)
        elif act == "let go":
            if who != "called":
                scene.out.bye(scene.now)
            if who != "caller" and come:
                come.bye(scene.now)
    scene.step(40 * SECOND)
    scene.out.bye(scene.now)
    scene.end()
    ends = (CallEnded, CallRejected, CallCancelled)
    assert len(scene.caller.told(*ends)) == 1
    assert len(scene.called.told(*ends)) <= 1
