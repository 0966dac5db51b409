"""When a certificate is looked at again."""

from __future__ import annotations

from callcenter.agents.training import WARNED_AHEAD, due, looked_at
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
