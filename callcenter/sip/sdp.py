"""Session descriptions: which audio goes where, in which direction.

An offer names media, payload types and a direction; the answer takes or refuses each of them, in
the same order (RFC 3264). We speak one audio stream of G.711 with telephone-events; everything
else in an offer is refused by port 0, so that video phones keep their voice.

Why lenient: hold is written in at least five ways, directions stand at session level, the last
line comes without its end, static payload types come without `rtpmap`. A peer that can be
understood is understood; what we write ourselves is by the book.

Sources: RFC 8866 (SDP), RFC 3264 (offer and answer; 8.4 hold), RFC 3551 (static types),
RFC 4733 (telephone-event; each side chooses the number it wants to receive).
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from callcenter.sip import limits
from callcenter.sip.errors import SipError
from callcenter.sip.headers import parse_parameters, unquote

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

MIRRORED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""What an answer says to each direction of an offer (RFC 3264 6.1)."""

STATIC_PAYLOADS = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 18: "G729/8000"}
"""RFC 3551 6, as far as phones use it."""

PCMU, PCMA = 0, 8
EVENT_CLOCK, EVENT_CLOCK_MAX = 8_000, 96_000
"""Of telephone-events, in Hz: ours, and the highest that is believed."""
PLAIN_PROTOCOLS = ("RTP/AVP", "RTP/AVPF")
SECURE_PROTOCOLS = ("RTP/SAVP", "RTP/SAVPF")
"""Audio that is encrypted or not heard at all, by keys in `a=crypto` (RFC 4568)."""
WEB_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")
"""A browser's: keys by DTLS, addresses by ICE (RFC 8842, RFC 8839)."""
_AUDIO_PROTOCOLS = (*PLAIN_PROTOCOLS, *SECURE_PROTOCOLS, *WEB_PROTOCOLS)
_UNSPECIFIED = ("0.0.0.0", "::")


