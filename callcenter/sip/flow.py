"""A flow: the road on which a message came, and on which its answer goes back.

Why: behind a translator the address in a Contact or Via is of no use; the pair of sockets that
just spoke to each other is. RFC 5626 calls that a flow; here it is the only kind of address that
the SIP room hands to the transports. A TCP flow also names its connection, so that what was meant
for a phone never reaches whoever connects later from the same port.

Sources: RFC 5626 3.1 and 5.3, RFC 3581 4 (answers go to the source), RFC 7118 5 (WebSocket).
"""

from typing import Literal, NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]
"""Host as an IP literal without brackets, and port."""


Transport: TypeAlias = Literal["udp", "tcp", "tls", "wss"]


class Flow(NamedTuple):
    """One pair of addresses over one transport.

    Attributes:
        transport: `"udp"`, `"tcp"`, `"tls"`, or `"wss"` (RFC 7118).
        local: our own address on it.
        remote: the peer's.
        connection: number of the connection, never used twice by one front end; 0 for UDP.
    """

    transport: Transport
    local: Address
    remote: Address
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """True where the transport itself repeats what was lost (RFC 3261 17: no retransmission)."""
        return self.transport != "udp"

    @property
    def stream(self) -> bool:
        """True where only Content-Length tells one message from the next (RFC 3261 18.3)."""
        return self.transport in ("tcp", "tls")

    @property
    def parameter(self) -> str:
        """The URI parameter that names the transport; `wss` is written `ws` (RFC 7118 5.2)."""
        if self.transport == "udp":
            return ""
        return f";transport={'ws' if self.transport == 'wss' else self.transport}"

    def __str__(self) -> str:
        number = f"#{self.connection}" if self.connection else ""
        return f"{self.transport}{number} {host_port(self.remote)} at {host_port(self.local)}"


def host_port(address: Address) -> str:
    """`host:port` as SIP writes it, an IPv6 literal in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
