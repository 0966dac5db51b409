"""Provisional answers that must arrive (RFC 3262), from both ends."""

from __future__ import annotations

import pytest

from callcenter.domain.units import SECOND
from callcenter.sip.call_states import CallState
from callcenter.sip.endpoint import CallAnswered, CallCancelled, CallProgress, CallRejected
from callcenter.sip.message import Request, Response
from tests.sip.network import ANSWER_SDP, CALLED, CALLER
from tests.sip.stage import STEP, Stage, last, stage

REQUIRED = (("Require", "100rel"),)


def ringing(**weather: float | str) -> Stage:
    """A caller who requires it, and a phone that rings."""
    scene = stage(**weather)
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.come.ringing(scene.now)
    scene.step()
    return scene


def seen(scene: Stage, line: str) -> int:
    return sum(text.startswith(line) for _, text, _ in scene.network.log)


def test_it_is_acknowledged_once_and_told_once() -> None:
    scene = ringing()
    assert seen(scene, "PRACK") == 1
    assert seen(scene, "SIP/2.0 180") == 1
    assert len(scene.caller.told(CallProgress)) == 1
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    assert scene.out.state is scene.come.state is CallState.CONFIRMED


def test_a_count_that_a_prack_began_goes_on_in_the_call() -> None:
    scene = ringing()
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step()
    scene.out.bye(scene.now)
    scene.step()
    assert scene.come.state is CallState.ENDED, "a BYE with an old number would be refused"
    scene.end()


def test_it_is_repeated_until_it_is_acknowledged() -> None:
    scene = stage()
    lost = 3

    def lose(message: Request | Response, _to: object) -> bool:
        nonlocal lost
        if isinstance(message, Response) and message.status == 180 and lost:
            lost -= 1
            return True
        return False

    scene.network.drop = lose
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.come.ringing(scene.now)
    scene.step(5 * SECOND)
    assert seen(scene, "SIP/2.0 180") == 4
    assert len(scene.caller.told(CallProgress)) == 1
    scene.step(10 * SECOND)
    assert seen(scene, "SIP/2.0 180") == 4, "and no more"


def test_a_repetition_whose_prack_was_lost_is_absorbed() -> None:
    scene = stage(doubling=1.0)
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.come.ringing(scene.now)
    scene.step(3 * SECOND)
    assert len(scene.caller.told(CallProgress)) == 1
    assert seen(scene, "SIP/2.0 481") == 0


def test_one_that_is_never_acknowledged_ends_the_call_by_name() -> None:
    scene = stage()
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.network.drop = lambda message, to: message.start_line().startswith("PRACK")
    scene.come.ringing(scene.now)
    scene.step(33 * SECOND)
    assert last(scene.caller, CallRejected).status == 504
    assert scene.called.told(CallCancelled)
    scene.end()


def test_the_next_waits_for_the_last_and_they_are_numbered() -> None:
    scene = ringing()
    scene.come.ringing(scene.now, ANSWER_SDP)
    scene.come.ringing(scene.now)
    scene.step()
    assert [getattr(event, "status", 0) for event in scene.caller.told(CallProgress)] == [
        180,
        183,
        180,
    ]
    assert seen(scene, "PRACK") == 3


def test_an_answer_stops_the_repetition() -> None:
    scene = stage()
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.network.drop = lambda message, to: message.start_line().startswith("PRACK")
    scene.come.ringing(scene.now)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step(5 * SECOND)
    assert seen(scene, "SIP/2.0 180") == 1
    assert scene.caller.told(CallAnswered)


def test_a_prack_of_nothing_is_refused() -> None:
    scene = stage()
    scene.set_up()
    scene.out.send_request("PRACK", scene.now, (("RAck", "7 1 INVITE"),))
    scene.step()
    assert seen(scene, "SIP/2.0 481") == 1


def test_nobody_is_made_to_acknowledge_who_did_not_require_it() -> None:
    scene = stage()
    scene.set_up()
    assert seen(scene, "PRACK") == 0


@pytest.mark.parametrize("seed", range(8))
def test_over_a_bad_road_it_is_one_call(seed: int) -> None:
    scene = stage(loss=0.2, doubling=0.2, seed=seed)
    scene.invite(headers=REQUIRED)
    scene.step(8 * SECOND)
    scene.come.ringing(scene.now)
    scene.step(8 * SECOND)
    scene.come.answer(ANSWER_SDP, scene.now)
    scene.step(10 * SECOND)
    assert scene.come.state is scene.out.state is CallState.CONFIRMED
    assert len(scene.caller.told(CallAnswered)) == 1
    scene.out.bye(scene.now)
    scene.end()


def test_each_phone_that_rings_is_acknowledged_in_its_own_dialog() -> None:
    scene = stage()
    scene.invite(headers=REQUIRED)
    scene.step()
    scene.come.ringing(scene.now)
    forked: list[bytes] = []

    def fork(message: Request | Response, to: object) -> bool:
        if isinstance(message, Response) and message.status == 180 and not forked:
            message.headers.set("To", f"{message.headers.get('To')}x")
            message.headers.set("Contact", "<sip:other@192.0.2.9>")
            forked.append(message.encode())
        return False

    scene.network.drop = fork
    scene.step(STEP)
    scene.caller.events += scene.caller.endpoint.receive(
        forked[0], scene.network.flow(CALLER, CALLED), scene.now
    )
    sent = [data for _, data in scene.caller.endpoint.take_outgoing()]
    assert [data.split(b" ")[:2] for data in sent] == [[b"PRACK", b"sip:other@192.0.2.9"]]
