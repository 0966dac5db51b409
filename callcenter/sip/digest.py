"""Digest authentication: the challenge we put to a phone, and our answer to a trunk's.

A phone proves that it knows a password by hashing it with a nonce of ours. A nonce holds its own
birth and a seal made with a secret of this process, so that none has to be stored before it was
used; after that we remember how often it was, because the same answer must not count twice.

Why two profiles: everybody is asked for `qop="auth"`, so that a challenge tells nobody who exists.
`standard` phones answer with it; their nonce count rises with each request and the digest covers
the Request-URI. `legacy` phones know MD5 without qop only (RFC 2069) and hash a URI of their own
making; for them each nonce is good for one request. Without that, whoever overhears one such
request could repeat it.

Hashes are compared in constant time. Whoever calls `verify` does so for unknown users as well,
with `HA1_OF_NOBODY`, so that neither answer nor time tells who exists.

Sources: RFC 8760 (SHA-256 in SIP), RFC 7616, RFC 3261 22, RFC 2617, RFC 2069 2.1.2.
"""

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from callcenter.domain.units import SECOND, Micros
from callcenter.sip import limits
from callcenter.sip.errors import SipError
from callcenter.sip.headers import quote, unquote
from callcenter.sip.uri import parse_uri

Algorithm: TypeAlias = Literal["MD5", "SHA-256"]
Profile: TypeAlias = Literal["standard", "legacy"]
NonceUse: TypeAlias = Literal["ok", "stale", "replay"]

ALGORITHMS: dict[Profile, tuple[Algorithm, ...]] = {
    "standard": ("SHA-256", "MD5"),
    "legacy": ("MD5",),
}
"""What is taken from a phone. What it is offered is the same for all, and configured: several
phones stop at the first challenge that names SHA-256, instead of going on to the next."""

HA1_OF_NOBODY = "0" * 64
"""Stands in for the HA1 of an unknown user; no password hashes to it."""

NONCE_LIFETIME_SECONDS = 60
_SEAL_BYTES = 16

_PAIR = re.compile(
    r'[ \t]*+([A-Za-z0-9\-_]++)[ \t]*+=[ \t]*+("(?:[^"\\]++|\\.)*+"|[^\s,"]++)[ \t]*+(?:,|\Z)',
    re.DOTALL,
)


class Authorization(msgspec.Struct, frozen=True):
    """What a phone sent. `algorithm` is upper case; `nc` is 0 without qop."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    nc: int = 0
    cnonce: str = ""
    opaque: str = ""


class Challenge(msgspec.Struct, frozen=True):
    """What a server wants. `qop` are its offers in lower case."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False


