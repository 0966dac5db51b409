"""A SIP message: bytes in, fields out, and back again without altering what was not ours.

`parse_message` does what must be done for every message: find the blank line, cut the lines, find
the body's end. What a field means is read when it is asked for (`request.from_`, `.vias`), and
`validate_request` asks for all that RFC 3261 8.2 wants looked at before a request is acted on.

Why: parsing is the one thing done for every datagram of a flood. One search for the blank line,
one decoding of the head and no typed value cost 11 µs for an INVITE; readings are shared in caches.
Answers repeat the request's own text, so that nothing a peer wrote is lost on the way back.

Sources: RFC 3261 7 (format), 8.2 (order of inspection), 18.3 (framing), RFC 3581 4, RFC 4475.
"""

import re
from collections.abc import Collection
from typing import TypeAlias

from callcenter.sip import limits
from callcenter.sip.errors import REASON_PHRASES, SipError
from callcenter.sip.headers import (
    CANONICAL_NAMES,
    CSeq,
    Headers,
    NameAddr,
    Via,
    canonical_name,
    is_token,
    one_line,
    parse_cseq,
    parse_name_addr,
    parse_via,
    remember_via,
    split_list,
)
from callcenter.sip.uri import parse_uri

METHODS = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "UPDATE", "PRACK"),
    *("MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH"),
)
"""Methods of the RFCs; another one is answered 501."""

_METHODS = frozenset(METHODS)
_VERSION = "SIP/2.0"
_ANY_VERSION = re.compile(r"SIP/[0-9]{1,9}\.[0-9]{1,9}", re.IGNORECASE)
_STATUS = re.compile(r"[1-6][0-9][0-9]")
_FOLD = re.compile(r"\r\n[ \t]++")
_URI_START = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+:[^\x00-\x20<>\"\x7f]++")
_LENGTH = re.compile(r"[0-9]{1,10}")
_LENGTH_FIELD = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)", re.IGNORECASE
)
_SESSION_TYPES = (
    "application/sdp",
    "multipart/mixed",
    "multipart/alternative",
    "multipart/related",
)
_ACCEPT = ("Accept", "application/sdp")
_ECHOED = ("From", "To", "Call-ID", "CSeq")


