"""Header fields: kept as text, read as values only when someone asks.

A message's fields are a dictionary from canonical name to the list of its lines, each line the
peer's own text. `NameAddr`, `Via` and `CSeq` are immutable readings of such a line; they are made
on demand and shared through caches, because one dialog shows the same From forty times.

Why: most fields are copied into an answer and never looked at. Text that is never rewritten cannot
be altered: a parser that rewrites `;+sip.instance="<urn:uuid:X>"` breaks registrations.

Every expression below is possessive or anchored at one place, so none looks back: cost is linear
in the length of the text (`tests/sip/test_fuzz.py` holds it to that).

Sources: RFC 3261 7.3 (format, compact forms, folding), 20 and 25 (grammar), RFC 3581 (rport).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec

from callcenter.sip import limits
from callcenter.sip.errors import SipError

COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
"""One letter for a name (RFC 3261 7.3.3 and the RFCs that came after)."""

_SPELLINGS = """
    Accept Accept-Encoding Accept-Language Alert-Info Allow Authentication-Info Authorization
    Call-ID Call-Info Content-Disposition Content-Language CSeq Date Diversion Error-Info Expires
    From History-Info In-Reply-To Max-Forwards MIME-Version Min-Expires Min-SE Organization
    P-Asserted-Identity P-Called-Party-ID P-Preferred-Identity Path Priority Privacy
    Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Replaces
    Reply-To Require Retry-After Route RSeq Server Service-Route Session-ID SIP-ETag
    SIP-If-Match Subscription-State Timestamp To Unsupported User-Agent Via Warning
    WWW-Authenticate
