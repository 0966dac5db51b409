"""A whole center as a fixture: real processes, real sockets, real store; phones on top.

Why: an end-to-end test should read as what people do. This file starts and ends the processes
(free ports, a directory of its own), finds a role's process so that a test can kill it, and looks
for anything left behind afterwards.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES, tone_frame
from callcenter.app.phones.line import Line, Phone, PhoneCall
from tests.ports import CENTER_PORTS, audio_ports, free_ports

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse"
AGENTS = ("anna", "ben", "chandra", "legacy")
START_SECONDS = 90.0
SIGN_OFF_SECONDS = 10.0
_seeds = itertools.count(100)


def configuration(directory: Path, sip: int, web: int, rtp: int, more: str = "") -> str:
    """A small center: one queue that everybody can serve, one for a single expert."""
    agents = "\n".join(
        f"""
[[agent]]
id = "{name}"
name = "{name.title()}"
password = "{PASSWORD}"
web_password = "{PASSWORD}"
skills = {{ sales = {5 if name != "chandra" else 8}, billing = 5, support = {8 if name == "chandra" else 2}, reception = 5 }}
phone_profile = "{"legacy" if name == "legacy" else "standard"}"
"""
        for name in AGENTS
    )
    queues = "\n".join(
        f"""
[[queue]]
id = "{name}"
title = "{name.title()}"
skills = {{ {name} = {6 if name == "support" else 3} }}
ring_seconds = 4
wrap_up_seconds = 0
short_abandon_seconds = 1
"""
        for name in ("sales", "billing", "support", "reception")
    )
    skills = "\n".join(
        f'[[skill]]\nname = "{n}"' for n in ("sales", "billing", "support", "reception")
    )
    return f"""
