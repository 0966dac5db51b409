"""What a story can do to the world: report, ask the media engine, and wait.

Why: the stories of calls are told as a person would tell them. What they make happen is collected
here, in the turn that is being made, so that nothing leaves before the whole turn is kept; but for
what a grant asks for, which is kept already (`send_granted`).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple, Protocol

from callcenter.domain.calendar import OpenState, state_at
from callcenter.domain.center import Center, Queue
from callcenter.domain.commands import Command, Presence
from callcenter.domain.events import QueueEstimated
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, ContactId, FrontendId, Micros, QueueId
from callcenter.frontend.limits import CALL_SECONDS_MAX, CALLS_MAX, CenterClock, Proved
from callcenter.frontend.secrecy import Rule
from callcenter.frontend.turn import (
    Action,
    AskMedia,
    Configured,
    Faulted,
    Message,
    RecordChange,
    SendGranted,
    SendSip,
    Turn,
)
from callcenter.sip import endpoint as sip
from callcenter.sip.digest import Algorithm
from callcenter.sip.flow import Address, Flow
from callcenter.sip.record import encode_record as _encode
from callcenter.sip.registrar import EXPIRES_SECONDS_MIN, Binding

Replied = Callable[[Message], None]

PARTING = "parting:"
"""Keys of calls that were let go and have not answered yet."""

THREADS_MAX = 5_000
"""Stories whose Call-IDs are remembered."""

SWEEP: Micros = 10 * SECOND
"""How often every call is looked at, for limits that need no better precision."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What this front end is called and how far it goes. Lengths of time are in seconds."""

    frontend: FrontendId
    epoch: int
    realm: str = "callcenter"
    digest: tuple[Algorithm, ...] = ("MD5",)
    """What phones may hash with, in the order of the challenge."""
    domain: str = "callcenter"
    """Host part of the addresses that we call from."""
    voice: str = "en"
    """Language in which feature codes are confirmed."""
    calls_max: int = CALLS_MAX
    kept_for_known: int = 200
    """Calls of `calls_max` that only trunks and agents' phones may make: so many, half at most."""
    calls_per_source_per_second: float = 300.0
    """Of one host that is no trunk: an office behind one address, never a flood."""
    calls_per_source_burst: int = 600
    call_seconds_max: int = CALL_SECONDS_MAX
    media_networks: tuple[tuple[str, str], ...] = ()
    """What phones in a network are told to send audio to, the narrowest network first."""
    loopback_media: bool = True
    """Whether a phone may say that its audio is on our own machine: only if we listen there."""
    media_v6: bool = False
    """Whether the engine has an IPv6 address for phones that are on IPv6."""
    srtp: str = "optional"
    """`off`, `optional` or `required`: whether the audio of phones is encrypted; see `secrecy.py`."""
    fax_t38: str = "offer"
    """`offer`, `accept` or `never`: whether a fax is asked to change to T.38, or only followed."""
    fax_t38_delay_seconds: int = 4
    """How long a sender may take to change by itself before it is asked."""
    fax_trunk: str = ""
    """The only trunk that faxes are sent by; empty for any that may dial the number."""
    fax_sub_addresses: tuple[tuple[str, str], ...] = ()
    """Queues by the sub-address that a sender may give."""
    probe_seconds: int = 4
    """How long a silent phone may take to answer an in-dialog question."""
    expires_seconds_min: int = EXPIRES_SECONDS_MIN
    """The shortest registration that is granted."""
    recordings: str = ""
    """Where callers' messages are recorded; empty where they cannot be."""


class Story(Protocol):
    """Who a dialog, a media leg or a timer belongs to."""

    id: str

    def heard(self, event: sip.SipEvent) -> None: ...
    def digit(self, leg: str, digit: str) -> None: ...
    def pressed(self, call: sip.Call, digit: str) -> None: ...
    def finished(self, leg: str, file: str) -> None: ...
    def silent(self, leg: str, seconds: int) -> None: ...
    def sound(self, leg: str) -> None: ...
    def tick(self) -> None: ...
    def end(self, reason: Reason) -> None: ...
    def legs(self) -> list[str]:
        """Its media legs."""
        ...

    @property
    def awaits_control(self) -> bool:
        """Whether what control decides next may be about it."""
        ...

    def kept(self) -> dict[str, bytes]:
        """Everything a restart must know of it, by key; empty when it is over."""
        ...


class AgentSeen(NamedTuple):
    """What the events say of an agent."""

    presence: Presence = Presence.LOGGED_OUT
    reason: str = ""
    is_reachable: bool = False
    """Whether a phone of hers is heard, by whichever front end."""


