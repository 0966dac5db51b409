"""A transaction: one request and its answers, made safe over a road that loses messages.

What a transaction may do next is a table (`Machine`): its rows are the arrows of a figure in
RFC 3261 17 as RFC 6026 amended it, `client_invite`, `client_other`, `server_invite` and
`server_other` hold one each. A row says into which state an input leads and what is done on the
way. Which timers run is a matter of the state alone (`Machine.timers`): each state has at most one
timer that repeats (A, E, G) and one that ends something (B, D, F, H, I, J, K, L, M). A timer that
belongs to the old state and to the new one goes on; every other is stopped or started anew.

Why: with that rule no row starts or stops a timer, so a table can be laid beside its figure. A
transaction owns no clock: it has one point in time, `due`, and all points stand in one heap
(`Deadlines`). One that only waits for repeated requests keeps the bytes of its last answer and
nothing else; at 100 calls/s about 20,000 of them wait at any time.

Sources: RFC 3261 17 and its table 4 (timers), RFC 6026 7 (Accepted, timers L and M).
"""

from collections.abc import Mapping
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple, Protocol, TypeAlias

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip.flow import Flow
from callcenter.sip.message import Message, Request, Response

T1: Micros = 500 * MILLISECOND
"""Estimate of the round trip."""
T2: Micros = 4 * SECOND
"""The longest pause between two repetitions."""
T4: Micros = 5 * SECOND
"""How long a message may live in the network."""
PATIENCE: Micros = 64 * T1
"""32 s: after that nobody waits any more (timers B, F, H, J, L, M)."""


