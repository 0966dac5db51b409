"""Asks the media engine over UDP, and hears from it what callers press.

Why: ng is a datagram protocol, so an answer may be lost; a question repeated with the same cookie
is answered again and not done twice. Messages about one leg must arrive in their order, which a
single-threaded engine keeps by itself and a threaded one (rtpengine) does not: there the next
message of a leg waits for the answer to the one before. Our own engine is told in one datagram
what was asked in one turn of the loop.

Sources: rtpengine `docs/ng_control_protocol.md`; `callcenter/media/ng.py` for the encoding.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from callcenter.media import ng

log = structlog.get_logger(__name__)

TRY_SECONDS = (0.25, 0.5, 1.0, 1.5)
"""How long each try waits for its answer."""
OPEN_MAX = 5000
BUNDLE_OCTETS_MAX = 16_384
"""Questions that share a datagram, up to `ng.PARTS_MAX` of them."""
RECEIVE_BUFFER = 4 * 1024 * 1024

_SURVEY, _LIST = "survey-", "list-"
LEGS_MAX = 10_000

Body = dict[str, Any]
Replied = Callable[[str, Body], None]
TIMED_OUT: Body = {"result": "error", "error-reason": "timeout"}
FULL: Body = {"result": "error", "error-reason": "too many questions open"}


@dataclass(slots=True)
class _Question:
    cookie: str
    call_id: str
    datagram: bytes
    engine: int
    last: bool = False
    """The end of a leg: nobody waits for the answer, and its report is not read."""
    tries: int = 0
    due: float = 0.0
    """When it is asked again, in the loop's time; 0 while it was not asked yet."""


@dataclass(slots=True)
class _Queue:
    """Questions about one leg that wait for their turn."""

    waiting: deque[_Question] = field(default_factory=deque)
    open: int = 0