@dataclass(slots=True)
class Hands:
    """The doings of the turn that is being made. One for the whole front end."""

    endpoint: sip.Endpoint
    rules: Rules
    clock: CenterClock
    config: Configured
    bindings: Callable[[AgentId], list[Binding]]
    """The living phones of an agent."""
    rule: Callable[[Flow], Rule] = lambda _: Rule()
    """Whether the audio of who is at the other end of a road is encrypted."""
    now: Micros = 0
    turn: Turn = field(default_factory=Turn)
    dialogs: dict[str, Story] = field(default_factory=dict)
    """By the id of the SIP dialog."""
    stories: dict[str, Story] = field(default_factory=dict)
    """By their own id."""
    promises: set[str] = field(default_factory=set)
    """Ids of stories that are callbacks: most of them only wait."""
    messages: set[str] = field(default_factory=set)
    """Ids of stories that are messages being left or kept."""
    dialling: dict[str, Story] = field(default_factory=dict)
    """Callbacks whose customer is being called."""
    touched: dict[str, Story] = field(default_factory=dict)
    """Whose records may have changed in this turn."""
    awaiting: set[str] = field(default_factory=set)
    """Stories that wait for a decision of control's."""
    agents: dict[AgentId, AgentSeen] = field(default_factory=dict)
    """What agents do, by the events; one that no event spoke of is logged out."""
    estimates: dict[QueueId, QueueEstimated] = field(default_factory=dict)
    """How long somebody would wait who came to a queue now, as it was told last."""
    reads_again: bool = False
    """Whether what is taken now may have been acted on by an earlier life that died of it."""
    counts: Counter[str] = field(default_factory=Counter)
    """For the metrics: `ended.LABEL`, `refused.LABEL`, `sip.METHOD`, `calendar.NAME` (unknown),
    `unknown.KIND` (agents, languages that a flow named and the center does not have)."""
    _pending: dict[str, tuple[str, Replied | None, Replied | None]] = field(default_factory=dict)
    _alarms: list[tuple[Micros, str]] = field(default_factory=list)
    _sweep_at: Micros = 0
    _farewells: dict[str, sip.Call] = field(default_factory=dict)
    _let_go_last: dict[AgentId, str] = field(default_factory=dict)
    """The key of the last good-bye to each agent's phone."""
    _granted: dict[bytes, tuple[str, ...]] = field(default_factory=dict)
    """INVITEs of this turn that follow from grants, and the keys that they rest on."""
    _parting: set[str] = field(default_factory=set)
    _parted: list[RecordChange] = field(default_factory=list)
    _kept: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _asked: int = 0
    roads: Counter[Address] = field(default_factory=Counter)
    """Peers in a call that they acknowledged, so that their address is no forgery."""
    proved: Proved = field(default_factory=Proved)
    threads: dict[str, list[str]] = field(default_factory=dict)
    """The Call-IDs of the last stories, those that are over included, for who asks about one."""
    _dialogs_of: dict[str, list[str]] = field(default_factory=dict)
    _road_of: dict[str, Address] = field(default_factory=dict)
    _contacts: int = 0

    # ---- saying what happened -------------------------------------------------------------

    def report(self, command: Command) -> None:
        """A fact or a request for control, kept in order."""
        self.turn.commands.append(command)

    def act(self, action: Action) -> None:
        """Something to be done once the turn is kept."""
        self.turn.actions.append(action)

    # ---- asking the media engine ----------------------------------------------------------

    def ask(
        self,
        message: Message,
        done: Replied | None,
        failed: Replied | None,
        *,
        ahead: bool = False,
    ) -> None:
        """One ng message. `done` or `failed` is called with the reply, unless the story is over.

        Whether it may go `ahead`: see `AskMedia`.
        """
        self._asked += 1
        cookie = f"{self.rules.epoch:x}_{self._asked:x}"
        if done is not None or failed is not None:
            owner = str(message["call-id"]).rpartition("/")[0]
            self._pending[cookie] = (owner, done, failed)
        self.turn.actions.append(AskMedia(cookie, message, ahead))

    def replied(self, cookie: str, reply: Message) -> None:
        """The engine's answer; nothing for a story that is over."""
        owner, done, failed = self._pending.pop(cookie, ("", None, None))
        story = self.stories.get(owner)
        if story is None:
            return
        then = done if reply.get("result") in ("ok", "pong") else failed
        if then is not None:
            self.touch(story)
            then(reply)

    # ---- who is who -----------------------------------------------------------------------

    def new_contact(self) -> ContactId:
        """A name never used before: this front end, this life of it, a count."""
        self._contacts += 1
        return ContactId(f"{self.rules.frontend}-{self.rules.epoch}-{self._contacts}")

    def begin(self, story: Story) -> None:
        """From now on inputs find `story`."""
        self.stories[story.id] = story
        self.touch(story)

    def touch(self, story: Story) -> None:
        """Its records are compared at the end of the turn."""
        self.touched[story.id] = story

    def over(self, story: Story) -> None:
        """Nothing finds `story` any more; its records go in this turn."""
        self.stories.pop(story.id, None)
        for dialog in self._dialogs_of.pop(story.id, ()):
            self.dialogs.pop(dialog, None)
            road = self._road_of.pop(dialog, None)
            if road is not None:
                self.roads[road] -= 1
                if not self.roads[road]:
                    del self.roads[road]
        self.touch(story)

    def follow(self, call: sip.Call, story: Story) -> None:
        """What happens in the dialog `call` is told to `story`."""
        self.dialogs[call.id] = story
        self._dialogs_of.setdefault(story.id, []).append(call.id)
        self.threads.setdefault(story.id, []).append(call.call_id)
        if len(self.threads) > THREADS_MAX:
            del self.threads[next(iter(self.threads))]

    def confirmed(self, call: sip.Call) -> None:
        """The peer of `call` answered with what only who heard us can know."""
        self.proved.add(source_of(call.flow))
        if call.id in self.dialogs and call.id not in self._road_of:
            self._road_of[call.id] = call.flow.remote
            self.roads[call.flow.remote] += 1

    def seen(self, agent: AgentId) -> AgentSeen:
        """What an agent does."""
        return self.agents.get(agent, AgentSeen())

    def queue(self, queue: QueueId) -> Queue | None:
        """A queue of the center, None when it was removed."""
        return next((q for q in self.config.center.queues if q.id == queue), None)

    def title(self, queue: QueueId) -> str:
        """What people call a queue."""
        known = self.queue(queue)
        return known.title if known else queue

    @property
    def center(self) -> Center:
        """The center as it is configured now."""
        return self.config.center

    def media_address(self, flow: Flow) -> str:
        """Where the phone at the other end of `flow` is told to send audio; `""` for the engine's
        own address."""
        for network, address in self.rules.media_networks:
            if within(flow.remote[0], network):
                return address
        return ""

    # ---- saying good-bye ------------------------------------------------------------------

    def let_go(self, call: sip.Call, agent: AgentId | None = None) -> None:
        """A BYE or CANCEL is on its way in `call`: remember it until the peer has answered.

        Its story is over and kept no more; were this process to die before the message leaves,
        a phone would ring or wait for ever. `agent` is whose phone it is, if it is one's.
        """
        self._farewells[call.id] = call
        if agent is not None:
            self._let_go_last[agent] = f"{PARTING}{call.id}"

    def gone(self, call: sip.Call) -> None:
        """The peer has let go too. Forgetting it can wait for the next turn that is kept."""
        if self._farewells.pop(call.id, None) is None and call.id in self._parting:
            self._parting.discard(call.id)
            self._parted.append(RecordChange(f"{PARTING}{call.id}", None))

    def say_good_bye_again(self, key: str, call: sip.Call) -> None:
        """After a restart: whether the message left is not known, so it is sent once more."""
        self._parting.add(key.removeprefix(PARTING))
        call.bye(self.now, call.farewell)

    # ---- what leaves ----------------------------------------------------------------------

    def send_granted(self, call: sip.Call, agent: AgentId) -> None:
        """The INVITE of `call` follows from a grant read in this turn: see `SendGranted`.

        It rests on the record of her phones: one that only this life knows of could not be told
        again to stop. It does not overtake our last good-bye to her, or her phone would be busy.
        """
        if call.outgoing is not None:
            keys = (f"phone:{agent}", self._let_go_last.get(agent, ""))
            self._granted[call.outgoing.octets] = keys

    def outgoing(self) -> Iterable[Action]:
        """What the endpoint wants to send."""
        granted, self._granted = self._granted, {}
        for flow, data in self.endpoint.take_outgoing():
            rests_on = granted.get(data) if granted else None
            yield SendSip(flow, data) if rests_on is None else SendGranted(flow, data, rests_on)

    # ---- time -----------------------------------------------------------------------------

    def center_now(self) -> Micros:
        """Center time, as well as it is known here."""
        return self.clock.center(self.now)

    def open_state(self, name: str) -> OpenState:
        """Of a calendar. One that nobody knows is closed: better said so than let ring at night."""
        calendar = next((c for c in self.center.calendars if c.name == name), None)
        if calendar is None:
            self.counts[f"calendar.{name}"] += 1
            return OpenState.CLOSED
        return state_at(calendar, self.center_now())

    def wake(self, story_id: str, span: Micros) -> None:
        """Have a story ticked `span` from now."""
        heappush(self._alarms, (self.now + span, story_id))

    @property
    def deadline(self) -> Micros | None:
        """When the next story wants to be ticked."""
        alarms, stories = self._alarms, self.stories
        while alarms and alarms[0][1] not in stories:
            heappop(alarms)
        if not stories:
            return None
        return min(alarms[0][0], self._sweep_at) if alarms else self._sweep_at

    def ring_alarms(self) -> None:
        """Tick every story whose time has come, and all of them once in a while."""
        due = []
        while self._alarms and self._alarms[0][0] <= self.now:
            due.append(heappop(self._alarms)[1])
        for name in dict.fromkeys(due):
            story = self.stories.get(name)
            if story is not None:
                self.touch(story)
                story.tick()
        if self._sweep_at <= self.now:
            self._sweep_at = self.now + SWEEP
            self._sweep()

    def _sweep(self) -> None:
        """Tick them all. Nearly all of them do nothing, and have nothing to be kept."""
        for story in list(self.stories.values()):
            before, touched = self._made(), story.id in self.touched
            self.touch(story)
            story.tick()
            if self._made() == before and not touched:
                self.touched.pop(story.id, None)

    def _made(self) -> tuple[int, int, int]:
        """How much of this turn there is so far."""
        return len(self.turn.commands), len(self.turn.actions), self.endpoint.unsent

    # ---- the turn -------------------------------------------------------------------------

    def adopt(self, story: Story, kept: dict[str, bytes]) -> None:
        """A story told again after a restart, and what the store holds of it."""
        self.stories[story.id] = story
        self._kept[story.id] = kept
        if story.awaits_control:
            self.awaiting.add(story.id)

    def forget(self, keys: Iterable[str]) -> None:
        """Remove records that no story holds."""
        self.turn.records.extend(RecordChange(key, None) for key in keys)

    def finish(self) -> Turn:
        """The turn as made: changes of records first, then what the endpoint wants to send."""
        touched, self.touched = self.touched, {}
        for name, story in touched.items():
            lives = name in self.stories
            try:
                self._keep(name, story.kept() if lives else {})
            except Exception as fault:  # noqa: BLE001 what cannot be kept ends alone
                self._let_go_unkept(name, story, fault)
                lives = False
            if lives and story.awaits_control:
                self.awaiting.add(name)
            else:
                self.awaiting.discard(name)
        self._keep_farewells()
        turn, self.turn = self.turn, Turn()
        return turn

    def _let_go_unkept(self, name: str, story: Story, fault: Exception) -> None:
        """A story whose records cannot be written is over; nothing of it stays."""
        self.counts["faults"] += 1
        self.act(Faulted(fault))
        try:
            story.end(Reason.INTERNAL)
        except Exception as again:  # noqa: BLE001 as above
            self.act(Faulted(again))
        self.over(story)
        self.touched.pop(name, None)
        self._keep(name, {})

    def _keep_farewells(self) -> None:
        records = self.turn.records
        for call in self._farewells.values():
            if call.state is not sip.CallState.ENDED:
                self._parting.add(call.id)
                records.append(RecordChange(f"{PARTING}{call.id}", _encode(call.record())))
        self._farewells.clear()
        if self._parted and (records or self.turn.commands):
            records.extend(self._parted)
            self._parted.clear()

    def _keep(self, name: str, now_kept: dict[str, bytes]) -> None:
        before = self._kept.get(name, {})
        for key in before:
            if key not in now_kept:
                self.turn.records.append(RecordChange(key, None))
        for key, value in now_kept.items():
            if before.get(key) != value:
                self.turn.records.append(RecordChange(key, value))
        if now_kept:
            self._kept[name] = now_kept
        else:
            self._kept.pop(name, None)


@lru_cache(maxsize=4096)
def within(host: str, network: str) -> bool:
    """Whether an address is in a network such as `192.0.2.0/24`."""
    try:
        return ip_address(host) in _network(network)
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def source_of(flow: Flow) -> str:
    """Whom limits are counted against: the host, not the port."""
    return flow.remote[0]
