"""A whole center in virtual time: real SIP ends, real control, a media engine that says yes.

Nothing here sleeps, draws or opens anything. `World.run()` lets everything that is under way
arrive; `World.wait(seconds)` lets time pass, timer by timer. `World.restart()` throws the front end
away and builds it again from what the store would hold.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from callcenter.control.center import Control
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Number, PhoneProfile, Queue
from callcenter.domain.commands import (
    Command,
    ConfigurationRequested,
    Presence,
    PresenceRequested,
)
from callcenter.domain.units import SECOND, AgentId, FrontendId, Micros, QueueId
from callcenter.frontend.frontend import Frontend
from callcenter.frontend.hands import Rules
from callcenter.frontend.turn import (
    Action,
    AskMedia,
    Configured,
    ContactClosed,
    Credential,
    DigitHeard,
    DropRecording,
    EventsSeen,
    Faulted,
    FaxAttempted,
    FaxClosed,
    FeatureClosed,
    FetchParty,
    Input,
    KeepRecording,
    LookedUp,
    LookUp,
    MediaReplied,
    PartyFetched,
    RtpSilent,
    SayingFinished,
    SendGranted,
    SendSip,
    SipReceived,
    Trunk,
    Turn,
)
from callcenter.ivr.flow import load_flow
from callcenter.sip import endpoint as sip
from callcenter.sip.digest import ha1
from callcenter.sip.flow import Flow, Transport
from callcenter.sip.sdp import build_audio

WALL: Micros = 1_780_000_000 * SECOND
"""Center time is this much ahead of the monotonic clock."""
SERVER = ("192.0.2.1", 5060)
REALM = "callcenter"

FLOW = """
flow: main-line
schema: 1
entry: greet
languages: [en]
prompts:
  hello: { en: Hello. }
  topics: { en: For sales press 1. To be looked up press 2. }
  after: { en: How was it? }
  sorry: { en: Nobody is here. }
nodes:
  greet: { say: hello, next: topic }
  topic:
    menu: topics
    keys:
      "1": { set: { type: order }, next: sales }
      "2": { next: who }
      "3": { next: survey_after }
      "4": { next: call_me }
      "5": { next: leave_word }
    no_input: end
    no_match: end
  who:
    lookup: { by: caller_number }
    found: sales
    unknown: sales
  sales:
    queue: sales
    answered: end
    timeout: sorry
    full: sorry
    unstaffed: sorry
    closed: sorry
    left: topic
    comfort: standard
  survey_after:
    queue: sales
    answered: rate
    timeout: sorry
    full: sorry
    unstaffed: sorry
    closed: sorry
    left: topic
  call_me:
    callback: { queue: sales, confirm: after, ask: topics }
    promised: promised
    refused: sorry
    no_input: end
    no_match: end
  promised: { hangup: callback }
  leave_word:
    voicemail: { prompt: after, queue: sales, max: 60s }
    saved: left_word
    too_short: rate
    failed: sorry
  left_word: { hangup: voicemail }
  rate: { say: after, next: end }
  sorry: { say: sorry, next: end }
  end: { hangup: normal }
comfort:
  standard: { music: default, leave: "*" }
