"""DTLS with a browser, up to the keys of its audio.

    new ──► told (its fingerprint came by SDP) ──► handshake, which it begins ──► keys: a guard
                                                       └── another certificate: nothing, for ever

Why: the handshake is OpenSSL's; here its datagrams are carried and its result is checked. A worker
has one certificate, signed by itself, which lies beside its state: a call that was there before a
restart is shown the same fingerprint again. After a restart the keys go on, the handshake does not.

Sources: RFC 5764 (use_srtp, 4.2 key export), RFC 6347 4.2.4 (repetitions), RFC 8827 6.5 (P-256).
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from callcenter.adapters.srtp import Counters, SrtpGuard
from callcenter.media.sdes import SUITES, Crypto
from callcenter.media.web import Told

MTU = 1200
RECORD_HEADER = 13
DAYS = 3650
EXPORTER = b"EXTRACTOR-dtls_srtp"
PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
    b"SRTP_AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
}
_KEY_OCTETS = 16
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
)


class Kept(NamedTuple):
    """What a restart must know of one browser. The keys are as SDES writes them."""

    ufrag: str
    password: str
    ours: str = ""
    theirs: str = ""


class Identity:
    """The certificate of a worker, and what handshakes are made with."""

    def __init__(self, file: Path | None) -> None:
        """`file` holds certificate and key; it is made if it is not there."""
        text = file.read_bytes() if file is not None and file.exists() else _made()
        if file is not None and not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as kept:
                kept.write(text)
        certificate = x509.load_pem_x509_certificate(text)
        self.fingerprint = certificate.fingerprint(hashes.SHA256())
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(certificate)
        key: Any = serialization.load_pem_private_key(text, None)
        context.use_privatekey(key)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(b":".join(PROFILES))
        wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(wanted, lambda *_: True)  # any: it is judged by its fingerprint
        self.context = context


class Browser:
    """One leg's other end; it satisfies `media.web.WebPeer`."""

    def __init__(self, identity: Identity, kept: Kept | None = None) -> None:
        self._identity = identity
        self.ufrag = kept.ufrag if kept else os.urandom(6).hex()
        self.password = kept.password if kept else os.urandom(16).hex()
        self.guard: SrtpGuard | None = None
        self._keys: tuple[Crypto, Crypto] | None = None
        self._told: Told | None = None
        self._connection: SSL.Connection | None = None
        self.failed = False
        """It is not who its SDP said, or cannot do what we can."""

    def lines(self, setup: str) -> Sequence[str]:
        """See `media.web.WebPeer`."""
        digits = ":".join(f"{octet:02X}" for octet in self._identity.fingerprint)
        return (
            f"ice-ufrag:{self.ufrag}",
            f"ice-pwd:{self.password}",
            f"fingerprint:sha-256 {digits}",
            f"setup:{setup}",
            "rtcp-mux",
        )

    def expect(self, told: Told) -> None:
        """See `media.web.WebPeer`. Another certificate than before begins another handshake."""
        before, self._told = self._told, told
        if before is not None and before.fingerprint != told.fingerprint:
            self.guard = self._keys = self._connection = None
            self.failed = False

    def receive(self, data: bytes) -> list[bytes]:
        """Take a datagram of the handshake; what is sent back."""
        if self._told is None or self.failed or not data:
            return []
        if self._connection is None:
            if self.guard is not None:
                return []  # its keys are of a life before this one
            self._connection = SSL.Connection(self._identity.context, None)
            self._connection.set_accept_state()
            self._connection.set_ciphertext_mtu(MTU)
        return self._go_on(self._connection, data)

    def tick(self) -> list[bytes]:
        """What is repeated because nothing came back."""
        connection = self._connection
        if connection is None or self.guard is not None or self.failed:
            return []
        left = connection.DTLSv1_get_timeout()
        if left is None or left > 0:
            return []
        connection.DTLSv1_handle_timeout()
        return self._outgoing(connection)

    def _go_on(self, connection: SSL.Connection, data: bytes) -> list[bytes]:
        try:
            connection.bio_write(data)
            if self.guard is None:
                connection.do_handshake()
                self._agree(connection)
            else:
                connection.recv(1)
        except SSL.WantReadError:
            pass
        except (SSL.Error, ValueError):
            self.failed = self.guard is None
        return self._outgoing(connection)

    def _agree(self, connection: SSL.Connection) -> None:
        """The handshake is done: is it the one that was announced, and under which keys?"""
        certificate = connection.get_peer_certificate(as_cryptography=True)
        told = self._told
        suite = PROFILES.get(connection.get_selected_srtp_profile())
        if certificate is None or told is None or suite is None:
            raise ValueError("no certificate, or no profile")
        algorithm: hashes.HashAlgorithm = {
            "sha-256": hashes.SHA256(), "sha-384": hashes.SHA384(), "sha-512": hashes.SHA512(),
        }[told.hash]  # fmt: skip
        if certificate.fingerprint(algorithm) != told.fingerprint:
            raise ValueError("another certificate")
        salt = SUITES[suite] - _KEY_OCTETS
        material = connection.export_keying_material(EXPORTER, 2 * (_KEY_OCTETS + salt))
        keys, salts = material[: 2 * _KEY_OCTETS], material[2 * _KEY_OCTETS :]
        theirs = Crypto(1, suite, keys[:_KEY_OCTETS] + salts[:salt])
        ours = Crypto(1, suite, keys[_KEY_OCTETS:] + salts[salt:])
        self._keys = ours, theirs
        self.guard = SrtpGuard(ours, theirs)

    @staticmethod
    def _outgoing(connection: SSL.Connection) -> list[bytes]:
        """Whole records, as many to a datagram as fit."""
        try:
            data = connection.bio_read(65_536)
        except SSL.Error:
            return []
        datagrams: list[bytes] = []
        while data:
            size = RECORD_HEADER + int.from_bytes(data[11:13])
            record, data = data[:size], data[size:]
            if datagrams and len(datagrams[-1]) + len(record) <= MTU:
                datagrams[-1] += record
            else:
                datagrams.append(record)
        return datagrams

    @property
    def kept(self) -> Kept:
        """For whoever goes on."""
        ours, theirs = ("", "") if self._keys is None else (key.value for key in self._keys)
        return Kept(self.ufrag, self.password, ours, theirs)

    def go_on(self, ours: Crypto, theirs: Crypto, counters: Counters) -> None:
        """Under the keys of the life before this one."""
        self._keys = ours, theirs
        self.guard = SrtpGuard(ours, theirs, counters)


def _made() -> bytes:
    """A new certificate and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "callcenter media")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return certificate.public_bytes(pem) + key.private_bytes(pem, form, plain)
