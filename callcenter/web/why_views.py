"""Documents that answer "why": each fact as a value and as a sentence.

Why: a script wants the rule, a person the words. Both are made once, here and in `why_words`, for
the API, the wall and `callcenter why`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class PersonWhy(msgspec.Struct, frozen=True, kw_only=True):
    """One agent who was not chosen, or who does not have it."""

    agent: str
    name: str
    rules: list[str]
    """Every rule that kept her, the one she is listed under first."""
    text: str


class RuleWhy(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody whom one rule kept."""

    rule: str
    text: str
    count: int
    people: list[PersonWhy]
    """The first of them."""


class DecisionWhy(msgspec.Struct, frozen=True, kw_only=True):
    """Why this agent."""

    agent: str
    redecided: bool | None
    """True: decided again from the journal, byte for byte the same. False: it came out otherwise.
    None: could not be tried; `note` says why, and `evidence` is what was written down then."""
    note: str
    evidence: str
    text: str
    others: list[RuleWhy]
    others_count: int
    """Everybody else there was; of a very large center only the nearest are listed."""


class MomentWhy(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was decided about a contact."""

    at: datetime
    kind: str
    text: str
    decision: DecisionWhy | None = None


class LineWhy(msgspec.Struct, frozen=True, kw_only=True):
    """A contact that waits."""

    contact: str
    queue: str
    since: datetime
    waited_seconds: float
    text: str


class NextWhy(msgspec.Struct, frozen=True, kw_only=True):
    """What happens at a time, unless something else comes first."""

    at: datetime
    in_seconds: float
    what: str
    text: str


class WaitingWhy(msgspec.Struct, frozen=True, kw_only=True):
    """Why a contact still waits."""

    queue: str
    since: datetime
    waited_seconds: float
    priority: int
    needs: dict[str, int]
    ahead: list[LineWhy]
    """Contacts with a better place that one of the same agents could take."""
    ahead_count: int
    held_back: list[str]
    """Why it is not offered to anybody at the moment."""
    agents: list[RuleWhy]
    agents_count: int
    next: list[NextWhy]


class ContactWhy(msgspec.Struct, frozen=True, kw_only=True):
    """A contact's life in decisions, why it still waits, and what comes next."""

    contact: str
    at: datetime
    timezone: str
    state: str
    """`flow waiting offered talking ended`"""
    text: str
    notes: list[str]
    moments: list[MomentWhy]
    waiting: WaitingWhy | None


class AgentWhy(msgspec.Struct, frozen=True, kw_only=True):
    """Why an agent has no contact, or this one."""

    agent: str
    name: str
    at: datetime
    timezone: str
    presence: str
    reason: str
    since: datetime
    text: str
    contact: str
    obstacles: list[str]
    """What keeps her from any contact."""
    line: list[LineWhy]
    """What waits that she could take, with what keeps her from it."""
    line_count: int
    others: list[LineWhy]
    """What waits and is not for her, with the reason."""
    others_count: int
    next: list[NextWhy]
    offers: list[MomentWhy]
    """Her last offers; the last one is explained."""
