"""`callcenter demo`: a living center on this machine, from nothing, in seconds.

Why: see `callcenter.app.demo`. This file only starts processes, tells where things are, and adds
up at the end. The server it starts is `callcenter run` on an ordinary configuration.

It starts the processes before it imports what it needs itself: whoever waits for the first call
waits for imports, and they can be done side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callcenter.adapters.mortal import ending_signals, mortal
from callcenter.app.addresses import host_port
from callcenter.app.demo.center import (
    CHAT,
    CHAT_AGENT,
    FOREIGN_AGENT,
    KEYS_OF_QUEUE,
    MAIN_NUMBER,
    SCENARIOS,
    VISITOR,
    DemoCenter,
    write_center,
)

if TYPE_CHECKING:
    import aiohttp

READY_SECONDS = 60.0
DRAIN_SECONDS = 15.0
"""From the last call that may be placed until everything is counted."""
TELL_SECONDS = 12.5
"""Of these, until the phones have told what they heard; callers leave within
`load.DRAIN_SECONDS`."""
SETTLE_SECONDS = 0.3
CHAT_AFTER_SECONDS = 5.0
"""From the first calls to the first visitor of the web page."""
PAGE = 500
"""Contacts per answer of the API."""
RTP_PORTS, PHONE_PORTS = 600, 40
"""Of the server, and of the telephone that is not ours."""
STOP_SECONDS = 15.0
LANGUAGES = ("1", "1", "1", "2", "3")
"""Keys of the language menu and how often each is pressed."""


def _is_free(address: tuple[str, int]) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError:
                return False
    return True


def choose_address(wanted: str | None, usual: str) -> str:
    """The address asked for, else the usual one, else a free port beside it."""
    if wanted:
        if not _is_free(host_port(wanted)):
            raise click.ClickException(f"{wanted} is in use; give another one or leave it out")
        return wanted
    if _is_free(host_port(usual)):
        return usual
    with socket.socket() as probe:
        probe.bind((host_port(usual)[0], 0))
        return f"{host_port(usual)[0]}:{probe.getsockname()[1]}"


@dataclass(frozen=True)
class PortBlock:
    """Neighbouring UDP ports that are this demo's alone as long as it runs."""

    server: tuple[int, int]
    """First and last of the server's."""
    phone: tuple[int, int]
    """First and last of the foreign phone's."""
    line: int
    """Of the line by which customers are called back."""
    guard: socket.socket
    """Holds the port after them, so that no other demo finds the block free."""


def choose_ports(seed: int) -> PortBlock:
    """A block that nobody has, so that two demos can run side by side.

    It lies below the ports that the kernel gives away by itself (Linux: from 32768).
    """
    count = RTP_PORTS + PHONE_PORTS + 2
    bases = range(10000, 32000 - count, count + 1)
    turn = (seed * 7 + os.getpid()) % len(bases)
    for base in (*bases[turn:], *bases[:turn]):
        guard = socket.socket(type=socket.SOCK_DGRAM)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            guard.bind(("127.0.0.1", base + count - 1))
            for port in range(base, base + count - 1):
                held.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            phone, line = base + RTP_PORTS, base + count - 2
            return PortBlock((base, phone - 1), (phone, line - 1), line, guard)
        guard.close()
    raise click.ClickException("no range of free UDP ports for audio was found")


