"""ICE's questions: those of RFC 5769, and questions that are not for us."""

from binascii import crc32

import pytest

from callcenter.media.stun import answer_to, is_stun

SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a6836765920202000080014"
    "9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
"""RFC 5769 2.1: a request of `evtj:h6vY` under this password."""
PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
SOURCE = ("192.0.2.1", 32853)


def attributes(message: bytes) -> dict[int, bytes]:
    found, at = {}, 20
    while at < len(message):
        kind, size = int.from_bytes(message[at : at + 2]), int.from_bytes(message[at + 2 : at + 4])
        found[kind] = message[at + 4 : at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return found


def test_the_question_of_the_standard_is_answered() -> None:
    asked = answer_to(SAMPLE, SOURCE, "evtj", PASSWORD)
    assert asked is not None
    assert not asked.nominates
    answer = asked.answer
    assert answer[:2] == b"\x01\x01"
    assert answer[4:20] == SAMPLE[4:20]
    assert int.from_bytes(answer[2:4]) == len(answer) - 20
    found = attributes(answer)
    assert found[0x20] == bytes.fromhex("0001a147e112a643")  # RFC 5769 2.2 says the same address
    assert found[0x8028] == (crc32(answer[:-8]) ^ 0x5354554E).to_bytes(4)


def test_an_ipv6_address_is_told_as_the_standard_does() -> None:
    host = ("2001:db8:1234:5678:11:2233:4455:6677", 32853)
    asked = answer_to(SAMPLE, host, "evtj", PASSWORD)
    assert asked is not None
    expected = "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"  # RFC 5769 2.3
    assert attributes(asked.answer)[0x20] == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("ufrag", "password"),
    [("evtj", "wrong"), ("evt", PASSWORD), ("h6vY", PASSWORD), ("", PASSWORD)],
)
def test_who_does_not_know_us_is_not_answered(ufrag: str, password: str) -> None:
    assert answer_to(SAMPLE, SOURCE, ufrag, password) is None


def test_no_changed_octet_is_answered_but_behind_the_proof() -> None:
    for place in range(len(SAMPLE) - 8):
        changed = bytearray(SAMPLE)
        changed[place] ^= 0x55
        assert answer_to(bytes(changed), SOURCE, "evtj", PASSWORD) is None, place


def test_no_length_of_a_question_is_trouble() -> None:
    for size in range(len(SAMPLE)):
        assert answer_to(SAMPLE[:size], SOURCE, "evtj", PASSWORD) is None
    assert answer_to(SAMPLE + bytes(2000), SOURCE, "evtj", PASSWORD) is None
    assert answer_to(bytes([0, 1]) + bytes(18), SOURCE, "evtj", PASSWORD) is None


def test_what_stands_behind_the_proof_nominates_nothing() -> None:
    forged = bytearray(SAMPLE[:-8] + bytes.fromhex("00250000") + SAMPLE[-8:])
    forged[2:4] = (len(forged) - 20).to_bytes(2)
    asked = answer_to(bytes(forged), SOURCE, "evtj", PASSWORD)
    assert asked is None or not asked.nominates


def test_stun_is_told_from_dtls_and_rtp() -> None:
    assert [is_stun(first) for first in (0, 3, 4, 20, 63, 128)] == [True] * 2 + [False] * 4
