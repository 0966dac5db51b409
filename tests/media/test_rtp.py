"""RTP headers that are unusual, wrong, or about to wrap."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.media import rtp

PLAIN = struct.pack(">BBHII", 0x80, 0, 7, 160, 1)


def normalised(packet: bytes) -> bytes:
    buffer = bytearray(packet + bytes(100))
    return bytes(buffer[: rtp.normalise(buffer, len(packet))])


def test_sources_extension_and_padding_are_taken_away() -> None:
    packet = (
        struct.pack(">BBHII", 0xB2, 0, 7, 160, 1)
        + bytes(8)
        + struct.pack(">HH", 0xBEDE, 1)
        + bytes(4)
        + b"sound"
        + b"\x00\x00\x03"
    )
    assert normalised(packet) == PLAIN + b"sound"


@pytest.mark.parametrize(
    "packet",
    [
        b"\x80",
        struct.pack(">BBHII", 0x40, 0, 7, 160, 1) + b"version 1",
        struct.pack(">BBHII", 0x8F, 0, 7, 160, 1) + b"fifteen sources claimed",
        struct.pack(">BBHII", 0x90, 0, 7, 160, 1) + struct.pack(">HH", 1, 9999),
        struct.pack(">BBHII", 0xA0, 0, 7, 160, 1) + b"\xff",
        struct.pack(">BBHII", 0xA0, 0, 7, 160, 1) + b"\x00",
        struct.pack(">BBHII", 0x90, 0, 7, 160, 1) + b"\x01",
    ],
)
def test_a_packet_that_lies_about_its_shape_is_refused(packet: bytes) -> None:
    assert normalised(packet) == b""


@given(st.binary(min_size=1, max_size=80))
def test_no_packet_grows_or_raises(packet: bytes) -> None:
    buffer = bytearray(packet + bytes(100))
    assert 0 <= rtp.normalise(buffer, len(packet)) <= len(packet)


def test_sequence_numbers_and_timestamps_wrap() -> None:
    assert rtp.sequence_ahead(2, 0xFFFE) == 4
    assert rtp.sequence_ahead(0xFFFE, 2) == -4
    assert rtp.timestamp_ahead(100, 0xFFFFFFFF) == 101
    assert rtp.timestamp_ahead(0xFFFFFFFF, 100) == -101