state_directory = "{directory / "state"}"
[center]
name = "test"
[sip]
listen = ["127.0.0.1:{sip}"]
[media]
rtp_ports = "{rtp}-{rtp + CENTER_PORTS - 1}"
[web]
listen = "127.0.0.1:{web}"
[[number]]
number = "100"
flow = "main-line"
guests = true
[[number]]
number = "200"
flow = "main-line"
guests = false
[[calendar]]
name = "office"
open = ["mon-sun 00:00-24:00"]
{skills}
{queues}
{agents}
[[agent]]
id = "supervisor"
name = "Supervisor"
role = "supervisor"
password = "{PASSWORD}"
web_password = "{PASSWORD}"
{more}
"""


class Center:
    """One running server."""

    def __init__(self, directory: Path, more: str = "") -> None:
        self.directory = directory
        self.sip_port, self.web_port = free_ports(2)
        self.config = directory / "callcenter.toml"
        self.config.write_text(
            configuration(directory, self.sip_port, self.web_port, audio_ports(CENTER_PORTS), more),
            "utf-8",
        )
        self.config.chmod(0o600)
        self.log = directory / "server.log"
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def sip(self) -> tuple[str, int]:
        """Where phones send to."""
        return ("127.0.0.1", self.sip_port)

    @property
    def web(self) -> str:
        """Base of every URL."""
        return f"http://127.0.0.1:{self.web_port}"

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "callcenter", "run", "--config", str(self.config)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd=ROOT,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)
        made = self.command("token", "create", "test", "--scope", "supervisor", "--json")
        self.token = json.loads(made)["token"]

    def command(self, *words: str) -> str:
        """Run one `callcenter` command on this center's configuration; what it printed."""
        done = self.attempt(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same of a command that may fail."""
        return subprocess.run(
            [sys.executable, "-m", "callcenter", *words, "--config", str(self.config)],
            capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """What `/readyz` says."""
        try:
            with urllib.request.urlopen(f"{self.web}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        """End it as an operator would; not hear of it again."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the server did not stop on SIGTERM within 20 s") from None

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call of the API, as JSON."""
        request = urllib.request.Request(
            f"{self.web}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def queue(self, name: str) -> dict[str, Any]:
        """One row of the wall."""
        rows: list[dict[str, Any]] = self.api("queues")["queues"]
        return next(row for row in rows if row["id"] == name)

    def agent(self, name: str) -> dict[str, Any]:
        """One agent as the wall sees her."""
        rows: list[dict[str, Any]] = self.api("agents")["agents"]
        return next(row for row in rows if row["id"] == name)

    def make_ready(self, *agents: str) -> None:
        """A supervisor makes agents ready."""
        for agent in agents:
            self.api(f"agents/{agent}/presence", {"presence": "ready"})

    def log_out(self, *agents: str) -> None:
        """A supervisor logs agents out."""
        for agent in agents:
            self.api(f"agents/{agent}/presence", {"presence": "logged_out"})

    def metrics(self) -> dict[str, float]:
        """`/metrics` as name (with labels) to value."""
        request = urllib.request.Request(
            f"{self.web}/metrics", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(r"^(callcenter_\S+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}

    def processes(self) -> dict[str, int]:
        """Process ids by role, as the server wrote them when all were ready last."""
        written = (self.directory / "state" / "run.json").read_text("utf-8")
        named: dict[str, int] = json.loads(written)["processes"]
        return {name.rpartition("-")[0]: pid for name, pid in named.items()}

    def role(self, name: str) -> int:
        """The process id of a role's child; `worker` is what plays the media."""
        if name == "worker":
            lock = self.directory / "state" / "media-0" / "lock"
            return int(lock.read_text("ascii"))
        return self.processes()[name]

    @property
    def holder(self) -> int:
        """The process id of the server itself, the parent of all roles."""
        assert self._process is not None
        return self._process.pid

    def is_whole(self) -> bool:
        """Whether every process that was noted lives and all are ready."""
        try:
            return all(is_alive(pid) for pid in self.processes().values()) and self.is_ready()
        except (OSError, ValueError):
            return False

    def kill(self, role: str) -> int:
        """kill -9 a role's process; which it was."""
        pid = self.role(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_back(self, role: str, killed: int, seconds: float = 20) -> None:
        """Wait until the role serves again in another process."""
        eventually(lambda: self.role(role) != killed, seconds, f"{role} did not come back")

    def kill_server(self) -> None:
        """kill -9 the holder, which takes every process with it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def eventually(what: Callable[[], bool], seconds: float = 10.0, why: str = "") -> None:
    """Wait until `what()`; fail with `why` after `seconds`."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why or "it did not happen in time"
        time.sleep(0.05)


async def eventually_async(what: Callable[[], bool], seconds: float = 10.0, why: str = "") -> None:
    """`eventually` that lets the phones go on."""
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(what):
        assert time.monotonic() < end, why or "it did not happen in time"
        await asyncio.sleep(0.05)


class Books:
    """What the wall and the history count from now on; the server may have lived before."""

    PARTS = ("answered", "abandoned", "flowed_out", "callbacks", "waiting")

    def __init__(self, center: Center) -> None:
        self.center = center
        self._row = center.queue("sales")
        self._known = {contact["contact"] for contact in self._ended()}

    def _ended(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.center.api("contacts?state=ended&limit=200")["contacts"]
        return found

    def counted(self, what: str) -> int:
        """By how much a figure of the queue `sales` has grown."""
        return int(self.center.queue("sales")[what] - self._row[what])

    def results(self) -> dict[str, int]:
        """How the contacts ended that were not in the history before."""
        new = [one["result"] for one in self._ended() if one["contact"] not in self._known]
        return {result: new.count(result) for result in new}

    def balance(self, results: dict[str, int]) -> None:
        """Each visit to the queue is counted once, each contact ended by name."""
        eventually(
            lambda: self.results() == results, 10, f"endings: {self.results()}, not {results}"
        )
        counted = {part: self.counted(part) for part in self.PARTS}
        offered = self.counted("offered")
        assert offered == sum(counted.values()) == sum(results.values()), (offered, counted)


class People:
    """Phones of one test on one line."""

    def __init__(self, line: Line, center: Center) -> None:
        self.line, self.center = line, center

    async def agent(self, name: str, *, ready: bool = True, answers: bool = True) -> Desk:
        """An agent at her phone, registered and ready."""
        desk = Desk(self.line.phone(name, PASSWORD, tone_frame(AGENT_TONES[AGENTS.index(name)])))
        desk.answers = answers
        assert await desk.phone.register(), desk.phone.registration_status
        if ready:
            await asyncio.to_thread(self.center.make_ready, name)
        return desk

    def caller(self, number: int = 0) -> Phone:
        """Somebody outside, with a tone of his own."""
        return self.line.phone(f"+1555000{number:04d}", "", tone_frame(CALLER_TONES[number]))


class Desk:
    """An agent's phone that notes its calls and answers if told to."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.calls: list[PhoneCall] = []
        self.answers = True
        self.answer_after = 0.2
        phone.on_call = self._rings

    @property
    def call(self) -> PhoneCall:
        """The latest call."""
        return self.calls[-1]

    async def _rings(self, call: PhoneCall) -> None:
        self.calls.append(call)
        call.ring()
        if self.answers and not await call.until_over(self.answer_after):
            call.speak()
            call.answer()
        await call.until_over(600)

    async def until_called(self, count: int = 1, seconds: float = 10.0) -> PhoneCall:
        """Wait until the phone has rung `count` times."""
        await eventually_async(
            lambda: len(self.calls) >= count, seconds, f"{self.phone.user} was not called"
        )
        return self.calls[count - 1]


@asynccontextmanager
async def people(
    center: Center, seed: int | None = None, via: tuple[str, int] | None = None
) -> AsyncIterator[People]:
    """A line with phones for the time of a story. Every line has a seed of its own, or a server
    that lives on would hear the names of dialogs twice. At the end its phones take back their
    registrations, or the next story's agents would be rung where nobody is any more."""
    line = Line(via or center.sip, "127.0.0.1", seed=next(_seeds) if seed is None else seed)
    await line.start()
    try:
        yield People(line, center)
    finally:
        await sign_off(line)
        await line.stop()


async def sign_off(line: Line) -> None:
    """Take back what its phones have registered; a server that is dead for good is not waited for."""
    there = [phone for phone in line.phones.values() if phone.registered]
    if there:
        goodbyes = [asyncio.create_task(phone.register(0)) for phone in there]
        _, silent = await asyncio.wait(goodbyes, timeout=SIGN_OFF_SECONDS)
        for goodbye in silent:
            goodbye.cancel()


def run(story: Coroutine[Any, Any, None], seconds: float = 60.0) -> None:
    """Run one story to its end, within `seconds`."""
    asyncio.run(asyncio.wait_for(story, seconds))


async def reach_queue(call: PhoneCall, keys: str = "111") -> None:
    """Go through the menu by keypad as soon as it speaks: language, topic, and a key that cuts
    the announcement before the queue short. The flow keeps what is typed ahead: a story that
    leaves the queue for a menu says `keys="11"` and hears the announcement."""
    assert await call.until_answered(5), call.status
    call.speak()
    assert await call.until(lambda: call.rtp.ear.loud > 0, 10), "the menu is not heard"
    call.press(keys)
