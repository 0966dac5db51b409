"""Durations in bins, to the microsecond: what one duration leaves behind, and what is made of it."""

from __future__ import annotations

from math import inf

import pytest

from callcenter.domain.units import HOUR, SECOND
from callcenter.routing.experience import Experience, pooled
from callcenter.routing.spread import (
    EDGES,
    REMEMBERED,
    STEPS,
    WEIGHT,
    Law,
    Part,
    Patience,
    Spread,
    after,
    bin_of,
    cut,
    memoryless,
    survival,
)

S = float(SECOND)


def of(*durations: int) -> Spread:
    made = Spread()
    for duration in durations:
        made.add(duration)
    return made


# --- bins


def test_a_duration_on_an_edge_is_in_the_bin_that_begins_there() -> None:
    assert [bin_of(EDGES[n]) for n in (0, 1, 2, 60)] == [0, 1, 2, 60]
    assert [bin_of(EDGES[n] - 1) for n in (1, 2, 60)] == [0, 1, 59]
    assert bin_of(-5) == 0


def test_one_duration_counts_its_weight_and_a_negative_one_is_none() -> None:
    made = of(-7, 0, 3 * SECOND)
    assert (made.seen, made.total) == (3, 3 * WEIGHT)
    assert (made.counts[0], made.sums[0]) == (2 * WEIGHT, 0)
    at = bin_of(3 * SECOND)
    assert (made.counts[at], made.sums[at]) == (WEIGHT, WEIGHT * 3 * SECOND)


