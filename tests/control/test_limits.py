"""Every limit on both of its sides: the last value that may be, and the first that may not."""

from __future__ import annotations

import pytest

from callcenter.control.configuration import PROBLEMS_SHOWN_MAX, QUEUE_LIMITS, problems_of
from callcenter.control.estimates import (
    LATE_MAX,
    NOTICEABLE,
    POSITIONS_EXACT,
    REFRESH,
    has_moved,
    is_news,
    less,
)
from callcenter.control.state import Told
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Calendar, Center, Channel, Period, Plan, PlanStep
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.routing.plan import STEPS_MAX
from tests.control.house import START, House, agent, center, member, one, only, queue


@pytest.mark.parametrize("name", QUEUE_LIMITS)
def test_a_number_of_a_queue_may_be_its_least_and_its_greatest_and_nothing_beyond(
    name: str,
) -> None:
    least, greatest = QUEUE_LIMITS[name]
    for value in (least, greatest):
        assert problems_of(center(queues=(queue("sales", **{name: value}),))) == []
    for value in (least - 1, greatest + 1):
        assert problems_of(center(queues=(queue("sales", **{name: value}),))) == [
            f"queue sales: {name} {value} is not within {least} to {greatest}"
        ]


@pytest.mark.parametrize(
    ("weekday", "opens", "closes", "wrong"),
    [
        (0, 0, 1, 0), (6, 1439, 1440, 0), (6, 1439, 0, 0), (-1, 0, 1, 1), (7, 0, 1, 1),
        (0, 1440, 1, 1), (0, -1, 1, 1), (0, 1, 1441, 1), (0, 1, -1, 1), (0, 5, 5, 1),
        (7, 1440, 1, 2),
    ],
)  # fmt: skip
def test_a_period_is_within_a_week_and_a_day(
    weekday: int, opens: int, closes: int, wrong: int
) -> None:
    period = Period(weekday=weekday, opens=opens, closes=closes)
    found = problems_of(Center(calendars=(Calendar(name="k", periods=(period,)),)))
    assert len(found) == wrong


@pytest.mark.parametrize(("value", "fine"), [(0, True), (100, True), (-1, False), (101, False)])
def test_capacity_and_ceiling_are_within_a_hundred(value: int, fine: bool) -> None:
    capacity = {Channel.CHAT: value}
    assert (problems_of(Center(capacity=capacity)) == []) is fine
    assert (problems_of(center(member("ann", {"capacity": capacity}))) == []) is fine
    assert (problems_of(center(member("ann", {"occupancy_max": value}))) == []) is fine


@pytest.mark.parametrize(("level", "fine"), [(1, True), (10, True), (0, False), (11, False)])
def test_a_proficiency_is_one_to_ten(level: int, fine: bool) -> None:
    assert (problems_of(center(agent("ann", english=level))) == []) is fine
    assert (problems_of(center(queues=(queue(skills={"english": level}),))) == []) is fine
    assert (problems_of(center(queues=(queue(preferred={"english": level}),))) == []) is fine
    lower = PlanStep(after_seconds=1, lower={"english": level})
    assert (problems_of(center(queues=(queue(plan=Plan(steps=(lower,))),))) == []) is fine


@pytest.mark.parametrize(
    ("step", "fine"),
    [
        (PlanStep(after_seconds=1, raise_priority=1), True),
        (PlanStep(after_seconds=2_592_000, raise_priority=10), True),
        (PlanStep(after_seconds=0, raise_priority=1), False),
        (PlanStep(after_seconds=2_592_001, raise_priority=1), False),
        (PlanStep(after_seconds=1, raise_priority=11), False),
        (PlanStep(after_seconds=1, raise_priority=-1), False),
        (PlanStep(after_seconds=1, exit="closed"), True),
        (PlanStep(after_seconds=1, exit="answered"), False),
        (PlanStep(after_seconds=1), False),
    ],
)
def test_a_step_has_its_limits(step: PlanStep, fine: bool) -> None:
    assert (problems_of(center(queues=(queue(plan=Plan(steps=(step,))),))) == []) is fine


@pytest.mark.parametrize(("value", "fine"), [(0, True), (3600, True), (-1, False), (3601, False)])
def test_one_agent_alone_is_waited_for_an_hour_at_most(value: int, fine: bool) -> None:
    plan = Plan(sticky_seconds=value)
    assert (problems_of(center(queues=(queue(plan=plan),))) == []) is fine


def test_a_plan_may_have_as_many_steps_as_its_limit() -> None:
    steps = tuple(PlanStep(after_seconds=n + 1, raise_priority=1) for n in range(STEPS_MAX + 1))
    fine, wrong = Plan(steps=steps[:-1]), Plan(steps=steps)
    assert problems_of(center(queues=(queue(plan=fine),))) == []
    assert problems_of(center(queues=(queue(plan=wrong),))) != []


def test_more_problems_are_counted_only_where_there_are_more() -> None:
    def told(number: int) -> str:
        wrong = center(*(agent(f"a{n}", dutch=1) for n in range(number)))
        return one(House().configure(wrong), e.CommandAnswered).reason

    assert "more" not in told(PROBLEMS_SHOWN_MAX)
    assert told(PROBLEMS_SHOWN_MAX + 1).endswith("; and 1 more")
    assert told(PROBLEMS_SHOWN_MAX).count("dutch") == PROBLEMS_SHOWN_MAX


