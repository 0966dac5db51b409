"""What each ng verb does to the legs.

Why: one engine per process holds its legs, gives them ports, and connects them. Two legs whose
inner sides name each other are joined in memory: packets go from phone to phone without passing
our own sockets. An inner address that is not ours (another engine, a mixer) is used as it stands.

::

    phone A ──► [ leg A ] inner A ◄──named by──► inner B [ leg B ] ◄── phone B
                    └─────────── joined in memory ───────────┘

The *leg model*: one ng call per SIP leg, with the tags `leg` (the phone) and `in` (ours)::

    a phone calls     offer  from leg          its SDP          -> inner port
                      answer from leg to in    nobody (port 9)  -> SDP for our 200
    we call a phone   offer  from in           the other's inner port -> SDP for our INVITE
                      answer from in to leg    its SDP          -> inner port
    connect           offer  from in to leg    whom to, answer from in to leg  its SDP again
    play, stop        to the phone; `delete` ends the leg
    detect tones      digits are heard in the audio of a phone that can send no events
    join mix          the phone hears, and is heard by, all that are in the mix of that name;
    leave mix         what it was connected with meanwhile counts again
    start recording   what the phone says goes to a file; `stop recording`, silence, a limit end it

A phone's side is encrypted (SRTP, keys by SDES) where the phone asks for `RTP/SAVP`, where it offers
keys beside plain audio and the message says `OSRTP: [accept]`, and where the message towards it says
`transport-protocol: RTP/SAVP`. It is a browser's (ICE, DTLS-SRTP) where that is
`UDP/TLS/RTP/SAVPF`; `SDES: [off]` or `[no-SUITE, ...]` leaves suites out of our offer. It is
on IPv6 where its SDP or `address-family: IP6` says so. The inner side is always plain, and on
`address`.

The engine opens no socket and reads no file: `open_side`, `close_side` and `load` are given to it.
A verb either does all of its work or raises `NgError` and leaves everything as it was.

Sources: rtpengine `docs/ng_control_protocol.md` (10.5).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from callcenter.domain.units import SECOND, Micros
from callcenter.media import rtcp, sdp
from callcenter.media.cng import CngDetector
from callcenter.media.latch import Address
from callcenter.media.leg import INNER, PHONE, Fact, Leg, Orphaned, Playback
from callcenter.media.line import Line
from callcenter.media.mix import PARTIES_MAX, Ear, Mix
from callcenter.media.ng import Body, NgError, number, text
from callcenter.media.ports import Ports
from callcenter.media.prompts import Audio
from callcenter.media.recorder import SECONDS_MAX, Recorder
from callcenter.media.report import engine_report, leg_report
from callcenter.media.sdes import Crypto
from callcenter.media.secrecy import PLAIN, MakeGuard, Secrecy
from callcenter.media.side import Drops, Side
from callcenter.media.tones import Tones
from callcenter.media.web import WEB_PROFILES, MakeWebPeer

CALL_ID_MAX = 255
BIND_TRIES = 64
PLAYS_MAX = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much and how long."""

    legs_max: int = 1000
    silence_seconds: int = 10
    """A phone that sends nothing for so long is reported."""
    orphan_seconds: int = 4 * 3600
    """A leg that is neither heard nor asked for is given up after so long."""


