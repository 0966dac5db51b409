"""The people of the demo, in a process of their own: it only knows addresses and passwords.

Why: what calls the server must not share its processes, or a stall there would hide a stall here.
Reads one JSON document (the orders) on standard input, then a line `drain` or the end of input;
writes one JSON line per happening on standard output: `ready`, `answered` (once: the first caller
hears an agent), `result`. Nothing else is ever printed there.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from typing import Any

import msgspec

from callcenter.app.demo.called_back import Customers
from callcenter.app.phones.audio import CALLER_TONES, tone_frame
from callcenter.app.phones.line import Line
from callcenter.app.phones.people import Caller, Desk, Habit, Heard, Manner

DRAIN_SECONDS = 8.0
"""Callers that are still there when no more may come leave within this time, or are hung up."""
HANGING_UP_SECONDS = 1.0
"""Until both ends of a call know that it is over."""

HURRIED_SECONDS = 0.3
"""Between keys of the very first caller, who knows the menu: the wall should come alive at once."""
UNHURRIED_SECONDS = 3600.0
"""Her patience on average."""
CALLBACK_AFTER_SECONDS = (3.0, 12.0)
"""Of waiting, until somebody would rather be called back."""
HURRIED_KEY = "1"
"""What she presses behind the menu, to hear no more of what comes before the queue."""


class AgentOrder(msgspec.Struct, frozen=True, kw_only=True):
    user: str
    password: str
    tone: int


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What this process is to do."""

    server: tuple[str, int]
    domain: str
    number: str
    seed: int
    calls_per_minute: float
    patience_seconds: float
    talk_seconds: float
    weights: dict[str, float]
    """Keys to press, separated by commas, and how often."""
    agents: tuple[AgentOrder, ...] = ()
    ignores_share: float = 0.0
    declines_share: float = 0.0
    wrap_up_seconds: float = 2.0
    line_port: int = 0
    """Where customers are called back; 0 if nobody is."""
    callback_share: float = 0.0
    """How many of those who wait would rather be called back."""
    typed: float | None = None
    """Monotonic seconds at which the person typed the command that this is part of."""


def say(kind: str, **more: Any) -> None:
    """One line for whoever started us."""
    sys.stdout.write(json.dumps({"kind": kind, **more}) + "\n")
    sys.stdout.flush()