def _hash(algorithm: Algorithm, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    return hashlib.sha256(data).hexdigest()


def ha1(user: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """What is kept instead of a password, lower-case hex."""
    return _hash(algorithm, f"{user}:{realm}:{password}")


def challenge(
    realm: str, nonce: str, algorithm: Algorithm = "MD5", qop: bool = True, stale: bool = False
) -> str:
    """One WWW-Authenticate value."""
    parts = [f"Digest realm={quote(realm)}", f'nonce="{nonce}"', f"algorithm={algorithm}"]
    if qop:
        parts.append('qop="auth"')
    if stale:
        parts.append("stale=true")
    return ", ".join(parts)


def challenges(
    realm: str, nonce: str, algorithms: Iterable[Algorithm], stale: bool = False
) -> list[str]:
    """All WWW-Authenticate values, each a line of its own, in the order of `algorithms`."""
    return [challenge(realm, nonce, algorithm, stale=stale) for algorithm in algorithms]


def _pairs(text: str) -> dict[str, str] | None:
    """The parameters of a Digest credential or challenge; None for another scheme.

    Raises:
        SipError: 400 if they are malformed.
    """
    scheme, _, rest = text.strip(" \t").partition(" ")
    if scheme.lower() != "digest":
        return None
    pairs: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PAIR.match(rest, position)
        if match is None or len(pairs) >= limits.PARAMETERS_MAX:
            raise SipError(400, "malformed digest parameters")
        pairs.setdefault(match[1].lower(), unquote(match[2]))
        position = match.end()
    return pairs


def parse_authorization(text: str) -> Authorization | None:
    """Read an Authorization or Proxy-Authorization value.

    Returns:
        None for another scheme than Digest: challenge as if it were not there.

    Raises:
        SipError: 400 if it is malformed or lacks what every digest has.
    """
    pairs = _pairs(text)
    if pairs is None:
        return None
    missing = {"username", "realm", "nonce", "uri", "response"} - pairs.keys()
    count = pairs.get("nc", "")
    if missing or (count and re.fullmatch(r"[0-9A-Fa-f]{1,8}", count) is None):
        raise SipError(400, "incomplete digest credentials")
    return Authorization(
        username=pairs["username"],
        realm=pairs["realm"],
        nonce=pairs["nonce"],
        uri=pairs["uri"],
        response=pairs["response"],
        algorithm=pairs.get("algorithm", "MD5").upper(),
        qop=pairs.get("qop", "").lower(),
        nc=int(count, 16) if count else 0,
        cnonce=pairs.get("cnonce", ""),
        opaque=pairs.get("opaque", ""),
    )


def find_authorization(values: Iterable[str], realm: str) -> Authorization | None:
    """The first digest credential for our realm among the Authorization lines of a request.

    Raises:
        SipError: 400 if one of them is malformed.
    """
    for position, value in enumerate(values):
        if position >= limits.AUTHORIZATIONS_MAX:
            return None
        found = parse_authorization(value)
        if found is not None and found.realm == realm:
            return found
    return None


def verify(
    auth: Authorization,
    method: str,
    ha1_md5: str,
    ha1_sha256: str,
    request_uri: str,
    profile: Profile = "standard",
) -> bool:
    """Whether the sender knows the password. The nonce is checked apart, by `Nonces.check`.

    Args:
        ha1_md5: `""` where MD5 is not taken for this user; so for `ha1_sha256`.
        profile: `standard` insists on qop and on the request's own URI.
    """
    algorithm: Algorithm = "SHA-256" if auth.algorithm == "SHA-256" else "MD5"
    stored = ha1_sha256 if algorithm == "SHA-256" else ha1_md5
    fit = bool(stored) and auth.algorithm in ALGORITHMS[profile] and auth.qop in ("", "auth")
    if auth.qop:
        fit = fit and auth.nc > 0 and bool(auth.cnonce)
    if profile == "standard":
        fit = fit and auth.qop == "auth" and _same_uri(auth.uri, request_uri)
    ha2 = _hash(algorithm, f"{method}:{auth.uri}")
    middle = f"{auth.nc:08x}:{auth.cnonce}:{auth.qop}:" if auth.qop else ""
    expected = _hash(algorithm, f"{stored or HA1_OF_NOBODY}:{auth.nonce}:{middle}{ha2}")
    given = auth.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given) and fit


def _same_uri(sent: str, request_uri: str) -> bool:
    if sent == request_uri:
        return True
    try:
        return parse_uri(sent) == parse_uri(request_uri)
    except SipError:
        return False


class Nonces:
    """Makes nonces and counts their use.

    A nonce is hex: 8 bytes birth, 4 bytes number, 16 bytes seal (HMAC-SHA-256, over the host it was
    given to as well). The secret is best made anew by each process: what an earlier one handed out
    is stale then, and no use of it that was forgotten can be repeated.
    """

    def __init__(
        self,
        secret: bytes,
        lifetime_seconds: int = NONCE_LIFETIME_SECONDS,
        remembered_max: int = limits.NONCES_MAX,
    ) -> None:
        self._secret = secret
        self._remembered_max = remembered_max
        self._lifetime: Micros = lifetime_seconds * SECOND
        self._number = 0
        self._highest_count: OrderedDict[str, int] = OrderedDict()
        self._forgotten_until: Micros = -1

    def make(self, now: Micros, host: str = "") -> str:
        """A nonce never made before, for `host` to use."""
        self._number = (self._number + 1) % 2**32
        body = now.to_bytes(8, "big") + self._number.to_bytes(4, "big")
        return (body + self._seal(body, host)).hex()

    def is_fresh(self, nonce: str, now: Micros, host: str = "") -> bool:
        """Whether we gave it to `host` lately: whoever shows it hears what we send there."""
        born = self._born(nonce, host)
        return born is not None and born <= now <= born + self._lifetime

    def check(self, nonce: str, nc: int, now: Micros, host: str = "") -> NonceUse:
        """Count one use; call it once per request whose digest was right.

        Args:
            nc: the nonce count, 0 for a digest without qop: that nonce is then used up.

        Returns:
            `ok`, or else challenge again: `stale` (say so, the phone need not ask its user) for a
            nonce too old, forgotten or not ours; `replay` for a use that was seen already.
        """
        born = self._born(nonce, host)
        if born is None or not born <= now <= born + self._lifetime:
            return "stale"
        if nonce not in self._highest_count and born <= self._forgotten_until:
            return "stale"
        used = self._highest_count.get(nonce, 0)
        if used < 0 or (used > 0 and nc <= used):
            return "replay"
        self._highest_count[nonce] = nc if nc > 0 else -1
        self._forget(now)
        return "ok"

    def _seal(self, body: bytes, host: str) -> bytes:
        return hmac.digest(self._secret, body + host.encode(), "sha256")[:_SEAL_BYTES]

    def _born(self, nonce: str, host: str) -> Micros | None:
        if len(nonce) != 2 * (12 + _SEAL_BYTES) or not nonce.isascii():
            return None
        try:
            raw = bytes.fromhex(nonce)
        except ValueError:
            return None
        if len(raw) != 12 + _SEAL_BYTES:
            return None
        if not hmac.compare_digest(raw[12:], self._seal(raw[:12], host)):
            return None
        return int.from_bytes(raw[:8], "big")

    def _forget(self, now: Micros) -> None:
        """Drop what is stale anyway; over the limit, make the oldest stale before its time."""
        while True:
            oldest = next(iter(self._highest_count))
            born = int(oldest[:16], 16)
            crowded = len(self._highest_count) > self._remembered_max
            if not crowded and now <= born + self._lifetime:
                return
            del self._highest_count[oldest]
            if now <= born + self._lifetime:
                self._forgotten_until = max(self._forgotten_until, born)


def parse_challenge(text: str) -> Challenge | None:
    """Read a WWW-Authenticate or Proxy-Authenticate value; None for another scheme.

    Raises:
        SipError: 400 if it is malformed or lacks realm or nonce.
    """
    pairs = _pairs(text)
    if pairs is None:
        return None
    if "realm" not in pairs or "nonce" not in pairs:
        raise SipError(400, "incomplete digest challenge")
    return Challenge(
        realm=pairs["realm"],
        nonce=pairs["nonce"],
        algorithm=pairs.get("algorithm", "MD5").upper(),
        qop=tuple(part.strip().lower() for part in pairs.get("qop", "").split(",") if part.strip()),
        opaque=pairs.get("opaque"),
        stale=pairs.get("stale", "").lower() == "true",
    )


def best_challenge(values: Iterable[str]) -> str | None:
    """Of several challenges the strongest one that we can answer, or None."""
    found: dict[str, str] = {}
    for value in values:
        try:
            parsed = parse_challenge(value)
        except SipError:
            continue
        if parsed and (not parsed.qop or {"auth", "auth-int"} & set(parsed.qop)):
            found.setdefault(parsed.algorithm, value)
    return found.get("SHA-256") or found.get("MD5")


def authorization(
    challenge_header: str,
    method: str,
    uri: str,
    user: str,
    password: str,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
) -> str:
    """Our answer to a challenge: an Authorization (401) or Proxy-Authorization (407) value.

    Args:
        uri: the Request-URI as sent.
        nc: how often this nonce has been answered, this time included.
        body: only hashed where the server wants `auth-int` and nothing else.

    Raises:
        SipError: 400 where the challenge cannot be answered.
    """
    wanted = parse_challenge(challenge_header)
    if wanted is None or wanted.algorithm not in ("MD5", "SHA-256"):
        raise SipError(400, "a challenge that we cannot answer")
    algorithm: Algorithm = "SHA-256" if wanted.algorithm == "SHA-256" else "MD5"
    qop = "auth" if "auth" in wanted.qop else next(iter(wanted.qop), "")
    digest_of_body = f":{_hash_bytes(algorithm, body)}" if qop == "auth-int" else ""
    ha2 = _hash(algorithm, f"{method}:{uri}{digest_of_body}")
    middle = f"{nc:08x}:{cnonce}:{qop}:" if qop else ""
    secret = ha1(user, wanted.realm, password, algorithm)
    response = _hash(algorithm, f"{secret}:{wanted.nonce}:{middle}{ha2}")
    parts = [f"Digest username={quote(user)}", f"realm={quote(wanted.realm)}"]
    parts += [f"nonce={quote(wanted.nonce)}", f'uri="{uri}"', f'response="{response}"']
    parts.append(f"algorithm={algorithm}")
    if qop:
        parts += [f'cnonce="{cnonce}"', f"qop={qop}", f"nc={nc:08x}"]
    if wanted.opaque is not None:
        parts.append(f"opaque={quote(wanted.opaque)}")
    return ", ".join(parts)


def _hash_bytes(algorithm: Algorithm, data: bytes) -> str:
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    return hashlib.sha256(data).hexdigest()
