"""What an agent can at this moment: configured, changed by hand, granted by training.

    configured                     counts, unless the center asks for a certificate and she has none
    changed by hand                instead of what is configured or granted
    certificate valid              the higher of granted and configured
    certificate expired            nothing, whatever else says so, until it is renewed

A certificate is a passed training for a skill. It is warned of once, 30 days before it expires, and
expires at its instant: the events say so, and from then on it does not count.

Why: configuration is a file that people write; what somebody learned, and until when it is worth
something, is a fact with a date and a witness. Facts live in the journal and survive the file, and
even the time when the agent was not in it.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from callcenter.domain.center import PROFICIENCY_MAX
from callcenter.domain.units import DAY, Micros

WARNED_AHEAD: Micros = 30 * DAY
TRAININGS_KEPT = 100
"""Of each agent, the last ones; the journal has them all."""
WORDS_MAX = 100
EXPIRES_AHEAD_MAX: Micros = 36_525 * DAY


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A skill that was granted. `expires` is 0 for never."""

    level: int
    expires: Micros = 0
    warned: bool = False
    expired: bool = False


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """One training as it was recorded."""

    at: Micros
    course: str
    date: str
    passed: bool
    trainer: str
    skill: str = ""
    level: int = 0
    expires: Micros = 0


class Qualification(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the journal knows of an agent's skills. `by_hand` has 0 for a skill taken away."""

    certificates: dict[str, Certificate] = {}
    trainings: list[Training] = []
    by_hand: dict[str, int] = {}

    def record(self, training: Training) -> None:
        """Keep a training; passed for a skill, it is the certificate from now on."""
        self.trainings = [*self.trainings, training][-TRAININGS_KEPT:]
        if training.passed and training.skill:
            self.certificates[training.skill] = Certificate(
                level=training.level, expires=training.expires
            )


def effective(
    configured: Mapping[str, int], found: Qualification | None, certified: Iterable[str] = ()
) -> dict[str, int]:
    """The proficiencies that count now. `certified` skills need a valid certificate."""
    skills = dict(configured)
    valid: set[str] = set()
    if found is not None:
        skills.update(found.by_hand)
        for skill, certificate in found.certificates.items():
            if certificate.expired:
                skills.pop(skill, None)
                continue
            valid.add(skill)
            if skill not in found.by_hand:
                skills[skill] = max(skills.get(skill, 0), certificate.level)
    for skill in certified:
        if skill not in valid:
            skills.pop(skill, None)
    return {skill: level for skill, level in skills.items() if level > 0}


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
        if not word or len(word) > WORDS_MAX:
            return f"{what}: needs 1 to {WORDS_MAX} characters"
    if bad_date(day):
        return f"date {day!r} is no date; write it as 2026-11-28"
    if not skill:
        return "a level or an expiry needs a skill" if level or expires else ""
    if skill not in known:
        return f"skill {skill!r} is not known; known are: {', '.join(known) or 'none'}"
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
