"""One side of a leg: a port of ours, the address behind it, and what may pass.

Why: both sides of a leg, the phone's and the inner one, do the same thing: believe one source,
measure it, and hand its packets to the side they are connected to, renumbered and in the law
that side speaks. `Side.receive` is the hot path, once per packet; it rewrites the packet in the
buffer it came in and answers with the size to send to `to`, or 0.

What is dropped is counted by its reason in `Drops`; nothing a packet says is trusted before.

Sources: RFC 3550, RFC 3551, RFC 4733; the header is read as in `rtp`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from callcenter.domain.units import Micros
from callcenter.media.cng import CngDetector
from callcenter.media.dtmf import Digits, Press
from callcenter.media.g711 import ALAW_TO_ULAW, ULAW_TO_ALAW
from callcenter.media.guard import REPLAYED, Guard
from callcenter.media.latch import Address, Latch
from callcenter.media.line import Line
from callcenter.media.reception import Reception
from callcenter.media.recorder import Recorder
from callcenter.media.rtcp import ControlState
from callcenter.media.rtp import (
    COMFORT_NOISE,
    HEADER_OCTETS,
    NOT_G711,
    PACKET_MAX,
    PCMA,
    PLAIN,
    normalise,
    read_header,
)
from callcenter.media.sdp import Description
from callcenter.media.secrecy import Secrecy
from callcenter.media.tones import Tones
from callcenter.media.web import WebPeer

if TYPE_CHECKING:
    from callcenter.media.mix import Ear

RTCP_TYPES = range(72, 77)
"""SR to APP with the top bit gone: RTCP on the RTP port (RFC 5761 4)."""


class Drops:
    """Packets that were refused, by reason. One for the whole engine."""

    __slots__ = (
        "bogus_sequence",
        "malformed",
        "replayed",
        "short",
        "stray",
        "too_long",
        "unauthentic",
        "wrong_payload",
    )

    def __init__(self) -> None:
        self.short = 0
        self.malformed = 0
        self.too_long = 0
        self.stray = 0
        """From an address that is not the one believed."""
        self.bogus_sequence = 0
        self.wrong_payload = 0
        self.unauthentic = 0
        """Not encrypted under the phone's key, where encryption was agreed."""
        self.replayed = 0
        """Encrypted audio that was heard before."""

    def as_dict(self) -> dict[str, int]:
        """Counts by reason, for `statistics`."""
        return {name: getattr(self, name) for name in self.__slots__}


class DigitPressed(NamedTuple):
    """A key of the phone, told once."""

    call_id: str
    press: Press
    source: Address | None


class FaxHeard(NamedTuple):
    """The phone is a fax machine: its calling tone was heard."""

    call_id: str


