"""The tone that says: it rings there. What an agent hears while a customer is called back.

One second on, four seconds off, 425 Hz, as most of the world rings; 20 dB under full scale, with
soft edges so that nothing clicks. It is played again and again, so the file is one period long.

Rendered by `python -m callcenter.adapters.media_compose FILE` to `audio/music/ringback.au`.

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
NOTE = "Ringing tone. Made for this project. GPL-3.0-or-later"


def render_ringback() -> bytes:
    """One period as the octets of a µ-law `.au` file."""
    time = np.arange(int(ON_SECONDS * CLOCK)) / CLOCK
    edge = np.clip(np.minimum(time, ON_SECONDS - time) / EDGE_SECONDS, 0.0, 1.0)
    tone = np.sin(2 * np.pi * TONE_HZ * time) * edge * 10 ** (LEVEL_DBFS / 20)
    samples = [round(value * 32767) for value in tone] + [0] * int(OFF_SECONDS * CLOCK)
    return write_au(bytes(linear_to_ulaw(value) for value in samples), NOTE.encode())