def test_what_supervisors_ask_for_may_be_its_least_and_its_greatest() -> None:
    house = House().open(center(agent("ann"), queues=(queue(skills={"english": 9}),)))
    house.call("c1")
    for priority in (0, 10):
        assert house.prioritise("c1", priority).accepted
        assert house.contact("c1").priority == priority
    for span in (1, 3600):
        assert house.assign("c1", "ann", span).accepted
    assert not house.assign("c1", "ann", 3601).accepted
    for level in (0, 10):
        assert house.teach("ann", english=level).accepted
    fire = c.AnnouncementRequested(queue=QueueId(""), announcement="x" * 100)
    assert house.request(fire).accepted


# --- what is news of a wait


def told(position: int = 1, expected: int | None = 60, promised: int | None = 90) -> Told:
    return Told(at=START, position=position, expected=in_s(expected), promised=in_s(promised))


def in_s(span: int | None) -> int | None:
    return None if span is None else span * SECOND


def outlook(expected: int | None, promised: int | None) -> c.Outlook:
    return c.Outlook(in_s(expected), in_s(promised))


def test_a_moment_that_moves_by_ten_seconds_stands_and_by_more_is_news() -> None:
    ten, before = NOTICEABLE // SECOND, told(expected=20, promised=30)
    assert not is_news(before, 1, outlook(20 + ten, 30 + ten), START)
    assert not is_news(before, 1, outlook(20 - ten, 30 - ten), START)
    assert is_news(before, 1, outlook(21 + ten, 30), START)
    assert is_news(before, 1, outlook(20, 31 + ten), START)
    assert not is_news(before, 1, outlook(20 - 15, 30 - 15), START + 15 * SECOND)
    assert is_news(before, 1, outlook(20, 30), START + 15 * SECOND)


def test_of_a_long_wait_a_fifth_of_what_remains_is_no_news() -> None:
    minute = 60 * SECOND
    assert not has_moved(12 * minute, 10 * minute, 0)
    assert has_moved(12 * minute + 1, 10 * minute, 0)
    assert not has_moved(8 * minute, 10 * minute, 0)
    assert has_moved(8 * minute - 1, 10 * minute, 0)


def test_that_a_wait_is_known_now_or_not_any_more_is_news() -> None:
    assert is_news(told(expected=None, promised=None), 1, outlook(5, 5), START)
    assert is_news(told(), 1, outlook(None, None), START)
    assert not is_news(told(expected=None, promised=None), 1, outlook(None, None), START)


def test_each_place_counts_up_to_the_tenth_and_further_back_more_than_one_in_ten() -> None:
    same = outlook(60, 90)
    assert is_news(told(POSITIONS_EXACT + 1), POSITIONS_EXACT, same, START)
    assert not is_news(told(POSITIONS_EXACT + 2), POSITIONS_EXACT + 1, same, START)
    assert not is_news(told(50), 45, same, START)
    assert is_news(told(50), 44, same, START)
    assert is_news(told(50), 56, same, START)
    assert not is_news(told(5), 5, same, START)


def test_after_half_a_minute_the_same_is_said_again() -> None:
    assert not is_news(told(), 1, outlook(31, 61), START + REFRESH - SECOND)
    assert is_news(told(), 1, outlook(30, 60), START + REFRESH)
    assert is_news(None, 1, outlook(30, 60), START)


def test_a_span_that_has_gone_by_is_none_and_never_less() -> None:
    assert (less(5, 3), less(3, 5), less(None, 3)) == (2, 0, None)


def test_a_look_ahead_is_worth_something_for_exactly_ten_seconds() -> None:
    house = House().open(center(agent("ann"), queues=(queue(skills={"english": 9}),)))
    house.call("c1")
    report = c.WaitsReported(at=house.now, contacts={ContactId("c1"): (3, c.Outlook(None, None))})
    house.now += LATE_MAX
    assert one(house.tell(report), e.WaitEstimated).position == 3
    house.now += 1
    assert only(house.tell(report), e.WaitEstimated) == []


def test_who_knows_nothing_is_told_first_and_then_who_was_told_longest_ago() -> None:
    house = House().open(center(agent("ann"), queues=(queue(skills={"english": 9}),)))
    for name in ("c1", "c2", "c3"):
        house.call(name)
    before = house.now
    for name, ago in (("c1", 40), ("c2", 60)):
        house.contact(name).told = Told(at=before - ago * SECOND, position=9)
    report = house.control.waits(house.now)
    assert report is not None
    assert list(report.contacts) == ["c3", "c2", "c1"]
    assert report.at == before


def test_an_agent_whom_only_facts_name_can_nothing() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    offer = house.offer_of("c1")
    assert offer is not None
    house.tell(
        c.OfferReported(
            offer=offer.offer, contact=offer.contact, agent=AgentId("ann"),
            outcome=c.OfferOutcome.DECLINED,
        )
    )  # fmt: skip
    house.tell(
        c.OfferReported(
            offer=offer.offer, contact=offer.contact, agent=AgentId("zed"),
            outcome=c.OfferOutcome.ACCEPTED,
        )
    )  # fmt: skip
    assert house.control.skills[AgentId("zed")] == {}
    assert house.control.waits(house.now) is None


def test_two_queues_are_enough_for_a_circle() -> None:
    def to(name: str) -> Plan:
        return Plan(steps=(PlanStep(after_seconds=9, queue=QueueId(name)),))

    pair = (queue("sales", plan=to("other")), queue("other", plan=to("sales")))
    assert problems_of(center(queues=pair)) == [
        "queue sales: plan: overflow goes round: sales -> other -> sales; end it with an exit"
    ]
