"""The leader: reads commands, lets control decide, commits each batch in one fenced call.

Why: one writer makes every race between caller, agent and timer a question of order. The loop is
synchronous and owns its thread: read what is there, decide all of it in memory, commit, read again.
While one batch is being written to the disk the next one gathers, so the load groups itself; and
what nobody waits for stays until something comes that somebody does (`_receive`).

Nothing leaves before it is committed: others act on events they read from the stream. A leader
whose commit is refused (`Fenced`) throws its state away. One whose store went away keeps its batch
and asks, when the store is back, whether it was committed.

Sources: DESIGN 4 (single writer, time, cold start); research on leases and fencing tokens.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, get_args

import msgspec
import structlog

from callcenter.adapters.store import scripts
from callcenter.adapters.store.clock import TRUST, CenterClock, Steps, monotonic, wall_clock
from callcenter.adapters.store.health import Health, encode_health, memory_percent, stream_id
from callcenter.adapters.store.keys import DEAD_MAX, FRONTEND_MS, HEALTH_MS, LEASE_MS, Keys
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.resp import Connection, StoreError, pack
from callcenter.adapters.store.turn import Turn
from callcenter.adapters.store.wire import fresh, read_envelope
from callcenter.control.center import ENGINE, DecisionFailed
from callcenter.domain.commands import (
    Command,
    ContactReported,
    CustomerReported,
    DigitsReported,
    Envelope,
    FlowReported,
    HoldReported,
    OfferOutcome,
    OfferReported,
    StepReported,
    WaitsReported,
)
from callcenter.domain.events import (
    Batch,
    ConfigurationChanged,
    Event,
    Input,
    InputKind,
    encode_batch,
)
from callcenter.domain.units import SECOND, FrontendId, Micros

log = structlog.get_logger()

ENVELOPES_PER_BATCH = 256
PATIENT_SECONDS = 0.03
"""Commands that nobody waits for the answer of (`PATIENT`) are decided after so long, or together
with the next that somebody does."""
PATIENT = (
    ContactReported, FlowReported, StepReported, DigitsReported, CustomerReported, HoldReported,
    OfferReported, WaitsReported,
)  # fmt: skip
"""What a caller does in a flow, that she talks or holds, and what waits look like: it is shown, and
frees nobody. An offer that was not taken does (`_refused`)."""
WATCH_SECONDS = 0.25
"""How often the lease is renewed and the front ends are looked at."""
COUNTED = ("commands", "batches", "repeats", "unreadable", "failed", "wrong_time", "missing")
TICKS_MAX = 100
BLOCK_MS_MAX = 250
RECONNECT_SECONDS = 0.03
MEMORY_EVERY = 10
"""Every so many watches the store is asked for its memory."""


def _named(commands: Iterable[Any]) -> re.Pattern[bytes]:
    """Finds the tags of `commands` in an envelope. One seen where none is does no harm."""
    return re.compile(b"|".join(command.__name__.encode() for command in commands))


_awaited = _named(set(get_args(Command)).difference(PATIENT))
_refused = re.compile(b"outcome(?!.%s)" % OfferOutcome.ACCEPTED.encode(), re.DOTALL)


def _is_awaited(envelope: bytes) -> bool:
    """Whether somebody waits for what is decided of it."""
    return _awaited.search(envelope) is not None or _refused.search(envelope) is not None


class Fenced(Exception):
    """Another leader has taken over. What was decided and not committed never happened."""


class Stopped(Exception):
    """Told to stop while the store was away; what was not committed is decided by the next."""


class Entry(NamedTuple):
    """One entry of the command stream."""

    id: str
    data: bytes


class Leader:
    """One term of leading, from lease to fence or stop. Times are seconds of `time.monotonic`."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        replica: Replica,
        *,
        owner: str,
        epoch: int,
        reconnect: Callable[[], Connection],
        stopping: Callable[[], bool],
        on_ready: Callable[[], None] | None = None,
        start: Micros | None = None,
        wall: Callable[[], Micros] = wall_clock,
    ) -> None:
        """`start` is center time as it was heard from the last leader; else `wall` tells it."""
        self.replica = replica
        self.owner = owner
        self.epoch = epoch
        self.counts = dict.fromkeys(COUNTED, 0)
        self._connection = connection
        self._keys = keys
        self._reconnect = reconnect
        self._stopping = stopping
        self._on_ready = on_ready
        self._wall = wall
        self._clock = CenterClock(wall() if start is None else start, monotonic(), replica.at)
        self._steps = Steps()
        self._lag = 0.0
        self._memory = 0.0
        self._watches = 0
        self._asked = False
        """Whether a question is out, so that nothing else may be said on the connection."""
        self._watch_at = time.monotonic()
        replica.control.epoch = epoch

    def lead(self) -> None:
        """Decide until told to stop. Raises `Fenced` when another leads, `Stopped` when the store
        did not come back before we were told to stop. `on_ready` is called once a center is in
        force.
        """
        while True:
            entries = self._receive()
            if self._stopping():
                return
            batch = self._decide(entries)
            if time.monotonic() < self._watch_at:
                self._commit(batch, ask=True)
                self._say_ready()
                continue
            self._commit(batch)
            self._say_ready()
            self._watch()
            self._commit(self._lost_frontends(), ask=True)

    def _say_ready(self) -> None:
        if self._on_ready is not None and self.replica.control.state.version:
            self._on_ready()
            self._on_ready = None

    # -- reading -------------------------------------------------------------------------------

    def _ask(self, after: str, seconds: float) -> None:
        """Ask for the next commands; `_read` has them, at the latest when something is due."""
        self._connection.send(self._question(after, seconds))
        self._asked = True

    def _question(self, after: str, seconds: float = BLOCK_MS_MAX / 1000) -> bytes:
        return pack(
            "XREAD", "COUNT", ENVELOPES_PER_BATCH, "BLOCK", self._patience(seconds),
            "STREAMS", self._keys.cmds, after,
        )  # fmt: skip

    def _patience(self, seconds: float) -> int:
        """How long a read may wait, in ms: until the next deadline or watch."""
        seconds = min(seconds, self._watch_at - time.monotonic())
        deadline = self.replica.control.deadline
        if deadline is not None:
            seconds = min(seconds, (deadline - self._now()) / 1_000_000)
        return max(1, min(BLOCK_MS_MAX, int(seconds * 1000) + 1))

    def _receive(self) -> list[Entry]:
        """What is to be decided now; nothing when nothing came in time."""
        entries = self._read(self.replica.cursor)
        until = time.monotonic() + PATIENT_SECONDS
        while entries and len(entries) < ENVELOPES_PER_BATCH:
            left = until - time.monotonic()
            if left <= 0 or any(_is_awaited(entry.data) for entry in entries):
                break
            more = self._read(entries[-1].id, left)
            if not more:
                break
            entries += more
        return entries

    def _read(self, after: str, seconds: float = BLOCK_MS_MAX / 1000) -> list[Entry]:
        """The commands after `after`, when some came in time."""
        try:
            if not self._asked:
                self._ask(after, seconds)
            reply = self._connection.read(timeout=BLOCK_MS_MAX / 1000 + 2)
        except OSError as away:
            self._store_away(away)
            return []
        self._asked = False
        if not reply:
            return []
        entries = [Entry(bytes(entry[0]).decode(), entry[1][1]) for entry in reply[0][1]]
        age = time.time() - stream_id(entries[0].id)[0] / 1000
        self._lag = max(self._lag, age)
        return entries

    # -- deciding ------------------------------------------------------------------------------

    def _now(self) -> Micros:
        return self._clock.now(self._wall(), monotonic())

    def _decide(self, entries: list[Entry]) -> Batch | None:
        """One batch from what was read and what has come due; none when nothing happened."""
        now = self._now()
        turn = Turn(now)
        self._tick(turn)
        for entry in entries:
            self._take(entry, turn)
        self._tick(turn)
        if not entries and not turn.events:
            return None
        return self._batch(turn, entries[-1].id if entries else self.replica.cursor)

    def _tick(self, turn: Turn) -> None:
        control = self.replica.control
        for _ in range(TICKS_MAX):
            deadline = control.deadline
            if deadline is None or deadline > turn.now:
                return
            events = self._decided(partial(control.tick, turn.now), "tick")
            turn.add(events, Input(turn.now, InputKind.TICK))

    def _decided(self, decide: Callable[[], list[Event]], what: str) -> list[Event]:
        """What was decided, up to a mistake of ours: it ends the decision and not the leader."""
        try:
            return decide()
        except DecisionFailed as failure:
            log.exception("a decision failed", command=what)
            self.counts["failed"] += 1
            return failure.events

    def _take(self, entry: Entry, turn: Turn) -> None:
        """Decide the fresh commands of one envelope."""
        try:
            envelope, refused = read_envelope(entry.data)
        except msgspec.MsgspecError as wrong:
            self._bury(entry, "unreadable", str(wrong))
            return
        if envelope.at and abs(envelope.at - turn.now) > TRUST:
            self.counts["wrong_time"] += 1
        for position, reason in refused.items():
            self._bury(entry, "unreadable", f"command {position}: {reason}")
        for sequence, command in self._fresh(envelope):
            if command is None:
                continue
            self.counts["commands"] += 1
            name = f"{envelope.source}:{envelope.epoch}:{sequence}"
            try:
                events = self.replica.control.react(command, turn.now, source=name)
            except DecisionFailed as failure:
                log.exception("a decision failed", command=type(command).__name__)
                self._bury(entry, "failed", f"{name}: {failure.__cause__!r}")
                events = failure.events
            turn.add(events, Input(turn.now))
        if envelope.commands:
            last = envelope.first + len(envelope.commands) - 1
            turn.mark(envelope.source, envelope.epoch, last, self.replica.marks)

    def _fresh(self, envelope: Envelope) -> list[tuple[int, Any]]:
        """The commands of an envelope that were not decided before, with their sequence."""
        self._see_order(envelope)
        found = fresh(envelope, self.replica.marks)
        self.counts["repeats"] += len(envelope.commands) - len(found)
        return found

    def _see_order(self, envelope: Envelope) -> None:
        """Tell of an earlier life that still speaks, and of commands that are missing in between:
        the store lost them, or they come out of order and are skipped when they come."""
        epoch, done = self.replica.marks.get(envelope.source, (-1, 0))
        if envelope.epoch < epoch:
            log.warning(
                "commands of an earlier life are skipped",
                source=envelope.source, epoch=envelope.epoch, current=epoch,
            )  # fmt: skip
            return
        after = done if envelope.epoch == epoch else 0
        if envelope.first > after + 1:
            self.counts["missing"] += envelope.first - after - 1
            log.warning(
                "commands of a source are missing",
                source=envelope.source, epoch=envelope.epoch, after=after, until=envelope.first,
            )  # fmt: skip

    def _bury(self, entry: Entry, kind: str, reason: str) -> None:
        """Remember what could not be decided, for a person to look at. Never stops the leader."""
        self.counts[kind] += 1
        log.warning("a command was set aside", kind=kind, entry=entry.id, reason=reason[:200])
        note = {"id": entry.id, "kind": kind, "reason": reason[:500], "head": entry.data[:64].hex()}
        try:
            self._connection.calls(
                [
                    pack("LPUSH", self._keys.dead, json.dumps(note)),
                    pack("LTRIM", self._keys.dead, 0, DEAD_MAX - 1),
                ]
            )
        except OSError as away:
            self._store_away(away)

    def _batch(self, turn: Turn, cursor: str) -> Batch:
        replica = self.replica
        return Batch(
            seq=replica.seq + 1,
            epoch=self.epoch,
            at=turn.now,
            cursor=cursor,
            marks=turn.marks,
            inputs=tuple(turn.inputs),
            engine=ENGINE,
            configuration=replica.control.state.version,
            events=tuple(turn.events),
        )

    # -- committing ----------------------------------------------------------------------------

    def _commit(self, batch: Batch | None, *, ask: bool = False) -> None:
        """Append the batch and move the cursor, or raise `Fenced`; ask for what comes next.

        Both go out together: one system call, and one wake of the store, per batch.
        """
        if batch is None:
            return
        self.replica.note(batch)
        request = self._packed(batch)
        while True:
            try:
                self._connection.send(request + self._question(batch.cursor) if ask else request)
                self._connection.read()
                self._asked = ask
                break
            except StoreError as error:
                if str(error).startswith("FENCED"):
                    raise Fenced(str(error)) from error
                self._store_away(error)
            except OSError as away:
                self._store_away(away)
            if self._committed(batch.seq):
                break
        self.counts["batches"] += 1

    def _packed(self, batch: Batch) -> bytes:
        keys = self._keys
        arguments: list[bytes | str | int] = [
            self.epoch, batch.seq, batch.cursor, encode_batch(batch),
        ]  # fmt: skip
        if any(isinstance(event, ConfigurationChanged) for event in batch.events):
            state = self.replica.control.state
            center = msgspec.msgpack.encode(state.center)
            arguments += [state.version, self.replica.file_version, center]
        return pack(
            "EVALSHA", scripts.COMMIT_SHA, 4, keys.epoch, keys.head, keys.events, keys.center,
            *arguments,
        )  # fmt: skip

    def _committed(self, seq: int) -> bool:
        """After the store came back: whether our batch is in it. Raises `Fenced`."""
        try:
            epoch, head = self._connection.calls(
                [pack("GET", self._keys.epoch), pack("HGET", self._keys.head, "seq")]
            )
        except OSError:
            return False  # away again: the next attempt to commit finds out
        if isinstance(epoch, StoreError) or isinstance(head, StoreError):
            return False
        if int(epoch or 0) != self.epoch:
            raise Fenced("another leader took over while the store was away")
        return int(head or 0) == seq

    def _store_away(self, reason: Exception) -> None:
        """Wait until the store is back. Raises `Stopped` when we are told to stop meanwhile."""
        log.error("the store is away", reason=str(reason))
        self._connection.close()
        self._asked = False
        while True:
            if self._stopping():
                raise Stopped
            time.sleep(RECONNECT_SECONDS)
            try:
                self._connection = self._reconnect()
                break
            except (OSError, StoreError):
                continue
        log.info("the store is back")
        self._watch_at = time.monotonic()
        self._watches = 0

    # -- watching ------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Renew the lease and say how we are. Raises `Fenced`."""
        self._watch_at = time.monotonic() + WATCH_SECONDS
        self._watches += 1
        keys = self._keys
        commands = [
            pack(
                "EVALSHA", scripts.RENEW_SHA, 2, keys.lease, keys.epoch,
                self.owner, self.epoch, LEASE_MS,
            )
        ]  # fmt: skip
        if self._watches % 2:
            commands.append(pack("SET", keys.lag, encode_health(self.health()), "PX", HEALTH_MS))
            self._lag = 0.0
        if self._watches % MEMORY_EVERY == 1:
            commands.append(pack("INFO", "memory"))
        try:
            replies = self._connection.calls(commands)
        except OSError as away:
            self._store_away(away)
            return
        if isinstance(replies[0], StoreError) and str(replies[0]).startswith("FENCED"):
            raise Fenced(str(replies[0]))
        if self._watches % MEMORY_EVERY == 1:
            self._memory = memory_percent(replies[-1])

    def health(self) -> Health:
        """What is told to the others."""
        return Health(
            leader=self.owner, epoch=self.epoch, at=self._now(), lag_seconds=self._lag,
            memory_percent=self._memory, **self.counts,
        )  # fmt: skip

    def _lost_frontends(self) -> Batch | None:
        """A batch for the front ends whose lease ran out."""
        living = [f for f, s in self.replica.control.state.frontends.items() if not s.lost]
        if not living:
            return None
        keys = [self._keys.frontend_lease(frontend) for frontend in living]
        try:
            found, told = self._connection.calls([pack("MGET", *keys), pack("TIME")])
        except OSError as away:
            self._store_away(away)
            return None
        if isinstance(found, StoreError):
            raise found
        if self._steps.stepped(int(told[0]) * SECOND + int(told[1]), monotonic()):
            log.warning("the clock of the store stepped; leases get the time to be renewed")
            self._watches = 0
        turn = Turn(self._now())
        for frontend, lease in zip(living, found, strict=True):
            if lease is None and self._had_time():
                log.warning("a front end is gone", frontend=frontend)
                lost = partial(self.replica.control.frontend_lost, FrontendId(frontend), turn.now)
                events = self._decided(lost, "front end lost")
                turn.add(events, Input(turn.now, InputKind.LOST, frontend))
        return self._batch(turn, self.replica.cursor) if turn.events else None

    def _had_time(self) -> bool:
        """A new leader, a store that was away, and one whose clock stepped, so that leases ended
        with it, give front ends a lease's time to renew."""
        return self._watches * WATCH_SECONDS > FRONTEND_MS / 1000 + 2 * WATCH_SECONDS

    def close(self) -> None:
        """The term is over."""
        self._connection.close()

    def release(self) -> None:
        """Let a standby lead at once."""
        try:
            self._connection.call("EVALSHA", scripts.RELEASE_SHA, 1, self._keys.lease, self.owner)
        except (OSError, StoreError):
            return  # it expires by itself
