"""What callers are told of their wait: from what was seen, when it is news, and else nothing."""

from __future__ import annotations

import pytest

from callcenter.control.center import Control
from callcenter.control.estimates import LATE_MAX, NOTICEABLE, REFRESH, TOLD_MAX
from callcenter.control.scene import AGENTS_MAX, HALVED_AWAY, Sketch
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Plan, PlanStep
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, ContactId, Micros, QueueId
from callcenter.routing.lookahead import Scene
from callcenter.routing.spread import SEEN_MIN
from tests.control.house import House, agent, center, one, only, queue
from tests.control.invariants import plain

TALK = 60
Q = QueueId("sales")


def busy_house(agents: int = 1, calls: int = SEEN_MIN) -> House:
    """A queue that has seen calls of a minute each, ringing for 3 s."""
    people = [agent(f"a{n}", english=5) for n in range(agents)]
    house = House().open(center(*people, queues=(queue(wrap_up_seconds=0),)))
    for number in range(calls):
        serve(house, f"seen{number}")
    return house


def serve(house: House, contact: str) -> None:
    house.call(contact)
    house.wait(3)
    house.accept(contact)
    house.wait(TALK)
    house.hang_up(contact)


def talks(house: House, contact: str) -> None:
    house.call(contact)
    house.wait(3)
    house.accept(contact)


def look(house: House, wait: float = 0) -> list[e.Event]:
    """The follower looks; the leader decides on it `wait` seconds later."""
    report = house.control.waits(house.now)
    house.now += round(wait * SECOND)
    return house.tell(report) if report else []


def told(events: list[e.Event], contact: str) -> e.WaitEstimated:
    return one(
        [one for one in only(events, e.WaitEstimated) if one.contact == contact], e.WaitEstimated
    )


def span(value: Micros | None) -> float:
    assert value is not None
    return value / SECOND


def test_a_waiting_caller_is_told_what_is_left_of_the_talk_before_her() -> None:
    house = busy_house()
    talks(house, "talks")
    house.wait(20)
    house.call("next")
    found = told(look(house), "next")
    assert found.position == 1
    assert span(found.expected) == pytest.approx(TALK - 20 + 3, abs=4)
    assert span(found.promised) == pytest.approx(TALK - 20 + 3, abs=8)


def test_each_who_stands_behind_waits_for_a_whole_call_more() -> None:
    house = busy_house()
    talks(house, "talks")
    for number in range(3):
        house.call(f"w{number}")
    events = look(house)
    spans = [span(told(events, f"w{n}").expected) for n in range(3)]
    assert [told(events, f"w{n}").position for n in range(3)] == [1, 2, 3]
    assert spans[1] - spans[0] == pytest.approx(TALK + 3, abs=4)
    assert spans[2] - spans[1] == pytest.approx(TALK + 3, abs=4)


def test_little_was_seen_so_only_the_place_is_told() -> None:
    house = busy_house(calls=SEEN_MIN - 1)
    talks(house, "talks")
    house.call("next")
    found = told(look(house), "next")
    assert (found.position, found.expected, found.promised) == (1, None, None)
    assert only(look(house), e.QueueEstimated) == []


def test_a_queue_of_which_little_was_seen_stays_silent_beside_one_that_is_known() -> None:
    queues = (queue(wrap_up_seconds=0), queue("new", wrap_up_seconds=0))
    house = House().open(center(agent("a0", english=5), queues=queues))
    for number in range(SEEN_MIN):
        serve(house, f"seen{number}")
    talks(house, "talks")
    house.call("known")
    house.call("unknown", "new")
    events = look(house)
    assert told(events, "known").expected is not None
    assert told(events, "unknown").expected is None
    assert [one.queue for one in only(events, e.QueueEstimated)] == [Q]


def test_somebody_who_would_come_now_has_those_who_wait_before_her() -> None:
    house = busy_house()
    assert span(one(look(house), e.QueueEstimated).expected) == pytest.approx(3, abs=1)
    talks(house, "talks")
    house.call("next")
    found = one(look(house), e.QueueEstimated)
    assert span(found.expected) == pytest.approx(2 * TALK + 3, abs=8)
    assert house.control.state.told[Q].expected == found.expected


def test_places_are_known_though_everybody_has_gone_home() -> None:
    queues = (queue(), queue("other", skills={"english": 9}))
    house = House().open(center(agent("a0", english=5), queues=queues), ready=False)
    for number in range(3):
        house.call(f"w{number}")
    house.call("nobody-can", "other")
    events = look(house)
    assert [told(events, f"w{n}").position for n in range(3)] == [1, 2, 3]
    assert told(events, "nobody-can").position == 0


def test_nobody_there_means_that_no_wait_is_told() -> None:
    house = busy_house()
    house.presence("a0", Presence.LOGGED_OUT)
    house.call("next")
    found = told(look(house), "next")
    assert (found.position, found.expected) == (1, None)


def test_what_goes_as_foreseen_is_no_news_until_it_is_time_to_say_it_again() -> None:
    house = busy_house()
    talks(house, "talks")
    house.call("next")
    look(house)
    house.wait(5)
    assert look(house) == []
    house.wait(REFRESH / SECOND - 5)
    again = told(look(house), "next")
    assert span(again.expected) < TALK - 20, "the same moment, told half a minute later"


