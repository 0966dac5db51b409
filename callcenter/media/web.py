"""What a browser and we tell each other in SDP to be allowed to talk: ICE and DTLS-SRTP.

Why: a browser speaks no other way. Its keys are agreed in the media itself (DTLS); what SDP carries
is a fingerprint of the certificate, so that nobody between can take its place, and the password of
ICE. Who does the handshake is given to the engine from outside, as sockets are.

Sources: RFC 8839 (ICE in SDP), RFC 8842 and 5763 (DTLS-SRTP in SDP), RFC 8122 (fingerprint),
RFC 5761 (RTCP on the port of RTP).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from callcenter.media.guard import Guard
from callcenter.media.ng import NgError

WEB_PROFILES = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")
HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Of fingerprints, and their octets; weaker ones prove nothing."""
UFRAG_MAX = 256


class Told(NamedTuple):
    """What a browser's description says."""

    ufrag: str
    hash: str
    fingerprint: bytes
    setup: str
    """`actpass` in an offer; `active` in an answer: the browser begins the handshake."""


def read_told(value_of: Callable[[str], str | None]) -> Told:
    """From the attributes of a media line (or its session's), by `ice-ufrag:` and the like.

    Raises:
        NgError: when something is missing or cannot be used.
    """
    ufrag, setup = value_of("ice-ufrag:"), value_of("setup:") or "actpass"
    name, _, digits = (value_of("fingerprint:") or "").partition(" ")
    name = name.lower()
    try:
        fingerprint = bytes.fromhex(digits.strip().replace(":", ""))
    except ValueError:
        fingerprint = b""
    if not ufrag or len(ufrag) > UFRAG_MAX:
        raise NgError("The SDP has no ICE, without which nothing reaches a browser")
    if HASHES.get(name) != len(fingerprint):
        raise NgError("The SDP has no fingerprint that we can check")
    if setup not in ("actpass", "active"):
        raise NgError("The SDP leaves the beginning of the handshake to us")
    return Told(ufrag, name, fingerprint, setup)


class WebPeer(Protocol):
    """The browser's other end, for one leg; see `adapters/dtls.py`."""

    @property
    def guard(self) -> Guard | None:
        """Once the handshake is done and the browser is who the SDP says."""
        ...

    def lines(self, setup: str) -> Sequence[str]:
        """What our SDP says of us, without `a=`."""
        ...

    def expect(self, told: Told) -> None:
        """The browser says who it is."""
        ...


MakeWebPeer = Callable[[Any], WebPeer]
"""From what an earlier life kept of it, or None."""