class Message:
    """What requests and responses share: header fields, body, and readings of both."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body

    def header(self, name: str) -> str | None:
        """The first line of a field as text, or None."""
        return self.headers.get(name)

    def values(self, name: str) -> list[str]:
        """All values of a comma-list field, over all its lines; empty ones left out."""
        lines = self.headers.get_all(name)
        return [value for line in lines if line for value in split_list(line)]

    @property
    def call_id(self) -> str:
        """The Call-ID.

        Raises:
            SipError: 400 if there is none. So do the other readings, and where one is malformed.
        """
        return self._only("Call-ID")

    @property
    def cseq(self) -> CSeq:
        """Number and method."""
        return parse_cseq(self._only("CSeq"))

    @property
    def from_(self) -> NameAddr:
        """Who asked."""
        return parse_name_addr(self._only("From"))

    @property
    def to(self) -> NameAddr:
        """Who was asked for."""
        return parse_name_addr(self._only("To"))

    @property
    def vias(self) -> list[Via]:
        """The way the request came, nearest hop first; never empty."""
        vias = [parse_via(text) for text in via_lines(self.headers)]
        if not vias:
            raise SipError(400, "no Via")
        return vias

    @property
    def top_via(self) -> Via:
        """The nearest hop: it names the transaction."""
        lines = self.headers.lines("Via")
        if lines and "," not in lines[0]:
            return parse_via(lines[0])
        return self.vias[0]

    @property
    def contacts(self) -> list[NameAddr]:
        """Contact values, of which `*` has the URI `*`."""
        return self._addresses("Contact")

    @property
    def routes(self) -> list[NameAddr]:
        """Route values."""
        return self._addresses("Route")

    @property
    def record_routes(self) -> list[NameAddr]:
        """Record-Route values, in the message's order."""
        return self._addresses("Record-Route")

    @property
    def max_forwards(self) -> int | None:
        """Hops left, or None where the field is missing (RFC 2543)."""
        return self._number("Max-Forwards", limits.MAX_FORWARDS_MAX, strict=True)

    @property
    def expires(self) -> int | None:
        """Seconds, capped at 2**32 - 1, or None."""
        return self._number("Expires", limits.EXPIRES_SECONDS_MAX)

    @property
    def content_type(self) -> str:
        """Media type in lower case without parameters, or `""`."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip(" \t").lower()

    def _only(self, name: str) -> str:
        lines = self.headers.lines(name)
        if len(lines) != 1 or not lines[0]:
            raise SipError(400, f"{name} missing or repeated")
        return lines[0]

    def _addresses(self, name: str) -> list[NameAddr]:
        lines = self.headers.lines(name)
        if not lines:
            return []
        values = [value for line in lines for value in split_list(line)]
        if len(values) > limits.LIST_VALUES_MAX:
            raise SipError(400, f"too many {name} values")
        return [parse_name_addr(value) for value in values]

    def _number(self, name: str, number_max: int, *, strict: bool = False) -> int | None:
        text = self.headers.get(name)
        if text is None:
            return None
        digits = text.partition(";")[0].strip(" \t")
        if not (digits.isascii() and digits.isdigit()):
            if strict:
                raise SipError(400, f"{name} is no number")
            return None
        number = int(digits) if len(digits) <= 20 else number_max + 1
        if number > number_max and strict:
            raise SipError(400, f"{name} out of range")
        return min(number, number_max)

    def start_line(self) -> str:
        """The first line, without its end."""
        raise AssertionError("a message is a Request or a Response")

    def encode(self) -> bytes:
        """The bytes to send, with a Content-Length that is right."""
        lines = [self.start_line(), *self.headers.written()]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body

    def __repr__(self) -> str:
        return f"<{self.start_line()!r}, {len(self.headers)} fields, {len(self.body)} bytes>"


class Request(Message):
    """A request."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def start_line(self) -> str:
        """`INVITE sip:… SIP/2.0`."""
        return one_line(f"{self.method} {self.uri} {_VERSION}")


