"""Contacts arrive, wait, leave and end."""

from __future__ import annotations

import pytest

from callcenter.control.state import Stage
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Center, Channel, Period
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, Result, ended
from callcenter.domain.units import SECOND, AgentId, ContactId, CustomerId, SegmentId
from tests.control.house import F, House, agent, center, one, only, queue


def test_a_call_becomes_a_contact_and_its_flow_is_told() -> None:
    house = House().open(center())
    house.arrive("c1")
    contact = ContactId("c1")
    house.tell(c.FlowReported(contact=contact, flow="main", revision="r1"))
    house.tell(c.StepReported(contact=contact, node="menu"))
    house.tell(c.DigitsReported(contact=contact, node="menu", count=2))
    house.tell(c.CustomerReported(contact=contact, customer=CustomerId("k9")))
    told = [type(event).__name__ for event in house.journal[-5:]]
    assert told == [
        "ContactArrived", "FlowStarted", "StepEntered", "DigitsCollected", "CustomerIdentified",
    ]  # fmt: skip


def test_a_contact_reported_twice_arrives_once() -> None:
    house = House().open(center())
    house.arrive("c1")
    assert house.arrive("c1") == []
    assert house.control.counters["contact_reported_twice"] == 1


def test_facts_about_unknown_contacts_are_tolerated_and_counted() -> None:
    house = House().open(center())
    assert house.hang_up("ghost") == []
    assert house.leave("ghost") == []
    assert house.enqueue("ghost") == []
    assert house.tell(c.StepReported(contact=ContactId("ghost"), node="n")) == []
    assert house.control.counters["unknown_contact"] == 4


def test_waiting_needs_what_the_queue_and_the_contact_need_and_the_higher_of_both() -> None:
    sales = queue(skills={"english": 2})
    house = House().open(center(queues=(sales,), skills=("english", "french")))
    said = house.call("c1", skills={"english": 5, "french": 1})
    assert one(said, e.ContactQueued).skills == {"english": 5, "french": 1}
    said = house.call("c2", skills={"english": 1})
    assert one(said, e.ContactQueued).skills == {"english": 2}


def test_a_queue_visit_says_since_when_and_until_when_it_may_last() -> None:
    house = House().open(center(queues=(queue(wait_seconds_max=90),)))
    queued = one(house.call("c1"), e.ContactQueued)
    assert (queued.visit, queued.since, queued.expires) == (1, house.now, house.now + 90 * SECOND)


def test_a_contact_that_waited_as_long_as_it_may_goes_on_at_timeout() -> None:
    house = House().open(center(queues=(queue(wait_seconds_max=90),)))
    house.call("c1")
    assert house.wait(89.9) == []
    left = one(house.wait(0.2), e.ContactDequeued)
    assert (left.exit, left.visit, left.waited) == (e.QueueExit.TIMEOUT, 1, 90 * SECOND)
    assert house.contact("c1").stage is Stage.FLOW


def test_a_contact_whose_time_ends_while_an_agent_rings_is_still_answered() -> None:
    house = House().open(center(agent("ann"), queues=(queue(wait_seconds_max=10),)))
    house.call("c1")
    assert only(house.wait(15), e.ContactDequeued) == []
    assert one(house.accept("c1"), e.SegmentStarted).waited == 15 * SECOND


def test_a_contact_whose_time_ended_while_an_agent_rang_in_vain_is_not_offered_again() -> None:
    house = House().open(center(agent("ann"), agent("ben"), queues=(queue(wait_seconds_max=10),)))
    house.call("c1")
    house.wait(20)
    said = house.report("c1", OfferOutcome.EXPIRED)
    assert one(said, e.ContactDequeued).exit is e.QueueExit.TIMEOUT
    assert only(said, e.OfferMade) == []


def test_the_leave_key_ends_the_visit_and_stops_the_ringing() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.wait(3)
    said = house.leave("c1")
    assert one(said, e.OfferRescinded).agent == "ann"
    assert one(said, e.ContactDequeued).exit is e.QueueExit.LEFT
    assert house.agent("ann").presence is Presence.READY


