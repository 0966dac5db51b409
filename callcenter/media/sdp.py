"""What a phone and we can say to each other, read from SDP and written anew.

Why: an engine that edits foreign SDP passes on whatever it does not know (ICE, crypto, addresses
of the other party). We read the few facts that matter and write a description of our own, so the
phone sees only our address and only what we can do: G.711 and telephone events, encrypted or not.

`offer_to` and `answer_to` write for a phone; `inner` writes for our own side of the leg. A fax in
T.38 (`m=image`) is relayed as it is: of it we read where it goes, and write only that.

Sources: RFC 8866; RFC 3264 5, 6, 8.4; RFC 3551 6 (static types); RFC 4733 7.1 (telephone-event);
RFC 4568 (`a=crypto`, in `sdes.py`); T.38 D.2.3 (`m=image`).
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from callcenter.media import sdes
from callcenter.media.latch import Address
from callcenter.media.ng import NgError
from callcenter.media.rtp import PCMA, PCMU
from callcenter.media.web import WEB_PROFILES, Told, read_told

SDP_OCTETS_MAX = 16_384
READ_KEPT = 1024
"""SDP that were read lately: one call names each of its own two or three times."""
MEDIA_MAX = 16
FORMATS_MAX = 64
DISCARD_PORT = 9
EVENTS_DEFAULT = 101
EVENT_CLOCK, EVENT_CLOCK_MAX = 8_000, 96_000
"""Of telephone events, in Hz: ours, and the highest that is believed."""
NAMES = {PCMU: "PCMU", PCMA: "PCMA"}
_STATIC = {str(number): f"{name}/8000" for number, name in NAMES.items()}
_DIRECTIONS = {f"a={way}": way for way in ("sendrecv", "sendonly", "recvonly", "inactive")}
PLAIN_PROFILE = "RTP/AVP"
SECURE_PROFILES = ("RTP/SAVP", "RTP/SAVPF")
_PROFILES = (PLAIN_PROFILE, "RTP/AVPF", *SECURE_PROFILES, *WEB_PROFILES)


class Description(NamedTuple):
    """The audio (or the fax) of one SDP: where to, what, which way.

    `place` is that of its line among `kinds`, the media lines as (kind, protocol,
    formats), kept so that an answer has as many lines as the offer.
    """

    text: str
    user: str
    session: str
    version: str
    address: Address | None
    control: Address | None
    """Where RTCP goes; None when there is no audio."""
    codecs: tuple[int, ...]
    events: int | None
    direction: str
    place: int
    kinds: tuple[tuple[str, str, str], ...]
    clock: int = EVENT_CLOCK
    """Of `events`, in Hz."""
    is_image: bool = False
    """A fax in T.38: its datagrams are no RTP."""
    crypto: tuple[sdes.Crypto, ...] = ()
    """Keys of its audio that we can use, the writer's choice first."""
    web: Told | None = None
    """A browser: where it is shows itself by ICE, its keys are agreed by DTLS."""

    @property
    def profile(self) -> str:
        """The protocol of its line, as `RTP/AVP`."""
        return self.kinds[self.place][1]

    @property
    def is_secure(self) -> bool:
        """Whether it wants its audio encrypted, and no other way."""
        return self.profile in SECURE_PROFILES

    @property
    def listens(self) -> bool:
        """Whether the far end wants to receive."""
        return self._is_there and self.direction in ("sendrecv", "recvonly")

    @property
    def speaks(self) -> bool:
        """Whether the far end says that it will send."""
        return self._is_there and self.direction in ("sendrecv", "sendonly")

    @property
    def _is_there(self) -> bool:
        return self.address is not None or self.web is not None


@lru_cache(READ_KEPT)
def read(text: str) -> Description:
    """Read an SDP.

    Raises:
        NgError: when it has no audio or fax line, or one that cannot be read.
    """
    if len(text) > SDP_OCTETS_MAX:
        raise NgError("The SDP is too long")
    session, media = _sections(text)
    kinds = tuple(_kind(section) for section in media)
    index = _choose(kinds, media)
    section = media[index]
    origin = (_first(session, "o=") or "- 0 0").split(" ")
    host = _host(_first(section, "c=") or _first(session, "c="))
    port = _port(section[0])
    is_web = kinds[index][1] in WEB_PROFILES
    reachable = host is not None and port not in (0, DISCARD_PORT) and not is_web
    is_image = kinds[index][0] == "image"
    no_sound: tuple[tuple[int, ...], int | None, int] = ((), None, EVENT_CLOCK)
    codecs, events, clock = no_sound if is_image else _formats(section, kinds[index][2].split())
    return Description(
        text=text,
        user=origin[0] or "-",
        session=origin[1] if len(origin) > 1 else "0",
        version=origin[2] if len(origin) > 2 else "0",
        address=(host, port) if host is not None and reachable else None,
        control=_control(section, host, port) if host is not None and reachable else None,
        codecs=codecs,
        events=events,
        direction=_direction(section) or _direction(session) or "sendrecv",
        place=index,
        kinds=kinds,
        clock=clock,
        is_image=is_image,
        crypto=() if is_image else sdes.read_lines(_all(section, "a=crypto:")),
        web=_told(section, session) if is_web and port else None,
    )