class Side:
    """State of one side. The wires belong to whoever owns the sockets; the room never touches them."""

    __slots__ = (
        "address",
        "blocked",
        "call_id",
        "cng",
        "codec",
        "control",
        "description",
        "digits",
        "drops",
        "emit",
        "events",
        "facts",
        "gates",
        "guard",
        "has_v6",
        "heard_at",
        "hears",
        "is_image",
        "latch",
        "line",
        "playing",
        "port",
        "reception",
        "recorder",
        "secrecy",
        "sending",
        "source",
        "strays",
        "tag",
        "to",
        "tones",
        "uses_v6",
        "web",
        "wire",
    )

    def __init__(
        self,
        call_id: str,
        tag: str,
        line: Line,
        drops: Drops,
        facts: list[Any],
        *,
        learning: bool,
    ) -> None:
        """`learning` is for the phone's side: its source may be learned, its digits are told."""
        self.call_id = call_id
        self.tag = tag
        self.port = 0
        self.line = line
        self.drops = drops
        self.facts = facts
        self.latch = Latch(learning=learning)
        self.source: Address | None = None
        """Whose packets are taken."""
        self.address: Address | None = None
        """Where packets for this side go."""
        self.reception = Reception()
        self.recorder: Recorder | None = None
        """Keeps what is said here."""
        self.digits = Digits()
        self.tones: Tones | None = None
        """Listens for digits in the audio, where no events were agreed."""
        self.cng: CngDetector | None = None
        """Of a phone that calls us, while it may still turn out to be a fax machine."""
        self.description: Description | None = None
        self.secrecy: Secrecy | None = None
        """Keys of the phone's side; None on the inner one, which is never encrypted."""
        self.guard: Guard | None = None
        """Opens and seals every packet, while the phone's audio is encrypted."""
        self.web: WebPeer | None = None
        """The phone is a browser, or may turn out to be one."""
        self.has_v6 = self.uses_v6 = False
        """Whether it has a port on IPv6 too, and whether that is where the phone sends to."""
        self.codec: int | None = None
        self.events: int | None = None
        """Payload type of telephone events, both ways; None when not agreed."""
        self.sending = False
        """Whether the far end wants to hear."""
        self.is_image = False
        """It is a fax in T.38: its datagrams are passed on as they are."""
        self.to: Side | Ear | None = None
        self.blocked = False
        """What comes in is not passed on: it is connected to nobody."""
        self.gates: set[str] = set()
        """Why it is blocked: `block`, `silence`."""
        self.playing = False
        """A file plays to this side; what others say waits."""
        self.hears = -1
        """The law in which others are heard now, -1 while they are not."""
        self.heard_at: Micros = 0
        self.strays = 0
        self.control = ControlState()
        self.wire: Any = None
        self.emit: Callable[[memoryview], object] | None = None
        """Sends a packet to `address`; set by whoever owns the wires."""

    def advertise(self, description: Description) -> None:
        """Take what an SDP says of this side."""
        self.description = description
        self.events = description.events
        self.digits.clock = description.clock
        self.sending = description.listens
        self.is_image = description.is_image
        self.latch.advertise(description.address)
        self.settle()

    def settle(self) -> None:
        """Something moved: note whom we believe, where we send to, and what is heard."""
        self.source = self.latch.source
        self.address = self.latch.destination
        heard = self.codec is not None and self.sending and not self.playing
        self.hears = self.codec if heard and self.codec is not None else -1

    def receive(self, packet: bytearray, size: int, address: Address | None, now: Micros) -> int:
        """Take one datagram.

        Args:
            packet: buffer of at least `PACKET_MAX` octets, rewritten in place.
            size: octets received.
            address: who sent it.

        Returns:
            Octets of `packet` to send to `to`; 0 for none.
        """
        if self.is_image:
            return self._pass_on(packet, size, address, now)
        if self.guard is not None:
            size = self._unseal(self.guard, packet, size)
        if size <= HEADER_OCTETS:
            self.drops.short += size >= 0
            return 0
        first, second, sequence, timestamp, ssrc = read_header(packet)
        if address != self.source and not self._admit(address, first, ssrc, sequence, now):
            return 0
        if first != PLAIN or size > PACKET_MAX:
            size = self._straighten(packet, size)
            if not size:
                return 0
        if second & NOT_G711:
            return self._other(packet, size, second, (sequence, timestamp, ssrc), now)
        if not self.reception.arrived(sequence, timestamp, ssrc, size, now):
            self.drops.bogus_sequence += 1
            return 0
        self.heard_at = now
        if self.tones is not None or self.cng is not None:
            self._attend(packet, size, second)
        if self.recorder is not None:
            self.recorder.hear(bytes(packet[HEADER_OCTETS:size]), second & 0x7F, now)
        to = self.to
        if to is None or to.hears < 0:
            return 0
        codec = to.hears
        if not to.line.carry(
            packet, codec | second & 0x80, sequence, timestamp, ssrc, self,
            size - HEADER_OCTETS, now,
        ):  # fmt: skip
            return 0
        if second & 0x7F != codec:
            self._convert(packet, size, codec)
        return size

    def _unseal(self, guard: Guard, packet: bytearray, size: int) -> int:
        """Plain RTP of an encrypted packet; -1 when it is not to be heard."""
        size = guard.open(packet, size)
        if size > 0:
            return size
        if size == REPLAYED:
            self.drops.replayed += 1
        else:
            self.drops.unauthentic += 1
        return -1

    def _pass_on(self, packet: bytearray, size: int, address: Address | None, now: Micros) -> int:
        """A datagram of T.38, of whose contents only the sequence is looked at, to learn a source."""
        if not 2 < size <= PACKET_MAX:
            self.drops.short += 1
            return 0
        sequence = packet[0] << 8 | packet[1]
        if address != self.source and not self._admit(address, PLAIN, 0, sequence, now):
            return 0
        self.heard_at = now
        return size if isinstance(self.to, Side) and self.to.is_image else 0

    def gate(self, name: str, *, shut: bool) -> None:
        """Shut or open one of the gates; all must be open for audio to pass."""
        (self.gates.add if shut else self.gates.discard)(name)
        self.blocked = bool(self.gates)

    def finish_press(self, now: Micros) -> None:
        """Tell a press whose end was lost."""
        press = self.digits.tick(now) if self.digits.pressed else None
        if press is not None:
            self.facts.append(DigitPressed(self.call_id, press, self.source))

    def _admit(
        self, address: Address | None, first: int, ssrc: int, sequence: int, now: Micros
    ) -> bool:
        if address and first >> 6 == 2 and self.latch.admit(address, ssrc, sequence, now):
            self.settle()
            return True
        self.drops.stray += 1
        self.strays += 1
        return False

    def _straighten(self, packet: bytearray, size: int) -> int:
        if size > PACKET_MAX:
            self.drops.too_long += 1
            return 0
        size = normalise(packet, size)
        if size <= HEADER_OCTETS:
            self.drops.malformed += 1
            return 0
        return size

    def _attend(self, packet: bytearray, size: int, second: int) -> None:
        """Are there digits in the audio, is it a fax?"""
        if self.tones is not None:
            self._hear_tones(packet, size, second & 0x7F)
        if self.cng is not None:
            self._listen(self.cng, packet, size, second)

    def _listen(self, cng: CngDetector, packet: bytearray, size: int, second: int) -> None:
        if cng.hear(packet[HEADER_OCTETS:size], second & 0x7F):
            self.facts.append(FaxHeard(self.call_id))
        if cng.is_done:
            self.cng = None

    @staticmethod
    def _convert(packet: bytearray, size: int, codec: int) -> None:
        table = ULAW_TO_ALAW if codec == PCMA else ALAW_TO_ULAW
        packet[HEADER_OCTETS:size] = packet[HEADER_OCTETS:size].translate(table)

    @property
    def clock(self) -> int:
        """Of its telephone events, in Hz."""
        return self.digits.clock

    def _in_clock(self, packet: bytearray, clock: int) -> None:
        """The duration of an event as the other side counts it (RFC 4733 2.3)."""
        place = HEADER_OCTETS + 2
        duration = int.from_bytes(packet[place : place + 2]) * clock // self.clock
        packet[place : place + 2] = min(duration, 0xFFFF).to_bytes(2)

    def _hear_tones(self, packet: bytearray, size: int, law: int) -> None:
        if self.events is None and self.tones is not None:
            for press in self.tones.hear(packet[HEADER_OCTETS:size], law):
                self.facts.append(DigitPressed(self.call_id, press, self.source))

    def _other(
        self, packet: bytearray, size: int, second: int, fields: tuple[int, int, int], now: Micros
    ) -> int:
        """Everything that is not audio: events, comfort noise, RTCP on this port, rubbish."""
        payload_type = second & 0x7F
        is_event = payload_type == self.events
        if not is_event and payload_type != COMFORT_NOISE:
            if payload_type not in RTCP_TYPES:
                self.drops.wrong_payload += 1
            return 0
        if not self.reception.arrived(*fields, size, now, timed=False):
            self.drops.bogus_sequence += 1
            return 0
        self.heard_at = now
        if is_event and self.latch.learning:
            self._digit(bytes(packet[HEADER_OCTETS:size]), fields, now)
        to = self.to
        if to is None or to.hears < 0:
            return 0
        if not is_event or to.events is None:
            if to.line.origin is self:
                to.line.skip()
            return 0
        if to.clock != self.clock:
            self._in_clock(packet, to.clock)
        second = to.events | second & 0x80
        return size if to.line.carry_event(packet, second, fields, self, now) else 0

    def _digit(self, payload: bytes, fields: tuple[int, int, int], now: Micros) -> None:
        _, timestamp, ssrc = fields
        if ssrc != self.digits.ssrc:
            self.digits = Digits(ssrc, self.digits.clock)
        press = self.digits.receive(payload, timestamp, now)
        if press is not None:
            self.facts.append(DigitPressed(self.call_id, press, self.source))
