"""Digits as RFC 4733 telephone events: each key press is told once.

Why: a press is a burst of packets with one timestamp, growing durations and three copies of the
end. Any of them may be lost, so the press is told at its first end packet, or when a later event
or 200 ms of nothing show that the end was lost.

::

    idle --event--> pressed --end | later event | 200 ms--> told(timestamp) --event, new timestamp--> pressed

A key held longer than 8.2 s continues in a new event whose timestamp is 0xFFFF further (RFC 4733
2.5.1.3); that is one press.

Sources: RFC 4733 2.3, 2.5, 3.2. Duration counts in the clock that the phone named for
its events, mostly 8 kHz.
"""

import struct
from typing import NamedTuple

from callcenter.domain.units import MILLISECOND, Micros
from callcenter.media.rtp import CLOCK, timestamp_ahead

PAYLOAD = struct.Struct(">BBH")
DIGITS = "0123456789*#ABCD"
EVENT_MAX = 15
END = 0x80
SEGMENT = 0xFFFF
LOST_END_MICROS = 200 * MILLISECOND


class Press(NamedTuple):
    """One key press: event 0 to 15, how long in milliseconds, how loud in -dBm0."""

    event: int
    duration_ms: int
    volume: int


class Digits:
    """The receiving end for one stream."""

    __slots__ = ("_began", "_heard_at", "_last", "_segment", "_told", "clock", "ssrc")

    def __init__(self, ssrc: int = -1, clock: int = CLOCK) -> None:
        self.ssrc = ssrc
        self.clock = clock
        """In Hz, as the phone named it."""
        self._last: Press | None = None
        self._began = 0
        self._segment = 0
        self._heard_at: Micros = 0
        self._told: int | None = None

    @property
    def pressed(self) -> bool:
        """Whether a press has begun and is not told yet."""
        return self._last is not None

    def receive(self, payload: bytes, timestamp: int, now: Micros) -> Press | None:
        """One event packet; answers with the press that it completes, if it does."""
        if len(payload) < PAYLOAD.size:
            return None
        event, flags, duration = PAYLOAD.unpack_from(payload)
        if event > EVENT_MAX or self._is_old(timestamp):
            return None
        lost = self._begin_or_go_on(event, timestamp)
        total = timestamp_ahead(timestamp, self._began) + duration
        self._last = Press(event, max(total * 1000 // self.clock, 0), flags & 0x3F)
        self._heard_at = now
        if flags & END:
            return lost or self._tell()
        return lost

    def tick(self, now: Micros) -> Press | None:
        """The press whose end was lost, once it is clear that it was."""
        if self._last is not None and now - self._heard_at >= LOST_END_MICROS:
            return self._tell()
        return None

    def _is_old(self, timestamp: int) -> bool:
        if self._told is not None and timestamp_ahead(timestamp, self._told) <= 0:
            return timestamp_ahead(timestamp, self._told) > -10 * SEGMENT
        return self._last is not None and -SEGMENT < timestamp_ahead(timestamp, self._segment) < 0

    def _begin_or_go_on(self, event: int, timestamp: int) -> Press | None:
        """Start a press unless this packet continues one; a press cut short by it is told."""
        if self._last is not None:
            step = timestamp_ahead(timestamp, self._segment)
            if step == 0 or (step == SEGMENT and event == self._last.event):
                self._segment = timestamp
                return None
        cut_short = self._tell() if self._last is not None else None
        self._began = self._segment = timestamp
        return cut_short

    def _tell(self) -> Press | None:
        press, self._last = self._last, None
        self._told = self._segment
        return press
