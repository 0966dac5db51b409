"""The journal's living end, read out of a store while it works and put into an empty one.

What is copied: the newest snapshot, every batch after it (and after the archive) with the commands
it consumed, the center in force, the fencing token, and the numbers of living contacts. What is
not: leases, figures and what front ends know of their calls, which are over when a copy is used.

Why: the journal only grows, so everything up to one batch is one moment, however long the reading
takes; and reading page by page costs the store less than a screen does. The cursor stands in the
new command stream even when nothing before it is copied, or a store whose clock is behind would
number new commands below it, and nobody would ever read them.
"""

from __future__ import annotations

import zlib
from collections import deque
from pathlib import Path
from typing import BinaryIO

import msgspec

from callcenter.adapters.store.archive import BATCH, COMMAND, MAGIC, Record, encoded, records
from callcenter.adapters.store.health import stream_id
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import START, JournalGap, read_batches
from callcenter.adapters.store.resp import Connection, StoreError, pack
from callcenter.adapters.store.wire import cursor_of

WRITES_PER_TURN = 200


class StoreCopy(msgspec.Struct, frozen=True):
    """A center's keys but for its streams. `snapshot` is empty when there was none yet."""

    seq: int
    """The last batch."""
    cursor: str
    epoch: int
    center: dict[str, bytes]
    snapshot: bytes
    snapshot_seq: int
    parties: dict[str, bytes]


class NotEmpty(Exception):
    """The store holds a center already."""


def read_parties(connection: Connection, keys: Keys) -> dict[str, bytes]:
    """The numbers of living contacts."""
    return _hash(connection.call("HGETALL", keys.parties))


def read_copy(connection: Connection, keys: Keys) -> StoreCopy:
    """The keys at the end of the journal; its batches are read after it with `read_tail`."""
    data, crc, at = connection.call("HMGET", keys.snapshot, "data", "crc", "seq")
    whole = data is not None and crc is not None and zlib.crc32(data) == int(crc)
    seq, cursor = connection.call("HMGET", keys.head, "seq", "cursor")
    return StoreCopy(
        seq=int(seq or 0),
        cursor=bytes(cursor or START.encode()).decode(),
        epoch=int(connection.call("GET", keys.epoch) or 0),
        center=_hash(connection.call("HGETALL", keys.center)),
        snapshot=data if whole else b"",
        snapshot_seq=int(at) if whole else 0,
        parties={},
    )


def read_tail(
    connection: Connection, keys: Keys, copy: StoreCopy, archived: int, file: BinaryIO
) -> int:
    """Write the batches up to `copy.seq` that a snapshot or the archive lacks, each after the
    commands it consumed; how many. Raises `JournalGap` when the stream was trimmed meanwhile."""
    file.write(MAGIC)
    needed, after, count = copy.snapshot_seq + 1, min(copy.snapshot_seq, archived), 0
    done: tuple[int, int] | None = None
    while after < copy.seq and (found := read_batches(connection, keys, after)):
        if found[0][0] > after + 1 and (count or found[0][0] > needed):
            raise JournalGap(after + 1, found[0][0])
        found = [(seq, data) for seq, data in found if seq <= copy.seq]
        last = cursor_of(found[-1][1])
        commands = deque(_commands(connection, keys, done, last))
        for seq, data in found:
            until = stream_id(cursor_of(data))
            while commands and (commands[0].major, commands[0].minor) <= until:
                file.write(encoded(commands.popleft()))
            file.write(encoded(Record(BATCH, seq, 0, data)))
        after, count, done = found[-1][0], count + len(found), stream_id(last)
    if after < copy.seq:
        raise JournalGap(after + 1, 0)
    return count


def _commands(
    connection: Connection, keys: Keys, after: tuple[int, int] | None, until: str
) -> list[Record]:
    begin = "-" if after is None else f"({after[0]}-{after[1]}"
    return [
        Record(COMMAND, *stream_id(bytes(entry[0]).decode()), entry[1][1])
        for entry in connection.call("XRANGE", keys.cmds, begin, until) or ()
    ]


def write_copy(connection: Connection, keys: Keys, copy: StoreCopy, tail: Path) -> None:
    """Put a copy into a store without such a center. The head comes last: before it nothing leads.

    Raises `NotEmpty`, or `StoreError` after taking everything out again.
    """
    if connection.call("EXISTS", keys.head, keys.events, keys.cmds):
        raise NotEmpty
    try:
        _write(connection, keys, copy, tail)
    except (OSError, StoreError):
        clear(connection, keys)
        raise


def _write(connection: Connection, keys: Keys, copy: StoreCopy, tail: Path) -> None:
    turn: list[bytes] = []
    last_command = (0, 0)
    for record in records(tail):
        if record.kind == BATCH:
            turn.append(pack("XADD", keys.events, f"{record.major}-0", "b", record.data))
        else:
            last_command = record.major, record.minor
            turn.append(pack("XADD", keys.cmds, f"{record.major}-{record.minor}", "e", record.data))
        if len(turn) >= WRITES_PER_TURN:
            _all(connection, turn)
            turn = []
    if copy.cursor != START and last_command < stream_id(copy.cursor):
        turn.append(pack("XADD", keys.cmds, copy.cursor, "e", b""))
        turn.append(pack("XDEL", keys.cmds, copy.cursor))
    if copy.snapshot:
        turn.append(
            pack("HSET", keys.snapshot, "seq", copy.snapshot_seq, "data", copy.snapshot,
                 "crc", zlib.crc32(copy.snapshot))
        )  # fmt: skip
    for key, values in ((keys.center, copy.center), (keys.parties, copy.parties)):
        turn += [pack("HSET", key, name, value) for name, value in values.items()]
    turn.append(pack("SET", keys.epoch, copy.epoch))
    turn.append(pack("HSET", keys.head, "seq", copy.seq, "cursor", copy.cursor))
    _all(connection, turn)


def _all(connection: Connection, commands: list[bytes]) -> None:
    for reply in connection.calls(commands):
        if isinstance(reply, StoreError):
            raise reply


def clear(connection: Connection, keys: Keys) -> None:
    """Take every key of the center out of the store."""
    for pattern in (keys.head, keys.frontend_lease("*").rpartition("frontend:")[0] + "*"):
        cursor = b"0"
        while True:
            cursor, found = connection.call("SCAN", cursor, "MATCH", pattern, "COUNT", 500)
            if found:
                connection.call("UNLINK", *found)
            if cursor == b"0":
                break


def _hash(flat: list[bytes] | None) -> dict[str, bytes]:
    pairs = zip((flat or [])[::2], (flat or [])[1::2], strict=True)
    return {bytes(name).decode(): bytes(value) for name, value in pairs}
