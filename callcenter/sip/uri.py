"""SIP, SIPS and tel URIs; other schemes are carried without a look inside.

Why: a URI says whom to reach. Its parts are kept unescaped, so that `sip:%61gent1@…` and
`sip:agent1@…` are one agent; whoever forwards a URI uses the peer's own text instead.

Sources: RFC 3261 19.1 (SIP URIs; 19.1.4 equality), 25.1 (characters), RFC 3966 (tel).
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

import msgspec

from callcenter.sip import limits
from callcenter.sip.errors import SipError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):(.++)", re.DOTALL)
_SIP = re.compile(
    r"(?:([^@\s<>\"]*+)@)?(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._\-]++)(?::([0-9]{1,5}+))?+"
    r"((?:;[^;?\s<>\"]++)*+);?+(?:\?([^\s<>\"]++))?+"
)
_TEL = re.compile(r"([0-9A-Fa-f#*+.()\-]++)((?:;[^;?\s<>\"]++)*+)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VISUAL_SEPARATORS = str.maketrans("", "", "-.()")

_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PASSWORD_SAFE = "-_.!~*'()&=+$,"
_PARAMETER_SAFE = "-_.!~*'()[]/:&+$"
_HEADER_SAFE = "-_.!~*'()[]/?:+$"

_MUST_BE_IN_BOTH = ("user", "ttl", "method", "maddr", "transport")
"""19.1.4: never matches where only one of the two has it. `transport` by the section's example."""

DEFAULT_PORTS = {"sip": 5060, "sips": 5061}


class Uri(msgspec.Struct, frozen=True, eq=False):
    """A URI in parts, unescaped. Shared: do not change.

    Attributes:
        scheme: lower case.
        user: of sip and sips; the number of a tel URI; everything of any other scheme.
        password: `""` if none.
        host: as written, an IPv6 literal with brackets; `""` for tel and other schemes.
        port: 0 if none was written.
        params: names in lower case; `""` for a flag.
        headers: what a sip URI asks to be put into the request (never obeyed by us).
    """

    scheme: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int = 0
    params: dict[str, str] = {}
    headers: tuple[tuple[str, str], ...] = ()

    def host_port(self) -> tuple[str, int]:
        """Where to send to: host without brackets, the scheme's port if none was written."""
        return self.host.strip("[]"), self.port or DEFAULT_PORTS.get(self.scheme, 0)

    @property
    def address_of_record(self) -> str:
        """`user@host` in the one form under which bindings are kept (RFC 3261 10.3 step 5)."""
        return f"{self.user}@{self.host.lower()}" if self.host else self.user

    def __str__(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.user}{self._params_text()}"
        password = f":{_escape(self.password, _PASSWORD_SAFE)}" if self.password else ""
        user = f"{_escape(self.user, _USER_SAFE)}{password}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        pairs = (f"{_escape(k, _HEADER_SAFE)}={_escape(v, _HEADER_SAFE)}" for k, v in self.headers)
        headers = "?" + "&".join(pairs) if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{self._params_text()}{headers}"

    def _params_text(self) -> str:
        pairs = (
            (_escape(name, _PARAMETER_SAFE), _escape(value, _PARAMETER_SAFE))
            for name, value in self.params.items()
        )
        return "".join(f";{name}={value}" if value else f";{name}" for name, value in pairs)

    def __eq__(self, other: object) -> bool:
        """RFC 3261 19.1.4 (not transitive: parameters that only one side has are mostly ignored)."""
        if not isinstance(other, Uri):
            return NotImplemented
        return self._key() == other._key() and _params_match(self.params, other.params)

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        if self.scheme == "tel":
            return ("tel", self.user.translate(_VISUAL_SEPARATORS).lower())
        headers = frozenset((name.lower(), value) for name, value in self.headers)
        return (self.scheme, self.user, self.password, self.host.lower(), self.port, headers)


def _params_match(mine: dict[str, str], theirs: dict[str, str]) -> bool:
    if any((name in mine) != (name in theirs) for name in _MUST_BE_IN_BOTH):
        return False
    return all(
        value.lower() == theirs[name].lower() for name, value in mine.items() if name in theirs
    )


def parse_uri(text: str) -> Uri:
    """Read a URI.

    Raises:
        SipError: 400 if it is malformed, 414 if it is too long.
    """
    if len(text) <= limits.CACHED_TEXT_MAX:
        return _cached_uri(text)
    if len(text) > limits.URI_BYTES_MAX:
        raise SipError(414, "URI too long")
    return _uri(text)


def _uri(text: str) -> Uri:
    match = _SCHEME.fullmatch(text)
    if match is None:
        raise SipError(400, "URI without a scheme")
    scheme, rest = match[1].lower(), match[2]
    if scheme in ("sip", "sips"):
        return _sip_uri(scheme, rest)
    if scheme == "tel":
        return _tel_uri(rest)
    return Uri(scheme, user=rest)


def _sip_uri(scheme: str, rest: str) -> Uri:
    match = _SIP.fullmatch(rest)
    if match is None:
        raise SipError(400, "malformed SIP URI")
    userinfo, host, port, parameters, headers = match.groups()
    number = int(port) if port else 0
    if number > 65_535 or userinfo == "":
        raise SipError(400, "port out of range or empty user in a SIP URI")
    user, _, password = userinfo.partition(":") if userinfo else ("", "", "")
    return Uri(
        scheme,
        _unescape(user),
        _unescape(password),
        host,
        number,
        _parameters(parameters) if parameters else {},
        _headers(headers) if headers else (),
    )


def _tel_uri(rest: str) -> Uri:
    match = _TEL.fullmatch(rest)
    if match is None:
        raise SipError(400, "malformed tel URI")
    return Uri("tel", user=match[1], params=_parameters(match[2]) if match[2] else {})


def _parameters(text: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in text[1:].split(";"):
        name, _, value = part.partition("=")
        if len(parameters) >= limits.PARAMETERS_MAX:
            raise SipError(400, "too many URI parameters")
        parameters.setdefault(_unescape(name).lower(), _unescape(value))
    return parameters


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    parts = text.split("&", limits.PARAMETERS_MAX)
    if len(parts) > limits.PARAMETERS_MAX:
        raise SipError(400, "too many URI headers")
    pairs = (part.partition("=") for part in parts)
    return tuple((_unescape(name), _unescape(value)) for name, _, value in pairs)


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise SipError(400, "malformed escape in a URI")
    octets = unquote_to_bytes(text.encode("utf-8", "surrogateescape"))
    return octets.decode("utf-8", "surrogateescape")


def _escape(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogateescape")


_cached_uri = lru_cache(maxsize=4096)(_uri)
