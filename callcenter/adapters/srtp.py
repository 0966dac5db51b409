"""SRTP and SRTCP for one phone, done by libsrtp.

Why: libsrtp is what phones and browsers use; replay window, key derivation and the rollover counter
are its work. What it cannot tell is how far its counters are, and a worker that takes a call back
must neither use an index twice (two packets under one key stream tell both their contents) nor
refuse the phone's next packet. So the indices are counted here beside it, noted with the numbers of
the stream, and a new life walks a fresh session up to them by packets that nobody is sent.

A phone that changes its key may begin to count anew or go on (RFC 3711 3.3.1 wants that; many begin
anew), and packets under the old key are on their way meanwhile. So the sessions that may be meant
are tried in turn until one under the new key proved right.

Sources: RFC 3711 3.3.1 (index), 3.4 (SRTCP), 9.1 (key stream reuse); RFC 4568 6.4; RFC 7714.
"""

import struct
from typing import NamedTuple

from pylibsrtp import Error, Policy, Session

from callcenter.media.guard import REFUSED, REPLAYED
from callcenter.media.sdes import Crypto

PACKET_MAX = 1356
"""Octets of a plain packet: libsrtp's wrapper keeps room for the longest trailer."""
SEALED_MAX = 1500
STRIDE = 0x7000
"""A leap that is still read as one forward (less than 2^15)."""
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
}
_HEADER = struct.Struct(">BBHII")
_REPORT = struct.Struct(">BBHI")


class Counters(NamedTuple):
    """How far a guard is. Indices are those of RFC 3711 3.3.1: 2^16 times the rollovers, plus the
    sequence number."""

    ours: int = 0
    """SSRC of what we send."""
    sent: int = -1
    """Index of our last packet; -1 before the first."""
    theirs: int = 0
    """SSRC of what was heard last."""
    heard: int = -1
    reports: int = 0
    """SRTCP packets sent."""


class SrtpGuard:
    """One phone's pair of keys. Use it from one thread."""

    __slots__ = (
        "_heard",
        "_inbound",
        "_last",
        "_new",
        "_ours",
        "_outbound",
        "_reports",
        "_sent",
        "_ssrc_in",
        "_ssrc_out",
        "_theirs",
    )

    def __init__(self, ours: Crypto, theirs: Crypto, counters: Counters = Counters()) -> None:
        """`counters` are those of the life before this one."""
        self._ours, self._theirs = ours, theirs
        self._ssrc_out, self._sent, self._ssrc_in, self._heard, self._reports = counters
        self._outbound = self._sender()
        self._new: list[Session] = []
        """Under the phone's new key, while none of them has proved right."""
        self._inbound = _session(theirs, Policy.SSRC_ANY_INBOUND)
        if self._heard >= 0:
            _walk_in(self._inbound, theirs, self._ssrc_in, self._heard)

    @property
    def progress(self) -> Counters:
        """For whoever goes on."""
        return Counters(self._ssrc_out, self._sent, self._ssrc_in, self._heard, self._reports)

    def rekey(self, ours: Crypto, theirs: Crypto) -> None:
        """Go on under other keys."""
        if ours[1:] != self._ours[1:]:
            self._ours = ours
            self._outbound = self._sender()
        if theirs[1:] != self._theirs[1:]:
            self._theirs = theirs
            self._new = [_session(theirs, Policy.SSRC_ANY_INBOUND)]
            if self._heard >= 1 << 16:
                goes_on = _session(theirs, Policy.SSRC_ANY_INBOUND)
                _walk_in(goes_on, theirs, self._ssrc_in, self._heard)
                self._new.insert(0, goes_on)

    def open(self, packet: bytearray, size: int) -> int:
        """See `media.secrecy.Guard`."""
        if not 12 < size <= SEALED_MAX:
            return REFUSED
        data = bytes(packet[:size])
        plain = self._try_new(data) if self._new else b""
        if not plain:
            try:
                plain = self._inbound.unprotect(data)
            except Error as why:
                return REPLAYED if "replay" in str(why) else REFUSED
        size = len(plain)
        packet[:size] = plain
        self._count_in(packet)
        return size

    def seal(self, packet: bytes) -> bytes:
        """See `media.secrecy.Guard`."""
        if len(packet) > PACKET_MAX:
            return b""
        try:
            sealed: bytes = self._outbound.protect(packet)
        except Error:
            return b""
        sequence = packet[2] << 8 | packet[3]
        if self._sent < 0:
            self._sent = sequence
            self._ssrc_out = int.from_bytes(packet[8:12])
        else:
            self._sent = max(self._sent, _index(sequence, self._sent))
        return sealed

    def open_control(self, data: bytes) -> bytes:
        """See `media.secrecy.Guard`."""
        for session in (*self._new, self._inbound):
            try:
                plain: bytes = session.unprotect_rtcp(data)
            except (Error, ValueError):
                continue
            return plain
        return b""

    def seal_control(self, data: bytes) -> bytes:
        """See `media.secrecy.Guard`."""
        self._reports += 1
        sealed: bytes = self._outbound.protect_rtcp(data)
        return sealed

    def _sender(self) -> Session:
        session = _session(self._ours, Policy.SSRC_ANY_OUTBOUND)
        if self._sent >= 0:
            _walk_out(session, self._ssrc_out, self._sent)
            for _ in range(self._reports):
                session.protect_rtcp(_REPORT.pack(0x80, 201, 1, self._ssrc_out))
        return session

    def _try_new(self, data: bytes) -> bytes:
        for session in self._new:
            try:
                plain: bytes = session.unprotect(data)
            except Error:
                continue
            if session is self._new[-1]:
                self._heard = -1  # it began anew
            self._inbound, self._new = session, []
            return plain
        return b""

    def _count_in(self, packet: bytearray) -> None:
        ssrc = int.from_bytes(packet[8:12])
        sequence = packet[2] << 8 | packet[3]
        if ssrc != self._ssrc_in or self._heard < 0:
            self._ssrc_in, self._heard = ssrc, sequence
        elif (index := _index(sequence, self._heard)) > self._heard:
            self._heard = index


def _session(key: Crypto, kind: int) -> Session:
    return Session(Policy(key=key.key, ssrc_type=kind, srtp_profile=_PROFILES[key.suite]))


def _index(sequence: int, last: int) -> int:
    """The index that is nearest to the last one (RFC 3711 3.3.1)."""
    ahead = (sequence - last) & 0xFFFF
    return last + (ahead - 0x10000 if ahead >= 0x8000 else ahead)


def _dummies(ssrc: int, index: int) -> list[bytes]:
    """Packets whose indices lead from nothing to `index`, each near enough to the one before."""
    steps = [*range(0, index, STRIDE), index]
    return [_HEADER.pack(0x80, 0, step & 0xFFFF, 0, ssrc) + b"\0" for step in steps]


def _walk_out(session: Session, ssrc: int, index: int) -> None:
    """Have the next packet's index follow `index`. What is sealed here is sent to nobody."""
    for packet in _dummies(ssrc, index):
        session.protect(packet)


def _walk_in(session: Session, key: Crypto, ssrc: int, index: int) -> None:
    """Have the session believe that it heard `index`: a twin of the sender says so."""
    twin = _session(key, Policy.SSRC_ANY_OUTBOUND)
    for packet in _dummies(ssrc, index):
        session.unprotect(twin.protect(packet))
