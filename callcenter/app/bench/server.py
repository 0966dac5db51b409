"""The server under measurement: an ordinary one, on one core, and what it costs.

Why: CPU seconds of all server processes together, read from the kernel, are the one figure that a
noisy machine spoils least. Method: server on core 0, generator on the others (`taskset`).
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click

from callcenter.adapters.mortal import mortal

NUMBER = "100"
QUEUE = "bench"
FLOW = """\
flow: bench-line
schema: 1
title: Straight into the queue
entry: wait
languages: [en]
prompts: {}
nodes:
  wait:
    queue: bench
    comfort: quiet
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: end
    left: end
  end: { hangup: normal }
comfort:
  quiet: { music: none }
"""
START_SECONDS = 60.0


def free_port() -> int:
    """A port that is free for TCP and UDP at this moment."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        return port


def fsync_p99_milliseconds(directory: Path, rounds: int = 200) -> float:
    """What the disk itself needs to keep a promise: p99 of an appended block's fdatasync."""
    times = []
    with (directory / "fsync-probe").open("wb") as file:
        for _ in range(rounds):
            file.write(b"x" * 512)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    return round(sorted(times)[int(rounds * 0.99)], 3)


class BenchServer:
    """One server with `agents` agents on a directory of its own."""

    def __init__(self, directory: Path, agents: int, *, core: int | None = 0) -> None:
        self.directory = directory
        self.core = core
        self.sip = ("127.0.0.1", free_port())
        self.web = f"127.0.0.1:{free_port()}"
        self.passwords = {f"a{n:04d}": secrets.token_hex(6) for n in range(agents)}
        self.config = directory / "callcenter.toml"
        self.token = ""
        flows = directory / "flows"
        flows.mkdir()
        (flows / "bench-line.yaml").write_text(FLOW, "utf-8")
        self.config.write_text(self._configuration(flows), "utf-8")
        self.config.chmod(0o600)
        self._process: subprocess.Popen[bytes] | None = None

    def _configuration(self, flows: Path) -> str:
        agents = "".join(
            f'[[agent]]\nid = "{user}"\npassword = "{password}"\nskills = {{ bench = 5 }}\n'
            for user, password in self.passwords.items()
        )
        return (
            f'state_directory = "{self.directory / "state"}"\nflows_directory = "{flows}"\n'
            f'[sip]\nlisten = ["{self.sip[0]}:{self.sip[1]}"]\n'
            f'[media]\nrtp_ports = "22000-31999"\n[web]\nlisten = "{self.web}"\n'
            f'[[number]]\nnumber = "{NUMBER}"\nflow = "bench-line"\nguests = true\n'
            '[[skill]]\nname = "bench"\n'
            f'[[queue]]\nid = "{QUEUE}"\ntitle = "Bench"\nskills = {{ bench = 1 }}\n'
            f"wrap_up_seconds = 0\nring_seconds = 30\nwaiting_max = 5000\n{agents}"
        )

    def start(self) -> None:
        """Start on its core and wait until it is ready."""
        pinned = [] if self.core is None else ["taskset", "-c", str(self.core)]
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                mortal(
                    *pinned, sys.executable, "-m", "callcenter", "run", "--config", str(self.config)
                ),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                words = (self.directory / "server.log").read_text("utf-8", "replace")[-2000:]
                raise click.ClickException(f"the server did not come up:\n{words}")
            time.sleep(0.1)
        made = subprocess.run(
            [
                sys.executable, "-m", "callcenter", "token", "create", "bench", "--scope",
                "supervisor", "--config", str(self.config), "--json",
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        self.token = json.loads(made.stdout)["token"]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.web}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def make_ready(self, agents: list[str]) -> None:
        """A supervisor makes agents ready."""
        for agent in agents:
            request = urllib.request.Request(
                f"http://{self.web}/api/v1/agents/{agent}/presence",
                data=b'{"presence": "ready"}',
                headers={
                    "Authorization": f"Bearer {self.token}",
                    "Content-Type": "application/json",
                },
            )
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own address

    def stop(self) -> None:
        """End it."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time of each server process by role, dead children included."""
        assert self._process is not None
        ticks = os.sysconf("SC_CLK_TCK")
        found: dict[str, float] = {}
        for pid in self._family(self._process.pid):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                name = _role_of(pid)
            except (OSError, ValueError):
                continue
            spent = sum(int(stat[field]) for field in (11, 12)) / ticks
            found[name] = found.get(name, 0.0) + spent
        return found

    def _family(self, root: int) -> list[int]:
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                parents.setdefault(int(stat[1]), []).append(int(entry.name))
        family, waiting = [], [root]
        while waiting:
            pid = waiting.pop()
            family.append(pid)
            waiting += parents.get(pid, [])
        return family


def _role_of(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"callcenter.app.child" in words:
        return words[words.index(b"callcenter.app.child") + 1].decode()
    return "store server" if b"valkey" in words[0] or b"redis" in words[0] else "holder"
