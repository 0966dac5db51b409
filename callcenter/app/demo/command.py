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
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callcenter.app.addresses import host_port
from callcenter.app.demo.center import (
    FOREIGN_AGENT,
    KEYS_OF_QUEUE,
    MAIN_NUMBER,
    SCENARIOS,
    DemoCenter,
    write_center,
)

if TYPE_CHECKING:
    import aiohttp

READY_SECONDS = 60.0
DRAIN_SECONDS = 30.0
"""Until the phones have told what they heard; callers leave within `load.DRAIN_SECONDS`."""
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


def choose_rtp_ports(seed: int, count: int = 600) -> str:
    """A range of RTP ports that nobody has, so that two demos can run side by side.

    It lies below the ports that the kernel gives away by itself (Linux: from 32768).
    """
    bases = range(10000, 32000, count)
    turn = (seed * 7 + os.getpid()) % len(bases)
    for base in (*bases[turn:], *bases[:turn]):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(base, base + count):
                held.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", port))
            return f"{base}-{base + count - 1}"
    raise click.ClickException("no range of free UDP ports for audio was found")


class Phones:
    """One process of people at phones: orders in, happenings out."""

    def __init__(self, module: str, orders: dict[str, Any], log: Path) -> None:
        self.module, self.orders, self.log = module, orders, log
        self.ready = asyncio.Event()
        self.result: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the process; it imports, and waits for its orders."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, stdin=asyncio.subprocess.PIPE,
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
            elif document["kind"] == "result":
                self.result = document

    async def finish(self) -> dict[str, Any]:
        """Tell them to come to an end, and hear what was."""
        if self._process and self._process.stdin and self._reading:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(b"drain\n")
                await self._process.stdin.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reading, DRAIN_SECONDS)
        return self.result or {"failures": [f"{self.module} ended early; see {self.log}"]}

    async def stop(self) -> None:
        """Make sure it is gone."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading:
            self._reading.cancel()


class Demo:
    """Server, phones, and what is told about them."""

    def __init__(self, center: DemoCenter, seed: int, *, as_json: bool) -> None:
        self.center, self.seed, self.as_json = center, seed, as_json
        self.token = ""
        self.started = time.monotonic()
        self._server: asyncio.subprocess.Process | None = None
        self._web: aiohttp.ClientSession | None = None
        self.phones = self._people()

    def _people(self) -> list[Phones]:
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
        }  # fmt: skip
        foreign = {
            **common, "user": FOREIGN_AGENT, "password": self.center.passwords[FOREIGN_AGENT],
            "tone": self.center.tone(FOREIGN_AGENT),
        }  # fmt: skip
        log = self.center.directory / "phones.log"
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
                sys.executable, "-m", "callcenter", "run", "--config", str(self.center.config),
                stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        for phones in self.phones:
            await phones.start()
        self.token = await self._make_token()
        await self._until_ready()
        for phones in self.phones:
            await phones.begin()

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
        if self.as_json:
            where = {
                "sip": self.center.sip, "web": f"http://{self.center.web}", "token": self.token,
                "number": MAIN_NUMBER, "config": str(self.center.config),
            }  # fmt: skip
            click.echo(json.dumps(where))
            sys.stdout.flush()
            return
        sip, web = self.center.sip, self.center.web
        people = len(self.center.agents())
        click.echo(
            f"""
  Wall    http://{web}/?t={self.token}
  Desk    http://{web}/desk   (user {self.center.agents()[0][0]}, password {self.center.passwords[self.center.agents()[0][0]]})
  Call    sip:{MAIN_NUMBER}@{sip}   from any softphone, no account needed
  Load    {people} agents, {self.center.scenario.calls_per_minute:g} calls a minute, seed {self.seed}
  Files   {self.center.directory}

  Ctrl-C ends it.
"""
        )

    async def read(self, path: str) -> Any:
        """One document of the API."""
        assert self._web
        async with self._web.get(f"/api/v1/{path}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def watch(self, stop: asyncio.Event) -> None:
        """A line on the terminal, once a second, until told to stop."""
        import aiohttp

        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
            if self.as_json or not sys.stdout.isatty():
                continue
            with contextlib.suppress(aiohttp.ClientError, KeyError):
                queues = (await self.read("queues"))["queues"]
                waiting, answered, abandoned = (
                    sum(q[name] for q in queues) for name in ("waiting", "answered", "abandoned")
                )
                seconds = int(time.monotonic() - self.started)
                click.echo(
                    f"\r  {seconds:4d} s   waiting {waiting:3d}   answered {answered:4d}   "
                    f"abandoned {abandoned:3d} ",
                    nl=False,
                )

    async def summary(self) -> dict[str, Any]:
        """Drain the phones, let the counts settle, lay both sides together."""
        from callcenter.app.demo.summary import summarize

        results = list(await asyncio.gather(*(phones.finish() for phones in self.phones)))
        (self.center.directory / "phones.json").write_text(json.dumps(results), "utf-8")
        end = time.monotonic() + 5
        while True:
            queues = (await self.read("queues"))["queues"]
            waiting = await self.read("contacts?state=waiting&limit=100")
            active = await self.read("contacts?state=active&limit=100")
            if not (waiting["contacts"] or active["contacts"]) or time.monotonic() > end:
                break
            await asyncio.sleep(0.2)
        ended = await self.read("contacts?state=ended&limit=10000")
        return summarize(queues, ended["contacts"], results)

    async def stop(self) -> None:
        """End every process that was started here."""
        if self._web:
            await self._web.close()
        for phones in self.phones:
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
    for number in (signal.SIGINT, signal.SIGTERM):
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
        level = summary["service_level"]
        click.echo(
            f"\n\n  offered {summary['offered']} = answered {summary['answered']} + abandoned "
            f"{summary['abandoned']} + flowed out {summary['flowed_out']} + callbacks "
            f"{summary['callbacks']} + waiting {summary['waiting']}\n"
            f"  audio verified both ways {summary['audio_verified']}, lost {summary['lost']}, "
            f"service level {'–' if level is None else f'{level:.0%}'}, "
            f"answered after {summary['asa_seconds'] or 0} s on average"
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
    directory = Path(tempfile.mkdtemp(prefix="callcenter-demo-"))
    center = write_center(
        directory,
        sip=choose_address(sip, "127.0.0.1:5060"),
        web=choose_address(web, "127.0.0.1:8080"),
        scenario=SCENARIOS[scenario],
        rtp_ports=choose_rtp_ports(seed),
    )
    code = 1
    try:
        code = asyncio.run(run(Demo(center, seed, as_json=as_json), duration))
    finally:
        if keep or code:
            click.echo(f"The demo's files are kept in {directory}", err=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    sys.exit(code)
