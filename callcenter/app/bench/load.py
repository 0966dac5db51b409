"""The generator of the call benches: many callers and agents on one socket, without audio.

Why: the server is measured, so the generator must be cheap, in a process of its own, pinned to
another core, and must keep every raw result. Both ends of a call live here: success is an INVITE
that an agent answered and whose ACK came back, never a number the server tells about itself.

Orders come as one JSON line on standard input; one JSON line comes out at the end. All times are
wall-clock seconds, so that they can be laid beside the journal's center time.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import sys
import time
from typing import Any

import msgspec

from callcenter.domain.units import SECOND, Micros
from callcenter.sip import endpoint as sip
from callcenter.sip.flow import Flow
from callcenter.sip.sdp import build_audio

CALLER = re.compile(r"\+1555(\d{7})")


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    server: tuple[str, int]
    number: str
    agents: tuple[tuple[str, str], ...]
    """User and password of each."""
    rate: float
    """New calls per second, evenly spaced with seeded jitter."""
    seconds: float
    hold_seconds: float
    agent_ends: bool = False
    """The agent says BYE after `hold_seconds`, otherwise the caller."""
    warm_seconds: float = 2.0
    """Load before the measured window begins."""
    seed: int = 1


class Measured(msgspec.Struct):
    """One call, as its two ends saw it."""

    number: int
    dialled: float
    answered: float = 0.0
    offered: float = 0.0
    """The INVITE arrived at an agent."""
    agent: str = ""
    connected: float = 0.0
    """The agent's 200 was acknowledged."""
    ended: float = 0.0
    status: int = 0


