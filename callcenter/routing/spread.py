"""How long things took lately: a spread of durations, in little room.

What happens here: durations go into bins that grow by a fifth from one to the next, 1 s to 8 h, each
with its count and its sum. When a spread has seen `REMEMBERED` more, everything in it is halved, so
the last few hundred count and what was is forgotten. Out come `slots`: so many equally likely values
of what is still to come of a duration that has lasted `elapsed` already.

What was cut off counts, too: who was answered tells that she would have waited at least so long
(`Patience`), who talks still that talks last at least so long. Without that a center that has just
opened would take its first calls, which are the short ones, for all of them. As that beginning is
forgotten, those who talk still are left out by and by: among calls that ended in a stretch of time
long ones are as frequent as among all.

Why: talk times are neither constant nor exponential, and what remains of a talk depends on how
long it lasts already; so the wait of the next caller is computed from what was seen and from no
assumed law. Bins make the memory of a queue as large after a year as after a day. Everything is a
count or a sum of whole numbers, so all who remember the same remember it alike.

Sources: E. L. Kaplan, P. Meier, Nonparametric estimation from incomplete observations, 1958.
"""

from bisect import bisect_right
from itertools import pairwise
from math import inf, log
from typing import NamedTuple, TypeAlias

import msgspec

from callcenter.domain.units import SECOND, Micros

BINS_PER_OCTAVE = 4
OCTAVES = 15
EDGES: tuple[Micros, ...] = (
    0,
    *(round(SECOND * 2 ** (n / BINS_PER_OCTAVE)) for n in range(OCTAVES * BINS_PER_OCTAVE)),
)
WEIGHT = 16
"""What one duration counts when it is new."""
REMEMBERED = 512
SEEN_MIN = 20
"""Durations before which a spread is too thin to be spoken of."""
TAIL_FEW = 4 * WEIGHT
"""With fewer than this many left that lasted so long, what remains is told by the mean."""
TAIL_NONE = 1e-9


Slots: TypeAlias = tuple[float, ...]
"""Equally likely spans in microseconds, shortest first; infinite for never."""


class Part(NamedTuple):
    """A share of the durations, spread evenly from `low` to `high`."""

    share: float
    low: float
    high: float


