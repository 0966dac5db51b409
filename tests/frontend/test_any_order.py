"""People do things in any order, at any moment, and the process may die in between.

Whatever happens: no mistake of ours comes to light, control and front end agree on who is there,
nobody bears what another's answer did to her, and when everybody has hung up nothing is left. In
every other world the queue rings two agents at once, and sends its callers on to another one after
a while. A failure prints the seed that replays it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from callcenter.control.offers import ANOTHER_ANSWERED
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Plan, PlanStep
from callcenter.domain.commands import (
    CallAct,
    CallActRequested,
    ConsultRequested,
    TransferRequested,
)
from callcenter.domain.units import AgentId, QueueId
from callcenter.frontend.call import CallStory
from tests.frontend.world import Phone, World

SEEDS = range(80)
STEPS = 30

Step = Callable[[World, random.Random], None]


def callers(world: World) -> list[Phone]:
    return [p for p in world.phones.values() if p.name.startswith("caller")]


def in_call(phones: list[Phone]) -> list[Phone]:
    return [p for p in phones if p.call is not None and p.call in p.endpoint.calls]


def a_caller_dials(world: World, dice: random.Random) -> None:
    caller = world.phone(f"caller{len(world.phones)}")
    caller.dial(dice.choice(["+15550100", "+15550100", "+15550100", "999"]))


def a_caller_reaches_the_queue(world: World, dice: random.Random) -> None:
    caller = world.phone(f"caller{len(world.phones)}")
    caller.dial("+15550100")
    if world.has_story(caller):
        caller.press(dice.choice("113"))


def a_caller_presses_a_key(world: World, dice: random.Random) -> None:
    for caller in in_call(callers(world))[-1:]:
        if world.has_story(caller):
            caller.press(dice.choice("1123*9"))


def somebody_hangs_up(world: World, dice: random.Random) -> None:
    talking = in_call(list(world.phones.values()))
    if talking:
        dice.choice(talking).hang_up()


def two_hang_up_at_once(world: World, dice: random.Random) -> None:
    talking = in_call(list(world.phones.values()))
    for phone in dice.sample(talking, min(2, len(talking))):
        assert phone.call is not None
        phone.call.bye(world.now)
    world.run()


def an_agent_answers(world: World, dice: random.Random) -> None:
    ringing = [p for p in in_call(list(world.agents.values())) if p.story[-1] == "rings"]
    if ringing:
        dice.choice(ringing).answer()


def two_agents_answer_at_once(world: World, dice: random.Random) -> None:
    for phone in in_call(list(world.agents.values())):
        if phone.story[-1] == "rings":
            assert phone.call is not None
            phone.call.answer(phone.sdp(), world.now)
    world.run()


def an_agent_answers_as_her_caller_leaves(world: World, dice: random.Random) -> None:
    for phone in in_call(callers(world)):
        assert phone.call is not None
        phone.call.bye(world.now)
    an_agent_answers(world, dice)


def an_agent_says_no(world: World, dice: random.Random) -> None:
    ringing = [p for p in in_call(list(world.agents.values())) if p.story[-1] == "rings"]
    for phone in ringing[:1]:
        assert phone.call is not None
        phone.call.reject(dice.choice([486, 603, 480, 500]), world.now)
        world.run()


def an_agent_is_ready_again(world: World, dice: random.Random) -> None:
    world.make_ready(dice.choice(list(world.agents)))


def somebody_holds(world: World, dice: random.Random) -> None:
    answered = [p for p in in_call(list(world.phones.values())) if "confirmed" in str(p.call)]
    if answered:
        dice.choice(answered).hold(dice.choice(["sendonly", "inactive", "sendrecv"]))


def talks(world: World, dice: random.Random) -> e.SegmentStarted | None:
    """One of the parts that run, if any does."""
    running = world.control.state.segments
    found = [one for one in world.kinds(e.SegmentStarted) if one.segment in running]
    return dice.choice(found) if found else None


def an_agent_hands_on(world: World, dice: random.Random) -> None:
    part = talks(world, dice)
    if part is not None:
        to = dice.choice(["", *world.agents])
        queue = QueueId("" if to else dice.choice(["sales", "help", "nowhere"]))
        wish = TransferRequested(
            contact=part.contact, agent=part.agent, to=AgentId(to), queue=queue
        )
        world.command(wish)


def an_agent_refers(world: World, dice: random.Random) -> None:
    for phone in in_call(list(world.agents.values()))[:1]:
        assert phone.call is not None
        to = dice.choice(["sales", "ana", "ben", "nobody"])
        phone.call.send_request("REFER", world.now, (("Refer-To", f"<sip:{to}@callcenter>"),))
        if dice.random() < 0.5:
            phone.call.bye(world.now)
        world.run()


def an_agent_asks(world: World, dice: random.Random) -> None:
    part = talks(world, dice)
    if part is not None:
        to = AgentId(dice.choice(list(world.agents)))
        world.command(ConsultRequested(contact=part.contact, agent=part.agent, to=to))
        if dice.random() < 0.7:
            an_agent_answers(world, dice)


def an_agent_dials_a_colleague(world: World, dice: random.Random) -> None:
    for phone in in_call(list(world.agents.values())):
        if phone.call is not None and "confirmed" in str(phone.call) and world.has_story(phone):
            phone.hold()
            first = phone.call
            phone.dial(dice.choice(list(world.agents)))
            if dice.random() < 0.7:
                an_agent_answers(world, dice)
            if dice.random() < 0.5:
                to = f"{first.call_id}%3Bto-tag%3D{first.remote_tag}%3Bfrom-tag%3D{first.local_tag}"
                wish = (("Refer-To", f"<sip:x@callcenter?Replaces={to}>"),)
                phone.call.send_request("REFER", world.now, wish)
                world.run()
            return


def an_agent_acts(world: World, dice: random.Random) -> None:
    part = talks(world, dice)
    if part is not None:
        act = dice.choice(list(CallAct))
        world.command(CallActRequested(contact=part.contact, agent=part.agent, act=act))


def a_phone_dies(world: World, dice: random.Random) -> None:
    phones = [p for p in in_call(list(world.agents.values())) if world.has_story(p)]
    if phones:
        phone = dice.choice(phones)
        phone.is_dead = True
        world.wait(12)
        if world.has_story(phone):
            world.goes_silent(phone)
        world.wait(6)
        phone.starts_again()
        phone.register()


def a_prompt_ends(world: World, dice: random.Random) -> None:
    for caller in in_call(callers(world)):
        if world.has_story(caller):
            world.said(caller)


def time_goes_by(world: World, dice: random.Random) -> None:
    world.wait(dice.choice([0.1, 1, 5, 12, 25]))


def the_process_dies(world: World, dice: random.Random) -> None:
    world.restart()


def the_process_dies_before_it_keeps(world: World, dice: random.Random) -> None:
    world.keeps_nothing = True
    dice.choice([step for step in HARMLESS if step is not a_prompt_ends])(world, dice)
    world.restart()


def control_is_away_for_a_moment(world: World, dice: random.Random) -> None:
    world.control_is_up = False
    dice.choice(HARMLESS)(world, dice)
    world.control_comes_back()


def the_engine_refuses_for_a_moment(world: World, dice: random.Random) -> None:
    world.media.refuses = dice.choice(["offer", "answer", "play media", "stop media", "join mix"])
    dice.choice(HARMLESS)(world, dice)
    world.media.refuses = ""


HARMLESS: tuple[Step, ...] = (
    a_caller_dials,
    *[a_caller_reaches_the_queue] * 4,
    a_caller_presses_a_key,
    somebody_hangs_up,
    two_hang_up_at_once,
    *[an_agent_answers] * 4,
    two_agents_answer_at_once,
    an_agent_answers_as_her_caller_leaves,
    an_agent_says_no,
    *[an_agent_is_ready_again] * 2,
    *[somebody_holds] * 2,
    *[an_agent_hands_on] * 2,
    an_agent_refers,
    *[an_agent_asks] * 2,
    an_agent_dials_a_colleague,
    *[an_agent_acts] * 3,
    a_prompt_ends,
    *[time_goes_by] * 2,
)
ALL: tuple[Step, ...] = (
    *HARMLESS,
    the_process_dies,
    *[the_process_dies_before_it_keeps] * 2,
    control_is_away_for_a_moment,
    the_engine_refuses_for_a_moment,
    a_phone_dies,
)


def agree(world: World) -> None:
    """Control and the front end know the same contacts and the same conversations."""
    held = {s.id: s for s in world.frontend.hands.stories.values() if isinstance(s, CallStory)}
    known = world.control.state.contacts
    assert {name for name, story in held.items() if story.is_reported} == set(known)
    stories = held.values()
    ringing = {o for s in stories for o in (*s.ringing.offers, *s.consult.offers())}
    assert ringing == set(world.control.state.offers)
    talking = {s.talk.record.segment for s in stories if s.talk and s.talk.record.bridged}
    asked = [s.consult.colleague for s in stories]
    talking |= {one.record.segment for one in asked if one and one.record.bridged}
    assert talking == set(world.control.state.segments)


def a_world(*, rings_all: bool) -> World:
    if not rings_all:
        return World("ana", "ben", ring_seconds=15, wrap_up_seconds=5)
    world = World(
        "ana", "ben", "cat", ring_seconds=15, wrap_up_seconds=5, ring_width=2,
        agent_choice=AgentChoice.RING_ALL,
    )  # fmt: skip
    (sales,) = world.center.queues
    overflow = Plan(version="p1", steps=(PlanStep(after_seconds=20, queue=QueueId("help")),))
    world.configure(replace(sales, plan=overflow), replace(sales, id=QueueId("help")))
    return world


def beaten_bear_nothing(world: World) -> None:
    """An offer that ended by another's answer is not told as anything else too."""
    over = e.OfferExpired, e.OfferDeclined, e.OfferAccepted
    beaten = [v.offer for v in world.kinds(e.OfferRescinded) if v.reason == ANOTHER_ANSWERED]
    ended = [event.offer for event in world.kinds(*over)]
    assert set(beaten).isdisjoint(ended)
    assert len(set(ended)) == len(ended)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_people_do_nothing_is_left_behind(seed: int) -> None:
    dice = random.Random(seed)
    world = a_world(rings_all=seed % 2 == 1)
    for _ in range(STEPS):
        dice.choice(ALL)(world, dice)
        assert world.faults == []
        agree(world)
    world.restart()
    for phone in in_call(callers(world)):
        phone.hang_up()
    assert world.leaks() == []
    assert in_call(list(world.phones.values())) == [], "no phone rings or waits for nobody"
    arrived = {event.contact for event in world.kinds(e.ContactArrived)}
    ended = [event.contact for event in world.kinds(e.ContactEnded)]
    assert sorted(ended) == sorted(arrived), "every contact ends once"
    beaten_bear_nothing(world)
    assert world.faults == []