class Media(msgspec.Struct, frozen=True):
    """One `m=` section.

    Attributes:
        kind: `audio`, `video`, …
        port: 0 means refused or ended.
        protocol: `RTP/AVP`, `RTP/SAVP`, …
        formats: payload types in order of preference, as text.
        rtpmap: payload type → `name/rate[/channels]`, static ones filled in.
        fmtp: payload type → format parameters.
        direction: of this media, or the session's if it has none of its own.
        connection: address of this media, or the session's.
        attributes: (name, value) of all other `a=` lines, in order.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    rtpmap: dict[int, str] = {}
    fmtp: dict[int, str] = {}
    direction: Direction = "sendrecv"
    connection: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """The first value of an attribute, `""` for a flag, None if it is not there."""
        return next((value for key, value in self.attributes if key == name), None)


class Sdp(msgspec.Struct, frozen=True):
    """A session description.

    Attributes:
        session_id: from `o=`; with `version` it tells a changed description from a repeated one.
        address: of the session's `c=`, `""` if every media has its own.
    """

    session_id: int = 0
    version: int = 0
    address: str = ""
    media: tuple[Media, ...] = ()
    user: str = "-"
    name: str = "-"
    attributes: tuple[tuple[str, str], ...] = ()

    def encode(self) -> bytes:
        """Write it in the order of RFC 8866 5, every line ended by CRLF."""
        lines = ["v=0", f"o={self.user} {self.session_id} {self.version} {_network(self.address)}"]
        lines.append(f"s={self.name}")
        if self.address:
            lines.append(f"c={_network(self.address)}")
        lines.append("t=0 0")
        lines += [_attribute(name, value) for name, value in self.attributes]
        for media in self.media:
            lines += _media_lines(media, self.address)
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _network(address: str) -> str:
    shown = address or "0.0.0.0"
    return f"IN {'IP6' if ':' in shown else 'IP4'} {shown}"


def _attribute(name: str, value: str) -> str:
    return f"a={name}:{value}" if value else f"a={name}"


def _media_lines(media: Media, session_address: str) -> list[str]:
    lines = [f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}"]
    if media.connection and media.connection != session_address:
        lines.append(f"c={_network(media.connection)}")
    for number, codec in media.rtpmap.items():
        if str(number) in media.formats:
            lines.append(f"a=rtpmap:{number} {codec}")
    lines += [f"a=fmtp:{n} {text}" for n, text in media.fmtp.items() if str(n) in media.formats]
    lines += [_attribute(name, value) for name, value in media.attributes]
    if media.port:
        lines.append(f"a={media.direction}")
    return lines


class _Section:
    """Lines of the session or of one media, gathered while reading."""

    def __init__(self, heading: str = "") -> None:
        self.heading = heading
        self.connection = ""
        self.direction: Direction | None = None
        self.rtpmap: dict[int, str] = {}
        self.fmtp: dict[int, str] = {}
        self.attributes: list[tuple[str, str]] = []
        self.attributes_read = 0

    def read_attribute(self, text: str) -> None:
        """Take one `a=` line; a malformed one is passed over."""
        self.attributes_read += 1
        if self.attributes_read > limits.SDP_ATTRIBUTES_MAX:
            raise SipError(400, "too many SDP attributes")
        name, _, value = text.partition(":")
        name = name.strip()
        direction = _direction(name.lower())
        if direction is not None:
            self.direction = direction
        elif name in ("rtpmap", "fmtp"):
            number, _, rest = value.strip().partition(" ")
            payload = _payload_type(number)
            if payload is not None and rest:
                (self.rtpmap if name == "rtpmap" else self.fmtp)[payload] = rest.strip()
        elif name:
            self.attributes.append((name, value.strip()))


def _direction(name: str) -> Direction | None:
    if name == "sendrecv":
        return "sendrecv"
    if name == "sendonly":
        return "sendonly"
    if name == "recvonly":
        return "recvonly"
    return "inactive" if name == "inactive" else None


def _payload_type(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
        return int(text)
    return None


def parse_sdp(body: bytes) -> Sdp:
    """Read a session description.

    Unknown and malformed lines are passed over where the rest still makes sense.

    Raises:
        SipError: 400 if it is none, 413 or 400 over the limits.
    """
    if len(body) > limits.SDP_BYTES_MAX:
        raise SipError(413, "session description too large")
    text = body.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    session, sections = _Section(), list[_Section]()
    origin, name, seen_version = "", "-", False
    for line in text.split("\n"):
        kind, equals, value = line.partition("=")
        if not equals:
            continue
        current = sections[-1] if sections else session
        match kind.strip():
            case "v":
                seen_version = True
            case "o":
                origin = value.strip()
            case "s":
                name = value.strip() or "-"
            case "c":
                current.connection = _connection(value)
            case "a":
                current.read_attribute(value)
            case "m":
                sections.append(_Section(value.strip()))
                if len(sections) > limits.SDP_MEDIA_MAX:
                    raise SipError(400, "too many SDP media")
    if not seen_version:
        raise SipError(400, "no session description")
    user, session_id, version = _origin(origin)
    media = tuple(_media(section, session) for section in sections)
    attributes = tuple(session.attributes)
    return Sdp(session_id, version, session.connection, media, user, name, attributes)


def _connection(value: str) -> str:
    """The address of `IN IP4 192.0.2.1/127`; `""` where there is none."""
    parts = value.split()
    return parts[2].partition("/")[0] if len(parts) >= 3 else ""


def _origin(text: str) -> tuple[str, int, int]:
    parts = text.split()
    user = parts[0] if parts else "-"
    if len(parts) < 3:
        return user, 0, 0
    return user, _number(parts[1]), _number(parts[2])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0


def _media(section: _Section, session: _Section) -> Media:
    parts = section.heading.split()
    port_text = parts[1].partition("/")[0] if len(parts) >= 4 else ""
    if not (port_text.isascii() and port_text.isdigit() and len(port_text) <= 5):
        raise SipError(400, "malformed m= line")
    port, formats = int(port_text), tuple(parts[3:])
    if port > 65_535 or len(formats) > limits.SDP_FORMATS_MAX:
        raise SipError(400, "port out of range or too many payload types in an m= line")
    rtpmap = {
        number: STATIC_PAYLOADS[number]
        for number in map(_payload_type, formats)
        if number in STATIC_PAYLOADS
    }
    return Media(
        kind=parts[0].lower(),
        port=port,
        protocol=parts[2].upper(),
        formats=formats,
        rtpmap={**rtpmap, **section.rtpmap},
        fmtp=section.fmtp,
        direction=section.direction or session.direction or "sendrecv",
        connection=section.connection or session.connection,
        attributes=tuple(section.attributes),
    )


def audio_media(sdp: Sdp) -> Media | None:
    """The first audio that is wanted (port not 0) over RTP or SRTP; None if there is none."""
    return next((media for media in sdp.media if _is_audio(media)), None)


def _is_audio(media: Media) -> bool:
    return media.kind == "audio" and media.port > 0 and media.protocol in _AUDIO_PROTOCOLS


def is_held(sdp: Sdp) -> bool:
    """True if the peer does not want to hear us: `sendonly`, `inactive`, or address zero.

    A refused audio (port 0) is no hold; `audio_media` is None then.
    """
    media = audio_media(sdp)
    if media is None:
        return False
    if media.direction in ("sendonly", "inactive"):
        return True
    return media.connection in _UNSPECIFIED and media.protocol not in WEB_PROTOCOLS


def remote_address(sdp: Sdp) -> tuple[str, int] | None:
    """Where the peer wants its audio, or None (no audio, no address)."""
    media = audio_media(sdp)
    return (media.connection, media.port) if media and media.connection else None


@lru_cache(maxsize=1024)
def is_unicast(address: str, *, loopback: bool) -> bool:
    """False for what no phone may name as its address: multicast, broadcast, and, unless
    `loopback`, our own machine. Host names and address zero (old hold) are not judged."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    if parsed.is_multicast or str(parsed) == "255.255.255.255":
        return False
    return loopback or not parsed.is_loopback