class Spread(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Counts and sums by bin. `seen` counts every duration ever added, `halved` how often all
    that had been seen until then was made to count half."""

    seen: int = 0
    halved: int = 0
    total: int = 0
    counts: list[int] = []
    sums: list[int] = []

    def add(self, duration: Micros) -> None:
        """Remember one more duration."""
        if not self.counts:
            self.counts, self.sums = [0] * len(EDGES), [0] * len(EDGES)
        index = bin_of(duration)
        self.seen += 1
        self.total += WEIGHT
        self.counts[index] += WEIGHT
        self.sums[index] += WEIGHT * max(0, duration)
        if self.total > 2 * REMEMBERED * WEIGHT:
            self.halve()

    def halve(self) -> None:
        """Let what was seen so far count half."""
        self.halved += 1
        for index, count in enumerate(self.counts):
            self.counts[index] = count // 2
            self.sums[index] = self.sums[index] * (count // 2) // count if count else 0
        self.total = sum(self.counts)

    def add_all(self, other: "Spread") -> None:
        """Remember what another one remembers, too."""
        if not other.counts:
            return
        if not self.counts:
            self.counts, self.sums = [0] * len(EDGES), [0] * len(EDGES)
        self.seen += other.seen
        self.total += other.total
        for index, count in enumerate(other.counts):
            self.counts[index] += count
            self.sums[index] += other.sums[index]

    @property
    def is_thin(self) -> bool:
        return self.seen < SEEN_MIN

    @property
    def mean(self) -> float:
        return sum(self.sums) / self.total if self.total else 0.0

    def parts(self) -> list[Part]:
        """The spread as pieces, shortest first. Each piece has the mean of its bin."""
        found = []
        for index, count in enumerate(self.counts):
            if count:
                mean, low = self.sums[index] / count, EDGES[index]
                high = EDGES[index + 1] if index + 1 < len(EDGES) else 2 * mean - low
                reach = max(0.0, min(mean - low, high - mean))
                found.append(Part(float(count), mean - reach, mean + reach))
        return found

    def law(self, cut_off: "Spread | None" = None, few: int = 0) -> "Law":
        """How long it really takes, where others were `cut_off`: they tell that it takes at least
        so long. What fewer than `few` lasted to see is not believed."""
        if not self.total:
            return Law([], 0.0)
        if cut_off is None or not cut_off.total:
            whole = float(self.total)
            return Law([part._replace(share=part.share / whole) for part in self.parts()], whole)
        return survival(self, cut_off, few)

    def slots(self, number: int, elapsed: Micros = 0) -> Slots:
        """`number` equally likely values of what remains after `elapsed`, shortest first."""
        return self.law().slots(number, elapsed)


class Law(NamedTuple):
    """How long something takes: shares that sum up to one, and the weight of what was seen."""

    parts: list[Part]
    seen: float

    def slots(self, number: int, elapsed: Micros = 0) -> Slots:
        """`number` equally likely values of what remains after `elapsed`, shortest first."""
        if not self.parts:
            return (0.0,) * number
        if not elapsed:
            return cut(self.parts, number)
        left = [later for part in self.parts if (later := after(part, elapsed)).share > 0]
        if sum(part.share for part in left) * self.seen < TAIL_FEW:
            mean = sum(part.share * (part.low + part.high) / 2 for part in self.parts)
            return cut(memoryless(max(mean, 1.0)), number)
        return cut(left, number)


class Patience(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How long callers wait before they give up."""

    gave_up: Spread = msgspec.field(default_factory=Spread)
    stayed: Spread = msgspec.field(default_factory=Spread)
    """Waits that ended otherwise. Those of no length tell nothing and are left out."""

    def add(self, waited: Micros, *, gave_up: bool) -> None:
        """Remember the end of one wait."""
        if gave_up:
            self.gave_up.add(waited)
        elif waited >= SECOND:
            self.stayed.add(waited)
        if self.gave_up.total + self.stayed.total > 2 * REMEMBERED * WEIGHT:
            self.gave_up.halve()
            self.stayed.halve()

    def slots(self, number: int, waited: Micros = 0) -> Slots:
        """`number` equally likely times until somebody gives up who has waited so long."""
        if not self.gave_up.total:
            return (inf,) * number
        return self.gave_up.law(self.stayed, TAIL_FEW).slots(number, waited)


def survival(ended: Spread, cut_off: Spread, few: int) -> Law:
    """Kaplan and Meier's estimate, by bins; beyond what was seen it ends at the mean rate."""
    whole = there = float(ended.total + cut_off.total)
    alive, found = 1.0, []
    middles = dict(zip(filled(ended), ended.parts(), strict=True))
    for index in range(len(EDGES)):
        left, censored = ended.counts[index], cut_off.counts[index]
        at_risk = there - censored / 2
        if left:
            share = alive * (left / at_risk)
            found.append(middles[index]._replace(share=share))
            alive -= share
        there -= left + censored
        if there < few:
            break
    if alive > TAIL_NONE:
        mean = (sum(ended.sums) + sum(cut_off.sums)) / ended.total
        longest = found[-1].high if found else 0.0
        found += [
            Part(part.share * alive, longest + part.low, longest + part.high)
            for part in memoryless(mean)
        ]
    return Law(found, whole)


def bin_of(duration: Micros) -> int:
    """The bin of a duration; a negative one is none at all."""
    return max(0, bisect_right(EDGES, duration) - 1)


def filled(spread: Spread) -> list[int]:
    return [index for index, count in enumerate(spread.counts) if count]


def after(part: Part, elapsed: float) -> Part:
    """What is left of a part once `elapsed` has gone by, counted from then."""
    if part.low >= elapsed:
        return Part(part.share, part.low - elapsed, part.high - elapsed)
    if part.high <= elapsed:
        return Part(0.0, 0.0, 0.0)
    share = part.share * (part.high - elapsed) / (part.high - part.low)
    return Part(share, 0.0, part.high - elapsed)


STEPS = 32


def memoryless(mean: float) -> list[Part]:
    """An exponential law as equally likely pieces, each of the mean of its share."""
    reached = [1 - (1 - n / STEPS) * (1 - log(1 - n / STEPS)) for n in range(STEPS)]
    values = [STEPS * (high - low) for low, high in pairwise([*reached, 1.0])]
    return [Part(1 / STEPS, value * mean, value * mean) for value in values]


def cut(parts: list[Part], number: int) -> Slots:
    """Equally likely values that stand for these parts: the mean of each n-th share.

    So their mean is that of the whole, tail included.
    """
    room = slot = sum(part.share for part in parts) / number
    found: list[float] = []
    held = 0.0
    nearly = slot * 1e-9
    for share, low, high in parts:
        slope = (high - low) / share if high > low else 0.0
        start = low
        while share > 0:
            taken = min(room, share)
            end = start + slope * taken
            held += taken * (start + end) / 2
            share, room, start = share - taken, room - taken, end
            if room <= nearly:
                found.append(held / slot)
                held, room = 0.0, slot
                if len(found) == number:
                    return tuple(found)
    last = found[-1] if found else 0.0
    return (*found, *[last] * (number - len(found)))
