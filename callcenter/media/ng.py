"""The ng protocol: a cookie, a space and one dictionary per datagram.

Why: it is the control protocol of Sipwise rtpengine, so the same client drives our embedded worker
and a farm of rtpengines. A request that is repeated with the same cookie gets the same reply and
is not done twice; that makes the unreliable datagram a safe call.

The cookie is any text without a space, unique per request. The body is JSON (`{`) or bencode
(`d`), and the reply comes in the encoding of the request.

To our own worker several JSON messages may share a datagram, `SEPARATOR` between them, and so do
their replies: what a call asks in one breath then costs one wake of the worker, and one of the
asker. rtpengine is sent single ones.

Sources: rtpengine `docs/ng_control_protocol.md`, behaviour of 10.5.3.
"""

from collections import OrderedDict
from typing import Any, TypeAlias

import msgspec

from callcenter.domain.errors import RemoteError
from callcenter.domain.units import SECOND, Micros
from callcenter.media import bencode

Body: TypeAlias = dict[str, Any]

DATAGRAM_MAX = 65_507
SEPARATOR = b"\x1e"
"""Between messages of one datagram; JSON has no place for it."""
PARTS_MAX = 32
"""Messages of one datagram, so that their replies fit one, too."""
COOKIE_MAX = 128
REPLAY_SECONDS = 10
REPLAYS_MAX = 10_000


class NgError(RemoteError):
    """A message that cannot be done; `reason` is what the reply says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def reply(self) -> Body:
        """The body of the answer."""
        return {"result": "error", "error-reason": self.reason}


def decode(datagram: bytes) -> tuple[str, Body]:
    """Split a datagram into cookie and body.

    Raises:
        NgError: for anything that is not an ng message.
    """
    cookie, _, body = datagram.partition(b" ")
    if not cookie or len(cookie) > COOKIE_MAX:
        raise NgError("No cookie")
    try:
        value = bencode.loads(body) if body[:1] == b"d" else msgspec.json.decode(body)
        name = cookie.decode("ascii")
    except (bencode.BencodeError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise NgError("Could not decode the message") from e
    if not isinstance(value, dict):
        raise NgError("The message is not a dictionary")
    return name, value


class _Outcome(msgspec.Struct, rename={"reason": "error-reason"}):
    result: str = ""
    reason: str = ""


_outcomes = msgspec.json.Decoder(_Outcome)


def outcome(datagram: bytes) -> Body:
    """How a reply in JSON says that it went, without what it reports.

    Raises:
        NgError: for anything else.
    """
    try:
        found = _outcomes.decode(datagram.partition(b" ")[2])
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise NgError("Could not decode the message") from e
    return {"result": found.result, "error-reason": found.reason}


def parts(datagram: bytes) -> list[bytes]:
    """The messages of a datagram, nearly always one."""
    if SEPARATOR not in datagram or is_bencode(datagram):
        return [datagram]
    return datagram.split(SEPARATOR, PARTS_MAX - 1)


def is_bencode(datagram: bytes) -> bool:
    """Whether the body of this message is bencode, so that the reply can be too."""
    return datagram.partition(b" ")[2][:1] == b"d"


def encode(cookie: str, body: Body, *, as_bencode: bool = False) -> bytes:
    """One datagram. JSON unless told otherwise."""
    payload = bencode.dumps(body) if as_bencode else msgspec.json.encode(body)
    return cookie.encode("ascii") + b" " + payload


def text(body: Body, key: str, default: str = "") -> str:
    """The text under `key`, or `default` when it is absent or no text."""
    value = body.get(key, default)
    return value if isinstance(value, str) else default


def number(body: Body, key: str, default: int = 0) -> int:
    """The whole number under `key`; rtpengine's clients also send numbers as text."""
    value = body.get(key, default)
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.removeprefix("-").isdecimal() and len(value) < 12 else default
    return value if isinstance(value, int) else default


class Replays:
    """Replies of the last seconds by cookie: a repeated request is answered, not done again."""

    def __init__(self) -> None:
        self._replies: OrderedDict[bytes, tuple[Micros, bytes]] = OrderedDict()
        self.hits = 0

    def find(self, datagram: bytes, now: Micros) -> bytes | None:
        """The reply already given to this request, if it was."""
        self._forget(now)
        found = self._replies.get(_key(datagram))
        if found is None:
            return None
        self.hits += 1
        return found[1]

    def keep(self, datagram: bytes, reply: bytes, now: Micros) -> None:
        """Remember `reply` as the answer to `datagram`."""
        self._replies[_key(datagram)] = (now, reply)
        if len(self._replies) > REPLAYS_MAX:
            self._replies.popitem(last=False)

    def _forget(self, now: Micros) -> None:
        while self._replies:
            at, _ = next(iter(self._replies.values()))
            if now - at < REPLAY_SECONDS * SECOND:
                return
            self._replies.popitem(last=False)


def _key(datagram: bytes) -> bytes:
    return datagram[: datagram.find(b" ")]
