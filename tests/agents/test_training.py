"""When a certificate is looked at again."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.agents.training import (
    EXPIRES_AHEAD_MAX,
    WARNED_AHEAD,
    due,
    looked_at,
    refusal,
)
from callcenter.domain.names import NAME_MAX
from callcenter.domain.skills import Certificate, Qualification
from callcenter.domain.units import DAY

EXPIRED = Certificate(level=5, expires=9, warned=True, expired=True)


def test_a_certificate_is_looked_at_thirty_days_ahead_and_at_its_end() -> None:
    expires = 100 * DAY
    assert looked_at(Certificate(level=1)) is None
    assert looked_at(Certificate(level=1, expires=expires)) == 70 * DAY
    assert looked_at(Certificate(level=1, expires=expires, warned=True)) == expires
    assert looked_at(EXPIRED) is None


def test_the_next_certificate_to_be_looked_at_is_the_earliest() -> None:
    assert due(Qualification()) is None
    early = Certificate(level=1, expires=90 * DAY, warned=True)
    late = Certificate(level=1, expires=200 * DAY)
    assert due(Qualification(certificates={"a": early, "b": late})) == 90 * DAY
    assert due(Qualification(certificates={"b": late})) == 200 * DAY - WARNED_AHEAD


NOW = 1_800_000_000_000_000


def refused(**otherwise: Any) -> str:
    """What stands against a training that is fine but for this."""
    fine: dict[str, Any] = {
        "course": "c", "day": "2026-11-28", "trainer": "t", "skill": "english", "level": 3,
        "expires": 0, "known": ("english", "french"), "now": NOW,
    }  # fmt: skip
    return refusal(**{**fine, **otherwise})


FINE: list[dict[str, Any]] = [
    {}, {"course": "x" * NAME_MAX}, {"trainer": "x" * NAME_MAX}, {"level": 1}, {"level": 10},
    {"expires": NOW + 1}, {"expires": NOW + EXPIRES_AHEAD_MAX}, {"skill": "", "level": 0},
    {"day": "1950-01-01"}, {"day": "2027-01-16"},
]  # fmt: skip
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("course: needs an id of 1 to", {"course": ""}),
    ("course: needs an id of 1 to", {"course": "x" * (NAME_MAX + 1)}),
    ("trainer: needs an id of 1 to", {"trainer": ""}),
    ("trainer: needs an id of 1 to", {"trainer": "x" * (NAME_MAX + 1)}),
    ("date '2026-02-30' is no date", {"day": "2026-02-30"}),
    ("date '20261128' is no date", {"day": "20261128"}),
    ("a training was held since", {"day": "1949-12-31"}),
    ("or is by tomorrow", {"day": "2027-01-17"}),
    ("a level or an expiry needs a skill", {"skill": "", "level": 1}),
    ("a level or an expiry needs a skill", {"skill": "", "level": 0, "expires": NOW + 1}),
    ("skill 'dutch' is not known; known are: english, french", {"skill": "dutch"}),
    ("skill 'dutch' is not known; known are: none", {"skill": "dutch", "known": ()}),
    ("level 0 is not within 1 to 10", {"level": 0}),
    ("level 11 is not within 1 to 10", {"level": 11}),
    ("expires: a certificate must expire in the future", {"expires": NOW}),
    ("expires: a certificate must expire in the future", {"expires": -1}),
    ("within 100 years", {"expires": NOW + EXPIRES_AHEAD_MAX + 1}),
]


@pytest.mark.parametrize("otherwise", FINE)
def test_a_training_may_be_recorded_at_every_limit(otherwise: dict[str, Any]) -> None:
    assert refused(**otherwise) == ""


@pytest.mark.parametrize(("words", "otherwise"), WRONG)
def test_a_training_beyond_a_limit_is_refused_in_words(
    words: str, otherwise: dict[str, Any]
) -> None:
    assert words in refused(**otherwise)