def test_a_talk_that_ends_early_is_news() -> None:
    house = busy_house()
    talks(house, "talks")
    for number in range(3):
        house.call(f"w{number}")
    look(house)
    house.wait(2)
    house.hang_up("talks")
    house.accept("w0")
    events = look(house)
    assert told(events, "w1").position == 1
    assert told(events, "w2").position == 2
    assert NOTICEABLE < TALK * SECOND


def test_who_waits_no_more_when_it_is_decided_is_told_nothing() -> None:
    house = busy_house()
    talks(house, "talks")
    house.call("gone")
    report = house.control.waits(house.now)
    assert report is not None
    house.hang_up("gone", Reason.CALLER_LEFT_IN_QUEUE)
    assert only(house.tell(report), e.WaitEstimated) == []
    assert house.control.counters["estimate_of_who_waits_no_more"] == 1


def test_who_was_moved_meanwhile_is_not_told_of_the_queue_that_was_left() -> None:
    other = queue("other", skills={"german": 1})
    people = [agent("a0", english=5)]
    skills = ("english", "german")
    house = House().open(center(*people, queues=(queue(), other), skills=skills))
    house.call("talks")
    house.accept("talks")
    house.call("goes")
    report = house.control.waits(house.now)
    assert report is not None
    house.now += SECOND
    house.tell(c.MoveRequested(contact=ContactId("goes"), queue=QueueId("other"), by="test"))
    assert house.contact("goes").queue == "other"
    assert only(house.tell(report), e.WaitEstimated) == []


def test_the_way_to_the_leader_is_taken_off_and_a_long_one_makes_it_worthless() -> None:
    house = busy_house()
    talks(house, "talks")
    house.call("next")
    report = house.control.waits(house.now)
    assert report is not None
    outlook = report.contacts[ContactId("next")][1]
    house.now += 4 * SECOND
    found = told(house.tell(report), "next")
    assert span(outlook.expected) - span(found.expected) == pytest.approx(4)
    house.now += LATE_MAX
    assert house.tell(report) == []
    assert house.control.counters["estimate_too_late"] == 1


def test_a_caller_for_whom_a_phone_rings_is_told_nothing_more() -> None:
    house = busy_house()
    house.call("rings")
    assert house.rung("rings") == "a0"
    assert only(look(house), e.WaitEstimated) == []


def test_a_new_visit_begins_without_an_estimate() -> None:
    queues = (queue(wrap_up_seconds=0), queue("other", wrap_up_seconds=0))
    house = House().open(center(agent("a0", english=5), queues=queues))
    for number in range(SEEN_MIN):
        serve(house, f"seen{number}")
    talks(house, "talks")
    house.call("moves")
    look(house)
    assert house.contact("moves").told is not None
    house.move("moves", "other")
    assert house.contact("moves").told is None


def test_many_are_told_in_turn_those_who_know_nothing_first() -> None:
    house = busy_house()
    talks(house, "talks")
    for number in range(TOLD_MAX + 10):
        house.call(f"w{number}")
    first, second = only(look(house), e.WaitEstimated), only(look(house), e.WaitEstimated)
    assert len(first) == TOLD_MAX
    assert {one.contact for one in first}.isdisjoint(one.contact for one in second)
    assert len(second) == 10


def test_a_step_of_the_plan_that_lets_others_take_it_is_foreseen() -> None:
    """The free agent speaks no English; after half a minute nobody asks for it any more."""
    steps = (PlanStep(after_seconds=30, drop=("english",)),)
    line = queue(wrap_up_seconds=0, skills={"english": 3}, plan=Plan(steps=steps))
    house = House().open(center(agent("a0", english=5), agent("b0"), queues=(line,)))
    for number in range(SEEN_MIN):
        serve(house, f"seen{number}")
    talks(house, "talks")
    house.call("next")
    assert span(told(look(house), "next").expected) == pytest.approx(33, abs=2)


def test_an_urgent_caller_is_first_in_position_and_in_time() -> None:
    house = busy_house()
    talks(house, "talks")
    house.call("calm", priority=2)
    house.call("urgent", priority=9)
    events = look(house)
    assert told(events, "urgent").position == 1
    assert told(events, "calm").position == 2
    assert span(told(events, "calm").expected) > span(told(events, "urgent").expected) + TALK / 2


def test_an_assigned_caller_waits_for_her_agent() -> None:
    house = busy_house(agents=2)
    talks(house, "one")
    house.wait(30)
    talks(house, "two")
    house.call("next")
    house.assign("next", house.agent("a1").id if house.agent("a1").segments else "a0", seconds=600)
    mine = house.contact("next").sticky
    other = next(iter(house.agent(mine).segments.values())).contact
    left = (
        TALK
        - (house.now - house.control.state.segments[house.contact(other).segment].since) / SECOND
    )
    assert span(told(look(house), "next").expected) == pytest.approx(left + 3, abs=5)


