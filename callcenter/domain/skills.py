"""What somebody can at this moment: configured, changed by hand, granted by training.

    configured                     counts, unless the center asks for a certificate and she has none
    changed by hand                instead of what is configured or granted
    certificate valid              the higher of granted and configured
    certificate expired            nothing, whatever else says so, until it is renewed

A certificate is a passed training for a skill. It is warned of once, 30 days before it expires, and
expires at its instant: the events say so, and from then on it does not count.

Why: who decides and who shows must mean the same by "she can". Both keep a `Qualification` by the
same events, and read it by the one function below.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from callcenter.domain import events as e
from callcenter.domain.units import Micros

TRAININGS_KEPT = 100
"""Of each agent, the last ones; the journal has them all."""


Learned: TypeAlias = (
    e.TrainingRecorded | e.CertificateExpiring | e.CertificateExpired | e.SkillsChanged
)
"""What changes what somebody can, beside the configuration."""


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

    def learn(self, event: Learned) -> None:
        """Remember one event; one that does not fit changes nothing."""
        if isinstance(event, e.SkillsChanged):
            self.by_hand = event.skills
        elif isinstance(event, e.TrainingRecorded):
            self._record(event)
        elif (found := self.certificates.get(event.skill)) is not None:
            expired = isinstance(event, e.CertificateExpired)
            self.certificates[event.skill] = msgspec.structs.replace(
                found, warned=True, expired=expired
            )

    def _record(self, event: e.TrainingRecorded) -> None:
        """Keep a training; passed for a skill, it is the certificate from now on."""
        training = Training(
            at=event.at,
            course=event.course,
            date=event.date,
            passed=event.passed,
            trainer=event.trainer,
            skill=event.skill,
            level=event.level,
            expires=event.expires,
        )
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
