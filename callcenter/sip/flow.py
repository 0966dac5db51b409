"""A flow: the road on which a message came, and on which its answer goes back.

Why: behind a translator the address in a Contact or Via is of no use; the pair of sockets that
just spoke to each other is. RFC 5626 calls that a flow; here it is the only kind of address that
the SIP room hands to the transports. A TCP flow also names its connection, so that what was meant
for a phone never reaches whoever connects later from the same port.

Sources: RFC 5626 3.1 and 5.3, RFC 3581 4 (answers go to the source).
"""

from typing import Literal, NamedTuple, TypeAlias

Address: TypeAlias = tuple[str, int]
"""Host as an IP literal without brackets, and port."""


class Flow(NamedTuple):
    """One pair of addresses over one transport.

    Attributes:
        transport: `"udp"` or `"tcp"`.
        local: our own address on it.
        remote: the peer's.
        connection: number of the TCP connection, never used twice by one transport; 0 for UDP.
    """

    transport: Literal["udp", "tcp"]
    local: Address
    remote: Address
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """True where the transport itself repeats what was lost (RFC 3261 17: no retransmission)."""
        return self.transport != "udp"

    def __str__(self) -> str:
        number = f"#{self.connection}" if self.connection else ""
        return f"{self.transport}{number} {host_port(self.remote)} at {host_port(self.local)}"


def host_port(address: Address) -> str:
    """`host:port` as SIP writes it, an IPv6 literal in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
