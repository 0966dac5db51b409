"""Keys of encrypted audio as SDP carries them (SDES): `a=crypto` lines read, chosen and written.

    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt in base64>|2^31

Why: whoever reads this line can hear the call, so a key shows itself in no `repr`, and nothing here
is ever logged. A line is taken only if it says exactly what we do: one key, no MKI, nothing left
unencrypted. Lines that say more are passed over; the next one may be for us.

Sources: RFC 4568 4 to 7 and 9 (grammar), RFC 3711 8.2 (sizes), RFC 7714 14.2 (GCM).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import NamedTuple

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""Octets of key and salt together, in the order in which we offer: what every phone knows first."""
TAG_DIGITS_MAX = 9
LINES_MAX = 16


class Crypto(NamedTuple):
    """One key: of him who wrote the line, for what he sends."""

    tag: int
    """By which an answer names the line of the offer that it takes."""
    suite: str
    key: bytes

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.suite})"

    @property
    def value(self) -> str:
        """What stands behind `a=`."""
        return f"crypto:{self.tag} {self.suite} inline:{b64encode(self.key).decode()}"


def read_lines(values: Iterable[str]) -> tuple[Crypto, ...]:
    """Those of the `a=crypto:` values that we can do, in their order."""
    found = (read(value) for value, _ in zip(values, range(LINES_MAX), strict=False))
    return tuple(crypto for crypto in found if crypto is not None)


def read(value: str) -> Crypto | None:
    """One value, without `crypto:`; None for what is malformed or not for us."""
    parts = value.split()
    if len(parts) < 3 or not _is_tag(parts[0]) or parts[1] not in SUITES:
        return None
    if any(not _is_harmless(parameter) for parameter in parts[3:]):
        return None
    method, _, rest = parts[2].partition(":")
    text, *more = rest.split("|")
    if method != "inline" or len(more) > 1 or any(":" in field for field in more):
        return None
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)  # some leave its end out
    except (binascii.Error, ValueError):
        return None
    if len(key) != SUITES[parts[1]]:
        return None
    return Crypto(int(parts[0]), parts[1], key)


def _is_tag(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= TAG_DIGITS_MAX


def _is_harmless(parameter: str) -> bool:
    """A parameter that may be ignored: marked so, or the size of his replay window (6.3)."""
    return parameter.startswith(("-", "WSH="))