"""

CANONICAL_NAMES: dict[str, str] = {}
"""Every usual spelling, and the one under which the field is kept."""
for _name in (*_SPELLINGS.split(), *COMPACT_FORMS.values()):
    CANONICAL_NAMES.update({_name: _name, _name.lower(): _name, _name.upper(): _name})
for _letter, _name in COMPACT_FORMS.items():
    CANONICAL_NAMES.update({_letter: _name, _letter.upper(): _name})

VIAS_KEPT = 4096
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_QUOTED = r'"(?:[^"\\]++|\\.)*+"'
_QUOTED_STRING = re.compile(_QUOTED, re.DOTALL)
_LIST_ITEM = re.compile(r'(?:[^,"<]++|' + _QUOTED + r"|<[^>]*+>)*+", re.DOTALL)
_PARAMETER = re.compile(
    r"[ \t]*+;[ \t]*+([^\s=;,\"<>@]++)[ \t]*+(?:=[ \t]*+(" + _QUOTED + r'|[^;"<>]*+))?+[ \t]*+',
    re.DOTALL,
)
_PLAIN_PARAMETERS = re.compile(r"(?:;[^\s=;,\"<>@]++(?:=[^\s;\"<>]*+)?+)++")
"""What nearly all are: nothing quoted, no spaces."""
_VIA = re.compile(
    r"SIP[ \t]*+/[ \t]*+2\.0[ \t]*+/[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]++"
    r"(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9._\-]++)[ \t]*+(?::[ \t]*+([0-9]{1,5}+))?+[ \t]*+(;.*+)?+\Z",
    re.IGNORECASE | re.DOTALL,
)
_CSEQ = re.compile(r"([0-9]{1,24})[ \t]++([A-Za-z0-9\-.!%*_+`'~]++)\Z")


def is_token(text: str) -> bool:
    """True for a `token` of RFC 3261 25.1."""
    return _TOKEN.fullmatch(text) is not None


def canonical_name(name: str) -> str:
    """The one spelling under which a field is kept: `i`, `call-id`, `CALL-ID ` → `Call-ID`.

    Raises:
        SipError: 400 where `name` is no token.
    """
    return CANONICAL_NAMES.get(name) or _canonical_name(name)


@lru_cache(maxsize=1024)
def _canonical_name(name: str) -> str:
    bare = name.rstrip(" \t")
    if len(bare) > limits.NAME_BYTES_MAX or not is_token(bare):
        raise SipError(400, "header name is no token, or too long")
    known = CANONICAL_NAMES.get(bare.lower())
    if known is not None:
        return known
    return "-".join(part.capitalize() for part in bare.split("-"))


def one_line(text: str) -> str:
    """`text` without line breaks, so that nothing we write can begin a header field of its own."""
    if "\r" in text or "\n" in text:
        return text.replace("\r", " ").replace("\n", " ")
    return text


class Headers:
    """Header fields of one message: names in any case or compact form, values word for word.

    Lines of the same name keep their order; the order between names is that of first appearance.
    """

    __slots__ = ("_lines",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._lines: dict[str, list[str]] = {}
        for name, value in fields:
            self.add(name, value)

    @classmethod
    def of_lines(cls, lines: dict[str, list[str]]) -> "Headers":
        """Take over a dictionary whose names are canonical already."""
        headers = cls()
        headers._lines = lines
        return headers

    def get(self, name: str) -> str | None:
        """The first line of `name`, or None."""
        lines = self._lines.get(name) or self._lines.get(canonical_name(name))
        return lines[0] if lines else None

    def get_all(self, name: str) -> list[str]:
        """All lines of `name`, as they came; a line may still hold a comma list."""
        return list(self._lines.get(name) or self._lines.get(canonical_name(name)) or ())

    def lines(self, name: str) -> Sequence[str]:
        """The lines of a field named in its canonical spelling; not to be changed."""
        return self._lines.get(name, ())

    def set(self, name: str, value: str) -> None:
        """Replace all lines of `name` by one."""
        self._lines[canonical_name(name)] = [one_line(value)]

    def set_all(self, name: str, values: Iterable[str]) -> None:
        """Replace all lines of `name`; none of them removes it."""
        lines = [one_line(value) for value in values]
        if lines:
            self._lines[canonical_name(name)] = lines
        else:
            self.remove(name)

    def add(self, name: str, value: str) -> None:
        """Append one line."""
        self._lines.setdefault(canonical_name(name), []).append(one_line(value))

    def prepend(self, name: str, value: str) -> None:
        """Put one line before the others of its name (Via, Record-Route)."""
        self._lines.setdefault(canonical_name(name), []).insert(0, one_line(value))

    def remove(self, name: str) -> None:
        """Forget `name`; no error if it is not there."""
        self._lines.pop(canonical_name(name), None)

    def items(self) -> Iterator[tuple[str, str]]:
        """(canonical name, value), one per line."""
        for name, lines in self._lines.items():
            for value in lines:
                yield name, value

    def written(self) -> list[str]:
        """Every line as it is sent, without Content-Length, which the body decides."""
        return [
            f"{name}: {value}"
            for name, lines in self._lines.items()
            if name != "Content-Length"
            for value in lines
        ]

    def copy(self) -> "Headers":
        """A copy that may be changed alone."""
        return Headers.of_lines({name: list(lines) for name, lines in self._lines.items()})

    def __contains__(self, name: str) -> bool:
        return canonical_name(name) in self._lines

    def __len__(self) -> int:
        return sum(len(lines) for lines in self._lines.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lines == other._lines

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"


def split_list(text: str, values_max: int = limits.LIST_VALUES_MAX) -> list[str]:
    """Cut a comma list into its values; commas in quotes and angle brackets do not count.

    Raises:
        SipError: 400 for an empty value, an unbalanced quote or bracket, or too many values.
    """
    if "," not in text:
        return [text.strip(" \t")]
    values: list[str] = []
    position = 0
    while True:
        match = _LIST_ITEM.match(text, position)
        end = match.end() if match else position
        value = text[position:end].strip(" \t")
        if not value or len(values) >= values_max:
            raise SipError(400, "empty or too many values in a list")
        values.append(value)
        if end == len(text):
            return values
        if text[end] != ",":
            raise SipError(400, "unbalanced quote or bracket")
        position = end + 1


def parse_parameters(text: str) -> dict[str, str]:
    """Read `;name=value;flag`; names in lower case, values word for word, a flag is `""`.

    The first of two equal names counts.

    Raises:
        SipError: 400 for an empty parameter, an unbalanced quote or too many parameters.
    """
    parameters: dict[str, str] = {}
    if _PLAIN_PARAMETERS.fullmatch(text) and text.count(";") <= limits.PARAMETERS_MAX:
        for part in text[1:].split(";"):
            name, _, value = part.partition("=")
            parameters.setdefault(name.lower(), value)
        return parameters
    position, end = 0, len(text)
    while position < end:
        match = _PARAMETER.match(text, position)
        if match is None or len(parameters) >= limits.PARAMETERS_MAX:
            raise SipError(400, "malformed or too many parameters")
        name, value = match.groups()
        parameters.setdefault(name.lower(), value.rstrip(" \t") if value else "")
        position = match.end()
    return parameters


def format_parameters(parameters: dict[str, str]) -> str:
    """`;name=value;flag`, the inverse of `parse_parameters`."""
    return "".join(
        f";{name}={value}" if value else f";{name}" for name, value in parameters.items()
    )


def unquote(text: str) -> str:
    """The content of a quoted string; any other text as it is."""
    if len(text) >= 2 and text[0] == '"' and text[-1] == '"':
        inner = text[1:-1]
        return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if "\\" in inner else inner
    return text


def quote(text: str) -> str:
    """A quoted string (RFC 3261 25.1) that holds `text`, line breaks as spaces."""
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class NameAddr(msgspec.Struct, frozen=True):
    """A From, To, Contact, Route, Refer-To value: whom, and what is said about them.

    `params` belong to the header field, those of the URI stay inside `uri`. Shared: do not change.
    """

    display: str = ""
    uri: str = ""
    params: dict[str, str] = {}

    @property
    def tag(self) -> str:
        """The tag, or `""`."""
        return self.params.get("tag", "")

    def param(self, name: str) -> str | None:
        """One parameter without its quotes; `""` for a flag, None if it is not there."""
        value = self.params.get(name.lower())
        return None if value is None else unquote(value)

    def with_params(self, **params: str) -> "NameAddr":
        """A copy with these parameters added or replaced."""
        return NameAddr(self.display, self.uri, {**self.params, **params})

    def __str__(self) -> str:
        if self.uri == "*":
            return "*"
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{one_line(self.uri)}>{format_parameters(self.params)}"


class Via(msgspec.Struct, frozen=True):
    """One hop. `port` is 0 where none was written. Shared: do not change."""

    transport: str
    host: str
    port: int = 0
    params: dict[str, str] = {}

    @property
    def branch(self) -> str:
        """The branch, or `""` (RFC 2543)."""
        return self.params.get("branch", "")

    @property
    def names_transaction(self) -> bool:
        """True if the branch alone names the transaction (RFC 3261 17.2.3): the cookie and more."""
        branch = self.branch
        return len(branch) > 7 and branch.lower().startswith("z9hg4bk")

    @property
    def received(self) -> str:
        """The address the request really came from, or `""`."""
        return self.params.get("received", "")

    @property
    def rport(self) -> str | None:
        """None if not asked for, `""` if asked for, else the port (RFC 3581)."""
        return self.params.get("rport")

    @property
    def sent_by(self) -> str:
        """Host and port as written, in lower case: part of a transaction's key."""
        return f"{self.host.lower()}:{self.port}" if self.port else self.host.lower()

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {self.host}{port}{format_parameters(self.params)}"


