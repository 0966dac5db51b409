"""The root of all events (`events.py`)."""

import msgspec

from callcenter.domain.units import Micros


class Evt(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """Root of all events. `at` is center time."""

    at: Micros