def typed_at() -> float:
    """Monotonic seconds at which this process began, which is when the command was typed.

    The imports until here are part of what the person waits for (`/proc`, else they are left out).
    """
    try:
        stat = Path("/proc/self/stat").read_text("ascii", "replace")
        began = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.monotonic() - (time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (OSError, AttributeError, ValueError, IndexError):
        return time.monotonic()


class Phones:
    """One process of people at phones: orders in, happenings out."""

    def __init__(self, module: str, orders: dict[str, Any], log: Path) -> None:
        self.module, self.orders, self.log = module, orders, log
        self.ready = asyncio.Event()
        self._told = asyncio.Event()
        """Set when there is a result, or can be none any more."""
        self.result: dict[str, Any] = {}
        self.first_answer_seconds: float | None = None
        """Until somebody who called here heard an agent."""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the process; it imports, and waits for its orders."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *mortal(sys.executable, "-m", self.module), stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, stderr=log, limit=1 << 24, start_new_session=True,
            )  # fmt: skip

    async def begin(self) -> None:
        """Hand over the orders."""
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps(self.orders).encode() + b"\n")
        await self._process.stdin.drain()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        async for line in self._process.stdout:
            document = json.loads(line)
            if document["kind"] == "ready":
                self.ready.set()
            elif document["kind"] == "answered":
                self.first_answer_seconds = document["seconds"]
            elif document["kind"] == "result":
                self.result = document
                self._told.set()
        self._told.set()

    async def finish(self) -> dict[str, Any]:
        """Tell them to come to an end, and hear what was; nothing of those who never began."""
        if self._reading is None:
            return {}
        if self._process and self._process.stdin:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(b"drain\n")
                await self._process.stdin.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TELL_SECONDS)
        return self.result or {"failures": [f"{self.module} told no result; see {self.log}"]}

    async def stop(self) -> None:
        """Make sure it is gone."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading:
            self._reading.cancel()


async def all_contacts(read: Callable[..., Awaitable[Any]]) -> list[dict[str, Any]]:
    """Every contact, alive and ended, page after page.

    A page begins at the very time at which the last one stopped, since several contacts can end at
    one time; what comes twice is taken once. Who ends meanwhile is found among the ended.
    """
    found: dict[str, dict[str, Any]] = {}
    for state in ("waiting", "active"):
        page = await read("contacts", state=state, limit=str(PAGE))
        found |= {row["contact"]: row for row in page["contacts"]}
    query = {"state": "ended", "limit": str(PAGE)}
    while True:
        rows = (await read("contacts", **query))["contacts"]
        news = [row for row in rows if found.get(row["contact"], {}).get("state") != "ended"]
        found |= {row["contact"]: row for row in news}
        if len(rows) < PAGE or not news:
            return list(found.values())
        last = datetime.fromisoformat(rows[-1]["ended"])
        query["before"] = (last + timedelta(microseconds=1)).isoformat()


class Demo:
    """Server, phones, and what is told about them."""

    def __init__(self, center: DemoCenter, seed: int, ports: PortBlock, *, as_json: bool) -> None:
        self.center, self.seed, self.as_json = center, seed, as_json
        self.token = ""
        self.typed = typed_at()
        self._told_first = False
        self._server: asyncio.subprocess.Process | None = None
        self._web: aiohttp.ClientSession | None = None
        self._chatting: asyncio.Task[None] | None = None
        self.phones = self._people(ports)

    def _people(self, ports: PortBlock) -> list[Phones]:
        scenario, server = self.center.scenario, host_port(self.center.sip)
        common = {"server": server, "seed": self.seed}
        agents = [
            {"user": name, "password": self.center.passwords[name], "tone": self.center.tone(name)}
            for name, *_ in self.center.agents()
            if name != FOREIGN_AGENT
        ]
        weights = {
            f"{language},{KEYS_OF_QUEUE[queue]}": weight
            for queue, weight in scenario.weights.items()
            for language in LANGUAGES
        }
        ours = {
            **common, "domain": server[0], "number": MAIN_NUMBER, "agents": agents,
            "calls_per_minute": scenario.calls_per_minute, "weights": weights,
            "patience_seconds": scenario.patience_seconds, "talk_seconds": scenario.talk_seconds,
            "ignores_share": scenario.ignores_share, "declines_share": scenario.declines_share,
            "line_port": ports.line, "callback_share": scenario.callback_share,
            "typed": self.typed,
        }  # fmt: skip
        foreign = {
            **common, "user": FOREIGN_AGENT, "password": self.center.passwords[FOREIGN_AGENT],
            "tone": self.center.tone(FOREIGN_AGENT), "rtp_ports": ports.phone,
        }  # fmt: skip
        chatting = {
            **common, "domain": server[0], "web": f"http://{self.center.web}", "chat": CHAT,
            "user": CHAT_AGENT, "password": self.center.passwords[CHAT_AGENT],
        }  # fmt: skip
        log = self.center.directory / "phones.log"
        self.chat = Phones("callcenter.app.demo.chatting", chatting, log)
        return [
            Phones("callcenter.app.demo.load", ours, log),
            Phones("callcenter.app.demo.foreign_agent", foreign, log),
        ]

    async def start(self) -> None:
        """Everything at once; the phones begin when the server is ready.

        Raises `ClickException` when it does not come up.
        """
        with (self.center.directory / "server.log").open("ab") as log:
            self._server = await asyncio.create_subprocess_exec(
                *mortal(
                    sys.executable, "-m", "callcenter", "run", "--config", str(self.center.config)
                ),
                stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        for phones in self.phones:
            await phones.start()
        self.token = await self._make_token()
        await self._until_ready()
        for phones in self.phones:
            await phones.begin()
        self._chatting = asyncio.create_task(self._chat_later())

    async def _chat_later(self) -> None:
        """Visitors of the web page come when the first callers have had their way."""
        await asyncio.sleep(CHAT_AFTER_SECONDS)
        await self.chat.start()
        await self.chat.begin()

    async def _until_ready(self) -> None:
        import aiohttp

        assert self._server
        self._web = aiohttp.ClientSession(
            f"http://{self.center.web}", headers={"Authorization": f"Bearer {self.token}"}
        )
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end and self._server.returncode is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with self._web.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)
        log = (self.center.directory / "server.log").read_text("utf-8", "replace")
        raise click.ClickException(f"the server did not come up; its last words:\n{log[-3000:]}")

    async def _make_token(self) -> str:
        """What `callcenter token create demo-wall --scope supervisor` does."""
        from callcenter.app.config import load_settings
        from callcenter.app.data_commands import create_token
        from callcenter.domain.access import Scope

        settings = load_settings(self.center.config)
        secret, _ = await create_token(settings.history_url, "demo-wall", Scope.SUPERVISOR)
        return secret

    def tell_where(self) -> None:
        """Say where everything is; the first JSON line is a document."""
        sip, web = self.center.sip, f"http://{self.center.web}"
        desk, password = f"{web}/desk?agent={VISITOR}", self.center.passwords[VISITOR]
        if self.as_json:
            where = {
                "sip": sip, "web": web, "token": self.token, "number": MAIN_NUMBER,
                "config": str(self.center.config),
                "agent": {"server": sip, "user": VISITOR, "password": password, "desk": desk},
            }  # fmt: skip
            click.echo(json.dumps(where))
            sys.stdout.flush()
            return
        people, scenario = len(self.center.agents()), self.center.scenario
        click.echo(
            f"""
  Wall    {web}/?t={self.token}
  Call    sip:{MAIN_NUMBER}@{sip}   from any softphone, no account needed
  Answer  register a softphone: server {sip}, user {VISITOR}, password {password}
          dial *11 to be ready, *12 not ready; calls then ring you too
  Desk    {desk}   sign in with the same user and password
  Load    {people} agents, {scenario.calls_per_minute:g} calls a minute, seed {self.seed}
  Files   {self.center.directory}

  Ctrl-C ends it.
