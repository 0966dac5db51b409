"""An agent's phone is all she needs: codes, confirmed by what control answered."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from callcenter.domain import events as e
from callcenter.domain.center import Center
from callcenter.domain.commands import Presence
from callcenter.domain.units import AgentId
from callcenter.frontend.feature import (
    CONFIRMED,
    NO_ANSWER,
    REFUSED,
    STATES,
    UNREACHABLE,
    Code,
    code_of,
)
from callcenter.frontend.turn import EventsSeen
from tests.frontend.world import Phone, World

SYSTEM = Path(__file__).resolve().parents[2] / "ivr_flows/prompts/system"


def presence(world: World, name: str = "ana") -> tuple[Presence, str]:
    agent = world.control.state.agents[name]  # type: ignore[index]
    return agent.presence, agent.reason


@pytest.mark.parametrize(
    ("dialled", "prompt", "expected"),
    [
        ("*11", "ready", (Presence.READY, "")),
        ("*12", "not_ready", (Presence.NOT_READY, "break")),
        ("*122", "not_ready", (Presence.NOT_READY, "lunch")),
        ("*10", "logged_out", (Presence.LOGGED_OUT, "")),
    ],
)
def test_a_code_changes_her_state_and_says_so(
    dialled: str, prompt: str, expected: tuple[Presence, str]
) -> None:
    world = World("ana", ready=dialled != "*11")
    ana = world.agents["ana"]
    ana.dial(dialled)
    assert world.hears(ana) == prompt
    assert presence(world) == expected
    world.wait(1)
    world.said(ana)
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []
    [line] = world.features
    assert (line.agent, line.label, line.fault) == ("ana", "flow_hung_up", "nobody")
    assert line.code == code_of(dialled)[0].name.lower()  # type: ignore[index]
    assert round(line.lived_seconds) == 1


def test_she_ends_her_wrap_up() -> None:
    world = World("ana", wrap_up_seconds=60)
    caller = world.phone("caller")
    caller.dial("+15550100")
    caller.press("1")
    ana = world.agents["ana"]
    ana.answer()
    caller.hang_up()
    assert presence(world)[0] is Presence.WRAP_UP
    ana.call = None
    ana.dial("*13")
    assert world.hears(ana) == "wrap_up_ended"
    assert presence(world)[0] is Presence.READY


def test_a_refused_code_is_said_to_be_refused() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.dial("*13")
    assert world.last(e.CommandAnswered).accepted is False
    assert world.hears(ana) == "not_allowed"


def see(world: World, event: e.Event) -> None:
    """Control committed something about her."""
    world.feed(EventsSeen((event,), world.now))


def everything_heard(world: World, phone: Phone) -> list[str]:
    """All that a phone is told until it is let go."""
    heard = []
    while world.has_story(phone):
        heard.append(world.hears(phone))
        world.said(phone)
    return heard


@pytest.mark.parametrize("state", list(Presence))
def test_she_may_ask_what_state_she_is_in(state: Presence) -> None:
    world = World("ana")
    ana = world.agents["ana"]
    see(world, e.PresenceChanged(at=0, agent=AgentId("ana"), presence=state))
    ana.dial("*14")
    assert everything_heard(world, ana) == [state.value]
    assert ana.story[-1] == "hung up on"


@pytest.mark.parametrize(
    ("reason", "heard"),
    [("lunch", ["not_ready", "reason_lunch"]), ("errand", ["not_ready"])],
    ids=["recorded", "not recorded"],
)
def test_being_not_ready_is_told_with_its_reason(reason: str, heard: list[str]) -> None:
    world = World("ana")
    ana = world.agents["ana"]
    not_ready = Presence.NOT_READY
    see(world, e.PresenceChanged(at=0, agent=AgentId("ana"), presence=not_ready, reason=reason))
    ana.dial("*14")
    assert everything_heard(world, ana) == heard


@pytest.mark.parametrize(
    ("state", "heard"),
    [(Presence.READY, ["ready", "unreachable"]), (Presence.LOGGED_OUT, ["logged_out"])],
)
def test_an_agent_whose_phone_is_not_heard_is_told_so(state: Presence, heard: list[str]) -> None:
    world = World("ana")
    ana = world.agents["ana"]
    see(world, e.PresenceChanged(at=0, agent=AgentId("ana"), presence=state))
    see(world, e.AgentUnreachable(at=0, agent=AgentId("ana")))
    ana.dial("*14")
    assert everything_heard(world, ana) == heard


def test_each_presence_is_told_in_words_of_its_own_in_every_language() -> None:
    assert len(set(STATES.values())) == len(Presence)
    recorded: dict[str, set[str]] = defaultdict(set)
    for path in SYSTEM.glob("*/*.au"):
        recorded[path.parent.name].add(path.stem)
    spoken = {*STATES.values(), *CONFIRMED.values(), UNREACHABLE, REFUSED, NO_ANSWER}
    spoken |= {f"reason_{reason}" for reason in Center().reasons}
    assert {language: spoken - prompts for language, prompts in recorded.items()} == {
        "en": set(), "es": set(), "te": set(),
    }  # fmt: skip


def test_an_invite_without_an_offer_is_answered_with_ours() -> None:
    world = World("ana", ready=False)
    ana = world.agents["ana"]
    ana.dial("*11", sdp=None)
    assert ana.call is not None
    assert ana.story[-1] == "answered"
    assert presence(world)[0] is Presence.LOGGED_OUT, "asked before she could hear the answer"
    ana.call.acknowledge(ana.sdp(), world.now)
    world.run()
    assert world.hears(ana) == "ready"
    assert presence(world)[0] is Presence.READY
    world.said(ana)
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


def test_an_answer_to_our_offer_that_nobody_can_hear_ends_the_call() -> None:
    world = World("ana", ready=False)
    ana = world.agents["ana"]
    ana.dial("*11", sdp=None)
    assert ana.call is not None
    ana.call.acknowledge(ana.sdp().replace(b"RTP/AVP 0 8", b"RTP/AVP 9 18"), world.now)
    world.run()
    assert ana.story[-1] == "hung up on"
    assert presence(world)[0] is Presence.LOGGED_OUT
    assert world.leaks() == []


@pytest.mark.parametrize("dialled", ["*99", "*119", "*100", "*131", "*140", "*1", "*"])
def test_an_unknown_code_does_not_exist(dialled: str) -> None:
    world = World("ana")
    ana = world.agents["ana"]
    before = presence(world)
    ana.dial(dialled)
    assert ana.story[-1] == "rejected 404"
    assert world.frontend.counts["refused.no_such_number"] == 1
    assert presence(world) == before


def test_a_stranger_may_not_dial_a_code() -> None:
    world = World("ana")
    caller = world.phone("caller")
    caller.dial("*11")
    assert caller.story == ["rejected 401"]
    assert world.leaks() == []


def test_control_that_does_not_answer_is_said_to_have_a_problem() -> None:
    world = World("ana")
    world.control_is_up = False
    ana = world.agents["ana"]
    ana.dial("*12")
    world.wait(6)
    assert world.hears(ana) == "technical_problem"
    world.wait(3)
    assert ana.story[-1] == "hung up on"


def test_a_restart_lets_her_go() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.dial("*11")
    world.restart()
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []
    assert "Owner lost" in ana.reason
    [line] = world.features
    assert (line.agent, line.code, line.label) == ("ana", "ready", "owner_lost")


def test_codes_are_told_from_what_follows_them() -> None:
    assert code_of("*11") == (Code.READY, "")
    assert code_of("*123") == (Code.NOT_READY, "3")
    assert code_of("*7") is None
    assert [code_of(code.value + "9") for code in Code if code is not Code.NOT_READY] == [None] * 4