def choose_codec(offer: Sdp) -> tuple[int, int | None] | None:
    """The first G.711 variant in the peer's order, and the peer's number for telephone-events.

    Returns:
        (0 or 8, payload type or None), or None where we share no codec: answer 488.
    """
    media = audio_media(offer)
    if media is None:
        return None
    for text in media.formats:
        number = _payload_type(text)
        if number in (PCMU, PCMA) and media.rtpmap[number].upper().startswith(("PCMU/", "PCMA/")):
            return number, telephone_event(media)
    return None


def telephone_event(media: Media) -> int | None:
    """The payload type under which this side wants to *receive* digits, at 8 kHz if it may choose.

    The two sides of a call may name different ones (RFC 4733 2.4.1): send with the peer's.
    """
    found = _telephone_events(media)
    return next((number for number, clock in found if clock == EVENT_CLOCK), None) or next(
        (number for number, _ in found), None
    )


def event_clock(media: Media) -> int:
    """The clock of the digits that `telephone_event` names, in Hz."""
    return dict(_telephone_events(media)).get(telephone_event(media) or -1, EVENT_CLOCK)


def _telephone_events(media: Media) -> list[tuple[int, int]]:
    """Payload type and clock of each kind of digits, in the peer's order."""
    found = []
    for text in media.formats:
        number = _payload_type(text)
        codec = media.rtpmap.get(number, "") if number is not None else ""
        name, _, rate = codec.lower().removesuffix("/1").partition("/")
        known = rate.isascii() and rate.isdigit() and 8000 <= int(rate[:7]) <= EVENT_CLOCK_MAX
        if number is not None and name == "telephone-event" and known:
            found.append((number, int(rate)))
    return found


