"""The handshake, against OpenSSL's own client end; who is not announced is not heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from callcenter.adapters.dtls import MTU, Browser, Identity, Kept
from callcenter.adapters.srtp import Counters, SrtpGuard
from callcenter.media import sdes
from callcenter.media.sdes import Crypto
from callcenter.media.web import Told

PACKET = bytes.fromhex("800000050000000000000001") + b"voice"


class Client:
    """A browser's end: it begins."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.connection = SSL.Connection(identity.context, None)
        self.connection.set_connect_state()
        self.connection.set_ciphertext_mtu(MTU)

    def step(self, said: list[bytes]) -> bytes:
        """Hear and answer."""
        for datagram in said:
            self.connection.bio_write(datagram)
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            return self.connection.bio_read(65_536)
        except SSL.WantReadError:
            return b""

    def guard(self) -> SrtpGuard:
        """Its end of the audio (RFC 5764 4.2)."""
        material = self.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 56)
        suite = "AEAD_AES_128_GCM"
        client = Crypto(1, suite, material[:16] + material[32:44])
        server = Crypto(1, suite, material[16:32] + material[44:56])
        return SrtpGuard(client, server)


def told(identity: Identity, fingerprint: bytes = b"", name: str = "sha-256") -> Told:
    return Told("theirs", name, fingerprint or identity.fingerprint, "active")


def shaken(browser: Browser, client: Client) -> bool:
    """Whether the handshake came to its end."""
    said: list[bytes] = []
    for _ in range(10):
        out = client.step(said)
        if not out:
            break
        said = browser.receive(out)
        assert all(len(datagram) <= MTU for datagram in said)
    return browser.guard is not None


def test_both_ends_have_the_same_keys() -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    browser.expect(told(client.identity))
    assert shaken(browser, client)
    assert browser.guard is not None
    theirs = client.guard()
    buffer = bytearray(2048)
    for sealer, opener in ((theirs, browser.guard), (browser.guard, theirs)):
        sealed = sealer.seal(PACKET)
        buffer[: len(sealed)] = sealed
        size = opener.open(buffer, len(sealed))
        assert bytes(buffer[:size]) == PACKET


def test_another_certificate_than_was_announced_gets_no_keys() -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    browser.expect(told(client.identity, bytes(32)))
    assert not shaken(browser, client)
    assert browser.failed
    assert browser.receive(b"\x16" + bytes(40)) == []


def test_before_the_browser_was_announced_nothing_is_answered() -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    assert browser.receive(client.step([])) == []
    browser.expect(told(client.identity))
    assert shaken(browser, Client(client.identity))


@pytest.mark.parametrize(
    ("name", "kind"), [("sha-384", hashes.SHA384()), ("sha-512", hashes.SHA512())]
)
def test_stronger_hashes_of_the_certificate_are_checked_too(
    name: str, kind: hashes.HashAlgorithm
) -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    known = client.connection.get_certificate(as_cryptography=True)
    assert known is not None
    browser.expect(told(client.identity, known.fingerprint(kind), name))
    assert shaken(browser, client)


def test_what_is_no_handshake_does_no_harm() -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    browser.expect(told(client.identity))
    for rubbish in (
        b"",
        b"\x16",
        bytes(13),
        b"\x16\xfe\xff" + bytes(60),
        bytes(range(20, 60)) * 30,
    ):
        browser.receive(rubbish)
    assert shaken(browser, Client(client.identity)) or browser.failed


def test_the_certificate_stays_and_only_we_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "identity.pem"
    first = Identity(file)
    assert Identity(file).fingerprint == first.fingerprint
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_next_life_goes_on_under_the_same_keys_and_names() -> None:
    identity = Identity(None)
    browser, client = Browser(identity), Client(Identity(None))
    browser.expect(told(client.identity))
    assert shaken(browser, client)
    kept = Kept(*browser.kept)
    again = Browser(identity, kept)
    assert list(again.lines("passive")) == list(browser.lines("passive"))
    again.expect(told(client.identity))
    ours, theirs = (sdes.read(k.removeprefix("crypto:")) for k in (kept.ours, kept.theirs))
    assert ours is not None
    assert theirs is not None
    again.go_on(ours, theirs, Counters())
    assert again.guard is not None
    buffer = bytearray(2048)
    sealed = client.guard().seal(PACKET)
    buffer[: len(sealed)] = sealed
    assert again.guard.open(buffer, len(sealed)) == len(PACKET)
    assert again.receive(b"\x16" + bytes(40)) == []


def test_the_same_announcement_again_changes_nothing_another_one_begins_anew() -> None:
    browser, client = Browser(Identity(None)), Client(Identity(None))
    browser.expect(told(client.identity))
    assert shaken(browser, client)
    browser.expect(told(client.identity))
    assert browser.guard is not None
    other = Client(Identity(None))
    browser.expect(told(other.identity))
    assert browser.guard is None
    assert shaken(browser, other)
