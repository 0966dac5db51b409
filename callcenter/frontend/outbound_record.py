"""What a restart must know of an agent's call that nobody has answered yet: whom to let go.

Why: it is given up with the front end that made it; until then phones ring and a trunk dials, and
the next life has to stop them.
"""

import msgspec

from callcenter.domain.units import ContactId, Micros, OfferId
from callcenter.frontend.offer import OfferRecord
from callcenter.frontend.outside import OutsideRecord, Wanted
from callcenter.sip.record import DialogRecord

_encoder = msgspec.msgpack.Encoder()


class OutboundRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The call and everybody who may have heard of it."""

    contact: ContactId
    wanted: Wanted
    number: str
    made: Micros
    """Center time."""
    caller: str = ""
    """The number of ours that is shown, where the trunk names none."""
    by_phone: bool = False
    """She dialled at her phone, which waits for what becomes of it."""
    offer: OfferId = OfferId("")
    """The grant."""
    ring_seconds: int = 0
    ringing: OfferRecord | None = None
    agent_dialog: DialogRecord | None = None
    agent_leg: str = ""
    outside: OutsideRecord | None = None

    def encoded(self) -> bytes:
        """As the store keeps it."""
        return _encoder.encode(self)
