"""A phone and an ng client of the tests' own: nothing here comes from `callcenter.media`.

Why: tones must be made and judged by code that shares no table and no header with the engine.
"""

import bisect
import functools
import itertools
import json
import math
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.ports import audio_ports

CHECKOUT = Path(__file__).parents[2]
RTP = struct.Struct("!BBHII")
DUMMY_PORT = 9


def _decode_mu(octet: int) -> float:
    inverted = octet ^ 0xFF
    value: int = ((inverted & 15) * 2 + 33) * 2 ** ((inverted >> 4) & 7) - 33
    return -value / 8159 if inverted >> 7 else value / 8159


def _decode_a(octet: int) -> float:
    turned = octet ^ 0x55
    step, chord = turned & 15, (turned >> 4) & 7
    value = (2 * step + 1) if chord == 0 else (2 * step + 33) * 2 ** (chord - 1)
    return value / 4096 if turned >> 7 else -value / 4096


MU = [_decode_mu(octet) for octet in range(256)]
A = [_decode_a(octet) for octet in range(256)]
LAWS = {0: MU, 8: A}


def encode(values: list[float], payload_type: int) -> bytes:
    """The nearest octet for every value, by search."""
    table = sorted((value, octet) for octet, value in enumerate(LAWS[payload_type]))
    levels = [value for value, _ in table]
    out = bytearray()
    for value in values:
        above = min(max(bisect.bisect(levels, value), 1), 255)
        nearer = above - (value - levels[above - 1] < levels[above] - value)
        out.append(table[nearer][1])
    return bytes(out)


@functools.cache
def tone(hertz: float, payload_type: int, frames: int = 50) -> list[bytes]:
    """One second (by default) of a tone in frames; whole hertz, so the end flows into the start."""
    wave = [0.25 * math.sin(2 * math.pi * hertz * n / 8000) for n in range(160 * frames)]
    octets = encode(wave, payload_type)
    return [octets[n : n + 160] for n in range(0, len(octets), 160)]


def share(samples: list[float], hertz: float) -> float:
    """How much of the power is at one frequency, from 0 to 1 (Goertzel)."""
    total = sum(value * value for value in samples)
    if total < 1e-9:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / 8000)
    one = two = 0.0
    for value in samples:
        one, two = value + turn * one - two, one
    power = one * one + two * two - turn * one * two
    return 2 * power / (total * len(samples))


class Packet:
    """One datagram as it was heard."""

    def __init__(self, data: bytes, source: tuple[str, int], at: float) -> None:
        first, second, self.sequence, self.timestamp, self.ssrc = RTP.unpack_from(data)
        assert first == 0x80
        self.marker, self.payload_type = second >> 7, second & 127
        self.payload, self.source, self.at = data[12:], source, at


