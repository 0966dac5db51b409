"""What the media engine is asked for one leg, in the leg model of the ng protocol.

Why: one ng call per SIP leg, with exactly two tags: `leg` is the phone, `in` is ours. The far side
of a leg is either another leg's inner address or nobody (a dummy that nothing is sent to); moving
it never changes the port that the phone was told, so transfers and hold need no SIP to the other
side. Four rules were learned by failing: `port-latching` and `trust-address` on every message,
`endpoint-learning: off` with every description of our own making, no offer without a to-tag once
answered, and the far side is taken away before anything is played.

Where the phone's audio is encrypted, the engine has the keys: what it writes of them for the phone is
passed on as it stands, and kept with the leg, so that the phone is told the same again.

Messages of one leg are answered in order, so they are asked without waiting for each other.

Sources: rtpengine ng protocol; RFC 3264 (offer/answer), RFC 4733 (telephone-event).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import msgspec

from callcenter.domain.termination import Reason
from callcenter.domain.units import MILLISECOND, Micros
from callcenter.frontend.hands import Hands
from callcenter.frontend.secrecy import PLAIN, SECURE, SUITES, WEB, Policy, Rule, take
from callcenter.frontend.turn import Message
from callcenter.sip.errors import SipError
from callcenter.sip.flow import Flow
from callcenter.sip.sdp import (
    WEB_PROTOCOLS,
    Sdp,
    answer_audio,
    audio_media,
    build_audio,
    choose_codec,
    is_unicast,
    parse_sdp,
    remote_address,
)
from callcenter.sip.sdp_fax import answer_image, build_image, image_media, only_image

PHONE, OURS = "leg", "in"
EVENT_TYPE = 101
FLAGS = ("port-latching", "trust-address", "strict-source")
NOBODY = ("127.0.0.1", 9)
FOREVER = 10_000
"""Repetitions of hold music: days."""
FINISHED_GRACE: Micros = 400 * MILLISECOND
"""An engine that does not tell when a file ended is believed to have ended this much later."""

Address = tuple[str, int]
Replied = Callable[[Message], None]


class LegRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything about one leg's media that a restart must know."""

    id: str
    """The ng call-id."""
    phone: bytes = b""
    """The phone's last description."""
    payload: int = 0
    event: int | None = None
    local: Address | None = None
    """Where the phone sends to."""
    inner: Address | None = None
    """Where the other leg sends to."""
    far: Address | None = None
    """Whom the phone is connected to; None is nobody."""
    far_payload: int = 0
    version: int = 1
    saying: list[str] = []
    """Files still to be played once, the first of them playing now."""
    said_by: Micros = 0
    """Center time at which the first is over for certain."""
    tones: bool = False
    """Digits are heard in the audio of a phone that can send no events."""
    music: str = ""
    """File that plays until stopped."""
    told: str = ""
    """The host that the phone sends to, where its network knows us by another address."""
    image: bool = False
    """The phone is a fax that speaks T.38 by now."""
    policy: Policy = Policy.OFF
    """Whether the phone's audio is encrypted …"""
    is_secret: bool = False
    """… and whether its keys may be told to who is at the other end of its signalling."""
    encrypted: bool = False
    """As it was agreed last."""
    protocol: str = PLAIN
    """Of the phone's audio line."""
    keys: list[str] = []
    """Ours, as the engine wrote them for the phone."""
    is_browser: bool = False
    """The phone is one, by its road …"""
    web: list[str] = []
    """… and this is what the engine wrote for it: fingerprint, password of ICE."""
    is_v6: bool = False
    """The phone is on IPv6."""
    local6: Address | None = None
    """Where it sends to then."""


