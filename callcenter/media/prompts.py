"""Audio files: Sun/NeXT `.au`, 8 kHz, one channel, µ-law, A-law or 16-bit linear.

Why: a prompt is read once, brought to both laws at once and cut into frames by index, so playing
it to a thousand phones is a copy of 160 octets each. `.au` is also the one format that rtpengine
10.5 plays at an even pace.

The last frame is filled with silence. Sizes that the header leaves open (0xFFFFFFFF) run to the
end of the file.

Sources: `audio(5)` of SunOS; RFC 2361 has no say. Encodings 1 µ-law, 27 A-law, 3 linear 16 bit.
"""

import struct

from callcenter.media import g711
from callcenter.media.ng import NgError
from callcenter.media.rtp import CLOCK, FRAME

AUDIO_OCTETS_MAX = 32 * 1024 * 1024
_MAGIC = b".snd"
_HEADER = struct.Struct(">4sIIIII")
_ULAW, _LINEAR, _ALAW = 1, 3, 27


class Audio:
    """A whole file in both laws. `frames` counts frames of 20 ms."""

    __slots__ = ("alaw", "frames", "ulaw")

    def __init__(self, ulaw: bytes, alaw: bytes) -> None:
        self.ulaw = ulaw
        self.alaw = alaw
        self.frames = len(ulaw) // FRAME

    @property
    def milliseconds(self) -> int:
        """How long it lasts."""
        return self.frames * 20


def read_au(data: bytes) -> Audio:
    """Read a file's octets.

    Raises:
        NgError: when it is not such a file; the reason says what is wrong with it.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise NgError("Not an .au file")
    _, offset, size, encoding, rate, channels = _HEADER.unpack_from(data)
    if offset < _HEADER.size or offset > len(data):
        raise NgError("The .au header is wrong")
    if rate != CLOCK or channels != 1:
        raise NgError(f"The .au file has {rate} Hz and {channels} channels, not 8000 Hz and one")
    return from_samples(data[offset : offset + size], encoding)


def from_samples(samples: bytes, encoding: int) -> Audio:
    """Audio of raw samples in one of the `.au` encodings. Raises `NgError` for others."""
    if not samples:
        raise NgError("The .au file holds no sound")
    if encoding == _LINEAR:
        values = struct.unpack(f">{len(samples) // 2}h", samples[: len(samples) // 2 * 2])
        ulaw = bytes(map(g711.linear_to_ulaw, values))
        alaw = bytes(map(g711.linear_to_alaw, values))
    elif encoding == _ULAW:
        ulaw, alaw = samples, samples.translate(g711.ULAW_TO_ALAW)
    elif encoding == _ALAW:
        ulaw, alaw = samples.translate(g711.ALAW_TO_ULAW), samples
    else:
        raise NgError(f"The .au encoding {encoding} is not µ-law, A-law or linear")
    return Audio(_whole(ulaw, g711.ULAW_SILENCE), _whole(alaw, g711.ALAW_SILENCE))


def write_au(ulaw: bytes, note: bytes = b"") -> bytes:
    """The octets of a µ-law `.au` file with a note in its header."""
    padded = note + bytes(4 + -len(note) % 4)
    start = _HEADER.size + len(padded)
    return _HEADER.pack(_MAGIC, start, len(ulaw), _ULAW, CLOCK, 1) + padded + ulaw


def _whole(samples: bytes, silence: int) -> bytes:
    return samples + bytes([silence]) * (-len(samples) % FRAME)