"""
        )

    async def read(self, path: str, **query: str) -> Any:
        """One document of the API."""
        assert self._web
        async with self._web.get(f"/api/v1/{path}", params=query) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def watch(self, stop: asyncio.Event) -> None:
        """A line on the terminal, once a second, until told to stop."""
        import aiohttp

        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
            self._tell_first()
            if self.as_json or not sys.stdout.isatty():
                continue
            with contextlib.suppress(aiohttp.ClientError, KeyError):
                queues = (await self.read("queues"))["queues"]
                waiting, answered, abandoned = (
                    sum(q[name] for q in queues) for name in ("waiting", "answered", "abandoned")
                )
                seconds = int(time.monotonic() - self.typed)
                click.echo(
                    f"\r  {seconds:4d} s   waiting {waiting:3d}   answered {answered:4d}   "
                    f"abandoned {abandoned:3d} ",
                    nl=False,
                )

    def _tell_first(self) -> None:
        """Once: how long it took from the command to a conversation."""
        for phones in self.phones:
            if phones.first_answer_seconds is not None and not self._told_first:
                self._told_first = True
                if not self.as_json:
                    seconds = phones.first_answer_seconds
                    click.echo(f"\r  First call answered {seconds:.1f} s after the command.")

    async def summary(self) -> dict[str, Any]:
        """Drain the phones, let the counts settle, lay both sides together."""
        from callcenter.app.demo.summary import complaints, summarize

        end = time.monotonic() + DRAIN_SECONDS
        if self._chatting is not None:
            self._chatting.cancel()
        everybody = (*self.phones, self.chat)
        results = list(await asyncio.gather(*(phones.finish() for phones in everybody)))
        (self.center.directory / "phones.json").write_text(json.dumps(results), "utf-8")
        first = next((p.first_answer_seconds for p in self.phones if p.first_answer_seconds), None)
        while True:
            contacts = await all_contacts(self.read)
            queues = (await self.read("queues"))["queues"]
            summary = summarize(queues, contacts, results, await self._unregistered())
            if not complaints(summary) or time.monotonic() > end - SETTLE_SECONDS:
                return {**summary, "first_answer_seconds": first}
            await asyncio.sleep(SETTLE_SECONDS)

    async def _unregistered(self) -> list[str]:
        """Agents we play whose phone the center no longer hears."""
        ours = {name for name, *_ in self.center.agents()} - {FOREIGN_AGENT}
        rows = (await self.read("agents"))["agents"]
        return [row["id"] for row in rows if row["id"] in ours and not row["reachable"]]

    async def stop(self) -> None:
        """End every process that was started here."""
        if self._web:
            await self._web.close()
        if self._chatting is not None:
            self._chatting.cancel()
        for phones in (*self.phones, self.chat):
            await phones.stop()
        if self._server and self._server.returncode is None:
            self._server.terminate()
            try:
                await asyncio.wait_for(self._server.wait(), STOP_SECONDS)
            except TimeoutError:
                self._server.kill()
                await self._server.wait()


async def run(demo: Demo, duration: float | None) -> int:
    """The whole demo. Returns the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ending_signals():
        loop.add_signal_handler(number, stop.set)
    try:
        if not demo.as_json:
            click.echo("Starting a contact center …")
        await demo.start()
        demo.tell_where()
        if duration is not None:
            loop.call_later(duration, stop.set)
        await demo.watch(stop)
        summary = await demo.summary()
    finally:
        await demo.stop()
    from callcenter.app.demo.summary import complaints

    wrong = complaints(summary)
    tell(summary, wrong, as_json=demo.as_json)
    return 1 if wrong else 0


