"""Where a local day begins and ends, in center time.

Why: "today" on the wall means the day of the people who look at it. A day is 23 or 25 hours long
when summer time begins or ends, so its end is computed from the calendar, never by adding 24 h.

Sources: IANA time zones (`zoneinfo`); RingCentral's precedent (local midnight, not UTC).
"""

from datetime import UTC, datetime, time, timedelta

from callcenter.domain.calendar import zone
from callcenter.domain.units import SECOND, Micros


def local_day(timezone: str, at: Micros) -> tuple[Micros, Micros]:
    """First moment of the local day that `at` lies in, and of the next one."""
    place = zone(timezone)
    today = datetime.fromtimestamp(at / SECOND, UTC).astimezone(place).date()
    start = datetime.combine(today, time(), place)
    end = datetime.combine(today + timedelta(days=1), time(), place)
    return round(start.timestamp()) * SECOND, round(end.timestamp()) * SECOND


def as_time(at: Micros) -> datetime:
    """Center time as an aware UTC datetime, for screens and reports."""
    return datetime.fromtimestamp(at / SECOND, UTC)
