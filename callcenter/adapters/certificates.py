"""Certificates: which one a peer is shown, what a peer's own one proves, and their renewal.

Why: a certificate lives for weeks, a center for months. The files are looked at once in a while;
changed ones are tried as a whole and then serve the next handshake, broken ones are told in the
log and change nothing. Connections that are up keep what they began with.

A peer that names a host (SNI) is shown the certificate that has that name; any other, and one that
names nothing, the first. Trunks may have to show a certificate, too: it must chain to the trunk's
own authorities and hold its name, so that one carrier's authority cannot speak for another. Phones
and browsers are not asked for one.

Sources: RFC 8446 and 9325 (TLS 1.2 or newer, forward secrecy, AEAD), RFC 6066 3 (SNI), RFC 5922 7
(names in SIP certificates), RFC 6125.
"""

from __future__ import annotations

import ssl as names_of_system
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from zope.interface import implementer

CIPHERS: Any = AcceptableCiphers.fromOpenSSLCipherString(  # type: ignore[no-untyped-call]  # Twisted's
    "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL:!SHA1"
)
"""Of TLS 1.2; those of 1.3 are all good."""
CHAIN_MAX = 10
FILE_BYTES_MAX = 262_144


class CertificateFiles(NamedTuple):
    """One certificate with its chain, and its key."""

    certificate: Path
    key: Path


class TrunkProof(NamedTuple):
    """How a trunk proves itself: a certificate of one of `authorities` (a file; the system's when
    None) that holds `name`."""

    trunk: str
    name: str
    authorities: Path | None = None


class CertificateError(Exception):
    """A file that cannot be used: which, and why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate ready to be shown."""

    options: CertificateOptions
    names: frozenset[str]
    """Hosts that it speaks for, in lower case; `*.example.com` as it is."""
    ends: datetime

    @classmethod
    def read(cls, files: CertificateFiles) -> Certificate:
        """Raises `CertificateError`: unreadable, no key of it, no certificate."""
        chain = read_chain(files.certificate)
        try:
            key = crypto.load_privatekey(crypto.FILETYPE_PEM, _read(files.key))
        except (crypto.Error, ValueError, TypeError) as wrong:
            raise CertificateError(f"{files.key} is no private key in PEM") from wrong
        options = CertificateOptions(
            privateKey=key,
            certificate=crypto.X509.from_cryptography(chain[0]),
            extraCertChain=[crypto.X509.from_cryptography(more) for more in chain[1:]],
            raiseMinimumTo=TLSVersion.TLSv1_2,
            acceptableCiphers=CIPHERS,
        )
        try:
            options.getContext()
        except SSL.Error as wrong:
            raise CertificateError(f"{files.key} is not the key of {files.certificate}") from wrong
        return cls(options, names_in(chain[0]), chain[0].not_valid_after_utc)

    def speaks_for(self, host: str) -> bool:
        """Whether it may be shown to somebody who asked for `host`."""
        return speaks_for(self.names, host)


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What our listeners show. Give it to `TLSMemoryBIOFactory` as it is.

    Args:
        files: the first is for whoever names no host that we know.
        trunks: whose certificates are looked at; without any, nobody is asked for one.
    """

    def __init__(
        self, files: Sequence[CertificateFiles], trunks: Iterable[TrunkProof] = ()
    ) -> None:
        self._files = tuple(files)
        self._trunks = tuple(trunks)
        self._stamps: tuple[object, ...] = ()
        self._shown: tuple[Certificate, ...] = ()
        self._contexts: tuple[SSL.Context, ...] = ()
        self._proofs: tuple[tuple[TrunkProof, crypto.X509Store], ...] = ()
        self.load()

    def load(self) -> None:
        """Read every file. Raises `CertificateError`; what was in force stays then."""
        stamps = self._look()
        shown = tuple(Certificate.read(files) for files in self._files)
        proofs = tuple((proof, _store(proof.authorities)) for proof in self._trunks)
        contexts = tuple(self._context(certificate) for certificate in shown)
        self._shown, self._proofs, self._contexts = shown, proofs, contexts
        self._stamps = stamps

    def renew(self) -> bool:
        """Read the files again if one of them changed. Raises `CertificateError` as `load`, once
        for each change."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        try:
            self.load()
        finally:
            self._stamps = stamps
        return True

    @property
    def ends(self) -> datetime:
        """When the first of them is no longer valid."""
        return min(certificate.ends for certificate in self._shown)

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:  # noqa: N802, N803 Twisted's names
        """A handshake begins."""
        connection = SSL.Connection(self._contexts[0], None)
        connection.set_app_data(tlsProtocol)  # where Twisted looks for it
        return connection

    def proven(self, chain: Sequence[x509.Certificate]) -> str:
        """The trunk that a peer's certificate (first of `chain`) proves; `""` for none."""
        if not chain:
            return ""
        held = names_in(chain[0])
        certificate, *between = (crypto.X509.from_cryptography(one) for one in chain[:CHAIN_MAX])
        for proof, store in self._proofs:
            if not speaks_for(held, proof.name):
                continue
            try:
                crypto.X509StoreContext(store, certificate, between).verify_certificate()
            except crypto.X509StoreContextError:
                continue
            return proof.trunk
        return ""

    def _context(self, certificate: Certificate) -> SSL.Context:
        context = certificate.options.getContext()
        context.set_tlsext_servername_callback(self._named)
        # Browsers offer `http/1.1`; Twisted's own answer to what is not known ends the handshake.
        context.set_alpn_select_callback(lambda *_: SSL.NO_OVERLAPPING_PROTOCOLS)
        if self._trunks:
            # Taken whatever it is; what it proves is asked of `proven` after the handshake.
            context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        return context

    def _named(self, connection: SSL.Connection) -> None:
        """The peer said which host it wants."""
        host = (connection.get_servername() or b"").decode("ascii", "replace")
        for certificate, context in zip(self._shown, self._contexts, strict=True):
            if certificate.speaks_for(host):
                connection.set_context(context)
                return

    def _look(self) -> tuple[object, ...]:
        paths = [path for files in self._files for path in files]
        paths += [proof.authorities for proof in self._trunks if proof.authorities]
        return tuple(_stamp(path) for path in paths)