class Day:
    """Agents at their desks, callers as they come."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.dice = random.Random(orders.seed)
        self.line = Line(orders.server, orders.domain, seed=orders.seed)
        self.customers = (
            Customers(
                orders.server, orders.domain, orders.line_port, orders.seed + 1, orders.talk_seconds
            )
            if orders.line_port
            else None
        )
        self.desks: list[Desk] = []
        self.callers: set[Caller] = set()
        self.heard: list[Heard] = []
        self.failures: list[str] = []
        self.placed = 0
        self._tones = list(CALLER_TONES)
        self._numbers = self.dice.randrange(10**7)
        self._typed = time.monotonic() if orders.typed is None else orders.typed
        self._unheard = True
        self._closed = False

    async def open(self) -> None:
        """Everybody registers and logs in."""
        habit = Habit(
            ignores_share=self.orders.ignores_share,
            declines_share=self.orders.declines_share,
            talk_seconds=self.orders.talk_seconds * 2,
            hangs_up_share=0.3,
            wrap_up_seconds=self.orders.wrap_up_seconds,
        )
        for order in self.orders.agents:
            phone = self.line.phone(order.user, order.password, tone_frame(order.tone))
            self.desks.append(Desk(phone, order.tone, habit, self.dice))
        await asyncio.gather(*(desk.begin() for desk in self.desks))
        say("ready", agents=sum(d.phone.registered for d in self.desks))

    async def run(self, drained: asyncio.Event) -> None:
        """Callers arrive as a Poisson stream until told to stop."""
        rate = self.orders.calls_per_minute / 60
        pause = 0.2
        while not drained.is_set():
            try:
                await asyncio.wait_for(drained.wait(), pause)
            except TimeoutError:
                self.line.spawn(self._one_call())
            pause = self.dice.expovariate(rate)

    async def close(self) -> None:
        """Let everybody finish; nobody new. Who is still there at the end is hung up."""
        self._closed = True
        for desk in self.desks:
            desk.on_shift = False
        for caller in self.callers:
            caller.leaving.set()
        await self._until_gone(DRAIN_SECONDS)
        if self.customers is not None:
            self.customers.hang_up()
        for caller in list(self.callers):
            if caller.call:
                caller.call.hang_up()
        await self._until_gone(HANGING_UP_SECONDS)
        await asyncio.sleep(HANGING_UP_SECONDS)
        for caller in list(self.callers):
            caller.heard.outcome = "unfinished"
            self.heard.append(caller.heard)

    async def _until_gone(self, seconds: float) -> None:
        end = self.line.clock() + seconds
        while self.callers and self.line.clock() < end:
            await asyncio.sleep(0.1)

    def result(self) -> dict[str, Any]:
        """What was placed and what was proved."""
        agents = [record for desk in self.desks for record in desk.records]
        return {
            "placed": self.placed,
            "callers": [h.document() for h in self.heard],
            "agents": [h.document() for h in agents],
            "called_back": [h.document() for h in self.customers.heard] if self.customers else [],
            "failures": self.failures + [f for d in self.desks for f in d.failures],
            "late_frames": self.line.late_frames,
        }

    async def _one_call(self) -> None:
        if self._closed:
            return
        tone = self._tones.pop(0)
        self._tones.append(tone)
        choices = list(self.orders.weights)
        keys = self.dice.choices(choices, [self.orders.weights[c] for c in choices])[0].split(",")
        manner = Manner(
            number=self.orders.number,
            keys=tuple(keys if self.placed else [*keys, HURRIED_KEY]),
            key_pause_seconds=self.dice.uniform(0.6, 1.6) if self.placed else HURRIED_SECONDS,
            patience_seconds=self.orders.patience_seconds if self.placed else UNHURRIED_SECONDS,
            talk_seconds=self.orders.talk_seconds,
            hangs_up=self.dice.random() < 0.7,
            waits_seconds=self._waits() if self.placed else 0.0,
        )
        number = (self._numbers + self.placed) % 10**7
        user = f"+1555{number:07d}"
        phone = self.line.phone(user, "", tone_frame(tone))

        def confirms() -> None:
            if self.customers is not None:
                self.customers.expect(user, tone)

        caller = Caller(phone, tone, manner, self.dice, self._agent_heard, confirms)
        caller.heard.placed_at = time.time()
        self.callers.add(caller)
        self.placed += 1
        try:
            await caller.live()
        finally:
            self.callers.discard(caller)
            self.heard.append(caller.heard)
            self.line.phones.pop(user, None)

    def _waits(self) -> float:
        """How long she waits before she would rather be called back; 0 if she would not."""
        share = self.orders.callback_share if self.customers is not None else 0.0
        if not share or self.dice.random() >= share:
            return 0.0
        return self.dice.uniform(*CALLBACK_AFTER_SECONDS)

    def _agent_heard(self) -> None:
        if self._unheard:
            self._unheard = False
            say("answered", seconds=round(time.monotonic() - self._typed, 2))


async def main() -> None:
    """Orders in, a day at the phones, a result out."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orders = msgspec.json.decode(await reader.readline(), type=Orders)
    day = Day(orders)
    await day.line.start()
    if day.customers is not None:
        await day.customers.line.start()
    drained = asyncio.Event()

    async def listen() -> None:
        await reader.readline()
        drained.set()

    listening = asyncio.create_task(listen())
    opening = asyncio.create_task(day.open())
    await day.run(drained)
    await opening
    await day.close()
    say("result", **day.result())
    listening.cancel()
    await day.line.stop()
    if day.customers is not None:
        await day.customers.line.stop()


if __name__ == "__main__":
    asyncio.run(main())
