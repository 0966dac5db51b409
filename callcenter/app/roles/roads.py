"""By which road each trunk is called: the connected socket that the holder opened for it.

Why: calls to a trunk leave by the very socket on which calls from it come in, so they come from
the address that the provider knows, and nobody else's answers are heard on it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping

import msgspec

from callcenter.app.config import Settings
from callcenter.frontend.turn import Trunk
from callcenter.sip.flow import Address, Flow


def flows_of(sockets: Mapping[str, socket.socket]) -> dict[str, Flow]:
    """By trunk name; those without a connected socket have none."""
    found = {}
    for name, opened in sockets.items():
        kind, _, trunk = name.partition("-")
        if kind == "trunk":
            local, remote = opened.getsockname()[:2], opened.getpeername()[:2]
            found[trunk] = Flow("udp", (local[0], local[1]), (remote[0], remote[1]))
    return found


def local_of(sockets: Mapping[str, socket.socket]) -> Address | None:
    """The first address that phones reach us at over UDP: trunks that are found by name do, too."""
    first = sockets.get("sip-udp-0")
    return (str(first.getsockname()[0]), int(first.getsockname()[1])) if first else None


def with_roads(
    trunks: Iterable[Trunk],
    settings: Settings,
    flows: Mapping[str, Flow],
    local: Address | None = None,
) -> tuple[Trunk, ...]:
    """The trunks with what is needed to call by them."""
    tables = {table.name: table for table in settings.trunks}
    return tuple(
        msgspec.structs.replace(
            trunk,
            address=tables[trunk.name].address,
            flow=flows.get(trunk.name),
            dial=tables[trunk.name].dial,
            deny=tables[trunk.name].deny,
            caller=tables[trunk.name].caller,
            username=tables[trunk.name].username,
            password=tables[trunk.name].password.get_secret_value(),
            realm=tables[trunk.name].realm,
            local=local if tables[trunk.name].discover else None,
            register_seconds=tables[trunk.name].register_seconds,
            registrar=tables[trunk.name].registrar,
        )
        for trunk in trunks
    )
