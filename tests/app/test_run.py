"""The whole server as a stranger starts it: up, alone, whole again after every kill, gone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CALLCENTER = (sys.executable, "-m", "callcenter")
CONFIGURATION = """\
[sip]
listen = ["127.0.0.1:0"]
[web]
listen = "127.0.0.1:0"
[media]
rtp_ports = "{first}-{last}"
"""


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def write(folder: Path, extra: str = "") -> Path:
    first = 20000 + os.getpid() % 500 * 40
    path = folder / "callcenter.toml"
    path.write_text(CONFIGURATION.format(first=first, last=first + 39) + extra)
    return path


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Server:
    """`callcenter run` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.config = write(folder)
        self.run_file = folder / "var" / "run.json"
        self.process = subprocess.Popen(
            [*CALLCENTER, "run", "-c", str(self.config)], stderr=subprocess.PIPE, text=True
        )

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.run_file.read_text())
        return facts

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=40)[1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    until(lambda: running.run_file.exists() or running.process.poll() is not None)
    assert running.process.poll() is None, running.process.communicate()[1]
    yield running
    if running.process.poll() is None:
        running.stop()


def test_it_starts_whole_stays_whole_and_leaves_nothing_behind(server: Server) -> None:
    facts = server.facts
    assert {name.partition("-")[0] for name in facts["processes"]} == {
        "store", "media", "control", "standby", "records", "frontend", "web",
    }  # fmt: skip

    second = subprocess.run(
        [*CALLCENTER, "run", "-c", str(server.config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "another server is using" in second.stderr
    assert "Traceback" not in second.stderr

    for name, pid in facts["processes"].items():
        if name.startswith("store"):
            continue  # its own test kills it under load
        os.kill(pid, signal.SIGKILL)
        until(lambda name=name, pid=pid: server.facts["processes"][name] != pid)  # type: ignore[misc]

    last = list(server.facts["processes"].values())
    errors = server.stop()
    assert server.process.returncode == 0, errors
    assert not server.run_file.exists()
    assert [pid for pid in last if alive(pid)] == []


def test_a_wrong_file_starts_nothing_and_is_told_by_line(tmp_path: Path) -> None:
    config = write(tmp_path, '[[agent]]\nid = "ana"\nskils = {}\n')
    answer = subprocess.run(
        [*CALLCENTER, "run", "-c", str(config)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"{config}:9:1: error: agent.0.skils: unknown key")
    assert not (tmp_path / "var").exists()


def test_a_taken_port_is_told_with_its_remedy(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = write(tmp_path)
        config.write_text(
            config.read_text().replace('"127.0.0.1:0"\n[media]', f'"127.0.0.1:{port}"\n[media]')
        )
        answer = subprocess.run(
            [*CALLCENTER, "run", "-c", str(config)], capture_output=True, text=True, check=False
        )
    assert answer.returncode == 2
    assert "Address already in use" in answer.stderr
    assert "ss -lpnt" in answer.stderr
