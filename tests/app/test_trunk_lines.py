"""Connections to trunks are opened, used, and opened again."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callcenter.adapters.sip_transport import SipTransports
from callcenter.app.config import Settings
from callcenter.app.roles.trunk_lines import TrunkLines
from callcenter.sip.flow import Flow
from tests.adapters.authority import Authority
from tests.adapters.test_sip_transport import Bench, message


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(asyncio.new_event_loop())
    yield made
    made.end()


class Carrier:
    """A provider that answers every message with one of its own."""

    def __init__(self, bench: Bench, tls: ssl.SSLContext | None) -> None:
        self.heard: list[bytes] = []
        self.lines: list[asyncio.StreamWriter] = []
        self.server = bench.run(asyncio.start_server(self._line, "127.0.0.1", 0, ssl=tls))
        host, port = self.server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append(writer)
        while data := await reader.read(65_536):
            self.heard.append(data)
            writer.write(message(9))


def lines_to(bench: Bench, trunk: dict[str, object]) -> tuple[TrunkLines, SipTransports]:
    settings = Settings.model_validate({"trunk": [{"name": "carrier", **trunk}]})

    async def soon(_: float) -> None:
        await asyncio.sleep(0)

    def closed(flow: Flow) -> None:
        lines.closed(flow)

    def proven(flow: Flow, name: str) -> None:
        lines.proven(flow, name)

    wire = SipTransports(bench.reactor, bench.loop, bench._on_data, closed, on_proven=proven)
    bench._open.append(wire)
    lines = TrunkLines(settings, wire, sleep=soon)
    return lines, wire


def until(bench: Bench, condition: Callable[[], object]) -> None:
    async def story() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    bench.run(story())


@pytest.mark.parametrize("transport", ["tls", "tcp"])
def test_a_trunk_is_connected_to_and_again_when_it_hung_up(
    bench: Bench, tmp_path: Path, transport: str
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("sbc.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    carrier = Carrier(bench, context if transport == "tls" else None)
    trunk: dict[str, object] = {"address": carrier.address, "transport": transport}
    if transport == "tls":
        trunk |= {"peer_name": "sbc.test", "authorities_file": authority.file}
    lines, wire = lines_to(bench, trunk)
    keeping = bench.loop.create_task(lines.keep())
    until(bench, lambda: lines.flows and carrier.lines)
    wire.send(lines.flows["carrier"], message(1))
    until(bench, lambda: bench.received)
    assert carrier.heard == [message(1)]
    assert bench.received[0][0] == message(9)
    first = lines.flows["carrier"]
    carrier.lines[0].close()
    until(bench, lambda: len(carrier.lines) == 2 and lines.flows)
    assert lines.flows["carrier"] != first
    keeping.cancel()
    carrier.server.close()
    bench.run(asyncio.gather(keeping, return_exceptions=True))


def test_a_trunk_with_another_name_in_its_certificate_is_no_road(
    bench: Bench, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("evil.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    carrier = Carrier(bench, context)
    lines, wire = lines_to(bench, {
        "address": carrier.address, "transport": "tls", "peer_name": "sbc.test",
        "authorities_file": authority.file,
    })  # fmt: skip
    keeping = bench.loop.create_task(lines.keep())
    until(bench, lambda: sum(wire.counts.values()) >= 2)
    assert lines.flows == {}
    keeping.cancel()
    carrier.server.close()
    bench.run(asyncio.gather(keeping, return_exceptions=True))
