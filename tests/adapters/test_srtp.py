"""The guard against libsrtp's own ends, against `cryptography`, and across its own death."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pylibsrtp import Policy, Session

from callcenter.adapters.srtp import Counters, SrtpGuard
from callcenter.media.guard import REFUSED, REPLAYED
from callcenter.media.sdes import SUITES, Crypto

SSRC, PHONE_SSRC = 0x11112222, 0x33334444
SUITE = "AES_CM_128_HMAC_SHA1_80"
PROFILES = {
    SUITE: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
}


def crypto(number: int, suite: str = SUITE) -> Crypto:
    return Crypto(1, suite, bytes([number]) * SUITES[suite])


def packet(sequence: int, ssrc: int = PHONE_SSRC, payload: bytes = b"voice") -> bytes:
    return (
        struct.pack(">BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc)
        + payload
    )


class Phone:
    """Who is at the other end: libsrtp, set up by itself."""

    def __init__(self, own: Crypto, ours: Crypto) -> None:
        self.out = Session(Policy(own.key, Policy.SSRC_ANY_OUTBOUND, 0, PROFILES[own.suite]))
        self.into = Session(Policy(ours.key, Policy.SSRC_ANY_INBOUND, 0, PROFILES[ours.suite]))

    def says(self, sequence: int) -> bytes:
        return self.out.protect(packet(sequence))


def opened(guard: SrtpGuard, data: bytes) -> bytes | int:
    buffer = bytearray(2048)
    buffer[: len(data)] = data
    size = guard.open(buffer, len(data))
    return bytes(buffer[:size]) if size > 0 else size


@pytest.mark.parametrize("suite", SUITES)
def test_both_directions_with_every_suite(suite: str) -> None:
    ours, theirs = crypto(1, suite), crypto(2, suite)
    guard, phone = SrtpGuard(ours, theirs), Phone(theirs, ours)
    assert opened(guard, phone.says(7)) == packet(7)
    assert phone.into.unprotect(guard.seal(packet(9, SSRC))) == packet(9, SSRC)
    report = struct.pack(">BBHI", 0x80, 201, 1, PHONE_SSRC)
    assert guard.open_control(phone.out.protect_rtcp(report)) == report
    assert phone.into.unprotect_rtcp(guard.seal_control(report)) == report


def test_the_cipher_text_is_that_of_the_standard() -> None:
    """RFC 3711 4.1.1 and 4.3 done once more with `cryptography`: key derivation, counter mode, tag."""
    master = Crypto(1, SUITE, bytes(range(30)))
    sealed = SrtpGuard(master, crypto(2)).seal(packet(5, SSRC))
    key, salt = master.key[:16], int.from_bytes(master.key[16:])

    def derived(label: int, size: int) -> bytes:
        iv = ((salt ^ label << 48) << 16).to_bytes(16)
        return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(bytes(size))

    session_salt = int.from_bytes(derived(2, 14))
    iv = (session_salt << 16 ^ SSRC << 64 ^ 5 << 16).to_bytes(16)
    stream = Cipher(algorithms.AES(derived(0, 16)), modes.CTR(iv)).encryptor()
    body = sealed[:12] + stream.update(b"voice")
    tag = hmac.digest(derived(1, 20), body + bytes(4), hashlib.sha1)[:10]
    assert sealed == body + tag


def test_what_was_heard_is_not_heard_again_and_what_was_changed_not_at_all() -> None:
    guard, phone = SrtpGuard(crypto(1), crypto(2)), Phone(crypto(2), crypto(1))
    data = phone.says(100)
    changed = bytes([*data[:-1], data[-1] ^ 1])
    assert opened(guard, changed) == REFUSED
    assert opened(guard, data) == packet(100)
    assert opened(guard, data) == REPLAYED
    assert opened(guard, packet(101)) == REFUSED
    late, later = phone.says(101), phone.says(102)
    assert opened(guard, later) == packet(102)
    assert opened(guard, late) == packet(101)
    for sequence in range(103, 400):
        opened(guard, phone.says(sequence))
    assert opened(guard, late) == REPLAYED


@pytest.mark.parametrize("size", [0, 1, 12, 1501, 2000])
def test_no_size_of_a_datagram_is_trouble(size: int) -> None:
    assert SrtpGuard(crypto(1), crypto(2)).open(bytearray(2048), size) == REFUSED
    assert SrtpGuard(crypto(1), crypto(2)).open_control(bytes(size)) == b""


def test_an_index_is_never_used_twice() -> None:
    guard = SrtpGuard(crypto(1), crypto(2))
    assert guard.seal(packet(5, SSRC))
    assert guard.seal(packet(5, SSRC, b"other")) == b""
    assert guard.seal(packet(4, SSRC))


def test_the_next_life_goes_on_where_the_counters_rolled_over() -> None:
    """Three rollovers each way, as after an hour; the phone's end never died."""
    phone, first = Phone(crypto(2), crypto(1)), SrtpGuard(crypto(1), crypto(2))
    for sequence in range(0, 3 * 65_536 + 600, 500):
        assert opened(first, phone.says(sequence)) == packet(sequence)
        assert phone.into.unprotect(first.seal(packet(sequence + 9, SSRC)))
    for _ in range(3):
        phone.into.unprotect_rtcp(first.seal_control(struct.pack(">BBHI", 0x80, 201, 1, SSRC)))
    assert first.progress.sent >> 16 == first.progress.heard >> 16 == 3
    assert first.progress.reports == 3
    second = SrtpGuard(crypto(1), crypto(2), first.progress)
    assert second.progress == first.progress
    told = first.progress.sent + 20
    assert phone.into.unprotect(second.seal(packet(told, SSRC))) == packet(told, SSRC)
    assert opened(second, phone.says(first.progress.heard + 60)) != REFUSED
    again = second.seal_control(struct.pack(">BBHI", 0x80, 201, 1, SSRC))
    assert phone.into.unprotect_rtcp(again)