def tell(summary: dict[str, Any], wrong: list[str], *, as_json: bool) -> None:
    """Print the summary; complaints go to standard error."""
    if as_json:
        click.echo(json.dumps(summary))
    else:
        level, seconds = summary["service_level"], summary["first_answer_seconds"]
        first = "" if seconds is None else f",\n  the first call {seconds:.1f} s after the command"
        click.echo(
            f"\n\n  offered {summary['offered']} = answered {summary['answered']} + abandoned "
            f"{summary['abandoned']} + flowed out {summary['flowed_out']} + callbacks "
            f"{summary['callbacks']} + waiting {summary['waiting']}\n"
            f"  placed {summary['placed']}, talked {summary['talked']}, left {summary['left']}, "
            f"promised a callback {summary['promised']} (called back {summary['called_back']}), "
            f"ended by the center {summary['ended']}, hung up at the end {summary['drained']}\n"
            f"  chats {summary['chats']}, answered {summary['chats_answered']}, word for word "
            f"{summary['chats_whole']}\n"
            f"  audio verified both ways {summary['audio_verified']}, too short to tell "
            f"{summary['audio_too_short']} (at most {summary['audio_too_short_max']}), lost {summary['lost']}, "
            f"service level {'–' if level is None else f'{level:.0%}'}, "
            f"answered after {summary['asa_seconds'] or 0} s on average{first}"
        )
    for complaint in wrong:
        click.echo(f"demo: {complaint}", err=True)


@click.command()
@click.option("--duration", type=float, help="Seconds until no new calls are placed.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything random.")
@click.option(
    "--scenario", type=click.Choice(sorted(SCENARIOS)), default="normal", show_default=True
)
@click.option("--sip", help="host:port for SIP; 127.0.0.1:5060 or a free port.")
@click.option("--web", help="host:port for the wall; 127.0.0.1:8080 or a free port.")
@click.option("--keep", is_flag=True, help="Keep the demo's directory (logs, journal, history).")
@click.option("--json", "as_json", is_flag=True, help="First line where, last line the summary.")
def demo(
    duration: float | None,
    seed: int,
    scenario: str,
    sip: str | None,
    web: str | None,
    keep: bool,
    as_json: bool,
) -> None:
    """A living contact center on this machine: real calls, real audio, a live wall."""
    ports = choose_ports(seed)
    directory = Path(tempfile.mkdtemp(prefix="callcenter-demo-"))
    center = write_center(
        directory,
        sip=choose_address(sip, "127.0.0.1:5060"),
        web=choose_address(web, "127.0.0.1:8080"),
        scenario=SCENARIOS[scenario],
        rtp_ports="{}-{}".format(*ports.server),
        line_port=ports.line,
    )
    code = 1
    try:
        code = asyncio.run(run(Demo(center, seed, ports, as_json=as_json), duration))
    finally:
        ports.guard.close()
        if keep or code:
            click.echo(f"The demo's files are kept in {directory}", err=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    sys.exit(code)
