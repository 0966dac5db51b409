"""Center time: what the leader stamps on everything, from its wall clock and its monotonic one.

Why: a wall clock steps (an hour, when somebody corrects it), a monotonic one does not know the
date. So center time starts at the wall clock when the lease is taken, runs with the monotonic
clock, follows the wall clock by at most 1 ms a second, and never goes below the last commit: not
over a step, and not over a change of leader.

Sources: DESIGN 4, time.
"""

from __future__ import annotations

from callcenter.domain.units import Micros

SLEW_DIVISOR = 1000
"""At most one part in so many is gained or lost: 1 ms per second."""


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
