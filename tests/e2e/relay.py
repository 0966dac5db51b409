"""A bad network between phones and server: a UDP relay that loses datagrams from a seed.

Why: what holds on loopback holds nowhere else. Every phone address gets a socket of its own
towards the server, so that answers and later calls find their way back through the relay.
"""

from __future__ import annotations

import asyncio
import random
import socket


class LossyRelay:
    """Forwards datagrams both ways and drops each with probability `loss`."""

    def __init__(self, server: tuple[str, int], *, loss: float, seed: int) -> None:
        self.server, self.loss = server, loss
        self.dice = random.Random(seed)
        self.passed = self.dropped = 0
        self._front = self._socket()
        self._behind: dict[tuple[str, int], socket.socket] = {}

    @staticmethod
    def _socket() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(("127.0.0.1", 0))
        return made

    @property
    def address(self) -> tuple[str, int]:
        """Where phones send to."""
        host, port = self._front.getsockname()
        return (host, port)

    def start(self) -> None:
        """Begin to forward."""
        asyncio.get_running_loop().add_reader(self._front, self._from_phone)

    def stop(self) -> None:
        """Give every socket back."""
        loop = asyncio.get_running_loop()
        for one in (self._front, *self._behind.values()):
            loop.remove_reader(one)
            one.close()

    def _lost(self) -> bool:
        lost = self.dice.random() < self.loss
        self.dropped += lost
        self.passed += not lost
        return lost

    def _from_phone(self) -> None:
        try:
            data, phone = self._front.recvfrom(65535)
        except OSError:
            return
        behind = self._behind.get(phone)
        if behind is None:
            behind = self._behind[phone] = self._socket()
            asyncio.get_running_loop().add_reader(behind, self._from_server, behind, phone)
        if not self._lost():
            behind.sendto(data, self.server)

    def _from_server(self, behind: socket.socket, phone: tuple[str, int]) -> None:
        try:
            data = behind.recv(65535)
        except OSError:
            return
        if not self._lost():
            self._front.sendto(data, phone)
