"""Messages on the disk: from the file that the media engine wrote to one kept by its content.

    recordings/CONTACT.au    while it is recorded, and until its contact is committed
    blobs/ab/abcdef…         kept: name = SHA-256, mode 0600, WAV (µ-law, 8000 Hz)

Why: a file that is there is whole (written aside, synced, renamed, its folder synced), and keeping
the same message twice, as after a crash, keeps it once. All of it lies in two folders that are ours
alone, so that erasing is deleting.

Blocking: to be called from a thread.

Sources: Microsoft RIFF (WAVE format 7, µ-law), ITU-T G.711.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import time
from pathlib import Path
from typing import NamedTuple

from callcenter.adapters.store.embedded import private_directory
from callcenter.media.recorder import HEADER, spoken_milliseconds

OCTETS_MAX = 8000 * 660
LEFT_OVER_SECONDS = 86_400
"""A recording that nobody asked for in so long is nobody's."""
_NAME = re.compile(r"^[0-9a-f]{64}$")
_WAV = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")


class Kept(NamedTuple):
    """What became of a recording. Without a blob it was too short, or could not be kept."""

    blob: str = ""
    is_short: bool = False


class Recordings:
    """The files below the state directory of a center."""

    def __init__(self, state_directory: Path) -> None:
        self.directory = state_directory / "recordings"
        self._blobs = state_directory / "blobs"

    def prepare(self) -> None:
        """Make the folders, for us alone; remove what was left over."""
        private_directory(self.directory)
        private_directory(self._blobs)
        for file in self.directory.glob("*.au"):
            if time.time() - file.stat().st_mtime > LEFT_OVER_SECONDS:
                file.unlink(missing_ok=True)

    def keep(self, file: str, shortest: int) -> Kept:
        """Keep a recording with at least `shortest` milliseconds of speech.

        Raises `OSError` when it cannot be read or written.
        """
        path = self._inside(file)
        with path.open("rb") as opened:
            data = opened.read(OCTETS_MAX)
        ulaw = data[len(HEADER) :]
        if spoken_milliseconds(ulaw) < shortest:
            return Kept(is_short=True)
        return Kept(self._keep_blob(wav(ulaw)))

    def drop(self, file: str) -> None:
        """The recording is not needed any more."""
        self._inside(file).unlink(missing_ok=True)

    def read(self, blob: str) -> bytes:
        """A message that was kept. Raises `FileNotFoundError`, also for what is no name of one."""
        if not _NAME.match(blob):
            raise FileNotFoundError(blob)
        return (self._blobs / blob[:2] / blob).read_bytes()

    def _inside(self, file: str) -> Path:
        path = Path(file)
        if path.parent != self.directory:
            raise FileNotFoundError(file)
        return path

    def _keep_blob(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        folder = self._blobs / name[:2]
        path = folder / name
        if not path.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
            aside = folder / f".{name}.{os.getpid()}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(data)
                    opened.flush()
                    os.fsync(opened.fileno())
                aside.replace(path)
            except OSError:
                aside.unlink(missing_ok=True)
                raise
            for one in (folder, self._blobs):
                _sync(one)
        return name


def wav(ulaw: bytes) -> bytes:
    """µ-law audio as a WAV file that any browser plays."""
    size = len(ulaw)
    head = _WAV.pack(
        b"RIFF", 50 + size + size % 2, b"WAVE", b"fmt ", 18, 7, 1, 8000, 8000, 1, 8, 0,
        b"fact", 4, size, b"data", size,
    )  # fmt: skip
    return head + ulaw + bytes(size % 2)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
