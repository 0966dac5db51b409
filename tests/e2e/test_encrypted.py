"""Encrypted audio and audio over IPv6, with phones that are not ours.

The keys are those of baresip (libre), the judge of what was heard is numpy.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.foreign_phones import Baresip, baresip, seconds_of_tone
from tests.e2e.harness import eventually, eventually_async, people, reach_queue, run
from tests.e2e.test_secure import SecureCenter

pytestmark = pytest.mark.e2e


STRICT = "127.0.0.77"
"""Where a trunk is whose audio must be encrypted."""


class EncryptedCenter(SecureCenter):
    """The same, with audio on IPv6 too."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        text = self.config.read_text("utf-8")
        text = text.replace("[media]\n", '[media]\naddress6 = "::1"\n')
        text += f'[[trunk]]\nname = "strict"\naddress = "{STRICT}:5061"\ntransport = "tls"\n'
        self.config.write_text(text + 'srtp = "required"\n', "utf-8")


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EncryptedCenter]:
    center = EncryptedCenter(tmp_path_factory.mktemp("encrypted"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "inline:" not in log


@asynccontextmanager
async def agent(
    center: EncryptedCenter, home: Path, name: str, tone: int, **account: Any
) -> AsyncIterator[Baresip]:
    """baresip as an agent who is ready and answers by itself."""
    port = center.sip_port if account.get("transport") == "udp" else center.tls_port
    server = (account.pop("host", "127.0.0.1"), port)
    phone = baresip(
        home, server, name, tone, authorities=center.authority.file, regint="120",
        answermode="auto", **account,
    )  # fmt: skip
    async with phone as there:
        await eventually_async(lambda: center.agent(name)["reachable"], 15, there.log())
        await asyncio.to_thread(center.make_ready, name)
        yield there
    await asyncio.to_thread(center.log_out, name)


def heard(home: Path, frequency: int) -> float:
    """For how long the last call of a phone that is gone heard a tone."""
    dumps = sorted(home.glob("dump-*dec.wav"))
    assert dumps, "baresip recorded nothing"
    return seconds_of_tone(dumps[-1], frequency)


def files_with_keys(center: EncryptedCenter) -> list[str]:
    """Files of the running server in which a key could be read."""
    state = center.directory / "state"
    return [
        str(file) for file in state.rglob("*") if file.is_file() and b"inline:" in file.read_bytes()
    ]


def test_an_agent_with_srtp_talks_through_restarts_and_a_hold(
    center: EncryptedCenter, tmp_path: Path
) -> None:
    """The phone insists on encryption, the caller has none. Media worker and front end are killed
    in the middle of it; then the phone offers its keys anew, twice."""

    async def tell() -> None:
        async with (
            people(center) as those,
            agent(
                center, tmp_path / "b", "ben", AGENT_TONES[6], transport="tls",
                modules=("srtp",), mediaenc="srtp-mand",
            ) as ben,
        ):  # fmt: skip
            call = those.caller(5).dial("100")
            await reach_queue(call)

            async def hears() -> bool:
                return await call.until(lambda: call.hears((AGENT_TONES[6],), 5) is not None, 20)

            assert await hears(), ben.log()
            assert files_with_keys(center) == []
            await asyncio.sleep(2.5)
            for role in ("worker", "frontend"):
                killed = center.kill(role)
                await asyncio.to_thread(center.until_back, role, killed)
            await eventually_async(lambda: center.agent("ben")["reachable"], 30, ben.log())
            call.rtp.ear.windows.clear()
            assert await hears(), ben.log()
            await ben.command("hold")
            for _ in range(10):
                call.rtp.ear.windows.clear()
                await asyncio.sleep(0.7)
                if call.hears((AGENT_TONES[6],), 1) is None:
                    break
            else:
                raise AssertionError(ben.log())
            await ben.command("resume")
            assert await hears(), ben.log(20_000)
            await asyncio.sleep(2)
            assert files_with_keys(center) == []
            await ben.command("hangup")
            assert await call.until_over(5)
            assert "failed to decrypt" not in ben.log(1_000_000)

    run(tell())
    assert heard(tmp_path / "b", CALLER_TONES[5]) >= 2  # its recording ends with the hold
    leave_nothing_behind(center)
    contact = center.api("contacts?limit=1")["contacts"][0]["contact"]
    shown = center.command("sip", "trace", contact, "--full")
    assert "RTP/SAVP" in shown
    assert "inline:***" in shown
    assert shown.count("inline:") == shown.count("inline:***")


def test_a_caller_with_srtp_by_tls_and_an_agent_on_ipv6_hear_each_other(
    center: EncryptedCenter, tmp_path: Path
) -> None:
    """The caller offers keys beside plain audio; the agent's phone has IPv6 only and no keys."""

    async def tell() -> None:
        async with (
            agent(
                center, tmp_path / "six", "ben", AGENT_TONES[6], transport="udp", host="[::1]"
            ) as six,
            baresip(
                tmp_path / "c", ("127.0.0.1", center.tls_port), "anna", CALLER_TONES[5],
                transport="tls", authorities=center.authority.file, regint="120",
                modules=("srtp",), mediaenc="srtp",
            ) as caller,
        ):  # fmt: skip
            await eventually_async(lambda: center.agent("anna")["reachable"], 15, caller.log())
            await caller.command("dial", f"sip:100@127.0.0.1:{center.tls_port};transport=tls")
            await caller.until("CALL_ESTABLISHED", 15)
            for _ in range(2):
                await asyncio.sleep(1.2)
                await caller.command("sndcode", "1")
            await six.until("CALL_ESTABLISHED", 40)
            await asyncio.sleep(4)
            await six.command("hangup")
            await caller.until("CALL_CLOSED", 15)

    run(tell())
    assert heard(tmp_path / "six", CALLER_TONES[5]) >= 2
    assert heard(tmp_path / "c", AGENT_TONES[6]) >= 2
    leave_nothing_behind(center)


PLAIN_INVITE = """INVITE sip:100@127.0.0.1 SIP/2.0
Via: SIP/2.0/TLS {host}:5061;branch=z9hG4bKplain
Max-Forwards: 70
From: <sip:+15550000000@{host}>;tag=plain
To: <sip:100@127.0.0.1>
Call-ID: plain@{host}
CSeq: 1 INVITE
Contact: <sip:plain@{host}:5061;transport=tls>
Content-Type: application/sdp
Content-Length: {length}

"""


def test_a_trunk_that_must_be_encrypted_and_is_not_is_told_why_and_counted(
    center: EncryptedCenter,
) -> None:
    sdp = f"v=0\r\no=- 1 1 IN IP4 {STRICT}\r\ns=-\r\nc=IN IP4 {STRICT}\r\nt=0 0\r\n"
    sdp += "m=audio 4000 RTP/AVP 0\r\n"
    invite = PLAIN_INVITE.format(host=STRICT, length=len(sdp)).replace("\n", "\r\n") + sdp
    trusts = ssl.create_default_context(cafile=str(center.authority.file))
    with (
        socket.create_connection(("127.0.0.1", center.tls_port), 10, (STRICT, 0)) as road,
        trusts.wrap_socket(road, server_hostname="sip.example.test") as line,
    ):
        line.sendall(invite.encode())
        said = ""
        while "SIP/2.0 488" not in said or not said.endswith("\r\n\r\n"):
            said += line.recv(65_536).decode()
    assert 'Warning: 302 callcenter "audio must be encrypted' in said

    def counted() -> float:
        family = "callcenter_calls_ended_total{"
        named = 'reason="encryption_required"'
        found = center.metrics().items()
        return sum(value for name, value in found if name.startswith(family) and named in name)

    eventually(lambda: counted() >= 1, 15, str(center.metrics()))
    leave_nothing_behind(center)
