"""The archive: every command and every batch, in checksummed files, before the stream is trimmed.

Why: the hot journal holds minutes; "why did this caller wait" is asked next week. Commands stand
before the batch that consumed them, so that a batch can be decided again from the file alone. A
late reader goes on from here and never holds trimming up.

A segment is `journal-<first batch>.ccj`: a magic line, then records

    kind u8 (1 command, 2 batch) · id u64, u64 · length u32 · crc32 u32 over all of it · bytes

big-endian; the id of a command is its stream id, of a batch its sequence and 0. A torn tail (the
power failed) ends at the last record whose checksum holds and is cut off when writing goes on. A
full segment gets a `.sha256` beside it, readable by `sha256sum -c`. What is older than the center
keeps (`[store] archive_days`) is removed, oldest first, and never what a restart may need.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from callcenter.adapters.store.wire import read_batch
from callcenter.domain.events import Batch

MAGIC = b"callcenter journal 1\n"
COMMAND, BATCH = 1, 2
SEGMENT_BYTES = 16 * 1024 * 1024
RECORD_BYTES_MAX = 64 * 1024 * 1024
DAY_SECONDS = 24 * 3600

_HEAD = struct.Struct(">BQQII")
_SUMMED = struct.Struct(">BQQI")


class Record(NamedTuple):
    """One record of a segment."""

    kind: int
    major: int
    minor: int
    data: bytes


def segments(directory: Path) -> list[Path]:
    """All segments, oldest first."""
    return sorted(directory.glob("journal-*.ccj"))


def _checksum(segment: Path) -> Path:
    return segment.with_suffix(".ccj.sha256")


def first_seq(segment: Path) -> int:
    """The batch sequence a segment begins with, from its name."""
    return int(segment.stem.partition("-")[2])


def records(segment: Path) -> Iterator[Record]:
    """The records of a segment up to the first that is torn or damaged."""
    with segment.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        while (record := _read(file)) is not None:
            yield record


def _read(file: BinaryIO) -> Record | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    kind, major, minor, length, crc = _HEAD.unpack(head)
    if length > RECORD_BYTES_MAX:
        return None
    data = file.read(length)
    summed = zlib.crc32(data, zlib.crc32(_SUMMED.pack(kind, major, minor, length)))
    return Record(kind, major, minor, data) if len(data) == length and summed == crc else None


def encoded(record: Record) -> bytes:
    """A record as it stands in a segment."""
    summed = _SUMMED.pack(record.kind, record.major, record.minor, len(record.data))
    crc = zlib.crc32(record.data, zlib.crc32(summed))
    return summed + struct.pack(">I", crc) + record.data


def copy_until(segment: Path, copy: Path, seq: int, cursor: tuple[int, int]) -> int:
    """Copy a segment's records up to batch `seq` and the commands up to `cursor`; the last batch
    in the copy, 0 for none."""
    last = 0
    with copy.open("wb") as file:
        file.write(MAGIC)
        for record in records(segment):
            end = seq if record.kind == BATCH else cursor
            place = record.major if record.kind == BATCH else (record.major, record.minor)
            if place > end:  # type: ignore[operator]  # both are of one kind
                break
            file.write(encoded(record))
            last = record.major if record.kind == BATCH else last
    return last


def batches_after(directory: Path, seq: int) -> Iterator[Batch]:
    """The archived batches after `seq`, in order."""
    found = segments(directory)
    for index, segment in enumerate(found):
        if index + 1 < len(found) and first_seq(found[index + 1]) <= seq + 1:
            continue
        for record in records(segment):
            if record.kind == BATCH and record.major > seq:
                yield read_batch(record.data)


def sync_directory(directory: Path) -> None:
    """Make a new name in it last through a power failure."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """The end of the archive, open for writing.

    One process writes at a time: who has `take`n it, until it ends or closes. One that stood still
    for however long keeps it, so that two never write into one segment.
    """

    def __init__(self, directory: Path, *, days: int = 0) -> None:
        """`days` is how long `forget` leaves things; 0 is for ever."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._days = days
        self.seq = 0
        """The last batch in the archive."""
        self.cursor = (0, 0)
        """The last command in the archive; it may stand after the last batch."""
        self.batch = b""
        """The last batch itself."""
        self._lock: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._size = 0
        self._path: Path | None = None
        self._find_end()

    def take(self) -> bool:
        """Be the one who writes; not while another process is. What the last one wrote counts."""
        if self._lock is not None:
            return True
        lock = self.directory.with_name(f"{self.directory.name}.lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        if self._file is not None:
            self._file.close()
            self._file = None
        self._find_end()
        return True

    def _find_end(self) -> None:
        """Go on with the last segment. A torn one may tell little: then the one before it says
        which command and which batch were the last."""
        self.seq, self.cursor, self.batch = 0, (0, 0), b""
        found = segments(self.directory)
        if found:
            self._reopen(found[-1])
        if found[1:] and not self.batch:
            cursor = self.cursor
            for record in records(found[-2]):
                self._note(record)
            self.cursor = max(self.cursor, cursor)

    def _reopen(self, segment: Path) -> None:
        """Go on with this segment, cutting a torn tail off, unless it is finished."""
        size = len(MAGIC)
        self.seq = first_seq(segment) - 1
        for record in records(segment):
            size += _HEAD.size + len(record.data)
            self._note(record)
        if _checksum(segment).exists():
            return
        file = segment.open("r+b")
        file.truncate(size)
        file.seek(0)
        file.write(MAGIC)
        file.seek(size)
        self._file, self._size, self._path = file, size, segment

    def _note(self, record: Record) -> None:
        if record.kind == BATCH:
            self.seq, self.batch = record.major, record.data
        else:
            self.cursor = (record.major, record.minor)

    def write(self, record: Record) -> None:
        """Append one record; on the disk after `sync`."""
        if self._file is None:
            self._open(record.major if record.kind == BATCH else self.seq + 1)
        assert self._file is not None
        self._file.write(encoded(record))
        self._size += _HEAD.size + len(record.data)
        self._note(record)

    def sync(self) -> bool:
        """Put what was written on the disk; whether this segment was full, so that a new one
        begins with the next batch."""
        if self._file is None:
            return False
        self._file.flush()
        os.fdatasync(self._file.fileno())
        if self._size < SEGMENT_BYTES:
            return False
        self.close(finished=True)
        return True

    def _open(self, seq: int) -> None:
        self._path = self.directory / f"journal-{seq:015d}.ccj"
        self._file = self._path.open("wb")
        self._file.write(MAGIC)
        self._size = len(MAGIC)
        sync_directory(self.directory)

    def close(self, *, finished: bool = False) -> None:
        """Close the segment; a finished one gets its checksum. Otherwise others may write now."""
        if self._lock is not None and not finished:
            self._lock.close()
            self._lock = None
        if self._file is None or self._path is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if finished:
            digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
            draft = self._path.with_suffix(".new")
            draft.write_text(f"{digest}  {self._path.name}\n")
            draft.replace(_checksum(self._path))
        self._file = None

    def forget(self, snapshot_seq: int, now: float) -> list[Path]:
        """Remove what was last written more than `days` before `now` (wall clock); what went.

        Segments go oldest first and only when a snapshot stands for all of them; archives that
        were set aside go as a whole.
        """
        if not self._days:
            return []
        before = now - self._days * DAY_SECONDS
        gone: list[Path] = []
        found = segments(self.directory)
        for segment, following in pairwise(found):
            if first_seq(following) > snapshot_seq or segment.stat().st_mtime >= before:
                break
            _checksum(segment).unlink(missing_ok=True)
            segment.unlink()
            gone.append(segment)
        for aside in sorted(self.directory.parent.glob(f"{self.directory.name}-until-*")):
            if max((s.stat().st_mtime for s in segments(aside)), default=now) < before:
                shutil.rmtree(aside)
                gone.append(aside)
        return gone

    def set_aside(self) -> Path:
        """Another journal began: keep the old files beside it under a name of their own."""
        if self._file is not None:
            self._file.close()
            self._file = None
        aside = self.directory.with_name(f"{self.directory.name}-until-{self.seq}")
        number = 0
        while aside.exists():
            number += 1
            aside = self.directory.with_name(f"{self.directory.name}-until-{self.seq}-{number}")
        self.directory.rename(aside)
        self.directory.mkdir()
        self.seq, self.cursor, self.batch = 0, (0, 0), b""
        return aside
