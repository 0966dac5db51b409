"""Rings widen, contacts overflow, and keep their place whatever happens."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.control.state import Stage
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Channel, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import SECOND, AgentId, QueueId
from tests.control.house import House, agent, center, member, one, only, queue

SALES = QueueId("sales")
ANN, BEN = AgentId("ann"), AgentId("ben")


def plan(*steps: PlanStep, sticky_seconds: int = 0) -> Plan:
    return Plan(version="p1", steps=steps, sticky_seconds=sticky_seconds)


def step(after_seconds: int, **changes: object) -> PlanStep:
    return PlanStep(after_seconds=after_seconds, **changes)  # type: ignore[arg-type]


def test_a_skill_is_needed_less_after_a_while_and_then_no_more() -> None:
    steps = plan(step(10, lower={"english": 2}), step(20, drop=("english",)))
    sales = queue(skills={"english": 5}, plan=steps)
    house = House().open(center(agent("ann", english=1), agent("ben", english=2), queues=(sales,)))
    house.presence("ben", Presence.NOT_READY, "lunch")
    house.call("c1")
    said = house.wait(10)
    widened = one(said, e.RingWidened)
    assert (widened.skills, widened.after_seconds, widened.plan) == ({"english": 2}, 10, "p1")
    assert house.rung("c1") == ""
    house.wait(9.9)
    assert house.rung("c1") == ""
    house.wait(0.1)
    assert house.rung("c1") == "ann"


def test_a_wider_ring_is_looked_through_at_once() -> None:
    sales = queue(skills={"english": 5}, plan=plan(step(10, lower={"english": 2})))
    house = House().open(center(agent("ben", english=2), queues=(sales,)))
    house.call("c1")
    said = house.wait(10)
    offer = one(said, e.OfferMade)
    assert (offer.agent, offer.at, offer.waited) == ("ben", house.now, 10 * SECOND)


def test_people_and_teams_may_be_added_whatever_they_can() -> None:
    steps = plan(step(10, agents=(ANN,)), step(20, teams=("red",)))
    sales = queue(skills={"english": 5}, plan=steps)
    people = (agent("ann"), member("ben", {"team": "red"}), member("cat", {"team": "blue"}),
              agent("dan", english=5))  # fmt: skip
    house = House().open(center(*people, queues=(sales,)))
    house.presence("dan", Presence.LOGGED_OUT)
    house.call("c1")
    house.wait(10)
    assert house.rung("c1") == "ann"
    offer = house.offer_of("c1")
    assert offer is not None
    assert "in a wider ring" in offer.evidence
    house.report("c1", OfferOutcome.DECLINED)
    assert house.rung("c1") == ""
    house.wait(10)
    assert house.rung("c1") == "ben"


def test_a_wider_ring_keeps_the_place_and_a_raised_priority_moves_it_forward() -> None:
    steps = plan(step(10, lower={"english": 1}), step(20, raise_priority=2), step(30, teams=("x",)))
    sales = queue(skills={"english": 2}, plan=steps)
    house = House().open(
        center(member("ann", {"team": "x"}, english=9), queues=(sales,)), ready=False
    )
    house.call("c1")
    before = (house.contact("c1").key, house.contact("c1").order)
    house.wait(10)
    assert (house.contact("c1").key, house.contact("c1").order) == before
    house.wait(10)
    assert house.contact("c1").key == before[0] - 2 * 60 * SECOND
    assert house.contact("c1").priority == 7
    house.wait(10)
    assert (house.contact("c1").priority, house.contact("c1").order) == (7, before[1])
    assert house.contact("c1").since == house.now - 30 * SECOND


def test_overflow_goes_on_waiting_elsewhere_as_long_as_it_has_waited() -> None:
    sales = queue(skills={"english": 5}, plan=plan(step(30, queue=QueueId("other"))))
    other = queue("other", skills={"sales": 1}, wait_seconds_max=100)
    people = (agent("ann", sales=1),)
    house = House().open(
        center(*people, queues=(sales, other), skills=("english", "sales")), ready=False
    )
    house.call("c1")
    house.wait(20)
    house.call("c2", "other")
    house.wait(10)
    moved = one(house.journal, e.ContactMoved)
    assert (moved.left, moved.left_visit, moved.queue, moved.visit) == ("sales", 1, "other", 2)
    assert (moved.waited, moved.since) == (30 * SECOND, house.now - 30 * SECOND)
    assert (moved.skills, moved.by) == ({"sales": 1}, "")
    assert house.control._world.in_queue == {"sales": 0, "other": 2}
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann", "it has waited for longer"
    assert house.contact("c1").expires == moved.at + 100 * SECOND


def test_what_the_contact_needs_itself_goes_with_it() -> None:
    sales = queue(skills={"english": 5}, plan=plan(step(30, queue=QueueId("other"))))
    other = queue("other", skills={"sales": 1})
    skills = ("english", "sales", "french")
    house = House().open(center(queues=(sales, other), skills=skills))
    house.call("c1", skills={"french": 3}, language="french")
    house.wait(30)
    assert one(house.journal, e.ContactMoved).skills == {"french": 3, "sales": 1}


def test_an_overflow_that_is_not_taken_is_told_and_the_contact_stays() -> None:
    steps = plan(step(30, queue=QueueId("other")))
    sales, other = queue(plan=steps), queue("other", waiting_max=1)
    house = House().open(center(queues=(sales, other)))
    house.call("full", "other")
    house.call("c1")
    house.wait(30)
    assert one(house.journal, e.RingWidened).refused == "other is full"
    assert house.contact("c1").queue == "sales"
    house.wait(3000)
    assert len(house.all(e.RingWidened)) == 1, "it is not tried again and again"


def test_a_plan_ends_at_an_exit_by_name() -> None:
    house = House().open(center(queues=(queue(plan=plan(step(30, exit="closed"))),)))
    house.call("c1")
    left = one(house.wait(30), e.ContactDequeued)
    assert (left.exit, left.waited) == (e.QueueExit.CLOSED, 30 * SECOND)
    assert house.contact("c1").stage is Stage.FLOW


def test_a_step_waits_while_a_phone_rings() -> None:
    sales = queue(ring_seconds=20, plan=plan(step(10, exit="closed")))
    house = House().open(center(agent("ann"), queues=(sales,)))
    house.call("c1")
    assert house.wait(15) == []
    assert (
        one(house.report("c1", OfferOutcome.DECLINED), e.ContactDequeued).exit is e.QueueExit.CLOSED
    )


def test_a_step_is_taken_once_however_often_it_rings_in_vain() -> None:
    sales = queue(ring_seconds=20, plan=plan(step(10, raise_priority=1)))
    house = House().open(center(agent("ann"), agent("ben"), queues=(sales,)))
    for name in ("ann", "ben"):
        house.presence(name, Presence.NOT_READY, "lunch")
    house.call("c1")
    house.wait(11)
    for name in ("ann", "ben"):
        house.presence(name, Presence.READY)
        house.report("c1", OfferOutcome.DECLINED)
    house.wait(30)
    widened = [event for event in house.journal if isinstance(event, e.RingWidened)]
    assert [event.priority for event in widened] == [6]


def test_an_edited_plan_is_followed_from_where_the_contact_is() -> None:
    house = House().open(center(queues=(queue(plan=plan(step(10, raise_priority=1))),)))
    house.call("c1")
    house.wait(15)
    changed = plan(step(5, raise_priority=3), step(12, raise_priority=3), step(40, exit="left"))
    house.configure(center(queues=(queue(plan=changed),)), "2")
    house.wait(1)
    assert house.contact("c1").priority == 9, "5 s are less than the 10 s it has taken"
    assert one(house.wait(24), e.ContactDequeued).exit is e.QueueExit.LEFT


def test_a_plan_survives_a_change_of_leader() -> None:
    sales = queue(skills={"english": 5}, plan=plan(step(10, lower={"english": 2})))
    house = House().open(center(agent("ben", english=2), queues=(sales,)))
    house.call("c1")
    house.wait(5)
    house.control = Control.restore(house.control.snapshot(), epoch=2)
    house.wait(5)
    assert house.rung("c1") == "ben"


def test_a_contact_that_an_older_version_let_wait_follows_a_new_plan_from_its_beginning() -> None:
    house = House().open(center(queues=(queue(),)))
    house.call("c1")
    house.contact("c1").entered = 0
    house.wait(20)
    changed = queue(plan=plan(step(10, raise_priority=1), step(30, exit="closed")))
    house.configure(center(queues=(changed,)), "2")
    assert len(only(house.wait(9), e.RingWidened)) == 1
    assert one(house.wait(1), e.ContactDequeued).waited == 30 * SECOND


STICKY = queue(plan=plan(sticky_seconds=60))


def test_whoever_knows_the_matter_is_waited_for_alone_for_a_time() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(STICKY,)))
    house.call("c0")
    house.accept("c0")
    queued = one(house.call("c1", agent=ANN), e.ContactQueued)
    assert (queued.agent, queued.agent_until) == ("ann", house.now + 60 * SECOND)
    assert house.rung("c1") == "", "ben is free, but not asked"
    house.wait(59)
    assert house.rung("c1") == ""
    said = house.wait(1)
    assert one(said, e.AgentReleased).agent == "ann"
    assert house.rung("c1") == "ben"


def test_whoever_knows_the_matter_gets_it_when_she_comes_free() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(STICKY,)))
    house.call("c0")
    house.accept("c0")
    house.call("c1", agent=ANN)
    house.hang_up("c0")
    house.wait(30)
    assert house.rung("c1") == "ann"
    offer = house.offer_of("c1")
    assert offer is not None
    assert "waited for alone" in offer.evidence


def test_whoever_says_no_is_not_waited_for_any_longer() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(STICKY,)))
    house.wait(5)
    house.call("c1", agent=BEN)
    assert house.rung("c1") == "ben"
    said = house.report("c1", OfferOutcome.DECLINED)
    assert one(said, e.AgentReleased).agent == "ben"
    assert house.rung("c1") == "ann"


NOT_WAITED_FOR = ["off duty", "unable", "unknown", "excluded", "no limit"]


@pytest.mark.parametrize("case", NOT_WAITED_FOR)
def test_nobody_is_waited_for_who_could_not_take_it(case: str) -> None:
    sales = queue() if case == "no limit" else STICKY
    house = House().open(center(agent("ann"), agent("ben", english=2), queues=(sales,)))
    if case == "off duty":
        house.presence("ann", Presence.NOT_READY, "lunch")
    queued = one(
        house.call(
            "c1",
            agent=AgentId("zoe") if case == "unknown" else ANN,
            skills={"english": 1} if case == "unable" else {},
            excluded=(ANN,) if case == "excluded" else (),
        ),
        e.ContactQueued,
    )
    assert (queued.agent, queued.agent_until) == ("", 0)
    assert house.rung("c1") in ("ann", "ben")


def test_an_excluded_agent_is_not_offered_the_contact() -> None:
    sales = queue(excluded=(BEN,))
    house = House().open(center(agent("ann"), agent("ben"), agent("cat"), queues=(sales,)))
    house.call("c1", excluded=(ANN,))
    assert house.rung("c1") == "cat"
    house.report("c1", OfferOutcome.DECLINED)
    assert house.rung("c1") == ""


def test_a_language_is_needed_to_the_level_of_the_queue() -> None:
    sales = queue(language_level=4)
    people = (agent("ann", french=3), agent("ben", french=4))
    house = House().open(center(*people, queues=(sales,), skills=("french",)))
    queued = one(house.call("c1", language="french"), e.ContactQueued)
    assert (queued.skills, queued.asked) == ({"french": 4}, {"french": 4})
    assert house.rung("c1") == "ben"


def test_a_skill_that_nobody_can_have_is_no_need() -> None:
    house = House().open(center(agent("ann"), skills=("english",)))
    house.call("c1", skills={"elvish": 3}, language="klingon", preferred={"dwarvish": 1})
    assert house.rung("c1") == "ann"
    assert house.control.counters["unknown_skill"] == 3


def test_nobody_is_staff_for_a_contact_that_excludes_her() -> None:
    sales = queue(unstaffed_exit=True)
    house = House().open(center(agent("ann"), queues=(sales,)))
    said = house.call("c1", excluded=(ANN,))
    assert one(said, e.QueueRefused).exit is e.QueueExit.UNSTAFFED
    assert only(house.call("c2", channel=Channel.CHAT), e.ContactQueued)


def test_a_step_that_came_while_a_phone_rang_is_taken_before_the_next_phone_rings() -> None:
    sales = queue(ring_seconds=20, plan=plan(step(30, exit="timeout")))
    house = House().open(center(agent("ann"), agent("ben"), agent("cat"), queues=(sales,)))
    house.call("c1")
    house.wait(20)
    house.report("c1", OfferOutcome.EXPIRED)
    assert house.rung("c1") == "ben"
    house.wait(20)
    said = house.report("c1", OfferOutcome.EXPIRED)
    assert one(said, e.ContactDequeued).waited == 40 * SECOND
    assert not only(said, e.OfferMade)


def test_a_ring_widens_while_it_rings_where_several_phones_may() -> None:
    sales = queue(
        skills={"english": 5},
        agent_choice=AgentChoice.RING_ALL,
        ring_width=5,
        plan=plan(step(10, lower={"english": 1})),
    )
    people = (agent("ann", english=9), agent("ben", english=2))
    house = House().open(center(*people, queues=(sales,)))
    house.call("c1")
    assert house.rung("c1") == "ann"
    offer = one(house.wait(10), e.OfferMade)
    assert (offer.agent, offer.waited) == ("ben", 10 * SECOND)


def test_who_rings_for_a_contact_stops_when_it_overflows() -> None:
    sales = queue(
        agent_choice=AgentChoice.RING_ALL,
        ring_width=2,
        plan=plan(step(10, queue=QueueId("other"))),
    )
    other = queue("other", skills={"english": 5})
    people = (agent("ann"), agent("ben"), agent("cat", english=5))
    house = House().open(center(*people, queues=(sales, other)))
    house.call("c1")
    said = house.wait(10)
    assert {event.agent for event in only(said, e.OfferRescinded)} == {"ann", "ben"}
    assert one(said, e.ContactMoved).queue == "other"
    assert one(said, e.OfferMade).agent == "cat"


def test_a_step_that_comes_in_the_moment_a_phone_was_not_answered_is_taken_first() -> None:
    steps = (PlanStep(after_seconds=20, drop=("english",)),)
    line = queue(skills={"english": 3}, plan=Plan(steps=steps))
    house = House().open(center(agent("ann", english=5), agent("ben"), queues=(line,)))
    house.call("c1")
    house.now += 20 * SECOND
    said = house.report("c1", OfferOutcome.EXPIRED)
    assert one(said, e.RingWidened).skills == {}
    assert house.rung("c1") == "ben"
