"""What people sent, on the disk: files by the hash of their bytes, and what is shown of them.

    blobs/ab/abcdef…          one file per content, mode 0600, name = SHA-256
    documents/CONTACT.json    what was read from them
    documents/CONTACT.ID.json what belongs to it beside: notes, a draft

Why: a file that is there is whole (written aside, synced, renamed, its folder synced), and the same
bytes are kept once however often they are handed over. All of it is in one folder, so that erasing
is deleting; nothing else holds a word of what was written.

Blocking: call it from a thread, or where waiting hurts nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

from callcenter.adapters.store.embedded import private_directory

BLOB_BYTES_MAX = 64 * 1024 * 1024
_NAME = re.compile(r"^[0-9a-f]{64}$")
_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


class NoSuchBlob(LookupError):
    """There is no such file, or there never could be."""


class Blobs:
    """The files below one directory."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._documents = directory / "documents"

    def prepare(self) -> None:
        """Make the folders, for us alone."""
        private_directory(self._blobs)
        private_directory(self._documents)

    def keep(self, data: bytes) -> str:
        """Have these bytes on the disk; their name. Raises `OSError` when the disk is full."""
        name = hashlib.sha256(data).hexdigest()
        path = self._blobs / name[:2] / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write(path, data)
            _sync_folder(self._blobs)
        return name

    def read(self, name: str) -> bytes:
        """Raises `NoSuchBlob`."""
        try:
            return self.path(name).read_bytes()
        except OSError as missing:
            raise NoSuchBlob(name) from missing

    def path(self, name: str) -> Path:
        """Where it lies. Raises `NoSuchBlob` for what is no name of a blob."""
        if not _NAME.match(name):
            raise NoSuchBlob(name)
        return self._blobs / name[:2] / name

    def keep_document(self, contact: str, data: bytes, beside: str = "") -> None:
        """What is shown of a contact; with `beside` what belongs to it."""
        _write(self._document(contact, beside), data)

    def read_document(self, contact: str, beside: str = "") -> bytes:
        """Raises `NoSuchBlob`."""
        try:
            return self._document(contact, beside).read_bytes()
        except OSError as missing:
            raise NoSuchBlob(contact) from missing

    def _document(self, contact: str, beside: str) -> Path:
        if not _ID.match(contact) or (beside and not _ID.match(beside)):
            raise NoSuchBlob(contact)
        return self._documents / (f"{contact}.{beside}.json" if beside else f"{contact}.json")


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, whenever the power fails."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
