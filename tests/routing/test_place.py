"""The place in line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.center import PRIORITY_MAX
from callcenter.domain.units import SECOND
from callcenter.routing.place import key_of, priority_of, used_up
from tests.control.house import queue

times = st.integers(0, 10**15)
priorities = st.integers(0, PRIORITY_MAX)


@given(times, times, priorities)
def test_equal_priorities_are_served_in_order_of_arrival(one: int, other: int, p: int) -> None:
    assert (key_of(one, p, 60) < key_of(other, p, 60)) is (one < other)


@given(times, priorities, priorities)
def test_nobody_is_overtaken_by_those_who_come_ten_steps_later(
    since: int, low: int, high: int
) -> None:
    later = since + PRIORITY_MAX * 60 * SECOND + 1
    assert key_of(since, low, 60) < key_of(later, high, 60)


def test_without_ageing_priority_means_nothing() -> None:
    assert key_of(5, 10, 0) == key_of(5, 0, 0) == 5


def test_the_queues_priority_stands_in_for_a_contact_without_one() -> None:
    assert priority_of(None, queue(priority=7)) == 7
    assert priority_of(0, queue(priority=7)) == 0
    assert (priority_of(-4, queue()), priority_of(44, queue())) == (0, 10)


def test_the_share_of_a_target_is_counted_in_millionths_and_no_target_is_a_second() -> None:
    assert used_up(10, 1, 17) == 7
    assert used_up(10, 0, 17) == 7
    assert used_up(0, 20, 10 * SECOND) == 500_000
    assert used_up(0, 2, 7) == 3
