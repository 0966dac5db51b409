"""UDPTL: how T.38 packets travel over UDP so that single losses do no harm.

Why: a fax machine asks nothing twice that was lost inside a page. Each datagram therefore carries,
behind its own packet, copies of those just before it; a gap is filled from the copies as long as
no more datagrams in a row are lost than copies travel. What is handed on is in order, once each.

::

    sequence (16) | primary: length, octets | 0x00 | count | copies, newest first: length, octets
                                            | 0x80 | error correction: its primary is used alone

Sources: ITU-T T.38 9.1 (UDPTL), X.691 10.9 (lengths of the packed encoding rules).
"""

import struct
from collections import deque
from typing import NamedTuple

DATAGRAM_MAX = 400
"""What we offer to take (`T38FaxMaxDatagram`); copies that would not fit stay out."""
COPIES_MAX = 16
"""More in one datagram are not read."""
AHEAD_MAX = 250
"""A sequence that jumps further is a stranger or another life of the peer: it begins anew."""

_SEQUENCE = struct.Struct(">H")
_REDUNDANCY, _CORRECTION = 0x00, 0x80


class Malformed(Exception):
    """The datagram is no UDPTL."""


class Datagram(NamedTuple):
    """One datagram: its sequence, its packet, the copies of those before it, newest first."""

    sequence: int
    primary: bytes
    copies: tuple[bytes, ...] = ()


def encode(datagram: Datagram) -> bytes:
    """As octets; the oldest copies stay out when it would get too long."""
    head = _SEQUENCE.pack(datagram.sequence) + _open(datagram.primary) + bytes([_REDUNDANCY])
    room = DATAGRAM_MAX - len(head) - 1
    copies: list[bytes] = []
    for copy in datagram.copies[: COPIES_MAX - 1]:
        packed = _open(copy)
        if len(packed) > room:
            break
        room -= len(packed)
        copies.append(packed)
    return head + bytes([len(copies)]) + b"".join(copies)


def decode(data: bytes) -> Datagram:
    """Raises `Malformed`. Error correction is passed over: its primary stands for itself."""
    if len(data) < _SEQUENCE.size + 1:
        raise Malformed("too short")
    (sequence,) = _SEQUENCE.unpack_from(data)
    primary, at = _read_open(data, _SEQUENCE.size)
    if at >= len(data) or data[at] & _CORRECTION:
        return Datagram(sequence, primary)
    count, at = _read_length(data, at + 1)
    if count > COPIES_MAX:
        raise Malformed("too many copies")
    copies = []
    for _ in range(count):
        copy, at = _read_open(data, at)
        copies.append(copy)
    return Datagram(sequence, primary, tuple(copies))


def _open(octets: bytes) -> bytes:
    """An open type: its length in one octet, or in two from 128 on."""
    size = len(octets)
    return (bytes([size]) if size < 0x80 else bytes([0x80 | size >> 8, size & 0xFF])) + octets


def _read_length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise Malformed("cut off")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first & 0x40 or at + 1 >= len(data):
        raise Malformed("a length that no fax has")
    return (first & 0x3F) << 8 | data[at + 1], at + 2


def _read_open(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _read_length(data, at)
    if at + size > len(data):
        raise Malformed("cut off")
    return data[at : at + size], at + size


class Sender:
    """Numbers packets and remembers the last ones for their copies."""

    def __init__(self, copies: int = 3) -> None:
        self._next = 0
        self._last: deque[bytes] = deque(maxlen=copies)

    def send(self, packet: bytes) -> bytes:
        """The datagram for the next packet."""
        made = encode(Datagram(self._next & 0xFFFF, packet, tuple(self._last)))
        self._next += 1
        self._last.appendleft(packet)
        return made


class Receiver:
    """Puts packets in order, once each; `lost` counts those that no copy brought back."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self.lost = 0
        self.recovered = 0
        self.malformed = 0

    def receive(self, data: bytes) -> list[tuple[int, bytes]]:
        """The packets that `data` brings, oldest first, with their sequences."""
        try:
            datagram = decode(data)
        except Malformed:
            self.malformed += 1
            return []
        if self._expected is None:
            self._expected = datagram.sequence
        ahead = (datagram.sequence - self._expected) & 0xFFFF
        if ahead >= 0x10000 - AHEAD_MAX:
            return []  # its packets are known
        if ahead > AHEAD_MAX:
            ahead = 0
        found = [
            ((datagram.sequence - back) & 0xFFFF, datagram.copies[back - 1])
            for back in range(min(ahead, len(datagram.copies)), 0, -1)
        ]
        self.recovered += len(found)
        self.lost += ahead - len(found)
        found.append((datagram.sequence, datagram.primary))
        self._expected = (datagram.sequence + 1) & 0xFFFF
        return found
