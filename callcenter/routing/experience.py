"""What was seen of one queue lately: how long its calls take, who gives up, how many come.

Why: this is all that an estimate rests on beside the live state, so it is remembered with the state
and survives a restart. It is small whatever the queue has been through (`spread`).
"""

from math import exp

import msgspec

from callcenter.domain.units import MINUTE, Micros
from callcenter.routing.spread import Patience, Spread

RATE_MICROS: Micros = 10 * MINUTE
"""Arrivals count less the older they are: by a factor e after this long."""


class Rate(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How often something happens, the last minutes counting most."""

    level: float = 0.0
    at: Micros = 0

    def count(self, now: Micros) -> None:
        """It happened."""
        self.level = self._faded(now) + 1
        self.at = now

    def every(self, now: Micros) -> float:
        """The mean time between two, in microseconds; it has happened at least once."""
        return RATE_MICROS / self._faded(now)

    def _faded(self, now: Micros) -> float:
        return self.level * exp(-max(0, now - self.at) / RATE_MICROS)


class Experience(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Of one queue's calls."""

    ring: Spread = msgspec.field(default_factory=Spread)
    """From the offer that was accepted to its answer."""
    talk: Spread = msgspec.field(default_factory=Spread)
    wrap: Spread = msgspec.field(default_factory=Spread)
    patience: Patience = msgspec.field(default_factory=Patience)
    arrivals: dict[int, Rate] = {}
    """By priority."""

    @property
    def is_thin(self) -> bool:
        """Too little was seen to speak of it."""
        return self.talk.is_thin


def pooled(experiences: list[Experience]) -> Experience:
    """The talk, ring and wrap-up times of several queues together."""
    whole = Experience()
    for one in experiences:
        whole.ring.add_all(one.ring)
        whole.talk.add_all(one.talk)
        whole.wrap.add_all(one.wrap)
    return whole
