"""Played forward from the live state: the exact laws where there are any, and the rules of the house."""

from __future__ import annotations

from math import inf, log
from statistics import fmean

import pytest

from callcenter.domain.units import MINUTE, SECOND, Micros
from callcenter.routing.lookahead import (
    PATHS,
    PATHS_MIN,
    STEPS_MAX,
    Caller,
    Desk,
    Handling,
    Outlook,
    Reserve,
    Ring,
    Scene,
    Stream,
    look_ahead,
    paths_for,
)
from callcenter.routing.spread import Slots, cut, memoryless

NOW: Micros = 1_800_000_000 * SECOND
NONE: Slots = (0.0,) * PATHS
ALL = 0b11


def law(mean: float) -> Slots:
    """Exponential, in seconds."""
    return cut(memoryless(mean * SECOND), PATHS)


def always(span: float) -> Slots:
    return (span * SECOND,) * PATHS


def talk(slots: Slots) -> Handling:
    return Handling(NONE, slots, NONE)


def caller(
    number: int,
    *,
    kinds: int = ALL,
    handling: Handling | None = None,
    patience: Slots = (),
    key: Micros | None = None,
    **settings: object,
) -> Caller:
    place = (NOW - MINUTE + number * SECOND if key is None else key, number)
    rings = (Ring(0, kinds, place),)
    return Caller(number, rings, handling or talk(law(180)), patience, **settings)  # type: ignore[arg-type]


def busy(number: int, slots: Slots, kind: int = 0) -> Desk:
    return Desk(kind, number, (slots,))


def ahead(
    desks: list[Desk],
    callers: list[Caller],
    streams: tuple[Stream, ...] = (),
    reserves: tuple[Reserve, ...] = (),
) -> list[Outlook]:
    return look_ahead(Scene(NOW, PATHS, tuple(desks), tuple(callers), streams, reserves))


def expected(outlook: Outlook) -> float:
    assert outlook.expected is not None
    return outlook.expected / SECOND


def promised(outlook: Outlook) -> float:
    assert outlook.promised is not None
    return outlook.promised / SECOND


# --- exact laws


@pytest.mark.parametrize("agents", [1, 5, 20])
@pytest.mark.parametrize("before", [0, 3, 15])
def test_the_wait_behind_others_is_that_of_erlang(agents: int, before: int) -> None:
    """M/M/n: who has k ahead waits for k + 1 ends of talk, each after 1/(n mu) on average."""
    desks = [busy(n, law(180)) for n in range(agents)]
    found = ahead(desks, [caller(n) for n in range(before + 1)])[before]
    mean = (before + 1) * 180 / agents
    assert expected(found) == pytest.approx(mean, rel=0.12)


def test_the_promise_is_the_percentile_of_erlang() -> None:
    """One agent, nobody ahead: four of five waits are shorter than -ln(0.2) mean talks."""
    found = ahead([busy(0, law(180))], [caller(0)])[0]
    assert promised(found) == pytest.approx(-180 * log(0.2), rel=0.05)
    assert expected(found) == pytest.approx(180, rel=0.01)


def test_who_gives_up_ahead_shortens_the_wait_as_in_the_exact_law() -> None:
    """M/M/n+M: sum over those ahead of 1/(n mu + i theta); the caller asked about stays."""
    agents, before, mu, theta = 6, 12, 1 / 180, 1 / 120
    desks = [busy(n, law(180)) for n in range(agents)]
    callers = [caller(n, patience=law(120)) for n in range(before + 1)]
    exact = sum(1 / (agents * mu + i * theta) for i in range(before + 1))
    assert expected(ahead(desks, callers)[before]) == pytest.approx(exact, rel=0.12)


def test_urgent_callers_to_come_stretch_the_wait_as_a_busy_period_does() -> None:
    """M/M/1, strict priority: mean 1/mu over 1 - rho."""
    urgent = Stream(0, 300.0 * SECOND, 3600 * SECOND, ALL, talk(law(100)))
    tries = [
        expected(ahead([busy(n, law(100))], [caller(n)], (urgent._replace(seed=n),))[0])
        for n in range(12)
    ]
    assert fmean(tries) == pytest.approx(100 / (1 - 100 / 300), rel=0.08)


def test_constant_talks_are_foreseen_to_the_second() -> None:
    desks = [busy(0, always(30)), busy(1, always(70))]
    callers = [caller(n, handling=talk(always(100))) for n in range(4)]
    assert [expected(one) for one in ahead(desks, callers)] == [30, 70, 130, 170]


# --- the rules of the house


def test_a_free_agent_means_no_wait() -> None:
    assert ahead([Desk(0, 0)], [caller(0)]) == [Outlook(1, 0.0, 0.0)]


def test_the_ringing_of_the_phone_is_part_of_the_wait() -> None:
    slow = Handling(always(6), always(100), always(20))
    found = ahead([Desk(0, 0)], [caller(0, handling=slow), caller(1, handling=slow)])
    assert [expected(one) for one in found] == [6, 6 + 100 + 20 + 6]


def test_nobody_there_means_that_nothing_is_known() -> None:
    assert ahead([], [caller(0)]) == [Outlook(1, None, None)]
    assert ahead([Desk(0, 0)], [caller(0, kinds=0b10)]) == [Outlook(1, None, None)]


