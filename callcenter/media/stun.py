"""ICE as the side that only answers does it (ICE-lite): a browser asks, we prove that we are meant.

    browser ── Binding request, USERNAME ours:theirs, MESSAGE-INTEGRITY by our password ──► us
            ◄── Binding success, where we saw it come from ──

Why: a browser sends nothing to an address that has not answered it so, and asks again every few
seconds. Its question proves that it was told our password, by signalling that is secret; so the
address that it comes from is believed, and the one it nominates (USE-CANDIDATE) is where we send.

Sources: RFC 8489 5, 14 (STUN), RFC 8445 2.5, 7.3 (the answering side, lite), RFC 7675 (consent).
"""

import hmac
from binascii import crc32
from ipaddress import ip_address
from typing import NamedTuple

from callcenter.media.latch import Address

COOKIE = 0x2112A442
HEADER, ATTRIBUTES_MAX, OCTETS_MAX = 20, 32, 1024
REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, MAPPED = 0x0006, 0x0008, 0x0020
USE_CANDIDATE, FINGERPRINT = 0x0025, 0x8028
FINGERPRINT_XOR = 0x5354554E


class Asked(NamedTuple):
    """A question that proved itself, and what is answered."""

    answer: bytes
    nominates: bool
    """The address that it came from is the one to send to."""


def is_stun(first: int) -> bool:
    """Whether a datagram that begins so may be STUN (RFC 7983 7)."""
    return first < 4


def answer_to(data: bytes, source: Address, ufrag: str, password: str) -> Asked | None:
    """Answer a Binding request from `source`; None for everything else.

    Args:
        ufrag: ours, with which its USERNAME begins.
        password: ours.
    """
    attributes = _read(data)
    if attributes is None or INTEGRITY not in attributes:
        return None
    place, proof = attributes[INTEGRITY]
    key = password.encode()
    if not hmac.compare_digest(proof, _proof(data[:place], key)):
        return None
    name = attributes.get(USERNAME, (0, b""))[1].partition(b":")[0]
    if name != ufrag.encode():
        return None
    return Asked(_success(data[8:20], source, key), USE_CANDIDATE in attributes)


def _read(data: bytes) -> dict[int, tuple[int, bytes]] | None:
    """Place and value of each attribute of a Binding request; those behind the proof count not."""
    if not HEADER <= len(data) <= OCTETS_MAX or len(data) % 4:
        return None
    if int.from_bytes(data[:2]) != REQUEST or int.from_bytes(data[4:8]) != COOKIE:
        return None
    if int.from_bytes(data[2:4]) != len(data) - HEADER:
        return None
    found: dict[int, tuple[int, bytes]] = {}
    at = HEADER
    for _ in range(ATTRIBUTES_MAX):
        if at == len(data):
            return found
        kind, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        value = data[at + 4 : at + 4 + size]
        if len(value) < size:
            return None
        if INTEGRITY not in found:
            found[kind] = (at, value)
        at += 4 + (size + 3) // 4 * 4
    return None


def _proof(before: bytes, key: bytes) -> bytes:
    """HMAC over what stands before, its length as if the proof were there (RFC 8489 14.5)."""
    size = (len(before) - HEADER + 24).to_bytes(2)
    return hmac.digest(key, before[:2] + size + before[4:], "sha1")


def _success(transaction: bytes, source: Address, key: bytes) -> bytes:
    host, port = source
    packed = ip_address(host).packed
    mask = COOKIE.to_bytes(4) + transaction
    mapped = bytes([0, 2 if len(packed) == 16 else 1]) + (port ^ COOKIE >> 16).to_bytes(2)
    mapped += bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    message = SUCCESS.to_bytes(2) + bytes(2) + mask + _attribute(MAPPED, mapped)
    message += _attribute(INTEGRITY, _proof(message, key))
    message = message[:2] + (len(message) - HEADER + 8).to_bytes(2) + message[4:]
    return message + _attribute(FINGERPRINT, (crc32(message) ^ FINGERPRINT_XOR).to_bytes(4))


def _attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2) + len(value).to_bytes(2) + value
