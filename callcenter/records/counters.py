"""What is counted per queue and channel, and nothing that can be computed from it.

Why: a stored percentage cannot be added, re-based or explained. Counts and sums of time can, so
only they are kept; every figure of the wall is a formula over them (`service_level.py`).

Units: counts of queue visits or segments; sums in microseconds.
"""

import msgspec

from callcenter.domain.units import Micros
from callcenter.records.visits import Outcome, Visit


class Counters(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The counts of one queue and channel over one span of time."""

    offered: int = 0
    answered: int = 0
    answered_in_target: int = 0
    abandoned: int = 0
    abandoned_in_target: int = 0
    short_abandoned: int = 0
    flowed_out: int = 0
    callbacks: int = 0
    lost: int = 0
    """Of the abandoned: those that a failure of ours ended."""
    handled: int = 0
    """Segments ended."""
    waited_answered: Micros = 0
    waited_abandoned: Micros = 0
    talked: Micros = 0
    """Holds included."""
    held: Micros = 0
    wrapped: Micros = 0

    def count(self, visit: Visit) -> None:
        """Count the end of a visit; its beginning was counted as offered."""
        outcome = visit.outcome
        if outcome is Outcome.ANSWERED:
            self.answered += 1
            self.answered_in_target += visit.in_target
            self.waited_answered += visit.waited
        elif outcome is Outcome.ABANDONED:
            self.abandoned += 1
            self.abandoned_in_target += visit.in_target
            self.short_abandoned += visit.short
            self.lost += visit.lost
            self.waited_abandoned += visit.waited
        elif outcome is Outcome.FLOWED_OUT:
            self.flowed_out += 1
        else:
            self.callbacks += 1

    def add(self, other: "Counters") -> None:
        """Add the counts of another channel, queue or span."""
        for name in FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def left(self) -> int:
        """Visits that ended."""
        return self.answered + self.abandoned + self.flowed_out + self.callbacks


FIELDS: tuple[str, ...] = Counters.__struct_fields__


def total(parts: list[Counters]) -> Counters:
    """The sum of several."""
    whole = Counters()
    for part in parts:
        whole.add(part)
    return whole
