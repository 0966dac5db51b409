"""Tones made and heard by a phone: who speaks is a frequency, who is heard is a power ratio.

Why: the only proof that two people are connected is that each hears the other. Every phone sends
a sine of its own frequency; a listener measures which of the known frequencies carries the power.
Written apart from `media/` on purpose.

Units: samples are int16-range floats at 8 kHz, frames are 160 samples (20 ms), u-law is ITU-T
G.711. Frequencies are multiples of 50 Hz, so that one frame is a whole number of periods and can
be sent over and over without a click.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from callcenter.app.phones.tones import AGENT_TONES, CALLER_TONES

__all__ = [
    "AGENT_TONES", "CALLER_TONES", "FRAME", "HEARD_RMS", "HEARD_SHARE", "RATE", "SILENCE_FRAME",
    "ULAW", "WINDOW", "ToneEar", "decode_ulaw", "encode_ulaw", "tone_frame",
]  # fmt: skip

RATE = 8000
FRAME = 160
WINDOW = 800
"""Samples in one measurement: 100 ms, so that 50 Hz steps fall between two bins."""

HEARD_SHARE = 0.6
"""Least share of the window's power that one frequency must carry to count as heard."""
HEARD_RMS = 300.0
"""Below this level (about -40 dBFS) a window is silence."""


def _ulaw_table() -> NDArray[np.float64]:
    """Sample value of each u-law octet (G.711 table 2a)."""
    octets = ~np.arange(256, dtype=np.int32) & 0xFF
    sign, exponent, mantissa = octets & 0x80, (octets >> 4) & 7, octets & 0x0F
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(sign != 0, -magnitude, magnitude).astype(np.float64)


ULAW = _ulaw_table()


def decode_ulaw(payload: bytes) -> NDArray[np.float64]:
    """Samples of a u-law payload, shape (n,)."""
    return ULAW[np.frombuffer(payload, dtype=np.uint8)]


def encode_ulaw(samples: NDArray[np.float64]) -> bytes:
    """Nearest u-law octet of each sample, by search in the decoded table."""
    order = np.argsort(ULAW, kind="stable")
    levels = ULAW[order]
    place = np.clip(np.searchsorted(levels, samples), 1, 255)
    lower_is_nearer = samples - levels[place - 1] < levels[place] - samples
    return order[place - lower_is_nearer.astype(np.int64)].astype(np.uint8).tobytes()


@lru_cache(maxsize=128)
def tone_frame(frequency: int, amplitude: float = 8000.0) -> bytes:
    """One 20 ms u-law frame of a sine that continues into itself. `frequency` in 50 Hz steps."""
    if frequency % 50:
        raise ValueError(f"{frequency} Hz does not fit a whole number of periods into 20 ms")
    return encode_ulaw(amplitude * np.sin(2 * np.pi * frequency * np.arange(FRAME) / RATE))


SILENCE_FRAME = b"\xff" * FRAME

_TONES = np.array(CALLER_TONES + AGENT_TONES)
_WINDOW = np.hanning(WINDOW)
_PROBES = np.exp(-2j * np.pi * np.outer(_TONES, np.arange(WINDOW)) / RATE) * _WINDOW


class ToneEar:
    """Listens to u-law frames and tells which tones were heard, for how many windows."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.windows: dict[int, int] = {}
        """Windows of 100 ms in which a frequency carried the power."""
        self.last: int | None = None
        """Tone of the latest window; None for silence, speech or music."""
        self.loud = 0
        """Windows that held any sound."""

    def hear(self, payload: bytes) -> bool:
        """Take one payload; True when a window was completed by it."""
        self._buffer += payload
        if len(self._buffer) < WINDOW:
            return False
        self.measure(decode_ulaw(bytes(self._buffer[:WINDOW])))
        del self._buffer[:WINDOW]
        return True

    def measure(self, samples: NDArray[np.float64]) -> None:
        """Judge one window of `WINDOW` samples."""
        self.last = None
        power = float(np.mean(samples**2))
        if power < HEARD_RMS**2:
            return
        self.loud += 1
        # A windowed sine of power p gives |X| = sqrt(2 p) * sum(window) / 2 at its own frequency.
        share = 2 * np.abs(_PROBES @ samples) ** 2 / (_WINDOW.sum() ** 2 * power)
        best = int(np.argmax(share))
        if share[best] >= HEARD_SHARE:
            self.last = int(_TONES[best])
            self.windows[self.last] = self.windows.get(self.last, 0) + 1