def test_leaving_a_queue_one_is_not_in_changes_nothing() -> None:
    house = House().open(center())
    house.arrive("c1")
    assert house.leave("c1") == []


def test_a_second_stay_is_a_second_visit() -> None:
    house = House().open(center())
    house.call("c1")
    house.leave("c1")
    assert one(house.enqueue("c1"), e.ContactQueued).visit == 2


def test_a_contact_that_waits_already_is_not_queued_twice() -> None:
    house = House().open(center())
    house.call("c1")
    assert house.enqueue("c1") == []
    assert house.control.counters["queued_twice"] == 1


def test_an_unknown_queue_is_a_closed_one() -> None:
    house = House().open(center())
    refused = one(house.call("c1", "nowhere"), e.QueueRefused)
    assert refused.exit is e.QueueExit.CLOSED
    assert house.contact("c1").stage is Stage.FLOW


def test_a_full_queue_refuses_and_counts_those_being_offered() -> None:
    house = House().open(center(agent("ann"), queues=(queue(waiting_max=2),)))
    house.call("c1")
    house.call("c2")
    assert house.rung("c1") == "ann"
    assert one(house.call("c3"), e.QueueRefused).exit is e.QueueExit.FULL
    house.accept("c1")
    assert only(house.call("c4"), e.QueueRefused) == []


def test_an_unstaffed_queue_refuses_only_when_it_is_told_to() -> None:
    lenient = queue("lenient", skills={"english": 3})
    strict = queue("strict", skills={"english": 3}, unstaffed_exit=True)
    people = (agent("ann", english=3), agent("ben", english=1))
    house = House().open(center(*people, queues=(lenient, strict)), ready=False)
    house.presence("ben", Presence.READY)
    assert only(house.call("c1", "lenient"), e.ContactQueued)
    assert one(house.call("c2", "strict"), e.QueueRefused).exit is e.QueueExit.UNSTAFFED
    house.presence("ann", Presence.NOT_READY, "lunch")
    assert only(house.enqueue("c2", "strict"), e.ContactQueued)
    house.presence("ann", Presence.LOGGED_OUT)
    assert one(house.call("c3", "strict"), e.QueueRefused).exit is e.QueueExit.UNSTAFFED


def office_hours(timezone: str) -> Center:
    """Open 9 to 17 on every day of the week."""
    periods = tuple(Period(weekday=day, opens=9 * 60, closes=17 * 60) for day in range(7))
    calendar = Calendar(
        name="office",
        timezone=timezone,
        periods=periods,
        holidays=frozenset({"2026-12-25"}),
    )
    return Center(queues=(queue(calendar="office"),), calendars=(calendar,))


MOMENTS = [
    # Berlin goes to summer time on 29 March 2026 at 02:00 and back on 25 October at 03:00.
    (1774684799, False),  # 28 March 07:59:59 UTC, 08:59:59 local
    (1774684800, True),  # 28 March 08:00 UTC, 09:00 local
    (1774767599, False),  # 29 March 06:59:59 UTC, 08:59:59 local, an hour earlier in UTC
    (1774767600, True),  # 29 March 07:00 UTC, 09:00 local
    (1774796399, True),  # 29 March 14:59:59 UTC, 16:59:59 local
    (1774796400, False),  # 29 March 15:00 UTC, 17:00 local
    (1792915199, False),  # 25 October 07:59:59 UTC, 08:59:59 local
    (1792915200, True),  # 25 October 08:00 UTC, 09:00 local
    (1798196400, False),  # 25 December 11:00 UTC, noon of a holiday
]


@pytest.mark.parametrize(("moment", "is_open"), MOMENTS)
def test_a_queue_obeys_its_calendar_on_both_sides_of_summer_time(
    moment: int, is_open: bool
) -> None:
    house = House(now=1774000000 * SECOND).open(office_hours("Europe/Berlin"))
    house.now = moment * SECOND
    said = house.call("c1")
    assert bool(only(said, e.ContactQueued)) is is_open
    assert [r.exit for r in only(said, e.QueueRefused)] == ([] if is_open else ["closed"])


