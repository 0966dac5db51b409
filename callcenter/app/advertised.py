"""What each peer is told to send to: our address as it is seen from where the peer is.

Why: behind a 1:1 translator (a cloud's, say) the world knows us by an address that no socket of ours
has, and phones on our own side of it must not be told that one. So addresses may be set per network
of the peer; the narrowest network that holds the peer counts, and for all others
`advertised_address`. A peer is never told an address of the other family: it could not be reached.

A connection that we opened has a port of its own, which nobody can call: the port of the listener
is told instead.

Sources: RFC 3261 8.1.1.8 (Contact must be reachable), RFC 4787.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from callcenter.app.addresses import OwnAddresses
from callcenter.app.config import Settings
from callcenter.sip.flow import Address, Flow


class _Network(NamedTuple):
    """What peers in it are told."""

    network: str
    sip: str
    media: str


class Advertised:
    """Our addresses towards every peer.

    Args:
        listening: where our sockets are, by their names in the holder (`sip-tls-0`).
    """

    def __init__(
        self,
        settings: Settings,
        listening: Mapping[str, Address],
        own: OwnAddresses | None = None,
    ) -> None:
        self._own = own or OwnAddresses()
        self._general = settings.sip.advertised_address
        rows = [_Network(r.network, r.sip_address, r.media_address) for r in settings.networks]
        self._networks = sorted(
            rows, key=lambda row: ip_network(row.network).prefixlen, reverse=True
        )
        self._ports = {
            kind: [address[1] for name, address in listening.items() if name.startswith(kind)]
            for kind in ("sip-udp", "sip-tcp", "sip-tls", "sip-wss")
        }

    def towards(self, flow: Flow) -> Address:
        """Host and port that the peer at the other end of `flow` reaches us at."""
        (host, port), remote = flow.local, flow.remote[0]
        row = self._network(remote)
        told = row.sip if row is not None else self._general
        ports = self._ports[f"sip-{flow.transport}"]
        if ports and port not in ports:
            port = ports[0]
        if told and _same_family(told, remote):
            return told, port
        return self._own.reachable(host, remote), port

    def _network(self, remote: str) -> _Network | None:
        try:
            peer = ip_address(remote)
        except ValueError:
            return None
        return next((row for row in self._networks if peer in ip_network(row.network)), None)

    @property
    def media(self) -> tuple[tuple[str, str], ...]:
        """Networks and the audio address that phones in them are told, the narrowest first."""
        return tuple((row.network, row.media) for row in self._networks if row.media)


def _same_family(told: str, remote: str) -> bool:
    """A name serves both families."""
    try:
        return ip_address(told).version == ip_address(remote).version
    except ValueError:
        return True
