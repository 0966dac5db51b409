"""The agents' rows after any event are those that would be made from nothing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from callcenter.domain import events as e
from callcenter.domain.units import SECOND
from callcenter.records.live import LiveState
from callcenter.records.screens import AgentRow, agent_rows
from callcenter.web.grid import Grid
from tests.golden.make_journal import GOLDEN, read
from tests.records.stories import a_small_day

JOURNALS = sorted(GOLDEN.glob("journal-*/journal.bin"))


def without_clock(rows: list[AgentRow]) -> list[AgentRow]:
    """Occupancy follows from the clock, and is a second late at most."""
    return [msgspec.structs.replace(row, occupancy=None) for row in rows]


def told(events: list[e.Event], step: int) -> None:
    """Rows after every so many events."""
    live, grid = LiveState(), Grid()
    for number, event in enumerate(events):
        grid.touch(live, event)
        live.apply(event)
        if number % step == 0:
            now = live.data.at
            made = agent_rows(live, now)
            assert without_clock(grid.rows(live, now)) == without_clock(made), (number, event)


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.parent.name)
def test_rows_are_those_that_would_be_made_from_nothing(journal: Path, step: int) -> None:
    steps = read(journal.read_bytes()).steps
    told([event for one in steps for event in one.events], step)


def test_rows_of_a_small_day_at_each_event() -> None:
    told(a_small_day().journal, 1)


def test_a_row_that_nothing_happened_to_is_the_very_same() -> None:
    live, grid, house = LiveState(), Grid(), a_small_day()
    for event in house.journal:
        grid.touch(live, event)
        live.apply(event)
    now = live.data.at
    shown = [grid.rows(live, now + passed) for passed in (0, SECOND // 2, 2 * SECOND)]
    ben = [next(row for row in rows if row.id == "ben") for rows in shown]
    assert all(one is other or one != other for one, other in pairwise(ben))
    assert ben[0] is ben[1]
