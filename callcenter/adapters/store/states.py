"""States of the center kept beside the archive, so that any batch of it can be decided again.

`state-<batch>.ccs` is the replica after that batch: a magic line, crc32 u32 big-endian, then
`Replica.snapshot`. One is written when a segment of the archive is finished, and in between after
so many batches or bytes; none of it in the leader's loop.

Why: the archive tells what was asked and what was decided, but a decision depends on everything
before it. From the nearest state the way to any batch is short.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import msgspec

from callcenter.adapters.store.replica import Replica

MAGIC = b"callcenter state 1\n"
STATE_BATCHES = 5000
STATE_BYTES = 2 * 1024 * 1024
SIZE_SHARE = 10
"""States take at most a tenth of what is archived between them."""

_CRC = struct.Struct(">I")


def states(directory: Path) -> list[int]:
    """The batches after which a state is kept, in order."""
    return sorted(seq_of_state(path) for path in directory.glob("state-*.ccs"))


def seq_of_state(path: Path) -> int:
    """The batch a state stands after, from its name."""
    return int(path.stem.partition("-")[2])


def state_path(directory: Path, seq: int) -> Path:
    """Where the state after a batch is."""
    return directory / f"state-{seq:015d}.ccs"


def save_state(directory: Path, replica: Replica) -> int:
    """Keep the state, whole or not at all; its size in bytes."""
    data = replica.snapshot()
    path = state_path(directory, replica.seq)
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(MAGIC + _CRC.pack(zlib.crc32(data)) + data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return len(data)


def load_state(directory: Path, seq: int) -> Replica | None:
    """The state after a batch; none when it is not there or damaged."""
    try:
        whole = state_path(directory, seq).read_bytes()
    except FileNotFoundError:
        return None
    head = len(MAGIC) + _CRC.size
    if not whole.startswith(MAGIC) or len(whole) < head:
        return None
    data = whole[head:]
    if zlib.crc32(data) != _CRC.unpack(whole[len(MAGIC) : head])[0]:
        return None
    try:
        return Replica.restore(data)
    except (zlib.error, msgspec.MsgspecError):
        return None


def forget_states(directory: Path, first: int) -> None:
    """Remove the states that lead to nothing: those of batches before the one before `first`."""
    for seq in states(directory):
        if seq < first - 1:
            state_path(directory, seq).unlink(missing_ok=True)


class StateKeeper:
    """Says when the next state is due, and keeps it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seq = max(states(directory), default=0)
        self._bytes = 0
        self._size = 0

    def archived(self, replica: Replica, written: int, *, finished: bool) -> bool:
        """The archive holds what `replica` does, `written` bytes more than last time; whether a
        state was kept. `finished`: a segment ended here."""
        self._bytes += written
        if replica.seq == self._seq:
            return False
        enough = max(STATE_BYTES, SIZE_SHARE * self._size)
        due = replica.seq - self._seq >= STATE_BATCHES or self._bytes >= enough
        if not due and not finished:
            return False
        self._size = save_state(self._directory, replica)
        self._seq, self._bytes = replica.seq, 0
        return True

    def begin_anew(self) -> None:
        """Another journal began: nothing is kept of it yet."""
        self._seq = self._bytes = self._size = 0
