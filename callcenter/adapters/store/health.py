"""How far behind the control center is, told to everybody who can turn new work away.

Why: past a limit a new caller is better told "not now" than let into a queue nobody decides about.
Two signs, either is enough: the oldest command nobody has decided waits longer than 500 ms, or the
store's memory is over 80 %. The leader writes them beside its lease; a front end also sees the
first for itself (`Backlog`), because a dead leader writes nothing.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

LAG_SECONDS_MAX = 0.5
MEMORY_PERCENT_MAX = 80


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What the leader says of itself and of the store."""

    leader: str = ""
    epoch: int = 0
    at: int = 0
    """Center time, µs."""
    lag_seconds: float = 0.0
    """Age of the oldest command when it was read, at worst since the last report."""
    memory_percent: float = 0.0
    commands: int = 0
    """Decided by this leader so far."""
    batches: int = 0
    repeats: int = 0
    """Commands skipped because they were decided before."""
    unreadable: int = 0
    failed: int = 0
    """Commands whose decision raised: bugs of ours, each in the dead list."""
    missing: int = 0
    """Commands a source gave a number to and nobody found when the next ones came."""
    wrong_time: int = 0
    """Turns of a source whose idea of center time was off by more than 2 s; decided all the same,
    by center time."""

    @property
    def overloaded(self) -> bool:
        """Whether new work should be refused."""
        return self.lag_seconds > LAG_SECONDS_MAX or self.memory_percent > MEMORY_PERCENT_MAX


def encode_health(health: Health) -> bytes:
    """As it stands in the store."""
    return msgspec.json.encode(health)


def decode_health(data: Any) -> Health | None:
    """Read it; none when there is no leader or no sense."""
    if not data:
        return None
    try:
        return msgspec.json.decode(data, type=Health)
    except msgspec.MsgspecError:
        return None


def memory_percent(info: Any) -> float:
    """Used memory against its limit, from `INFO memory`; 0 without a limit."""
    if not isinstance(info, bytes):
        return 0.0
    facts = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
    limit = int(facts.get(b"maxmemory", 0))
    return 100 * int(facts.get(b"used_memory", 0)) / limit if limit else 0.0


def stream_id(text: str) -> tuple[int, int]:
    """`1732790000000-3` as numbers, so that ids compare."""
    major, _, minor = text.partition("-")
    return int(major), int(minor or 0)


class Backlog:
    """What this process has asked and nobody has decided yet. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: deque[tuple[tuple[int, int], float]] = deque()

    def asked(self, entry: str, now: float) -> None:
        """A command stands in the stream under `entry`."""
        self._asked.append((stream_id(entry), now))

    def decided(self, cursor: str) -> None:
        """A batch consumed the stream up to `cursor`."""
        if self._asked:
            done = stream_id(cursor)
            while self._asked and self._asked[0][0] <= done:
                self._asked.popleft()

    def oldest_seconds(self, now: float) -> float:
        """How long the oldest undecided command waits; 0 when there is none."""
        return now - self._asked[0][1] if self._asked else 0.0
