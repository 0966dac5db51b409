"""Is a calendar open at a moment of center time?

Why: flows ask it (`hours`) and queues obey it; the two must never disagree, so it is one function
of the calendar and the clock. Periods are local: a center that opens at nine opens at nine on both
sides of a change to summer time. A period whose `closes` is not after `opens` runs past midnight.

Sources: IANA time zone names (`zoneinfo`).
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from callcenter.domain.center import Calendar
from callcenter.domain.units import SECOND, Micros

DAY_MINUTES = 24 * 60


class OpenState(StrEnum):
    """The exits of `hours`, by name."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """The IANA zone, or UTC for a name nobody knows (configuration refuses those earlier)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def state_at(calendar: Calendar, at: Micros) -> OpenState:
    """Open, closed or holiday at center time `at`. No periods at all means always open."""
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone(calendar.timezone))
    if local.date().isoformat() in calendar.holidays:
        return OpenState.HOLIDAY
    if not calendar.periods:
        return OpenState.OPEN
    minute = local.hour * 60 + local.minute
    yesterday = (local - timedelta(days=1)).weekday()
    for period in calendar.periods:
        past_midnight = period.closes <= period.opens
        today = period.weekday == local.weekday()
        if today and period.opens <= minute and (past_midnight or minute < period.closes):
            return OpenState.OPEN
        if past_midnight and period.weekday == yesterday and minute < period.closes:
            return OpenState.OPEN
    return OpenState.CLOSED


def is_open(calendar: Calendar | None, at: Micros) -> bool:
    """Whether a queue of this calendar is open; without one it always is."""
    return calendar is None or state_at(calendar, at) is OpenState.OPEN


CHANGE_DAYS_MAX = 14
"""A calendar that stays as it is for longer has no next change worth telling."""


def next_change(calendar: Calendar, at: Micros) -> Micros | None:
    """When the calendar is next in another state than at `at`; None within two weeks."""
    now = state_at(calendar, at)
    place = zone(calendar.timezone)
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(place)
    minutes = sorted({0, *(m % DAY_MINUTES for p in calendar.periods for m in (p.opens, p.closes))})
    for days in range(CHANGE_DAYS_MAX + 1):
        day = local.date() + timedelta(days=days)
        for minute in minutes:
            when = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=place)
            change = int(when.timestamp()) * SECOND
            if change > at and state_at(calendar, change) is not now:
                return change
    return None