"""

AUDIO = {
    name: f"/audio/{name}.au"
    for name in (
        "main-line/en/hello",
        "main-line/en/topics",
        "main-line/en/after",
        "main-line/en/sorry",
        "main-line/en/storm",
        "main-line/es/storm",
        "announcements/en/fire",
        "announcements/es/fire",
        "music/default",
        "music/ringback",
        "music/beep",
        "system/en/ready",
        "system/en/not_ready",
        "system/en/logged_out",
        "system/en/wrap_up_ended",
        "system/en/not_allowed",
        "system/en/technical_problem",
        "system/en/reserved",
        "system/en/talking",
        "system/en/wrap_up",
        "system/en/unreachable",
        "system/en/reason_lunch",
        "tones/attention",
        "queues/en/sales",
    )
}


TRUNK_HOST = "192.0.2.200"
TRUNK = Trunk(
    name="provider", addresses=frozenset({(TRUNK_HOST, 5060)}), address=f"{TRUNK_HOST}:5060",
    flow=Flow("udp", SERVER, (TRUNK_HOST, 5060)), dial=("+1555", "200"), username="acme",
    password="secret-trunk",
)  # fmt: skip


def center_of(agents: tuple[str, ...], **queue: Any) -> Center:
    """A center with one queue and these agents, all of them with a phone."""
    sales = {"ring_seconds": 20, "wrap_up_seconds": 0, "skills": {"sales": 1}, **queue}
    return Center(
        skills=("sales",),
        queues=(Queue(id=QueueId("sales"), title="Sales", **sales),),
        agents=tuple(
            Agent(
                id=AgentId(name),
                name=name.title(),
                skills={"sales": 3},
                phone=PhoneProfile.LEGACY if name.startswith("old") else PhoneProfile.STANDARD,
            )
            for name in agents
        ),
        numbers=(
            Number(number="+15550100", flow="main-line", guests=True, fax=QueueId("sales")),
            Number(number="200", flow="main-line"),
            Number(number="300", flow="", guests=True, fax=QueueId("sales")),
        ),
    )


def configured(center: Center) -> Configured:
    """The configuration as the adapter would hand it over."""
    flow = load_flow(FLOW, "main-line.yaml")
    return Configured(
        center=center,
        flows={"main-line": flow},
        audio=AUDIO,
        credentials={
            agent.id: Credential(
                agent=agent.id,
                username=agent.id,
                ha1_md5=ha1(agent.id, REALM, f"secret-{agent.id}", "MD5"),
                ha1_sha256=ha1(agent.id, REALM, f"secret-{agent.id}", "SHA-256"),
                profile=agent.phone,
            )
            for agent in center.agents
        },
        revisions={flow.revision: flow},
        trunks=(TRUNK,),
    )


@dataclass
class Media:
    """A media engine that gives ports, remembers what plays, and can be told to fail."""

    ports: itertools.count[int] = field(default_factory=lambda: itertools.count(30000, 2))
    legs: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: str = ""
    """The command that fails from now on."""
    why: str = "told to"
    silent: bool = False
    duration: int = 2000
    """Of every file, in ms."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    faxes: dict[str, str] = field(default_factory=dict)
    """At the fax worker, by media leg: `sound` or `image`."""
    fax_result: dict[str, int] = field(default_factory=lambda: {"pages": 1, "code": 0})
    """What the fax worker says of each fax that ends."""

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """One ng message."""
        self.asked.append(message)
        command, leg = message["command"], message.get("call-id", "")
        if command == self.refuses:
            return {"result": "error", "error-reason": self.why}
        if command.startswith("fax "):
            return self._fax(command.removeprefix("fax "), leg)
        if command == "delete":
            self.legs.pop(leg, None)
            return {"result": "ok"}
        if command == "offer" and leg not in self.legs:
            self.legs[leg] = {
                "phone": next(self.ports),
                "inner": next(self.ports),
                "plays": "",
                "far": None,
            }
        if leg not in self.legs:
            return {"result": "error", "error-reason": "Unknown call-id"}
        state = self.legs[leg]
        if command in ("start recording", "stop recording"):
            return {"result": "ok"}
        if command == "play media":
            state["plays"] = message["file"]
            return {"result": "ok", "duration": self.duration}
        if command in ("join mix", "leave mix", "detect tones"):
            state["mix"] = message.get("mix", "")
            return {"result": "ok"}
        if command == "stop media":
            state["plays"] = ""
            return {"result": "ok"}
        return {"result": "ok", "sdp": self._sdp(command, message, state)}

    def _fax(self, verb: str, leg: str) -> dict[str, Any]:
        """The fax worker, which is asked the same way."""
        if verb == "end":
            known = self.faxes.pop(leg, None)
            return {"result": "ok", **(self.fax_result if known else {"pages": 0, "code": -2})}
        if verb == "ready":
            return {"result": "ok"}
        if verb in ("receive", "send"):
            self.faxes.setdefault(leg, "sound")
        if leg not in self.faxes:
            return {"result": "error", "error-reason": "Unknown call-id"}
        if verb == "image":
            self.faxes[leg] = "image"
        return {"result": "ok", "address": "192.0.2.9", "port": 36000, "over": 0}

    def _sdp(self, command: str, message: dict[str, Any], state: dict[str, Any]) -> str:
        """An offer is answered with the side it goes to, an answer with the side it came from."""
        by_phone = message["from-tag"] == "leg"
        if command == "offer":
            inner = by_phone
        else:
            inner = not by_phone
        described_by_us = by_phone == (command == "answer")
        if described_by_us:
            state["far"] = _port_in(message["sdp"])
        port = state["inner"] if inner else state["phone"]
        if inner:
            return build_audio("192.0.2.9", port).encode().decode()
        host = "2001:db8::9" if message.get("address-family") == "IP6" else "192.0.2.9"
        keys = OUR_LINES.get(str(message.get("transport-protocol")), ())
        return build_audio(host, port, lines=keys).encode().decode()

    def plays(self, leg: str) -> str:
        """What a leg hears: a file's bare name, or nothing."""
        return str(self.legs[leg]["plays"]).rpartition("/")[2].removesuffix(".au")

    def mixed(self, name: str) -> set[str]:
        """The legs in a mix."""
        return {leg for leg, state in self.legs.items() if state.get("mix") == name}

    def hears(self, leg: str) -> str:
        """The leg that is at the far side of `leg`; empty for nobody."""
        far = self.legs[leg]["far"]
        return next((name for name, other in self.legs.items() if other["inner"] == far), "")