class Engine:
    """All legs of one process."""

    def __init__(
        self,
        *,
        address: str,
        address6: str = "",
        ports: Ports,
        make_guard: MakeGuard,
        make_web: MakeWebPeer,
        open_v6: Callable[[Side], None],
        open_side: Callable[[Side], None],
        close_side: Callable[[Side], None],
        load: Callable[[str], Audio],
        draw: Callable[[int], int],
        limits: Limits | None = None,
        append: Callable[[str, bytes], None] = lambda _file, _data: None,
    ) -> None:
        """`draw(bits)` answers with that many random bits; `open_side` raises `OSError`, and so does
        `append`, which adds octets to a file, and `open_v6`, which gives a side its port on
        `address6`, too. `make_guard` encrypts."""
        self.address = address
        self.address6 = address6
        self.ports = ports
        self.limits = limits or Limits()
        self.legs: dict[str, Leg] = {}
        self.facts: list[Fact] = []
        self.changed: dict[str, Leg | None] = {}
        """Legs to note before the reply leaves; None when the leg is gone."""
        self.refed: set[str] = set()
        """Legs whose phone is fed by somebody else than before."""
        self.drops = Drops()
        self.counts = {"offers": 0, "answers": 0, "deletes": 0, "plays": 0, "errors": 0}
        self.mixes: dict[str, Mix] = {}
        self._inner: dict[int, Leg] = {}
        self._make_guard = make_guard
        self.make_web = make_web
        self._open_v6 = open_v6
        self._open_side = open_side
        self._close_side = close_side
        self.load = load
        self._draw = draw
        self._append = append
        self._plays = 0
        self._verbs: dict[str, Callable[[Body, Micros], Body]] = {
            "ping": self._ping,
            "offer": self._offer,
            "answer": self._answer,
            "delete": self._delete,
            "query": self._query,
            "list": self._list,
            "statistics": self._statistics,
            "play media": self._play,
            "stop media": self._stop,
            "start recording": self._start_recording,
            "stop recording": self._stop_recording,
            "block media": self._gate("block", True),
            "unblock media": self._gate("block", False),
            "silence media": self._gate("silence", True),
            "unsilence media": self._gate("silence", False),
            "detect tones": self._detect,
            "join mix": self._join,
            "leave mix": self._leave,
        }

    def handle(self, body: Body, now: Micros) -> Body:
        """Do one message; the reply. Never raises for what a message says."""
        verb = self._verbs.get(text(body, "command"))
        try:
            if verb is None:
                raise NgError("Unrecognized command")
            return verb(body, now)
        except NgError as e:
            self.counts["errors"] += 1
            return e.reply()

    def give_up_orphan(self, leg: Leg, now: Micros) -> bool:
        """Delete a leg that nobody wants any more."""
        quiet = now - max(leg.phone.heard_at, leg.touched_at)
        if quiet < self.limits.orphan_seconds * SECOND:
            return False
        self._drop(leg)
        self.facts.append(Orphaned(leg.call_id, quiet // SECOND))
        return True

    def control_report(self, leg: Leg, now: Micros) -> bytes:
        """The RTCP packet that is due for the phone of `leg`."""
        leg.report_at = now + rtcp.INTERVAL_SECONDS * SECOND
        return rtcp.compose(leg.phone.line, leg.phone.reception, leg.phone.control, now)

    # -- verbs -----------------------------------------------------------------------------

    def _ping(self, _body: Body, _now: Micros) -> Body:
        return {"result": "pong"}

    def _offer(self, body: Body, now: Micros) -> Body:
        tag = self._tag(body, "from-tag")
        description = sdp.read(text(body, "sdp"))
        known = self.legs.get(self._call_id(body))
        if tag == PHONE and not description.is_image:
            sdp.choose(description, None)
        leg = known or self._new_leg(self._call_id(body), now)
        if known is None and tag == PHONE:
            leg.phone.cng = CngDetector()
        try:
            self._refuse_loop(leg, tag, description)
            theirs = self._key(leg.phone, description, body) if tag == PHONE else None
            self._choose_family(leg.phone, description if tag == PHONE else None, body)
        except NgError:
            if known is None:
                self._drop(leg)
            raise
        self.counts["offers"] += 1
        if tag == PHONE:
            self._agree(leg.phone, theirs, description)
        self._describe(leg, tag, description, now)
        if tag == PHONE:
            answer = sdp.inner(description, self._at(leg.inner))
        else:
            dress = self._dress(leg.phone, body)
            answer = sdp.offer_to(description, self._at(leg.phone), dress)
        return {"sdp": answer, "result": "ok"}

    def _answer(self, body: Body, now: Micros) -> Body:
        leg = self._leg(body)
        self._tag(body, "from-tag")
        tag = self._tag(body, "to-tag")
        description = sdp.read(text(body, "sdp"))
        phone = leg.phone
        self._refuse_loop(leg, tag, description)
        codec = self._law(phone, tag, description)
        theirs = self._key(phone, description, body) if tag == PHONE else None
        self._choose_family(phone, description if tag == PHONE else None, body)
        if codec is None:
            leg.stop()
        self.counts["answers"] += 1
        if tag == PHONE:
            self._agree(phone, theirs, description)
        phone.codec = codec
        phone.settle()
        leg.answered_at = leg.answered_at or now
        self._describe(leg, tag, description, now)
        if tag == PHONE:
            return {"sdp": sdp.inner(description, self._at(leg.inner)), "result": "ok"}
        assert phone.description is not None
        answer = sdp.answer_to(
            phone.description, description, self._at(phone), codec, phone.events, _shown(phone)
        )
        return {"sdp": answer, "result": "ok"}

    def _delete(self, body: Body, now: Micros) -> Body:
        leg = self.legs.get(self._call_id(body))
        if leg is None:
            return {"result": "ok", "warning": "Call-ID not found or tags didn't match"}
        self._drop(leg)
        self.counts["deletes"] += 1
        return leg_report(leg, self.address, now) | {"result": "ok"}

    def _query(self, body: Body, now: Micros) -> Body:
        return leg_report(self._leg(body), self.address, now) | {"result": "ok"}

    def _list(self, body: Body, _now: Micros) -> Body:
        limit = max(number(body, "limit", 32), 0)
        return {"result": "ok", "calls": list(self.legs)[:limit]}

    def _statistics(self, _body: Body, _now: Micros) -> Body:
        report = engine_report(self.legs.values(), self.counts, self.drops, self.ports)
        return {"result": "ok", "statistics": report}

    def _play(self, body: Body, now: Micros) -> Body:
        leg = self._leg(body)
        self._phone_only(body)
        if leg.phone.codec is None:
            raise NgError("Failed to start media playback")
        file = text(body, "file")
        audio = self.load(file)
        plays = min(max(number(body, "repeat-times", 1), 1), PLAYS_MAX)
        position = max(number(body, "start-pos"), 0) // 20
        self._plays += 1
        self.counts["plays"] += 1
        leg.play(Playback(file, audio, plays, position, self._plays))
        self._touch(leg, now)
        return {"duration": audio.milliseconds, "play-id": self._plays, "result": "ok"}

    def _stop(self, body: Body, now: Micros) -> Body:
        leg = self._leg(body)
        self._phone_only(body)
        playback = leg.stop()
        self._touch(leg, now)
        position = {"last-frame-pos": playback.position * 20} if playback else {}
        return {**position, "result": "ok"}

    def _start_recording(self, body: Body, now: Micros) -> Body:
        """What the phone says from now on goes to `file`, for `max-seconds` at most; it ends when
        nothing is said for `silence-seconds` (0: however long)."""
        leg = self._leg(body)
        self._phone_only(body)
        file = text(body, "file")
        if not file:
            raise NgError("No file in message")
        if leg.phone.codec is None:
            raise NgError("Failed to start recording")
        leg.record(
            Recorder(
                leg.call_id,
                file,
                seconds_max=max(number(body, "max-seconds", SECONDS_MAX), 1),
                silence_seconds=max(number(body, "silence-seconds"), 0),
                append=self._append,
                now=now,
            )
        )
        if leg.phone.recorder is None:
            raise NgError("Failed to write the recording")
        leg.touched_at = now
        return {"result": "ok"}

    def _stop_recording(self, body: Body, _now: Micros) -> Body:
        done = self._leg(body).end_recording("stopped")
        return {"result": "ok"} | ({"duration": done.milliseconds} if done else {})

    def _gate(self, gate: str, shut: bool) -> Callable[[Body, Micros], Body]:
        """Let nothing pass from one tag, or from both when none is named.

        What a phone no longer hears is replaced by silence, so `block` and `silence` differ only
        in who must lift them.
        """

        def verb(body: Body, now: Micros) -> Body:
            leg = self._leg(body)
            tags = [self._tag(body, "from-tag")] if "from-tag" in body else [PHONE, INNER]
            for tag in tags:
                (leg.phone if tag == PHONE else leg.inner).gate(gate, shut=shut)
            self._connect_around(leg)
            self._touch(leg, now)
            return {"result": "ok"}

        return verb

    def _detect(self, body: Body, now: Micros) -> Body:
        leg = self._leg(body)
        leg.phone.tones = leg.phone.tones or Tones()
        self._touch(leg, now)
        return {"result": "ok"}

    def _join(self, body: Body, now: Micros) -> Body:
        leg, name = self._leg(body), text(body, "mix")
        if not 0 < len(name) <= CALL_ID_MAX:
            raise NgError("No mix in message")
        mix = self.mixes.setdefault(name, Mix())
        if leg.call_id not in mix.ears and len(mix.ears) >= PARTIES_MAX:
            raise NgError("Too many parties in the mix")
        if leg.mix is not mix:
            self._part(leg)
        mix.join(leg.call_id)
        leg.mix = mix
        self._mixed(leg, now)
        return {"result": "ok", "parties": len(mix.ears)}

    def _leave(self, body: Body, now: Micros) -> Body:
        leg = self._leg(body)
        self._part(leg)
        self._mixed(leg, now)
        return {"result": "ok"}

    def _mixed(self, leg: Leg, now: Micros) -> None:
        self._connect_around(leg)
        self.refed.add(leg.call_id)
        self._touch(leg, now)

    def _part(self, leg: Leg) -> None:
        """It is in no mix; one that nobody is in is forgotten."""
        mix, leg.mix = leg.mix, None
        if mix is not None:
            mix.leave(leg.call_id)
            self.mixes = {name: one for name, one in self.mixes.items() if one.ears}

    # -- what a message names --------------------------------------------------------------

    @staticmethod
    def _call_id(body: Body) -> str:
        call_id = text(body, "call-id")
        if not 0 < len(call_id) <= CALL_ID_MAX:
            raise NgError("No call-id in message")
        return call_id

    def _leg(self, body: Body) -> Leg:
        leg = self.legs.get(self._call_id(body))
        if leg is None:
            raise NgError("Unknown call-id")
        return leg

    @staticmethod
    def _tag(body: Body, key: str) -> str:
        tag = text(body, key)
        if tag not in (PHONE, INNER):
            raise NgError(f"The {key} is neither '{PHONE}' nor '{INNER}'")
        return tag

    def _refuse_loop(self, leg: Leg, tag: str, description: sdp.Description) -> None:
        """A phone cannot be at its own leg's port: its call would talk to itself.

        At another leg's port it may be: that is a call of ours that comes back to us.
        """
        hosts = {self.address, self.address6}
        own = {(host, side.port) for host in hosts for side in (leg.phone, leg.inner)}
        if tag == PHONE and description.address in own:
            raise NgError("The SDP names a port of ours")

    @staticmethod
    def _key(phone: Side, description: sdp.Description, body: Body) -> Crypto | None:
        """The key that the phone sends under. Raises `NgError` where it wants one we cannot do."""
        if phone.secrecy is None or description.is_image:
            return None
        return phone.secrecy.choose(description, opportunistic="accept" in _words(body, "OSRTP"))

    def _agree(self, phone: Side, theirs: Crypto | None, description: sdp.Description) -> None:
        assert phone.secrecy is not None
        phone.secrecy.agree(theirs)
        phone.guard = phone.secrecy.guard
        if description.web is None:
            phone.web = None
            return
        phone.web = phone.web or self.make_web(None)
        phone.web.expect(description.web)
        phone.guard = phone.web.guard

    def _dress(self, phone: Side, body: Body) -> sdp.Dress:
        """How an offer to the phone asks for its audio."""
        profile = text(body, "transport-protocol", PLAIN)
        if profile in WEB_PROFILES:
            phone.web = phone.web or self.make_web(None)
            return sdp.Dress(profile, tuple(phone.web.lines("actpass")))
        if phone.secrecy is None or profile not in sdp.SECURE_PROFILES:
            return sdp.Dress()
        wishes = _words(body, "SDES")
        without = {word.removeprefix("no-") for word in wishes}
        lines = [] if "off" in wishes else phone.secrecy.offer(without)
        if not lines:
            raise NgError("No way to encrypt is left")
        return sdp.Dress(profile, tuple(lines))

    def _choose_family(self, phone: Side, description: sdp.Description | None, body: Body) -> None:
        """Be on IPv6 where the phone is, or where a message towards it (`description` is None) says;
        its port there is opened once."""
        wanted = text(body, "address-family")
        if description is not None and description.address is not None:
            uses_v6 = ":" in description.address[0]
        elif description is None and wanted in ("IP4", "IP6"):
            uses_v6 = wanted == "IP6"
        else:
            return
        if uses_v6 and ":" not in self.address and not phone.has_v6:
            if not self.address6:
                raise NgError("The SDP's address is IPv6, and the engine has none")
            try:
                self._open_v6(phone)
            except OSError:
                raise NgError("Ran out of ports") from None
            phone.has_v6 = True
        phone.uses_v6 = uses_v6

    def _phone_only(self, body: Body) -> None:
        if "from-tag" in body and self._tag(body, "from-tag") != PHONE:
            raise NgError("Files play to the phone only")

    @staticmethod
    def _codec_again(phone: Side, description: sdp.Description) -> int:
        """The same SDP given again keeps the law that was agreed."""
        before = phone.description.codecs if phone.description is not None else ()
        if phone.codec is not None and phone.codec in before and before == description.codecs:
            return phone.codec
        return sdp.choose(description, None)

    def _law(self, phone: Side, tag: str, description: sdp.Description) -> int | None:
        """What the phone of an answered leg speaks; None when it is a fax in T.38."""
        if tag != PHONE and phone.description is None:
            raise NgError("Nothing was offered by the phone")
        if description.is_image:
            return None
        if tag == PHONE:
            return self._codec_again(phone, description)
        assert phone.description is not None
        return sdp.choose(phone.description, description)

    # -- legs ------------------------------------------------------------------------------

    def _new_leg(self, call_id: str, now: Micros) -> Leg:
        if len(self.legs) >= self.limits.legs_max:
            raise NgError("Too many legs")
        phone = self._new_side(call_id, PHONE)
        try:
            inner = self._new_side(call_id, INNER)
        except NgError:
            self.release(phone)
            raise
        leg = Leg(call_id, phone, inner, self.facts, now)
        self.legs[call_id] = leg
        self._inner[inner.port] = leg
        return leg

    def _new_side(self, call_id: str, tag: str) -> Side:
        line = Line(self._draw(32), self._draw(15), self._draw(31))
        side = Side(call_id, tag, line, self.drops, self.facts, learning=tag == PHONE)
        if tag == PHONE:
            side.secrecy = self.secrecy()
        for _ in range(min(BIND_TRIES, self.ports.total)):
            side.port = self.ports.take()
            try:
                self._open_side(side)
                return side
            except OSError:
                self.ports.give(side.port)
        raise NgError("Ran out of ports")

    def secrecy(self) -> Secrecy:
        """For a phone whose keys are not known yet."""
        return Secrecy(self._draw, self._make_guard)

    def adopt(self, leg: Leg) -> None:
        """Take back a leg from before a restart; its ports are claimed and open."""
        self.legs[leg.call_id] = leg
        self._inner[leg.inner.port] = leg
        if leg.playback is not None:
            self._plays = max(self._plays, leg.playback.id)

    def connect_all(self) -> None:
        """Join the legs that were adopted."""
        for leg in self.legs.values():
            self._connect(leg)

    def _drop(self, leg: Leg) -> None:
        leg.stop()
        self._part(leg)
        leg.end_recording("gone")
        del self.legs[leg.call_id]
        del self._inner[leg.inner.port]
        peer = self._peer(leg)
        self._feed(leg.phone, None)
        self._feed(leg.inner, None)
        if peer is not None:
            self._connect(peer)
        self.release(leg.phone)
        self.release(leg.inner)
        self.changed[leg.call_id] = None

    def release(self, side: Side) -> None:
        """Close the ports of a side and give them back."""
        self._close_side(side)
        self.ports.give(side.port)

    def _describe(self, leg: Leg, tag: str, description: sdp.Description, now: Micros) -> None:
        before = self._peer(leg)
        side = leg.phone if tag == PHONE else leg.inner
        if tag == INNER:
            side.codec = next(iter(description.codecs), None)
        side.advertise(description)
        self._connect_around(leg, before)
        self._touch(leg, now)

    def _touch(self, leg: Leg, now: Micros) -> None:
        leg.touched_at = now
        self.changed[leg.call_id] = leg

    def _at(self, side: Side) -> Address:
        return (self.address6 if side.uses_v6 and self.address6 else self.address), side.port

    # -- who hears whom --------------------------------------------------------------------

    def _is_ours(self, address: Address | None) -> bool:
        return address is not None and address[0] == self.address and address[1] in self.ports

    def _peer(self, leg: Leg) -> Leg | None:
        """The leg of ours whose inner address this leg's inner side was given."""
        address = leg.inner.latch.advertised
        if address is None or not self._is_ours(address):
            return None
        return self._inner.get(address[1])

    def _connect_around(self, leg: Leg, before: Leg | None = None) -> None:
        """Connect a leg, the one it was joined with, and the one it is joined with now."""
        for other in (leg, before, self._peer(leg)):
            if other is not None:
                self._connect(other)

    def _connect(self, leg: Leg) -> None:
        """Decide where the phone's packets go, and where those of the inner side go."""
        address = leg.inner.latch.advertised
        outside = address is not None and not self._is_ours(address)
        peer = self._peer(leg)
        to: Side | Ear | None = None
        if leg.mix is not None:
            to, outside = leg.mix.ears[leg.call_id], False
        elif outside:
            to = leg.inner
        elif peer is not None and peer.mix is None and peer is not leg and self._peer(peer) is leg:
            to = None if peer.inner.blocked else peer.phone
        self._feed(leg.phone, None if leg.phone.blocked else to)
        self._feed(leg.inner, leg.phone if outside and not leg.inner.blocked else None)

    def _feed(self, side: Side, to: Side | Ear | None) -> None:
        if side.to is to:
            return
        if side.to is not None:
            self.refed.add(side.to.call_id)
            if side.to.line.origin is side:
                side.to.line.rest()
        side.to = to


def _shown(phone: Side) -> Sequence[str]:
    """What our answer says to a phone whose audio is encrypted."""
    assert phone.secrecy is not None
    if phone.web is not None:
        return phone.web.lines("passive")
    return () if phone.secrecy.ours is None else (phone.secrecy.ours.value,)


def _words(body: Body, key: str) -> Collection[str]:
    """The words of a list, as `flags` is one."""
    found = body.get(key)
    return [str(word) for word in found] if isinstance(found, list) else ()
