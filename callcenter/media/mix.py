"""Several phones hear each other: each hears the sum of the others, and never itself.

    phone A ──► [ ear A ] ──┐            every 20 ms: sum of all frames, minus the own one
    phone B ──► [ ear B ] ──┼── sum ──►  written by the leg's own playout, like a prompt
    phone C ──► [ ear C ] ──┘

Why: a conference is no other kind of leg. An ear stands where the other party's side would, so the
hot path knows nothing of it; what a phone hears is a frame of ours on its one unbroken line. Frames
wait in the ear, a few of them, until their turn: that takes up the jitter of the network.

All phones of a mix are summed at once with numpy (frames are rows), so that a fourth costs next to
nothing.

Sources: ITU-T G.711; RFC 7667 3.4 (mixer).
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callcenter.domain.units import Micros
from callcenter.media.g711 import BIAS, CLIP, ULAW_TO_ALAW, alaw_to_linear, ulaw_to_linear
from callcenter.media.rtp import CLOCK, FRAME, FRAME_MICROS, HEADER_OCTETS, PCMA, PCMU

PARTIES_MAX = 16
WAITING_MAX = 8
"""Frames that wait in one ear; older ones are dropped."""
WAITING_MIN = 2
"""So many are there before the first is heard, again after every pause."""

Samples = NDArray[np.int16]

_OCTETS = range(256)
_LINEAR: Final[dict[int, Samples]] = {
    PCMU: np.array([ulaw_to_linear(octet) for octet in _OCTETS], dtype=np.int16),
    PCMA: np.array([alaw_to_linear(octet) for octet in _OCTETS], dtype=np.int16),
}


def _ulaw(values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The octet of each 16-bit value, as `linear_to_ulaw`."""
    magnitude = np.minimum(np.abs(values), CLIP) + BIAS
    exponent = np.frexp(magnitude.astype(np.float64))[1] - 8
    octet = (values < 0) * 0x80 | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F
    octets: NDArray[np.uint8] = (~octet & 0xFF).astype(np.uint8)
    return octets


_EVERY_VALUE = np.arange(-32768, 32768, dtype=np.int32)
_ULAW_OF: Final = _ulaw(_EVERY_VALUE)
_ALAW: Final = np.frombuffer(ULAW_TO_ALAW, np.uint8)


class Ear:
    """Where one phone's packets go while it is in a mix: it takes the place of the other side."""

    __slots__ = (
        "_flows",
        "_rest",
        "call_id",
        "clock",
        "events",
        "frames",
        "hears",
        "line",
        "origin",
    )

    def __init__(self) -> None:
        self.hears = PCMU
        """Any law: the packets are looked at, not sent on."""
        self.events: int | None = None
        self.clock = CLOCK
        self.call_id = ""
        self.line = self
        self.origin: object | None = None
        self.frames: deque[Samples] = deque(maxlen=WAITING_MAX)
        self._rest: Samples = np.empty(0, dtype=np.int16)
        self._flows = False

    def carry(
        self,
        packet: bytearray,
        _second: int,
        _sequence: int,
        _timestamp: int,
        _ssrc: int,
        _origin: object,
        samples: int,
        _now: Micros,
    ) -> bool:
        """Keep what was said; nothing is sent on."""
        law = PCMA if packet[1] & 0x7F == PCMA else PCMU
        said = np.frombuffer(packet, np.uint8, samples, HEADER_OCTETS)
        heard = np.concatenate((self._rest, _LINEAR[law][said]))
        whole = len(heard) - len(heard) % FRAME
        for start in range(0, whole, FRAME):
            self.frames.append(heard[start : start + FRAME])
        self._rest = heard[whole:]
        return False

    def carry_event(self, *_event: object) -> bool:
        """Digits are for the flow, not for the others."""
        return False

    def skip(self) -> None:
        """Digits are for the flow, not for the others."""

    def rest(self) -> None:
        """Nothing is carried."""

    def next(self) -> Samples | None:
        """The frame whose turn it is; None in a pause."""
        if not self._flows:
            self._flows = len(self.frames) >= WAITING_MIN
        if not self._flows:
            return None
        if self.frames:
            return self.frames.popleft()
        self._flows = False
        return None


class Mix:
    """The phones that hear each other, by the name of their leg."""

    __slots__ = ("_turn", "ears", "heard")

    def __init__(self) -> None:
        self.ears: dict[str, Ear] = {}
        self.heard: dict[str, Samples] = {}
        """What each hears in this turn; silence where it is not named."""
        self._turn = -1

    def join(self, leg: str) -> Ear:
        """One more phone; its ear."""
        return self.ears.setdefault(leg, Ear())

    def leave(self, leg: str) -> None:
        """One phone less."""
        self.ears.pop(leg, None)
        self.heard.pop(leg, None)

    def frame(self, leg: str, law: int, now: Micros) -> bytes | None:
        """What a phone hears now, in its law; None where nobody else speaks."""
        turn = now // FRAME_MICROS
        if turn != self._turn:
            self._turn = turn
            self._sum()
        heard = self.heard.get(leg)
        if heard is None:
            return None
        octets = _ULAW_OF[heard.astype(np.int32) + 32768]
        payload: bytes = (_ALAW[octets] if law == PCMA else octets).tobytes()
        return payload

    def _sum(self) -> None:
        said = {leg: frame for leg, ear in self.ears.items() if (frame := ear.next()) is not None}
        if not said:
            self.heard = {}
            return
        rows = np.array(list(said.values()), dtype=np.int32)
        whole = rows.sum(axis=0)
        others = np.clip(whole - rows, -32768, 32767).astype(np.int16)
        self.heard = dict(zip(said, others, strict=True))
        if len(said) < len(self.ears):
            all_of_it = np.clip(whole, -32768, 32767).astype(np.int16)
            for leg in self.ears:
                self.heard.setdefault(leg, all_of_it)
