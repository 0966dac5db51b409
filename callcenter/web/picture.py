"""What the web role knows: the folds, the time, the callers, and who waits for an answer.

What happens here: groups of batches go in (`fold`), several times a second. Whoever asked for
something is told when its `CommandAnswered` comes by.

Why: one value that every handler reads, and a clock that follows the center's without being it:
`now` never falls behind the last event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from callcenter.care.customer import Customer
from callcenter.domain import events as e
from callcenter.domain.units import SECOND, AgentId, Micros
from callcenter.records.book import BookState
from callcenter.records.contact_record import Stories
from callcenter.records.day import as_time
from callcenter.records.live import LiveState
from callcenter.records.live_state import LiveAgent
from callcenter.records.visits import Visit
from callcenter.web.callers import Callers
from callcenter.web.document_views import DeskDocument, FaxView
from callcenter.web.grid import Grid
from callcenter.web.ports import CustomersPort

OFFSET_MAX: Micros = 2 * SECOND
"""Center time and our wall clock differ by no more, or the wall clock is taken as it is."""
OFFSET_DECAY: Micros = 100

CUSTOMERS_MAX = 1000

_state = msgspec.msgpack.Decoder(BookState)


async def _no_documents(_agent: LiveAgent) -> list[DeskDocument]:
    return []


class ControlView(msgspec.Struct, frozen=True, kw_only=True):
    """How the control center does, as the wall shows it."""

    leader: str = ""
    alive: bool = False
    lag_seconds: float = 0.0
    """Age of the oldest command that nobody has decided yet."""
    unread_commands: int = 0
    """Turns of commands that nobody has decided yet, counted up to 200."""
    memory_percent: float = 0.0
    store: bool = True
    """False while the store is away: everything shown is as old as `stale_since` says."""


class Picture:
    """The folds and what is known beside them."""

    def __init__(self, clock: Callable[[], Micros] = lambda: time.time_ns() // 1000) -> None:
        self._clock = clock
        self.live = LiveState()
        self.stories = Stories()
        self.callers = Callers()
        self.grid = Grid()
        self.control = ControlView()
        self.control_counts: dict[str, int] = {}
        """Commands by what the leader did with them, by its own word."""
        self.sip = ""
        """Where phones register; see `DeskState.sip`."""
        self.seq = 0
        self.ready = False
        """The journal has been read to its end once."""
        self.changes = 0
        """Grows with every event; equal means nothing happened."""
        self.on_visit: Callable[[Visit], None] = lambda _visit: None
        self.documents: Callable[[LiveAgent], Awaitable[list[DeskDocument]]] = _no_documents
        self.faxes: Callable[[AgentId], list[FaxView]] = lambda _agent: []
        """What of what is read, and of what is faxed, is on an agent's desk."""
        self.sends_faxes = False
        self.listeners: list[Callable[[e.Event], None]] = []
        """Told of every event once it is folded."""
        self.stale_since: datetime | None = None
        """When the store was last heard, while it is away."""
        self._customers: CustomersPort | None = None
        self._known: dict[str, Customer | None] = {}
        self._answers: dict[str, asyncio.Future[e.CommandAnswered]] = {}
        self._offset: Micros = 0

    def begin(self, state: bytes, seq: int) -> None:
        """Start from what the records role wrote. Raises `msgspec.DecodeError`."""
        found = _state.decode(state)
        self.live, self.stories, self.seq = LiveState(found.live), Stories(found.stories), seq
        self.grid = Grid()
        for contact in self.live.data.contacts.values():
            self.callers.want(contact.party)

    def restart(self, seq: int) -> None:
        """Know nothing, and go on after batch `seq`."""
        self.live, self.stories, self.seq = LiveState(), Stories(), seq
        self.grid = Grid()
        self.changes += 1

    def now(self) -> Micros:
        """Center time, as well as it can be told from here."""
        return max(self._clock() + self._offset, self.live.data.at)

    def fold(self, batches: Sequence[e.Batch]) -> None:
        """Hold these too."""
        for batch in batches:
            if batch.seq <= self.seq:
                continue
            self.seq = batch.seq
            for event in batch.events:
                self._fold(event)
        if batches:
            self._set_clock(batches[-1].at)
            self.stories.take()

    def _fold(self, event: e.Event) -> None:
        self.changes += 1
        kind = type(event)
        if kind is e.CommandAnswered:
            self._answered(event)  # type: ignore[arg-type]
            return
        if kind is e.ContactEnded:
            ended = self.live.data.contacts.get(event.contact)  # type: ignore[union-attr]
            if ended is not None:
                self.callers.forget(ended.party)
        elif kind in (e.ContactArrived, e.ContactPlaced, e.FaxPlaced):
            self.callers.want(event.party)  # type: ignore[union-attr]
        self.grid.touch(self.live, event)
        visit = self.live.apply(event)
        self.stories.apply(event, visit)
        if visit is not None:
            self.on_visit(visit)
        for listener in self.listeners:
            listener(event)

    def _set_clock(self, at: Micros) -> None:
        ahead = at - self._clock()
        if abs(ahead) > OFFSET_MAX:
            ahead = 0
        self._offset = max(ahead, self._offset - OFFSET_DECAY)

    # --- the store and the history --------------------------------------------------------------

    def store_away(self) -> None:
        """Nothing comes in any more: everything shown grows old from now on."""
        if self.stale_since is None:
            self.stale_since = as_time(self.now())
            self.control = msgspec.structs.replace(self.control, store=False, alive=False)
            self.changes += 1

    def store_back(self) -> None:
        """It answers again."""
        if self.stale_since is not None:
            self.stale_since = None
            self.changes += 1

    def use_customers(self, customers: CustomersPort) -> None:
        """Where the customers of contacts are looked up."""
        self._customers = customers

    async def customer(self, number: str) -> Customer | None:
        """The customer of a contact, remembered for a while."""
        if number not in self._known and self._customers is not None:
            if len(self._known) >= CUSTOMERS_MAX:
                self._known.clear()
            self._known[number] = await self._customers.by_number(number)
        return self._known.get(number)

    # --- answers ------------------------------------------------------------------------------

    def ask(self, request: str) -> asyncio.Future[e.CommandAnswered]:
        """Be told when the command `request` is answered."""
        future: asyncio.Future[e.CommandAnswered] = asyncio.get_running_loop().create_future()
        self._answers[request] = future
        future.add_done_callback(lambda _done: self._answers.pop(request, None))
        return future

    @property
    def asked(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._answers)

    def _answered(self, event: e.CommandAnswered) -> None:
        future = self._answers.get(event.request)
        if future is not None and not future.done():
            future.set_result(event)
