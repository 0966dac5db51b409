"""How soon is a command decided and seen, how many a second, and how soon is all of it back?

A store of our own with `appendfsync always`, the shipped leader in a process of its own, and here
the shipped writer and reader of a front end. Measured: from the call of `append` to the event in
the reader's hand, at two rates; commands a second when more come than can be decided (arrivals
alone, and whole lives of contacts); and recovery of a large center from its snapshot.

Why: everything waits for the journal, so its figures are the center's. What the disk itself needs
stands beside them: its own fsync is the floor.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from callcenter.adapters.store import embedded
from callcenter.adapters.store.follower import acquire, connect
from callcenter.adapters.store.journal import CommandWriter, EventReader
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.leader import Leader
from callcenter.adapters.store.replica import Replica, recover, save_snapshot
from callcenter.adapters.store.resp import Connection, pack
from callcenter.app.bench.server import fsync_p99_milliseconds
from callcenter.app.child import GC_THRESHOLDS
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Channel, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    OfferId,
    QueueId,
    SegmentId,
)

FRONTEND = FrontendId("bench")
LINE = QueueId("line")
RATES = (1_000, 10_000)
"""Commands a second, of contacts that arrive, wait and go."""
RATE_SECONDS = 5.0
WARM_SECONDS = 1.0
ARRIVALS = 100_000
LIVES = 10_000
AGENTS = 200
AT_ONCE = 50
"""Contacts whose lives overlap."""
PER_ENVELOPE = 20
"""Commands that a front end under load appends at once."""
RECOVERED_AGENTS, RECOVERED_CONTACTS = 10_000, 100_000
PERCENT = 100


def center_of(agents: int) -> Center:
    """One line and so many people."""
    line = Queue(id=LINE, title="Line", wrap_up_seconds=0, waiting_max=1_000_000)
    names = [AgentId(f"a{n}") for n in range(agents)]
    return Center(queues=(line,), agents=tuple(Agent(id=name, name=name) for name in names))


def opening(agents: int) -> list[c.Command]:
    """What makes the center and has everybody ready."""
    center = center_of(agents)
    names = tuple(agent.id for agent in center.agents)
    ready = [c.PresenceRequested(agent=name, presence=Presence.READY) for name in names]
    return [
        c.ConfigurationRequested(center=center, version="bench", by="bench"),
        c.FrontendReported(frontend=FRONTEND, epoch=1, agents=names),
        *ready,
    ]


def arrival(name: str) -> c.Command:
    contact = ContactId(name)
    return c.ContactReported(
        contact=contact, channel=Channel.VOICE, frontend=FRONTEND, dialled="100"
    )


def life(number: int) -> list[c.Command]:
    """All that is reported of the n-th contact that is queued (from 1), when agents are free."""
    contact, offer = ContactId(f"l{number}"), OfferId(f"o1-{number}")
    segment, over = SegmentId(f"s{number}"), ended(Reason.CALLER_HUNG_UP)
    nobody = AgentId("")
    return [
        arrival(contact),
        c.FlowReported(contact=contact, flow="main", revision="1"),
        c.StepReported(contact=contact, node="greet"),
        c.DigitsReported(contact=contact, node="greet", count=1),
        c.QueueRequested(contact=contact, queue=LINE),
        c.OfferReported(
            offer=offer, contact=contact, agent=nobody, outcome=OfferOutcome.ACCEPTED,
            segment=segment,
        ),
        c.SegmentEndReported(contact=contact, segment=segment, agent=nobody, termination=over),
        c.ContactEndReported(contact=contact, termination=over),
    ]  # fmt: skip


def interleaved(lives: int) -> Iterator[c.Command]:
    """Lives beside each other, `AT_ONCE` at a time."""
    for first in range(1, lives + 1, AT_ONCE):
        group = [life(number) for number in range(first, min(lives + 1, first + AT_ONCE))]
        for step in zip(*group, strict=True):
            yield from step


def lead(url: str, archive: Path) -> None:
    """The leader's process, which looks for garbage as seldom as the role does: until SIGTERM."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    keys, connection = Keys(), connect(url)
    replica = recover(connection, keys, archive)
    epoch = acquire(connection, keys, "bench", "bench")
    Leader(
        connection, keys, replica, owner="bench", epoch=epoch,
        reconnect=lambda: connect(url), stopping=lambda: bool(stopped),
    ).lead()  # fmt: skip


