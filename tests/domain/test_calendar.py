"""Opening times are local: time zones, summer time, holidays, and periods past midnight."""

from datetime import UTC, datetime

import pytest

from callcenter.domain.calendar import OpenState, next_change, state_at
from callcenter.domain.center import Calendar, Period
from callcenter.domain.units import SECOND, Micros

WORKDAYS = tuple(Period(weekday=day, opens=9 * 60, closes=17 * 60) for day in range(5))
MADRID = Calendar(
    name="madrid",
    timezone="Europe/Madrid",
    periods=WORKDAYS,
    holidays=frozenset({"2026-12-25"}),
)


def at(text: str) -> Micros:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("utc", "state"),
    [
        ("2026-11-23T07:59:59", OpenState.CLOSED),
        ("2026-11-23T08:00:00", OpenState.OPEN),
        ("2026-11-23T15:59:59", OpenState.OPEN),
        ("2026-11-23T16:00:00", OpenState.CLOSED),
        ("2026-07-20T07:00:00", OpenState.OPEN),
        ("2026-11-22T10:00:00", OpenState.CLOSED),
        ("2026-12-25T10:00:00", OpenState.HOLIDAY),
        ("2026-12-24T23:30:00", OpenState.HOLIDAY),
    ],
)
def test_a_calendar_opens_by_local_time(utc: str, state: OpenState) -> None:
    assert state_at(MADRID, at(utc)) is state


@pytest.mark.parametrize(
    ("utc", "state"),
    [
        ("2026-11-27T21:59:00", OpenState.CLOSED),
        ("2026-11-27T22:00:00", OpenState.OPEN),
        ("2026-11-28T05:59:00", OpenState.OPEN),
        ("2026-11-28T06:00:00", OpenState.CLOSED),
    ],
)
def test_a_period_may_run_past_midnight(utc: str, state: OpenState) -> None:
    night = Calendar(name="night", periods=(Period(weekday=4, opens=22 * 60, closes=6 * 60),))
    assert state_at(night, at(utc)) is state


def test_a_calendar_without_periods_is_always_open_but_on_holidays() -> None:
    always = Calendar(name="always", holidays=frozenset({"2026-01-01"}))
    assert state_at(always, at("2026-03-01T03:00:00")) is OpenState.OPEN
    assert state_at(always, at("2026-01-01T03:00:00")) is OpenState.HOLIDAY


@pytest.mark.parametrize(
    ("utc", "change"),
    [
        ("2026-11-23T07:00:00", "2026-11-23T08:00:00"),
        ("2026-11-23T10:00:00", "2026-11-23T16:00:00"),
        ("2026-11-27T16:00:00", "2026-11-30T08:00:00"),
        ("2026-12-24T10:00:00", "2026-12-24T16:00:00"),
        ("2026-12-24T20:00:00", "2026-12-24T23:00:00"),
    ],
)
def test_the_next_change_is_by_local_time_and_knows_holidays(utc: str, change: str) -> None:
    assert next_change(MADRID, at(utc)) == at(change)


def test_what_is_always_open_has_no_next_change() -> None:
    assert next_change(Calendar(name="always"), at("2026-11-23T10:00:00")) is None