OUR_KEYS = tuple(
    f"crypto:{tag} AES_CM_128_HMAC_SHA1_{bits} inline:OURS" for tag, bits in ((1, 80), (2, 32))
)
OUR_WEB = ("ice-ufrag:us", "ice-pwd:secret-of-ice", "fingerprint:sha-256 AA:BB", "setup:actpass")
OUR_LINES = {"RTP/SAVP": OUR_KEYS, "UDP/TLS/RTP/SAVPF": OUR_WEB}
"""Of the engine, which looks at no key of a phone's."""
THEIR_KEY = f"crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{'THEIRS' * 6}THEY"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port_in(sdp: str) -> int:
    line = next(line for line in sdp.splitlines() if line.startswith(("m=audio", "m=image")))
    return int(line.split()[1])


class Phone:
    """A telephone on the test's network; what happens to it stands in `story`."""

    def __init__(
        self,
        world: World,
        name: str,
        host: str,
        *,
        mood: str = "lets it ring",
        transport: Transport = "udp",
    ) -> None:
        self.world = world
        self.name = name
        self.flow = Flow(
            transport, (host, 5060), SERVER, 0 if transport == "udp" else next(world.ids)
        )
        self.protocol = "RTP/AVP"
        self.keys: tuple[str, ...] = ()
        """Of its audio."""
        self.mood = mood
        """What it does when it is called: answers, rejects:486, insists (on encrypted audio), lets
        it ring, is dead."""
        self.story: list[str] = []
        self.endpoint: sip.Endpoint
        self.call: sip.Call | None
        self.starts_again()
        self.redirects = ""
        """Where it says that its callers should go: 302."""
        self.shown = ""
        """Display name of the last call."""
        self.reason = ""

    def starts_again(self) -> None:
        """It is switched on and knows of no call."""
        host = self.flow.local[0]
        self.endpoint = sip.Endpoint(
            new_id=lambda: f"{self.name}{next(self.world.ids)}",
            user_agent="test phone",
            contact_for=lambda _: f"sip:{self.name}@{bracketed(host)}:5060",
        )
        self.call = None
        self.is_dead = False

    @property
    def credentials(self) -> sip.Credentials:
        """Name and password of its agent."""
        return sip.Credentials(self.name, f"secret-{self.name}")

    # what its owner does

    def dial(self, number: str, *, sdp: bytes | str | None = "default", user: str = "") -> None:
        self.call = self.endpoint.invite(
            to_uri=f"sip:{number}@callcenter",
            request_uri=f"sip:{number}@callcenter",
            from_addr=f"sip:{user or self.name}@example.test",
            flow=self.flow,
            sdp=self.sdp() if sdp == "default" else sdp,  # type: ignore[arg-type]
            now=self.world.now,
            credentials=self.credentials,
        )
        self.world.run()

    def register(self, password: str = "", expires: int = 300) -> None:
        self.endpoint.request(
            "REGISTER",
            to_uri=f"sip:{self.name}@callcenter",
            request_uri="sip:callcenter",
            from_addr=f"sip:{self.name}@callcenter",
            flow=self.flow,
            now=self.world.now,
            headers=(
                ("Contact", f"<sip:{self.name}@{bracketed(self.flow.local[0])}:5060>"),
                ("Expires", str(expires)),
            ),
            credentials=sip.Credentials(self.name, password or f"secret-{self.name}"),
        )
        self.world.run()

    def answer(self) -> None:
        assert self.call
        self.call.answer(self.sdp(), self.world.now)
        self.world.run()

    def hang_up(self) -> None:
        assert self.call
        self.call.bye(self.world.now)
        self.world.run()

    def hold(self, direction: Any = "sendonly") -> None:
        assert self.call
        self.call.reinvite(self.sdp(direction), self.world.now)
        self.world.run()

    def press(self, digit: str) -> None:
        """A key, as the media engine hears it."""
        self.world.feed(DigitHeard(self.world.leg_of(self), digit))

    def sdp(self, direction: Any = "sendrecv") -> bytes:
        return build_audio(
            self.flow.local[0], 4000, direction=direction, protocol=self.protocol, lines=self.keys
        ).encode()

    # what it hears

    def receive(self, data: bytes) -> None:
        if not self.is_dead:
            self.heard(self.endpoint.receive(data, self.flow, self.world.now))

    def heard(self, events: list[Any]) -> None:
        for event in events:
            match event:
                case sip.IncomingCall(call=call):
                    self._called(call)
                case sip.CallProgress(status=status):
                    self.story.append(str(status))
                case sip.CallAnswered():
                    self.story.append("answered")
                case sip.CallRejected(status=status):
                    self.story.append(f"rejected {status}")
                case sip.CallConfirmed():
                    self.story.append("confirmed")
                case sip.CallCancelled(reason=reason):
                    self.story.append("cancelled")
                    self.reason = reason
                case sip.CallEnded(reason=reason, by_remote=True):
                    self.story.append("hung up on")
                    self.reason = reason
                case sip.CallEnded():
                    self.story.append("over")
                case sip.ReinviteAnswered():
                    self.story.append("reinvited")
                case sip.ReinviteRejected(status=status):
                    self.story.append(f"reinvite {status}")
                case sip.ResponseReceived(response=response):
                    self.story.append(f"{response.cseq.method} {response.status}")

    def _called(self, call: sip.Call) -> None:
        assert call.request is not None
        if self.redirects:
            call.reject(302, self.world.now, headers=(("Contact", self.redirects),))
            return
        if self.mood == "is busy" or (self.call and self.call in self.endpoint.calls):
            call.reject(486, self.world.now)
            return
        self.call = call
        self.shown = call.request.from_.display
        self.story.append("rings")
        if self.mood.startswith("rejects:"):
            call.reject(int(self.mood.partition(":")[2]), self.world.now)
            return
        if self.mood == "insists" and b" RTP/AVP " in (call.remote_sdp or b""):
            call.reject(488, self.world.now)
            return
        if self.mood.startswith("asks ") and not call.request.header("Proxy-Authorization"):
            realm = self.mood.removeprefix("asks ")
            asked = f'Digest realm="{realm}", nonce="n1", algorithm=MD5, qop="auth"'
            call.reject(407, self.world.now, headers=(("Proxy-Authenticate", asked),))
            return
        call.ringing(self.world.now)
        if self.mood == "answers":
            call.answer(self.sdp(), self.world.now)


