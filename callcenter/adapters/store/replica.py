"""The control center's state with its place in the journal: what a leader leads with and a
standby keeps warm.

Why: leader, standby and recovery must be the same thing at different speeds. A replica is the pure
`Control`, the sequence of the last batch it holds, the cursor into the command stream and the
marks by which repeats are known. Recovery is: newest snapshot, then every batch after it, from the
stream or, where that was trimmed, from the archive.
"""

from __future__ import annotations

import gc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from callcenter.adapters.store.archive import batches_after
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import Connection, pack
from callcenter.adapters.store.wire import ONCE, forget_old_askers, read_batch
from callcenter.control.center import ENGINE, Control
from callcenter.domain.center import Center
from callcenter.domain.errors import CallcenterError
from callcenter.domain.events import Batch, ConfigurationChanged
from callcenter.domain.units import Micros

log = structlog.get_logger()

BATCHES_PER_READ = 500
FILE_VERSION = "file:"
START = "0-0"


class JournalGap(CallcenterError):
    """Batches are neither in the stream nor in the archive."""

    def __init__(self, wanted: int, found: int) -> None:
        super().__init__(
            f"the journal has no batch {wanted}; it goes on at {found}" if found
            else f"the journal ends before batch {wanted}: it is another journal"
        )  # fmt: skip
        self.wanted = wanted
        self.found = found


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """A replica as bytes. `control` is `Control.snapshot()`."""

    seq: int
    at: Micros
    cursor: str
    file_version: str
    engine: str
    control: bytes


_decoder = msgspec.msgpack.Decoder(Snapshot)


class Fold(Protocol):
    """What follows the journal batch by batch: control's state, or the screens'."""

    seq: int

    def apply(self, batch: Batch) -> None:
        """Hold one more."""


class Replica:
    """Control and its place in the journal."""

    def __init__(self, control: Control | None = None) -> None:
        self.control = control or Control()
        self.seq = 0
        self.at: Micros = 0
        self.cursor = START
        self.file_version = ""
        """The last version that came from a file: a changed file is applied, an old one not."""

    @property
    def marks(self) -> dict[str, tuple[int, int]]:
        """Per source the epoch and sequence of its last command."""
        return self.control.marks

    def apply(self, batch: Batch) -> None:
        """Hold one more batch. Raises `JournalGap` unless it is the next."""
        if batch.seq != self.seq + 1:
            raise JournalGap(self.seq + 1, batch.seq)
        apply = self.control.apply
        for event in batch.events:
            apply(event)
        self.note(batch)

    def note(self, batch: Batch) -> None:
        """Move to a batch whose events control holds already."""
        self.seq, self.at, self.cursor = batch.seq, batch.at, batch.cursor
        self.control.marks.update(batch.marks)
        if any(source.startswith(ONCE) for source in batch.marks):
            forget_old_askers(self.control.marks)
        for event in batch.events:
            if isinstance(event, ConfigurationChanged) and event.version.startswith(FILE_VERSION):
                self.file_version = event.version

    def snapshot(self) -> bytes:
        """Everything, compressed."""
        whole = Snapshot(
            self.seq, self.at, self.cursor, self.file_version, ENGINE, self.control.snapshot()
        )
        return zlib.compress(msgspec.msgpack.encode(whole), 1)

    @classmethod
    def restore(cls, data: bytes) -> Replica:
        """From `snapshot`. Raises `zlib.error` or `msgspec.MsgspecError` for anything else."""
        whole = _decoder.decode(zlib.decompress(data))
        replica = cls(Control.restore(whole.control))
        replica.seq, replica.at, replica.cursor = whole.seq, whole.at, whole.cursor
        replica.file_version = whole.file_version
        return replica


def save_snapshot(connection: Connection, keys: Keys, replica: Replica) -> int:
    """Write a snapshot; its size in bytes."""
    data = replica.snapshot()
    connection.call(
        "HSET", keys.snapshot, "seq", replica.seq, "data", data, "crc", zlib.crc32(data)
    )
    return len(data)


def load_snapshot(connection: Connection, keys: Keys) -> Replica | None:
    """The newest snapshot; none when there is none or it is damaged (the journal has it all)."""
    data, crc = connection.call("HMGET", keys.snapshot, "data", "crc")
    if data is None or crc is None:
        return None
    try:
        if zlib.crc32(data) == int(crc):
            return Replica.restore(data)
    except (zlib.error, msgspec.MsgspecError):
        pass
    log.error("the snapshot is damaged; the archive and the journal are read", key=keys.snapshot)
    return None


def recover(connection: Connection, keys: Keys, archive: Path) -> Replica:
    """The state at the end of the journal. Raises `JournalGap` when batches are missing."""
    with collecting_nothing():
        replica = load_snapshot(connection, keys) or _kept(connection, keys, archive) or Replica()
        catch_up(connection, keys, replica, archive)
    return replica


def _kept(connection: Connection, keys: Keys, archive: Path) -> Replica | None:
    """Where a snapshot was and is damaged: the newest state beside the archive before it. Without
    one there may be no archive of this journal, and another's state must not be taken for ours."""
    from callcenter.adapters.store.states import load_state, states  # it is made of replicas

    last = int(connection.call("HGET", keys.snapshot, "seq") or 0)
    for seq in reversed(states(archive)):
        if seq <= last and (replica := load_state(archive, seq)) is not None:
            return replica
    return None


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Nothing that is made here is garbage, and looking for some takes longer than making it."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def catch_up(connection: Connection, keys: Keys, fold: Fold, archive: Path) -> int:
    """Apply all batches up to the end of the journal; how many there were."""
    applied = 0
    more = True
    while more and (found := read_batches(connection, keys, fold.seq)):
        more = len(found) == BATCHES_PER_READ
        if found[0][0] > fold.seq + 1:
            applied += _from_archive(fold, archive, found[0][0])
        for _seq, data in found:
            fold.apply(read_batch(data))
        applied += len(found)
    return applied


def _from_archive(fold: Fold, archive: Path, until: int) -> int:
    count = 0
    for batch in batches_after(archive, fold.seq):
        if batch.seq >= until:
            break
        fold.apply(batch)
        count += 1
    if fold.seq + 1 != until:
        raise JournalGap(fold.seq + 1, until)
    return count


def read_batches(
    connection: Connection, keys: Keys, after: int, count: int = BATCHES_PER_READ
) -> list[tuple[int, bytes]]:
    """The next batches after `after` in the stream, undecoded."""
    connection.send(pack("XRANGE", keys.events, f"({after}-0", "+", "COUNT", count))
    return [(seq_of(entry[0]), entry[1][1]) for entry in connection.read() or ()]


def seq_of(entry_id: Any) -> int:
    """The batch sequence in an id of the event stream."""
    return int(bytes(entry_id).partition(b"-")[0])


def center_of(replica: Replica) -> Center:
    """The center in force."""
    return replica.control.state.center