def ptime(media: Media) -> int | None:
    """Milliseconds per packet that this side wants to receive, if it said so sensibly (10–200)."""
    text = media.attribute("ptime") or ""
    value = _number(text.partition(".")[0])
    return value if 10 <= value <= 200 else None


def build_audio(
    address: str,
    port: int,
    payloads: Sequence[int] = (PCMU, PCMA),
    telephone_event_pt: int | None = 101,
    direction: Direction = "sendrecv",
    session_id: int = 1,
    version: int = 1,
    *,
    event_clock: int = EVENT_CLOCK,
    protocol: str = "RTP/AVP",
    lines: Sequence[str] = (),
) -> Sdp:
    """One audio stream of ours, 20 ms packets; the form that every phone known to us reads.

    Args:
        lines: more attributes, as `crypto:…`.
    """
    rtpmap = {number: STATIC_PAYLOADS[number] for number in payloads}
    fmtp: dict[int, str] = {}
    if telephone_event_pt is not None:
        rtpmap[telephone_event_pt] = f"telephone-event/{event_clock}"
        fmtp[telephone_event_pt] = "0-15"
    media = Media(
        kind="audio",
        port=port,
        protocol=protocol,
        formats=tuple(str(number) for number in rtpmap),
        rtpmap=rtpmap,
        fmtp=fmtp,
        direction=direction,
        connection=address,
        attributes=(("ptime", "20"), *map(_attribute_of, lines)),
    )
    return Sdp(session_id, version, address, (media,))


def _attribute_of(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value


def answer_audio(
    offer: Sdp,
    address: str,
    port: int,
    session_id: int = 1,
    version: int = 1,
    *,
    listening: bool = True,
    lines: Sequence[str] = (),
) -> Sdp:
    """Our answer: the chosen codec, the peer's number for digits, each other media refused.

    Args:
        listening: False to answer as one who sends only (we hold the peer).
        lines: more attributes, as `crypto:…`.

    Raises:
        SipError: 488 if nothing is shared.
    """
    chosen, wanted = choose_codec(offer), audio_media(offer)
    if chosen is None or wanted is None:
        raise SipError(488, "no audio codec in common")
    direction = MIRRORED[wanted.direction]
    if not listening:
        direction = "sendonly" if direction in ("sendrecv", "sendonly") else "inactive"
    built = build_audio(
        address, port, chosen[:1], chosen[1], direction, session_id, version,
        event_clock=event_clock(wanted), lines=lines,
    )  # fmt: skip
    ours = msgspec.structs.replace(built.media[0], protocol=wanted.protocol)
    media = tuple(ours if theirs is wanted else _refused(theirs) for theirs in offer.media)
    return msgspec.structs.replace(built, media=media)


def _refused(media: Media) -> Media:
    """Port 0 under the same kind, protocol and formats (RFC 3264 6)."""
    return Media(media.kind, 0, media.protocol, media.formats[:1])


def find_sdp(content_type: str, body: bytes) -> bytes | None:
    """The session description in a body, also inside a multipart one (SIP-T, PIDF-LO).

    Args:
        content_type: the whole Content-Type field; `""` is read as `application/sdp`.

    Returns:
        None if there is none.
    """
    kind, semicolon, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if not body:
        return None
    if kind in ("", "application/sdp"):
        return body
    if not kind.startswith("multipart/"):
        return None
    try:
        boundary = unquote(parse_parameters(semicolon + rest).get("boundary", ""))
    except SipError:
        return None
    return _sdp_part(boundary, body) if 0 < len(boundary) <= 70 else None


def _sdp_part(boundary: str, body: bytes) -> bytes | None:
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    for part in body.split(delimiter, limits.MULTIPART_PARTS_MAX)[1:]:
        head, blank, content = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        if blank and b"application/sdp" in head.lower():
            return content.removesuffix(b"\r\n")
    return None