class State(StrEnum):
    """Where a transaction stands; each machine knows some of them."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(StrEnum):
    """What can happen to a transaction."""

    PROVISIONAL = "1xx"
    """Received by a client, or sent by the user of a server. So are the next two."""
    SUCCESS = "2xx"
    FAILURE = "300-699"
    REQUEST = "request"
    """The request again."""
    ACK = "ACK"
    ERROR = "transport error"
    A = "timer A"
    B = "timer B"
    D = "timer D"
    E = "timer E"
    F = "timer F"
    G = "timer G"
    H = "timer H"
    I = "timer I"  # noqa: E741  (RFC timers keep their letters)
    J = "timer J"
    K = "timer K"
    L = "timer L"
    M = "timer M"


class Do(StrEnum):
    """What a row wants done."""

    SEND = "send"
    """Server: the answer that is the input."""
    RESEND = "resend"
    """The last message again: the client's request, the server's answer."""
    TELL = "tell"
    """Hand the input to the user of the transaction."""
    ACK = "ack"
    """Client INVITE: acknowledge a 300-699."""
    TELL_TIMEOUT = "tell timeout"
    TELL_ERROR = "tell error"


Row: TypeAlias = tuple[State, tuple[Do, ...]]


class Machine(NamedTuple):
    """One figure of the RFC."""

    name: str
    start: State
    rows: Mapping[tuple[State, Input], Row]
    timers: Mapping[State, tuple[Input | None, Input | None]]
    """Per state the timer that repeats and the timer that ends."""


class Pace(NamedTuple):
    """How a timer runs: after `first`, then each time twice as long, but never over `longest`."""

    first: Micros
    longest: Micros


REPEATING: dict[Input, Pace] = {
    Input.A: Pace(T1, PATIENCE),
    Input.E: Pace(T1, T2),
    Input.G: Pace(T1, T2),
}
"""None of them runs on a reliable transport."""

ENDING: dict[Input, Micros] = {
    Input.B: PATIENCE,
    Input.D: PATIENCE,
    Input.F: PATIENCE,
    Input.H: PATIENCE,
    Input.I: T4,
    Input.J: PATIENCE,
    Input.K: T4,
    Input.L: PATIENCE,
    Input.M: PATIENCE,
}

FORGETTING = frozenset((Input.D, Input.I, Input.J, Input.K, Input.L, Input.M))
"""These end in nothing but being forgotten. They run out on the full second, so that all of one
second are one wake: at 15 calls a second that is one instead of sixty."""

AT_ONCE_WHEN_RELIABLE = frozenset((Input.D, Input.I, Input.J, Input.K))
"""These only wait for what a reliable transport never repeats."""


class TransactionKey(NamedTuple):
    """What a message is matched by (RFC 3261 17.1.3, 17.2.3).

    Clients make branches that are good once and need no more than that and the method. Servers add
    the number of CSeq and the From tag: there are phones that use one branch for every request of
    a call, and the same branch and Call-ID again after they were restarted. For a branch without
    the RFC 3261 cookie `branch` is made of what RFC 2543 compares.
    """

    branch: str
    method: str
    sent_by: str = ""
    number: int = 0
    from_tag: str = ""


def server_key(request: Request, method: str = "") -> TransactionKey:
    """The transaction that `request` belongs to; ACK and CANCEL name the INVITE as `method`."""
    via, number = request.top_via, request.cseq.number
    branch = via.branch
    if not via.names_transaction:
        branch = f"{branch} {request.call_id}"
    return TransactionKey(branch, method or request.method, via.sent_by, number, request.from_.tag)


def client_key(message: Message) -> TransactionKey:
    """The transaction of ours that a request begins or a response answers."""
    return TransactionKey(message.top_via.branch, message.cseq.method)


class ClientUser(Protocol):
    """Who a client transaction tells."""

    def responded(self, transaction: "Transaction", response: Response, now: Micros, /) -> None:
        """A response came; every 2xx to an INVITE does, others once."""
        ...

    def unanswered(self, transaction: "Transaction", status: int, now: Micros, /) -> None:
        """No final response will come: 408 time is up, 503 the road is gone (8.1.3.1)."""
        ...


class ServerUser(Protocol):
    """Who a server INVITE transaction tells."""

    def acknowledged(self, ack: Request, now: Micros) -> None:
        """The ACK of a 2xx came; it may come again."""
        ...


class Transaction:
    """One transaction of any of the four kinds.

    Attributes:
        request: until the final answer; then None, to be light.
        last: bytes of what is sent again.
        due: when the next of its timers runs out; None if none runs.
    """

    __slots__ = (
        "due",
        "ends_at",
        "flow",
        "key",
        "last",
        "machine",
        "pause",
        "repeats_at",
        "request",
        "state",
        "user",
    )

    def __init__(
        self,
        machine: Machine,
        key: TransactionKey,
        flow: Flow,
        request: Request | None,
        user: ClientUser | ServerUser | None,
        now: Micros,
    ) -> None:
        self.machine = machine
        self.key = key
        self.flow = flow
        self.request = request
        self.user = user
        self.last = b""
        self.state = machine.start
        self.due: Micros | None = None
        self.repeats_at: Micros | None = None
        self.ends_at: Micros | None = None
        self.pause: Micros = 0
        self._start_timers(None, now)

    def step(self, seen: Input, now: Micros) -> tuple[Do, ...]:
        """Take the row for `seen`; an input that has none is ignored, as the figures say."""
        row = self.machine.rows.get((self.state, seen))
        if row is None:
            return ()
        before, (self.state, doings) = self.state, row
        if self.state is not before:
            self._start_timers(before, now)
        return doings

    def run_out(self, now: Micros) -> tuple[Do, ...]:
        """A timer ran out: look up which, and take its row."""
        repeating, ending = self.machine.timers[self.state]
        if ending is not None and self.ends_at is not None and self.ends_at <= now:
            return self.step(ending, now)
        if repeating is not None and self.repeats_at is not None and self.repeats_at <= now:
            self.pause = self._next_pause(repeating)
            self.repeats_at = now + self.pause
            doings = self.step(repeating, now)
            self._set_due()
            return doings
        self._set_due()
        return ()

    def _next_pause(self, timer: Input) -> Micros:
        if timer is Input.E and self.state is State.PROCEEDING:
            return T2
        return min(2 * self.pause, REPEATING[timer].longest)

    def _start_timers(self, before: State | None, now: Micros) -> None:
        repeating, ending = self.machine.timers[self.state]
        was_repeating, was_ending = self.machine.timers[before] if before else (None, None)
        if repeating is None or self.flow.reliable:
            self.repeats_at = None
        elif repeating is not was_repeating:
            self.pause = REPEATING[repeating].first
            self.repeats_at = now + self.pause
        if ending is None:
            self.ends_at = None
        elif ending is not was_ending:
            at_once = self.flow.reliable and ending in AT_ONCE_WHEN_RELIABLE
            self.ends_at = now if at_once else now + ENDING[ending]
            if ending in FORGETTING and not at_once:
                self.ends_at += -self.ends_at % SECOND
        self._set_due()

    def _set_due(self) -> None:
        if self.repeats_at is None or self.ends_at is None:
            self.due = self.ends_at if self.repeats_at is None else self.repeats_at
        else:
            self.due = min(self.repeats_at, self.ends_at)


class Timed(Protocol):
    """Something with one point in time at which it wants to be looked at."""

    due: Micros | None


class Deadlines:
    """All points in time of an endpoint, in one heap.

    An entry whose owner changed its mind is dropped when it comes up, so changing costs nothing.
    """

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[Micros, int, Timed]] = []
        self._count = 0

    def note(self, owner: Timed) -> None:
        """Remember when `owner` is due; call it whenever `due` has changed."""
        if owner.due is not None:
            self._count += 1
            heappush(self._heap, (owner.due, self._count, owner))

    def next(self) -> Micros | None:
        """When the next owner is due, or None."""
        heap = self._heap
        while heap and heap[0][2].due != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: Micros) -> Timed | None:
        """The next owner whose time has come, or None. Its entry is gone: note it again."""
        due = self.next()
        return heappop(self._heap)[2] if due is not None and due <= now else None

    def __len__(self) -> int:
        return len(self._heap)
