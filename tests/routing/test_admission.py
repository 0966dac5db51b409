"""Who may wait, and by which exit the others go on."""

from __future__ import annotations

from callcenter.domain.calendar import is_open
from callcenter.domain.center import Calendar, Period
from callcenter.domain.events import QueueExit
from callcenter.domain.units import SECOND
from callcenter.routing.admission import refusal
from tests.control.house import queue

MONDAY_NOON = 1_792_411_200 * SECOND
NEVER_TODAY = Calendar(name="k", periods=(Period(weekday=6, opens=0, closes=60),))


def test_a_queue_without_a_calendar_never_closes() -> None:
    assert is_open(None, MONDAY_NOON)
    assert not is_open(NEVER_TODAY, MONDAY_NOON)


def test_closed_comes_before_full_and_full_before_unstaffed() -> None:
    strict = queue(waiting_max=1, unstaffed_exit=True)

    def exit_of(calendar: Calendar | None, waiting: int, staffed: bool) -> QueueExit | None:
        return refusal(strict, calendar=calendar, waiting=waiting, staffed=staffed, now=MONDAY_NOON)

    assert exit_of(NEVER_TODAY, 1, False) is QueueExit.CLOSED
    assert exit_of(None, 1, False) is QueueExit.FULL
    assert exit_of(None, 0, False) is QueueExit.UNSTAFFED
    assert exit_of(None, 0, True) is None
