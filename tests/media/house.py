"""An engine without sockets: what the pure tests of the media room stand on."""

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.media.engine import Engine, Limits
from callcenter.media.guard import REFUSED
from callcenter.media.leg import PACKET, Leg
from callcenter.media.ng import Body, NgError
from callcenter.media.ports import Ports
from callcenter.media.prompts import Audio, from_samples
from callcenter.media.rtp import HEADER
from callcenter.media.sdes import Crypto
from callcenter.media.side import Side
from callcenter.media.web import Told

FRAME: Micros = 20 * MILLISECOND
NOBODY_PORT = 9


class PlainGuard:
    """Writes down its keys and encrypts nothing: a packet under the phone's key ends with it."""

    progress = None

    def __init__(self, ours: Crypto, theirs: Crypto) -> None:
        self.keys = [(ours, theirs)]

    def rekey(self, ours: Crypto, theirs: Crypto) -> None:
        self.keys.append((ours, theirs))

    def open(self, packet: bytearray, size: int) -> int:
        key = self.keys[-1][1].key
        return size - len(key) if packet[:size].endswith(key) else REFUSED

    def seal(self, packet: bytes) -> bytes:
        return packet + self.keys[-1][0].key

    def open_control(self, data: bytes) -> bytes:
        return data

    def seal_control(self, data: bytes) -> bytes:
        return data


class PlainWeb:
    """A browser's other end that shakes no hands."""

    def __init__(self) -> None:
        self.guard: PlainGuard | None = None
        self.told: list[Told] = []

    def lines(self, setup: str) -> list[str]:
        return ["ice-ufrag:ours", f"setup:{setup}", "rtcp-mux"]

    def expect(self, told: Told) -> None:
        self.told.append(told)


def describe(
    port: int, formats: str = "0 8 101", direction: str = "sendrecv", host: str = "192.0.2.1"
) -> str:
    """A phone's SDP."""
    return (
        f"v=0\r\no=- 7 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )


def port_in(reply: Body) -> int:
    """The audio port of a reply's SDP."""
    return int(reply["sdp"].split("m=audio ")[1].split()[0])


class House:
    """An engine, its files, and what became of its sockets."""

    def __init__(self, *, pairs: int = 20, limits: Limits | None = None) -> None:
        self.now: Micros = SECOND
        self.open: set[int] = set()
        self.open6: set[int] = set()
        self.taken: set[int] = set()
        self.written: dict[str, bytes] = {}
        self.disk_is_full = False
        self.files = {"/prompt.au": from_samples(b"\x10" * 480, 1)}
        self.ports = Ports(30_000, 30_000 + 2 * pairs - 1)
        self.engine = Engine(
            address="10.0.0.1",
            address6="2001:db8::1",
            ports=self.ports,
            make_guard=PlainGuard,
            make_web=lambda kept: PlainWeb(),
            open_v6=lambda side: self.open6.add(side.port),
            open_side=self._open,
            close_side=lambda side: self.open.remove(side.port),
            load=self._load,
            draw=lambda bits: 5,
            limits=limits,
            append=self._append,
        )

    def _append(self, file: str, data: bytes) -> None:
        if self.disk_is_full:
            raise OSError
        self.written[file] = self.written.get(file, b"") + data

    def _open(self, side: Side) -> None:
        if side.port in self.taken:
            raise OSError
        self.open.add(side.port)

    def _load(self, path: str) -> Audio:
        try:
            return self.files[path]
        except KeyError:
            raise NgError("Failed to open the media file") from None

    def ask(self, command: str, call: str = "L1", **keys: object) -> Body:
        """One message."""
        body: Body = {"command": command, "call-id": call}
        body.update({key.replace("_", "-"): value for key, value in keys.items()})
        return self.engine.handle(body, self.now)

    def caller(self, call: str = "L1", port: int = 4000, formats: str = "0 8 101") -> Leg:
        """A phone that calls us; nobody at the far side."""
        assert (
            self.ask("offer", call, from_tag="leg", sdp=describe(port, formats))["result"] == "ok"
        )
        reply = self.ask("answer", call, from_tag="leg", to_tag="in", sdp=describe(NOBODY_PORT))
        assert reply["result"] == "ok"
        return self.engine.legs[call]

    def agent(
        self, call: str = "L2", port: int = 5000, far: int = NOBODY_PORT, formats: str = "0 8 101"
    ) -> Leg:
        """A phone that we call."""
        self.ask("offer", call, from_tag="in", sdp=describe(far, host="10.0.0.1"))
        self.ask("answer", call, from_tag="in", to_tag="leg", sdp=describe(port, formats))
        return self.engine.legs[call]

    def connect(self, leg: Leg, far: int = NOBODY_PORT) -> None:
        """Move the far side of a leg."""
        assert leg.phone.description is not None
        tags = {"from_tag": "in", "to_tag": "leg"}
        self.ask("offer", leg.call_id, **tags, sdp=describe(far, host="10.0.0.1"))
        self.ask("answer", leg.call_id, **tags, sdp=leg.phone.description.text)

    def bridge(self) -> tuple[Leg, Leg]:
        """Two phones that hear each other."""
        one = self.caller()
        other = self.agent(far=one.inner.port)
        self.connect(one, far=other.inner.port)
        return one, other

    def say(
        self, leg: Leg, sequence: int, payload: bytes = b"\x20" * 160, second: int = 0
    ) -> bytes:
        """One packet from the phone of `leg`; what would be sent on because of it."""
        assert leg.phone.latch.advertised is not None
        packet = bytearray(2048)
        HEADER.pack_into(packet, 0, 0x80, second, sequence, sequence * 160, 99)
        packet[12 : 12 + len(payload)] = payload
        size = leg.phone.receive(packet, 12 + len(payload), leg.phone.latch.advertised, self.now)
        return bytes(packet[:size])

    def hear(self, leg: Leg) -> bytes:
        """The next packet of ours that is due for the phone of `leg`."""
        packet = bytearray(PACKET)
        size = leg.playout(packet, self.now)
        self.now += FRAME
        return bytes(packet[:size])
