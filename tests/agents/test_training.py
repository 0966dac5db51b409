"""What an agent can: configured, by hand, granted, expired."""

from __future__ import annotations

import pytest

from callcenter.agents.training import (
    WARNED_AHEAD,
    Certificate,
    Qualification,
    due,
    effective,
    looked_at,
)
from callcenter.domain.units import DAY


def knows(**certificates: Certificate) -> Qualification:
    return Qualification(certificates=certificates)


VALID = Certificate(level=5)
EXPIRED = Certificate(level=5, expires=9, warned=True, expired=True)

CASES: list[tuple[dict[str, int], Qualification | None, tuple[str, ...], dict[str, int]]] = [
    ({"a": 3}, None, (), {"a": 3}),
    ({"a": 3}, knows(a=VALID), (), {"a": 5}),
    ({"a": 8}, knows(a=VALID), (), {"a": 8}),
    ({"a": 8}, knows(a=EXPIRED), (), {}),
    ({}, knows(a=VALID), (), {"a": 5}),
    ({"a": 3, "b": 2}, None, ("a",), {"b": 2}),
    ({"a": 3}, knows(a=VALID), ("a",), {"a": 5}),
    ({"a": 3}, knows(a=EXPIRED), ("a",), {}),
    ({"a": 3}, Qualification(by_hand={"a": 1, "b": 4}), (), {"a": 1, "b": 4}),
    ({"a": 3}, Qualification(by_hand={"a": 0}), (), {}),
    ({"a": 3}, Qualification(by_hand={"a": 2}, certificates={"a": VALID}), (), {"a": 2}),
    ({"a": 3}, Qualification(by_hand={"a": 9}, certificates={"a": EXPIRED}), (), {}),
]


@pytest.mark.parametrize(("configured", "found", "certified", "can"), CASES)
def test_the_table_of_what_counts(
    configured: dict[str, int],
    found: Qualification | None,
    certified: tuple[str, ...],
    can: dict[str, int],
) -> None:
    assert effective(configured, found, certified) == can


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
    assert due(knows(a=early, b=late)) == 90 * DAY
    assert due(knows(b=late)) == 200 * DAY - WARNED_AHEAD