class MediaLeg:
    """One phone's media. `said` is called when everything of `say` was played."""

    def __init__(self, hands: Hands, record: LegRecord, said: Callable[[], None]) -> None:
        self.hands = hands
        self.record = record
        self.said = said
        self.refusal = Reason.NOT_ACCEPTABLE_MEDIA
        """Why the phone's last description was not taken, if it was not."""

    # ---- a leg begins ---------------------------------------------------------------------

    def open_for_caller(self, offer: bytes, ready: Callable[[], None], failed: Replied) -> bool:
        """A caller's offer: nobody at the far side yet. False when there is no common codec."""
        if not self._take(offer):
            return False
        record = self.record

        def offered(reply: Message) -> None:
            record.inner = address_in(reply)

        def answered(reply: Message) -> None:
            settle(ready, failed, record.inner, self._told_by(reply))

        self._ask("offer", offered, failed, {"from-tag": PHONE, **self._from_phone()})
        tags = {"from-tag": PHONE, "to-tag": OURS}
        told = {**tags, "sdp": self._far_sdp(), **self._towards_phone(), **_BY_US}
        self._ask("answer", answered, failed, told)
        self._detect_tones()
        return True

    def _detect_tones(self) -> None:
        """Only where the line is known to need it, and the phone did not say that it sends events."""
        if self.record.tones and self.record.event is None:
            self._ask("detect tones", None, None)

    def open_for_phone(
        self, other: "MediaLeg | None", ready: Callable[[], None], failed: Replied
    ) -> None:
        """A phone that we offer to: `other` (or nobody) is already at the far side."""
        record = self.record
        if other is not None:
            record.far, record.far_payload = other.record.inner, other.record.payload
            record.payload = other.record.payload
        record.event = EVENT_TYPE

        wish: Message = self._wish() if self._rule.allows else {}
        if record.is_v6:
            wish["address-family"] = "IP6"
        self._offer(ready, failed, wish)

    def prepare(
        self,
        flows: Iterable[Flow],
        then: Callable[[], None],
        failed: Replied,
        rule: Rule | None = None,
    ) -> None:
        """Have what phones at the other ends of `flows` must be offered: keys, an IPv6 address.

        Nothing is asked where plain audio on IPv4 is all that they are offered.
        """
        record = self.record
        wishes: list[Message] = []
        for flow in flows:
            self.tell(flow, rule)
            lines = record.web if record.is_browser else record.keys
            lacks = self._rule.allows and not lines
            if lacks or (record.is_v6 and record.local6 is None):
                family = {"address-family": "IP6"} if record.is_v6 else {}
                wish = {**(self._wish() if self._rule.allows else {}), **family}
                if wish not in wishes:
                    wishes.append(wish)
        if not wishes:
            then()
            return
        for wish in wishes[:-1]:
            self._offer(lambda: None, failed, wish)
        self._offer(then, failed, wishes[-1])

    def _wish(self) -> Message:
        """How the engine writes an encrypted offer for a phone of this kind."""
        return dict(_FOR_BROWSER) if self.record.is_browser else dict(_BY_SDES)

    def _offer(self, ready: Callable[[], None], failed: Replied, wish: Message) -> None:
        """Have the engine write an offer for a phone that has not answered yet."""
        tags = {"from-tag": OURS}
        self._ask(
            "offer",
            lambda reply: settle(ready, failed, self._told_by(reply)),
            failed,
            {**tags, "sdp": self._far_sdp(), **wish, **_BY_US},
        )

    def _told_by(self, reply: Message) -> Address | None:
        """What the engine wrote for the phone: where it sends to, and our keys."""
        record, address = self.record, address_in(reply)
        if address is not None and ":" in address[0] and record.local not in (None, address):
            record.local6 = address
        elif address is not None and ":" in address[0]:
            record.local6 = record.local = address
        else:
            record.local = address
        keys, web = lines_in(reply)
        record.keys, record.web = keys or record.keys, web or record.web
        return address

    def answered(
        self, answer: bytes, ready: Callable[[], None], failed: Replied, *, ahead: bool = False
    ) -> bool:
        """The phone answered our offer. False when it chose no codec of ours."""
        if not self._take(answer):
            return False
        record = self.record

        def done(reply: Message) -> None:
            record.inner = address_in(reply)
            settle(ready, failed, record.inner)

        tags = {"from-tag": OURS, "to-tag": PHONE}
        self._ask("answer", done, failed, {**tags, **self._from_phone()}, ahead=ahead)
        return True

    # ---- what the phone is shown ----------------------------------------------------------

    def tell(self, flow: Flow, rule: Rule | None = None) -> None:
        """The phone is at the other end of `flow`: it is told the address that leads here, and
        keys if they may go there. `rule` is for a trunk, whose road may not show whose it is."""
        record = self.record
        record.told = self.hands.media_address(flow)
        record.policy, record.is_secret = rule or self.hands.rule(flow)
        record.is_v6 = self.hands.rules.media_v6 and ":" in flow.remote[0]
        record.is_browser = flow.transport == "wss"

    @property
    def _rule(self) -> Rule:
        return Rule(self.record.policy, self.record.is_secret)

    def _told(self) -> Address:
        record = self.record
        local = record.local6 if record.is_v6 and record.local6 else record.local
        host, port = local or NOBODY
        return record.told or host, port

    @property
    def may_insist(self) -> bool:
        """Whether the phone is offered plain audio and keys, and could be offered those alone."""
        plain = self._rule.offered == PLAIN and not self.record.is_browser
        return self._rule.allows and plain

    def offer_sdp(self, *, insist: bool = False) -> bytes:
        """What a phone is offered: both G.711 codecs, the other side's own first. `insist`: to a
        phone that wants nothing but encrypted audio."""
        address, port = self._told()
        record = self.record
        payloads = (record.payload, 8 - record.payload)
        wanted = SECURE if insist else self._rule.offered
        if record.is_browser and self._rule.allows:
            wanted = WEB
        protocol = record.protocol if record.phone else wanted
        agreed = self._rule.allows and (record.encrypted or not record.phone)
        lines = self._lines(protocol, address, port) if agreed else ()
        built = build_audio(
            address, port, payloads, session_id=port, version=record.version,
            protocol=protocol, lines=lines,
        )  # fmt: skip
        return _as_lite(built, protocol).encode()

    def _lines(self, protocol: str, host: str, port: int) -> list[str]:
        """Our side of the encryption, for a phone that is told this address."""
        record = self.record
        if protocol not in WEB_PROTOCOLS:
            return record.keys
        theirs = audio_media(read(record.phone)) if record.phone else None
        mid = theirs.attribute("mid") if theirs is not None else None
        way = f"candidate:1 1 udp {CANDIDATE_PRIORITY} {host} {port} typ host"
        return [*record.web, "rtcp-mux", f"mid:{mid or '0'}", way, "end-of-candidates"]

    def answer_sdp(self) -> bytes:
        """What the phone is answered: the codec chosen, its direction mirrored, no other media."""
        address, port = self._told()
        record, offer = self.record, read(self.record.phone)
        lines = self._lines(record.protocol, address, port) if record.encrypted else ()
        if record.protocol not in WEB_PROTOCOLS:
            lines = lines[:1]
        answer = answer_audio(offer, address, port, port, record.version, lines=lines)
        return _as_lite(answer, record.protocol).encode()

    def _from_phone(self) -> Message:
        """The phone's description for the engine, and that our side of the leg is plain, on IPv4."""
        sdp = text(self.record.phone)
        plain: Message = {}
        if self.record.protocol in WEB_PROTOCOLS:
            plain = {"transport-protocol": PLAIN, "rtcp-mux": ["demux"]}
        elif self.record.encrypted:
            plain = {"transport-protocol": PLAIN, "OSRTP": ["accept"]}
        return {"sdp": sdp, **plain, **({"address-family": "IP4"} if self._sends_v6 else {})}

    def _towards_phone(self) -> Message:
        """How the engine writes a description of ours for the phone as it is."""
        keys: Message = {}
        if self.record.protocol in WEB_PROTOCOLS:
            keys = dict(_FOR_BROWSER)
        elif self.record.encrypted:
            keys = dict(_BY_SDES)
        return {**keys, **({"address-family": "IP6"} if self._sends_v6 else {})}

    @property
    def _sends_v6(self) -> bool:
        """Whether the phone's audio comes by IPv6, as its description says; a browser's need not."""
        if not self.record.phone:
            return False
        if self.record.protocol in WEB_PROTOCOLS:
            return self.record.is_v6
        address = remote_address(read(self.record.phone))
        return address is not None and ":" in address[0]

    def _far_sdp(self) -> str:
        """The far side as an SDP of ours, for the engine only."""
        address, port = self.record.far or NOBODY
        payload = self.record.far_payload if self.record.far else self.record.payload
        payloads = (payload, 8 - payload) if not self.record.phone else (payload,)
        event = self.record.event or EVENT_TYPE
        return text(build_audio(address, port, payloads, event, session_id=port).encode())

    # ---- a leg changes --------------------------------------------------------------------

    def connect(self, other: "MediaLeg | None", failed: Replied) -> None:
        """From now on the phone hears and is heard by `other`, or by nobody."""
        if other is None:
            self.connect_to(None, self.record.payload, failed)
        else:
            self.connect_to(other.record.inner, other.record.payload, failed)

    def connect_to(self, far: Address | None, payload: int, failed: Replied) -> None:
        """The same with whoever is at an address, in the law `payload`."""
        record = self.record
        record.far, record.far_payload = far, payload
        tags = {"from-tag": OURS, "to-tag": PHONE}
        ours = {**tags, "sdp": self._far_sdp(), **self._towards_phone(), **_BY_US}
        self._ask("offer", None, failed, ours)
        self._ask("answer", None, failed, {**tags, **self._from_phone()})

    def renegotiate(self, offer: bytes, ready: Callable[[], None], failed: Replied) -> bool:
        """The phone offers anew (hold, resume, another address); our ports stay."""
        if not self._take(offer):
            return False
        record = self.record
        record.version += 1
        tags = {"from-tag": PHONE, "to-tag": OURS}
        self._ask("offer", None, failed, {**tags, **self._from_phone()})

        def answered(reply: Message) -> None:
            settle(ready, failed, self._told_by(reply))

        ours = {**tags, "sdp": self._far_sdp(), **self._towards_phone(), **_BY_US}
        self._ask("answer", answered, failed, ours)
        return True

    def join_mix(self, name: str, ready: Callable[[], None] | None, failed: Replied | None) -> None:
        """The phone hears, and is heard by, all that are in the mix; an engine may know none."""
        done: Replied | None = (lambda _: ready()) if ready is not None else None
        self._ask("join mix", done, failed, {"mix": name})

    def leave_mix(self) -> None:
        """Whom it is connected with counts again."""
        self._ask("leave mix", None, None)

    # ---- a leg becomes a fax in T.38 ------------------------------------------------------

    def open_for_image(self, offer: bytes, ready: Callable[[], None], failed: Replied) -> bool:
        """A caller who offers nothing but T.38, or a phone that changes to it. False when it
        cannot be: nothing is changed then."""
        taken = self._take_image(offer)
        if taken is None:
            return False
        record = self.record
        tags = {"from-tag": PHONE} | ({"to-tag": OURS} if record.local else {})

        def offered(reply: Message) -> None:
            record.inner = address_in(reply) or record.inner

        def answered(reply: Message) -> None:
            record.local = address_in(reply)
            settle(ready, failed, record.inner, record.local)

        self._ask("offer", offered, failed, {**tags, "sdp": text(taken)})
        tags["to-tag"] = OURS
        self._ask("answer", answered, failed, {**tags, "sdp": self._far_image(), **_BY_US})
        return True

    def image_answered(self, answer: bytes, failed: Replied) -> bool:
        """The phone took our offer of T.38. False when its answer holds none."""
        taken = self._take_image(answer)
        if taken is None:
            return False
        tags = {"from-tag": OURS, "to-tag": PHONE}
        self._ask("offer", None, failed, {**tags, "sdp": self._far_image(), **_BY_US})
        self._ask("answer", None, failed, {**tags, "sdp": text(taken)})
        return True

    def image_to(self, far: Address, failed: Replied) -> None:
        """From now on the T.38 of the phone goes to `far` and comes from there."""
        self.record.far = far
        tags = {"from-tag": OURS, "to-tag": PHONE}
        self._ask("offer", None, failed, {**tags, "sdp": self._far_image(), **_BY_US})
        self._ask("answer", None, failed, {**tags, "sdp": text(self.record.phone)})

    def answer_to(self, offer: bytes) -> bytes:
        """Sound taken from one whose fax is over and whose call is about to be. Raises `SipError`."""
        address, port = self._told()
        return answer_audio(read(offer), address, port, port, self.record.version).encode()

    def image_offer_sdp(self) -> bytes:
        """T.38 at the port that the phone sends to already."""
        address, port = self._told()
        self.record.version += 1
        return build_image(address, port, port, self.record.version).encode()

    def image_answer_sdp(self, offer: bytes) -> bytes:
        """T.38 taken, all else refused."""
        address, port = self._told()
        return answer_image(read(offer), address, port, port, self.record.version).encode()

    def _far_image(self) -> str:
        address, port = self.record.far or NOBODY
        return text(build_image(address, port, port).encode())

    def _take_image(self, sdp: bytes) -> bytes | None:
        """Take a description that asks for T.38; as the engine shall see it, or None."""
        try:
            parsed = read(sdp)
        except SipError:
            return None
        wanted = image_media(parsed)
        if self.record.policy is Policy.REQUIRED:
            self.refusal = Reason.ENCRYPTION_REQUIRED
            return None
        if wanted is None or not wanted.connection:
            return None
        if not is_unicast(wanted.connection, loopback=self.hands.rules.loopback_media):
            return None
        self.record.phone = only_image(parsed).encode()
        self.record.image, self.record.encrypted, self.record.keys = True, False, []
        return self.record.phone

    def close(self) -> None:
        """The whole leg goes."""
        self.record.saying, self.record.music = [], ""
        self._ask("delete", None, None)

    # ---- what the phone hears -------------------------------------------------------------

    def say(self, files: Sequence[str]) -> None:
        """Play `files` one after the other, then call `said`. Replaces what plays."""
        self.record.saying = list(files)
        self.record.music = ""
        self._say_next()

    def _say_next(self) -> None:
        record = self.record
        if not record.saying:
            self.said()
            return
        file = record.saying[0]

        def started(reply: Message) -> None:
            if record.saying and record.saying[0] == file:
                length = int(reply.get("duration", 0)) * MILLISECOND
                record.said_by = self.hands.center_now() + length + FINISHED_GRACE
                self.hands.wake(owner_of(record.id), length + FINISHED_GRACE)

        def failed(_: Message) -> None:
            self.finished(file)

        self._ask("play media", started, failed, {"from-tag": PHONE, "file": file})

    def finished(self, file: str) -> None:
        """The engine (or the clock) says that `file` is over."""
        record = self.record
        if record.saying and record.saying[0] == file:
            record.saying = record.saying[1:]
            record.said_by = 0
            self._say_next()

    def tick(self) -> None:
        """Go on when the engine did not tell that a file is over."""
        record = self.record
        if record.saying and record.said_by and self.hands.center_now() >= record.said_by:
            self.finished(record.saying[0])

    def take_up(self) -> None:
        """After a restart: wait for the end of what is being said, or say it once more."""
        record = self.record
        if record.said_by:
            left = max(0, record.said_by - self.hands.center_now())
            self.hands.wake(owner_of(record.id), left)
        elif record.saying:
            self._say_next()

    def play_music(self, file: str) -> None:
        """Play `file` until something else is asked for."""
        self.record.saying = []
        if file == self.record.music:
            return
        self.record.music = file
        self._play_music()

    def _play_music(self) -> None:
        self._ask(
            "play media",
            None,
            None,
            {"from-tag": PHONE, "file": self.record.music, "repeat-times": FOREVER},
        )

    def quiet(self) -> None:
        """Play nothing."""
        if self.record.saying or self.record.music:
            self.record.saying, self.record.music = [], ""
            self._ask("stop media", None, None, {"from-tag": PHONE})

    def record_to(self, file: str, seconds: int, silence: int, failed: Replied) -> None:
        """Keep what the phone says."""
        self._ask(
            "start recording",
            None,
            failed,
            {
                "from-tag": PHONE,
                "file": file,
                "max-seconds": seconds,
                "silence-seconds": silence,
            },
        )

    def stop_recording(self) -> None:
        """Keep no more; the engine tells of the end."""
        self._ask("stop recording", None, None)

    def play_again(self) -> None:
        """The engine was restarted and forgot what it played, not its legs."""
        self._detect_tones()
        if self.record.music:
            self._play_music()
        elif self.record.saying:
            self._say_next()

    def _take(self, sdp: bytes) -> bool:
        """Take the phone's description. False when nothing in it is ours: `refusal` says why."""
        self.refusal = Reason.NOT_ACCEPTABLE_MEDIA
        try:
            offered = read(sdp)
        except SipError:
            return False
        taken = take(offered, self._rule)
        parsed, record = taken.sdp, self.record
        chosen, address = choose_codec(parsed), remote_address(parsed)
        if taken.refusal is not None:
            self.refusal = taken.refusal
        if chosen is None or address is None or taken.refusal is not None:
            return False
        if not is_unicast(address[0], loopback=self.hands.rules.loopback_media):
            return False
        record.phone = sdp if parsed is offered else parsed.encode()
        record.payload, record.event = chosen
        record.encrypted = taken.is_encrypted
        wanted = audio_media(parsed)
        record.protocol = wanted.protocol if wanted is not None else PLAIN
        return True

    def _ask(
        self,
        command: str,
        done: Replied | None,
        failed: Replied | None,
        keys: Mapping[str, object] = MappingProxyType({}),
        *,
        ahead: bool = False,
    ) -> None:
        message: Message = {"command": command, "call-id": self.record.id, **keys}
        if command in ("offer", "answer"):
            message.setdefault("ICE", "remove")
            message["flags"] = list(FLAGS)
        self.hands.ask(message, done, failed, ahead=ahead)


