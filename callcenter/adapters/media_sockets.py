"""The sockets of one side: a door that anyone may knock at, and a direct line to the phone.

Why: a connected UDP socket costs a fifth less per packet, because the kernel looks up route and
sender once. But a port with only a connected socket would not notice strangers. So each side keeps
its unconnected *door*, and once the phone proved to be where its SDP says, a second socket on the
same port is connected to it. The kernel gives the phone's packets to the connected one and
everybody else's to the door, where they are counted.

A side may have a door on IPv6 beside the one on IPv4, at the same port: a phone of either family is
told the one that it can reach.

The second bind needs SO_REUSEADDR for a moment; it is taken back at once, so that no other process
can join the port.
"""

import socket
from collections.abc import Callable
from typing import Any

from callcenter.media.latch import Address

EXPEDITED = 0xB8
"""DSCP EF, the class of voice (RFC 3246)."""


class Wires:
    """Sockets of one side. `peer` is whom `direct` is connected to."""

    __slots__ = ("control", "control6", "direct", "door", "door6", "peer")

    def __init__(self, host: str, port: int, *, control: bool) -> None:
        """Bind the port, and the next one for RTCP. Raises `OSError` when one is taken."""
        self.direct: socket.socket | None = None
        self.peer: Address | None = None
        self.door, self.control = _bind_pair(host, port, control=control)
        self.door6: socket.socket | None = None
        self.control6: socket.socket | None = None

    def open_v6(self, host: str) -> None:
        """The same ports on an IPv6 address. Raises `OSError` when one is taken."""
        port = self.door.getsockname()[1]
        self.door6, self.control6 = _bind_pair(host, port, control=self.control is not None)

    def door_to(self, host: str) -> socket.socket:
        """The door through which `host` is reached."""
        return self.door6 if self.door6 is not None and ":" in host else self.door

    def control_to(self, host: str) -> socket.socket | None:
        """The same for RTCP."""
        return self.control6 if self.control6 is not None and ":" in host else self.control

    @property
    def sockets(self) -> list[socket.socket]:
        """All that are open, but for the direct line."""
        every = (self.door, self.control, self.door6, self.control6)
        return [wire for wire in every if wire is not None]

    def connect(self, peer: Address) -> socket.socket:
        """Open the direct line. Raises `OSError`; then the door goes on alone."""
        assert self.direct is None
        door = self.door_to(peer[0])
        host, port = door.getsockname()[:2]
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            direct = _bind(host, port, shared=True)
        finally:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        try:
            direct.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            direct.connect(peer)
            _throw_away(direct)
        except OSError:
            direct.close()
            raise
        self.direct, self.peer = direct, peer
        return direct

    def disconnect(self) -> None:
        """Close the direct line: everything comes by the door again."""
        if self.direct is not None:
            self.direct.close()
        self.direct = self.peer = None

    def close(self) -> None:
        """Close all of them; that takes them out of epoll too."""
        self.disconnect()
        for wire in self.sockets:
            wire.close()


def reader_of(door: socket.socket) -> Callable[[bytearray], tuple[int, Address]]:
    """`recvfrom_into` of a door; IPv6 senders without the kernel's flow and scope."""
    receive: Callable[[bytearray], Any] = door.recvfrom_into
    if door.family == socket.AF_INET:
        return receive

    def receive6(packet: bytearray) -> tuple[int, Address]:
        size, address = receive(packet)
        return size, address[:2]

    return receive6


def _bind_pair(
    host: str, port: int, *, control: bool
) -> tuple[socket.socket, socket.socket | None]:
    door = _bind(host, port)
    if not control:
        return door, None
    try:
        return door, _bind(host, port + 1)
    except OSError:
        door.close()
        raise


def _bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    is_v6 = ":" in host
    wire = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        wire.setblocking(False)
        if shared:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_v6:
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED)
        else:
            wire.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED)
        wire.bind((host, port))
    except OSError:
        wire.close()
        raise
    return wire


def _throw_away(direct: socket.socket) -> None:
    """What came between bind and connect may be from anybody."""
    try:
        while True:
            direct.recv(1)
    except BlockingIOError:
        return
