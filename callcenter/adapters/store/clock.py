"""Center time: what the leader stamps on everything, from its wall clock and its monotonic one.

Why: a wall clock steps (an hour, when somebody corrects it), a monotonic one does not know the
date. So center time starts at the wall clock when the lease is taken, runs with the monotonic
clock, follows the wall clock by at most 1 ms a second, and never goes below the last commit: not
over a step, and not over a change of leader.

Those who do not lead hear center time from the leader and run on by themselves (`HeardTime`), so
that the next leader goes on where the last one was, whatever its wall clock says meanwhile. Keys
of the store that live for a time live by the store's wall clock: `Steps` tells when it stepped.

Sources: DESIGN 4, time.
"""

from __future__ import annotations

import time

from callcenter.domain.units import SECOND, Micros

SLEW_DIVISOR = 1000
"""At most one part in so many is gained or lost: 1 ms per second."""
STEP_MIN: Micros = SECOND
"""A wall clock that moves so far against the monotonic one between two looks has stepped."""
TRUST: Micros = 2 * SECOND
"""A source's idea of center time is wrong when it is off by more."""


class CenterClock:
    """Center time. Both clocks come in as arguments, in microseconds."""

    def __init__(self, wall: Micros, monotonic: Micros, floor: Micros = 0) -> None:
        self._value = max(wall, floor)
        self._monotonic = monotonic

    def now(self, wall: Micros, monotonic: Micros) -> Micros:
        """Center time at this moment. Never earlier than what it returned before."""
        elapsed = max(0, monotonic - self._monotonic)
        self._monotonic = max(monotonic, self._monotonic)
        value = self._value + elapsed
        allowed = elapsed // SLEW_DIVISOR
        value += max(-allowed, min(allowed, wall - value))
        self._value = max(self._value, value)
        return self._value


class HeardTime:
    """Center time as the leader tells it. Its word was true a little before it is heard, so the
    latest of what it said and what ran on from earlier words is the best guess; less what the
    leader may have slewed meanwhile.
    """

    def __init__(self) -> None:
        self._last: Micros = 0
        self._value: Micros | None = None
        self._monotonic: Micros = 0

    def hear(self, at: Micros, monotonic: Micros) -> None:
        """The leader's word for now stands at `at`. Of the first, nobody knows how long it stood."""
        if at <= self._last:
            return
        first, self._last = self._last == 0, at
        if first:
            return
        ran = self.now(monotonic)
        slewed = (monotonic - self._monotonic) // SLEW_DIVISOR
        self._value = at if ran is None else max(at, ran - slewed)
        self._monotonic = monotonic

    def now(self, monotonic: Micros) -> Micros | None:
        """Center time at this moment; none before a leader was heard."""
        return None if self._value is None else self._value + monotonic - self._monotonic

    def told(self) -> Micros:
        """Center time now; the wall clock's as long as no leader was heard."""
        heard = self.now(monotonic())
        return wall_clock() if heard is None else heard


def monotonic() -> Micros:
    """What center time runs with."""
    return time.monotonic_ns() // 1000


def wall_clock() -> Micros:
    """What center time begins with, and follows slowly."""
    return time.time_ns() // 1000


class Steps:
    """Looks at a wall clock now and then."""

    def __init__(self) -> None:
        self._offset: Micros | None = None

    def stepped(self, wall: Micros, monotonic: Micros) -> bool:
        """Whether it stepped since the last look."""
        before, self._offset = self._offset, wall - monotonic
        return before is not None and abs(self._offset - before) > STEP_MIN
