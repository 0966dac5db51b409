"""Time and identity, as the core sees them.

Why: the core reads no clock. `now` always comes in as the last argument, as whole microseconds.
In `control` that is center time (UTC since 1970, stamped by the leader); in `sip`, `media`, `ivr`
and `frontend` it is a monotonic count of the process. The two are never mixed: a deadline that is
stored is center time, a timer that runs is monotonic.
"""

from typing import NewType, TypeAlias

Micros: TypeAlias = int
"""A point in time or a span, in microseconds."""

MILLISECOND: Micros = 1_000
SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR

ContactId = NewType("ContactId", str)
OfferId = NewType("OfferId", str)
SegmentId = NewType("SegmentId", str)
AgentId = NewType("AgentId", str)
QueueId = NewType("QueueId", str)
FrontendId = NewType("FrontendId", str)
PartyId = NewType("PartyId", str)
"""Names a person's address without holding it; the value lives in one erasable place."""
CustomerId = NewType("CustomerId", str)
LetterId = NewType("LetterId", str)
"""Something that we write to a customer: `contact.number`."""
CommandId = NewType("CommandId", str)
"""`source:epoch:sequence`, or a token made by whoever asked."""


def seconds(value: float) -> Micros:
    """Whole microseconds of `value` seconds."""
    return round(value * SECOND)
