"""Digits as two tones in the audio: the last resort, where a line carries no telephone events.

    block of 205 samples ──► powers at eight frequencies ──► one low and one high of like strength,
    and nothing else? ──► the same digit in two blocks: pressed, told once ──► two blocks without: over

Why: some analogue gateways send what the telephone sends. Speech imitates tones, so a digit must be
nearly all there is to hear, in both tones, for 50 ms; and whoever may send events is not listened to
so, as each key would count twice.

Sources: ITU-T Q.23 (frequencies), Q.24 (twist, duration); Goertzel 1958. 205 samples at 8 kHz lay the
eight frequencies near the middle of their bins.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callcenter.media.dtmf import Press
from callcenter.media.g711 import alaw_to_linear, ulaw_to_linear
from callcenter.media.rtp import CLOCK, PCMA, PCMU

BLOCK = 205
BLOCKS_MIN = 2
"""So many alike begin a press, and so many without it end it."""
LEVEL_MIN = 400.0
"""Root mean square below which nothing is heard (about -38 dBm0)."""
SHARE_MIN = 0.75
"""Of the power, in the two tones together."""
TWIST_MAX = 8.0
"""One tone is at most so many times as strong as the other (9 dB)."""
PRESS_MS = 50

LOW: Final = (697, 770, 852, 941)
HIGH: Final = (1209, 1336, 1477, 1633)
_KEYS: Final = ((1, 2, 3, 12), (4, 5, 6, 13), (7, 8, 9, 14), (10, 0, 11, 15))
"""Event numbers as RFC 4733 has them, by row and column of the keypad."""
_LINEAR: Final[dict[int, NDArray[np.float64]]] = {
    PCMU: np.array([ulaw_to_linear(octet) for octet in range(256)], dtype=np.float64),
    PCMA: np.array([alaw_to_linear(octet) for octet in range(256)], dtype=np.float64),
}
_PROBES: Final = np.exp(-2j * np.pi * np.outer(np.array(LOW + HIGH), np.arange(BLOCK)) / CLOCK)


def event_in(block: NDArray[np.float64]) -> int | None:
    """The key whose two tones fill a block of `BLOCK` samples; None for anything else."""
    power = float(np.mean(block**2))
    if power < LEVEL_MIN**2:
        return None
    shares = 2 * np.abs(_PROBES @ block) ** 2 / (BLOCK**2 * power)
    row, column = int(np.argmax(shares[:4])), int(np.argmax(shares[4:]))
    low, high = float(shares[row]), float(shares[4 + column])
    if low + high < SHARE_MIN or max(low, high) > TWIST_MAX * min(low, high):
        return None
    return _KEYS[row][column]


class Tones:
    """The receiving end for one phone."""

    __slots__ = ("_alike", "_last", "_rest", "_told", "_without")

    def __init__(self) -> None:
        self._rest: NDArray[np.float64] = np.empty(0)
        self._last: int | None = None
        self._alike = 0
        self._without = 0
        self._told: int | None = None

    def hear(self, payload: bytes | bytearray, law: int) -> list[Press]:
        """Take one packet; the presses that it makes clear."""
        said = _LINEAR[PCMA if law == PCMA else PCMU][np.frombuffer(payload, np.uint8)]
        heard = np.concatenate((self._rest, said))
        whole = len(heard) - len(heard) % BLOCK
        self._rest = heard[whole:]
        found = (self._judge(event_in(b)) for b in heard[:whole].reshape(-1, BLOCK))
        return [press for press in found if press is not None]

    def _judge(self, event: int | None) -> Press | None:
        self._alike = self._alike + 1 if event == self._last else 1
        self._last = event
        if event is None or event != self._told:
            self._without += 1
            if self._without >= BLOCKS_MIN:
                self._told = None
        else:
            self._without = 0
        if event is None or self._alike < BLOCKS_MIN or event == self._told:
            return None
        self._told, self._without = event, 0
        return Press(event, PRESS_MS, 0)
