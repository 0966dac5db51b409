"""The backup's file: a tar.gz of named parts, a head before them and a manifest behind.

    backup.json       first: what this is, its version, what program made it and when
    …                 the parts
    manifest.json     last: size and SHA-256 of every part, the head too; of those that are many
                      (`MANY`) how many they are, and one sum over all of them in their order

A file whose name is the hash of its bytes (`BLOBS`) is checked by its name.

Why: a file that was cut off, or whose bytes have changed, must be told from a good one before
anything of it is used; a file of a later version must say so by name. `tar tzf` and `sha256sum`
look into it without us.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from callcenter.domain.errors import CallcenterError

FORMAT = "callcenter backup"
VERSION = 2
"""1 had no parts that are many."""
HEAD, MANIFEST = "backup.json", "manifest.json"
CHUNK = 1 << 20
PARTS_MAX = 100_000
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
BLOBS, DOCUMENTS = "state/blobs/", "state/documents/"
MANY = (BLOBS, DOCUMENTS)
"""Parts of which there may be millions: neither the manifest nor anybody's memory lists them."""

Progress = Callable[[int, int], None]
"""Told how far it is, and of how much."""


class BackupUnusable(CallcenterError):
    """This file is no backup, is damaged, or is of a later version; the text says which."""


class _Summing:
    """Reads a file and remembers what it read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sum.update(data)
        return data


class _Many:
    """How many parts there were that are many, and one sum over them all."""

    def __init__(self) -> None:
        self.count = self.bytes = 0
        self._sum = hashlib.sha256()

    def add(self, name: str, size: int, digest: str) -> None:
        self.count += 1
        self.bytes += size
        self._sum.update(f"{name} {size} {digest}\n".encode())

    def told(self) -> dict[str, Any]:
        return {"parts": self.count, "bytes": self.bytes, "sha256": self._sum.hexdigest()}


class BoxWriter:
    """Writes a backup beside its name and gives it the name when all of it is on the disk."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._part.unlink(missing_ok=True)
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w:gz", compresslevel=6)  # noqa: SIM115 - closed by finish or drop
        self._parts: dict[str, dict[str, Any]] = {}
        self._many = _Many()
        self.add_bytes(HEAD, _document({"format": FORMAT, "version": VERSION, **head}))

    def add_bytes(self, name: str, data: bytes) -> None:
        """A part from memory."""
        self._add(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, path: Path) -> None:
        """A part from a file, as long as it is now."""
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def _add(self, name: str, file: BinaryIO, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(time.time())
        summing = _Summing(file)
        self._tar.addfile(info, summing)
        self._tar.members.clear()  # type: ignore[attr-defined] # it would keep each of them
        if name.startswith(MANY):
            self._many.add(name, size, summing.sum.hexdigest())
        else:
            self._parts[name] = {"bytes": size, "sha256": summing.sum.hexdigest()}

    @property
    def parts(self) -> int:
        """How many are in it."""
        return len(self._parts) - 1 + self._many.count

    def finish(self) -> int:
        """Close the file and give it its name; its size in bytes."""
        manifest = _document({"parts": self._parts, "many": self._many.told()})
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode, info.mtime = len(manifest), 0o600, int(time.time())
        self._tar.addfile(info, io.BytesIO(manifest))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = os.fstat(self._file.fileno()).st_size
        self._file.close()
        os.replace(self._part, self._path)
        return size

    def drop(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def unpack(
    path: Path, directory: Path, progress: Progress = lambda _done, _of: None
) -> dict[str, Any]:
    """Put every part of a backup into `directory`, checked; the head. Raises `BackupUnusable`."""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:gz") as tar:
            size = max(1, os.fstat(file.fileno()).st_size)
            return _Unpacking(path, directory, lambda: progress(file.tell(), size)).run(tar)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno is not None:
            raise BackupUnusable(f"{path}: {wrong.strerror}") from wrong
        raise BackupUnusable(
            f"{path} is damaged, or is no backup of a center: {wrong}; nothing was restored"
        ) from wrong


class _Unpacking:
    """One reading of a backup, part by part; nothing of those that are many is remembered."""

    def __init__(self, path: Path, directory: Path, tell: Callable[[], None]) -> None:
        self._path = path
        self._directory = directory
        self._tell = tell
        self._head: dict[str, Any] = {}
        self._manifest: dict[str, Any] | None = None
        self._sums: dict[str, dict[str, Any]] = {}
        self._many = _Many()

    def run(self, tar: tarfile.TarFile) -> dict[str, Any]:
        """All of it, compared with what the manifest says; the head."""
        path = self._path
        while (member := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined] # it would keep each of them
            self._part(tar, member)
            self._tell()
        assert tar.fileobj is not None
        while tar.fileobj.read(CHUNK):
            pass  # to its end, where gzip's own checksum stands
        self._tell()
        if self._manifest is None:
            raise BackupUnusable(f"{path} is damaged: it ends before its manifest")
        _compare(path, self._manifest.get("parts"), self._sums)
        if self._manifest.get("many", _Many().told()) != self._many.told():
            raise BackupUnusable(
                f"{path} is damaged: its {self._many.count} files and documents are not those "
                "that were written"
            )
        return self._head

    def _part(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._path
        name = _safe(path, member)
        if self._manifest is not None or len(self._sums) >= PARTS_MAX:
            raise BackupUnusable(f"{path} is damaged: {name} stands behind the manifest")
        if not self._sums and name != HEAD:
            raise BackupUnusable(f"{path} is no backup of a center: it does not begin with {HEAD}")
        file = tar.extractfile(member)
        assert file is not None
        if name == MANIFEST:
            self._manifest = _read(path, name, file.read(DOCUMENT_BYTES_MAX))
            return
        stored = _store(file, self._directory / name)
        if name.startswith(MANY) and self._head.get("version", 0) > 1:
            if name.startswith(BLOBS) and name.rpartition("/")[2] != stored["sha256"]:
                raise BackupUnusable(f"{path} is damaged: {name} is not what its name says")
            self._many.add(name, stored["bytes"], stored["sha256"])
            return
        self._sums[name] = stored
        if name == HEAD:
            self._head = _read(path, name, (self._directory / name).read_bytes())
            _check_version(path, self._head)


def _safe(path: Path, member: tarfile.TarInfo) -> str:
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or member.name.startswith("/") or ".." in parts or not parts:
        raise BackupUnusable(f"{path} is no backup of a center: it holds {member.name!r}")
    return str(PurePosixPath(*parts))


def _store(file: Any, target: Path) -> dict[str, Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        while data := file.read(CHUNK):
            digest.update(data)
            size += len(data)
            out.write(data)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _read(path: Path, name: str, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as wrong:
        raise BackupUnusable(f"{path} is damaged: {name} cannot be read") from wrong
    if not isinstance(document, dict):
        raise BackupUnusable(f"{path} is damaged: {name} is no document")
    return document


def _check_version(path: Path, head: dict[str, Any]) -> None:
    if head.get("format") != FORMAT or not isinstance(head.get("version"), int):
        raise BackupUnusable(f"{path} is no backup of a center: {HEAD} says nothing of one")
    if head["version"] > VERSION:
        raise BackupUnusable(
            f"{path} is of version {head['version']}, made by callcenter "
            f"{head.get('program', '?')}; this one reads up to version {VERSION}: upgrade first"
        )


def _compare(path: Path, wanted: Any, found: dict[str, dict[str, Any]]) -> None:
    if not isinstance(wanted, dict):
        raise BackupUnusable(f"{path} is damaged: {MANIFEST} names no parts")
    for name in sorted({*wanted, *found}):
        if name not in found:
            raise BackupUnusable(f"{path} is damaged: {name} is missing")
        if wanted.get(name) != found[name]:
            raise BackupUnusable(f"{path} is damaged: {name} is not what was written")


def _document(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
