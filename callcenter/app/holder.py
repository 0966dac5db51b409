"""The holder: the small parent of the roles. It owns their sockets and gives them new lives.

Why: what comes in while a role restarts must wait in the kernel, not be refused. So the holder
opens every listening socket, keeps a duplicate of every accepted connection, and hands all of them
to each new life of the child. It reads none of them and decides nothing about calls.

A child is started at once and does its imports; it *begins* when the roles it stands on are ready,
so that starting takes as long as the slowest import, not their sum. A child that dies is started
again within 50 ms; one that keeps dying, ever more slowly. Children are started from the main
thread, because the death signal belongs to the thread that forks.
"""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog

from callcenter.adapters.mortal import ending_signals
from callcenter.app.child import CHILD_VARIABLE, SOCKETS_VARIABLE, WRONG_INPUT
from callcenter.app.context import LINE_BYTES_MAX
from callcenter.app.nursery import Nursery, NurseryGone, bury_orphans

log = structlog.get_logger()

ROLE_COMMAND = (sys.executable, "-m", "callcenter.app.child")
BACKOFF_SECONDS = (0.02, 0.1, 0.5, 1.0, 2.0, 5.0)
STEADY_SECONDS = 10
"""A life this long makes the next restart fast again."""
FALSE_STARTS_MAX = 4
"""A role that dies so often without ever having been ready ends the start."""


def pause_after(failures: int) -> float:
    """Seconds to wait after so many short lives in a row; 1 for the first."""
    return BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS)) - 1]


class Process(Protocol):
    """What is used of a process, however it was started."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    async def wait(self) -> int: ...
    def send_signal(self, signal: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class ForeignProgram(Protocol):
    """A role whose process is not ours: the store."""

    async def start(self) -> asyncio.subprocess.Process: ...
    async def ready(self, process: asyncio.subprocess.Process) -> None: ...
    def last_words(self) -> str: ...


@dataclass
class Child:
    """One role's process through all of its lives."""

    role: str
    index: int = 0
    after: tuple[str, ...] = ()
    stop_seconds: float = 5
    sockets: dict[str, socket.socket] = field(default_factory=dict)
    program: ForeignProgram | None = None
    command: tuple[str, ...] = ROLE_COMMAND

    process: Process | None = None
    line: socket.socket | None = None
    kept: dict[int, tuple[int, Any]] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: int = 0
    epoch: int = 0
    away_since: float | None = field(default_factory=time.monotonic)
    """When it ended last, or was made; None while it serves."""

    @property
    def name(self) -> str:
        """`frontend-0`"""
        return f"{self.role}-{self.index}"


class StartFailed(Exception):
    """A role never became ready."""


