"""Scanners, guessers and floods: what strangers learn (nothing), and what they cost the others."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.sip.sdp import build_audio
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import (
    PASSWORD,
    Center,
    eventually,
    people,
    reach_queue,
    run,
)
from tests.ports import free_ports

pytestmark = pytest.mark.e2e

USERS = [str(number) for number in range(1000, 1050)]
TRUNK_HOST = "127.0.0.9"
FLOOD_SECONDS = 8.0
INVITES_PER_SECOND = 600
"""Twenty times what a busy center of fifty agents gets."""
REGISTERS_PER_SECOND = 400
SOURCES = 200


class StrangeCenter(Center):
    """Fifty agents more, and a trunk."""

    def __init__(self, directory: Path) -> None:
        (self.trunk_port,) = free_ports(1)
        agents = "\n".join(
            f'[[agent]]\nid = "{user}"\npassword = "{PASSWORD}{user}"' for user in USERS
        )
        trunk = f'[[trunk]]\nname = "carrier"\naddress = "{TRUNK_HOST}:{self.trunk_port}"\n'
        super().__init__(directory, f"{agents}\n{trunk}")

    def rejected(self, why: str) -> float:
        """How many logins were refused for this reason."""
        return sum(
            value
            for name, value in self.metrics().items()
            if name.startswith("callcenter_sip_logins_rejected_total") and f'why="{why}"' in name
        )


@pytest.fixture(scope="module")
def strange_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrangeCenter]:
    center = StrangeCenter(tmp_path_factory.mktemp("strange"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


def sipvicious(home: Path, tool: str, *words: str) -> str:
    """One tool of SIPVicious; what it printed."""
    places = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    program = shutil.which(f"sipvicious_{tool}", path=places)
    assert program is not None, "pip install sipvicious (the test extra has it)"
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, timeout=90,
        env={**os.environ, "HOME": str(home)}, cwd=home, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS"])
def test_sipvicious_finds_none_of_fifty_users(
    strange_center: StrangeCenter, tmp_path: Path, method: str
) -> None:
    said = sipvicious(
        tmp_path, "svwar", "-e", f"{USERS[0]}-1060", "-m", method, "--force", "-b", "127.0.0.1",
        "-x", "127.0.0.1", "-p", str(strange_center.sip_port), "127.0.0.1",
    )  # fmt: skip
    assert not [user for user in USERS if re.search(rf"\|\s*{user}\s*\|", said)], said
    assert "Traceback" not in said, said


def test_sipvicious_gets_few_guesses_evaluated_and_phones_still_register(
    strange_center: StrangeCenter, tmp_path: Path
) -> None:
    center = strange_center
    before = center.rejected("wrong")
    sipvicious(
        tmp_path, "svcrack", "-u", USERS[0], "-r", "100-400", "-b", "127.0.0.1",
        "-x", "127.0.0.1", "-p", str(center.sip_port), "127.0.0.1",
    )  # fmt: skip
    time.sleep(1.5)  # the figures come once a second
    assert center.rejected("wrong") - before <= 20

    async def tell() -> None:
        async with people(center) as those:
            await those.agent("anna")

    run(tell())
    leave_nothing_behind(center)


class Carrier(asyncio.DatagramProtocol):
    """The trunk: calls a number over and over, and measures until it is answered."""

    def __init__(self, center: StrangeCenter) -> None:
        self.center = center
        self.asked: dict[str, float] = {}
        self.took: list[float] = []
        self.refused: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def _request(self, method: str, number: str, to: str, cseq: int, body: bytes = b"") -> bytes:
        ours = f"{TRUNK_HOST}:{self.center.trunk_port}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {ours};branch=z9hG4bK{method}"
            f"{number};rport\r\nMax-Forwards: 70\r\nFrom: <sip:+15550001@carrier>;tag=t{number}\r\n"
            f"To: {to}\r\nCall-ID: trunk-{number}\r\nCSeq: {cseq} {method}\r\n"
            f"Contact: <sip:{ours}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def call(self, number: str) -> None:
        self.asked[number] = time.monotonic()
        sdp = build_audio(TRUNK_HOST, 40_000).encode()
        self.transport.sendto(self._request("INVITE", number, "<sip:200@x>", 1, sdp))

    def datagram_received(self, data: bytes, addr: object) -> None:
        number = data.partition(b"trunk-")[2].partition(b"\r\n")[0].decode()
        status = data[8:11].decode("ascii", "replace")
        if b"1 INVITE" not in data or status < "200" or number not in self.asked:
            return
        to = re.search(rb"\r\nTo: ([^\r]*)", data)
        assert to is not None
        self.transport.sendto(self._request("ACK", number, to[1].decode(), 1))
        began = self.asked.pop(number)
        if status == "200":
            self.took.append(time.monotonic() - began)
            self.transport.sendto(self._request("BYE", number, to[1].decode(), 2))
        else:
            self.refused.append(status)


def flood(center: StrangeCenter) -> subprocess.Popen[bytes]:
    """INVITEs and REGISTERs from many addresses, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.flood", str(center.sip_port), str(FLOOD_SECONDS),
         str(INVITES_PER_SECOND), str(REGISTERS_PER_SECOND), str(SOURCES)],
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip


@pytest.mark.alone
def test_a_flood_ends_no_call_and_the_trunk_is_answered(strange_center: StrangeCenter) -> None:
    center = strange_center
    quiet: list[float] = []
    loud: list[float] = []

    async def tell() -> None:
        loop = asyncio.get_running_loop()
        transport, carrier = await loop.create_datagram_endpoint(
            lambda: Carrier(center),
            local_addr=(TRUNK_HOST, center.trunk_port), remote_addr=center.sip,
        )  # fmt: skip
        async with people(center) as those:
            waiting = [those.caller(seat).dial("100") for seat in (2, 3, 4)]
            for call in waiting:
                await reach_queue(call)
            for number in range(20):
                carrier.call(f"quiet{number}")
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.5)
            quiet.extend(carrier.took)
            carrier.took.clear()
            attacker = flood(center)
            began, number = time.monotonic(), 0
            while time.monotonic() - began < FLOOD_SECONDS:
                number += 1
                carrier.call(f"loud{number}")
                await asyncio.sleep(0.1)
            await asyncio.sleep(1.5)
            loud.extend(carrier.took)
            assert await asyncio.to_thread(attacker.wait, 20) == 0
            refused = {
                name: value
                for name, value in center.metrics().items()
                if name.startswith("callcenter_calls_refused_total") and value
            }
            assert carrier.refused == [], (refused, center.log.read_text("utf-8")[-1500:])
            assert not carrier.asked, f"never answered: {sorted(carrier.asked)}"
            assert [call.is_over for call in waiting] == [False] * 3
            await those.agent("anna")
            for call in waiting:
                call.hang_up()
        transport.close()

    run(tell(), 90)
    p99 = statistics.quantiles(loud, n=100, method="inclusive")[-1]
    print(f"trunk answered: quiet {statistics.median(quiet) * 1000:.0f} ms, in the flood median "
          f"{statistics.median(loud) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")  # fmt: skip
    assert p99 < 0.3

    def calls() -> float:
        held = center.metrics().items()
        return sum(value for name, value in held if name.startswith("callcenter_frontend_calls"))

    eventually(lambda: not calls(), 60, "guests who never acknowledged are held")  # 64*T1
    leave_nothing_behind(center)
