"""The whole journal to look back on: archive files, then what the stream still holds, as one.

Find the batches that name a contact or an agent, get back to the center as it was before any of
them, decide them again. Reads only, beside a running center or after it; nothing here is in the
leader's way.

Why: an archive of a month is searched for one id by its bytes (`mmap`), not by reading events, and
a state is rebuilt from the nearest one kept, so that yesterday's caller is found in seconds and in
memory for one file.
"""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple

import msgspec

from callcenter.adapters.store.archive import BATCH, COMMAND, Record, first_seq, records, segments
from callcenter.adapters.store.health import stream_id
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import Replica, load_snapshot, read_batches
from callcenter.adapters.store.resp import Connection
from callcenter.adapters.store.states import load_state, states
from callcenter.adapters.store.wire import cursor_of, fresh, read_batch, read_envelope
from callcenter.control.explained import Redecided, redecide
from callcenter.domain.commands import Command
from callcenter.domain.errors import CallcenterError
from callcenter.domain.events import Batch
from callcenter.domain.units import ContactId, Micros

FOUND_MAX = 5000
"""Batches kept about one id, the newest."""
COMMANDS_PER_READ = 2000

Progress = Callable[[int, int], None]
"""Told how many of how many parts of the journal were looked at."""


class NoPast(CallcenterError):
    """The journal does not reach back to where one would have to begin."""


class DamagedArchive(CallcenterError):
    """A file of the archive ends before the next one begins."""

    def __init__(self, segment: Path, last: int) -> None:
        super().__init__(
            f"{segment} is damaged: it can be read up to batch {last}; `sha256sum -c "
            f"{segment.name}.sha256` in its directory tells more, a backup of the file heals it"
        )


class Found(NamedTuple):
    """A batch as it stands in the journal, with the commands that it consumed."""

    seq: int
    data: bytes
    commands: tuple[Record, ...]


