"""The RTP header, and the arithmetic of numbers that wrap.

Why: every packet passes here 50 times a second and direction, so the common shape (version 2, no
padding, no extension, no CSRC: first octet 0x80) is read in place with one `struct`; everything
else is brought to that shape first or refused. Nothing is allocated by what a packet claims.

Sources: RFC 3550 5.1, 5.3.1; RFC 3551 (static payload types).
"""

import struct

HEADER = struct.Struct(">BBHII")
"""First octet, marker and payload type, sequence, timestamp, SSRC."""

read_header = HEADER.unpack_from
write_header = HEADER.pack_into

HEADER_OCTETS = 12
PLAIN = 0x80
MARKER = 0x80
PACKET_MAX = 1500

PCMU = 0
PCMA = 8
NOT_G711 = 0x77
"""Bits of the second octet that are clear in both laws, whatever the marker."""
COMFORT_NOISE = 13

CLOCK = 8000
FRAME = 160
"""Samples, and in G.711 octets, of one 20 ms frame."""
FRAME_MICROS = 20_000

SEQUENCES = 0x10000
TIMESTAMPS = 0x1_0000_0000


def sequence_ahead(new: int, old: int) -> int:
    """How far `new` is ahead of `old`, negative when it is behind (16 bits)."""
    ahead = (new - old) & 0xFFFF
    return ahead - SEQUENCES if ahead >= 0x8000 else ahead


def timestamp_ahead(new: int, old: int) -> int:
    """How many samples `new` is ahead of `old`, negative when it is behind (32 bits)."""
    ahead = (new - old) & 0xFFFFFFFF
    return ahead - TIMESTAMPS if ahead >= 0x80000000 else ahead


def normalise(packet: bytearray, size: int) -> int:
    """Strip CSRCs, extension and padding in place, so that the header is the plain 12 octets.

    Args:
        packet: buffer that holds the packet; rewritten in place.
        size: octets of it that are the packet.

    Returns:
        The new size, or 0 when the packet lies about its own shape.
    """
    if size < HEADER_OCTETS or packet[0] >> 6 != 2:
        return 0
    first = packet[0]
    start = HEADER_OCTETS + 4 * (first & 0x0F)
    if first & 0x10:
        if start + 4 > size:
            return 0
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = size
    if first & 0x20:
        padding = packet[size - 1]
        if not padding:
            return 0
        end -= padding
    if end < start:
        return 0
    payload = packet[start:end]
    packet[HEADER_OCTETS : HEADER_OCTETS + len(payload)] = payload
    packet[0] = PLAIN
    return HEADER_OCTETS + len(payload)
