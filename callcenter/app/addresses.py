"""Addresses: as people write them, and ours as others see them."""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_network

PEERS_MAX = 10_000
"""Peers whose way to us is remembered; the longest unheard are forgotten first."""


def host_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:5060` or `[::1]:5060` as a pair. Raises `ValueError` with the remedy."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:5060")
    return host, int(port)


def network(text: object) -> str:
    """`198.51.100.20` or `198.51.100.0/24` in its one form. Raises `ValueError` with the remedy."""
    try:
        return str(ip_network(str(text)))
    except ValueError as wrong:
        raise ValueError(f"{wrong}; write 198.51.100.20 or 198.51.100.0/24") from wrong


def _address_towards(remote: str) -> str:
    """Our address on the way to `remote`, by the kernel's routes; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote, 9))
        return str(probe.getsockname()[0])


class OwnAddresses:
    """Which address of ours each peer can reach, where we listen on all of them."""

    def __init__(self, towards: Callable[[str], str] = _address_towards) -> None:
        self._towards = towards
        self._known: OrderedDict[str, str] = OrderedDict()

    def reachable(self, local: str, remote: str) -> str:
        """`local`, or what `remote` can reach where `local` is every address."""
        if local not in ("0.0.0.0", "::"):
            return local
        found = self._known.get(remote)
        if found is None:
            try:
                found = self._towards(remote)
            except OSError:
                return local  # there is no way to that peer; nothing we name helps it
            self._known[remote] = found
            if len(self._known) > PEERS_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(remote)
        return found
