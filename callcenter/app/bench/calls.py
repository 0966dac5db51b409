"""What one whole queue call costs, and how soon an agent's phone rings.

Method (server on one core, generator on the others): agents register and are made ready, then
calls arrive at a steady rate; each waits in the queue, is answered at once, is held, and ends by
BYE. CPU is that of every server process together over the measured window (store, media, records
and web with one wall open included) by the calls that *ended* in it. Success is counted at the
agent. Latency is from the journal's `ContactQueued`, or an agent's BYE, to the INVITE's arrival.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from callcenter.adapters.store.embedded import store_url
from callcenter.adapters.store.journal import EventReader, tail
from callcenter.adapters.store.keys import Keys
from callcenter.app.bench.server import NUMBER, BenchServer, fsync_p99_milliseconds
from callcenter.app.config import load_settings
from callcenter.domain.events import ContactQueued, OfferMade
from callcenter.domain.units import SECOND


def percentile(values: list[float], share: float) -> float | None:
    """The value below which `share` of `values` lie; None for none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


class Load:
    """The generator's process."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Start it away from the server's core; agents are registered afterwards."""
        others = ",".join(str(n) for n in range(1, os.cpu_count() or 2)) or "0"
        self._process = await asyncio.create_subprocess_exec(
            "taskset", "-c", others, sys.executable, "-m", "callcenter.app.bench.load",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26,
        )  # fmt: skip
        await self._tell(json.dumps(self.orders))
        await self.hear("registered")

    async def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def go(self) -> None:
        """Let the calls begin."""
        await self._tell("go")

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next line, which must be of this kind."""
        assert self._process.stdout
        document: dict[str, Any] = json.loads(await self._process.stdout.readline())
        assert document["kind"] == kind, document
        return document


async def _wall(server: BenchServer, opened: asyncio.Event) -> None:
    """One wall, open as in a supervisor's browser."""
    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(f"http://{server.web}/ws", max_msg_size=0) as socket,
    ):
        await socket.send_json({"subscribe": ["wall"]})
        opened.set()
        async for _ in socket:
            pass


async def one_run(
    *, rate: float, hold: float, seconds: float, agents: int, agent_ends: bool = False
) -> dict[str, Any]:
    """One load on a fresh server. Returns figures and raw calls."""
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as name:
        directory = Path(name)
        fsync = fsync_p99_milliseconds(directory)
        server = BenchServer(directory, agents)
        await asyncio.to_thread(server.start)
        try:
            run = await _load(server, rate, hold, seconds, agent_ends=agent_ends)
        finally:
            await asyncio.to_thread(server.stop)
    run["disk_fsync_p99_ms"] = fsync
    return run


async def _load(
    server: BenchServer, rate: float, hold: float, seconds: float, *, agent_ends: bool
) -> dict[str, Any]:
    load = Load(
        {
            "server": server.sip, "number": NUMBER, "agents": list(server.passwords.items()),
            "rate": rate, "seconds": seconds, "hold_seconds": hold, "agent_ends": agent_ends,
            "warm_seconds": max(2.0, hold * 1.2),
        }
    )  # fmt: skip
    await load.start()
    await asyncio.to_thread(server.make_ready, list(server.passwords))
    opened = asyncio.Event()
    wall = asyncio.create_task(_wall(server, opened))
    await asyncio.wait_for(opened.wait(), 10)
    await load.go()
    await load.hear("start")
    before = server.cpu_seconds()
    end = await load.hear("end")
    after = server.cpu_seconds()
    result = await load.hear("result")
    grants = await _grants(server)
    wall.cancel()
    return _figures(before, after, result, (end["at"] - seconds, end["at"]), grants)


async def _grants(server: BenchServer) -> dict[str, list[tuple[float, float]]]:
    """From the journal, per agent and in order: when her contact was queued, when it was granted.

    Center time is UTC and this is the same machine, so it can be laid beside the generator's.
    """
    settings = load_settings(server.config)
    url = store_url(settings.store.url, settings.store_directory)
    keys = Keys(settings.store.namespace)
    last = await tail(url, keys)
    reader = EventReader(url, keys, 0, archive=settings.state_directory / "archive")
    queued: dict[str, float] = {}
    grants: dict[str, list[tuple[float, float]]] = {}
    async for batch in reader:
        for event in batch.events:
            match event:
                case ContactQueued(contact=contact, at=at):
                    queued[contact] = at / SECOND
                case OfferMade(contact=contact, agent=agent, at=at):
                    pair = (queued.get(contact, at / SECOND), at / SECOND)
                    grants.setdefault(agent, []).append(pair)
                case _:
                    pass
        if batch.seq >= last:
            break
    return grants


def _granted_to_offered(
    calls: list[dict[str, Any]], grants: dict[str, list[tuple[float, float]]], *, queued: bool
) -> list[float]:
    """From the journal's `ContactQueued` (or the grant) to the INVITE at the agent, in order."""
    offers: dict[str, list[float]] = {}
    for call in calls:
        if call["offered"]:
            offers.setdefault(call["agent"], []).append(call["offered"])
    found = []
    for agent, times in offers.items():
        pairs = zip(sorted(times), grants.get(agent, []), strict=False)
        found += [offered - (pair[0] if queued else pair[1]) for offered, pair in pairs]
    return found


def _figures(
    before: dict[str, float],
    after: dict[str, float],
    result: dict[str, Any],
    window: tuple[float, float],
    grants: dict[str, list[tuple[float, float]]],
) -> dict[str, Any]:
    start, end = window
    calls = result["calls"]
    inside = [c for c in calls if start <= c["ended"] < end]
    dialled = [c for c in calls if start <= c["dialled"] < end]
    reached = [c for c in dialled if c["connected"]]
    spent = {role: round(after[role] - before.get(role, 0.0), 2) for role in after}
    total = sum(spent.values())
    return {
        "calls_ended": len(inside),
        "reached_agent_share": round(len(reached) / len(dialled), 5) if dialled else None,
        "cpu_ms_per_call": round(1000 * total / len(inside), 2) if inside else None,
        "cpu_seconds": spent,
        "server_core_busy_share": round(total / (end - start), 3),
        "dial_to_offer_ms": _spread([c["offered"] - c["dialled"] for c in reached if c["offered"]]),
        "queued_to_invite_ms": _spread(_granted_to_offered(calls, grants, queued=True)),
        "grant_to_invite_ms": _spread(_granted_to_offered(calls, grants, queued=False)),
        "bye_to_invite_ms": _spread(_freed_to_offered(result)),
        "generator_late_p99_ms": round(result["late_p99"] * 1000, 2),
        "raw": calls,
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        f"p{int(share * 100)}": round((percentile(values, share) or 0.0) * 1000, 2)
        for share in (0.5, 0.99)
    }


def _freed_to_offered(result: dict[str, Any]) -> list[float]:
    """From each agent's BYE to the next INVITE that reached her."""
    offers: dict[str, list[float]] = {}
    for call in result["calls"]:
        if call["offered"]:
            offers.setdefault(call["agent"], []).append(call["offered"])
    found = []
    for agent, at in result["freed"]:
        later = [t for t in offers.get(agent, []) if t > at]
        if later:
            found.append(min(later) - at)
    return found