def test_a_caller_who_hangs_up_in_the_flow_ends_without_a_visit() -> None:
    house = House().open(center())
    house.arrive("c1")
    house.wait(4)
    end = one(house.hang_up("c1", Reason.CALLER_LEFT_IN_FLOW), e.ContactEnded)
    assert (end.queue, end.visit, end.lived) == ("", 0, 4 * SECOND)
    assert end.termination.result is Result.ABANDONED


def test_a_caller_who_hangs_up_while_waiting_ends_the_visit_with_it() -> None:
    house = House().open(center())
    house.call("c1")
    house.wait(7)
    end = one(house.hang_up("c1", Reason.CALLER_LEFT_IN_QUEUE), e.ContactEnded)
    assert (end.queue, end.visit, end.waited) == ("sales", 1, 7 * SECOND)


def test_a_caller_who_hangs_up_while_an_agent_rings_frees_the_agent_for_the_next() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.call("c2")
    said = house.hang_up("c1", Reason.CALLER_LEFT_IN_QUEUE)
    assert one(said, e.OfferRescinded).contact == "c1"
    assert one(said, e.ContactEnded).visit == 1
    assert house.rung("c2") == "ann"


def test_the_end_of_a_contact_ends_a_segment_whose_end_was_not_reported() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.wait(61)
    said = house.hang_up("c1")
    kinds = [type(event).__name__ for event in said]
    assert kinds == ["SegmentEnded", "WrapUpStarted", "ContactEnded", "PresenceChanged"]
    assert one(said, e.SegmentEnded).talked == 61 * SECOND
    assert one(said, e.ContactEnded).visit == 0


def test_a_contact_may_go_on_in_its_flow_after_its_segment() -> None:
    house = House().open(center(agent("ann"), agent("ben")))
    house.call("c1")
    segment = one(house.accept("c1"), e.SegmentStarted)
    house.tell(
        c.SegmentEndReported(
            contact=ContactId("c1"),
            segment=segment.segment,
            agent=AgentId("ann"),
            termination=ended(Reason.AGENT_HUNG_UP),
        )
    )
    assert house.contact("c1").stage is Stage.FLOW
    assert one(house.enqueue("c1"), e.ContactQueued).visit == 2
    assert house.rung("c1") == "ben"


def test_the_end_of_an_unknown_segment_is_counted() -> None:
    house = House().open(center())
    command = c.SegmentEndReported(
        contact=ContactId("c1"),
        segment=SegmentId("ghost"),
        agent=AgentId("ann"),
        termination=ended(Reason.AGENT_HUNG_UP),
    )
    assert house.tell(command) == []
    assert house.control.counters["unknown_segment"] == 1


def hold(house: House, held: bool, by_agent: bool = True) -> list[e.Event]:
    return house.tell(
        c.HoldReported(contact=ContactId("c1"), agent=AgentId("ann"), held=held, by_agent=by_agent)
    )


def test_hold_is_summed_once_though_both_sides_hold() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    hold(house, True)
    house.wait(5)
    hold(house, True, by_agent=False)
    house.wait(5)
    hold(house, False)
    house.wait(5)
    hold(house, False, by_agent=False)
    house.wait(5)
    hold(house, True)
    assert hold(house, True) == []
    house.wait(2)
    end = one(house.hang_up("c1"), e.SegmentEnded)
    assert (end.talked, end.held) == (22 * SECOND, 17 * SECOND)


def test_hold_without_a_segment_is_counted() -> None:
    house = House().open(center())
    house.arrive("c1")
    assert hold(house, True) == []
    assert house.control.counters["held_but_not_talking"] == 1


def test_mail_and_voice_wait_in_one_queue_in_one_order() -> None:
    house = House().open(center(agent("ann")), ready=False)
    house.call("mail", channel=Channel.EMAIL)
    house.wait(1)
    house.call("call")
    house.presence("ann", Presence.READY)
    assert house.rung("mail") == "ann"
    house.accept("mail")
    assert house.rung("call") == "ann", "a call may interrupt a mail"


def test_time_that_runs_backwards_is_taken_as_standing_still() -> None:
    house = House().open(center())
    house.arrive("c1")
    before = house.now
    house.now -= 5 * SECOND
    assert one(house.arrive("c2"), e.ContactArrived).at == before
    assert house.contact("c2").frontend == F
