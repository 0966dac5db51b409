"""Whom we believe: the one address whose packets are taken as the phone's.

Why: RTP has no proof of origin. Anyone who can guess a port could speak into a call, or have a
call's audio sent to himself. So the address in the SDP counts first; an address that is not in it
(a phone behind NAT) is learned only on the phone's side and only from packets that look like one
stream; then it is kept until the next SDP that names another address.

::

                 packet from the SDP's address
    open ───────────────────────────────────────────► latched (to the SDP's address)
      │                                                   ▲
      │ 4 in sequence, one SSRC, within 200 ms            │ 4 in sequence from the SDP's address
      └─────────► latched (to a learned address) ─────────┘
    any other sender, at any time: counted, not heard

Sources: RFC 7362 (latching) 5; AST-2017-005 and -008 (why learning must be strict).
"""

from typing import TypeAlias

from callcenter.domain.units import MILLISECOND, Micros

Address: TypeAlias = tuple[str, int]

PACKETS_TO_LEARN = 4
LEARN_WITHIN_MICROS = 200 * MILLISECOND


class Latch:
    """The source of one side. `source` is believed at once; everyone else asks `admit`."""

    __slots__ = ("_candidate", "_count", "_next", "_since", "advertised", "learning", "source")

    def __init__(self, *, learning: bool) -> None:
        self.learning = learning
        self.advertised: Address | None = None
        self.source: Address | None = None
        self._candidate: tuple[Address, int] | None = None
        self._next = 0
        self._count = 0
        self._since: Micros = 0

    @property
    def destination(self) -> Address | None:
        """Where audio for this side is sent."""
        return self.source or self.advertised

    def advertise(self, address: Address | None) -> None:
        """An SDP named `address`. The same address again changes nothing."""
        if address == self.advertised:
            return
        self.advertised = address
        self._candidate = None
        self.source = None if self.learning else address

    def admit(self, address: Address, ssrc: int, sequence: int, now: Micros) -> bool:
        """Whether a sender that is not `source` becomes it with this packet."""
        if not self.learning or self.advertised is None:
            return False
        if self.source is None and address == self.advertised:
            self.source = address
            return True
        if self.source is not None and address != self.advertised:
            return False
        if not self._is_stream(address, ssrc, sequence, now):
            return False
        self.source = address
        return True

    def _is_stream(self, address: Address, ssrc: int, sequence: int, now: Micros) -> bool:
        candidate = (address, ssrc)
        fits = candidate == self._candidate and sequence == self._next
        if not fits or now - self._since > LEARN_WITHIN_MICROS:
            self._candidate, self._count, self._since = candidate, 0, now
        self._count += 1
        self._next = (sequence + 1) & 0xFFFF
        return self._count >= PACKETS_TO_LEARN