def owner_of(leg: str) -> str:
    """The story that a media leg belongs to: legs are named `<story>/<leg>`."""
    return leg.rpartition("/")[0]


_BY_US = {"endpoint-learning": "off"}
_BY_SDES: Message = {"transport-protocol": SECURE, "DTLS": "off", "SDES": ["pad"]}
"""How an engine writes a description with keys; some phones misread a key without its last `=`."""
_FOR_BROWSER: Message = {
    "transport-protocol": WEB,
    "ICE": "force",
    "DTLS": "passive",
    "SDES": ["off"],
    "rtcp-mux": ["require"],
}
"""How an engine writes a description for a browser."""
CANDIDATE_PRIORITY = 2_130_706_431
"""Of the only one (RFC 8445 5.1.2.1)."""


def text(sdp: bytes) -> str:
    """A description as ng carries it."""
    return sdp.decode("utf-8", "replace")


_LINES = re.compile(r"^a=((?:crypto|ice-ufrag|ice-pwd|fingerprint|setup):[^\r\n]+)", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP[46] ([^\s/]+)", re.MULTILINE)
_AUDIO = re.compile(r"^m=(?:audio|image) ([1-9]\d{0,4}) ", re.MULTILINE)


def address_in(reply: Message) -> Address | None:
    """The audio (or fax) address in an engine's reply, None when it holds none.

    The engine writes one stream and one address, so it is not read as a stranger's would be.
    """
    sdp = str(reply.get("sdp", ""))
    address, audio = _CONNECTION.search(sdp), _AUDIO.search(sdp)
    return (address[1], int(audio[1])) if address and audio else None


def lines_in(reply: Message) -> tuple[list[str], list[str]]:
    """The keys that an engine wrote for a phone, and what it wrote for a browser, without `a=`.

    An engine may know suites that encrypt nothing or too little: those are not passed on; what every
    phone knows comes first. It is for a
    browser only with ICE; some write a fingerprint beside keys.
    """
    lines: list[str] = _LINES.findall(str(reply.get("sdp", "")))
    keys = [line for line in lines if line.startswith("crypto:") and line.split()[1] in SUITES]
    web = [line for line in lines if not line.startswith("crypto:")]
    keys.sort(key=lambda line: SUITES.index(line.split()[1]))
    return keys, web if any(line.startswith("ice-ufrag:") for line in web) else []


def _as_lite(sdp: Sdp, protocol: str) -> Sdp:
    """To a browser it is said that we only answer its ICE: a line of the whole session."""
    if protocol not in WEB_PROTOCOLS:
        return sdp
    return msgspec.structs.replace(sdp, attributes=(("ice-lite", ""),))


@lru_cache(maxsize=256)
def read(sdp: bytes) -> Sdp:
    """A phone's description; what is answered now was read a moment ago."""
    return parse_sdp(sdp)


def failure(reply: Message) -> Reason:
    """Why a leg did not begin. An engine that cannot use the phone's description names it; all
    else is a failure of ours."""
    said = str(reply.get("error-reason", ""))
    theirs = "SDP" in said or "codec" in said
    return Reason.NOT_ACCEPTABLE_MEDIA if theirs else Reason.MEDIA_UNAVAILABLE


def settle(ready: Callable[[], None], failed: Replied, *addresses: Address | None) -> None:
    """Go on when the engine gave every address that was asked for."""
    if None in addresses:
        failed({"result": "error", "error-reason": "no address in the reply"})
    else:
        ready()
