"""A worker that is killed is replaced within a breath, and so is its keeper."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.media_phone import (
    CHECKOUT,
    Asks,
    Phone,
    converse,
    describe,
    port_of,
)
from tests.ports import audio_ports

GAP_SECONDS_MAX = 0.3
"""The machine may be busy with other tests; alone it is a tenth of a second."""

KEEPER = """
import json, socket, sys
import msgspec
from callcenter.adapters.media_keeper import Keeper
from callcenter.adapters.media_worker import WorkerConfig
config = msgspec.json.decode(sys.argv[1], type=WorkerConfig)
Keeper(config, socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])).run(
    lambda: print("ready", flush=True)
)
"""


class House(Asks):
    """Holds the ng socket, as the holder does, and starts keepers."""

    def __init__(self, directory: Path) -> None:
        self.held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.held.bind(("127.0.0.1", 0))
        first = audio_ports(40)
        last = first + 39
        self.directory = directory
        self.ports = range(first, last + 1)
        self.settings = {
            "first_port": first,
            "last_port": last,
            "directory": str(directory),
            "realtime": False,
        }
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(self.held.getsockname())
        self.client.settimeout(3)
        self.asked = 0
        self.holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.start()

    def start(self) -> None:
        """Start a keeper and wait until its worker serves."""
        self.keeper = subprocess.Popen(
            [
                sys.executable,
                "-c",
                KEEPER,
                json.dumps(self.settings),
                str(self.held.fileno()),
                str(self.holder.pid),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            pass_fds=(self.held.fileno(),),
        )
        assert self.keeper.stdout is not None
        assert self.keeper.stdout.readline() == "ready\n"

    @property
    def worker(self) -> int:
        """The worker that serves now."""
        return int((self.directory / "lock").read_text())

    def ask(self, command: str, call: str = "", **keys: Any) -> dict[str, Any]:
        """One ng request."""
        self.asked += 1
        body = {
            "command": command,
            "call-id": call,
            **{k.replace("_", "-"): v for k, v in keys.items()},
        }
        self.client.send(b"k%d " % self.asked + json.dumps(body).encode())
        reply = json.loads(self.client.recv(65_535).partition(b" ")[2])
        assert isinstance(reply, dict)
        return reply

    def close(self) -> None:
        """End everything."""
        self.holder.kill()
        self.holder.wait()
        self.keeper.kill()
        self.keeper.wait()
        self.held.close()
        self.client.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "run")
    yield made
    made.close()


def two_phones(house: House) -> tuple[Phone, Phone]:
    """Two phones in a call."""
    caller, agent = Phone(440), Phone(1000)
    house.bridge(caller, agent)
    converse([caller, agent], 0.5)
    return caller, agent


def longest_gap(phone: Phone) -> float:
    """Between two packets, in seconds."""
    times = [packet.at for packet in phone.heard]
    return max(b - a for a, b in itertools.pairwise(times))


def is_gone(pid: int) -> bool:
    """Whether a process has ended (somebody else may still have to reap it)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_worker_is_replaced_within_a_breath(house: House) -> None:
    phones = two_phones(house)
    first = house.worker
    os.kill(first, signal.SIGKILL)
    converse(list(phones), 1.0)
    assert house.worker != first
    for phone, hertz in zip(phones, (1000, 440), strict=True):
        assert longest_gap(phone) < GAP_SECONDS_MAX
        assert phone.hears(hertz) > 0.95
        assert len({p.ssrc for p in phone.heard}) == 1


def test_when_the_keeper_is_killed_its_worker_plays_on_and_is_relieved_by_the_next(
    house: House,
) -> None:
    phones = two_phones(house)
    first = house.worker
    house.keeper.kill()
    house.keeper.wait()
    converse(list(phones), 0.3)
    assert max(longest_gap(phone) for phone in phones) < 0.15
    house.start()
    converse(list(phones), 0.8)
    assert is_gone(first)
    assert house.worker != first
    for phone, hertz in zip(phones, (1000, 440), strict=True):
        assert phone.hears(hertz) > 0.95
    assert house.ask("list")["calls"] == ["L1", "L2"]


def test_a_worker_without_keeper_ends_with_the_holder(house: House) -> None:
    worker = house.worker
    house.keeper.kill()
    house.keeper.wait()
    assert not is_gone(worker)
    house.holder.kill()
    house.holder.wait()
    until = time.monotonic() + 3
    while not is_gone(worker):
        assert time.monotonic() < until, "the worker outlived its holder"
        time.sleep(0.01)


def test_a_keeper_that_is_told_to_stop_takes_its_worker_with_it(house: House) -> None:
    worker = house.worker
    house.keeper.terminate()
    assert house.keeper.wait(3) == 0
    assert is_gone(worker)


def test_requests_asked_while_no_worker_lives_are_answered_by_the_next(house: House) -> None:
    os.kill(house.worker, signal.SIGKILL)
    reply = house.ask("offer", "L9", from_tag="leg", sdp=describe(4000))
    assert port_of(reply) in house.ports
