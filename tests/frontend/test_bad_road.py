"""Whole calls over a bad road: every tenth message is lost, every twentieth comes twice, order is lost.

Each call is set up once and ended on both sides, and there is one contact for each, never two. A
slice of them here; `SOAK_CALLS=1000` plays them all.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from callcenter.domain import events as e
from tests.frontend.world import Phone, World

CALLS = int(os.environ.get("SOAK_CALLS", "100"))
LOST, TWICE, LATE = 0.10, 0.05, 0.10


class BadRoad(World):
    """SIP is carried badly once `dice` are there; everything inside the center is as always."""

    dice: random.Random | None = None

    def _deliver(self, kind: str, what: Any) -> None:
        dice = self.dice
        if dice is None or kind not in ("to phone", "to server"):
            super()._deliver(kind, what)
            return
        if dice.random() < LOST:
            return
        if dice.random() < LATE and self._road:
            self._road.insert(dice.randrange(len(self._road) + 1), (kind, what))
            return
        super()._deliver(kind, what)
        if dice.random() < TWICE:
            super()._deliver(kind, what)


def until(world: World, what: Any, seconds: float = 40) -> bool:
    """Let time go by until it is so."""
    for _ in range(int(seconds * 4)):
        if what():
            return True
        world.wait(0.25)
    return bool(what())


def confirmed(phone: Phone) -> bool:
    return phone.call is not None and phone.call.state.value == "confirmed"


def one_call(world: BadRoad, number: int) -> None:
    caller, ana = world.phone(f"caller{number}"), world.agents["ana"]
    dice, world.dice = world.dice, None
    ana.register()
    world.dice = dice
    caller.dial("+15550100")
    assert until(world, lambda: confirmed(caller) and world.has_story(caller)), caller.story
    story = world.story_of(caller)
    assert until(world, lambda: story.session is not None), "her ACK came"
    caller.press("1")
    assert until(world, lambda: confirmed(ana) and story.talk is not None), (number, ana.story)
    leaves = (caller, ana)[number % 2]
    assert leaves.call
    leaves.call.bye(world.now)
    for phone in (caller, ana):
        assert until(world, lambda one=phone: one.call not in one.endpoint.calls, 80), phone.name
    assert until(world, lambda: not world.control.state.contacts, 80)
    world.wait(40)
    del world.phones[caller.flow.local]


@pytest.mark.parametrize("seed", range(max(1, CALLS // 25)))
def test_over_a_bad_road_every_call_is_one_contact_and_ends_on_both_sides(seed: int) -> None:
    world = BadRoad("ana", ring_seconds=60, wrap_up_seconds=0)
    world.agents["ana"].mood = "answers"
    world.dice = random.Random(seed)
    for number in range(25):
        one_call(world, number)
    arrived = [event.contact for event in world.kinds(e.ContactArrived)]
    ended = [event.contact for event in world.kinds(e.ContactEnded)]
    assert len(arrived) == 25
    assert sorted(arrived) == sorted(ended)
    assert len(world.kinds(e.SegmentEnded)) == 25
    world.dice = None
    assert world.faults == []
    assert world.leaks() == []
