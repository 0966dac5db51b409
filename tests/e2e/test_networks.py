"""Phones in other networks, played by network namespaces: a narrow link, and a 1:1 translator.

Only root may make a namespace; for other users there is nothing here to be run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import leave_nothing_behind
from tests.e2e.harness import Center

pytestmark = pytest.mark.e2e

PUBLIC = "203.0.113.7"
CALLER = Path(__file__).with_name("raw_caller.py")
NETWORKS = {"ccin": ("10.77.1.1", "10.77.1.2", 1), "ccout": ("10.77.2.1", "10.77.2.2", 2)}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def away() -> None:
    """Take the namespaces down, whatever a run before left."""
    for name in NETWORKS:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", f"{name}0"], check=False, capture_output=True)


class FarCenter(Center):
    """Listens on every address; tells the inside one, the outside another."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            directory,
            """
[[network]]
network = "10.77.1.0/24"
sip_address = "10.77.1.1"
media_address = "10.77.1.1"
[[network]]
network = "fd77:1::/64"
sip_address = "fd77:1::1"
""",
        )
        text = self.config.read_text("utf-8").replace(
            f'listen = ["127.0.0.1:{self.sip_port}"]\n',
            f'listen = ["0.0.0.0:{self.sip_port}", "[::]:{self.sip_port}"]\n'
            f'advertised_address = "{PUBLIC}"\n',
        )
        text = text.replace(
            "[media]\n", f'[media]\naddress = "0.0.0.0"\nadvertised_address = "{PUBLIC}"\n'
        )
        self.config.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def far_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarCenter]:
    away()
    try:
        for name, (ours, theirs, number) in NETWORKS.items():
            ip("netns", "add", name)
            ip("link", "add", f"{name}0", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("address", "add", f"{ours}/24", "dev", f"{name}0")
            ip("address", "add", f"fd77:{number}::1/64", "dev", f"{name}0", "nodad")
            ip("link", "set", f"{name}0", "mtu", "1280", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "address", "add", f"{theirs}/24", "dev", "eth0")
            ip("-n", name, "address", "add", f"fd77:{number}::2/64", "dev", "eth0", "nodad")
            ip("-n", name, "link", "set", "eth0", "mtu", "1280", "up")
        ip("-n", "ccout", "address", "add", f"{PUBLIC}/32", "dev", "lo")
        center = FarCenter(tmp_path_factory.mktemp("far"))
        center.start()
        yield center
        center.stop()
    finally:
        away()


def call_from(network: str, *words: str) -> dict[str, str]:
    done = subprocess.run(
        ["ip", "netns", "exec", network, sys.executable, str(CALLER), *words],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout)
    return told


if os.geteuid() == 0:

    @pytest.mark.parametrize("octets", [10, 5_000])
    def test_a_phone_inside_is_told_the_inner_address_however_long_its_message(
        far_center: FarCenter, octets: int
    ) -> None:
        port = str(far_center.sip_port)
        told = call_from("ccin", "10.77.1.1", port, str(octets))
        assert told == {
            "status": "200", "contact": f"sip:callcenter@10.77.1.1:{port}", "media": "10.77.1.1",
            "bye": "200",
        }  # fmt: skip
        leave_nothing_behind(far_center)

    def test_a_phone_outside_calls_through_the_translator_and_is_told_its_address(
        far_center: FarCenter,
    ) -> None:
        port = str(far_center.sip_port)
        told = call_from("ccout", PUBLIC, port, "10", "10.77.2.1", port)
        assert told == {
            "status": "200", "contact": f"sip:callcenter@{PUBLIC}:{port}", "media": PUBLIC,
            "bye": "200",
        }  # fmt: skip
        leave_nothing_behind(far_center)

    @pytest.mark.parametrize("octets", [10, 5_000])
    def test_signalling_takes_ipv6_beside_ipv4(far_center: FarCenter, octets: int) -> None:
        port = str(far_center.sip_port)
        told = call_from("ccin", "fd77:1::1", port, str(octets))
        assert told["contact"] == f"sip:callcenter@[fd77:1::1]:{port}"
        assert (told["status"], told["bye"]) == ("200", "200")
        leave_nothing_behind(far_center)
