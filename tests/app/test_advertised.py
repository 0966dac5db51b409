"""What a peer is told to send to, by where it is."""

from __future__ import annotations

import pytest

from callcenter.app.addresses import OwnAddresses
from callcenter.app.advertised import Advertised
from callcenter.app.config import Settings
from callcenter.sip.flow import Address, Flow, Transport

LISTENING = {
    "sip-udp-0": ("0.0.0.0", 5060),
    "sip-tcp-0": ("0.0.0.0", 5060),
    "sip-tls-0": ("0.0.0.0", 5061),
}
NETWORKS = [
    {"network": "10.0.0.0/8", "sip_address": "10.0.0.5", "media_address": "10.0.0.6"},
    {"network": "10.9.0.0/16"},
    {"network": "2001:db8::/32", "sip_address": "2001:db8::5"},
]


def towards(remote: str, transport: Transport = "udp", port: int = 5060) -> Address:
    settings = Settings.model_validate(
        {"network": NETWORKS, "sip": {"advertised_address": "203.0.113.7"}}
    )
    advertised = Advertised(settings, LISTENING, OwnAddresses(lambda _: "192.0.2.1"))
    local = "::" if ":" in remote else "0.0.0.0"
    return advertised.towards(Flow(transport, (local, port), (remote, 4000), transport != "udp"))


@pytest.mark.parametrize(
    ("remote", "told"),
    [
        ("198.51.100.7", "203.0.113.7"),
        ("10.1.2.3", "10.0.0.5"),
        ("10.9.2.3", "192.0.2.1"),
        ("2001:db8::77", "2001:db8::5"),
        ("2001:db9::77", "192.0.2.1"),
    ],
)
def test_the_narrowest_network_counts_and_families_do_not_mix(remote: str, told: str) -> None:
    assert towards(remote) == (told, 5060)


def test_a_connection_that_we_opened_tells_the_port_that_can_be_called() -> None:
    assert towards("198.51.100.7", "tls", 41_234) == ("203.0.113.7", 5061)
    assert towards("198.51.100.7", "tls", 5061) == ("203.0.113.7", 5061)


def test_audio_has_addresses_of_its_own() -> None:
    settings = Settings.model_validate({"network": NETWORKS})
    assert Advertised(settings, LISTENING).media == (("10.0.0.0/8", "10.0.0.6"),)
