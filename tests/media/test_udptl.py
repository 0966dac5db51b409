"""T.38 packets over UDP: in order, once each, whatever is lost in between."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.media.udptl import (
    DATAGRAM_MAX,
    Datagram,
    Malformed,
    Receiver,
    Sender,
    decode,
    encode,
)

# An indicator (no signal) with two copies, as commercial gateways send it.
GOLDEN = bytes.fromhex("0002 01 00 00 02 01 02 01 04")
GOLDEN_CORRECTION = bytes.fromhex("0007 02 c0 01 80 01 01 01 02 aa bb")


def test_a_datagram_reads_as_the_standard_lays_it_out() -> None:
    assert decode(GOLDEN) == Datagram(2, b"\x00", (b"\x02", b"\x04"))
    assert encode(decode(GOLDEN)) == GOLDEN


def test_the_primary_of_a_datagram_with_error_correction_stands_for_itself() -> None:
    assert decode(GOLDEN_CORRECTION) == Datagram(7, b"\xc0\x01")


@pytest.mark.parametrize(
    "wrong",
    [b"", b"\x00", b"\x00\x01", b"\x00\x01\x05ab", GOLDEN[:-1], b"\x00\x01\xc1\x00\x00",
     b"\x00\x01\x01a\x00\x7f", b"\x00\x01\x01a\x00\x02\x01b"],
)  # fmt: skip
def test_what_is_cut_off_or_lies_about_itself_is_refused(wrong: bytes) -> None:
    with pytest.raises(Malformed):
        decode(wrong)


@given(st.binary(max_size=500))
def test_nothing_that_arrives_raises_anything_else(data: bytes) -> None:
    receiver = Receiver()
    receiver.receive(GOLDEN)
    assert len(receiver.receive(data)) <= 16


@given(
    st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=60),
    st.integers(0, 65535),
    st.randoms(use_true_random=False),
)
def test_three_lost_in_a_row_are_brought_back(
    packets: list[bytes], first: int, chance: random.Random
) -> None:
    small = [p[:80] for p in packets]
    sender, receiver = Sender(copies=3), Receiver()
    sender._next = first
    heard: list[bytes] = []
    lost = 0
    for number, packet in enumerate(small):
        datagram = sender.send(packet)
        if 0 < number < len(small) - 1 and lost < 3 and chance.random() < 0.4:
            lost += 1
            continue
        lost = 0
        heard += [data for _, data in receiver.receive(datagram)]
    assert heard == small
    assert receiver.lost == 0


def test_a_fourth_loss_in_a_row_is_counted() -> None:
    sender, receiver = Sender(copies=3), Receiver()
    datagrams = [sender.send(bytes([n])) for n in range(6)]
    receiver.receive(datagrams[0])
    assert [data[0] for _, data in receiver.receive(datagrams[5])] == [2, 3, 4, 5]
    assert (receiver.lost, receiver.recovered) == (1, 3)


def test_what_comes_twice_or_late_is_heard_once() -> None:
    sender, receiver = Sender(), Receiver()
    datagrams = [sender.send(bytes([n])) for n in range(3)]
    order = [datagrams[0], datagrams[2], datagrams[1], datagrams[2]]
    assert [d[0] for each in order for _, d in receiver.receive(each)] == [0, 1, 2]


def test_a_sequence_that_jumps_far_begins_anew() -> None:
    receiver = Receiver()
    receiver.receive(encode(Datagram(10, b"a")))
    assert receiver.receive(encode(Datagram(30_000, b"b", (b"x",)))) == [(30_000, b"b")]
    assert receiver.lost == 0


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=10))
def test_no_datagram_is_longer_than_was_agreed_but_for_its_own_packet(packets: list[bytes]) -> None:
    sender = Sender(copies=3)
    assert all(len(sender.send(p)) <= DATAGRAM_MAX for p in packets)
