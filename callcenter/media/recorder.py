"""What a phone says, kept while it says it: a message that a caller leaves.

    recording ──► silence, the limit, `stop recording`, the leg is gone, the disk is full ──► done

Audio is laid down as it comes and against the clock: where a phone sent nothing (it may save silent
packets, or the network lost some), silence stands in the file for as long. What came is handed on
every second, so that a process that dies loses no more than that.

Units: frames of 20 ms, µ-law, 8000 Hz. The file is an `.au` whose header does not know its length.

Sources: the Sun audio format (length 0xffffffff: unknown), ITU-T G.711.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.media.g711 import ALAW_TO_ULAW, ULAW_SILENCE, ulaw_to_linear
from callcenter.media.rtp import CLOCK, FRAME, PCMA

HEADER = struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 1, CLOCK, 1)
SECONDS_MAX = 600
FLUSH_OCTETS = CLOCK
"""A second."""
LATE: Micros = 200 * MILLISECOND
"""So far behind the clock, silence is put in."""
LOUD = 260
"""Mean of a frame's samples, of 32768, from which on somebody speaks: about -42 dBFS."""
_EVERY = 8
"""Samples that are looked at: one in so many."""
_LEVEL = tuple(abs(ulaw_to_linear(octet)) for octet in range(256))


def is_loud(ulaw: bytes) -> bool:
    """Whether somebody speaks in this frame."""
    looked_at = ulaw[::_EVERY]
    return sum(_LEVEL[octet] for octet in looked_at) > LOUD * len(looked_at)


def spoken_milliseconds(ulaw: bytes) -> int:
    """How much of a recording is speech, in steps of 20 ms."""
    frames = (ulaw[start : start + FRAME] for start in range(0, len(ulaw), FRAME))
    return 20 * sum(is_loud(frame) for frame in frames)


class Recorded(NamedTuple):
    """It is over: `why` is silence, limit, stopped, gone or failed."""

    call_id: str
    file: str
    milliseconds: int
    why: str


class Recorder:
    """One message being left. `append` writes octets at the end of the file, or raises `OSError`."""

    __slots__ = (
        "_append",
        "_buffer",
        "_loud_at",
        "_octets",
        "_octets_max",
        "_silence",
        "_since",
        "call_id",
        "done",
        "file",
    )

    def __init__(
        self,
        call_id: str,
        file: str,
        *,
        seconds_max: int,
        silence_seconds: int,
        append: Callable[[str, bytes], None],
        now: Micros,
    ) -> None:
        self.call_id = call_id
        self.file = file
        self.done: Recorded | None = None
        self._append = append
        self._buffer = bytearray(HEADER)
        self._octets = 0
        self._octets_max = min(seconds_max, SECONDS_MAX) * CLOCK
        self._silence = silence_seconds * SECOND
        self._since = self._loud_at = now
        self._flush()

    def hear(self, payload: bytes, codec: int, now: Micros) -> None:
        """A packet of audio came."""
        if self.done is not None:
            return
        self._catch_up(now - LATE)
        ulaw = payload.translate(ALAW_TO_ULAW) if codec == PCMA else payload
        self._lay(ulaw)
        if is_loud(ulaw):
            self._loud_at = now

    def tick(self, now: Micros) -> None:
        """Time went by: nothing is heard any more, or too much was."""
        if self.done is not None:
            return
        self._catch_up(now - LATE)
        if self._octets >= self._octets_max:
            self.end("limit")
        elif self._silence and now - self._loud_at >= self._silence:
            self.end("silence")

    def end(self, why: str) -> Recorded:
        """Nothing more is kept."""
        if self.done is None:
            self._flush()
        if self.done is None:
            self.done = self._over(why)
        return self.done

    def _over(self, why: str) -> Recorded:
        return Recorded(self.call_id, self.file, self._octets * 1000 // CLOCK, why)

    def _catch_up(self, now: Micros) -> None:
        """Silence where nothing came."""
        missing = (now - self._since) * CLOCK // SECOND - self._octets
        if missing > 0:
            self._lay(bytes([ULAW_SILENCE]) * min(missing, self._octets_max))

    def _lay(self, ulaw: bytes) -> None:
        taken = ulaw[: self._octets_max - self._octets]
        self._buffer += taken
        self._octets += len(taken)
        if len(self._buffer) >= FLUSH_OCTETS:
            self._flush()

    def _flush(self) -> None:
        if not self._buffer:
            return
        data, self._buffer = bytes(self._buffer), bytearray()
        try:
            self._append(self.file, data)
        except OSError:
            self.done = self._over("failed")
