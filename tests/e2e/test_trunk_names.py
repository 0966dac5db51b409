"""A trunk that is found by name, with a real DNS server and two machines, one of which dies."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from callcenter.app.__main__ import callcenter
from tests.adapters.test_sip_names import DOMAIN, FACTORY, Zone, dns
from tests.e2e.harness import Center, eventually
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


@contextmanager
def name_server(records: dict[str, list[object]]) -> Iterator[int]:
    """On loopback, in a thread and a loop of its own."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), []

    def serve() -> None:
        asyncio.set_event_loop(loop)
        reactor = AsyncioSelectorReactor(loop)
        protocol = dns.DNSDatagramProtocol(FACTORY(authorities=[Zone(records)]), reactor=reactor)
        port = reactor.listenUDP(0, protocol, interface="127.0.0.1")  # type: ignore[no-untyped-call]
        ports.append(port.getHost().port)
        ready.set()
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


class Machine:
    """One of the provider's: answers OPTIONS until it dies."""

    def __init__(self, port: int) -> None:
        self.opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.opened.bind(("127.0.0.1", port))
        self.opened.settimeout(0.2)
        self.lives = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while self.lives:
            try:
                data, source = self.opened.recvfrom(65_536)
            except TimeoutError:
                continue
            kept = [
                line + (";tag=m" if line.startswith("To:") else "")
                for line in data.decode("latin-1").split("\r\n")[1:]
                if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
            ]
            answer = "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])
            self.opened.sendto(answer.encode("latin-1"), source)
        self.opened.close()

    def dies(self) -> None:
        """Its port is closed."""
        self.lives = False
        self.thread.join(10)


def test_the_second_machine_takes_over_when_the_first_is_gone(tmp_path: Path) -> None:
    first, second = free_ports(2)
    records: dict[str, list[object]] = {
        DOMAIN: [dns.Record_NAPTR(1, 1, b"s", b"SIP+D2U", b"", f"_sip._udp.{DOMAIN}", ttl=60)],
        f"_sip._udp.{DOMAIN}": [
            dns.Record_SRV(20, 0, second, f"b.{DOMAIN}", 60),
            dns.Record_SRV(10, 0, first, f"a.{DOMAIN}", 60),
        ],
        f"a.{DOMAIN}": [dns.Record_A("127.0.0.1", 60)],
        f"b.{DOMAIN}": [dns.Record_A("127.0.0.1", 60)],
    }
    with name_server(records) as port:
        (tmp_path / "center").mkdir()
        center = Center(
            tmp_path / "center",
            f'[[trunk]]\nname = "provider"\naddress = "{DOMAIN}:5060"\ndiscover = true\n',
        )
        text = center.config.read_text("utf-8").replace(
            "[sip]\n", f'[sip]\ndns_server = "127.0.0.1:{port}"\n', 1
        )
        center.config.write_text(text, "utf-8")
        machines = [Machine(first), Machine(second)]

        def targets(state: str) -> float:
            return sum(
                n for name, n in center.metrics().items()
                if name.startswith("callcenter_trunk_targets{") and f'state="{state}"' in name
            )  # fmt: skip

        try:
            center.start()
            eventually(lambda: targets("up") == 2, 40, "they do not answer OPTIONS")
            said = CliRunner().invoke(callcenter, ["doctor", "--config", str(center.config)]).output
            assert f"127.0.0.1:{first}, 127.0.0.1:{second}" in " ".join(said.split())
            machines[0].dies()
            eventually(lambda: targets("down") == 1, 60, "nobody noticed")
            assert targets("up") == 1
            assert "Traceback" not in center.log.read_text("utf-8", "replace")
        finally:
            center.stop()
            for machine in machines:
                machine.dies()
