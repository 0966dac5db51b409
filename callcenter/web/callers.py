"""Who is calling, as far as a screen may show it.

What happens here: a party's value is read once and kept while its contact lives; what is shown is
masked unless the reader is the agent who has the contact, or a supervisor who asks for it.

Why: a wall hangs where visitors see it.
"""

from __future__ import annotations

import json

SHOWN_DIGITS = 3
CACHE_MAX = 20_000
TRIES_MAX = 6


def number_in(value: str) -> str:
    """The number or address in a party's value (JSON, or the plain text)."""
    try:
        document = json.loads(value)
    except ValueError:
        return value
    return str(document.get("number", "")) if isinstance(document, dict) else str(document)


def masked(number: str) -> str:
    """`+34600123456` as `••• 456`; of anything but a number, nothing but the dots."""
    digits = [c for c in number if c.isdigit()]
    plain = all(c.isdigit() or c in "+ -().#*" for c in number)
    if not number:
        return ""
    if not plain or len(digits) < 2 * SHOWN_DIGITS:
        return "•••"
    return "••• " + "".join(digits[-SHOWN_DIGITS:])


class Callers:
    """Numbers of living contacts by party, and which are still to be read."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self.masked: dict[str, str] = {}
        self.wanted: dict[str, int] = {}
        """How often each was asked for in vain: its owner may write it after the event."""

    def want(self, party: str) -> None:
        """Read it at the next opportunity."""
        if party and party not in self.numbers and len(self.wanted) < CACHE_MAX:
            self.wanted[party] = 0

    def learned(self, asked: list[str], values: dict[str, str]) -> None:
        """The answers; what has none is asked for a few times more."""
        for party in asked:
            tries = self.wanted.pop(party, TRIES_MAX) + 1
            if party in values:
                number = number_in(values[party])
                self.numbers[party] = number
                self.masked[party] = masked(number)
            elif tries < TRIES_MAX:
                self.wanted[party] = tries

    def forget(self, party: str) -> None:
        """The contact is over."""
        self.numbers.pop(party, None)
        self.masked.pop(party, None)
        self.wanted.pop(party, None)
