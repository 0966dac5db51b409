"""What the leader gathers for one batch.

Why: several commands and what came due are committed together; all of them happen at one moment.
"""

from __future__ import annotations

from callcenter.domain.events import Event, Input
from callcenter.domain.units import Micros


class Turn:
    """One moment of center time: what went in, what came out, how far each source is."""

    __slots__ = ("events", "inputs", "marks", "now")

    def __init__(self, now: Micros) -> None:
        self.now = now
        self.events: list[Event] = []
        self.inputs: list[Input] = []
        self.marks: dict[str, tuple[int, int]] = {}

    def add(self, events: list[Event], given: Input) -> None:
        self.inputs.append(given)
        self.events += events

    def mark(
        self, source: str, epoch: int, sequence: int, known: dict[str, tuple[int, int]]
    ) -> None:
        mark = (epoch, sequence)
        if mark > known.get(source, (-1, 0)):
            self.marks[source] = known[source] = mark
