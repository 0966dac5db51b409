"""An agent's phone is all she needs: codes, confirmed by what control answered."""

from __future__ import annotations

import pytest

from callcenter.domain import events as e
from callcenter.domain.commands import Presence
from callcenter.frontend.feature import Code, code_of
from tests.frontend.world import World


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
    world.said(ana)
    assert ana.story[-1] == "hung up on"
    assert world.leaks() == []


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


def test_she_may_ask_what_state_she_is_in() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.dial("*14")
    assert world.hears(ana) == "ready"


def test_an_unknown_code_does_not_exist() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.dial("*99")
    assert ana.story[-1] == "rejected 404"


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


def test_codes_are_told_from_what_follows_them() -> None:
    assert code_of("*11") == (Code.READY, "")
    assert code_of("*123") == (Code.NOT_READY, "3")
    assert code_of("*7") is None