def test_one_more_than_is_remembered_twice_halves_everything() -> None:
    made = of(*[SECOND] * 2 * REMEMBERED)
    assert (made.halved, made.total) == (0, 2 * REMEMBERED * WEIGHT)
    made.add(SECOND)
    assert (made.halved, made.total) == (1, (2 * REMEMBERED + 1) * WEIGHT // 2)
    assert made.mean == SECOND


def test_halving_an_odd_count_keeps_the_mean() -> None:
    made = Spread(seen=1, total=5, counts=[5, 0], sums=[50, 0])
    made.halve()
    assert (made.counts, made.sums, made.total, made.halved) == ([2, 0], [20, 0], 2, 1)


def test_what_two_saw_is_added_bin_by_bin_and_nothing_adds_nothing() -> None:
    one, other = of(2 * SECOND), of(2 * SECOND, 9 * SECOND)
    one.add_all(other)
    assert one == of(2 * SECOND, 2 * SECOND, 9 * SECOND)
    one.add_all(Spread())
    assert one == of(2 * SECOND, 2 * SECOND, 9 * SECOND)
    nothing = Spread()
    nothing.add_all(Spread())
    assert nothing == Spread()


def test_ring_talk_and_wrap_up_of_several_queues_are_pooled_each_by_itself() -> None:
    one = Experience(ring=of(1 * SECOND), talk=of(2 * SECOND), wrap=of(3 * SECOND))
    whole = pooled([one, one])
    assert whole.ring == of(SECOND, SECOND)
    assert whole.talk == of(2 * SECOND, 2 * SECOND)
    assert whole.wrap == of(3 * SECOND, 3 * SECOND)
    assert one.ring == of(SECOND), "and nothing of theirs is changed"


# --- parts and laws


def test_a_part_reaches_as_far_to_both_sides_as_its_bin_lets_it() -> None:
    low, high = EDGES[bin_of(3 * SECOND)], EDGES[bin_of(3 * SECOND) + 1]
    near_low = of(low + 10)
    assert near_low.parts() == [Part(WEIGHT, low, low + 20)]
    near_high = of(high - 10)
    assert near_high.parts() == [Part(WEIGHT, high - 20, high)]


def test_the_last_bin_has_no_end_and_reaches_as_far_above_its_mean_as_below() -> None:
    last = EDGES[-1]
    assert of(last + 100).parts() == [Part(WEIGHT, last, last + 200)]
    assert of(EDGES[-2] + 100).parts() == [Part(WEIGHT, EDGES[-2], EDGES[-2] + 200)]
    assert of(last - 100).parts() == [Part(WEIGHT, last - 200, last)]
    assert of(EDGES[-2] - 100).parts() == [Part(WEIGHT, EDGES[-2] - 200, EDGES[-2])]


def test_the_shares_of_a_law_add_up_to_one_and_it_knows_the_weight_of_what_was_seen() -> None:
    law = of(SECOND, SECOND, SECOND, 60 * SECOND).law()
    assert [part.share for part in law.parts] == [0.75, 0.25]
    assert law.seen == 4 * WEIGHT
    assert Spread().law() == Law([], 0.0)
    assert of(SECOND).law(Spread()) == of(SECOND).law()


def test_a_part_that_has_begun_to_end_is_left_in_the_share_that_is_left() -> None:
    part = Part(0.5, 10.0, 30.0)
    assert after(part, 4.0) == Part(0.5, 6.0, 26.0)
    assert after(part, 10.0) == Part(0.5, 0.0, 20.0)
    assert after(part, 25.0) == Part(0.125, 0.0, 5.0)
    assert after(part, 30.0) == Part(0.0, 0.0, 0.0)
    assert after(Part(0.5, 30.0, 30.0), 30.0) == Part(0.5, 0.0, 0.0)
    assert after(Part(0.5, 30.0, 30.0), 31.0).share == 0


def test_of_a_law_what_has_gone_by_is_left_out() -> None:
    law = Law([Part(0.5, 10.0, 10.0), Part(0.5, 20.0, 40.0)], 1e9)
    assert law.slots(2, 30) == (2.5, 7.5)
    assert law.slots(2, 0) == (10.0, 30.0)
    assert law.slots(2, 10) == (0.0, 20.0), "who ends in this moment has nothing left"


def test_what_remains_is_told_by_the_mean_where_fewer_than_four_lasted_so_long() -> None:
    parts = [Part(0.5, 10.0, 10.0), Part(0.5, 50.0, 50.0)]
    assert Law(parts, 8.0 * WEIGHT).slots(2, 30) == (20.0, 20.0), "four of eight"
    assert Law(parts, 7.9 * WEIGHT).slots(2, 30) == cut(memoryless(30.0), 2)
    moments = [Part(1.0, 0.0, 0.5)]
    assert Law(moments, 1.0).slots(2, 30) == cut(memoryless(1.0), 2), "at least a microsecond"


def test_the_memoryless_law_is_in_equal_pieces_each_a_point() -> None:
    parts = memoryless(100.0)
    assert len(parts) == STEPS
    assert {part.share for part in parts} == {1 / STEPS}
    assert all(part.low == part.high for part in parts)
    assert sum(part.low for part in parts) / STEPS == pytest.approx(100.0)
    assert parts[0].low == pytest.approx(1.5791, abs=1e-3)
    assert parts[-1].low == pytest.approx(446.5736, abs=1e-3)


# --- cut off


def test_half_of_those_cut_off_in_a_bin_are_at_risk_in_it() -> None:
    """Four ends in one bin and four cut off in it, then four more ends: 4 of 10, then all."""
    ended = of(*[SECOND] * 4, *[60 * SECOND] * 4)
    law = survival(ended, of(*[SECOND] * 4), 0)
    assert [part.share for part in law.parts] == pytest.approx([0.4, 0.6])
    assert law.seen == 12 * WEIGHT


def test_beyond_what_was_seen_the_law_ends_at_the_mean_rate() -> None:
    """One ended after 1 s, one was cut off after 60 s: half is left, as long as nobody saw."""
    law = survival(of(SECOND), of(60 * SECOND), 0)
    seen, *tail = law.parts
    assert (seen.share, seen.high) == (0.5, SECOND)
    assert sum(part.share for part in tail) == pytest.approx(0.5)
    assert len(tail) == STEPS
    exponential = memoryless(61 * S)
    assert [part.low for part in tail] == [pytest.approx(SECOND + one.low) for one in exponential]
    assert [part.high for part in tail] == [pytest.approx(SECOND + one.high) for one in exponential]


def test_where_all_ended_nothing_is_added() -> None:
    law = survival(of(SECOND, 60 * SECOND), of(SECOND), 0)
    assert len(law.parts) == 2
    assert sum(part.share for part in law.parts) == pytest.approx(1.0)


def test_what_fewer_than_a_few_lasted_to_see_is_not_believed() -> None:
    ended, cut_off = of(SECOND, 60 * SECOND, 600 * SECOND), of(2 * SECOND)
    believed = survival(ended, cut_off, 2 * WEIGHT)
    assert [part.high for part in believed.parts[:2]] == [
        part.high for part in survival(ended, cut_off, 0).parts[:2]
    ]
    assert len(believed.parts) == 2 + STEPS, "the third was seen by one only"


def test_patience_of_which_only_those_cut_off_are_known_is_endless() -> None:
    patience = Patience()
    patience.add(HOUR, gave_up=False)
    assert patience.slots(3) == (inf, inf, inf)


def test_patience_forgets_both_kinds_of_waits_at_once() -> None:
    patience = Patience()
    for _ in range(REMEMBERED):
        patience.add(SECOND, gave_up=True)
        patience.add(SECOND, gave_up=False)
    assert (patience.gave_up.halved, patience.stayed.halved) == (0, 0)
    patience.add(SECOND, gave_up=True)
    assert (patience.gave_up.halved, patience.stayed.halved) == (1, 1)


def test_a_wait_of_a_second_tells_that_she_stayed_and_a_shorter_one_nothing() -> None:
    patience = Patience()
    patience.add(SECOND - 1, gave_up=False)
    patience.add(SECOND, gave_up=False)
    patience.add(0, gave_up=True)
    assert (patience.stayed.seen, patience.gave_up.seen) == (1, 1)


# --- cutting into equally likely values


def test_each_value_is_the_mean_of_its_share() -> None:
    assert cut([Part(1.0, 0.0, 40.0)], 4) == (5.0, 15.0, 25.0, 35.0)
    assert cut([Part(0.25, 0.0, 0.0), Part(0.75, 10.0, 40.0)], 2) == (7.5, 30.0)
    assert cut([Part(3.0, 2.0, 2.0), Part(1.0, 10.0, 10.0)], 2) == (2.0, 6.0)


def test_values_that_are_missing_by_a_rounding_are_as_the_last() -> None:
    thirds = [Part(1 / 3, 3.0 * n, 3.0 * n) for n in range(3)]
    for number in (1, 2, 3, 5, 7, 11, 64, 97):
        values = cut(thirds, number)
        assert len(values) == number
        assert sum(values) / number == pytest.approx(3.0)


def test_no_parts_are_spans_of_no_length() -> None:
    assert Law([], 0.0).slots(3) == (0.0, 0.0, 0.0)
    assert Law([], 0.0).slots(3, 5) == (0.0, 0.0, 0.0)
