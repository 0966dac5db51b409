"""What a restart must know of a call, beside its dialogs: where she is and how she got there.

Why: fields are only added, with a default, so that a new version takes back the calls of the one
before it.
"""

from enum import StrEnum

import msgspec

from callcenter.domain.commands import QueueRequested
from callcenter.domain.units import ContactId, Micros
from callcenter.frontend.media_leg import LegRecord
from callcenter.sip.record import DialogRecord


class Stage(StrEnum):
    """Where in her story a caller is."""

    ARRIVING = "arriving"
    """The media engine was asked; nothing was promised yet."""
    ANSWERED = "answered"
    """Our 200 is out; the ACK is not in."""
    FLOW = "flow"
    QUEUED = "queued"
    TALKING = "talking"
    OVER = "over"


class CallRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a call, beside its dialogs."""

    contact: ContactId
    stage: Stage
    dialled: str
    flow: str
    revision: str
    arrived: Micros
    """Center time."""
    answered: Micros = 0
    caller: str = ""
    """Her number or name as an agent is shown it; empty when withheld."""
    registered: bool = False
    session: bytes = b""
    waits: QueueRequested | None = None
    """How she got into her queue, to put her back there."""
    music: str = ""
    served: bool = False
    """She has spoken with an agent."""


class LegKept(msgspec.Struct, kw_only=True):
    """The caller's own leg."""

    dialog: DialogRecord
    media: LegRecord
