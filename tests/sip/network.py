"""Two endpoints and the road between them, in virtual time.

The road loses, doubles and delays what it carries, by a seeded generator, so that any failing run
can be run again. Nothing here knows what the messages mean.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.sip.endpoint import Endpoint
from callcenter.sip.events import SipEvent
from callcenter.sip.flow import Address, Flow
from callcenter.sip.message import Request, Response, parse_message

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
OTHER_SDP = SDP.replace(b"4000", b"5000")
ANSWER_SDP = SDP.replace(b"4000", b"6000")
CALLER: Address = ("192.0.2.1", 5060)
CALLED: Address = ("192.0.2.2", 5060)


def ids(prefix: str) -> Callable[[], str]:
    """Ids that count, so that a test is the same each time."""
    count = 0

    def new_id() -> str:
        nonlocal count
        count += 1
        return f"{prefix}{count:08d}"

    return new_id


class Line:
    """One endpoint at one address: what it told, and how it acts on it."""

    def __init__(self, address: Address, transport: str = "udp", **options: object) -> None:
        self.address = address
        self.events: list[SipEvent] = []
        self.on_event: Callable[[SipEvent, Micros], None] = lambda event, now: None
        self.generation = 0
        self.options = options
        self.endpoint = self.start()

    def start(self) -> Endpoint:
        """A new process: a new endpoint that knows nothing."""
        self.generation += 1
        host, port = self.address
        return Endpoint(
            new_id=ids(f"{port}g{self.generation}x{host[-1]}"),
            user_agent="line",
            contact_for=lambda flow: f"sip:line@{host}:{port}",
            **self.options,  # type: ignore[arg-type]  # limits and switches
        )

    def told(self, *kinds: type) -> list[SipEvent]:
        """The events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]

    def names(self) -> list[str]:
        """What was told, by name."""
        return [type(event).__name__ for event in self.events]


class Network:
    """Carries messages between lines; time moves only here."""

    def __init__(
        self,
        *lines: Line,
        seed: int = 0,
        loss: float = 0.0,
        doubling: float = 0.0,
        delay: Micros = 5 * MILLISECOND,
        jitter: Micros = 0,
        transport: str = "udp",
    ) -> None:
        self.lines = {line.address: line for line in lines}
        self.chance = Random(seed)
        self.loss = loss
        self.doubling = doubling
        self.delay = delay
        self.jitter = jitter
        self.transport = transport
        self.now: Micros = SECOND
        self.log: list[tuple[Micros, str, Address]] = []
        self.drop: Callable[[Request | Response, Address], bool] = lambda message, to: False
        self._road: list[tuple[Micros, int, Flow, bytes]] = []
        self._count = 0

    def flow(self, local: Address, remote: Address) -> Flow:
        """The road from `local` to `remote`."""
        return Flow("tcp" if self.transport == "tcp" else "udp", local, remote, 0)

    def collect(self) -> None:
        """Put on the road what the endpoints want to send."""
        for line in self.lines.values():
            for flow, data in line.endpoint.take_outgoing():
                self._carry(flow, data)

    def _carry(self, flow: Flow, data: bytes) -> None:
        message = parse_message(data)
        self.log.append((self.now, message.start_line(), flow.remote))
        lost = self.chance.random() < self.loss or self.drop(message, flow.remote)
        copies = 2 if self.chance.random() < self.doubling else 1
        for _ in range(0 if lost else copies):
            self._count += 1
            arrives = self.now + self.delay + self.chance.randint(0, self.jitter)
            heappush(self._road, (arrives, self._count, flow, data))

    def run(self, span: Micros) -> None:
        """Let `span` go by."""
        self.run_until(self.now + span)

    def run_until(self, end: Micros) -> None:
        """Let time go by until `end`, in the order of what happens."""
        self.collect()
        while True:
            due = [line.endpoint.deadline for line in self.lines.values()]
            times = [max(self.now, at) for at in due if at is not None]
            if self._road:
                times.append(self._road[0][0])
            if not times or min(times) > end:
                self.now = max(self.now, end)
                return
            self.now = min(times)
            self._deliver()
            for line in self.lines.values():
                at = line.endpoint.deadline
                if at is not None and at <= self.now:
                    self._tell(line, line.endpoint.tick(self.now))
            self.collect()

    def _deliver(self) -> None:
        while self._road and self._road[0][0] <= self.now:
            _, _, flow, data = heappop(self._road)
            line = self.lines.get(flow.remote)
            if line is not None:
                back = Flow(flow.transport, flow.remote, flow.local, flow.connection)
                self._tell(line, line.endpoint.receive(data, back, self.now))

    def _tell(self, line: Line, events: list[SipEvent]) -> None:
        line.events += events
        for event in events:
            line.on_event(event, self.now)

    def sent(self, start: str) -> int:
        """How many messages whose first line begins so were put on the road."""
        return sum(line.startswith(start) for _, line, _ in self.log)


def pair(**weather: float | str) -> tuple[Line, Line, Network]:
    """A caller, a called, and a road with this weather."""
    caller, called = Line(CALLER), Line(CALLED)
    return caller, called, Network(caller, called, **weather)  # type: ignore[arg-type]