def test_a_restored_center_tells_the_same() -> None:
    house = busy_house(agents=2)
    for number in range(6):
        house.call(f"w{number}")
    house.accept("w0")
    again = Control.restore(house.control.snapshot())
    assert again.waits(house.now) == house.control.waits(house.now)


def test_who_follows_remembers_what_was_seen_and_told() -> None:
    house = busy_house()
    talks(house, "talks")
    house.call("next")
    look(house)
    follower = Control()
    for event in house.journal:
        follower.apply(event)
    assert plain(follower) == plain(house.control)


def test_what_was_seen_goes_with_its_queue() -> None:
    house = busy_house()
    look(house)
    assert Q in house.control.state.experience
    house.configure(center(agent("a0", english=5), queues=(queue("other"),)), "2")
    for name in ("experience", "told"):
        kept = getattr(house.control.state, name)
        assert Q not in kept or Q in house.control.state.retired_queues


def test_an_offer_that_was_not_answered_teaches_nothing_of_ringing() -> None:
    house = busy_house(agents=2, calls=0)
    house.call("next")
    house.wait(20)
    house.report("next", OfferOutcome.EXPIRED)
    house.wait(2)
    house.accept("next")
    ring = house.control.state.experience[Q].ring
    assert (ring.seen, ring.mean) == (1, 2 * SECOND)


def test_several_phones_that_ring_for_one_call_are_busy_with_one_call() -> None:
    line = queue(wrap_up_seconds=0, agent_choice=AgentChoice.RING_ALL, ring_width=2)
    house = House().open(center(agent("a0"), agent("a1"), queues=(line,)))
    for number in range(SEEN_MIN):
        serve(house, f"seen{number}")
    house.call("rings")
    assert len(house.rung_all("rings")) == 2
    house.call("next")
    assert span(told(look(house), "next").expected) == pytest.approx(3 + 3, abs=2)


def test_a_center_of_very_many_agents_is_not_looked_ahead_for() -> None:
    people = [agent(f"a{n}") for n in range(AGENTS_MAX + 1)]
    house = House().open(center(*people, queues=(queue(skills={"english": 9}),)))
    house.call("c1")
    assert house.control.waits(house.now) is None
    house.presence("a0", Presence.LOGGED_OUT)
    assert told(look(house), "c1").position == 0, "nobody speaks it that well"


def test_an_empty_center_has_nothing_to_look_at() -> None:
    control = Control()
    assert control.waits(0) is None
    assert control.react(c.WaitsReported(at=0, queues={Q: c.Outlook(1, 2)}), 0) == []


@pytest.mark.parametrize("by_hand", [False, True])
def test_who_overflows_has_come_to_the_queue_where_she_waits_on(by_hand: bool) -> None:
    onward = Plan(steps=(PlanStep(after_seconds=10, queue=QueueId("help")),))
    first = queue(plan=Plan() if by_hand else onward)
    house = House().open(center(agent("ann"), queues=(first, queue("help"))), ready=False)
    house.presence("ann", Presence.NOT_READY, "lunch")
    for number in range(5):
        house.call(f"c{number}", priority=7)
        if by_hand:
            house.move(f"c{number}", "help")
        house.wait(30)
    arrivals = house.control.state.experience[QueueId("help")].arrivals
    assert list(arrivals) == [7]
    seen = house.control.state.experience[Q].arrivals[7].every(house.now)
    assert arrivals[7].every(house.now) == pytest.approx(seen, rel=0.3)


def scene_of(house: House) -> Scene:
    return Sketch(house.control.world, house.now).scene()


def test_overflow_to_a_queue_that_is_gone_changes_nothing_but_what_the_step_says() -> None:
    """Her queue was removed with the one that it overflows to; she waits on by its plan."""
    step = PlanStep(after_seconds=30, queue=QueueId("gone"))
    line = queue(skills={"english": 3}, plan=Plan(steps=(step,)))
    two = (line, queue("gone"))
    house = House().open(center(agent("a0", english=5), agent("b0"), queues=two), ready=False)
    house.call("c1")
    wider = scene_of(house).callers[0].rings
    assert [ring.at for ring in wider] == [0, 30 * SECOND]
    assert wider[1].kinds == 0b11, "the other queue asks for nothing"
    people = (agent("a0", english=5), agent("b0"))
    house.configure(center(*people, queues=(queue("other"),)), "2")
    first, later = scene_of(house).callers[0].rings
    assert (later.at, later.kinds) == (30 * SECOND, first.kinds)


def test_those_who_talk_still_are_left_out_by_and_by_as_the_beginning_is_forgotten() -> None:
    """Each time that what was seen is made to count half, they count half, too."""

    def talk_of(halved: int) -> float:
        house = busy_house()
        talks(house, "talks")
        house.wait(300)
        house.control.state.experience[Q].talk.halved = halved
        spans = Sketch(house.control.world, house.now).handling(Q).talk
        return sum(spans) / len(spans) / SECOND

    found = [talk_of(halved) for halved in range(HALVED_AWAY + 3)]
    assert found[:6] == sorted(found[:6], reverse=True)
    assert len(set(found[:6])) == 6
    assert found[HALVED_AWAY:] == [pytest.approx(TALK)] * 3