def _told(section: list[str], session: list[str]) -> Told:
    def value_of(name: str) -> str | None:
        return _first(section, f"a={name}") or _first(session, f"a={name}")

    return read_told(value_of)


class Dress(NamedTuple):
    """What a description of ours says beside its formats: the protocol, and lines of keys."""

    profile: str = PLAIN_PROFILE
    lines: tuple[str, ...] = ()
    """Attributes, without `a=`."""


def inner(given: Description, address: Address) -> str:
    """What the phone can do, at our inner address."""
    return _write(given, address, given.codecs or (PCMU, PCMA), given.events, given.direction)


def offer_to(given: Description, address: Address, dress: Dress = Dress()) -> str:
    """An offer for a phone: both laws, the other party's first so that nothing is converted."""
    codecs = given.codecs + tuple(c for c in (PCMU, PCMA) if c not in given.codecs)
    events = given.events if given.events is not None else EVENTS_DEFAULT
    return _write(given, address, codecs, events, given.direction, dress=dress)


def answer_to(
    offer: Description,
    given: Description,
    address: Address,
    codec: int | None,
    events: int | None,
    keys: Sequence[str] = (),
) -> str:
    """An answer for a phone: one law (none for a fax), and as many media lines as its offer."""
    codecs = () if codec is None else (codec,)
    encrypted = offer.is_secure or offer.web is not None
    dress = Dress(offer.profile if encrypted else PLAIN_PROFILE, tuple(keys))
    return _write(given, address, codecs, events, given.direction, offer, dress)


def choose(phone: Description, ours: Description | None) -> int:
    """The law for a phone: its first choice that our side names too, else its first choice.

    Raises:
        NgError: when the phone speaks neither law.
    """
    if not phone.codecs:
        raise NgError("No acceptable codec")
    named = ours.codecs if ours is not None else ()
    return next((codec for codec in phone.codecs if codec in named), phone.codecs[0])


def _sections(text: str) -> tuple[list[str], list[list[str]]]:
    session: list[str] = []
    media: list[list[str]] = []
    for line in text.split("\n"):
        line = line.rstrip()
        if line[:2] == "m=":
            media.append([line])
        elif line:
            (media[-1] if media else session).append(line)
    if not session or not session[0].startswith("v=0"):
        raise NgError("The SDP does not begin with v=0")
    if not 0 < len(media) <= MEDIA_MAX:
        raise NgError("The SDP has no media, or too many")
    return session, media


def _kind(section: list[str]) -> tuple[str, str, str]:
    parts = section[0][2:].split(maxsplit=3)
    if len(parts) < 4 or len(parts[3].split()) > FORMATS_MAX:
        raise NgError("A media line of the SDP is wrong")
    return parts[0], parts[2], parts[3]


def _choose(kinds: tuple[tuple[str, str, str], ...], media: list[list[str]]) -> int:
    """The line to use: the first audio that is alive, else a living fax, else the first audio."""
    audio = [
        i for i, (kind, profile, _) in enumerate(kinds) if kind == "audio" and profile in _PROFILES
    ]
    images = [
        i
        for i, (kind, profile, _) in enumerate(kinds)
        if kind == "image" and profile.lower() == "udptl"
    ]
    for index in (*audio, *images):
        if _port(media[index][0]):
            return index
    if not audio:
        raise NgError("The SDP has no RTP audio")
    return audio[0]


def _port(line: str) -> int:
    number = line.split()[1].partition("/")[0]
    if not number.isdecimal() or len(number) > 5 or int(number) > 65_535:
        raise NgError("A port of the SDP is wrong")
    return int(number)


