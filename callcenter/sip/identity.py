"""Identity: what the originating carrier says about the caller's number (STIR/SHAKEN), read.

A carrier signs a PASSporT, `header.claims.signature` in base64url, and names in `attest` how well it
knows the caller: A, she is a customer and the number is hers; B, she is a customer; C, the call only
passed through.

**Read, not verified.** No signature is checked here and no certificate fetched: that asks the network
for files that a stranger names. So the letter is believed only from a trunk, whose carrier did check
it, and is a hint for a flow (`call.caller_attested`), never a permission.

Sources: RFC 8224 4 (Identity), RFC 8225 (PASSporT), RFC 8588 4 (`shaken`, `attest`).
"""

import binascii
from base64 import urlsafe_b64decode

import msgspec

from callcenter.sip.message import Request

TOKEN_CHARACTERS_MAX = 4_096
IDENTITIES_MAX = 4


class _Header(msgspec.Struct):
    ppt: str = ""


class _Claims(msgspec.Struct):
    attest: str = ""


_header = msgspec.json.Decoder(_Header)
_claims = msgspec.json.Decoder(_Claims)


def attestation(request: Request) -> str:
    """`A`, `B` or `C` of the first SHAKEN passport; `""` where there is none that can be read."""
    for value in request.headers.get_all("Identity")[:IDENTITIES_MAX]:
        found = _attest(value.partition(";")[0].strip(" \t"))
        if found:
            return found
    return ""


def _attest(token: str) -> str:
    parts = token.split(".")
    if len(token) > TOKEN_CHARACTERS_MAX or len(parts) != 3:
        return ""
    try:
        if _header.decode(_octets(parts[0])).ppt != "shaken":
            return ""
        attest = _claims.decode(_octets(parts[1])).attest
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return ""
    return attest if attest in ("A", "B", "C") else ""


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