@contextlib.asynccontextmanager
async def running(directory: Path) -> AsyncIterator[str]:
    """A store and a leader on it; its URL."""
    store = await embedded.start_server(directory)
    path = embedded.socket_path(directory)
    await embedded.wait_ready(store, path, directory / "server.log")
    url = f"unix://{path}"
    leader = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callcenter.app.bench.store", url, str(directory / "archive"),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield url
    finally:
        for process in (leader, store):
            process.terminate()
            await process.wait()


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[len(ordered) * 99 // PERCENT] * 1000, 2),
    }


class Watched:
    """A front end that asks at a steady rate and sees what was decided."""

    def __init__(self, url: str) -> None:
        self.writer = CommandWriter(url, Keys(), str(FRONTEND), 1, lease=str(FRONTEND))
        self.reader = EventReader(url, Keys(), 0)
        self.asked: dict[tuple[type[Any], str], float] = {}
        self.seen: list[float] = []
        self.queued: list[float] = []
        """Of these, of contacts that asked to wait: what a caller and an agent wait for."""
        self.late: list[float] = []
        self._numbers = count(1)

    async def open(self) -> asyncio.Task[None]:
        await self.writer.start()
        await self.writer.append(opening(AGENTS))
        seeing = asyncio.create_task(self._see())
        while not self.reader.after:  # the leader's process is starting
            await asyncio.sleep(0.01)
        return seeing

    async def _see(self) -> None:
        async for batch in self.reader:
            now = time.perf_counter()
            for event in batch.events:
                asked = self.asked.pop((type(event), getattr(event, "contact", "")), None)
                if asked is not None:
                    self.seen.append(now - asked)
                    if type(event) is e.ContactQueued:
                        self.queued.append(now - asked)

    def _ask(self, commands: list[c.Command]) -> None:
        now = time.perf_counter()
        for command in commands:
            kind = {
                c.ContactReported: e.ContactArrived,
                c.QueueRequested: e.ContactQueued,
                c.ContactEndReported: e.ContactEnded,
            }[type(command)]
            self.asked[kind, command.contact] = now  # type: ignore[union-attr]
        self.writer.append(commands)

    async def load(self, rate: int, seconds: float) -> None:
        """Every millisecond what is due by then: contacts arrive, wait, and go two seconds later."""
        begin, done = time.perf_counter(), 0
        going: list[tuple[float, str]] = []
        while (now := time.perf_counter() - begin) < seconds:
            due = int(now * rate)
            self.late.append(max(0, due - done - max(1, rate // 500)) / rate)
            while done < due:
                if going and going[0][0] <= now:
                    gone = ContactId(going.pop(0)[1])
                    over = ended(Reason.CALLER_LEFT_IN_QUEUE)
                    self._ask([c.ContactEndReported(contact=gone, termination=over)])
                    done += 1
                else:
                    name = f"r{next(self._numbers)}"
                    queued = c.QueueRequested(contact=ContactId(name), queue=LINE)
                    self._ask([arrival(name), queued])
                    going.append((now + 0.5, name))
                    done += 2
            await asyncio.sleep(0.001)

    async def close(self, seeing: asyncio.Task[None]) -> None:
        seeing.cancel()
        await asyncio.gather(seeing, return_exceptions=True)
        await self.writer.close()


async def latency(directory: Path, rate: int) -> dict[str, Any]:
    """From append to event seen, at this many commands a second."""
    async with running(directory) as url:
        front_end = Watched(url)
        seeing = await front_end.open()
        await front_end.load(rate, WARM_SECONDS)
        front_end.seen.clear()
        front_end.queued.clear()
        front_end.late.clear()
        gc.collect()
        gc.freeze()
        await front_end.load(rate, RATE_SECONDS)
        await asyncio.sleep(0.2)
        seen, unseen = list(front_end.seen), len(front_end.asked)
        queued = {f"queued_{name}": value for name, value in percentiles(front_end.queued).items()}
        late = percentiles(front_end.late)["p99_ms"]
        await front_end.close(seeing)
        gc.unfreeze()
    return {
        "load": f"{rate} commands/s", **percentiles(seen), **queued, "seen": len(seen), "unseen": unseen,
        "generator_late_p99_ms": late,
    }  # fmt: skip


def _packed(commands: Iterator[c.Command], keys: Keys, first: int) -> list[bytes]:
    """Appends of `PER_ENVELOPE` commands each."""
    whole = list(commands)
    chunks = [whole[n : n + PER_ENVELOPE] for n in range(0, len(whole), PER_ENVELOPE)]
    out = []
    for chunk in chunks:
        envelope = c.Envelope(str(FRONTEND), 1, first, 0, tuple(chunk))
        first += len(chunk)
        out.append(pack("XADD", keys.cmds, "*", "e", c.encode_envelope(envelope)))
    return out


async def throughput(directory: Path, name: str, commands: Iterator[c.Command]) -> dict[str, Any]:
    """Commands a second while more wait than can be decided; the generator's own work included."""
    keys = Keys()
    async with running(directory) as url:
        connection = connect(url)
        start = opening(AGENTS)
        connection.calls(_packed(iter(start), keys, 1))
        _until_decided(connection, keys)
        packed = _packed(commands, keys, len(start) + 1)
        begin = time.perf_counter()
        for n in range(0, len(packed), 500):
            connection.calls(packed[n : n + 500])
        _until_decided(connection, keys)
        spent = time.perf_counter() - begin
        after = recover(connection, keys, directory / "archive").control.state
        connection.close()
    assert (after.offers, after.segments) == ({}, {}), "lives were not lived to their end"
    return {
        "load": name,
        "commands_per_second": int(len(packed) * PER_ENVELOPE / spent),
        "served": after.segmented,
    }


def _until_decided(connection: Connection, keys: Keys) -> None:
    while True:
        last = connection.call("XREVRANGE", keys.cmds, "+", "-", "COUNT", 1)
        if last and connection.call("HGET", keys.head, "cursor") == last[0][0]:
            return
        time.sleep(0.002)


async def recovery(directory: Path) -> dict[str, Any]:
    """A large center, back from its snapshot."""
    store = await embedded.start_server(directory)
    path = embedded.socket_path(directory)
    await embedded.wait_ready(store, path, directory / "server.log")
    replica, now = Replica(), 1_800_000_000 * SECOND
    for command in opening(RECOVERED_AGENTS)[:2]:
        replica.control.react(command, now)
    for number in range(RECOVERED_CONTACTS):
        name = f"c{number}"
        replica.control.react(arrival(name), now + number)
        replica.control.react(c.QueueRequested(contact=ContactId(name), queue=LINE), now + number)
    connection = connect(f"unix://{path}")
    size = save_snapshot(connection, Keys(), replica)
    before = replica.control.snapshot()
    begin = time.perf_counter()
    found = recover(connection, Keys(), directory / "archive")
    spent = time.perf_counter() - begin
    assert found.control.snapshot() == before, "what came back is not what was"
    connection.close()
    store.terminate()
    await store.wait()
    return {
        "load": f"{RECOVERED_AGENTS} agents + {RECOVERED_CONTACTS} contacts",
        "recovery_seconds": round(spent, 2),
        "snapshot_bytes": size,
    }


async def _measure(directory: Path) -> dict[str, Any]:
    fsync = fsync_p99_milliseconds(directory)
    rates = [await latency(directory / f"rate{rate}", rate) for rate in RATES]
    arrivals = (arrival(f"t{n}") for n in range(ARRIVALS))
    full = [
        await throughput(directory / "arrivals", "bare arrivals", arrivals),
        await throughput(directory / "lives", "whole lives", interleaved(LIVES)),
    ]
    back = await recovery(directory / "recovery")
    return {
        "bench": "store", "disk_fsync_p99_ms": fsync, "latency": rates, "throughput": full,
        "recovery": back,
    }  # fmt: skip


def main(json: bool = False) -> dict[str, Any]:
    """Return the figures, and print them as a table unless they are wanted as JSON."""
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        result = asyncio.run(_measure(Path(folder)))
    if not json:
        rows = [*result["latency"], *result["throughput"], result["recovery"]]
        for row in rows:
            rest = "  ".join(f"{key} {value}" for key, value in row.items() if key != "load")
            sys.stdout.write(f"{row['load']:34} {rest}\n")
        sys.stdout.write(f"{'this disk':34} fsync p99_ms {result['disk_fsync_p99_ms']}\n")
    return result


if __name__ == "__main__":
    lead(sys.argv[1], Path(sys.argv[2]))
