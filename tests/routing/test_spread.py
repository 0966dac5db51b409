"""Durations in little room: nothing of the mean is lost, what has lasted is taken into account."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log
from statistics import fmean

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import HOUR, MINUTE, SECOND, Micros
from callcenter.routing.experience import RATE_MICROS, Experience, Rate, pooled
from callcenter.routing.spread import (
    EDGES,
    REMEMBERED,
    SEEN_MIN,
    WEIGHT,
    Patience,
    Spread,
    cut,
    memoryless,
)

N = 64


def spread(*durations: float) -> Spread:
    made = Spread()
    for duration in durations:
        made.add(round(duration * SECOND))
    return made


def exponential(mean: float, number: int = 500) -> list[float]:
    """Evenly chosen values of the law."""
    return [-mean * log(1 - (n + 0.5) / number) for n in range(number)]


@given(st.lists(st.integers(0, 6 * HOUR), min_size=1, max_size=200))
def test_slots_have_the_mean_of_what_was_seen(durations: list[Micros]) -> None:
    seen = Spread()
    for duration in durations:
        seen.add(duration)
    slots = seen.slots(N)
    assert len(slots) == N
    assert list(slots) == sorted(slots)
    assert fmean(slots) == pytest.approx(fmean(durations), rel=1e-6, abs=1)
    assert seen.mean == pytest.approx(fmean(durations), rel=1e-6, abs=1)


def test_what_always_takes_as_long_has_that_much_less_to_go() -> None:
    seen = spread(*[180] * 40)
    for left in seen.slots(N, 60 * SECOND):
        assert left == pytest.approx(120 * SECOND, abs=10 * SECOND)
    assert fmean(seen.slots(N, 60 * SECOND)) == pytest.approx(120 * SECOND)


def test_what_remains_of_an_exponential_talk_does_not_depend_on_its_age() -> None:
    seen = spread(*exponential(180))
    for age in (0, 30, 120, 400):
        assert fmean(seen.slots(N, age * SECOND)) == pytest.approx(180 * SECOND, rel=0.08)
    fifth = seen.slots(N)[int(0.8 * N)]
    assert fifth == pytest.approx(-180 * SECOND * log(0.2), rel=0.06)


def test_a_talk_longer_than_any_seen_is_expected_to_last_a_mean_one_more() -> None:
    assert fmean(spread(*[100] * 30).slots(N, HOUR)) == pytest.approx(100 * SECOND)


def test_the_old_is_forgotten() -> None:
    seen = spread(*[600] * 1000, *[60] * 4 * REMEMBERED)
    assert seen.mean < 120 * SECOND
    assert seen.total <= 2 * REMEMBERED * WEIGHT
    assert seen.seen == 1000 + 4 * REMEMBERED
    assert len(seen.counts) == len(EDGES), "a year is no larger than a day"


def test_few_are_thin() -> None:
    assert spread(*[5] * (SEEN_MIN - 1)).is_thin
    assert not spread(*[5] * SEEN_MIN).is_thin
    assert Spread().slots(4) == (0.0,) * 4


def test_a_spread_survives_being_written_down() -> None:
    seen = spread(*exponential(90))
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(seen), type=Spread)
    assert again == seen
    assert again.slots(N, 7 * SECOND) == seen.slots(N, 7 * SECOND)


def test_two_spreads_together_are_as_if_all_had_been_seen_by_one() -> None:
    one, other = Experience(talk=spread(10, 20)), Experience(talk=spread(30, 400))
    assert pooled([one, other, Experience()]).talk == spread(10, 20, 30, 400)


def test_the_memoryless_law_has_its_mean_and_its_percentile() -> None:
    slots = cut(memoryless(100.0), N)
    assert fmean(slots) == pytest.approx(100.0)
    assert slots[N // 2] == pytest.approx(100 * log(2), rel=0.05)


def test_calls_that_last_still_keep_a_young_center_from_thinking_all_calls_short() -> None:
    """Forty exponential calls begun at once, looked at after one mean: the law is recovered."""
    lives = exponential(180, 40)
    young = spread(*(life for life in lives if life < 180))
    still = spread(*[180] * sum(life >= 180 for life in lives))
    assert young.mean < 90 * SECOND
    assert fmean(young.law(still).slots(N)) == pytest.approx(180 * SECOND, rel=0.1)
    assert young.law(Spread()).slots(N) == young.slots(N)


# --- patience


def patience(gave_up: Sequence[float], stayed: Sequence[float]) -> Patience:
    made = Patience()
    for waited in gave_up:
        made.add(round(waited * SECOND), gave_up=True)
    for waited in stayed:
        made.add(round(waited * SECOND), gave_up=False)
    return made


def test_nobody_gave_up_so_nobody_will() -> None:
    assert set(patience([], [10] * 50).slots(N)) == {inf}


def test_who_was_answered_would_have_waited_longer() -> None:
    """Half give up after 60 s; most are answered before, which must not look like patience."""
    seen = patience([60] * 20, [30] * 300 + [200] * 20)
    slots = seen.slots(N, 40 * SECOND)
    gone = sum(value < 60 * SECOND for value in slots) / N
    assert gone == pytest.approx(0.5, abs=0.04)


def test_exponential_patience_is_recovered_from_waits_cut_off_by_answers() -> None:
    lives, answers = exponential(180, 400), exponential(90, 400)
    pairs = [(life, answers[(7 * n) % 400]) for n, life in enumerate(lives)]
    seen = patience([a for a, b in pairs if a < b], [b for a, b in pairs if b <= a])
    for waited in (30, 90, 180):
        left = sum(value > waited * SECOND for value in seen.slots(N)) / N
        assert left == pytest.approx(exp(-waited / 180), abs=0.06)


def test_waits_of_no_length_are_not_remembered() -> None:
    assert patience([], [0.0] * 1000) == Patience()


# --- arrivals


def test_a_rate_is_that_of_the_last_minutes() -> None:
    rate, now = Rate(), 0
    for _ in range(400):
        now += 15 * SECOND
        rate.count(now)
    assert rate.every(now) == pytest.approx(15 * SECOND, rel=0.05)
    assert rate.every(now + RATE_MICROS) == pytest.approx(15 * SECOND * exp(1), rel=0.05)
    for _ in range(40):
        now += MINUTE
        rate.count(now)
    assert rate.every(now) == pytest.approx(MINUTE, rel=0.1)


def test_what_happens_twice_at_once_happened_twice_and_none_of_it_has_faded() -> None:
    rate = Rate()
    rate.count(5)
    rate.count(5)
    assert rate.every(5) == RATE_MICROS / 2
    assert rate.every(4) == RATE_MICROS / 2, "a clock that steps back fades nothing"