class Generator:
    """All phones of a bench."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.dice = random.Random(orders.seed)
        self.calls: dict[int, Measured] = {}
        self.freed: list[tuple[str, float]] = []
        """Agent and time of each BYE she sent."""
        self.late: list[float] = []
        """How late a call was placed: the generator's own deviation."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, option, 8_000_000)
        self._socket.bind(("127.0.0.1", 0))
        self._local = self._socket.getsockname()
        self._flow = Flow("udp", self._local, orders.server)
        self._endpoint = sip.Endpoint(
            new_id=lambda: f"{self.dice.getrandbits(64):016x}",
            user_agent="callcenter-bench",
            contact_for=lambda _flow: f"sip:bench@{self._local[0]}:{self._local[1]}",
        )
        self._sdp = build_audio(
            address="127.0.0.1", port=self._local[1] & ~1, payloads=(0,), telephone_event_pt=101,
            direction="sendrecv", session_id=1, version=1,
        ).encode()  # fmt: skip
        self._callers: dict[str, int] = {}
        self._caller_calls: dict[int, sip.Call] = {}
        self._at_agents: dict[str, int] = {}
        self._registering: dict[int, str] = {}
        self._registered = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def now(self) -> Micros:
        """Monotonic microseconds."""
        return int(self._loop.time() * SECOND)

    async def register(self) -> int:
        """Register every agent, a hundred at a time; how many are."""
        done = 0
        for start in range(0, len(self.orders.agents), 100):
            self._registered.clear()
            for user, password in self.orders.agents[start : start + 100]:
                address = f"sip:{user}@{self.orders.server[0]}"
                request = self._endpoint.request(
                    "REGISTER", to_uri=address, request_uri=f"sip:{self.orders.server[0]}",
                    from_addr=address, flow=self._flow, now=self.now(),
                    headers=(
                        ("Contact", f"<sip:{user}@{self._local[0]}:{self._local[1]}>"),
                        ("Expires", "3600"),
                    ),
                    credentials=sip.Credentials(user, password),
                )  # fmt: skip
                self._registering[id(request)] = user
                done += 1
            self._flush()
            while self._registering:
                await asyncio.wait_for(self._registered.wait(), 60)
                self._registered.clear()
        return done

    async def load(self, seconds: float) -> None:
        """Place calls at the ordered rate."""
        due = self._loop.time()
        end = due + seconds
        gap = 1 / self.orders.rate
        while due < end:
            await asyncio.sleep(max(0.0, due - self._loop.time()))
            self.late.append(self._loop.time() - due)
            self._dial()
            due += gap * self.dice.uniform(0.5, 1.5)

    async def drain(self, seconds: float) -> None:
        """Wait for the calls to end by themselves."""
        end = self._loop.time() + seconds
        while self._caller_calls and self._loop.time() < end:
            await asyncio.sleep(0.1)
        for call in list(self._caller_calls.values()):
            call.bye(self.now())
        self._flush()

    def _dial(self) -> None:
        number = len(self.calls) + 1
        user = f"+1555{number:07d}"
        server = self.orders.server
        call = self._endpoint.invite(
            to_uri=f"sip:{self.orders.number}@{server[0]}",
            request_uri=f"sip:{self.orders.number}@{server[0]}:{server[1]}",
            from_addr=f"<sip:{user}@127.0.0.1>", flow=self._flow, sdp=self._sdp, now=self.now(),
        )  # fmt: skip
        self._callers[call.id] = number
        self._caller_calls[number] = call
        self.calls[number] = Measured(number=number, dialled=time.time())
        self._flush()

    def _flush(self) -> None:
        for flow, data in self._endpoint.take_outgoing():
            try:
                self._socket.sendto(data, flow.remote)
            except OSError:
                continue
        deadline = self._endpoint.deadline
        if deadline is None:
            return
        due = max(deadline / SECOND, self._loop.time() + 0.0005)
        if self._timer is None or due < self._due - 0.0005:
            if self._timer:
                self._timer.cancel()
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for event in self._endpoint.tick(self.now()):
            self._hear(event)
        self._flush()

    def _readable(self) -> None:
        for _ in range(256):
            try:
                data, source = self._socket.recvfrom(65535)
            except (BlockingIOError, OSError):
                break
            flow = Flow("udp", self._local, (source[0], source[1]))
            for event in self._endpoint.receive(data, flow, self.now()):
                self._hear(event)
        self._flush()

    def _hear(self, event: sip.SipEvent) -> None:
        match event:
            case sip.IncomingCall(call=call):
                self._offered(call)
            case sip.CallConfirmed(call=call):
                self._connected(call)
            case sip.CallAnswered(call=call):
                self.calls[self._callers[call.id]].answered = time.time()
            case sip.CallRejected(call=call, status=status):
                self._ended(call, status)
            case sip.CallEnded(call=call):
                self._ended(call, 200)
            case sip.ResponseReceived(request=request) | sip.RequestTimeout(request=request):
                self._registering.pop(id(request), None)
                self._registered.set()
            case _:
                return

    def _offered(self, call: sip.Call) -> None:
        assert call.request is not None
        match = CALLER.search(call.request.headers.get("From") or "")
        agent = call.request.uri.partition(":")[2].partition("@")[0]
        if match and (measured := self.calls.get(int(match.group(1)))):
            measured.offered, measured.agent = time.time(), agent
            self._at_agents[call.id] = measured.number
        call.ringing(self.now())
        call.answer(self._sdp, self.now())

    def _connected(self, call: sip.Call) -> None:
        number = self._at_agents.get(call.id)
        if number is None:
            return
        self.calls[number].connected = time.time()
        hold = self.orders.hold_seconds * self.dice.uniform(0.9, 1.1)
        self._loop.call_later(hold, self._hang_up, number, call)

    def _hang_up(self, number: int, at_agent: sip.Call) -> None:
        call = at_agent if self.orders.agent_ends else self._caller_calls.get(number)
        if call is None or (number not in self._caller_calls):
            return
        call.bye(self.now())
        if self.orders.agent_ends:
            self.freed.append((self.calls[number].agent, time.time()))
        else:
            self._finish(number)
        self._flush()

    def _ended(self, call: sip.Call, status: int) -> None:
        number = self._callers.get(call.id)
        if number is not None:
            self.calls[number].status = status
            self._finish(number)

    def _finish(self, number: int) -> None:
        if self._caller_calls.pop(number, None):
            self.calls[number].ended = time.time()


def say(document: dict[str, Any]) -> None:
    """One line for whoever started us."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Register, wait for `go`, load, drain, tell."""
    reader = asyncio.StreamReader(limit=1 << 22)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = msgspec.json.decode(await reader.readline(), type=Orders)
    generator = Generator(orders)
    say({"kind": "registered", "agents": await generator.register()})
    await reader.readline()
    await generator.load(orders.warm_seconds)
    start = time.time()
    say({"kind": "start", "at": start})
    await generator.load(orders.seconds)
    say({"kind": "end", "at": time.time()})
    await generator.drain(orders.hold_seconds * 2 + 10)
    say(
        {
            "kind": "result",
            "calls": [msgspec.to_builtins(c) for c in generator.calls.values()],
            "freed": generator.freed,
            "late_p99": sorted(generator.late)[int(len(generator.late) * 0.99)],
            "counters": dict(generator._endpoint.counters),  # noqa: SLF001 - our own endpoint
        }
    )


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