def speaks_for(names: Iterable[str], host: str) -> bool:
    """Whether one of `names` is `host`, or its `*.` stands for the first label (RFC 6125 6.4.3)."""
    wanted = host.lower().rstrip(".")
    parent = wanted.partition(".")[2]
    return any(name == wanted or (bool(parent) and name == f"*.{parent}") for name in names)


def names_in(certificate: x509.Certificate) -> frozenset[str]:
    """The hosts that a certificate holds: DNS names, addresses, and `sip:` URIs without a user."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return frozenset()
    names = {str(name).lower() for name in found.get_values_for_type(x509.DNSName)}
    names |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    for uri in found.get_values_for_type(x509.UniformResourceIdentifier):
        scheme, _, rest = str(uri).lower().partition(":")
        if scheme == "sip" and "@" not in rest:
            names.add(rest)
    return frozenset(names)


def read_chain(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file. Raises `CertificateError`."""
    try:
        return x509.load_pem_x509_certificates(_read(path))[:CHAIN_MAX]
    except ValueError as wrong:
        raise CertificateError(f"{path} holds no certificate in PEM") from wrong


def _store(authorities: Path | None) -> crypto.X509Store:
    store = crypto.X509Store()
    if authorities is None:
        places = names_of_system.get_default_verify_paths()
        store.load_locations(places.cafile, places.capath)
        return store
    for authority in read_chain(authorities):
        store.add_cert(crypto.X509.from_cryptography(authority))
    return store


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as wrong:
        raise CertificateError(f"{path} cannot be read: {wrong.strerror}") from wrong


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def days_left(ends: datetime, now: datetime | None = None) -> int:
    """Whole days until `ends`; negative when it is over."""
    return (ends - (now or datetime.now(UTC))).days