class Response(Message):
    """A response."""

    __slots__ = ("phrase", "status")

    def __init__(self, status: int, phrase: str, headers: Headers, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.phrase = phrase

    def start_line(self) -> str:
        """`SIP/2.0 200 OK`."""
        return one_line(f"{_VERSION} {self.status} {self.phrase}")


AnyMessage: TypeAlias = Request | Response


def via_lines(headers: Headers) -> list[str]:
    """The Via values as text, one each, though several stood on one line.

    Raises:
        SipError: 400 for an empty value or more than `limits.VIAS_MAX`.
    """
    values: list[str] = []
    for line in headers.lines("Via"):
        values += split_list(line, limits.VIAS_MAX) if "," in line else (line,)
    if len(values) > limits.VIAS_MAX:
        raise SipError(400, "too many Via values")
    return values


def parse_message(data: bytes, *, stream: bool = False) -> AnyMessage:
    """Read one message: a datagram, or what `frame_length` cut from a stream.

    Line breaks before the message are skipped. In a datagram, what stands after Content-Length bytes of body is dropped (RFC 3261 18.3), and
    without Content-Length the body is the rest.

    Raises:
        SipError: and nothing else. Its `request` is what could be read, for the answer.
    """
    if len(data) > limits.MESSAGE_BYTES_MAX:
        raise SipError(513, "message too large")
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    head = (data[:end] if end >= 0 else data).decode("utf-8", "surrogateescape")
    try:
        if end < 0:
            raise SipError(400, "no blank line after the header fields")
        message = _parse_head(head)
        message.body = _cut_body(data, end + 4, message.headers, stream=stream)
    except SipError as error:
        error.request = _salvage(head)
        raise
    return message


def _parse_head(head: str) -> AnyMessage:
    if len(head) > limits.HEAD_BYTES_MAX:
        raise SipError(513, "header fields too large")
    lines = head.split("\r\n")
    breaks = len(lines) - 1
    if head.count("\n") != breaks or head.count("\r") != breaks:
        raise SipError(400, "line break other than CRLF")
    if "\r\n " in head or "\r\n\t" in head:
        lines = _FOLD.sub(" ", head).split("\r\n")
    _check_lines(head, lines)
    fields: dict[str, list[str]] = {}
    known = CANONICAL_NAMES.get
    held = fields.get
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise SipError(400, "header line without a colon")
        canonical = known(name) or canonical_name(name)
        values = held(canonical)
        if values is None:
            fields[canonical] = [value.strip(" \t")]
        else:
            values.append(value.strip(" \t"))
    return _parse_start(lines[0], Headers.of_lines(fields))


def _check_lines(head: str, lines: list[str]) -> None:
    if len(lines) > limits.HEADERS_MAX + 1:
        raise SipError(400, "too many header lines")
    if len(head) > limits.LINE_BYTES_MAX and len(max(lines, key=len)) > limits.LINE_BYTES_MAX:
        raise SipError(414 if len(lines[0]) > limits.LINE_BYTES_MAX else 400, "line too long")


def _parse_start(line: str, headers: Headers) -> AnyMessage:
    if line[:4].upper() == "SIP/":
        version, _, rest = line.partition(" ")
        status, _, phrase = rest.partition(" ")
        _check_version(version)
        if _STATUS.fullmatch(status) is None:
            raise SipError(400, "malformed status line")
        return Response(int(status), phrase, headers)
    method, _, rest = line.partition(" ")
    uri, _, version = rest.partition(" ")
    if method not in _METHODS and (len(method) > limits.METHOD_BYTES_MAX or not is_token(method)):
        raise SipError(400, "malformed method")
    if len(uri) > limits.URI_BYTES_MAX:
        raise SipError(414, "Request-URI too long")
    if _URI_START.fullmatch(uri) is None:
        raise SipError(400, "malformed Request-URI")
    if version != _VERSION:
        _check_version(version)
    return Request(method, uri, headers)


def _check_version(version: str) -> None:
    if version.upper() == _VERSION:
        return
    if _ANY_VERSION.fullmatch(version):
        raise SipError(505, "another version of SIP")
    raise SipError(400, "malformed start line")


def _cut_body(data: bytes, start: int, headers: Headers, *, stream: bool) -> bytes:
    length = _content_length(headers.get_all("Content-Length"), required=stream)
    available = len(data) - start
    if length is None:
        length = available
    if length > available:
        raise SipError(400, "body shorter than Content-Length")
    if length > limits.BODY_BYTES_MAX:
        raise SipError(413, "body too large")
    return data[start : start + length]


def _content_length(values: list[str], *, required: bool) -> int | None:
    if not values:
        if required:
            raise SipError(400, "no Content-Length on a stream")
        return None
    if len(set(values)) > 1 or _LENGTH.fullmatch(values[0]) is None:
        raise SipError(400, "malformed or contradicting Content-Length")
    return int(values[0])


def _salvage(head: str) -> Request | None:
    """What of a faulty request is good enough to be echoed in its answer."""
    lines = _FOLD.sub(" ", head[: limits.HEAD_BYTES_MAX]).split("\r\n")[: limits.HEADERS_MAX]
    method, _, rest = lines[0].partition(" ")
    if (
        lines[0][:4].upper() == "SIP/"
        or len(method) > limits.METHOD_BYTES_MAX
        or not is_token(method)
    ):
        return None
    headers = Headers()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or len(line) > limits.LINE_BYTES_MAX or "\n" in line or "\r" in line:
            continue
        try:
            headers.add(name, value.strip(" \t"))
        except SipError:
            continue
    uri = rest.rpartition(" ")[0].strip(" <>\r\n")[: limits.URI_BYTES_MAX]
    return Request(method, uri, headers)


def frame_length(buffer: bytes) -> int | None:
    """How many bytes the first message of a stream takes, leading CRLFs (keep-alives) included.

    Returns:
        The length; None while more must come first. A buffer of nothing but CRLFs is None, too:
        `keepalive_length` tells how many of them are there.

    Raises:
        SipError: 400 without one good Content-Length, 413 or 513 over the limits. The stream has
            lost its framing: answer if `request` was readable, and close it.
    """
    start = keepalive_length(buffer)
    end = buffer.find(b"\r\n\r\n", start)
    if end < 0 and len(buffer) - start <= limits.HEAD_BYTES_MAX:
        return None
    try:
        total = _frame_end(buffer, start, end)
    except SipError as error:
        head = buffer[start : end if end >= 0 else start + limits.HEAD_BYTES_MAX]
        error.request = _salvage(head.decode("utf-8", "surrogateescape"))
        raise
    return total if len(buffer) >= total else None


def _frame_end(buffer: bytes, start: int, end: int) -> int:
    if end < 0 or end - start > limits.HEAD_BYTES_MAX:
        raise SipError(513, "header fields too large")
    found = _LENGTH_FIELD.findall(buffer, start, end + 2)
    texts = [_FOLD.sub(" ", raw.decode("latin-1")).strip(" \t") for raw in found]
    length = _content_length(texts, required=True) or 0
    if length > limits.BODY_BYTES_MAX:
        raise SipError(413, "body too large")
    total = end + 4 + length
    if total - start > limits.MESSAGE_BYTES_MAX:
        raise SipError(513, "message too large")
    return total


def keepalive_length(buffer: bytes) -> int:
    """How many of the first bytes are CRLF pings between messages (RFC 5626 3.5.1).

    Raises:
        SipError: 400 for more than `limits.KEEPALIVE_BYTES_MAX` of them.
    """
    if buffer[:1] not in (b"\r", b"\n"):
        return 0
    length = len(buffer) - len(buffer.lstrip(b"\r\n"))
    if length > limits.KEEPALIVE_BYTES_MAX:
        raise SipError(400, "nothing but line breaks")
    return length


def response_to(
    request: Request, status: int, phrase: str = "", to_tag: str = "", *, record_route: bool = False
) -> Response:
    """An answer (RFC 3261 8.2.6.2): Via, From, To, Call-ID, CSeq as they came, each Via on a line.

    Never raises: of a faulty request it echoes what is there.

    Args:
        to_tag: added to To unless To has a tag already.
        record_route: copy Record-Route, for the responses that make a dialog (12.1.1).
    """
    asked = request.headers
    try:
        lines = {"Via": via_lines(asked)}
    except SipError:
        lines = {"Via": asked.get_all("Via")[: limits.VIAS_MAX]}
    if record_route and (routes := asked.lines("Record-Route")):
        lines["Record-Route"] = list(routes)
    for name in _ECHOED:
        if values := asked.lines(name):
            lines[name] = [values[0]]
    if to_tag and "To" in lines and not _has_tag(lines["To"][0]):
        lines["To"] = [f"{lines['To'][0]};tag={to_tag}"]
    headers = Headers.of_lines(lines)
    return Response(status, phrase or REASON_PHRASES.get(status, ""), headers)


def _has_tag(to: str) -> bool:
    try:
        return bool(parse_name_addr(to).tag)
    except SipError:
        return True


def note_source(request: Request, host: str, port: int) -> None:
    """Write into the top Via where the request really came from (RFC 3261 18.2.1, RFC 3581 4).

    Raises:
        SipError: 400 for a malformed Via.
    """
    values = via_lines(request.headers)
    top = parse_via(values[0]) if values else None
    if top is None:
        raise SipError(400, "no Via")
    asked = "rport" in top.params
    if not asked and top.host.strip("[]").lower() == host.lower():
        return
    params = {**top.params, "received": host}
    if asked:
        params["rport"] = str(port)
    if params != top.params:
        seen = Via(top.transport, top.host, top.port, params)
        values[0] = str(seen)
        remember_via(values[0], seen)
        request.headers.set_all("Via", values)


def is_keepalive(datagram: bytes) -> bool:
    """True for what phones send to keep a translator's door open: line breaks, NULs, nothing."""
    return len(datagram) <= limits.KEEPALIVE_BYTES_MAX and not datagram.strip(b"\r\n\0 ")


def validate_request(
    request: Request, *, supported: Collection[str] = (), methods: Collection[str] = METHODS
) -> None:
    """Inspect a request in the order of RFC 3261 8.2, before anything is done because of it.

    Whether the caller may (401, 403), whether we are there (404) and loops (482, 483) are not
    looked at here.

    Args:
        supported: option tags that `Require` may name.
        methods: what we answer; another known method gets 405, an unknown one 501.

    Raises:
        SipError: with the answer, `request` set.
    """
    try:
        _check_form(request)
        _check_method(request, methods)
        _check_request_uri(request)
        _check_extensions(request, supported)
        _check_content(request)
    except SipError as error:
        error.request = request
        raise


def validate_response(response: Response) -> None:
    """Whether a response may be acted on; a faulty one is dropped without a word.

    Raises:
        SipError: also for several Vias, which is not ours (RFC 3261 8.1.3.3).
    """
    _read_all(response)
    if len(response.vias) != 1:
        raise SipError(400, "a response with several Vias is not for us")


def _read_all(message: Message) -> None:
    """Every field that names a transaction or dialog must be there once and be readable."""
    _ = message.vias, message.from_, message.to, message.call_id, message.cseq, message.contacts
    for name in ("Max-Forwards", "Content-Type"):
        if len(message.headers.lines(name)) > 1:
            raise SipError(400, f"{name} repeated")


def _check_form(request: Request) -> None:
    _read_all(request)
    if request.cseq.method != request.method:
        raise SipError(400, "CSeq names another method")
    _ = request.max_forwards, request.routes, request.record_routes
    if request.method != "REGISTER" and any(c.uri == "*" for c in request.contacts):
        raise SipError(400, "Contact: * outside REGISTER")


def _check_method(request: Request, methods: Collection[str]) -> None:
    if request.method in methods:
        return
    allow = [("Allow", ", ".join(methods))]
    if request.method in _METHODS:
        raise SipError(405, "method not taken here", headers=allow)
    raise SipError(501, "unknown method", headers=allow)


def _check_request_uri(request: Request) -> None:
    uri = parse_uri(request.uri)
    if uri.scheme not in ("sip", "sips", "tel"):
        raise SipError(416, "unknown scheme in the Request-URI")
    if uri.headers:
        raise SipError(400, "header fields in the Request-URI (RFC 3261 19.1.1)")


def _check_extensions(request: Request, supported: Collection[str]) -> None:
    if request.method in ("ACK", "CANCEL") or "Require" not in request.headers:
        return
    unknown = [option for option in request.values("Require") if option.lower() not in supported]
    if unknown:
        raise SipError(420, "unknown option", headers=[("Unsupported", ", ".join(unknown))])


def _check_content(request: Request) -> None:
    """The bodies of calls must be session descriptions; other methods look at their own."""
    if request.method not in ("INVITE", "UPDATE", "PRACK"):
        return
    encoding = (request.header("Content-Encoding") or "identity").lower()
    if request.body and encoding != "identity":
        raise SipError(415, "encoded body", headers=[("Accept-Encoding", "identity")])
    if request.body and request.content_type not in _SESSION_TYPES:
        raise SipError(415, "body is no session description", headers=[_ACCEPT])
    if request.method == "INVITE" and "Accept" in request.headers:
        accepted = {
            value.partition(";")[0].strip(" \t").lower() for value in request.values("Accept")
        }
        if not accepted & {"application/sdp", "application/*", "*/*"}:
            raise SipError(406, "the caller takes no session description")
