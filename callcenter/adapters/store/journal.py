"""Commands in, events out: what every role but the leader does with the journal.

Why: a frontend's loop turn changes records, moves its cursor and asks for things, over all of its
calls. All of it is one `MULTI`, answered once, after the disk has it; the SIP and ng messages of
that turn leave on the answer. While one turn is being written the next one gathers, so that the
load groups itself; and what nobody waits for (`patient`) is written with the next that somebody
does. Each write is an fsync, and a wake of the store and of whoever waits.

When the store is away, turns wait in order in a bounded outbox; a turn whose answer was lost is
sent again under the same sequence numbers and the leader skips what it has decided already.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from callcenter.adapters.store.archive import batches_after
from callcenter.adapters.store.clock import TRUST, wall_clock
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.health import MEMORY_PERCENT_MAX, Backlog, decode_health
from callcenter.adapters.store.keys import FRONTEND_MS, HEALTH_MS, Keys
from callcenter.adapters.store.replica import JournalGap, seq_of
from callcenter.adapters.store.resp import AsyncConnection, StoreError, pack, public_url
from callcenter.adapters.store.wire import read_batch
from callcenter.domain.center import Center
from callcenter.domain.commands import Command, Envelope, encode_envelope
from callcenter.domain.events import Batch
from callcenter.domain.units import Micros

__all__ = [
    "Backlog", "CommandWriter", "EventReader", "JournalGap", "OutboxFull", "RecordChange",
    "StoreUnavailable", "read_center", "read_records", "read_time",
    "tail",
]  # fmt: skip

OUTBOX_APPENDS_MAX = 50_000
TURN_COMMANDS_MAX = 500
PATIENT_SECONDS = 0.02
"""What nobody waits for is written after so long at the latest."""
RECONNECT_SECONDS = (0.02, 0.05, 0.1, 0.25, 0.5)
LEASE_EVERY_SECONDS = 1.0
BLOCK_MS = 5000
BATCHES_PER_READ = 200


_NONE: Mapping[str, str] = {}


class OutboxFull(StoreUnavailable):
    """The store is away and the outbox has reached its limit: nothing more is promised."""


class RecordChange(NamedTuple):
    """A record of this process to write, or with `value` None to forget."""

    key: str
    value: bytes | None


class _Append(NamedTuple):
    commands: Sequence[Command]
    records: Sequence[RecordChange]
    numbers: Mapping[str, str]
    patient: bool
    future: asyncio.Future[None]


@dataclass
class _Flight:
    """One turn on its way: sent, perhaps more than once, and not answered."""

    packed: bytes
    replies: int
    futures: list[asyncio.Future[None]]
    has_commands: bool


@dataclass
class CommandWriter:
    """The ordered way of one process into the journal. Make it, `start` it, `append`, `close`.

    `source` and `epoch` name its commands; `records` is the hash its record changes go to
    (`keys.frontend_records`). With `lease` (a frontend's id) it keeps that lease alive; the
    first renewal is sent before the first command. `at` gives center time as far as it is known.
    `on_down` and `on_up` tell when the store goes away and is back, with everything that waited
    written.
    """

    url: str
    keys: Keys
    source: str
    epoch: int
    records: str = ""
    lease: str = ""
    at: Callable[[], Micros] = lambda: time.time_ns() // 1000
    on_down: Callable[[], None] = lambda: None
    on_up: Callable[[], None] = lambda: None
    backlog: Backlog = field(default_factory=Backlog)
    down: bool = True
    store_full: bool = False
    """The store's memory is nearly used up: new work should be refused."""

    _sequence: int = 0
    _waiting: deque[_Append] = field(default_factory=deque)
    _flight: _Flight | None = None
    _scheduled: asyncio.Handle | None = None
    _patient: bool = False
    """Whether what is scheduled is in no hurry."""
    _connection: AsyncConnection | None = None
    _task: asyncio.Task[None] | None = None

    async def start(self, *, wait_seconds: float = 30) -> None:
        """Connect. Raises `StoreUnavailable` when the store does not answer in time."""
        connected = asyncio.Event()
        self._task = asyncio.create_task(self._stay_connected(connected), name="command writer")
        try:
            await asyncio.wait_for(connected.wait(), wait_seconds)
        except TimeoutError:
            await self.close()
            raise StoreUnavailable(f"the store at {public_url(self.url)} does not answer") from None

    async def close(self) -> None:
        """Stop. What was not written by then is not written; its appends fail."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()
        flight, self._flight = self._flight, None
        left = [*(flight.futures if flight else ()), *(a.future for a in self._waiting)]
        self._waiting.clear()
        for future in left:
            if not future.done():
                future.set_exception(StoreUnavailable("the writer was closed"))
                future.exception()  # whoever waits still gets it; nobody has to

    async def drain(self) -> None:
        """Wait until everything appended so far is written."""
        waiting = [a.future for a in self._waiting]
        waiting += self._flight.futures if self._flight else []
        if waiting:
            await asyncio.wait(waiting)

    def append(
        self,
        commands: Sequence[Command] = (),
        records: Sequence[RecordChange] = (),
        numbers: Mapping[str, str] = _NONE,
        *,
        patient: bool = False,
    ) -> asyncio.Future[None]:
        """Ask for `commands` and change `records`, all or nothing; done when the disk has it.

        `numbers` go to the erasable place, by party. All appends of one loop turn are one
        transaction and are answered together, in order; a `patient` one waits for the next that is
        not. Raises `OutboxFull` when the store is away and too much waits already.
        """
        if len(self._waiting) >= OUTBOX_APPENDS_MAX:
            raise OutboxFull(f"{OUTBOX_APPENDS_MAX} turns wait for the store")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Append(commands, records, numbers, patient, future))
        self._schedule(patient=patient)
        return future

    def _schedule(self, *, patient: bool = False) -> None:
        """Flush at the end of this loop turn; what is patient, soon."""
        if self._flight is not None or self.down:
            return
        if self._scheduled is not None:
            if patient or not self._patient:
                return
            self._scheduled.cancel()
        loop = asyncio.get_running_loop()
        self._patient = patient
        if patient:
            self._scheduled = loop.call_later(PATIENT_SECONDS, self._flush)
        else:
            self._scheduled = loop.call_soon(self._flush)

    async def call(self, *arguments: bytes | str | int) -> Any:
        """One command of the store, beside the journal. Raises `StoreUnavailable`, `StoreError`."""
        if self._connection is None or self.down:
            raise StoreUnavailable("the store is away")
        return await self._connection.call(*arguments)

    def _flush(self) -> None:
        """Make one turn of what waits and send it."""
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        if self._flight is None and self._waiting and not self.down:
            self._flight = self._gather()
            self._send(self._flight)

    def _gather(self) -> _Flight:
        commands: list[Command] = []
        changed: dict[str, bytes] = {}
        forgotten: dict[str, None] = {}
        numbers: dict[str, str] = {}
        futures = []
        while self._waiting and len(commands) < TURN_COMMANDS_MAX:
            append = self._waiting.popleft()
            commands += append.commands
            numbers.update(append.numbers)
            futures.append(append.future)
            for key, value in append.records:
                if value is None:
                    changed.pop(key, None)
                    forgotten[key] = None
                else:
                    forgotten.pop(key, None)
                    changed[key] = value
        return self._pack(commands, changed, forgotten, numbers, futures)

    def _pack(
        self,
        commands: list[Command],
        changed: dict[str, bytes],
        forgotten: Iterable[str],
        numbers: dict[str, str],
        futures: list[asyncio.Future[None]],
    ) -> _Flight:
        parts = []
        if numbers:
            told = [
                part
                for party, number in numbers.items()
                for part in (party, json.dumps({"number": number}))
            ]
            parts.append(pack("HSET", self.keys.parties, *told))
        if changed:
            flat = [part for change in changed.items() for part in change]
            parts.append(pack("HSET", self.records, *flat))
        if forgotten:
            parts.append(pack("HDEL", self.records, *forgotten))
        if commands:
            first = self._sequence + 1
            self._sequence += len(commands)
            envelope = Envelope(self.source, self.epoch, first, self.at(), tuple(commands))
            parts.append(pack("XADD", self.keys.cmds, "*", "e", encode_envelope(envelope)))
        if len(parts) > 1:
            parts = [_MULTI, *parts, _EXEC]
        return _Flight(b"".join(parts), len(parts), futures, bool(commands))

    def _send(self, flight: _Flight) -> None:
        if not flight.replies:
            self._land(flight, [])
            return
        assert self._connection is not None
        request = self._connection.request(flight.packed, flight.replies)
        request.add_done_callback(lambda done: self._answered(flight, done))

    def _answered(self, flight: _Flight, done: asyncio.Future[list[Any]]) -> None:
        if done.cancelled() or flight is not self._flight:
            return
        if done.exception() is not None:
            return  # the connection is lost; the turn is sent again when there is a new one
        replies = done.result()
        last = replies[-1]
        refused = next(
            (r for r in (*replies, *(last if isinstance(last, list) else ())) if isinstance(r, StoreError)),
            None,
        )  # fmt: skip
        if refused is not None:
            assert self._connection is not None
            self._connection.close()  # full, loading, read-only: as good as away; tried again
            return
        self._land(flight, last[-1:] if isinstance(last, list) else [last])

    def _land(self, flight: _Flight, result: list[Any]) -> None:
        """The turn is on the disk."""
        self._flight = None
        if flight.has_commands:
            self.backlog.asked(bytes(result[0]).decode(), time.monotonic())
        for future in flight.futures:
            if not future.done():
                future.set_result(None)
        if self._waiting:
            self._schedule(patient=all(append.patient for append in self._waiting))

    async def _stay_connected(self, connected: asyncio.Event) -> None:
        attempts = 0
        while True:
            try:
                self._connection = await AsyncConnection.connect(self.url)
                await self._renew_lease()
            except (OSError, StoreError, StoreUnavailable, TimeoutError):
                await asyncio.sleep(RECONNECT_SECONDS[min(attempts, len(RECONNECT_SECONDS) - 1)])
                attempts += 1
                continue
            attempts = 0
            self.down = False
            if self._flight is not None:
                self._send(self._flight)
            else:
                self._flush()
            connected.set()
            self.on_up()
            await self._until_lost()
            self.down = True
            self.on_down()
            await asyncio.sleep(RECONNECT_SECONDS[0])

    async def _until_lost(self) -> None:
        assert self._connection is not None
        closed = self._connection.closed
        while not closed.done():
            await asyncio.wait([closed], timeout=LEASE_EVERY_SECONDS)
            if not closed.done():
                try:
                    await self._renew_lease()
                except (StoreError, StoreUnavailable):
                    self._connection.close()

    async def _renew_lease(self) -> None:
        if self._connection is None:
            return
        said = [pack("GET", self.keys.lag)]
        if self.lease:
            key = self.keys.frontend_lease(self.lease)
            said.append(pack("SET", key, self.epoch, "PX", FRONTEND_MS))
        replies = await self._connection.request(b"".join(said), len(said))
        refused = next((reply for reply in replies if isinstance(reply, StoreError)), None)
        if refused is not None:
            raise refused
        health = decode_health(replies[0])
        self.store_full = health is not None and health.memory_percent > MEMORY_PERCENT_MAX


_MULTI = pack("MULTI")
_EXEC = pack("EXEC")


@dataclass
class EventReader:
    """The journal's events after batch `after`, in order, without a hole.

    With `linger_seconds` it reads at most that often, unless somebody is in a `hurry`: a late reader
    that takes many at once costs a fraction. Where the stream was trimmed it goes on from `archive`.
    Raises `JournalGap` when neither has the next batch, and when this is another journal than the
    one `after` counts.
    """

    url: str
    keys: Keys
    after: int
    archive: Path | None = None
    linger_seconds: float = 0.0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    backlog: Backlog | None = None
    on_down: Callable[[], None] = lambda: None
    on_up: Callable[[], None] = lambda: None

    async def __aiter__(self) -> AsyncIterator[Batch]:
        async for batches in self.reads():
            for batch in batches:
                yield batch

    async def reads(self) -> AsyncGenerator[list[Batch], None]:
        """The same, as many batches at once as each read brought."""
        attempts = 0
        while True:
            try:
                connection = await AsyncConnection.connect(self.url)
            except (OSError, StoreError, StoreUnavailable, TimeoutError):
                await asyncio.sleep(RECONNECT_SECONDS[min(attempts, len(RECONNECT_SECONDS) - 1)])
                attempts += 1
                continue
            attempts = 0
            self.on_up()
            try:
                await self._check_journal(connection)
                while True:
                    batches = await self._next(connection)
                    if batches:
                        yield batches
            except (StoreError, StoreUnavailable):
                self.on_down()
                await asyncio.sleep(RECONNECT_SECONDS[0])
            finally:
                connection.close()

    async def _check_journal(self, connection: AsyncConnection) -> None:
        head = int(await connection.call("HGET", self.keys.head, "seq") or 0)
        if head < self.after:
            raise JournalGap(self.after, 0)

    async def _next(self, connection: AsyncConnection) -> list[Batch]:
        if self.linger_seconds and not self.hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.linger_seconds):
                    await self.hurry.wait()
        reply = await connection.call(
            "XREAD", "COUNT", BATCHES_PER_READ, "BLOCK", BLOCK_MS,
            "STREAMS", self.keys.events, f"{self.after}-0",
        )  # fmt: skip
        if not reply:
            return []
        entries = reply[0][1]
        first = seq_of(entries[0][0])
        batches = []
        if first > self.after + 1:
            batches = self._from_archive(first)
        batches += [read_batch(entry[1][1]) for entry in entries]
        self.after = batches[-1].seq
        if self.backlog is not None:
            self.backlog.decided(batches[-1].cursor)
        return batches

    def _from_archive(self, until: int) -> list[Batch]:
        found: list[Batch] = []
        for batch in batches_after(self.archive, self.after) if self.archive else ():
            if batch.seq >= until:
                break
            found.append(batch)
        if len(found) != until - self.after - 1:
            raise JournalGap(self.after + 1, until)
        return found


async def tail(url: str, keys: Keys) -> int:
    """The sequence of the last batch. Raises `StoreUnavailable`, `StoreError` or `OSError`."""
    connection = await AsyncConnection.connect(url)
    try:
        return int(await connection.call("HGET", keys.head, "seq") or 0)
    finally:
        connection.close()


async def read_center(url: str, keys: Keys) -> tuple[Center, str, int] | None:
    """The center in force, its version and the batch that brought it; none before the first."""
    connection = await AsyncConnection.connect(url)
    try:
        data, version, seq = await connection.call("HMGET", keys.center, "data", "version", "seq")
    finally:
        connection.close()
    if data is None:
        return None
    return msgspec.msgpack.decode(data, type=Center), bytes(version).decode(), int(seq)


async def read_time(url: str, keys: Keys) -> Micros:
    """Center time, as well as one look tells it: the wall clock's, where it is about what the
    leader said last, and else the leader's.
    """
    connection = await AsyncConnection.connect(url)
    try:
        health = decode_health(await connection.call("GET", keys.lag))
    finally:
        connection.close()
    wall = wall_clock()
    agree = health is None or abs(wall - health.at) <= HEALTH_MS * 1000 + TRUST
    return wall if agree or health is None else health.at


async def read_records(url: str, keys: Keys, frontend: str) -> dict[str, bytes]:
    """The records of a frontend's earlier lives, by key."""
    connection = await AsyncConnection.connect(url)
    try:
        flat = await connection.call("HGETALL", keys.frontend_records(frontend))
    finally:
        connection.close()
    return {bytes(k).decode(): v for k, v in zip(flat[::2], flat[1::2], strict=True)}
