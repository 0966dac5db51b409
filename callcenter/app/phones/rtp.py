"""One RTP stream of a phone: a socket, a sequence, digits out, and what came in.

Why: the phones of the demo and the tests must not share RTP code with the media engine that they
judge. Sources: RFC 3550 section 5.1 (header), RFC 4733 section 2.5 (digits as events).
"""

from __future__ import annotations

import random
import socket
import struct
from collections import deque

from callcenter.app.phones.audio import SILENCE_FRAME, ToneEar

PCMU = 0
DIGITS = "0123456789*#ABCD"
EVENT_FRAMES = 6
"""A digit is six 20 ms updates (120 ms) and three copies of its end."""
EVENT_VOLUME = 10
PAUSE_FRAMES = 5


class RtpPort:
    """A phone's side of one audio stream. `beat` is to be called every 20 ms."""

    def __init__(self, address: str, ssrc: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.port: int = self.socket.getsockname()[1]
        self.far: tuple[str, int] | None = None
        self.event_type: int | None = 101
        self.frame = SILENCE_FRAME
        self.ear = ToneEar()
        self.received = 0
        self.gaps = 0
        self.sources: set[int] = set()
        self.loss = 0.0
        """Share of packets dropped in each direction: a bad network at this phone."""
        self._dice = random.Random(ssrc)
        self._ssrc = ssrc
        self._sequence = ssrc & 0xFFFF
        self._timestamp = (ssrc * 7) & 0xFFFFFFFF
        self._last_sequence: int | None = None
        self._events: deque[tuple[int, bool, int]] = deque()
        self._event_start = 0
        self._first = True

    def press(self, digits: str) -> None:
        """Queue digits; they go out one after the other with a pause between."""
        for digit in digits:
            code = DIGITS.index(digit)
            for frame in range(1, EVENT_FRAMES + 1):
                self._events.append((code, False, frame * 160))
            for _ in range(3):
                self._events.append((code, True, EVENT_FRAMES * 160))
            self._events.extend([(-1, False, 0)] * PAUSE_FRAMES)

    @property
    def pressing(self) -> bool:
        """Whether digits are still to go out."""
        return bool(self._events)

    def beat(self) -> None:
        """Send what is due in this 20 ms."""
        if self.far is None:
            self._timestamp = (self._timestamp + 160) & 0xFFFFFFFF
            return
        if self._events and self.event_type is not None:
            code, end, duration = self._events.popleft()
            if code >= 0:
                self._send_event(code, end=end, duration=duration)
                self._timestamp = (self._timestamp + 160) & 0xFFFFFFFF
                return
        marker = 0x80 if self._first else 0
        self._first = False
        self._send(marker | PCMU, self._timestamp, self.frame)
        self._timestamp = (self._timestamp + 160) & 0xFFFFFFFF

    def _send_event(self, code: int, *, end: bool, duration: int) -> None:
        first = duration == 160 and not end
        if first:
            self._event_start = self._timestamp
        payload = struct.pack("!BBH", code, (0x80 if end else 0) | EVENT_VOLUME, duration)
        marker = 0x80 if first else 0
        assert self.event_type is not None
        self._send(marker | self.event_type, self._event_start, payload)

    def _send(self, marker_and_type: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, marker_and_type, self._sequence, timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self.loss and self._dice.random() < self.loss:
            return
        try:
            self.socket.sendto(header + payload, self.far)  # type: ignore[arg-type]
        except OSError:
            return  # the far end is gone; the call's signalling tells

    def drain(self) -> None:
        """Read what arrived: count it, look for gaps, listen to it."""
        while True:
            try:
                data = self.socket.recv(2048)
            except (BlockingIOError, OSError):
                return
            if self.loss and self._dice.random() < self.loss:
                continue
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            kind = data[1] & 0x7F
            if 64 <= kind <= 95:
                continue  # RTCP on the RTP port (RFC 5761 section 4)
            _, _, sequence, _, source = struct.unpack_from("!BBHII", data)
            self.received += 1
            self.sources.add(source)
            if self._last_sequence is not None:
                self.gaps += ((sequence - self._last_sequence) & 0xFFFF) != 1
            self._last_sequence = sequence
            if kind == PCMU:
                self.ear.hear(data[12 + 4 * (data[0] & 0x0F) :])

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()