def test_the_position_counts_those_ahead_for_whom_the_same_agents_are() -> None:
    callers = [
        caller(0, kinds=0b01),
        caller(1, kinds=0b10),
        caller(2, kinds=0b11),
        caller(3, kinds=0b10),
        caller(4, kinds=0b01),
        caller(5, kinds=0b100),
        caller(6, kinds=0),
    ]
    assert [one.position for one in ahead([], callers)] == [1, 1, 3, 3, 3, 1, 0]


def test_who_stands_ahead_is_decided_by_the_place_and_not_by_the_order_of_asking() -> None:
    late, early = caller(0, key=NOW), caller(1, key=NOW - 600 * SECOND)
    assert [one.position for one in ahead([], [late, early])] == [2, 1]
    desks = [busy(0, always(10))]
    handling = talk(always(50))
    callers = [late._replace(handling=handling), early._replace(handling=handling)]
    assert [expected(one) for one in ahead(desks, callers)] == [60, 10]


def test_agents_of_another_kind_are_no_help() -> None:
    desks = [busy(0, always(10), kind=0), busy(1, always(500), kind=1)]
    callers = [caller(n, kinds=0b10, handling=talk(always(100))) for n in range(2)]
    assert [expected(one) for one in ahead(desks, callers)] == [500, 600]


def test_an_agent_of_two_skills_goes_to_who_was_there_first() -> None:
    desks = [busy(0, always(20), kind=1), busy(1, always(100), kind=0)]
    callers = [caller(0, kinds=0b11), caller(1, kinds=0b10)]
    callers = [one._replace(handling=talk(always(200))) for one in callers]
    assert [expected(one) for one in ahead(desks, callers)] == [20, 220]


def test_who_asks_only_takes_nobodys_time() -> None:
    desks = [busy(0, always(10))]
    handling = talk(always(50))
    probe = caller(0, handling=handling, probe=True)
    found = ahead(desks, [probe, caller(1, handling=handling)])
    assert [expected(one) for one in found] == [10, 10]
    assert [one.position for one in found] == [1, 1]


def test_a_ring_that_widens_is_foreseen() -> None:
    desks = [busy(0, always(300), kind=0), Desk(1, 1)]
    one = caller(0, kinds=0b01)
    wider = Ring(45 * SECOND, 0b11, one.rings[0].place)
    found = ahead(desks, [one._replace(rings=(*one.rings, wider))])
    assert [expected(one) for one in found] == [45]


def test_a_caller_who_will_be_let_go_first_has_no_wait_to_be_told() -> None:
    found = ahead([busy(0, always(300))], [caller(0, leaves_at=60.0 * SECOND)])
    assert found == [Outlook(1, None, None)]


def test_who_comes_later_with_equal_standing_changes_nothing() -> None:
    desks = [busy(n, law(180)) for n in range(3)]
    callers = [caller(n) for n in range(5)]
    equals = Stream(0, 5.0 * SECOND, 0, ALL, talk(law(180)))
    assert ahead(desks, callers, (equals,)) == ahead(desks, callers)


def test_an_agent_kept_for_another_queue_is_not_counted_on() -> None:
    desks = [Desk(0, 0), busy(1, always(90))]
    found = ahead(desks, [caller(0)], reserves=(Reserve(1, ALL, 1),))
    assert [expected(one) for one in found] == [90]
    own = ahead(desks, [caller(0, keeper=1)], reserves=(Reserve(1, ALL, 1),))
    assert [expected(one) for one in own] == [0]


def test_with_targets_the_one_who_has_used_up_most_of_hers_is_first() -> None:
    desks = [busy(0, always(60))]
    handling = talk(always(100))
    patient = caller(0, key=NOW - 100 * SECOND, target=300, handling=handling)
    urgent = caller(1, key=NOW - 50 * SECOND, target=20, handling=handling)
    assert [expected(one) for one in ahead(desks, [patient, urgent])] == [160, 60]


def test_wrap_up_ends_at_its_time_and_rest_is_kept() -> None:
    wrapping = Desk(0, 0, (always(100),), 0, 25.0 * SECOND)
    resting = Desk(0, 1, (always(5),), 40 * SECOND)
    callers = [caller(n, handling=talk(always(500))) for n in range(2)]
    assert [expected(one) for one in ahead([wrapping, resting], callers)] == [25, 40]


# --- the method


def test_the_same_scene_has_the_same_outlook() -> None:
    desks = [busy(n, law(120), kind=n % 2) for n in range(7)]
    callers = [caller(n, kinds=1 + n % 3, patience=law(200)) for n in range(12)]
    assert ahead(desks, callers) == ahead(desks, callers)


def test_a_crowd_is_looked_at_along_fewer_paths() -> None:
    assert paths_for(50) == PATHS
    assert PATHS_MIN < paths_for(1000) < PATHS
    assert paths_for(10**6) == PATHS_MIN
    assert paths_for(1000) * 1000 <= STEPS_MAX


def test_futures_in_which_too_few_are_served_promise_nothing() -> None:
    """She is alone with an agent who may be lost for ever in a third of all futures."""
    sometimes = (*always(10)[: PATHS * 2 // 3], *(inf,) * (PATHS - PATHS * 2 // 3))
    assert ahead([busy(0, sometimes)], [caller(0)])[0].promised is None
