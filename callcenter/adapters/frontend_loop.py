"""Drives the front end: gathers a loop turn's inputs, keeps what must be kept, then acts.

    datagrams, replies, events, keys ──► Frontend.react ──► one append ──► SIP and ng go out

Why: nothing may leave the building before it is kept. All turns of one pass of the event loop, over
all calls, become one append to the journal (its cost is that of one fsync), and their messages
leave in order on its reply. Turns that keep nothing (a 100, a retransmission, an OPTIONS) only
wait for what is in front of them.

One message does not wait: the INVITE of a grant (`SendGranted`), for which the committed grant is
the record. The place up to which events were read is kept in the same append as what they made,
so that whoever dies before the append is on the disk reads the grant again and sends the same
INVITE again. It waits only where an append under way holds a record that it rests on. And a
question to the media engine that goes `ahead` does not wait either; what its turn made is kept, and
sent, with what the engine's reply makes.

Without the store, calls in progress go on from memory: what has waited for `PATIENCE` is acted on,
what should have been kept stays in the writer's bounded outbox in its order, and new calls are
refused until it is written.

Sources: DESIGN 4 (durability; without the store; overload).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from callcenter.adapters.store.journal import CommandWriter, OutboxFull
from callcenter.adapters.store.journal import RecordChange as Change
from callcenter.domain.commands import Command
from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.frontend.frontend import Frontend
from callcenter.frontend.turn import (
    Action,
    AskMedia,
    ContactClosed,
    DropRecording,
    EventsSeen,
    Faulted,
    FaxAttempted,
    FaxClosed,
    FeatureClosed,
    FetchParty,
    Input,
    KeepParty,
    KeepRecording,
    LookUp,
    Message,
    Overloaded,
    SendGranted,
    SendSip,
    SipReceived,
    StoreDown,
    StoreUp,
    Turn,
)
from callcenter.sip.flow import Flow

log = structlog.get_logger(__name__)

PATIENCE: Micros = 2 * SECOND
"""How long acting waits for the store before calls go on without it."""
BACKLOG: Micros = 3 * SECOND
"""Commands that nobody decided for so long mean overload. A change of leader takes up to two
seconds and is none: its callers are greeted."""
LATE: Micros = 500 * MILLISECOND
"""An input that waited so long for its turn means overload."""
CALM: Micros = SECOND
"""Overload is over when there was no sign of it for so long."""
CROWDED: Micros = 100 * MILLISECOND
"""A stranger's message that waited so long means that strangers are too many."""
STRANGERS_MAX = 2048
"""Their messages that wait at once. Beyond: a datagram is dropped, a connection is closed."""
STRANGERS_AT_ONCE = 32
"""Of them in one turn, so that trunks, phones and calls never wait behind a flood."""
TURNS_AT_ONCE = 256
"""Inputs handled before anything is handed on, so that a burst does not delay its first answers."""
LOOK_SECONDS = 0.25


class Wire(Protocol):
    """The SIP transports."""

    def send(self, flow: Flow, data: bytes) -> None: ...
    def close_flow(self, flow: Flow) -> None: ...


class Engine(Protocol):
    """The media engine's client."""

    def ask(self, cookie: str, message: Message) -> None: ...


Look = Callable[[LookUp], None]
Fetch = Callable[[FetchParty], None]
Record = Callable[[KeepRecording | DropRecording], None]


@dataclass(slots=True)
class Gathered:
    """What one pass made: the newest value of each record, all commands, all actions in order."""

    records: dict[str, Change] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    """Of callers, for the one erasable place, by party."""
    ahead: list[AskMedia] = field(default_factory=list)
    """What the engine is asked without waiting for the store."""

    def add(self, turn: Turn) -> None:
        """Put one more turn behind what is there."""
        for key, value in turn.records:
            self.records[key] = Change(key, value)
        self.commands.extend(turn.commands)
        for action in turn.actions:
            if type(action) is KeepParty:
                self.numbers[action.party] = action.number
            elif type(action) is AskMedia and action.ahead:
                self.ahead.append(action)
            else:
                self.actions.append(action)


@dataclass(slots=True)
class _Pending:
    """Actions that wait for their append."""

    since: Micros
    actions: list[Action]
    keys: Collection[str]
    """Records that are on their way to the disk."""


