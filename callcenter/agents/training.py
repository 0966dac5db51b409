"""What may be recorded of a training, and when a certificate is looked at again.

Why: configuration is a file that people write; what somebody learned, and until when it is worth
something, is a fact with a date and a witness. Facts live in the journal and survive the file, and
even the time when the agent was not in it. What they add up to stands in `domain/skills.py`.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from callcenter.domain.center import PROFICIENCY_MAX
from callcenter.domain.names import NAME_MAX, is_name, quoted
from callcenter.domain.skills import Certificate, Qualification
from callcenter.domain.units import DAY, SECOND, Micros

WARNED_AHEAD: Micros = 30 * DAY
EARLIEST = "1950-01-01"
AHEAD_MAX: Micros = DAY
"""A training is recorded when it was held; tomorrow is still today elsewhere on the earth."""
EXPIRES_AHEAD_MAX: Micros = 36_525 * DAY


def looked_at(certificate: Certificate) -> Micros | None:
    """When something is to be said about a certificate; None when nothing ever is."""
    if not certificate.expires or certificate.expired:
        return None
    return certificate.expires if certificate.warned else certificate.expires - WARNED_AHEAD


def due(found: Qualification) -> Micros | None:
    """When the next certificate is warned of, or expires."""
    times = (looked_at(certificate) for certificate in found.certificates.values())
    return min((when for when in times if when is not None), default=None)


def refusal(
    *,
    course: str,
    day: str,
    trainer: str,
    skill: str,
    level: int,
    expires: Micros,
    known: Iterable[str],
    now: Micros,
) -> str:
    """Why a training may not be recorded like this, in words; empty when it may."""
    for what, word in (("course", course), ("trainer", trainer)):
        if not is_name(word):
            return f"{what}: needs an id of 1 to {NAME_MAX} letters, digits, '_', '.', ':' or '-'"
    if bad_date(day):
        return f"date {quoted(day)} is no date; write it as 2026-11-28"
    if not EARLIEST <= day <= day_of(now + AHEAD_MAX):
        return f"date {day}: a training was held since {EARLIEST}, or is by tomorrow"
    if not skill:
        return "a level or an expiry needs a skill" if level or expires else ""
    if skill not in known:
        return f"skill {quoted(skill)} is not known; known are: {', '.join(known) or 'none'}"
    if not 1 <= level <= PROFICIENCY_MAX:
        return f"level {level} is not within 1 to {PROFICIENCY_MAX}"
    if expires and not now < expires <= now + EXPIRES_AHEAD_MAX:
        return "expires: a certificate must expire in the future, within 100 years, or never (0)"
    return ""


def bad_date(day: str) -> bool:
    """Is this anything but a local date as `2026-11-28`?"""
    try:
        return date.fromisoformat(day).isoformat() != day
    except ValueError:
        return True


def day_of(at: Micros) -> str:
    """The date of a moment in UTC."""
    return datetime.fromtimestamp(at // SECOND, UTC).date().isoformat()
