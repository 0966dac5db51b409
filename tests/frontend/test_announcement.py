"""An emergency announcement is heard before the music, by everybody who comes from then on; a queue
that was closed by hand is closed for callers too."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Plan, PlanStep
from callcenter.domain.commands import (
    AnnouncementRequested,
    QueueCloseRequested,
    QueueOpenRequested,
)
from callcenter.domain.termination import Reason
from callcenter.domain.units import QueueId
from callcenter.ivr.flow import load_flow
from tests.frontend.world import FLOW, Phone, World, configured

SALES = QueueId("sales")
HOLIDAY = Calendar(name="holiday", holidays=frozenset({"2026-05-28"}))
"""Closed on the day of these stories."""


def announce(world: World, name: str, queue: QueueId = SALES) -> None:
    world.command(AnnouncementRequested(queue=queue, announcement=name, by="sue"))


def waiting(world: World, name: str = "caller") -> Phone:
    caller = world.phone(name)
    caller.dial("+15550100")
    caller.press("1")
    return caller


def announcing(*agents: str, name: str = "storm") -> tuple[World, Phone]:
    """A caller who came while the announcement was in force."""
    world = World(*agents)
    announce(world, name)
    return world, waiting(world)


def plays(world: World, caller: Phone) -> str:
    """The file that she hears, with its folder."""
    return str(world.media.legs[world.leg_of(caller)]["plays"]).removeprefix("/audio/")


def with_flow(world: World, text: str) -> None:
    flow = load_flow(text, "main-line.yaml")
    flows = {"main-line": flow}
    world.feed(configured(world.center)._replace(flows=flows, revisions={flow.revision: flow}))


def test_it_is_heard_before_the_music() -> None:
    world, caller = announcing()
    assert plays(world, caller) == "main-line/en/storm.au"
    world.said(caller)
    assert world.hears(caller) == "default"


def test_one_that_belongs_to_no_flow_is_found_beside_the_flows() -> None:
    world, caller = announcing(name="fire")
    assert plays(world, caller) == "announcements/en/fire.au"


@pytest.mark.parametrize(
    ("languages", "sets", "name", "file"),
    [
        ("[en, es]", "es", "storm", "main-line/es/storm.au"),
        ("[en, es]", "es", "fire", "announcements/es/fire.au"),
        ("[en, te]", "te", "storm", "main-line/en/storm.au"),
        ("[en, te]", "te", "fire", "announcements/en/fire.au"),
    ],
)
def test_it_speaks_the_callers_language_or_the_first_one_it_was_recorded_in(
    languages: str, sets: str, name: str, file: str
) -> None:
    world = World()
    text = FLOW.replace("[en]", languages).replace("type: order", f"language: {sets}")
    for prompt in ("Hello.", "How was it?", "Nobody is here."):
        text = text.replace(f"en: {prompt}", f"en: {prompt}, {sets}: {prompt}")
    text = text.replace("looked up press 2.", f"looked up press 2., {sets}: x")
    with_flow(world, text)
    announce(world, name)
    assert plays(world, waiting(world)) == file


def test_those_who_came_before_hear_their_music_and_those_after_it_the_same() -> None:
    world = World()
    early = waiting(world, "early")
    announce(world, "storm")
    assert world.hears(early) == "default"
    late = waiting(world, "late")
    assert world.hears(late) == "storm"
    announce(world, "")
    assert world.hears(late) == "storm", "who has begun to hear it hears it to its end"
    assert world.hears(waiting(world, "last")) == "default"


def test_an_announcement_for_all_queues_is_heard_in_each() -> None:
    world = World()
    announce(world, "fire", QueueId(""))
    assert world.hears(waiting(world)) == "fire"


def test_an_agent_who_answers_interrupts_it() -> None:
    world, caller = announcing("ana")
    assert world.hears(caller) == "storm"
    ana = world.agents["ana"]
    ana.answer()
    assert world.hears(caller) == world.leg_of(ana)
    caller.hang_up()
    assert world.leaks() == []


def test_it_goes_on_while_a_phone_rings_in_vain() -> None:
    world, caller = announcing("ana")
    ana = world.agents["ana"]
    assert ana.call is not None
    ana.call.reject(603, world.now)
    world.run()
    assert world.hears(caller) == "storm"


def test_a_name_that_nobody_recorded_is_counted_and_costs_the_caller_nothing() -> None:
    world, caller = announcing(name="sotrm")
    assert world.last(e.ContactQueued).announcement == "sotrm"
    assert world.hears(caller) == "default"
    assert world.frontend.counts["unknown.announcement"] == 1


def test_an_engine_that_cannot_play_it_goes_on_with_the_music() -> None:
    world = World()
    announce(world, "storm")
    caller = world.phone("caller")
    caller.dial("+15550100")
    world.media.refuses = "play media"
    caller.press("1")
    world.media.refuses = ""
    world.media_answers_at_last()
    caller.press("*")
    assert world.hears(caller) == "topics"


def test_words_of_comfort_wait_until_it_is_over() -> None:
    world = World()
    with_flow(world, FLOW.replace("leave:", "every: 10s, announce: [sorry], leave:"))
    world.media.duration = 15_000
    announce(world, "storm")
    caller = waiting(world)
    world.wait(11)
    assert world.hears(caller) == "storm"
    world.wait(5)
    assert world.hears(caller) == "default"
    world.wait(5)
    assert world.hears(caller) == "sorry"


def test_the_key_that_leaves_the_queue_ends_it() -> None:
    world, caller = announcing()
    caller.press("*")
    assert world.hears(caller) == "topics"
    world.said(caller)
    caller.hang_up()
    assert world.leaks() == []


def test_a_restart_does_not_take_it_from_her() -> None:
    world, caller = announcing()
    world.restart()
    assert world.hears(caller) == "storm"
    world.wait(3)
    assert world.hears(caller) == "default"


def test_who_overflows_is_not_told_again() -> None:
    world = World()
    (sales,) = world.center.queues
    step = PlanStep(after_seconds=5, queue=QueueId("help"))
    world.configure(
        replace(sales, plan=Plan(version="p1", steps=(step,))), replace(sales, id=QueueId("help"))
    )
    announce(world, "fire", QueueId(""))
    caller = waiting(world)
    world.wait(3)
    assert world.hears(caller) == "default"
    world.wait(3)
    assert world.last(e.ContactMoved)
    assert world.hears(caller) == "default"


# ---- a door that somebody closed --------------------------------------------------------------


def test_a_queue_closed_by_hand_leads_by_the_exit_for_closed() -> None:
    world = World("ana")
    world.command(QueueCloseRequested(queue=SALES, by="sue"))
    caller = waiting(world)
    assert world.last(e.QueueRefused).exit is e.QueueExit.CLOSED
    assert world.hears(caller) == "sorry"
    assert "rings" not in world.agents["ana"].story


def test_those_who_wait_stay_when_it_is_closed_and_leave_when_they_are_dismissed() -> None:
    world = World()
    caller = waiting(world)
    world.command(QueueCloseRequested(queue=SALES, by="sue"))
    assert world.hears(caller) == "default"
    world.command(QueueCloseRequested(queue=SALES, dismiss=True, by="sue"))
    assert world.last(e.ContactDequeued).exit is e.QueueExit.CLOSED
    assert world.hears(caller) == "sorry"
    world.said(caller)
    assert world.last(e.ContactEnded).termination.reason is Reason.FLOW_HUNG_UP
    assert world.leaks() == []


def test_a_queue_opened_by_hand_takes_callers_against_its_calendar() -> None:
    world = World()
    world.center = replace(world.center, calendars=(HOLIDAY,))
    world.configure(replace(world.center.queues[0], calendar=HOLIDAY.name))
    assert world.hears(waiting(world, "one")) == "sorry"
    world.command(QueueOpenRequested(queue=SALES, by="sue"))
    assert world.hears(waiting(world, "two")) == "default"
    world.command(QueueOpenRequested(queue=SALES, follow_calendar=True, by="sue"))
    assert world.hears(waiting(world, "three")) == "sorry"
