"""The doors of browsers: ICE, DTLS, RTCP and RTP come in at one port and are told apart here.

Why: a browser has one port for everything, and sends audio only after two proofs. Doors of ordinary
phones pay nothing for that: a door is read here while its side may be a browser's, and by the loop
otherwise. Only an address that was nominated by a question that proved itself is believed.

Sources: RFC 7983 (told apart by the first octet), RFC 5761 (RTCP on the same port), RFC 8445.
"""

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from callcenter.adapters.dtls import Browser, Identity
from callcenter.adapters.media_sockets import Wires, reader_of
from callcenter.domain.units import Micros
from callcenter.media import stun
from callcenter.media.engine import Engine
from callcenter.media.leg import Leg
from callcenter.media.side import Side

DTLS = range(20, 64)
RTCP = range(192, 224)


class Browsers:
    """All browsers of a worker.

    Args:
        identity_file: their certificate's; empty makes a new one.
        doors: those that the loop reads, by descriptor.
        other: what it calls instead, by descriptor.
        packet: the buffer that datagrams are read into.
        views: what of it is sent on, by size.
        clock: monotonic microseconds.
        rewire: what is sent to a side changes, because its keys did.
    """

    def __init__(
        self,
        identity_file: str,
        doors: dict[int, tuple[Side, Callable[..., Any]]],
        other: dict[int, Callable[[], None]],
        packet: bytearray,
        views: list[memoryview],
        clock: Callable[[], Micros],
        rewire: Callable[[Side], None],
    ) -> None:
        self._file = Path(identity_file) if identity_file else None
        self._identity: Identity | None = None
        self._doors, self._other = doors, other
        self._packet, self._views = packet, views
        self._clock, self._rewire = clock, rewire
        self.engine: Engine
        """Set once it is there."""
        self.sides: dict[int, Side] = {}
        """By their identity."""
        self.send_errors = 0

    def make(self, kept: Any) -> Browser:
        """Another one; see `media.web.MakeWebPeer`."""
        self._identity = self._identity or Identity(self._file)
        return Browser(self._identity, kept)

    def sort(self, side: Side) -> None:
        """Read the doors of a side here while it may be a browser's, else leave them to the loop."""
        is_web, was_web = side.web is not None, id(side) in self.sides
        if is_web == was_web:
            return
        wires: Wires = side.wire
        if is_web:
            self.sides[id(side)] = side
        else:
            self.forget(side)
        for door in filter(None, (wires.door, wires.door6)):
            number, read = door.fileno(), reader_of(door)
            if is_web:
                self._doors.pop(number, None)
                self._other[number] = partial(self._receive, side, read, door)
            else:
                self._other.pop(number, None)
                self._doors[number] = side, read

    def forget(self, side: Side) -> None:
        """It is closed, or a browser no more."""
        self.sides.pop(id(side), None)

    def _receive(self, side: Side, read: Callable[[bytearray], Any], door: socket.socket) -> None:
        """Take one datagram."""
        try:
            size, address = read(self._packet)
            if size > 1 and side.web is not None:
                self._sort_out(side, size, address, door)
        except OSError:
            self.send_errors += 1

    def _sort_out(
        self, side: Side, size: int, address: tuple[str, int], door: socket.socket
    ) -> None:
        packet, drops, web = self._packet, self.engine.drops, side.web
        if stun.is_stun(packet[0]):
            self._asked(side, bytes(packet[:size]), address, door)
        elif address != side.source:
            drops.stray += 1
        elif packet[0] in DTLS:
            assert isinstance(web, Browser)
            self._shake_hands(side, web.receive(bytes(packet[:size])), door)
        elif packet[1] in RTCP:
            self.heard_control(side, bytes(packet[:size]))
        elif side.guard is None:
            drops.unauthentic += 1
        elif size := side.receive(packet, size, address, self._clock()):
            to: Any = side.to
            to.emit(self._views[size])

    def _asked(
        self, side: Side, data: bytes, address: tuple[str, int], door: socket.socket
    ) -> None:
        web = side.web
        assert isinstance(web, Browser)
        asked = stun.answer_to(data, address, web.ufrag, web.password)
        if asked is None:
            self.engine.drops.stray += 1
            return
        door.sendto(asked.answer, address)
        if asked.nominates and address != side.source:
            side.latch.source = address
            side.settle()

    def heard_control(self, side: Side, data: bytes) -> None:
        """RTCP of a side, whose sender is believed."""
        if side.guard is not None:
            data = side.guard.open_control(data)
        if not side.control.receive(data, side.line.ssrc, self._clock()):
            self.engine.drops.malformed += 1

    def _shake_hands(self, side: Side, said: list[bytes], door: socket.socket) -> None:
        """Send what the handshake says; once it is done, audio goes both ways."""
        address: Any = side.source
        for datagram in said:
            door.sendto(datagram, address)
        if side.web is not None and side.web.guard is not side.guard:
            side.guard = side.web.guard
            self._rewire(side)
            self.engine.changed.setdefault(side.call_id, self.engine.legs.get(side.call_id))

    def look_after(self, leg: Leg) -> None:
        """Repeat what got no answer."""
        side = leg.phone
        if isinstance(side.web, Browser) and side.source is not None:
            door = side.wire.door_to(side.source[0])
            try:
                self._shake_hands(side, side.web.tick(), door)
            except OSError:
                self.send_errors += 1

    def report(self, leg: Leg, now: Micros) -> None:
        """Our RTCP, on the port of its audio."""
        side = leg.phone
        report, to = self.engine.control_report(leg, now), side.source
        if side.guard is None or to is None:
            return
        try:
            side.wire.door_to(to[0]).sendto(side.guard.seal_control(report), to)
        except OSError:
            self.send_errors += 1
