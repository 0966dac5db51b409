"""What this web process counts of strangers and mistakes: logins, wrong tokens, refused requests.

Why: somebody who guesses must be seen before he guesses right. Labels come from short lists of
ours, never from what was sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

EXPLAINED = ("answered", "unknown", "failed", "busy", "too_long")


@dataclass
class Tally:
    """Counts since this process began."""

    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Requests answered with a problem, by status and kind (`problems.Refused`)."""
    logins: Counter[str] = field(default_factory=Counter)
    """By result: `accepted`, `wrong`, `slow_down`, `insecure`; a wall's link counts as one."""
    tokens_rejected: int = 0
    """Unknown, expired and revoked tokens that were shown to us."""
    hooks: Counter[str] = field(default_factory=Counter)
    """Faxes that providers posted: `new`, `known`, `other` (none to us), `no_source`, `unsigned`,
    `replayed`, `malformed`, `no_pages`, `failed`."""
    explanations: Counter[str] = field(default_factory=Counter)
    """Questions why, by result: `EXPLAINED`."""
    transfers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Callers handed on, by what to (`queue`, `agent`, `attended`, `outside`, `attended_outside`,
    `duty`) and by what came of it (`made`, `refused`, or the stage of an outside number)."""
    screens: int = 0
    """Open WebSockets now."""

    def unreadable(self, status: int) -> None:
        """A request that was no HTTP was refused before any handler saw it."""
        self.refused[str(status), "unreadable"] += 1