class NgClient:
    """One socket to one or several engines. All legs of a contact go to one engine.

    `pipelined` is for our own engine, which answers in the order it is asked and takes several
    questions in one datagram.
    """

    def __init__(
        self,
        engines: Sequence[tuple[str, int]],
        replied: Replied,
        *,
        pipelined: bool = True,
        restarted: Callable[[], None] = lambda: None,
        tries: Sequence[float] = TRY_SECONDS,
    ) -> None:
        self._engines = list(engines)
        self._replied = replied
        self._pipelined = pipelined
        self._open: dict[str, _Question] = {}
        self._legs: dict[str, _Queue] = {}
        self._asked: list[_Question] = []
        """What was asked in this turn of the loop."""
        self._timer: asyncio.TimerHandle | None = None
        """One for all questions: nearly all are answered long before it rings."""
        self._timer_due = 0.0
        self._loop = asyncio.get_running_loop()
        self._socket = _udp_socket(self._engines[0][0])
        self._loop.add_reader(self._socket.fileno(), self._readable)
        self._restarted = restarted
        self._tries = tries
        self._surveys = 0
        self._listed: Callable[[Body], None] = lambda _: None
        self.counts: Counter[str] = Counter()
        self.statistics: dict[int, Body] = {}
        """The last answer of each engine to `survey`."""

    def ask(self, cookie: str, message: Body) -> None:
        """Send one message; its answer (or `TIMED_OUT`) comes to `replied`, unless the message ends
        a leg."""
        call_id = str(message.get("call-id", ""))
        if len(self._open) >= OPEN_MAX:
            self._loop.call_soon(self._replied, cookie, FULL)
            return
        engine = self._engine_of(call_id)
        last = message.get("command") == "delete"
        question = _Question(cookie, call_id, ng.encode(cookie, message), engine, last)
        self._open[cookie] = question
        if self._pipelined:
            if not self._asked:
                self._loop.call_soon(self._send_asked)
            self._asked.append(question)
            return
        queue = self._legs.setdefault(call_id, _Queue())
        queue.waiting.append(question)
        self._next(queue)

    def survey(self) -> None:
        """Ask every engine how it is; its answer stands in `statistics` soon."""
        for engine in range(len(self._engines)):
            self._surveys += 1
            cookie = f"{_SURVEY}{engine}-{self._surveys}"
            datagram = ng.encode(cookie, {"command": "statistics"})
            question = self._open[cookie] = _Question(cookie, "", datagram, engine)
            self._send(question)

    def list_legs(self, listed: Callable[[Body], None]) -> None:
        """Ask every engine which legs it holds."""
        for engine in range(len(self._engines)):
            cookie = f"{_LIST}{engine}"
            self._listed = listed
            datagram = ng.encode(cookie, {"command": "list", "limit": LEGS_MAX})
            question = self._open[cookie] = _Question(cookie, "", datagram, engine)
            self._send(question)

    def _surveyed(self, question: _Question, body: Body) -> None:
        """An engine whose uptime fell was restarted: it no longer plays what it was asked to."""
        before = _uptime(self.statistics.get(question.engine, {}))
        said = body.get("statistics")
        if isinstance(said, dict):
            self.statistics[question.engine] = said
            if _uptime(said) < before:
                self._restarted()

    def close(self) -> None:
        """Stop asking; nothing is answered any more."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        if self._timer is not None:
            self._timer.cancel()
        self._open.clear()
        self._asked.clear()

    def _engine_of(self, call_id: str) -> int:
        """Legs of one story are named `STORY/LEG` and must meet in one engine."""
        story = call_id.rpartition("/")[0] or call_id
        return sum(story.encode()) % len(self._engines)

    def _next(self, queue: _Queue) -> None:
        if queue.waiting and not queue.open:
            queue.open = 1
            self._send(queue.waiting.popleft())

    def _send_asked(self) -> None:
        """Send the questions of one turn, those of one engine together."""
        asked, self._asked = self._asked, []
        bundles: dict[int, list[bytes]] = {}
        for question in asked:
            self._expect(question)
            bundle = bundles.setdefault(question.engine, [])
            octets = sum(map(len, bundle)) + len(question.datagram)
            if bundle and (octets > BUNDLE_OCTETS_MAX or len(bundle) == ng.PARTS_MAX):
                self._send_to(question.engine, bundle)
                bundle = bundles[question.engine] = []
            bundle.append(question.datagram)
        for engine, bundle in bundles.items():
            self._send_to(engine, bundle)

    def _send(self, question: _Question) -> None:
        self._expect(question)
        self._send_to(question.engine, [question.datagram])

    def _expect(self, question: _Question) -> None:
        question.due = self._loop.time() + self._tries[question.tries]
        if self._timer is None or question.due < self._timer_due:
            self._arm(question.due)

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        """Ask again what was not answered in time."""
        self._timer = None
        now = self._loop.time()
        for question in [q for q in self._open.values() if 0 < q.due <= now]:
            if question.cookie in self._open:
                self._again(question)
        due = min((q.due for q in self._open.values() if q.due), default=None)
        if due is not None and (self._timer is None or due < self._timer_due):
            self._arm(due)

    def _send_to(self, engine: int, bundle: list[bytes]) -> None:
        try:
            self._socket.sendto(ng.SEPARATOR.join(bundle), self._engines[engine])
        except OSError:
            self.counts["send_failed"] += 1  # the next try is on its way

    def _again(self, question: _Question) -> None:
        question.tries += 1
        if question.tries < len(self._tries):
            self.counts["repeated"] += 1
            self._send(question)
            return
        self.counts["timed_out"] += 1
        log.warning("the media engine does not answer", leg=question.call_id)
        self._answered(question, TIMED_OUT)

    def _readable(self) -> None:
        """Answers, as many as are there."""
        for _ in range(64):
            try:
                data = self._socket.recv(ng.DATAGRAM_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.counts["refused"] += 1
                return
            for part in ng.parts(data):
                self._heard(part)

    def _heard(self, data: bytes) -> None:
        question = self._open.get(data.partition(b" ")[0].decode("ascii", "replace"))
        try:
            body = ng.outcome(data) if question and question.last else ng.decode(data)[1]
        except ng.NgError:
            self.counts["malformed"] += 1
            return
        if question is None:
            self.counts["late"] += 1
            return
        if body.get("result") == "error":
            self.counts["errors"] += 1
            log.warning(
                "the media engine refused", leg=question.call_id, reason=body.get("error-reason")
            )
        self._answered(question, body)

    def _answered(self, question: _Question, body: Body) -> None:
        del self._open[question.cookie]
        if question.cookie.startswith(_LIST):
            self._listed(body)
            return
        if question.cookie.startswith(_SURVEY):
            self._surveyed(question, body)
            return
        if not self._pipelined:
            queue = self._legs[question.call_id]
            queue.open = 0
            self._next(queue)
            if not queue.open:
                del self._legs[question.call_id]
        if not question.last:
            self._replied(question.cookie, body)


def _uptime(statistics: Body) -> float:
    """Seconds since the engine began; 0 for one that does not say."""
    total = statistics.get("totalstatistics", {})
    return float(total.get("uptime", 0)) if isinstance(total, dict) else 0.0


class MediaEars:
    """Hears the engine's own words: digits, ended files, phones gone silent."""

    def __init__(self, ears: socket.socket, heard: Callable[[Body], None]) -> None:
        self._socket = ears
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        ears.setblocking(False)
        self._loop.add_reader(ears.fileno(), self._readable)
        self.malformed = 0

    def close(self) -> None:
        """Stop listening; the socket stays with whoever gave it."""
        self._loop.remove_reader(self._socket.fileno())

    def _readable(self) -> None:
        for _ in range(64):
            try:
                data = self._socket.recv(ng.DATAGRAM_MAX)
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            try:
                body = msgspec.json.decode(data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.malformed += 1
                continue
            if isinstance(body, dict):
                self._heard(body)


def _udp_socket(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return made
