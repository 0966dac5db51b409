"""Callers of the demo who would rather be called back, and their phones behind a line of their own.

Why: a promise is proved when the phone of the one who got it rings, and the two hear each other.
The line is the demo's provider (`[[trunk]]`): every customer's phone hangs on it.
"""

from __future__ import annotations

import asyncio
import random

from callcenter.app.phones.audio import AGENT_TONES, tone_frame
from callcenter.app.phones.line import Line, PhoneCall
from callcenter.app.phones.people import Heard

ANSWER_SECONDS = (0.5, 2.5)
SHORTEST_SECONDS = 3.0
"""Of a conversation, so that it can be heard."""
RINGS_SECONDS = 60.0


class Customers:
    """Everybody who was promised a callback."""

    def __init__(
        self, server: tuple[str, int], domain: str, port: int, seed: int, talk_seconds: float
    ) -> None:
        self.line = Line(server, domain, seed=seed, port=port)
        self.dice = random.Random(seed)
        self.talk_seconds = talk_seconds
        self.heard: list[Heard] = []
        self._calls: set[PhoneCall] = set()

    def expect(self, user: str, tone: int) -> None:
        """This caller hung up: from now on her phone can be called."""
        phone = self.line.phone(user, "", tone_frame(tone))

        async def rings(call: PhoneCall) -> None:
            await self._take(call, user, tone)

        phone.on_call = rings

    def hang_up(self) -> None:
        """Nobody talks any longer."""
        for call in list(self._calls):
            call.hang_up()

    @property
    def talking(self) -> int:
        """How many are on the phone."""
        return len(self._calls)

    async def _take(self, call: PhoneCall, user: str, tone: int) -> None:
        record = Heard(user, tone, self.line.clock())
        self._calls.add(call)
        try:
            call.ring()
            if await call.until_over(self.dice.uniform(*ANSWER_SECONDS)):
                return
            call.speak()
            call.answer()
            await call.until(lambda: call.hears(AGENT_TONES, 2) is not None, RINGS_SECONDS)
            await call.until_over(
                max(SHORTEST_SECONDS, self.dice.expovariate(1 / self.talk_seconds))
            )
            call.hang_up()
            record.close(call, "talked")
            self.heard.append(record)
        finally:
            self._calls.discard(call)
            await asyncio.sleep(0)
