"""Reports to the phone, and what is learned from its own."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import MILLISECOND, SECOND
from callcenter.media import rtcp
from callcenter.media.line import Line
from callcenter.media.reception import Reception
from callcenter.media.rtcp import ControlState


def line_that_sent(packets: int) -> Line:
    line = Line(77, 0, 0)
    for _ in range(packets):
        line.write(bytearray(172), 0, False, SECOND)
    return line


def test_a_sender_report_counts_what_was_sent_and_what_was_received() -> None:
    reception = Reception()
    for n in (1, 2, 4):
        reception.arrived(n, n * 160, 5, 172, n * 20 * MILLISECOND)
    data = rtcp.compose(line_that_sent(3), reception, ControlState(), 10 * SECOND)
    first, kind, length, ssrc = struct.unpack_from(">BBHI", data)
    assert (first, kind, length, ssrc) == (0x81, 200, 12, 77)
    packets, octets, about, loss, highest = struct.unpack_from(">IIIII", data, 20)
    assert (packets, octets, about, highest) == (3, 480, 5, 4)
    assert (loss >> 24, loss & 0xFFFFFF) == (64, 1)
    assert len(data) % 4 == 0
    assert rtcp.parse(data, 77) is not None


def test_before_anything_was_sent_it_is_a_receiver_report() -> None:
    data = rtcp.compose(Line(77, 0, 0), Reception(), ControlState(), SECOND)
    assert data[:4] == bytes([0x80, 201, 0, 1])


def test_the_round_trip_is_what_the_phone_did_not_keep_for_itself() -> None:
    state = ControlState()
    sent_at = 100 * SECOND
    stamp = (sent_at << 16) // SECOND & 0xFFFFFFFF
    held = 65_536 // 4
    block = struct.pack(">IIIIII", 77, 3 << 24 | 9, 0, 0, stamp, held)
    receiver_report = struct.pack(">BBHI", 0x81, 201, 7, 5) + block
    assert state.receive(receiver_report, 77, sent_at + 250 * MILLISECOND + 80 * MILLISECOND)
    assert state.round_trip is not None
    assert abs(state.round_trip - 80 * MILLISECOND) < MILLISECOND
    assert state.peer_lost == 9


def test_a_report_on_somebody_else_is_read_past() -> None:
    state = ControlState()
    block = struct.pack(">IIIIII", 78, 1, 0, 0, 1, 0)
    assert state.receive(struct.pack(">BBHI", 0x81, 201, 7, 5) + block, 77, SECOND)
    assert state.round_trip is None


def test_our_next_report_echoes_the_phones_stamp() -> None:
    state, reception = ControlState(), Reception()
    reception.arrived(1, 160, 5, 172, SECOND)
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 5, 0xAAAABBBB, 0xCCCCDDDD, 0, 0, 0)
    assert state.receive(report, 77, SECOND)
    data = rtcp.compose(line_that_sent(1), reception, state, 3 * SECOND)
    assert struct.unpack_from(">II", data, 44) == (0xBBBBCCCC, 2 * 65_536)


@given(st.binary(max_size=120))
def test_rubbish_is_refused_and_nothing_else_happens(data: bytes) -> None:
    state = ControlState()
    state.receive(data, 77, SECOND)
    state.receive(b"\x81\xc8\x00\x06" + data, 77, SECOND)