class Phone:
    """Says a tone, hears what comes."""

    def __init__(self, hertz: float = 0, payload_type: int = 0, ssrc: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self.payload_type = payload_type
        self.frames = tone(hertz, payload_type) if hertz else []
        self.ssrc = ssrc or self.port
        self.sequence, self.timestamp = self.port & 0xFFFF, self.port * 7919 & 0xFFFFFFFF
        self.said = 0
        self.to: tuple[str, int] | None = None
        self.heard: list[Packet] = []
        self.other: list[bytes] = []

    def sdp(
        self, formats: str = "0 8 101", direction: str = "sendrecv", port: int | None = None
    ) -> str:
        """What this phone says of itself."""
        return describe(self.port if port is None else port, formats, direction)

    def say(self) -> None:
        """Send the next frame of the tone."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF
        if self.to is not None and self.frames:
            self.send(self.payload_type, self.frames[self.said % len(self.frames)])
            self.said += 1

    def send(self, second: int, payload: bytes) -> None:
        """Send any payload now."""
        assert self.to is not None
        head = RTP.pack(0x80, second, self.sequence, self.timestamp, self.ssrc)
        self.socket.sendto(head + payload, self.to)

    def press(self, event: int, frames: int = 4, ends: int = 3) -> None:
        """Press a key: all its packets in one go."""
        for n in range(frames + ends):
            self.sequence = (self.sequence + 1) & 0xFFFF
            duration = min(n + 1, frames) * 160
            end = 0x80 if n >= frames else 0
            self.send(101 | (0x80 if n == 0 else 0), struct.pack("!BBH", event, end | 10, duration))
        self.timestamp = (self.timestamp + frames * 160) & 0xFFFFFFFF

    def listen(self) -> None:
        """Take everything that has come."""
        while True:
            try:
                data, source = self.socket.recvfrom(4096)
            except BlockingIOError:
                return
            if len(data) > 12 and not 72 <= data[1] & 127 <= 76:
                self.heard.append(Packet(data, source, time.monotonic()))
            else:
                self.other.append(data)

    def hears(self, hertz: float, frames: int = 25) -> float:
        """Share of `hertz` in the last half second of audio."""
        audio = [p for p in self.heard if p.payload_type in LAWS][-frames:]
        return share([LAWS[p.payload_type][octet] for p in audio for octet in p.payload], hertz)

    def is_unbroken(self) -> bool:
        """One SSRC, no repeated or missing sequence number, no timestamp that leaps."""
        audio = [p for p in self.heard if p.payload_type in LAWS]
        pairs = list(itertools.pairwise(audio))
        return (
            len({p.ssrc for p in audio}) == 1
            and all((b.sequence - a.sequence) & 0xFFFF == 1 for a, b in pairs)
            and all(0 < (b.timestamp - a.timestamp) & 0xFFFFFFFF <= 1600 for a, b in pairs)
        )

    def forget(self) -> None:
        """Hear afresh."""
        self.heard.clear()


def describe(port: int, formats: str = "0 8 101", direction: str = "sendrecv") -> str:
    """A minimal SDP."""
    return (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {formats}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )


def port_of(reply: dict[str, Any]) -> int:
    """The audio port in a reply's SDP."""
    return int(reply["sdp"].split("m=audio ")[1].split()[0])


def converse(phones: list[Phone], seconds: float) -> None:
    """Let the phones talk and listen at their own pace for a while."""
    began = time.monotonic()
    frames = 0
    while frames < seconds * 50:
        left = began + frames * 0.02 - time.monotonic()
        if left <= 0:
            for phone in phones:
                phone.say()
            frames += 1
            continue
        select.select([phone.socket for phone in phones], [], [], left)
        for phone in phones:
            phone.listen()
    for phone in phones:
        phone.listen()


class Asks:
    """Whoever can ask the engine; the leg model as a front end uses it."""

    def ask(self, command: str, call: str = "", **keys: Any) -> dict[str, Any]:
        """One ng request and its reply."""
        raise AssertionError("subclasses ask")

    def caller(self, call: str, phone: Phone, **sdp: Any) -> int:
        """A leg for a phone that calls us, with nobody at the far side; its inner port."""
        inner = port_of(self.ask("offer", call, from_tag="leg", sdp=phone.sdp(**sdp)))
        answer = self.ask(
            "answer", call, from_tag="leg", to_tag="in",
            sdp=describe(DUMMY_PORT), endpoint_learning="off",
        )  # fmt: skip
        phone.to = ("127.0.0.1", port_of(answer))
        return inner

    def agent(self, call: str, phone: Phone, far: int = DUMMY_PORT, **sdp: Any) -> int:
        """A leg for a phone that we call; its inner port."""
        offer = self.ask("offer", call, from_tag="in", sdp=describe(far), endpoint_learning="off")
        phone.to = ("127.0.0.1", port_of(offer))
        answer = self.ask("answer", call, from_tag="in", to_tag="leg", sdp=phone.sdp(**sdp))
        return port_of(answer)

    def connect(self, call: str, phone: Phone, far: int = DUMMY_PORT, **sdp: Any) -> None:
        """Move the far side of a leg."""
        tags = {"from_tag": "in", "to_tag": "leg"}
        self.ask("offer", call, **tags, sdp=describe(far), endpoint_learning="off")
        reply = self.ask("answer", call, **tags, sdp=phone.sdp(**sdp))
        assert reply["result"] == "ok"

    def bridge(self, one: Phone, other: Phone) -> None:
        """Two legs, L1 and L2, that hear each other."""
        first = self.caller("L1", one)
        second = self.agent("L2", other, far=first)
        self.connect("L1", one, far=second)


class Engine(Asks):
    """A real worker process, an ng client, and the socket that hears its events."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.events = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.events.bind(("127.0.0.1", 0))
        self.events.settimeout(3)
        pairs = settings.pop("pairs", 100)
        first = audio_ports(2 * pairs)
        self.settings: dict[str, Any] = {
            "first_port": first,
            "last_port": first + 2 * pairs - 1,
            "events_port": self.events.getsockname()[1],
            "directory": str(directory),
            "realtime": False,
            **settings,
        }
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.settimeout(3)
        self.asked = 0
        self.start()

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callcenter.adapters.media_worker", json.dumps(self.settings)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split()[1])
        self.settings["ng_port"] = self.port
        self.client.connect(("127.0.0.1", self.port))

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it as the holder does; its exit code."""
        self.process.terminate()
        code = self.process.wait(5)
        self.events.close()
        self.client.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def ask(self, command: str, call: str = "", **keys: Any) -> dict[str, Any]:
        """One ng request and its reply."""
        self.asked += 1
        body = {
            "command": command,
            "call-id": call,
            **{k.replace("_", "-"): v for k, v in keys.items()},
        }
        return self.ask_raw(f"t{self.port}-{self.asked} ".encode() + json.dumps(body).encode())

    def ask_raw(self, datagram: bytes) -> dict[str, Any]:
        """A request as octets."""
        self.client.send(datagram)
        reply = json.loads(self.client.recv(65_535).partition(b" ")[2])
        assert isinstance(reply, dict)
        return reply

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a kind; the test fails when none comes."""
        while True:
            event = json.loads(self.events.recv(65_535))
            if event["type"] == kind:
                assert isinstance(event, dict)
                return event

    def silent(self) -> bool:
        """Whether no event waits."""
        return not select.select([self.events], [], [], 0.3)[0]
