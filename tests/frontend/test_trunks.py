"""Who is taken for a trunk, and who is not."""

import pytest

from callcenter.frontend.trunks import Trunks
from callcenter.frontend.turn import Trunk
from callcenter.sip.flow import Address, Flow, Transport

OURS = ("192.0.2.1", 5060)
SBC = ("198.51.100.20", 5060)


def flow(transport: Transport, remote: Address = SBC, connection: int = 0) -> Flow:
    return Flow(transport, OURS, remote, connection or (7 if transport != "udp" else 0))


def trunk(transport: Transport = "udp", **more: object) -> Trunk:
    return Trunk(name="carrier", addresses=frozenset([SBC]), transport=transport, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("configured", "came", "is_it"),
    [
        (trunk(), flow("udp"), True),
        (trunk(), flow("udp", ("198.51.100.20", 5062)), False),
        (trunk(), flow("udp", ("198.51.100.21", 5060)), False),
        (trunk(), flow("tcp"), False),
        (trunk("tcp"), flow("tcp", ("198.51.100.20", 41000)), True),
        (trunk("tcp"), flow("udp"), False),
        (trunk("tls"), flow("tls", ("198.51.100.20", 41000)), True),
        (trunk("tls"), flow("tcp", ("198.51.100.20", 41000)), False),
        (trunk("tls"), flow("wss", ("198.51.100.20", 41000)), False),
        (trunk(sources=("198.51.100.0/28",)), flow("udp", ("198.51.100.9", 9999)), True),
        (trunk(sources=("198.51.100.0/28",)), flow("udp", ("198.51.100.99", 5060)), False),
        (trunk(sources=("2001:db8::/64",)), flow("udp", ("2001:db8::7", 5060)), True),
        (trunk(sources=("198.51.100.0/28",)), flow("udp", ("not an address", 5060)), False),
    ],
)
def test_a_trunk_is_an_address_and_a_transport(configured: Trunk, came: Flow, is_it: bool) -> None:
    assert (Trunks().of(came, [configured]) is configured) == is_it


def test_a_trunk_with_a_certificate_is_known_by_nothing_else() -> None:
    trunks, configured = Trunks(), trunk("tls", by_certificate=True)
    came = flow("tls", ("203.0.113.9", 41000), connection=3)
    assert trunks.of(flow("tls", connection=4), [configured]) is None, "the address alone"
    assert trunks.of(came, [configured]) is None
    trunks.proven(came, "carrier")
    assert trunks.of(came, [configured]) is configured, "wherever it comes from"
    assert trunks.of(flow("tls", ("203.0.113.9", 41000), connection=4), [configured]) is None
    trunks.flow_closed(came)
    assert trunks.of(came, [configured]) is None
