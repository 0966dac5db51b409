"""The follower: keeps a warm copy, writes snapshots and the archive, trims, and waits to lead.

Why: the leader's loop must never pause, so everything slow is done here, 200 ms behind. Nothing is
trimmed before it is in the archive, on the disk, and in a snapshot; a late reader reads the
archive and holds nothing up. One follower archives at a time (`keys.archiver`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from callcenter.adapters.store import scripts
from callcenter.adapters.store.archive import BATCH, COMMAND, Archive, Record, first_seq, segments
from callcenter.adapters.store.clock import HeardTime, monotonic
from callcenter.adapters.store.health import decode_health, stream_id
from callcenter.adapters.store.keys import ARCHIVER_MS, LEASE_MS, Keys
from callcenter.adapters.store.replica import (
    Replica,
    catch_up,
    read_batches,
    save_snapshot,
)
from callcenter.adapters.store.resp import Connection, StoreError, pack
from callcenter.adapters.store.states import StateKeeper, forget_states
from callcenter.adapters.store.wire import cursor_of

log = structlog.get_logger()

STEP_SECONDS = 0.2
ARCHIVE_SECONDS = 1.0
"""The archive is synced to the disk this often at most; all of it is in the store until then."""
BATCHES_PER_STEP = 2000
SNAPSHOT_BATCHES = 5000
SNAPSHOT_SECONDS = 60
TRIM_SECONDS = 5
FORGET_SECONDS = 600
KEEP_SECONDS = 600
KEEP_BYTES = 256 * 1024 * 1024


class _Milestone(NamedTuple):
    """Where the archive was at some moment."""

    at: float
    seq: int
    cursor: tuple[int, int]
    written: int
    """Bytes archived so far."""


class Follower:
    """One stretch of following. Times are seconds of `time.monotonic`."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        replica: Replica,
        archive: Archive,
        *,
        owner: str,
        heard: HeardTime | None = None,
    ) -> None:
        self.replica = replica
        self.archive = archive
        self._connection = connection
        self._keys = keys
        self._owner = owner
        self.heard = HeardTime() if heard is None else heard
        """Center time, as the leader tells it."""
        self._written = 0
        self._milestones: deque[_Milestone] = deque()
        self._compared = False
        self._states = StateKeeper(archive.directory)
        self._archiver_until = 0.0
        self._snapshot_seq = int(connection.call("HGET", keys.snapshot, "seq") or 0)
        self._snapshot_at = self._trim_at = time.monotonic()
        self._forget_at = 0.0
        self._archive_at = 0.0

    def step(self) -> bool:
        """Read what is new and do what is due; whether the lease is free."""
        catch_up(self._connection, self._keys, self.replica, self.archive.directory)
        said, held = self._connection.calls(
            [pack("GET", self._keys.lag), pack("EXISTS", self._keys.lease)]
        )
        if isinstance(held, StoreError):
            raise held
        if health := decode_health(None if isinstance(said, StoreError) else said):
            self.heard.hear(health.at, monotonic())
        if self._archiving() and time.monotonic() >= self._archive_at:
            self._archive_at = time.monotonic() + ARCHIVE_SECONDS
            self._archive_all()
            self._snapshot_if_due()
            self._trim_if_due()
            self._forget_if_due()
        return not held

    @property
    def archives(self) -> bool:
        """Whether it is this one who archives: of several followers, one."""
        return time.monotonic() < self._archiver_until

    def finish(self) -> None:
        """Leave a fresh snapshot and a whole archive behind."""
        catch_up(self._connection, self._keys, self.replica, self.archive.directory)
        if self._archiving():
            self._archive_all()
            if self.replica.seq > self._snapshot_seq:
                self._snapshot(time.monotonic())
        self.archive.close()

    def _archiving(self) -> bool:
        """Whether it is us who archives; taken when nobody does."""
        now = time.monotonic()
        if now < self._archiver_until:
            return True
        held = self._connection.call("GET", self._keys.archiver)
        if held is not None and held.decode() != self._owner:
            return False
        if not self.archive.take():
            return False  # one that stood still for long may still be writing
        self._connection.call("SET", self._keys.archiver, self._owner, "PX", ARCHIVER_MS)
        self._archiver_until = now + ARCHIVER_MS / 2000
        return True

    def _archive_all(self) -> None:
        """Put every batch the archive has not, and the commands it consumed, on the disk."""
        if self.archive.seq > self.replica.seq or self._is_of_another_journal():
            aside = self.archive.set_aside()
            self._states.begin_anew()
            log.warning("another journal began; the old archive was set aside", kept=str(aside))
        count, before = 0, self._written
        while self.archive.seq < self.replica.seq:
            found = read_batches(self._connection, self._keys, self.archive.seq, BATCHES_PER_STEP)
            if not found:
                break
            if found[0][0] != self.archive.seq + 1 and self.archive.seq:
                log.error("the archive has a gap", after=self.archive.seq, until=found[0][0])
            self._archive_batches(found)
            count += len(found)
        if count:
            finished = self.archive.sync()
            self._connection.call("SET", self._keys.archived, self.archive.seq)
            if self.archive.seq == self.replica.seq:
                self._states.archived(self.replica, self._written - before, finished=finished)
            now = time.monotonic()
            self._milestones.append(
                _Milestone(now, self.archive.seq, self.archive.cursor, self._written)
            )

    def _is_of_another_journal(self) -> bool:
        """Does the last batch in the archive stand differently in the stream? Asked once."""
        if self._compared:
            return False
        self._compared = True
        last = self.archive.seq
        found = read_batches(self._connection, self._keys, last - 1, 1) if last else []
        if not found or found[0][0] != last:
            return False
        return found[0][1] != self.archive.batch

    def _archive_batches(self, found: list[tuple[int, bytes]]) -> None:
        """Write batches, each after the commands it consumed."""
        commands = deque(self._commands_until(cursor_of(found[-1][1])))
        for seq, data in found:
            until = stream_id(cursor_of(data))
            while commands and (commands[0].major, commands[0].minor) <= until:
                self._write(commands.popleft())
            self._write(Record(BATCH, seq, 0, data))

    def _commands_until(self, until: str) -> Iterator[Record]:
        """The commands up to `until` that are not in the archive yet."""
        major, minor = self.archive.cursor
        if stream_id(until) <= (major, minor):
            return
        for entry in self._connection.call("XRANGE", self._keys.cmds, f"({major}-{minor}", until):
            yield Record(COMMAND, *stream_id(bytes(entry[0]).decode()), entry[1][1])

    def _write(self, record: Record) -> None:
        self.archive.write(record)
        self._written += len(record.data)

    def _snapshot_if_due(self) -> None:
        now = time.monotonic()
        behind = self.replica.seq - self._snapshot_seq
        if behind >= SNAPSHOT_BATCHES or (behind and now - self._snapshot_at >= SNAPSHOT_SECONDS):
            self._snapshot(now)

    def _snapshot(self, now: float) -> None:
        size = save_snapshot(self._connection, self._keys, self.replica)
        self._snapshot_seq, self._snapshot_at = self.replica.seq, now
        log.info("snapshot written", seq=self._snapshot_seq, size_bytes=size)

    def _trim_if_due(self) -> None:
        """Forget what is archived, in a snapshot, and older or larger than we keep hot."""
        now = time.monotonic()
        if now - self._trim_at < TRIM_SECONDS:
            return
        self._trim_at = now
        last: _Milestone | None = None
        while self._milestones:
            oldest = self._milestones[0]
            young = now - oldest.at < KEEP_SECONDS
            small = self._written - oldest.written < KEEP_BYTES
            if oldest.seq > self._snapshot_seq or (young and small):
                break
            last = self._milestones.popleft()
        if last is not None:
            major, minor = last.cursor
            keys = self._keys
            self._connection.calls(
                [
                    pack("XTRIM", keys.events, "MINID", "~", f"{last.seq + 1}-0"),
                    pack("XTRIM", keys.cmds, "MINID", "~", f"{major}-{minor + 1}"),
                ]
            )

    def _forget_if_due(self) -> None:
        """Remove what the archive need not keep any more."""
        if time.monotonic() < self._forget_at:
            return
        self._forget_at = time.monotonic() + FORGET_SECONDS
        if gone := self.archive.forget(self._snapshot_seq, time.time()):
            log.info("archive forgotten", files=len(gone), newest=gone[-1].name)
            for first in [first_seq(segment) for segment in segments(self.archive.directory)[:1]]:
                forget_states(self.archive.directory, first)


def acquire(connection: Connection, keys: Keys, owner: str, dead: str = "") -> int:
    """Take the lease; the new epoch, or 0 when somebody else leads.

    `dead` names an owner whose process is known to be gone: its lease is not waited for.
    """
    arguments = (keys.lease, keys.epoch, owner, LEASE_MS, dead)
    return int(connection.call("EVALSHA", scripts.ACQUIRE_SHA, 2, *arguments))


def connect(url: str) -> Connection:
    """A connection with our scripts loaded. Raises `OSError` or `StoreError` (still loading)."""
    connection = Connection(url)
    try:
        for script in scripts.ALL:
            connection.call("SCRIPT", "LOAD", script)
    except (OSError, StoreError):
        connection.close()
        raise
    return connection
