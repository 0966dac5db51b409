"""The tones that say: it rings there, and: speak now.

The first is what an agent hears while a customer is called back, the second what a caller hears who
is to leave a message: half a second of 1000 Hz.

One second on, four seconds off, 425 Hz, as most of the world rings; 20 dB under full scale, with
soft edges so that nothing clicks. It is played again and again, so the file is one period long.

Rendered by `python -m callcenter.adapters.media_compose FILE` to `audio/music/ringback.au` and
`beep.au`.

Sources: ITU-T E.180 (tones), its supplement 2 (425 Hz; 1 s on, 4 s off).
"""

import numpy as np

from callcenter.media.g711 import linear_to_ulaw
from callcenter.media.prompts import write_au
from callcenter.media.rtp import CLOCK

TONE_HZ = 425.0
ON_SECONDS, OFF_SECONDS = 1.0, 4.0
LEVEL_DBFS = -20.0
EDGE_SECONDS = 0.01
BEEP_HZ, BEEP_SECONDS = 1320.0, 0.5
NOTE = "Tone. Made for this project. GPL-3.0-or-later"


def render_ringback() -> bytes:
    """One period as the octets of a µ-law `.au` file."""
    return _au(TONE_HZ, ON_SECONDS, OFF_SECONDS)


def render_beep() -> bytes:
    """The beep before a message, as the octets of a µ-law `.au` file."""
    return _au(BEEP_HZ, BEEP_SECONDS, 0.0)


def _au(hertz: float, on_seconds: float, off_seconds: float) -> bytes:
    time = np.arange(int(on_seconds * CLOCK)) / CLOCK
    edge = np.clip(np.minimum(time, on_seconds - time) / EDGE_SECONDS, 0.0, 1.0)
    tone = np.sin(2 * np.pi * hertz * time) * edge * 10 ** (LEVEL_DBFS / 20)
    samples = [round(value * 32767) for value in tone] + [0] * int(off_seconds * CLOCK)
    return write_au(bytes(linear_to_ulaw(value) for value in samples), NOTE.encode())
