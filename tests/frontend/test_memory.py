"""The process dies at every step of a call, and the call goes on where it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import FrontendReported
from callcenter.domain.termination import Reason
from callcenter.frontend.turn import MediaHolds
from tests.frontend.world import Phone, World

Step = Callable[[World], None]


def caller_of(world: World) -> Phone:
    return next(phone for phone in world.phones.values() if phone.name == "caller")


def dials(world: World) -> None:
    world.phone("caller").dial("+15550100")


def presses(world: World) -> None:
    caller_of(world).press("3")


def agent_answers(world: World) -> None:
    world.agents["ana"].answer()


def holds(world: World) -> None:
    world.agents["ana"].hold("sendonly")


def resumes(world: World) -> None:
    world.agents["ana"].hold("sendrecv")


def agent_hangs_up(world: World) -> None:
    world.agents["ana"].hang_up()


def hears_the_end(world: World) -> None:
    world.said(caller_of(world))


STORY: tuple[Step, ...] = (
    dials,
    presses,
    agent_answers,
    holds,
    resumes,
    agent_hangs_up,
    hears_the_end,
)


def kinds(world: World) -> list[str]:
    """What happened, without what a restart adds."""
    added = (e.FrontendStarted, e.AgentReachable, e.CommandAnswered, e.ConfigurationChanged)
    return [type(event).__name__ for event in world.events if not isinstance(event, added)]


@pytest.mark.parametrize("died_after", range(len(STORY)))
def test_the_story_is_the_same_wherever_the_process_died(died_after: int) -> None:
    undisturbed, disturbed = World("ana"), World("ana")
    for number, step in enumerate(STORY):
        step(undisturbed)
        step(disturbed)
        if number == died_after:
            disturbed.restart()
    assert kinds(disturbed) == kinds(undisturbed)
    assert disturbed.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert disturbed.leaks() == []


def test_the_story_survives_a_death_after_every_step() -> None:
    world = World("ana")
    for step in STORY:
        step(world)
        world.restart()
        world.restart()
    assert world.last(e.ContactEnded).termination.reason is Reason.AGENT_HUNG_UP
    assert world.leaks() == []


def test_a_restarted_front_end_first_names_what_it_holds() -> None:
    world = World("ana")
    dials(world)
    presses(world)
    sent = len(world.commands)
    world.restart()
    first = world.commands[sent]
    assert isinstance(first, FrontendReported)
    assert first.epoch == 2
    assert first.contacts == (world.last(e.ContactArrived).contact,)
    assert first.offers == (world.last(e.OfferMade).offer,)
    assert first.agents == ("ana",)


def test_a_waiting_caller_keeps_her_place_and_her_music() -> None:
    world = World()
    dials(world)
    presses(world)
    queued = world.last(e.ContactQueued)
    world.wait(10)
    world.restart()
    assert world.hears(caller_of(world)) == "default"
    assert world.last(e.ContactQueued) is queued
    assert world.kinds(e.ContactEnded) == []


def test_a_caller_may_hang_up_right_after_a_restart() -> None:
    world = World("ana")
    dials(world)
    presses(world)
    agent_answers(world)
    world.restart()
    caller_of(world).hang_up()
    assert world.agents["ana"].story[-1] == "hung up on"
    assert world.last(e.ContactEnded).termination.reason is Reason.CALLER_HUNG_UP
    assert world.leaks() == []


def test_the_ring_time_goes_on_over_a_restart() -> None:
    world = World("ana", ring_seconds=20)
    dials(world)
    presses(world)
    world.wait(15)
    world.restart()
    world.wait(6)
    assert world.last(e.OfferExpired).agent == "ana"
    assert world.agents["ana"].story[-1] == "cancelled"


def test_a_caller_who_leaves_while_it_rings_after_a_restart_stops_the_ringing() -> None:
    world = World("ana")
    dials(world)
    presses(world)
    world.restart()
    caller_of(world).hang_up()
    assert world.agents["ana"].story[-1] == "cancelled"
    assert world.leaks() == []


def test_a_prompt_whose_end_was_missed_is_over_by_the_clock() -> None:
    world = World()
    dials(world)
    world.restart()
    world.wait(3)
    assert world.hears(caller_of(world)) == "topics"


def test_a_call_that_was_never_answered_leaves_nothing_behind() -> None:
    world = World()
    world.media.silent = True
    dials(world)
    assert [key.partition(":")[0] for key in world.records] == ["arriving"]
    caller = world.phones[("192.0.2.10", 5060)]
    assert caller.call
    caller.call.cancel(world.now)
    world.run()
    assert not world.records


def test_registrations_are_taken_back() -> None:
    world = World("ana")
    world.restart()
    dials(world)
    presses(world)
    assert world.agents["ana"].story[-1] == "rings"
    assert world.kinds(e.AgentUnreachable) == []


@pytest.mark.parametrize("part", ["", ":caller", ":talk"])
def test_a_record_that_makes_no_sense_costs_one_contact(part: str) -> None:
    world = World("ana")
    dials(world)
    presses(world)
    agent_answers(world)
    contact = world.last(e.ContactArrived).contact
    world.records[f"call:{contact}{part}"] = b"\x93rubbish"
    world.restart()
    assert world.last(e.ContactEnded).termination.reason is Reason.OWNER_LOST
    assert world.frontend.calls == 0
    assert not [key for key in world.records if key.startswith("call")]


def test_an_answer_that_was_not_acknowledged_is_repeated_after_a_restart() -> None:
    world = World()
    caller = world.phone("caller")
    world.mute_after_invite(caller, "+15550100")
    world.restart()
    caller.is_dead = False
    world.wait(5)
    assert world.hears(caller) in ("hello", "topics")


def test_after_a_restart_without_its_flow_a_waiting_caller_still_gets_an_agent() -> None:
    world = World("ana", ready=False)
    dials(world)
    presses(world)
    world.forget_flows = True
    world.restart()
    world.make_ready("ana")
    agent_answers(world)
    assert world.hears(caller_of(world)) == world.leg_of(world.agents["ana"])
    agent_hangs_up(world)
    assert world.last(e.ContactEnded).termination.reason is Reason.FLOW_FAILED


@pytest.mark.parametrize("who", ["caller", "ana"])
def test_a_good_bye_that_never_left_is_said_after_the_restart(who: str) -> None:
    world = World("ana")
    dials(world)
    caller_of(world).press("1")
    agent_answers(world)
    phones = {"caller": caller_of(world), "ana": world.agents["ana"]}
    stays = phones.pop(who)
    leaves = next(iter(phones.values()))
    world.sends_nothing = True
    leaves.hang_up()
    world.sends_nothing = False
    assert stays.story[-1] != "hung up on"
    world.restart()
    assert stays.story[-1] == "hung up on"
    assert stays.reason.startswith("Q.850;cause=16")
    assert world.leaks() == []


def test_a_cancel_that_never_left_is_sent_after_the_restart() -> None:
    world = World("ana")
    dials(world)
    presses(world)
    world.sends_nothing = True
    caller_of(world).hang_up()
    world.sends_nothing = False
    world.restart()
    assert world.agents["ana"].story[-1] == "cancelled"
    assert world.leaks() == []


def test_a_leg_that_nobody_knows_is_let_go_and_others_are_not() -> None:
    world = World("ana")
    dials(world)
    presses(world)
    kept = set(world.media.legs)
    world.media.legs["frontend-0-1-99/c"] = {"phone": 1, "inner": 2, "plays": "", "far": None}
    world.media.legs["frontend-7-1-1/c"] = {"phone": 3, "inner": 4, "plays": "", "far": None}
    world.restart()
    world.feed(MediaHolds(tuple(world.media.legs)))
    assert set(world.media.legs) == {*kept, "frontend-7-1-1/c"}


def test_a_grant_that_did_not_ring_yet_is_not_kept() -> None:
    world = World("ana", ready=False)
    dials(world)
    world.media.silent = True
    presses(world)
    world.make_ready("ana")
    world.media.silent = False
    world.restart()
    assert world.last(e.OfferRescinded).reason == "its owner started again"
    world.wait(3)
    agent_answers(world)
    assert world.last(e.SegmentStarted).agent == "ana"


def dies_after_100(world: World) -> Phone:
    """A caller whom the process told 100 and nothing more, because the media engine was slow."""
    world.media.silent = True
    caller = world.phone("caller")
    caller.dial("+15550100")
    assert caller.story == []  # a 100 is not told, and nothing else came
    world.media.silent = False
    return caller


def test_a_caller_who_was_only_told_100_is_answered_by_the_next_life() -> None:
    world = World("ana")
    caller = dies_after_100(world)
    world.restart()
    assert caller.story == ["answered"]
    caller.press("1")
    agent_answers(world)
    assert world.last(e.SegmentStarted).agent == "ana"
    caller.hang_up()
    world.run()
    assert not [key for key in world.records if key.startswith("arriving:")]
    assert world.leaks() == []


def test_who_gave_up_meanwhile_is_let_go() -> None:
    world = World("ana")
    caller = dies_after_100(world)
    assert caller.call
    caller.is_dead = True
    caller.call.cancel(world.now)
    world.restart()
    world.wait(40)
    assert not [key for key in world.records if key.startswith("arriving:")]
    assert world.frontend.calls == 0


def test_an_invite_that_cannot_be_read_any_more_costs_nobody_else() -> None:
    world = World("ana")
    dies_after_100(world)
    world.records["arriving:frontend-0-1-99"] = b"nonsense"
    world.restart()
    assert len(world.faults) == 1
    assert world.frontend.calls == 1