class Past:
    """One journal. `archive` may be missing, `connection` may be None when the store is away."""

    def __init__(
        self,
        archive: Path,
        connection: Connection | None,
        keys: Keys,
        progress: Progress = lambda _done, _total: None,
    ) -> None:
        self.archive = archive
        self.connection = connection
        self._keys = keys
        self._progress = progress
        self._segments = segments(archive)
        self._kept = states(archive)
        self._end: tuple[int, tuple[int, int]] | None = None
        self._replica: Replica | None = None

    # --- reading --------------------------------------------------------------------------------

    @property
    def first(self) -> int:
        """The first batch there is; 0 when there is none."""
        if self._segments:
            return first_seq(self._segments[0])
        return next((record.major for record in self._tail() if record.kind == BATCH), 0)

    @property
    def begins(self) -> Micros:
        """When the first batch there is was decided; 0 when there is none."""
        times = (self._begins(part) for part in self._parts())
        return next((at for at in times if at is not None), 0)

    def _parts(self) -> list[Path | None]:
        """The files in order, then the stream (None)."""
        return [*self._segments, None]

    def _records(self, part: Path | None) -> Iterator[Record]:
        if part is None:
            yield from self._tail()
            return
        last = first_seq(part) - 1
        end, _ = self._archived()
        for record in records(part):
            if record.kind == BATCH:
                if record.major > end:
                    return  # written since we began to read; it is in the stream for us
                last = record.major
            yield record
        following = dict(pairwise(self._segments)).get(part)
        if following is not None and first_seq(following) != last + 1:
            raise DamagedArchive(part, last)

    def _archived(self) -> tuple[int, tuple[int, int]]:
        """The last batch and the last command in the files."""
        if self._end is None:
            seq, cursor = 0, (0, 0)
            for record in records(self._segments[-1]) if self._segments else ():
                if record.kind == BATCH:
                    seq = record.major
                else:
                    cursor = (record.major, record.minor)
            self._end = seq, cursor
        return self._end

    def _tail(self) -> Iterator[Record]:
        """What the stream holds after the files, commands before the batch that consumed them."""
        if self.connection is None:
            return
        seq, cursor = self._archived()
        while found := read_batches(self.connection, self._keys, seq):
            commands = deque(self._commands(cursor, cursor_of(found[-1][1])))
            for batch, data in found:
                until = stream_id(cursor_of(data))
                while commands and (commands[0].major, commands[0].minor) <= until:
                    yield commands.popleft()
                yield Record(BATCH, batch, 0, data)
                seq, cursor = batch, max(cursor, until)

    def _commands(self, after: tuple[int, int], until: str) -> Iterator[Record]:
        assert self.connection is not None
        major, minor = after
        while (major, minor) < stream_id(until):
            entries = self.connection.call(
                "XRANGE", self._keys.cmds, f"({major}-{minor}", until, "COUNT", COMMANDS_PER_READ
            )
            for entry in entries:
                major, minor = stream_id(bytes(entry[0]).decode())
                yield Record(COMMAND, major, minor, entry[1][1])
            if len(entries) < COMMANDS_PER_READ:
                return

    # --- finding --------------------------------------------------------------------------------

    def mentions(
        self,
        name: str,
        *,
        enough: Callable[[list[Found]], bool],
        until: Micros = 0,
        parts_max: int = 0,
    ) -> list[Found]:
        """The batches that name this id, in order, looked for from `until` (the end without it)
        backwards until it is `enough`; with `parts_max`, through so many parts at most."""
        token = msgspec.msgpack.encode(name)
        parts = self._parts()[::-1]
        if until:
            parts = [part for part in parts if (self._begins(part) or until) <= until]
        if parts_max:
            parts = parts[:parts_max]
        found: list[Found] = []
        for number, part in enumerate(parts, 1):
            self._progress(number, len(parts))
            if part is not None and not _holds(part, token):
                continue
            found = [*self._found_in(part, token), *found][-FOUND_MAX:]
            if enough(found):
                break
        return found

    def _found_in(self, part: Path | None, token: bytes) -> Iterator[Found]:
        commands: list[Record] = []
        for record in self._records(part):
            if record.kind == COMMAND:
                commands.append(record)
                continue
            if token in record.data:
                yield Found(record.major, record.data, tuple(commands))
            commands.clear()

    def seq_at(self, at: Micros) -> int:
        """The last batch that was decided at `at` or before; 0 when there was none."""
        parts = self._parts()
        low, high = 0, len(parts)
        while high - low > 1:
            middle = (low + high) // 2
            begins = self._begins(parts[middle])
            if begins is not None and begins <= at:
                low = middle
            else:
                high = middle
        seq = 0
        for record in self._records(parts[low]):
            if record.kind == BATCH:
                if read_batch(record.data).at > at:
                    break
                seq = record.major
        return seq

    def _begins(self, part: Path | None) -> Micros | None:
        found = (record for record in self._records(part) if record.kind == BATCH)
        first = next(found, None)
        return read_batch(first.data).at if first else None

    # --- the center as it was -------------------------------------------------------------------

    def replica_at(self, seq: int) -> Replica:
        """The center after a batch. Raises `NoPast` when nothing leads there."""
        nearest = max((kept for kept in self._kept if kept <= seq), default=-1)
        here = self._replica
        if here is None or here.seq > seq or here.seq < nearest:
            here = self._start(seq, nearest)
        self._advance(here, seq)
        self._replica = here
        return here

    def _start(self, seq: int, nearest: int) -> Replica:
        found = load_state(self.archive, nearest) if nearest > 0 else None
        newest = load_snapshot(self.connection, self._keys) if self.connection else None
        if newest is not None and newest.seq <= seq and (found is None or newest.seq > found.seq):
            found = newest
        if found is not None:
            return found
        for older in [kept for kept in reversed(self._kept) if kept < nearest]:
            found = load_state(self.archive, older)
            if found is not None:
                return found
        if self.first > 1:
            raise NoPast(
                f"the journal goes back to batch {self.first}, and no state of the center is kept "
                "from before it"
            )
        return Replica()

    def _advance(self, replica: Replica, seq: int) -> None:
        parts = self._segments
        for part, following in zip_longest(parts, parts[1:]):
            if replica.seq >= seq:
                return
            if following is not None and first_seq(following) <= replica.seq + 1:
                continue
            for record in self._records(part):
                if record.kind == BATCH and replica.seq < record.major <= seq:
                    replica.apply(read_batch(record.data))
        while self.connection is not None and replica.seq < seq:
            found = read_batches(self.connection, self._keys, replica.seq)
            if not found:
                return
            for number, data in found:
                if number <= seq:
                    replica.apply(read_batch(data))

    def now(self) -> Replica:
        """The center at the end of the journal."""
        if self.connection is None:
            return self.replica_at(self._archived()[0])
        return self.replica_at(int(self.connection.call("HGET", self._keys.head, "seq") or 0))

    def redecide(self, found: Found, batch: Batch, contact: str = "") -> Redecided | None:
        """A batch decided again, looking at what was decided about `contact`, or about all; None
        when another engine decided it. Raises `NoPast`."""
        replica = self.replica_at(found.seq - 1)
        commands = fresh_commands(found.commands, dict(replica.marks))
        return redecide(replica.control.snapshot(), batch, commands, ContactId(contact))


def fresh_commands(
    envelopes: tuple[Record, ...], marks: dict[str, tuple[int, int]]
) -> Iterator[tuple[str, Command]]:
    """The commands that the leader decided, each with its id: readable ones, and no repeats."""
    for record in envelopes:
        try:
            envelope, _refused = read_envelope(record.data)
        except msgspec.MsgspecError:
            continue
        for sequence, command in fresh(envelope, marks):
            if command is not None:
                yield f"{envelope.source}:{envelope.epoch}:{sequence}", command
        if envelope.commands:
            mark = (envelope.epoch, envelope.first + len(envelope.commands) - 1)
            marks[envelope.source] = max(mark, marks.get(envelope.source, (-1, 0)))


def _holds(segment: Path, token: bytes) -> bool:
    """Do these bytes stand anywhere in the file?"""
    with segment.open("rb") as file:
        if not file.seek(0, 2):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            return whole.find(token) >= 0
