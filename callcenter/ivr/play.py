"""A caller on a virtual clock: drives a session as the front end and the center would.

Why: the tests of a flow file, the terminal of `flow run` and our own tests must all hear the same
flow. Time is a number here; a prompt lasts as long as its text would take to say. What the world
answers (customer, calendars, queues) is given beforehand.
"""

from collections.abc import Callable, Mapping

import msgspec

from callcenter.domain.events import QueueExit
from callcenter.domain.termination import Reason
from callcenter.domain.units import MILLISECOND, MINUTE, Micros
from callcenter.ivr.session import (
    Action,
    AskCalendar,
    AskCallback,
    AskLookup,
    AskWaits,
    CalendarState,
    CallbackAnswered,
    CheckNumber,
    Digit,
    Enqueue,
    Enter,
    HangUp,
    Input,
    LeaveQueue,
    LeaveWord,
    LookupDone,
    NumberChecked,
    Phase,
    PromptFinished,
    QueueLeft,
    Recorded,
    RecordedHow,
    Say,
    Session,
    StopSaying,
    WaitsKnown,
)
from callcenter.ivr.shape import Flow
from callcenter.ivr.waits import FIELDS, word_of

CHARACTER: Micros = 70 * MILLISECOND
KEY_GAP: Micros = 150 * MILLISECOND
REST_LIMIT: Micros = 30 * MINUTE
"""How long a caller listens to a flow that never comes to rest."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What the flow will find: `customer` is `None` when nobody is found."""

    customer: dict[str, str] | None = None
    calendars: dict[str, str] = {}
    queues: dict[str, QueueExit] = {}
    """Queues that let the caller out at once."""
    facts: dict[str, str | bool | int] = {}
    number: str = ""
    """What she calls from; empty when she withheld it."""
    callbacks: bool = True
    """Whether a callback is promised."""
    waits: dict[str, int] = {}
    """Expected wait of queues, in seconds; of others it is not known."""
    messages: str = "saved"
    """What becomes of a message: `saved`, `too_short`, `failed`."""


class Caller:
    """One call of a flow. Everything that happened is kept in order."""

    def __init__(
        self, flow: Flow, world: World, watch: Callable[[Action, Micros], None] | None = None
    ) -> None:
        self.now: Micros = 0
        self.visited: list[str] = []
        self.said: list[str] = []
        self.enqueued: Enqueue | None = None
        self.called_back: AskCallback | None = None
        self.left_word: LeaveWord | None = None
        self.ended: Reason | None = None
        self.hung_up = False
        self._world = world
        self._watch = watch
        self._finishes: tuple[Micros, int] | None = None
        self._pending: list[Input] = []
        self.session = Session(flow, facts=world.facts)
        self._take(self.session.start(0))

    @property
    def over(self) -> bool:
        """Whether the call has ended, by whichever side."""
        return self.hung_up or self.ended is not None

    @property
    def waiting(self) -> bool:
        """Whether the caller stands in a queue."""
        return self.session.phase in (Phase.QUEUED, Phase.LEAVING, Phase.TALKING)

    @property
    def next_time(self) -> Micros | None:
        """When something happens by itself, if ever."""
        times = [self._finishes[0]] if self._finishes else []
        times += [self.session.deadline] if self.session.deadline is not None else []
        return min(times) if times and not self.over else None

    def press(self, keys: str) -> None:
        """Type keys, one after the other, without waiting for any prompt."""
        for key in keys:
            if not self.over:
                self._take(self.session.react(Digit(key), self.now))
                self.advance(KEY_GAP)

    def advance(self, span: Micros) -> None:
        """Let time pass."""
        end = self.now + span
        while (at := self.next_time) is not None and at <= end:
            self._happen(at)
        self.now = max(self.now, end)

    def listen(self) -> None:
        """Hear the present prompt to its end; without one, wait for what comes next."""
        if self._finishes is not None:
            self._happen(self._finishes[0])
        elif (at := self.next_time) is not None and not self.waiting:
            self._happen(at)

    def rest(self) -> None:
        """Do nothing until the call is over or waits in a queue."""
        end = self.now + REST_LIMIT
        while not self.waiting and (at := self.next_time) is not None and at <= end:
            self._happen(at)

    def leave_queue(self, exit_: QueueExit) -> None:
        """The queue visit ends."""
        self._take(self.session.react(QueueLeft(exit_), self.now))

    def hang_up(self) -> None:
        """The caller hangs up."""
        self.hung_up = True

    def _happen(self, at: Micros) -> None:
        self.now = max(self.now, at)
        if self._finishes is not None and self._finishes[0] <= self.now:
            play, self._finishes = self._finishes[1], None
            self._take(self.session.react(PromptFinished(play), self.now))
        else:
            self._take(self.session.tick(self.now))

    def _take(self, actions: list[Action]) -> None:
        self._pending = []
        for action in actions:
            if self._watch is not None:
                self._watch(action, self.now)
            self._do(action)
        pending, self._pending = self._pending, []
        for answer in pending:
            self._take(self.session.react(answer, self.now))

    def _do(self, action: Action) -> None:
        if isinstance(action, Enter):
            self.visited.append(action.node)
        elif isinstance(action, Say):
            length = sum(len(text) for text in action.texts) * CHARACTER
            self._finishes = (self.now + length, action.play)
            self.said += [reference.rsplit("/", 1)[-1] for reference in action.prompts]
        elif isinstance(action, StopSaying):
            self._finishes = None
        elif isinstance(action, HangUp):
            self.ended = action.reason
            self._finishes = None
        elif isinstance(action, Enqueue):
            self.enqueued = action
            self._pending += self._queue_answer(action.queue)
        elif isinstance(action, LeaveQueue):
            self._pending.append(QueueLeft(QueueExit.LEFT))
        elif isinstance(action, CheckNumber):
            self._pending.append(NumberChecked(action.number or self._world.number))
        elif isinstance(action, AskCallback):
            self.called_back = action if self._world.callbacks else None
            self._pending.append(CallbackAnswered(self._world.callbacks))
        elif isinstance(action, LeaveWord):
            how = RecordedHow(self._world.messages)
            self.left_word = action if how is RecordedHow.SAVED else None
            self._pending.append(Recorded(how))
        elif isinstance(action, AskCalendar):
            self._pending.append(CalendarState(self._world.calendars.get(action.name, "open")))
        elif isinstance(action, AskLookup):
            self._pending.append(_found(self._world.customer))
        elif isinstance(action, AskWaits):
            self._pending.append(_waits(self._world.waits))

    def _queue_answer(self, queue: str) -> list[Input]:
        exit_ = self._world.queues.get(queue)
        return [] if exit_ is None else [QueueLeft(exit_)]


def _waits(given: Mapping[str, int]) -> WaitsKnown:
    """Four of five wait no longer than expected here: a test gives one number."""
    return WaitsKnown({word_of(q): dict.fromkeys(FIELDS, n) for q, n in given.items()})


def _found(customer: Mapping[str, str] | None) -> LookupDone:
    if customer is None:
        return LookupDone(found=False)
    return LookupDone(found=True, fields=dict(customer), customer="given")
