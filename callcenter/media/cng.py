"""CNG: the calling tone by which a fax machine says that it is one.

Why: a fax dialled to a voice number beeps 1100 Hz for half a second, every 3.5 s, into a greeting
that it cannot hear. The tone is looked for in blocks of 10 ms: wide enough for the ± 38 Hz that
T.30 allows, and exactly eleven turns of 1100 Hz. A block counts when half of its power is at the
tone; 400 ms of them in a row are a fax. Speech never holds one pitch within 100 Hz for so long.

Machines call out for about a minute at most (T1), so nothing is looked for after that.

Sources: ITU-T T.30 4.1.1 (CNG: 1100 ± 38 Hz, 0.5 s on, 3 s off, each ± 15 %); G. Goertzel 1958.
"""

import numpy as np

from callcenter.media.g711 import alaw_to_linear, ulaw_to_linear
from callcenter.media.rtp import CLOCK, PCMA

HERTZ = 1100
BLOCK = 80
"""Samples of 10 ms."""
BLOCKS_IN_A_ROW = 40
SHARE_MIN = 0.5
"""Power at the tone, of all power of the block."""
POWER_MIN = 150.0**2 / 2
"""Mean square of the weakest tone that counts: about -43 dBm0."""
LISTENS_BLOCKS = 60 * CLOCK // BLOCK
"""A minute of sound."""

_turns = 2 * np.pi * HERTZ / CLOCK * np.arange(BLOCK)
_WAVES = np.stack([np.cos(_turns), np.sin(_turns)], axis=1).astype(np.float32)
_LINEAR = {
    law: np.array([value(octet) for octet in range(256)], np.float32)
    for law, value in ((0, ulaw_to_linear), (PCMA, alaw_to_linear))
}


class CngDetector:
    """Listens to one phone. Gaps in its stream neither count nor break a row."""

    __slots__ = ("_left", "_row")

    def __init__(self) -> None:
        self._row = 0
        self._left = LISTENS_BLOCKS

    @property
    def is_done(self) -> bool:
        """Whether it has heard the tone, or long enough."""
        return self._left <= 0

    def hear(self, payload: bytes | bytearray | memoryview, law: int) -> bool:
        """The G.711 of one packet; True once, when it is a fax."""
        blocks = len(payload) // BLOCK
        if not blocks or self._left <= 0:
            return False
        octets = np.frombuffer(payload, np.uint8, blocks * BLOCK)
        samples = _LINEAR[law][octets].reshape(blocks, BLOCK)
        power = np.einsum("bs,bs->b", samples, samples)
        waves = samples @ _WAVES
        at_tone = np.einsum("bw,bw->b", waves, waves) * (2 / BLOCK)
        self._left -= blocks
        for tone, whole in zip(at_tone.tolist(), power.tolist(), strict=True):
            is_tone = whole >= POWER_MIN * BLOCK and tone >= SHARE_MIN * whole
            self._row = self._row + 1 if is_tone else 0
            if self._row >= BLOCKS_IN_A_ROW:
                self._left = 0
                return True
        return False
