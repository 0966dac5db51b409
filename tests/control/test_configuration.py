"""A configuration is taken whole or not at all, and disturbs nobody."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from callcenter.control.configuration import problems_of
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Calendar, Center, Channel, Number, Period
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import AgentId
from tests.control.house import House, agent, center, one, only, queue


def test_a_good_center_is_taken_and_answered() -> None:
    house = House()
    said = house.configure(center(agent("ann", english=3)))
    changed = one(said, e.ConfigurationChanged)
    assert (changed.version, changed.by) == ("1", "test")
    assert one(said, e.CommandAnswered).accepted
    assert house.control.state.version == "1"


@dataclass(frozen=True)
class Wrong:
    center: Center
    words: str


WRONG = [
    Wrong(center(queues=(queue(skills={"dutch": 1}),)), "queue sales: skill 'dutch' is not known"),
    Wrong(center(agent("ann", dutch=1)), "agent ann: skill 'dutch' is not known"),
    Wrong(center(agent("ann", english=11)), "agent ann: skill 'english': proficiency 11"),
    Wrong(center(queues=(queue(), queue())), "queue sales: is there 2 times"),
    Wrong(center(agent("ann"), agent("ann")), "agent ann: is there 2 times"),
    Wrong(center(skills=("a", "a")), "skill a: is there 2 times"),
    Wrong(center(queues=(queue(""),)), "queue: a name is empty"),
    Wrong(center(queues=(queue(calendar="office"),)), "calendar 'office' is not known"),
    Wrong(center(queues=(queue(timezone="Mars/Olympus"),)), "time zone 'Mars/Olympus'"),
    Wrong(center(queues=(queue(timezone="../../etc"),)), "time zone '../../etc'"),
    Wrong(center(queues=(queue(priority=11),)), "priority 11 is not within 0 to 10"),
    Wrong(center(queues=(queue(ring_seconds=0),)), "ring_seconds 0 is not within 1 to 300"),
    Wrong(center(queues=(queue(waiting_max=0),)), "waiting_max 0"),
    Wrong(center(queues=(queue(dispositions=("a", "a")),)), "disposition a: is there 2 times"),
    Wrong(Center(reasons=("rona",)), "reason 'rona': is empty or used by the system"),
    Wrong(Center(timezone="Nowhere"), "center: time zone 'Nowhere'"),
    Wrong(
        Center(agents=(Agent(id=AgentId("ann"), name="Ann", capacity={Channel.CHAT: -1}),)),
        "agent ann: capacity for chat: -1 is negative",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=7, opens=0, closes=9),)),)),
        "calendar k: weekday 7",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=1, opens=9, closes=9),)),)),
        "calendar k: a period opens and closes at minute 9",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", periods=(Period(weekday=1, opens=1440, closes=9),)),)),
        "calendar k: 1440 to 9 are not minutes of one day",
    ),
    Wrong(
        Center(calendars=(Calendar(name="k", holidays=frozenset({"2026-02-30"})),)),
        "calendar k: holiday '2026-02-30' is no date",
    ),
    Wrong(
        Center(numbers=(Number(number="1", flow="a"), Number(number="1", flow="b"))),
        "number 1: is there 2 times",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.words)
def test_a_wrong_center_is_refused_in_words_and_the_good_one_stays(wrong: Wrong) -> None:
    house = House().open(center(agent("ann")))
    said = house.configure(wrong.center, "2")
    answer = one(said, e.CommandAnswered)
    assert len(said) == 1
    assert not answer.accepted
    assert wrong.words in answer.reason
    assert house.control.state.version == "1"


def test_many_problems_are_counted_but_not_all_told() -> None:
    wrong = center(*(agent(f"a{n}", dutch=1) for n in range(9)))
    assert len(problems_of(wrong)) == 9
    answer = one(House().configure(wrong), e.CommandAnswered)
    assert answer.reason.endswith("and 4 more")


def test_people_keep_what_they_are_doing() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(agent("ann", english=9), agent("ben")), "2")
    assert house.agent("ann").presence is Presence.TALKING
    assert house.agent("ben").presence is Presence.READY


def test_a_new_skill_is_offered_what_waited_for_it() -> None:
    need = (queue(skills={"english": 5}),)
    house = House().open(center(agent("ann", english=1), queues=need))
    house.call("c1")
    assert house.rung("c1") == ""
    house.configure(center(agent("ann", english=5), queues=need), "2")
    assert house.rung("c1") == "ann"


def test_a_removed_idle_agent_is_logged_out_and_forgotten() -> None:
    house = House().open(center(agent("ann")))
    said = house.configure(center(), "2")
    changed = one(said, e.PresenceChanged)
    assert (changed.presence, changed.reason) == (Presence.LOGGED_OUT, "removed")
    assert house.control.state.agents == {}


def test_a_removed_agent_finishes_her_call() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(), "2")
    assert house.agent("ann").presence is Presence.TALKING
    house.hang_up("c1")
    house.wait(30)
    assert house.control.state.agents == {}


def test_a_removed_agent_may_come_back_while_she_talks() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.configure(center(), "2")
    house.configure(center(agent("ann")), "3")
    house.presence("ann", Presence.READY)
    house.hang_up("c1")
    house.wait(30)
    assert house.agent("ann").presence is Presence.READY


def test_a_removed_queue_keeps_its_callers_until_they_leave() -> None:
    sales = queue("sales", ring_seconds=7, wrap_up_seconds=9)
    house = House().open(center(agent("ann"), queues=(sales,)), ready=False)
    house.call("c1")
    house.configure(center(agent("ann"), queues=(queue("other"),)), "2")
    assert one(house.call("c2"), e.QueueRefused).exit is e.QueueExit.CLOSED
    said = house.presence("ann", Presence.READY)
    assert one(said, e.OfferMade).ring_seconds == 7
    house.accept("c1")
    assert only(house.hang_up("c1"), e.WrapUpStarted)
    assert only(house.wait(9), e.WrapUpEnded)


def test_a_removed_queue_is_forgotten_when_nobody_needs_it() -> None:
    house = House().open(center(queues=(queue("sales"),)))
    house.call("c1")
    house.configure(center(queues=(queue("other"),)), "2")
    assert list(house.control.state.retired_queues) == ["sales"]
    house.hang_up("c1")
    house.configure(center(queues=(queue("other"),)), "3")
    assert house.control.state.retired_queues == {}


def test_a_contact_that_has_rested_is_offered_in_the_same_moment_to_who_learned_its_skill() -> None:
    need = (queue(skills={"english": 5}),)
    house = House().open(center(agent("ann", english=5), agent("ben"), queues=need))
    house.call("c1")
    house.report("c1", OfferOutcome.FAILED)
    house.presence("ann", Presence.LOGGED_OUT)
    house.wait(3)
    said = house.configure(center(agent("ben", english=5), queues=need), "2")
    assert one(said, e.OfferMade).agent == "ben"
