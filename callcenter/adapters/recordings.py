"""Messages on the disk: from the file that the media engine wrote to a document kept by its content.

    recordings/CONTACT.au    while it is recorded, and until its contact is committed
    blobs/…, documents/…     then, like everything that is handed in (`blobs.py`): a WAV file

Why: the engine writes as it hears and knows neither length nor speech; here is decided whether it
is a message at all. Keeping the same one twice, as after a crash, keeps it once.

Blocking: to be called from a thread.

Sources: Microsoft RIFF (WAVE format 7, µ-law), ITU-T G.711.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import NamedTuple

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.store.embedded import private_directory
from callcenter.domain.center import Channel
from callcenter.frontend.turn import KeepRecording
from callcenter.intake.document import Document, Part, encode_document
from callcenter.media.recorder import HEADER, SECONDS_MAX, spoken_milliseconds
from callcenter.media.rtp import CLOCK

OCTETS_MAX = CLOCK * SECONDS_MAX + len(HEADER)
LEFT_OVER_SECONDS = 86_400
"""A recording that nobody asked for in so long is nobody's."""
NAME, TYPE, ROLE = "message.wav", "audio/wav", "recording"
_WAV = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")


class Kept(NamedTuple):
    """What became of a recording. Without a blob it was too short, or could not be kept."""

    blob: str = ""
    is_short: bool = False


class Recordings:
    """The files below the state directory of a center."""

    def __init__(self, state_directory: Path) -> None:
        self.directory = state_directory / "recordings"
        self._blobs = Blobs(state_directory)

    def prepare(self) -> None:
        """Make the folders, for us alone; remove what was left over. Raises `OSError`."""
        private_directory(self.directory)
        self._blobs.prepare()
        for file in self.directory.glob("*.au"):
            if time.time() - file.stat().st_mtime > LEFT_OVER_SECONDS:
                file.unlink(missing_ok=True)

    def keep(self, wish: KeepRecording) -> Kept:
        """Keep a recording and what there is to show of it, if there is enough speech in it.

        Raises `OSError` when it cannot be read or written.
        """
        with self._inside(wish.file).open("rb") as opened:
            ulaw = opened.read(OCTETS_MAX)[len(HEADER) :]
        if spoken_milliseconds(ulaw) < wish.shortest:
            return Kept(is_short=True)
        data = wav(ulaw)
        blob = self._blobs.keep(data)
        minutes, seconds = divmod(len(ulaw) // CLOCK, 60)
        document = Document(
            contact=wish.contact,
            channel=Channel.VOICEMAIL,
            source=wish.dialled,
            received=wish.at,
            subject=f"Voice message, {minutes}:{seconds:02d}",
            sender=wish.number,
            parts=(Part(blob=blob, name=NAME, type=TYPE, size=len(data), role=ROLE),),
        )
        self._blobs.keep_document(wish.contact, encode_document(document))
        return Kept(blob)

    def drop(self, file: str) -> None:
        """The recording is not needed any more."""
        self._inside(file).unlink(missing_ok=True)

    def _inside(self, file: str) -> Path:
        path = Path(file)
        if path.parent != self.directory:
            raise FileNotFoundError(file)
        return path


def wav(ulaw: bytes) -> bytes:
    """µ-law audio as a WAV file that any browser plays."""
    size = len(ulaw)
    head = _WAV.pack(
        b"RIFF", 50 + size + size % 2, b"WAVE", b"fmt ", 18, 7, 1, CLOCK, CLOCK, 1, 8, 0,
        b"fact", 4, size, b"data", size,
    )  # fmt: skip
    return head + ulaw + bytes(size % 2)