class Holder:
    """Starts, watches, restarts and stops the children it was given."""

    def __init__(
        self,
        children: Iterable[Child],
        *,
        settings_json: str = "{}",
        store_url: str = "",
        state_directory: Path,
        config_file: Path | None = None,
        stop_order: tuple[str, ...] = (),
        known_addresses: Mapping[str, tuple[str, int]] | None = None,
        on_ready: Callable[[], None] = lambda: None,
        nursery: Nursery | None = None,
    ) -> None:
        self.children = list(children)
        self.stopping = asyncio.Event()
        self._settings_json = settings_json
        self._store_url = store_url
        self._state = state_directory
        self._config_file = config_file
        self._stop_order = stop_order
        self._known_addresses = dict(known_addresses or {})
        self._on_ready = on_ready
        """Called when all are ready, and again with each later life that is."""
        self._nursery = nursery
        """Where our own roles are forked from; without it each is started by itself."""
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Hold until it is told to end. Raises `StartFailed` when a role cannot start at all."""
        loop = asyncio.get_running_loop()
        for number in ending_signals():
            loop.add_signal_handler(number, self.stopping.set)
        lives = [asyncio.create_task(self._live(child), name=child.name) for child in self.children]
        if self._nursery is not None:
            lives.append(asyncio.create_task(bury_orphans(self._waited_for), name="orphans"))
        await self.stopping.wait()
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        await self._stop_all()
        if self._nursery is not None:
            self._nursery.close()
        if self._failure is not None:
            raise self._failure

    def _waited_for(self) -> set[int]:
        """Processes whose end is taken note of elsewhere."""
        found = {child.process.pid for child in self.children if child.process is not None}
        return found | (self._nursery.pids if self._nursery is not None else set())

    def _is_ready(self, child: Child) -> None:
        if child.away_since is not None:
            away = round(time.monotonic() - child.away_since, 3)
            log.info("role ready", child=child.name, away_seconds=away)
            child.away_since = None
        child.ready.set()
        if all(other.ready.is_set() for other in self.children):
            self._on_ready()

    async def _live(self, child: Child) -> None:
        """Every life of one child, one after the other."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._one_life(child)
            except asyncio.CancelledError:
                raise
            except Exception as failure:  # noqa: BLE001 the child's life, not ours
                child.process = None
                log.error(
                    "role cannot start; `callcenter doctor` looks for what is in its way",
                    child=child.name,
                    reason=str(failure),
                )
            lived = time.monotonic() - began
            failures = 1 if lived > STEADY_SECONDS else failures + 1
            hopeless = child.process is not None and child.process.returncode == WRONG_INPUT
            if not child.ready.is_set() and (hopeless or failures >= FALSE_STARTS_MAX):
                self._failure = StartFailed(f"{child.name} does not start; its reason stands above")
                self.stopping.set()
                return
            child.restarts += 1
            await asyncio.sleep(pause_after(failures))

    async def _one_life(self, child: Child) -> None:
        if child.program is not None:
            child.process = await child.program.start()
            await child.program.ready(child.process)
            self._is_ready(child)
        else:
            await self._start(child)
        assert child.process is not None
        code = await child.process.wait()
        child.away_since = time.monotonic()
        while self._hear(child):
            pass  # what it said last still counts
        self._hang_up(child)
        if not self.stopping.is_set():
            log.warning("role ended", child=child.name, code=code, restarts=child.restarts)
            if child.program is not None and (words := child.program.last_words()):
                log.error(words, child=child.name)
            self._tell_gone(child)

    async def _start(self, child: Child) -> None:
        """Start one life: sockets, line and settings are inherited, the rest is said."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        settings = os.memfd_create("settings")
        os.write(settings, self._settings_json.encode())
        child.epoch = self._next_epoch(child)
        facts = {
            "role": child.role, "index": child.index, "holder": os.getpid(),
            "line": theirs.fileno(), "settings": settings, "epoch": child.epoch,
            "store_url": self._store_url,
            "config_file": str(self._config_file) if self._config_file else "",
            "addresses": self.addresses(),
        }  # fmt: skip
        fds = {name: opened.fileno() for name, opened in child.sockets.items()}
        try:
            child.process = await self._process_of(child, facts, fds)
        finally:
            theirs.close()
            os.close(settings)
        ours.setblocking(False)
        child.line = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._hear, child)
        for kept, (descriptor, note) in child.kept.items():
            self._say(child, {"op": "kept", "id": kept, "note": note}, descriptor)
        await self._when_ready(child.after)
        self._say(child, {"op": "begin"})

    async def _process_of(
        self, child: Child, facts: dict[str, Any], fds: dict[str, int]
    ) -> Process:
        """A process that has the sockets: forked where that can be, else started by itself."""
        if self._nursery is not None and child.command == ROLE_COMMAND:
            try:
                return await self._nursery.bear(child.role, facts, fds)
            except NurseryGone as gone:
                log.warning("started without the nursery", child=child.name, reason=str(gone))
        environment = {
            **os.environ, CHILD_VARIABLE: json.dumps(facts), SOCKETS_VARIABLE: json.dumps(fds),
        }  # fmt: skip
        return await asyncio.create_subprocess_exec(
            *child.command, child.role, env=environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(*fds.values(), facts["line"], facts["settings"]),
        )  # fmt: skip

    def addresses(self) -> dict[str, tuple[str, int]]:
        """Host and port of every socket that is held, and of those known to be held elsewhere."""
        found = dict(self._known_addresses)
        for child in self.children:
            for name, opened in child.sockets.items():
                shown = f"media-ng-{child.index}" if name == "media-ng" else name
                found[shown] = opened.getsockname()[:2]
        return found

    def _next_epoch(self, child: Child) -> int:
        """Greater than in every earlier life, over restarts and lost disks: seconds, or one more."""
        file = self._state / "epochs" / child.name
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            last = int(file.read_text())
        except (OSError, ValueError):
            last = 0
        epoch = max(last + 1, int(time.time()))
        written = file.with_suffix(".new")
        written.write_text(str(epoch))
        written.replace(file)  # a full disk leaves the last one as it was
        return epoch

    async def _when_ready(self, roles: tuple[str, ...]) -> None:
        for other in self.children:
            if other.role in roles:
                await other.ready.wait()

    def _hear(self, child: Child) -> bool:
        """Take one message of a child, if there is one. Its descriptors become ours."""
        if child.line is None:
            return False
        try:
            data, fds, _flags, _address = socket.recv_fds(child.line, LINE_BYTES_MAX, 4)
        except BlockingIOError:
            return False
        except OSError:
            data, fds = b"", []
        if not data:
            self._hang_up(child)
            return False
        message = json.loads(data)
        match message["op"]:
            case "ready":
                self._is_ready(child)
            case "keep":
                child.kept[message["id"]] = (fds.pop(0), message["note"])
            case "drop":
                if held := child.kept.pop(message["id"], None):
                    os.close(held[0])
        for descriptor in fds:
            os.close(descriptor)
        return True

    def _say(self, child: Child, message: dict[str, Any], descriptor: int | None = None) -> None:
        if child.line is None:
            return
        rights = [] if descriptor is None else [_rights(descriptor)]
        try:
            child.line.sendmsg([json.dumps(message).encode()], rights)
        except OSError:
            pass  # it died just now; its next life hears it

    def _tell_gone(self, child: Child) -> None:
        """A standby need not wait for the lease to run out."""
        for other in self.children:
            if other is not child and other.role in ("standby", "control"):
                self._say(other, {"op": "gone", "owner": f"{child.name}:{child.epoch}"})

    def _hang_up(self, child: Child) -> None:
        if child.line is not None:
            line, child.line = child.line, None
            asyncio.get_running_loop().remove_reader(line.fileno())
            line.close()

    async def _stop_all(self) -> None:
        """Stop in order; each role drains before the next is asked."""
        for role in self._stop_order or tuple({c.role for c in self.children}):
            group = [c for c in self.children if c.role == role]
            await asyncio.gather(*(self._stop(child) for child in group))
        for child in self.children:
            self._hang_up(child)
            for descriptor, _note in child.kept.values():
                os.close(descriptor)
            for opened in child.sockets.values():
                opened.close()

    async def _stop(self, child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        if not await _ended(process.wait(), child.stop_seconds):
            log.warning("role killed", child=child.name, after_seconds=child.stop_seconds)
            process.kill()
            await process.wait()


def _rights(descriptor: int) -> tuple[int, int, bytes]:
    return socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]).tobytes()


async def _ended(waiting: Awaitable[int], seconds: float) -> bool:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return False
    return True