class FrontendLoop:
    """One front end on the running asyncio loop. Drive it with `feed`; see `run`."""

    def __init__(
        self,
        frontend: Frontend,
        *,
        writer: CommandWriter,
        wire: Wire,
        engine: Engine,
        look: Look,
        hurry: asyncio.Event | None = None,
        record: Record = lambda _action: None,
        fetch: Fetch = lambda _action: None,
        seal: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """`hurry` is set while a decision of control's is waited for. `seal` covers what must not be
        kept as it is: keys of encrypted calls."""
        self.frontend = frontend
        self._hurry = hurry or asyncio.Event()
        self._writer = writer
        self._wire = wire
        self._engine = engine
        self._look = look
        self._record = record
        self._fetch = fetch
        self._seal = seal
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[tuple[Micros, Input]] = deque()
        self._strangers: deque[tuple[Micros, Input]] = deque()
        self.strangers_dropped = 0
        self._crowded_until: Micros = 0
        self._gathered = Gathered()
        self._pending: deque[_Pending] = deque()
        self._awake = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: Micros | None = None
        self._late_until: Micros = 0
        self._overloaded = (False, False)
        self._away_since: Micros | None = None
        """Since when the writer has no store: the next caller need not find out."""
        self.store_is_down = False
        self.cursor = 0
        """Sequence of the last committed batch that was acted on."""
        self._cursor_kept = 0
        self.lost_turns = 0
        """Turns that the full outbox did not take; their calls go on, their facts are lost."""
        self.lag_max: Micros = 0

    # ---- in -------------------------------------------------------------------------------

    def begin(self, turn: Turn) -> None:
        """The turn of a restart goes first."""
        self._gathered.add(turn)
        self._hand_on()

    def feed(self, what: Input) -> None:
        """Something happened. It is handled in the next pass of the loop, with its neighbours."""
        if type(what) is SipReceived and not self.frontend.knows(what.flow):
            if len(self._strangers) >= STRANGERS_MAX:
                self._turn_away(what)
                return
            self._strangers.append((now(), what))
        else:
            self._inbox.append((now(), what))
        if not self._awake:
            self._awake = True
            self._loop.call_soon(self._pass)

    def _turn_away(self, what: SipReceived) -> None:
        """No room for one more stranger: who sent a datagram repeats it, who has a connection
        makes another."""
        self.strangers_dropped += 1
        self._crowded_until = now() + CALM
        if what.flow.reliable:
            self._wire.close_flow(what.flow)

    def _pass(self) -> None:
        """Handle what gathered, then hand it on."""
        inbox, strangers, frontend = self._inbox, self._strangers, self.frontend
        waited = now() - inbox[0][0] if inbox else 0
        self.lag_max = max(self.lag_max, waited)
        if waited > LATE:
            self._late_until = now() + CALM
        for _ in range(min(len(inbox), TURNS_AT_ONCE)):
            what = inbox.popleft()[1]
            frontend.take(what, now())
            if type(what) is EventsSeen:
                self.cursor = what.seq
        if strangers and now() - strangers[0][0] > CROWDED:
            self._crowded_until = now() + CALM
        for _ in range(min(len(strangers), STRANGERS_AT_ONCE)):
            frontend.take(strangers.popleft()[1], now())
        self._awake = bool(inbox or strangers)
        if self._awake:
            self._loop.call_soon(self._pass)  # whatever becomes of this turn
        self._gathered.add(frontend.turn())
        self._hand_on()

    def _tick(self) -> None:
        self._timer, self._timer_due = None, None
        self._gathered.add(self.frontend.tick(now()))
        self._hand_on()

    # ---- keep -----------------------------------------------------------------------------

    def _hand_on(self) -> None:
        """Keep what must be kept and act on its reply; act at once if nothing is in front."""
        gathered, self._gathered = self._gathered, Gathered()
        if self.frontend.awaits_control:
            self._hurry.set()
        else:
            self._hurry.clear()
        self._send_granted(gathered)
        self._perform(gathered.ahead)
        if gathered.records or gathered.commands or gathered.numbers:
            self._keep(gathered)
        elif self._pending and not self.store_is_down:
            if gathered.actions:
                self._keep(gathered)
        else:
            self._perform(gathered.actions)
        self._arm()

    def _send_granted(self, gathered: Gathered) -> None:
        """Let go ahead what is on the disk already, as a grant."""
        if not any(type(action) is SendGranted for action in gathered.actions):
            return
        under_way = set(gathered.records).union(*(pending.keys for pending in self._pending))
        waits: list[Action] = []
        for action in gathered.actions:
            if type(action) is SendGranted and under_way.isdisjoint(action.rests_on):
                self._wire.send(action.flow, action.data)
            else:
                waits.append(action)
        gathered.actions = waits

    def _keep(self, gathered: Gathered) -> None:
        if self.cursor != self._cursor_kept:
            self._cursor_kept = self.cursor
            gathered.records["cursor"] = Change("cursor", str(self.cursor).encode())
        try:
            kept = self._writer.append(
                gathered.commands,
                [self._sealed(change) for change in gathered.records.values()],
                gathered.numbers,
                patient=not gathered.commands and bool(gathered.ahead or not gathered.actions),
            )
        except OutboxFull:
            self.lost_turns += 1
            self._perform(gathered.actions)
            return
        pending = _Pending(now(), gathered.actions, gathered.records.keys())
        self._pending.append(pending)
        kept.add_done_callback(self._kept)
        if self.store_is_down:
            self._act_unkept()

    def _sealed(self, change: Change) -> Change:
        return change if change.value is None else change._replace(value=self._seal(change.value))

    def _kept(self, kept: asyncio.Future[None]) -> None:
        """The oldest append is on the disk (appends are answered in order)."""
        pending = self._pending.popleft()
        if not kept.cancelled():
            kept.exception()  # the writer was closed: we are stopping, and the peers are told
        self._perform(pending.actions)

    def _act_unkept(self) -> None:
        """Act on everything that waits for a store that does not answer."""
        for pending in self._pending:
            actions, pending.actions = pending.actions, []
            self._perform(actions)

    # ---- watch ----------------------------------------------------------------------------

    async def watch(self) -> None:
        """Notice a store that does not answer and work that piles up. Runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._watch_store()
            self._watch_load()

    def _watch_store(self) -> None:
        waits = now() - self._pending[0].since if self._pending else 0
        if not self._writer.down:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now()
        else:
            waits = max(waits, now() - self._away_since)
        if not self.store_is_down and waits > PATIENCE:
            log.error("the store does not answer; calls go on, new ones are refused")
            self.store_is_down = True
            self._act_unkept()
            self.feed(StoreDown())
        elif self.store_is_down and waits < PATIENCE and not self._writer.down:
            log.warning("the store answers again")
            self.store_is_down = False
            self.feed(StoreUp())

    def _watch_load(self) -> None:
        undecided = self._writer.backlog.oldest_seconds(time.monotonic()) * SECOND
        overloaded = undecided > BACKLOG or self._writer.store_full or now() < self._late_until
        crowded = now() < self._crowded_until
        if (overloaded, crowded) != self._overloaded:
            if overloaded != self._overloaded[0]:
                log.warning("overload" if overloaded else "overload is over")
            if crowded != self._overloaded[1]:
                log.warning("too many strangers" if crowded else "strangers are served again")
            self._overloaded = overloaded, crowded
            self.feed(Overloaded(overloaded, crowded))

    # ---- act ------------------------------------------------------------------------------

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case SendSip(flow=flow, data=data) | SendGranted(flow=flow, data=data):
                    self._wire.send(flow, data)
                case AskMedia(cookie=cookie, message=message):
                    self._engine.ask(cookie, message)
                case LookUp():
                    self._look(action)
                case FetchParty():
                    self._fetch(action)
                case Faulted(error=error):
                    log.error("a call was ended by a mistake of ours", exc_info=error)
                case KeepRecording() | DropRecording():
                    self._record(action)
                case ContactClosed():
                    log.info("contact ended", **_told(action))
                case FaxClosed():
                    log.info("fax call ended", **_told(action))
                case FaxAttempted():
                    log.info("fax attempt ended", **_told(action))
                case FeatureClosed():
                    log.info("feature call ended", **_told(action))

    def _arm(self) -> None:
        """Have the next deadline wake us, unless an earlier alarm is set already."""
        due = self.frontend.deadline
        if due is None or (self._timer_due is not None and self._timer_due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(0, due - now()) / SECOND, self._tick)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be handled or kept."""
        return not self._inbox and not self._strangers and not self._pending

    def close(self) -> None:
        """No more alarms."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _told(
    closed: ContactClosed | FaxClosed | FaxAttempted | FeatureClosed,
) -> dict[str, str | float]:
    """The fields of a canonical line; spans to the millisecond."""
    fields: dict[str, str | float] = dict(closed._asdict())
    fields["reason"] = fields.pop("label")
    return {name: round(v, 3) if isinstance(v, float) else str(v) for name, v in fields.items()}


def now() -> Micros:
    """The monotonic clock that the front end lives by."""
    return time.monotonic_ns() // 1000