class World:
    """Everything together. `agents` are registered and ready unless told otherwise."""

    def __init__(
        self,
        *agents: str,
        ready: bool = True,
        rules: dict[str, Any] | None = None,
        transport: Transport = "udp",
        **queue: Any,
    ) -> None:
        self.now: Micros = 1000 * SECOND
        self.ids = itertools.count(10_000_000)
        self.center = center_of(agents, **queue)
        self.media = Media()
        self.control = Control(epoch=1)
        self.control_is_up = True
        self.records: dict[str, bytes] = {}
        self.events: list[e.Event] = []
        self.commands: list[Command] = []
        self.ended: list[ContactClosed] = []
        self.features: list[FeatureClosed] = []
        self.faxes: list[FaxClosed] = []
        self.faults: list[Exception] = []
        self.customers: dict[str, str] = {}
        self.fields = {"tier": "gold"}
        """What the table says of every customer."""
        self.parties: dict[str, str] = {}
        """Numbers that were typed at desks, by party."""
        self.attempts: list[FaxAttempted] = []
        self.sends_nothing = False
        """Whether the process dies between the commit and what follows from it."""
        self.keeps_nothing = False
        """Whether the process dies of what it does: nothing of it is kept, and only what does not
        wait for that has left."""
        self.journal: list[EventsSeen] = []
        self._read = self._cursor = 0
        self._unkept: set[str] = set()
        self.sent: list[bytes] = []
        """All SIP messages that left the front end."""
        self.packets: dict[str, list[bytes]] = {}
        """The same by the host that they were sent to."""
        self.granted: list[SendGranted] = []
        """Those of them that did not wait."""
        self._unanswered: list[tuple[str, dict[str, Any]]] = []
        self.forget_flows = False
        """Whether a restart no longer finds the flows that calls began with."""
        self._epoch = 0
        self._rules = rules or {}
        self._road: deque[tuple[str, Any]] = deque()
        self._commands_sent = 0
        self._undecided: list[Command] = []
        self.phones: dict[tuple[str, int], Phone] = {}
        self.agents: dict[str, Phone] = {}
        self._hosts = itertools.count(10)
        self.frontend: Frontend
        self._start()
        self._decide(ConfigurationRequested(center=self.center, version="1", by="test"))
        for name in agents:
            self.agents[name] = self.phone(name, transport=transport)
            self.agents[name].register()
            if ready:
                self.make_ready(name)
        self.run()

    # ---- the cast -------------------------------------------------------------------------

    def phone(
        self, name: str, mood: str = "lets it ring", transport: Transport = "udp", host: str = ""
    ) -> Phone:
        host = host or f"192.0.2.{next(self._hosts)}"
        made = Phone(self, name, host, mood=mood, transport=transport)
        self.phones[made.flow.local] = made
        return made

    def trunk(self, mood: str = "lets it ring") -> Phone:
        """The provider, at which every customer's phone rings."""
        made = Phone(self, "trunk", TRUNK_HOST, mood=mood)
        self.phones[made.flow.local] = made
        return made

    def configure(self, *queues: Queue) -> None:
        """The center has these queues from now on."""
        self.center = msgspec.structs.replace(self.center, queues=queues)
        version = str(len(self.journal))
        self.command(ConfigurationRequested(center=self.center, version=version, by="test"))

    def make_ready(self, name: str) -> None:
        self._decide(PresenceRequested(agent=AgentId(name), presence=Presence.READY))
        self.run()

    @staticmethod
    def presence(name: str, presence: Presence) -> PresenceRequested:
        """An agent wants to be that; not ready, she has a break."""
        reason = "break" if presence is Presence.NOT_READY else ""
        return PresenceRequested(agent=AgentId(name), presence=presence, reason=reason)

    def leg_of(self, phone: Phone) -> str:
        """The media leg of a phone in a call."""
        story = self.story_of(phone)
        if getattr(story, "agent_media", None):
            return str(story.agent_media.record.id)
        colleague = story.consult.colleague if hasattr(story, "consult") else None
        if colleague is not None and colleague.record.agent == phone.name:
            return str(colleague.media.record.id)
        if phone.name in self.agents and getattr(story, "talk", None):
            return str(story.talk.media.record.id)
        return str(story.media.record.id)

    def leg_outside(self, phone: Phone) -> str:
        """The media leg of somebody outside who was asked, or whom a caller was handed on to."""
        story = self.story_of(phone)
        beside = story.consult.colleague or story.talk
        assert beside.record.outside is not None
        return str(beside.media.record.id)

    def presence_of(self, name: str) -> str:
        """What an agent is, as control has it."""
        return self.control.state.agents[AgentId(name)].presence.value

    def has_story(self, phone: Phone) -> bool:
        """Whether the front end holds the call of a phone."""
        try:
            return bool(self.story_of(phone))
        except AssertionError:
            return False

    def story_of(self, phone: Phone) -> Any:
        assert phone.call
        for story in self.frontend.hands.stories.values():
            for dialog, owner in self.frontend.hands.dialogs.items():
                call = next((c for c in self.frontend.endpoint.calls if c.id == dialog), None)
                if owner is story and call is not None and call.call_id == phone.call.call_id:
                    return story
        raise AssertionError(f"{phone.name} is in no call")

    # ---- the machine ----------------------------------------------------------------------

    def _start(self) -> None:
        self._epoch += 1
        rules = Rules(
            frontend=FrontendId("frontend-0"), epoch=self._epoch, realm=REALM, **self._rules
        )
        endpoint = sip.Endpoint(
            new_id=lambda: f"s{self._epoch}{next(self.ids)}",
            user_agent="callcenter",
            contact_for=lambda _: f"sip:callcenter@{SERVER[0]}:{SERVER[1]}",
        )
        config = configured(self.center)
        if self.forget_flows:
            config = config._replace(revisions={})
        self.frontend = Frontend(rules, endpoint, config, secret=b"test", wall_offset=WALL)
        unread = self.journal[self._cursor :]
        self._read = len(self.journal)
        self._road = deque(item for item in self._road if item[0] != "events")
        self._take(self.frontend.restore(dict(self.records), self.now, unread))

    def restart(self) -> None:
        """The process dies and comes back with nothing but its records."""
        self.keeps_nothing = False
        self._unkept.clear()
        self._start()
        self.run()

    def feed(self, what: Input) -> None:
        self._take(self.frontend.react(what, self.now))
        self.run()

    def _what_left(self, turn: Turn) -> Turn:
        """What leaves though nothing is kept: grants that rest on nothing of that, and questions
        that go ahead."""
        self._unkept.update(change.key for change in turn.records)
        return Turn(actions=[action for action in turn.actions if self._leaves(action)])

    def _leaves(self, action: Action) -> bool:
        if isinstance(action, SendGranted):
            return self._unkept.isdisjoint(action.rests_on)
        return isinstance(action, AskMedia) and action.ahead

    def _take(self, turn: Turn) -> None:
        if self.keeps_nothing:
            turn = self._what_left(turn)
        if turn.records or turn.commands:
            self._cursor = self._read
        for key, value in turn.records:
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value
        for command in turn.commands:
            self.commands.append(command)
            self._road.append(("command", msgspec.msgpack.encode(command)))
        for action in turn.actions:
            match action:
                case SendSip() | SendGranted() if self.sends_nothing:
                    pass
                case SendSip(flow=flow, data=data) | SendGranted(flow=flow, data=data):
                    self.sent.append(data)
                    self.packets.setdefault(flow.remote[0], []).append(data)
                    self._road.append(("to phone", (flow.remote, data)))
                    if isinstance(action, SendGranted):
                        self.granted.append(action)
                case AskMedia(cookie=cookie, message=message):
                    self._road.append(("media", (cookie, message)))
                case KeepRecording() | DropRecording():
                    self.record(action)
                case FetchParty(contact=contact, party=party):
                    self._road.append(("party", (contact, party)))
                case LookUp():
                    self._road.append(("lookup", action))
                case ContactClosed():
                    self.ended.append(action)
                case FaxClosed():
                    self.faxes.append(action)
                case FaxAttempted():
                    self.attempts.append(action)
                case FeatureClosed():
                    self.features.append(action)
                case Faulted(error=error):
                    self.faults.append(error)

    def record(self, action: KeepRecording | DropRecording) -> None:
        """What the disk is asked for; see `test_message.py`."""

    def run(self) -> None:
        """Let everything that is under way arrive."""
        for _ in range(100_000):
            self._collect()
            if not self._road:
                return
            self._deliver(*self._road.popleft())
        raise AssertionError("the network never rests")

    def _collect(self) -> None:
        for phone in self.phones.values():
            for _, data in phone.endpoint.take_outgoing():
                if not phone.is_dead:
                    self._road.append(("to server", (phone.flow.local, data)))

    def _deliver(self, kind: str, what: Any) -> None:
        match kind:
            case "to phone":
                address, data = what
                if address in self.phones:
                    self.phones[address].receive(data)
            case "to server":
                address, data = what
                theirs = self.phones[address].flow
                flow = theirs._replace(local=theirs.remote, remote=theirs.local)
                self._take(self.frontend.react(SipReceived(data, flow), self.now))
            case "media":
                cookie, message = what
                if self.media.silent:
                    self._unanswered.append(what)
                else:
                    reply = MediaReplied(cookie, self.media.answer(message))
                    self._take(self.frontend.react(reply, self.now))
            case "lookup":
                customer = self.customers.get(what.value, "")
                answer = LookedUp(what.contact, bool(customer), self.fields, customer)
                self._take(self.frontend.react(answer, self.now))
            case "party":
                contact, party = what
                fetched = PartyFetched(contact, party, self.parties.get(party, ""))
                self._take(self.frontend.react(fetched, self.now))
            case "command":
                self._decide(msgspec.msgpack.decode(what, type=Command))
            case "events":
                self._read = what.seq
                self._take(self.frontend.react(what, self.now))

    def _decide(self, command: Command) -> None:
        if not self.control_is_up:
            self._undecided.append(command)
            return
        self._commands_sent += 1
        source = f"test:1:{self._commands_sent}"
        self._publish(self.control.react(command, self.now + WALL, source=source))

    def control_comes_back(self) -> None:
        self.control_is_up = True
        waiting, self._undecided = self._undecided, []
        for command in waiting:
            self._decide(command)
        self.run()

    def command(self, command: Command) -> None:
        """Somebody else asks control for something."""
        self._decide(command)
        self.run()

    def media_answers_at_last(self) -> None:
        """What was asked of a silent engine is answered now."""
        late, self._unanswered = self._unanswered, []
        self._road.extend(("media", asked) for asked in late)
        self.run()

    def frontend_seems_lost(self) -> None:
        """Its lease ran out, though it lives: the store was slow."""
        self._publish(self.control.frontend_lost(FrontendId("frontend-0"), self.now + WALL))
        self.run()

    def _publish(self, events: list[e.Event]) -> None:
        if events:
            self.events.extend(events)
            seen = EventsSeen(tuple(events), self.now + WALL, len(self.journal) + 1)
            self.journal.append(seen)
            self._road.append(("events", seen))

    def wait(self, seconds: float) -> None:
        """Let time pass, one deadline after the other."""
        end = self.now + round(seconds * SECOND)
        self.run()
        while True:
            due = [self.frontend.deadline, *(p.endpoint.deadline for p in self.phones.values())]
            if self.control_is_up and self.control.deadline is not None:
                due.append(self.control.deadline - WALL)
            soonest = min((d for d in due if d is not None), default=end + 1)
            if soonest > end:
                break
            self.now = max(self.now, soonest)
            self._tick()
        self.now = end
        self._tick()

    def _tick(self) -> None:
        self._take(self.frontend.tick(self.now))
        for phone in self.phones.values():
            phone.heard(phone.endpoint.tick(self.now))
        if self.control_is_up:
            self._publish(self.control.tick(self.now + WALL))
        self.run()

    # ---- what a test asks -----------------------------------------------------------------

    def said(self, phone: Phone) -> None:
        """What the phone hears now is over."""
        leg = self.leg_of(phone)
        file, self.media.legs[leg]["plays"] = str(self.media.legs[leg]["plays"]), ""
        self.feed(SayingFinished(leg, file))

    def press_after_prompt(self, phone: Phone, digit: str) -> None:
        """Listen to the question, then answer it."""
        self.said(phone)
        phone.press(digit)

    def mute_after_invite(self, phone: Phone, number: str) -> None:
        """A phone that sends an INVITE and is never heard again."""
        phone.call = phone.endpoint.invite(
            to_uri=f"sip:{number}@callcenter",
            request_uri=f"sip:{number}@callcenter",
            from_addr="sip:caller@example.test",
            flow=phone.flow,
            sdp=phone.sdp(),
            now=self.now,
        )
        self._collect()
        phone.is_dead = True
        self.run()

    def goes_silent(self, phone: Phone, seconds: int = 10) -> None:
        self.feed(RtpSilent(self.leg_of(phone), seconds))

    def hears(self, phone: Phone) -> str:
        """What a phone hears: a file's name or the name of another phone."""
        leg = self.leg_of(phone)
        plays = self.media.plays(leg)
        return plays or self.media.hears(leg)

    def kinds(self, *kinds: type[Any]) -> list[Any]:
        """The events of these kinds, in order."""
        return [event for event in self.events if isinstance(event, kinds)]

    def last(self, kind: type[Any]) -> Any:
        found = self.kinds(kind)
        assert found, f"no {kind.__name__}"
        return found[-1]

    def leaks(self) -> list[str]:
        """What is left when all calls are over and every timer has run."""
        self.wait(70)
        hands = self.frontend.hands
        left = [f"story {name}" for name in hands.stories]
        left += [f"dialog {name}" for name in hands.dialogs]
        left += [f"call {call}" for call in self.frontend.endpoint.calls]
        left += [f"media {name}" for name in self.media.legs]
        left += [f"fax {name}" for name in self.media.faxes]
        forgotten = {change.key for change in hands._parted}
        kept = [key for key in self.records if not key.startswith("phone")]
        left += [f"record {key}" for key in kept if key not in forgotten]
        left += [f"contact {name}" for name in self.control.state.contacts]
        if self.frontend.endpoint.transactions:
            left.append(f"{self.frontend.endpoint.transactions} transactions")
        return left