def test_packets_under_the_old_key_are_heard_until_the_new_one_is_used() -> None:
    guard, before = SrtpGuard(crypto(1), crypto(2)), Phone(crypto(2), crypto(1))
    assert opened(guard, before.says(1)) == packet(1)
    guard.rekey(crypto(1), crypto(3))
    after = Phone(crypto(3), crypto(1))
    assert opened(guard, before.says(2)) == packet(2)
    assert opened(guard, after.says(3)) == packet(3)
    assert opened(guard, before.says(4)) == REFUSED
    assert opened(guard, after.says(4)) == packet(4)


@pytest.mark.parametrize("begins_anew", [True, False])
def test_a_new_key_after_a_rollover_is_heard_whether_the_phone_counts_on_or_anew(
    begins_anew: bool,
) -> None:
    before = SrtpGuard(crypto(1), crypto(2), Counters(SSRC, 70_000, PHONE_SSRC, 70_000))
    before.rekey(crypto(1), crypto(3))
    phone = Phone(crypto(3), crypto(1))
    if not begins_anew:
        for sequence in range(0, 70_000, 10_000):
            phone.says(sequence)
    sequence = 70_010 & 0xFFFF
    assert opened(before, phone.says(sequence)) != REFUSED
    assert before.progress.heard == (sequence if begins_anew else 70_010)


def test_our_own_new_suite_keeps_the_rollovers() -> None:
    guard = SrtpGuard(crypto(1), crypto(2), Counters(SSRC, 65_536 + 5, PHONE_SSRC, 3))
    other = "AEAD_AES_128_GCM"
    guard.rekey(crypto(4, other), crypto(5, other))
    twin = SrtpGuard(crypto(5, other), crypto(4, other), Counters(0, -1, SSRC, 65_536 + 5))
    assert opened(twin, guard.seal(packet(65_536 + 6, SSRC))) == packet(65_536 + 6, SSRC)