@lru_cache(READ_KEPT)
def _host(line: str | None) -> str | None:
    """The address of a `c=` value; None for 0.0.0.0, the old way of holding (RFC 3264 8.4)."""
    parts = (line or "").split()
    if len(parts) == 3 and parts[:2] == ["IN", "IP6"]:
        return _host6(parts[2].partition("/")[0])
    if len(parts) != 3 or parts[:2] != ["IN", "IP4"]:
        raise NgError("The SDP has no connection address")
    host = parts[2].partition("/")[0]
    numbers = [int(n) if n.isdecimal() and len(n) <= 3 else 256 for n in host.split(".")]
    if len(numbers) != 4 or max(numbers) > 255:
        raise NgError("The SDP's connection address is no IPv4 address")
    if numbers[0] >= 224:
        raise NgError("The SDP's connection address is not one host")
    return ".".join(map(str, numbers)) if any(numbers) else None


def _host6(text: str) -> str | None:
    """As the kernel writes it, so that it compares equal to a sender's."""
    try:
        host = IPv6Address(text)
    except (AddressValueError, ValueError):
        raise NgError("The SDP's connection address is no IPv6 address") from None
    if host.is_multicast or host.ipv4_mapped or host.scope_id:
        raise NgError("The SDP's connection address is not one host")
    return str(host) if int(host) else None


def _control(section: list[str], host: str, port: int) -> Address:
    value = (_first(section, "a=rtcp:") or "").split()
    if value and value[0].isdecimal() and 0 < int(value[0][:6]) <= 65_535:
        return host, int(value[0])
    return host, min(port + 1, 65_535)


def _is_event(number: str, rate: str) -> bool:
    """Whether payload type and clock of telephone events are such as a phone may name."""
    if not (number.isdecimal() and rate.isdecimal()):
        return False
    return 96 <= int(number[:4]) <= 127 and 8000 <= int(rate[:7]) <= EVENT_CLOCK_MAX


def _formats(section: list[str], formats: list[str]) -> tuple[tuple[int, ...], int | None, int]:
    """The laws in the order given, and payload type and clock of telephone events: those at 8 kHz
    where the phone may choose."""
    names = dict(_STATIC)
    for line in section:
        if line.startswith("a=rtpmap:"):
            number, _, name = line[9:].partition(" ")
            names[number] = name.strip().upper().removesuffix("/1")
    codecs: list[int] = []
    events: dict[int, int] = {}
    for number in formats:
        name, _, rate = names.get(number, "").partition("/")
        if number in _STATIC and f"{name}/{rate}" == _STATIC[number]:
            codecs.append(int(number))
        elif name == "TELEPHONE-EVENT" and _is_event(number, rate):
            events.setdefault(int(rate), int(number))
    clock = EVENT_CLOCK if EVENT_CLOCK in events or not events else next(iter(events))
    return tuple(dict.fromkeys(codecs)), events.get(clock), clock


def _direction(lines: list[str]) -> str | None:
    return next((_DIRECTIONS[line] for line in lines if line in _DIRECTIONS), None)


def _first(lines: list[str], prefix: str) -> str | None:
    return next((line[len(prefix) :] for line in lines if line.startswith(prefix)), None)


def _all(lines: list[str], prefix: str) -> list[str]:
    return [line[len(prefix) :] for line in lines if line.startswith(prefix)]


def network(host: str) -> str:
    """A host as SDP names it."""
    return f"IN IP{'6' if ':' in host else '4'} {host}"


def _write(
    given: Description,
    address: Address,
    codecs: tuple[int, ...],
    events: int | None,
    direction: str,
    shape: Description | None = None,
    dress: Dress = Dress(),
) -> str:
    host, port = address
    if given.is_image:
        audio = f"m=image {port} udptl t38\r\n"
    else:
        audio = f"m=audio {port} {dress.profile}{_audio_lines(codecs, events, direction)}"
        audio += "".join(f"a={line}\r\n" for line in dress.lines)
    if shape is not None and len(shape.kinds) > 1:
        audio = "".join(
            audio if i == shape.place else f"m={kind} 0 {profile} {formats}\r\n"
            for i, (kind, profile, formats) in enumerate(shape.kinds)
        )
    return (
        f"v=0\r\no={given.user} {given.session} {given.version} {network(host)}\r\n"
        f"s=-\r\nc={network(host)}\r\nt=0 0\r\n{audio}"
    )


@lru_cache(READ_KEPT)
def _audio_lines(codecs: tuple[int, ...], events: int | None, direction: str) -> str:
    """The audio section after its protocol."""
    formats = [*codecs, *([] if events is None else [events])]
    lines = [f" {' '.join(map(str, formats))}"]
    lines += [f"a=rtpmap:{codec} {NAMES[codec]}/8000" for codec in codecs]
    if events is not None:
        lines += [f"a=rtpmap:{events} telephone-event/8000", f"a=fmtp:{events} 0-16"]
    return "\r\n".join([*lines, "a=ptime:20", f"a={direction}", ""])
