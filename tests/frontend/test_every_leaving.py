"""A caller leaves, in every state of her call, in every way, a little sooner or later.

Whatever she does: her contact ends exactly once, her agent is free within 100 ms (with the queue's
wrap-up of none), no phone rings for nobody, and nothing is left. Twelve states, five ways, a hundred
and more moments each; `CASES` takes a slice of them, `SOAK_LEAVINGS=10000` all of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.commands import (
    CallAct,
    CallActRequested,
    ConsultRequested,
    Presence,
    TransferRequested,
)
from callcenter.domain.units import MILLISECOND, AgentId, QueueId
from callcenter.frontend.turn import FlowClosed
from callcenter.sip.flow import Flow
from tests.frontend.world import SERVER, WALL, Phone, World

CASES = int(os.environ.get("SOAK_LEAVINGS", "240"))
FREE_WITHIN = 100 * MILLISECOND
NOTICED_WITHIN_SECONDS = 60
"""Of somebody who vanishes: her silence must be heard first."""


def arriving(world: World, caller: Phone) -> None:
    """The media engine has not answered yet: 100 is all she has."""
    world.media.silent = True
    caller.dial("+15550100")


def in_a_prompt(world: World, caller: Phone) -> None:
    caller.dial("+15550100")


def at_a_question(world: World, caller: Phone) -> None:
    caller.dial("+15550100")
    world.said(caller)


def queued(world: World, caller: Phone) -> None:
    world.command(world.presence("ana", Presence.NOT_READY))
    at_a_question(world, caller)
    caller.press("1")


def ringing(world: World, caller: Phone) -> None:
    at_a_question(world, caller)
    caller.press("1")


def being_offered(world: World, caller: Phone) -> None:
    """The engine has no leg for her agent yet."""
    at_a_question(world, caller)
    world.media.silent = True
    caller.press("1")


def talking(world: World, caller: Phone) -> None:
    ringing(world, caller)
    world.agents["ana"].answer()


def held_by_her_agent(world: World, caller: Phone) -> None:
    talking(world, caller)
    world.agents["ana"].hold()


def holding(world: World, caller: Phone) -> None:
    talking(world, caller)
    caller.hold()


def handed_on(world: World, caller: Phone) -> None:
    talking(world, caller)
    segment = world.last(e.SegmentStarted)
    world.command(
        TransferRequested(contact=segment.contact, agent=segment.agent, queue=QueueId("help"))
    )


def asked_about(world: World, caller: Phone) -> None:
    talking(world, caller)
    world.make_ready("ben")
    part = world.last(e.SegmentStarted)
    world.command(ConsultRequested(contact=part.contact, agent=part.agent, to=AgentId("ben")))
    world.agents["ben"].answer()


def in_a_conference(world: World, caller: Phone) -> None:
    asked_about(world, caller)
    part = world.kinds(e.SegmentStarted)[0]
    world.command(CallActRequested(contact=part.contact, agent=part.agent, act=CallAct.CONFERENCE))


STATES = (
    arriving, in_a_prompt, at_a_question, queued, being_offered, ringing, talking,
    held_by_her_agent, holding, handed_on, asked_about, in_a_conference,
)  # fmt: skip


def cancel_or_bye(world: World, caller: Phone) -> None:
    """CANCEL before an answer; afterwards it means nothing and her BYE follows."""
    assert caller.call
    caller.call.cancel(world.now)
    caller.call.bye(world.now)


def bye(world: World, caller: Phone) -> None:
    assert caller.call
    caller.call.bye(world.now)


def reinvite_then_bye(world: World, caller: Phone) -> None:
    assert caller.call
    caller.call.reinvite(caller.sdp("sendonly"), world.now)
    world._collect()
    caller.call.bye(world.now)


def vanish(world: World, caller: Phone) -> None:
    caller.is_dead = True


def reset(world: World, caller: Phone) -> None:
    """Her connection is gone, and she with it."""
    caller.is_dead = True
    world.feed(FlowClosed(Flow("tcp", SERVER, caller.flow.local)))


WAYS = (cancel_or_bye, bye, reinvite_then_bye, vanish, reset)


def a_world() -> World:
    world = World("ana", "ben", "cat", wrap_up_seconds=0, ring_seconds=20)
    (sales,) = world.center.queues
    world.configure(sales, replace(sales, id=QueueId("help"), title="Help"))
    for name in ("ben", "cat"):
        world.command(world.presence(name, Presence.NOT_READY))
    return world


def notices(world: World, caller: Phone) -> None:
    """The media engine tells of a silent phone, as often as it does; then all is let run."""
    world.media.silent = False
    world.media_answers_at_last()
    for _ in range(NOTICED_WITHIN_SECONDS // 10):
        world.wait(10)
        if world.has_story(caller):
            world.goes_silent(caller, 5)


def case(number: int) -> None:
    dice = random.Random(number)
    arrange: Callable[[World, Phone], None] = STATES[number % len(STATES)]
    leave = WAYS[number // len(STATES) % len(WAYS)]
    world = a_world()
    caller = world.phone("caller")
    arrange(world, caller)
    world.wait(dice.randrange(0, 50) / 1000)
    at = world.now
    leave(world, caller)
    world.run()
    world.media.silent = False
    world.media_answers_at_last()
    gone = leave in (vanish, reset)
    if gone:
        notices(world, caller)
    world.wait(1)
    arrived = [v.contact for v in world.kinds(e.ContactArrived)]
    ended = [v.contact for v in world.kinds(e.ContactEnded)]
    assert sorted(ended) == sorted(arrived), f"{arrange.__name__}, {leave.__name__}: {ended}"
    assert len(ended) <= 1
    freed = world.kinds(e.SegmentEnded, e.OfferRescinded, e.ConsultUnanswered)
    assert gone or all(v.at - WALL - at <= FREE_WITHIN for v in freed)
    for phone in world.agents.values():
        live = phone.call is not None and phone.call in phone.endpoint.calls
        assert not live, f"{phone.name} has a ghost: {arrange.__name__}, {leave.__name__}"
    assert world.faults == []
    assert world.leaks() == []


@pytest.mark.parametrize("first", range(0, CASES, 60))
def test_however_a_caller_leaves_it_is_one_end_and_nobody_is_kept(first: int) -> None:
    for number in range(first, min(first + 60, CASES)):
        case(number)
