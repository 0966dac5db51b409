"""Looking ahead, future by future: in worlds so small that everything can be told by hand."""

from __future__ import annotations

from math import inf

import pytest

from callcenter.domain.units import SECOND, Micros
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
    outlook,
    paths_for,
    permutations,
)
from callcenter.routing.spread import Slots

NOW: Micros = 1_800_000_000 * SECOND
PATHS_HERE = 16
NO_RING = Handling((0.0,), (0.0,), (0.0,))


def always(span: float) -> Slots:
    return (span * SECOND,) * PATHS_HERE


def handling(talk: float, ring: float = 0, wrap: float = 0) -> Handling:
    return Handling(always(ring), always(talk), always(wrap))


def caller(number: int, *, kinds: int = 0b1, talk: float = 100, **settings: object) -> Caller:
    rings = settings.pop("rings", (Ring(0, kinds, (NOW - (100 - number) * SECOND, number)),))
    return Caller(number, rings, handling(talk), **settings)  # type: ignore[arg-type]


def busy(number: int, span: float, kind: int = 0) -> Desk:
    return Desk(kind, number, (always(span),))


def waits(
    desks: list[Desk],
    callers: list[Caller],
    streams: tuple[Stream, ...] = (),
    reserves: tuple[Reserve, ...] = (),
) -> list[float | None]:
    """What each is to expect, in seconds."""
    scene = Scene(NOW, PATHS_HERE, tuple(desks), tuple(callers), streams, reserves)
    found = [one.expected for one in look_ahead(scene)]
    return [None if one is None else one / SECOND for one in found]


# --- what is made of the times of all futures


def test_the_promise_is_the_value_that_four_of_five_futures_keep() -> None:
    """Of 64 futures the 52nd, of 16 between the 12th and the 13th."""
    times = [float(n) for n in range(64)]
    assert outlook(3, times, NO_RING) == Outlook(3, 31.5, 51.0)
    found = outlook(1, [10.0 * n for n in range(16)], NO_RING)
    assert found.expected == 75.0
    assert found.promised == pytest.approx(126.0)


def test_a_promise_needs_as_many_futures_that_serve_her_as_its_rank() -> None:
    just = [*range(52), *[inf] * 12]
    assert outlook(1, list(map(float, just)), NO_RING) == Outlook(1, 25.5, 51.0)
    assert outlook(1, [*map(float, range(51)), *[inf] * 13], NO_RING) == Outlook(1, None, None)
    fewer = [*map(float, range(13)), inf, inf, inf]
    assert outlook(1, fewer, NO_RING).promised is None, "between the 13th and nothing"
    assert outlook(1, [*map(float, range(14)), inf, inf], NO_RING).promised is not None


def test_the_mean_time_of_ringing_is_added_to_both() -> None:
    rings = Handling((2.0, 4.0), (0.0,), (0.0,))
    assert outlook(1, [10.0] * 64, rings) == Outlook(1, 13.0, 13.0)


