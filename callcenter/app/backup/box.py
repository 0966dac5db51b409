"""The backup's file: a tar.gz of named parts, a head before them and a manifest behind.

    backup.json       first: what this is, its version, what program made it and when
    …                 the parts
    manifest.json     last: size and SHA-256 of every part, the head too

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
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from callcenter.domain.errors import CallcenterError

FORMAT = "callcenter backup"
VERSION = 1
HEAD, MANIFEST = "backup.json", "manifest.json"
CHUNK = 1 << 20
PARTS_MAX = 100_000
DOCUMENT_BYTES_MAX = 64 * 1024 * 1024


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
        self._parts[name] = {"bytes": size, "sha256": summing.sum.hexdigest()}

    def finish(self) -> int:
        """Close the file and give it its name; its size in bytes."""
        manifest = _document({"parts": self._parts})
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


def unpack(path: Path, directory: Path) -> dict[str, Any]:
    """Put every part of a backup into `directory`, checked; the head. Raises `BackupUnusable`."""
    try:
        with tarfile.open(path, mode="r:gz") as tar:
            return _unpack(path, tar, directory)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as wrong:
        if isinstance(wrong, OSError) and wrong.errno is not None:
            raise BackupUnusable(f"{path}: {wrong.strerror}") from wrong
        raise BackupUnusable(
            f"{path} is damaged, or is no backup of a center: {wrong}; nothing was restored"
        ) from wrong


def _unpack(path: Path, tar: tarfile.TarFile, directory: Path) -> dict[str, Any]:
    head: dict[str, Any] = {}
    manifest: dict[str, Any] | None = None
    sums: dict[str, dict[str, Any]] = {}
    for member in tar:
        name = _safe(path, member)
        if manifest is not None or len(sums) >= PARTS_MAX:
            raise BackupUnusable(f"{path} is damaged: {name} stands behind the manifest")
        if not sums and name != HEAD:
            raise BackupUnusable(f"{path} is no backup of a center: it does not begin with {HEAD}")
        file = tar.extractfile(member)
        assert file is not None
        if name == MANIFEST:
            manifest = _read(path, name, file.read(DOCUMENT_BYTES_MAX))
            continue
        sums[name] = _store(file, directory / name)
        if name == HEAD:
            head = _read(path, name, (directory / name).read_bytes())
            _check_version(path, head)
    assert tar.fileobj is not None
    while tar.fileobj.read(CHUNK):
        pass  # to its end, where gzip's own checksum stands
    if manifest is None:
        raise BackupUnusable(f"{path} is damaged: it ends before its manifest")
    _compare(path, manifest.get("parts"), sums)
    return head


def _safe(path: Path, member: tarfile.TarInfo) -> str:
    parts = PurePosixPath(member.name).parts
    if not member.isreg() or member.name.startswith("/") or ".." in parts or not parts:
        raise BackupUnusable(f"{path} is no backup of a center: it holds {member.name!r}")
    return str(PurePosixPath(*parts))


def _store(file: Any, target: Path) -> dict[str, Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
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