class CSeq(msgspec.Struct, frozen=True):
    """Number and method."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def parse_name_addr(text: str) -> NameAddr:
    """Read one From, To, Contact, Route … value.

    Raises:
        SipError: 400.
    """
    return _cached_name_addr(text) if len(text) <= limits.CACHED_TEXT_MAX else _name_addr(text)


def _name_addr(text: str) -> NameAddr:
    text = text.strip(" \t")
    if text == "*":
        return NameAddr("", "*", {})
    start = 0
    if text.startswith('"'):
        quoted = _QUOTED_STRING.match(text)
        if quoted is None:
            raise SipError(400, "unbalanced quote in a display name")
        start = quoted.end()
    opening = text.find("<", start)
    between = text[start:opening] if opening >= 0 else ""
    if opening < 0 or (not start and '"' in between):
        return _bare_address(text) if not start else _refuse("no address after a display name")
    closing = text.find(">", opening)
    if closing < 0 or (start and between.strip(" \t")):
        raise SipError(400, "malformed address")
    uri = text[opening + 1 : closing].strip(" \t")
    display = unquote(text[:start]) if start else between.strip(" \t")
    _check_uri_text(uri)
    return NameAddr(display, uri, parse_parameters(text[closing + 1 :]))


def _bare_address(text: str) -> NameAddr:
    """An addr-spec without brackets: `;` begins the field's own parameters, `?` is forbidden."""
    uri, semicolon, rest = text.partition(";")
    uri = uri.rstrip(" \t")
    if "?" in uri or "," in uri:
        raise SipError(400, "an address with ? or , needs angle brackets (RFC 3261 20.10)")
    _check_uri_text(uri)
    return NameAddr("", uri, parse_parameters(semicolon + rest))


_URI_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+:[^\x00-\x20<>\"\x7f]++")


def _check_uri_text(uri: str) -> None:
    if _URI_TEXT.fullmatch(uri) is None:
        raise SipError(400, "no URI in an address")


def _refuse(detail: str) -> NameAddr:
    raise SipError(400, detail)


def parse_via(text: str) -> Via:
    """Read one Via value.

    Raises:
        SipError: 400.
    """
    return _vias.get(text) or remember_via(text, _via(text))


def remember_via(text: str, via: Via) -> Via:
    """Know what `text` says without reading it: it was just read, or just written from `via`."""
    if len(text) <= limits.CACHED_TEXT_MAX:
        if len(_vias) >= VIAS_KEPT:
            _vias.clear()
        _vias[text] = via
    return via


def _via(text: str) -> Via:
    match = _VIA.match(text)
    if match is None:
        raise SipError(400, "malformed Via")
    transport, host, port, rest = match.groups()
    number = int(port) if port else 0
    if number > 65_535:
        raise SipError(400, "port out of range in Via")
    return Via(transport.upper(), host, number, parse_parameters(rest) if rest else {})


@lru_cache(maxsize=1024)
def parse_cseq(text: str) -> CSeq:
    """Read a CSeq.

    Raises:
        SipError: 400, also for a number of 2**31 or more.
    """
    match = _CSEQ.match(text)
    if match is None:
        raise SipError(400, "malformed CSeq")
    number = int(match[1])
    if number > limits.CSEQ_MAX:
        raise SipError(400, "CSeq out of range")
    return CSeq(number, match[2])


_cached_name_addr = lru_cache(maxsize=4096)(_name_addr)
_vias: dict[str, Via] = {}