def test_futures_are_halved_until_the_crowd_fits_and_never_below_the_least() -> None:
    assert paths_for(STEPS_MAX // PATHS) == PATHS
    assert paths_for(STEPS_MAX // PATHS + 1) == PATHS // 2
    assert paths_for(2 * STEPS_MAX // PATHS + 1) == PATHS // 4
    assert paths_for(STEPS_MAX) == PATHS_MIN


def test_each_order_of_slots_has_each_slot_once_and_they_differ() -> None:
    orders = permutations(PATHS_HERE)
    assert all(sorted(order) == list(range(PATHS_HERE)) for order in orders)
    assert len(set(orders)) == len(orders)
    for slot in range(PATHS_HERE):
        found = [order[slot] for order in orders]
        assert sum(found) / len(found) == pytest.approx((PATHS_HERE - 1) / 2, abs=0.6)


# --- agents


def test_work_in_hand_is_over_after_all_its_spans_within_its_bounds() -> None:
    spans = (always(10), always(20), always(30))
    assert waits([Desk(0, 0, spans)], [caller(0)]) == [60]
    assert waits([Desk(0, 0, spans, 90 * SECOND)], [caller(0)]) == [90]
    assert waits([Desk(0, 0, spans, 0, 40.0 * SECOND)], [caller(0)]) == [40]
    assert waits([Desk(0, 0, (), 7 * SECOND)], [caller(0)]) == [7], "she rests"


def test_who_gives_up_ahead_takes_nobodys_time() -> None:
    gone = caller(0, patience=always(29))
    stays = caller(0, patience=always(30))
    assert waits([busy(0, 30)], [gone, caller(1)]) == [30, 30]
    assert waits([busy(0, 30)], [stays, caller(1)]) == [30, 130], "to the very moment"


def test_an_agent_who_finds_a_caller_gone_is_there_for_the_next() -> None:
    """The ring of one who has given up widens to a free agent: she stays free for the third."""
    place = (NOW - 100 * SECOND, 0)
    gone = caller(0, rings=(Ring(0, 0b01, place), Ring(40 * SECOND, 0b11, place)))
    gone = gone._replace(patience=always(20))
    later = (NOW - 50 * SECOND, 1)
    third = caller(1, rings=(Ring(0, 0b01, later), Ring(60 * SECOND, 0b11, later)))
    assert waits([Desk(1, 0)], [gone, third]) == [40, 60]


# --- callers


def test_a_ring_that_widens_to_nobody_free_waits_on_in_the_wider_ring() -> None:
    place = (NOW, 0)
    one = caller(0, rings=(Ring(0, 0b01, place), Ring(10 * SECOND, 0b11, place)))
    assert waits([busy(0, 500), busy(1, 70, kind=1)], [one]) == [70]


def test_a_step_may_move_her_before_others() -> None:
    late = (NOW, 9)
    moved = (NOW - 900 * SECOND, 9)
    one = caller(9, rings=(Ring(0, 0b1, late), Ring(10 * SECOND, 0b1, moved)))
    assert waits([busy(0, 30)], [caller(0), one]) == [130, 30]
    assert waits([busy(0, 5)], [caller(0), one]) == [5, 105]


def test_who_is_let_go_in_the_moment_an_agent_comes_free_has_been_served() -> None:
    assert waits([busy(0, 60)], [caller(0, leaves_at=60.0 * SECOND)]) == [60]
    assert waits([busy(0, 61)], [caller(0, leaves_at=60.0 * SECOND)]) == [None]


def test_with_targets_one_without_any_counts_every_second() -> None:
    """Millionths apart: 90 s of 300 are less than 10 s of one."""
    slow = caller(0, target=300, rings=(Ring(0, 0b1, (NOW - 90 * SECOND, 0)),))
    none = caller(1, target=0, rings=(Ring(0, 0b1, (NOW - 10 * SECOND, 1)),))
    assert waits([busy(0, 20)], [slow, none]) == [120, 20]
    ten = caller(2, target=10, rings=(Ring(0, 0b1, (NOW - 180 * SECOND, 2)),))
    assert waits([busy(0, 20)], [ten, none]) == [120, 20], "20 targets are less than 30"


def test_of_equal_shares_of_their_targets_the_earlier_is_first() -> None:
    place = Ring(0, 0b1, (NOW - 30 * SECOND, 1))
    late = Ring(0, 0b1, (NOW - 30 * SECOND, 5))
    one = caller(5, target=60, rings=(late,))
    other = caller(1, target=60, keeper=1, rings=(place,))
    assert waits([busy(0, 20)], [one, other]) == [120, 20]
    assert waits([busy(0, 20)], [other, one]) == [20, 120]


# --- kept agents


def test_as_many_as_are_kept_stay_free_and_one_more_is_given() -> None:
    kept = (Reserve(1, 0b1, 2),)
    others = [caller(n) for n in range(2)]
    free = [Desk(0, n) for n in range(3)]
    assert waits(free, others, reserves=kept) == [0, 100]
    assert waits(free[:2], others[:1], reserves=kept) == [None]


def test_agents_of_other_kinds_are_kept_for_nobody() -> None:
    kept = (Reserve(1, 0b01, 1),)
    both = [Desk(0, 0), Desk(1, 1)]
    assert waits(both, [caller(0, kinds=0b10)], reserves=kept) == [0]
    assert waits(both, [caller(0, kinds=0b01)], reserves=kept) == [None]
    two = [Desk(0, 0), Desk(0, 2), Desk(1, 1)]
    assert waits(two, [caller(0, kinds=0b01)], reserves=kept) == [0]


def test_each_of_several_reserves_is_kept() -> None:
    first, second = Reserve(1, 0b1, 1), Reserve(2, 0b1, 2)
    free = [Desk(0, n) for n in range(2)]
    assert waits(free, [caller(0)], reserves=(first, second)) == [None]
    assert waits(free, [caller(0)], reserves=(first,)) == [0]
    assert waits(free, [caller(0, keeper=2)], reserves=(first, second)) == [0]


# --- who comes in between


def stream(every: float, ahead: float, **settings: object) -> Stream:
    return Stream(0, every * SECOND, round(ahead * SECOND), 0b1, handling(50), **settings)  # type: ignore[arg-type]


def test_who_comes_later_is_served_before_only_if_she_stands_ahead() -> None:
    desks, line = [busy(0, 30)], [caller(0)]
    assert waits(desks, line, (stream(1, 0),)) == [30]
    overtaken = waits(desks, line, (stream(1, 10_000, patience=always(5)),))
    assert overtaken[0] is not None
    assert overtaken[0] > 80


def test_a_newcomer_who_gives_up_counts_from_when_she_came() -> None:
    """All urgent ones who come have gone again before an agent is free, but for the last few."""
    patient = waits([busy(0, 300)], [caller(0)], (stream(60, 200),))
    hasty = waits([busy(0, 300)], [caller(0)], (stream(60, 200, patience=always(1)),))
    assert patient[0] is not None
    assert hasty[0] is not None
    assert 300 <= hasty[0] < patient[0]


def test_nobody_goes_on_playing_when_everybody_is_served_or_gone() -> None:
    """Callers for whom agents are kept would come for ever."""
    kept, vip = (Reserve(1, 0b1, 1),), stream(10, 0, keeper=1)
    assert waits([busy(0, 300)], [caller(0, leaves_at=60.0 * SECOND)], (vip,), kept) == [None]
    assert waits([busy(0, 300)], [caller(0, keeper=1)], (vip,), kept) == [300]


def test_for_whom_agents_are_kept_others_wait_though_they_were_there_before() -> None:
    """Two are free at last, and one of them is kept for those who will come."""
    kept, vip = (Reserve(1, 0b1, 1),), stream(40, 0, keeper=1)
    alone = waits([busy(0, 30), busy(1, 60)], [caller(0)], reserves=kept)
    beside = waits([busy(0, 30), busy(1, 60)], [caller(0)], (vip,), kept)
    assert alone == [60]
    assert beside[0] is None or beside[0] > 60
