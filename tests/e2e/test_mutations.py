"""Spoiled messages by datagram, stream and WebSocket: nothing breaks, nothing stays, nobody waits.

`MUTATIONS=100000 python -m pytest tests/e2e/test_mutations.py` is the long run of `make soak`.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Request

from tests.e2e.harness import Center, eventually, run
from tests.e2e.mutations import mutation
from tests.e2e.test_secure import SecureCenter

pytestmark = pytest.mark.e2e

COUNT = int(os.environ.get("MUTATIONS", "10000"))
FIRST = int(os.environ.get("MUTATIONS_FROM", "1"))
PROBE_SECONDS_MAX = 0.05
LATE_SHARE_MAX = 0.01
"""Of the probes, for a machine that does other things, too; none may be lost."""
PER_SECOND = 900
LEFT_SECONDS = 60.0
"""64·T1 and what a sweep takes."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureCenter]:
    center = SecureCenter(tmp_path_factory.mktemp("attacked"))
    center.start()
    yield center
    center.stop()


class Probe(asyncio.DatagramProtocol):
    """OPTIONS, over and over: how long each took."""

    def __init__(self, where: tuple[str, int]) -> None:
        self.where = where
        self.sent: dict[str, float] = {}
        self.took: list[float] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        branch = data.partition(b"z9hG4bKprobe")[2].partition(b";")[0].decode()
        if branch in self.sent:
            self.took.append(time.monotonic() - self.sent.pop(branch))

    async def run(self) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        try:
            number = 0
            while True:
                number += 1
                self.sent[str(number)] = time.monotonic()
                transport.sendto(
                    b"OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch="
                    b"z9hG4bKprobe%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:p@127.0.0.1>;tag=p\r\n"
                    b"To: <sip:127.0.0.1>\r\nCall-ID: probe%d\r\nCSeq: 1 OPTIONS\r\n"
                    b"Content-Length: 0\r\n\r\n" % (port, number, number),
                    self.where,
                )
                await asyncio.sleep(0.05)
        finally:
            transport.close()


async def by_datagram(center: Center, seeds: range) -> None:
    """One message each; answers are not read."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=center.sip
    )
    async for seed in paced(seeds):
        transport.sendto(mutation(seed))
    transport.close()


async def by_stream(center: Center, seeds: range) -> None:
    """Over TCP: a new connection whenever the last one was closed."""
    writer: asyncio.StreamWriter | None = None
    async for seed in paced(seeds):
        try:
            if writer is None or writer.transport.is_closing() or not seed % 50:
                if writer is not None:
                    writer.close()
                _, writer = await asyncio.open_connection(*center.sip)
            writer.write(mutation(seed))
            await asyncio.wait_for(writer.drain(), 5)
        except OSError:
            writer = None
    if writer is not None:
        writer.close()


async def by_websocket(center: SecureCenter, seeds: range) -> None:
    """Over TLS and WebSocket, half of them as they are and half spoiled below SIP, too."""
    context = ssl.create_default_context(cafile=str(center.authority.file))
    where = ("127.0.0.1", center.wss_port)
    writer: asyncio.StreamWriter | None = None
    ws = WSConnection(ConnectionType.CLIENT)
    async for seed in paced(seeds):
        try:
            if writer is None or writer.transport.is_closing() or not seed % 50:
                if writer is not None:
                    writer.close()
                reader, writer = await asyncio.open_connection(*where, ssl=context)
                ws = WSConnection(ConnectionType.CLIENT)
                asked = Request(host="127.0.0.1", target="/", subprotocols=["sip"])
                writer.write(ws.send(asked))
                while not any(isinstance(event, AcceptConnection) for event in ws.events()):
                    ws.receive_data(await reader.readuntil(b"\r\n\r\n"))
            frame = ws.send(BytesMessage(data=mutation(seed)))
            writer.write(frame if seed % 10 else mutation(seed))
            await asyncio.wait_for(writer.drain(), 5)
        except (OSError, asyncio.IncompleteReadError):
            writer = None
    if writer is not None:
        writer.close()


async def paced(seeds: range) -> AsyncIterator[int]:
    began = time.monotonic()
    for number, seed in enumerate(seeds):
        yield seed
        ahead = number * 3 / PER_SECOND - (time.monotonic() - began)
        await asyncio.sleep(max(0, ahead))


@pytest.mark.alone
def test_spoiled_messages_break_nothing_and_nobody_waits(attacked: SecureCenter) -> None:
    center = attacked
    roles = {role: center.role(role) for role in ("frontend", "media", "control")}
    probe = Probe(center.sip)
    third = COUNT // 3
    parts = [range(FIRST + third * n, FIRST + third * (n + 1)) for n in range(3)]

    async def attack() -> None:
        asking = asyncio.create_task(probe.run())
        await asyncio.gather(
            by_datagram(center, parts[0]), by_stream(center, parts[1]),
            by_websocket(center, parts[2]),
        )  # fmt: skip
        await asyncio.sleep(1)
        asking.cancel()

    run(attack(), seconds=COUNT / 100 + 60)
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert len(probe.took) > 20, log[-3000:]
    assert len(probe.sent) <= 1, f"{len(probe.sent)} probes were never answered"
    late = [took for took in probe.took if took > PROBE_SECONDS_MAX]
    assert len(late) <= len(probe.took) * LATE_SHARE_MAX, sorted(late)[-10:]
    assert {role: center.role(role) for role in roles} == roles, "a role died"
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]

    def left() -> dict[str, float]:
        names = ("callcenter_frontend_calls", "callcenter_media_legs", "callcenter_media_ports",
                 "callcenter_sip_transactions", "callcenter_frontend_faults_total")  # fmt: skip
        metrics = center.metrics()
        return {n: v for n, v in metrics.items() if n.partition("{")[0] in names and v}

    eventually(lambda: not left(), LEFT_SECONDS, "left behind")


def test_each_message_is_made_from_its_seed_alone() -> None:
    assert [mutation(seed) for seed in range(50)] == [mutation(seed) for seed in range(50)]
    assert len({mutation(seed) for seed in range(2000)}) > 1900
