"""Every call that was placed, laid beside the contact that the center made of it.

Why: totals can agree by chance. A call of which the center knows nothing, a contact that nobody
placed, and a call that ended for no reason anybody gave show only when each is named. Others may
call the demo too; their contacts are told from ours by the number.

What joins them: the last digits of the caller's number, which is all that a screen shows, and the
time. Numbers of the demo are counted up, so the same digits return after a thousand calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcenter.app.phones.people import Heard
from callcenter.web.callers import masked

NEAR_SECONDS = 30.0
"""Between placing a call and its arrival, at most: a role may be coming back."""
NEAR_WITHOUT_NUMBER_SECONDS = 15.0
"""The same where the center could not write down who called."""

Row = dict[str, Any]
"""A row of `/api/v1/contacts`."""


@dataclass(frozen=True)
class Ledger:
    """What belongs together and what is left over."""

    pairs: tuple[tuple[Heard, Row], ...]
    unknown: tuple[Heard, ...]
    """Calls of which the center knows no contact."""
    surplus: tuple[Row, ...]
    """Contacts under a number of ours that no caller of ours placed."""
    others: tuple[Row, ...]
    """Contacts of people we do not play."""


def lay_together(callers: Iterable[Heard], contacts: Iterable[Row]) -> Ledger:
    """Each call gets the nearest contact under its number, else a near one without a number."""
    by_number: dict[str, list[Row]] = {}
    for row in contacts:
        by_number.setdefault(row["caller"], []).append(row)
    pairs, left = _pair(callers, by_number, NEAR_SECONDS, of=lambda h: masked(h.who))
    nameless, unknown = _pair(left, by_number, NEAR_WITHOUT_NUMBER_SECONDS, of=lambda _: "")
    pairs += nameless
    ours = [(masked(heard.who), heard.placed_at) for heard, _ in pairs]
    surplus: list[Row] = []
    others: list[Row] = []
    for row in (row for rows in by_number.values() for row in rows):
        near = any(
            number == row["caller"] and abs(_arrived(row) - placed) <= NEAR_SECONDS
            for number, placed in ours
        )
        (surplus if near else others).append(row)
    return Ledger(tuple(pairs), tuple(unknown), tuple(surplus), tuple(others))


def _pair(
    callers: Iterable[Heard],
    by_number: dict[str, list[Row]],
    near_seconds: float,
    *,
    of: Callable[[Heard], str],
) -> tuple[list[tuple[Heard, Row]], list[Heard]]:
    pairs, left = [], []
    for heard in sorted(callers, key=lambda h: h.placed_at):
        rows = by_number.get(of(heard), [])
        away = [(abs(_arrived(row) - heard.placed_at), n) for n, row in enumerate(rows)]
        distance, n = min(away, default=(near_seconds + 1, 0))
        if distance <= near_seconds:
            pairs.append((heard, rows.pop(n)))
        else:
            left.append(heard)
    return pairs, left


def _arrived(row: Row) -> float:
    return datetime.fromisoformat(row["arrived"]).timestamp()
