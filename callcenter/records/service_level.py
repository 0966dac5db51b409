"""The figures a supervisor reads, as formulas over counts.

What happens here: `Counters` come in, a ratio (0 to 1) or seconds go out, or `None` where there is
nothing to divide by. An empty queue has no service level; it has not reached 100 %.

Why: two products never mean the same by "service level", and changing the definition must not
change the past. All usual variants are here, each with its formula in words, so that a screen can
show what it computed.

    A  answered        A_T  answered within the target time T
    B  abandoned       B_T  abandoned within T      B_s  short abandons
    F  flowed out

Sources: Genesys Cloud (three switches: short abandons, abandons, flow-outs), RingCentral
(slaThresholdSeconds, abandonedThresholdSeconds), Amazon Connect (occupancy without paused time).
"""

from collections.abc import Callable
from typing import NamedTuple

from callcenter.domain.units import SECOND, Micros
from callcenter.records.counters import Counters


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`, or None when there is no whole."""
    return part / whole if whole > 0 else None


def service_level(c: Counters) -> float | None:
    """The default: answered in target of all but short abandons."""
    return ratio(c.answered_in_target, c.answered + c.abandoned - c.short_abandoned)


class Variant(NamedTuple):
    """One definition of service level."""

    formula: str
    of: Callable[[Counters], float | None]


VARIANTS: dict[str, Variant] = {
    "default": Variant("A_T / (A + B - B_s)", service_level),
    "answered_only": Variant("A_T / A", lambda c: ratio(c.answered_in_target, c.answered)),
    "strict": Variant(
        "A_T / (A + B)", lambda c: ratio(c.answered_in_target, c.answered + c.abandoned)
    ),
    "late_abandons": Variant(
        "A_T / (A + B - B_T)",
        lambda c: ratio(c.answered_in_target, c.answered + c.abandoned - c.abandoned_in_target),
    ),
    "with_flow_outs": Variant(
        "A_T / (A + B + F)",
        lambda c: ratio(c.answered_in_target, c.answered + c.abandoned + c.flowed_out),
    ),
    "abandons_as_success": Variant(
        "(A_T + B_T) / (A + B)",
        lambda c: ratio(c.answered_in_target + c.abandoned_in_target, c.answered + c.abandoned),
    ),
}


def abandonment(c: Counters) -> float | None:
    """Abandoned of all but short abandons; short ones are shown beside it."""
    return ratio(c.abandoned - c.short_abandoned, c.answered + c.abandoned - c.short_abandoned)


def asa_seconds(c: Counters) -> float | None:
    """Average speed of answer: from entering the queue to the agent's answer, ringing included."""
    return ratio(c.waited_answered / SECOND, c.answered)


def time_to_abandon_seconds(c: Counters) -> float | None:
    """Average wait of those who gave up; never mixed into the speed of answer."""
    return ratio(c.waited_abandoned / SECOND, c.abandoned)


def aht_seconds(c: Counters) -> float | None:
    """Average handle time: talk, hold and wrap-up per segment. `talked` holds the holds."""
    return ratio((c.talked + c.wrapped) / SECOND, c.handled)


def occupancy(busy: Micros, idle: Micros) -> float | None:
    """Share of the available time spent on contacts: talk, hold and wrap-up; not ready is out."""
    return ratio(busy, busy + idle)
