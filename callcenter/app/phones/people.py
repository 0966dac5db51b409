"""The people at the phones: callers with a wish and a patience, agents with a way of working.

Why: a load that only dials and hangs up proves little. These callers listen, choose by keypad,
wait as long as they can bear, talk and leave; these agents log in by feature code, answer after a
moment, sometimes let it ring, and come back. Everything is drawn from a seed. Each keeps a plain
record of what was *heard*, so that the two ends of a call can be laid side by side afterwards.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from callcenter.app.phones.audio import AGENT_TONES, CALLER_TONES
from callcenter.app.phones.line import REGISTER_SECONDS, Phone, PhoneCall

READY_CODE = "*11"
WRAP_UP_DONE_CODE = "*13"
PROOF_WINDOWS = 3
"""Windows of 100 ms in which the other's tone must be heard to call a connection proved."""
STAYS_TIMES = 3.0
"""Who waits for the agent to hang up does not wait longer than so many usual conversations."""


@dataclass
class Heard:
    """One end of one call: who was at it, when, and which tones came in."""

    who: str
    tone: int
    started: float
    answered: float = 0.0
    ended: float = 0.0
    outcome: str = ""
    tones: dict[int, int] = field(default_factory=dict)
    gaps: int = 0
    packets: int = 0
    placed_at: float = 0.0
    """Seconds since 1970, to find the call among the center's contacts."""

    def close(self, call: PhoneCall, outcome: str) -> None:
        """Write down what the call was."""
        self.answered, self.ended = call.answered_at, call.phone.line.clock()
        self.outcome = outcome
        self.tones = dict(call.rtp.ear.windows)
        self.gaps, self.packets = call.rtp.gaps, call.rtp.received

    def document(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Manner:
    """How a caller behaves. Seconds are means of what is drawn."""

    number: str
    keys: tuple[str, ...] = ("1", "1")
    """What is typed, one after the other, `key_pause_seconds` apart."""
    key_pause_seconds: float = 1.5
    patience_seconds: float = 90.0
    talk_seconds: float = 20.0
    hangs_up: bool = True
    """False: leaves that to the agent, within reason."""
    waits_seconds: float = 0.0
    """Above 0: who has waited so long asks to be called back, by `CALLBACK_KEYS`."""


CALLBACK_KEYS = ("*", "2")
"""Out of the queue, and the choice of the menu there."""
CONFIRM_KEY = "1"
READ_OUT_SECONDS = 1.5
"""Until the number is being read out."""
PROMISE_SECONDS = 15.0
"""Until the center has said good-bye."""
LISTENS_SECONDS = 1.5
"""Who is to leave while waiting listens a moment longer: an agent may just have picked up."""


class Caller:
    """One call of one caller."""

    def __init__(
        self,
        phone: Phone,
        tone: int,
        manner: Manner,
        dice: random.Random,
        on_agent: Callable[[], None] = lambda: None,
        on_confirm: Callable[[], None] = lambda: None,
    ) -> None:
        self.phone, self.manner, self.dice = phone, manner, dice
        self.on_agent = on_agent
        """Called when an agent is heard."""
        self.on_confirm = on_confirm
        """Called when she confirms the number to be called back at."""
        self.heard = Heard(phone.user, tone, phone.line.clock())
        self.call: PhoneCall | None = None
        self.leaving = asyncio.Event()
        """Set to make the caller finish soon."""

    async def live(self) -> Heard:
        """Dial, choose, wait, talk, hang up."""
        self.call = call = self.phone.dial(self.manner.number)
        outcome = "failed"
        try:
            outcome = await self._story(call)
        finally:
            call.hang_up()
            self.heard.close(call, outcome)
        return self.heard

    async def _story(self, call: PhoneCall) -> str:
        """How it went: `talked`, `promised` a callback, `left`, `ended` by the center, `drained` by us,
        or `refused`."""
        if not await call.until_answered(10):
            return "drained" if call.ended_by_us else f"refused {call.status}"
        call.speak()
        for key in self.manner.keys:
            if await self._pause(call, self.manner.key_pause_seconds):
                return self._cut_off(call)
            call.press(key)
        patience = max(2.0, self.dice.expovariate(1 / self.manner.patience_seconds))
        asks = 0.0 < self.manner.waits_seconds < patience
        connected = await self._until_agent(call, self.manner.waits_seconds if asks else patience)
        if asks and not connected and not call.is_over and not self.leaving.is_set():
            if await self._be_called_back(call):
                return "promised"
            connected = call.hears(AGENT_TONES, 2) is not None
        if not connected:
            return self._cut_off(call) if call.is_over else "left"
        self.on_agent()
        usual = self.manner.talk_seconds
        seconds = self.dice.expovariate(1 / usual) if self.manner.hangs_up else STAYS_TIMES * usual
        await self._pause(call, max(3.0, seconds))
        return "talked"

    async def _be_called_back(self, call: PhoneCall) -> bool:
        """Ask for it by keypad; whether the center promised it and hung up. An agent who picks up
        at that very moment is talked to instead."""
        for key in CALLBACK_KEYS:
            call.press(key)
            await call.until_over(0.8)
        await call.until_over(READ_OUT_SECONDS)
        if call.hears(AGENT_TONES, 2) is not None:
            return False
        call.press(CONFIRM_KEY)
        self.on_confirm()
        return await call.until_over(PROMISE_SECONDS) and not call.ended_by_us

    def _cut_off(self, call: PhoneCall) -> str:
        return "drained" if call.ended_by_us else "ended"

    async def _until_agent(self, call: PhoneCall, patience: float) -> bool:
        end, last = self.phone.line.clock() + patience, 0.0
        while self.phone.line.clock() < end and not call.is_over:
            if self.leaving.is_set():
                last = last or self.phone.line.clock() + LISTENS_SECONDS
                end = min(end, last)
            if await call.until(lambda: call.hears(AGENT_TONES, 2) is not None, 0.5):
                return True
        return False

    async def _pause(self, call: PhoneCall, seconds: float) -> bool:
        """Let time pass; True when the call ended or the caller is to leave."""
        end = self.phone.line.clock() + seconds
        while (left := end - self.phone.line.clock()) > 0 and not call.is_over:
            if self.leaving.is_set() and left > 1.0:
                end = min(end, self.phone.line.clock() + 1.0)
            await call.until_over(min(left, 0.25))
        return call.is_over


@dataclass(frozen=True)
class Habit:
    """How an agent works. Shares are probabilities."""

    answer_seconds: tuple[float, float] = (0.5, 2.5)
    ignores_share: float = 0.0
    """Lets it ring to the end."""
    declines_share: float = 0.0
    hangs_up_share: float = 0.0
    """Ends the call herself after `talk_seconds`."""
    talk_seconds: float = 25.0
    away_seconds: float = 5.0
    """Until she is back after a call that she let ring or declined."""
    register_seconds: int = REGISTER_SECONDS
    """How long each registration is asked for."""
    wrap_up_seconds: float = 2.0
    """Work after the call; then she dials the code that ends it."""


class Desk:
    """An agent at her phone, all day."""

    def __init__(self, phone: Phone, tone: int, habit: Habit, dice: random.Random) -> None:
        self.phone, self.tone, self.habit, self.dice = phone, tone, habit, dice
        self.records: list[Heard] = []
        self.on_shift = True
        self.failures: list[str] = []
        phone.on_call = self.take

    async def begin(self) -> None:
        """Register and log in."""
        seconds = self.habit.register_seconds
        if not await self.phone.register(seconds):
            self.failures.append(f"{self.phone.user}: REGISTER {self.phone.registration_status}")
            return
        self.phone.line.spawn(self.phone.stay_registered(self.failures.append, seconds))
        await self.dial_code(READY_CODE)

    async def dial_code(self, code: str) -> None:
        """Dial a feature code and listen until the center confirms it and hangs up."""
        call = self.phone.dial(code)
        if not await call.until_answered(10):
            self.failures.append(f"{self.phone.user}: {code} {call.status}")
        await call.until_over(8)
        call.hang_up()

    async def take(self, call: PhoneCall) -> None:
        """The phone rings."""
        record = Heard(self.phone.user, self.tone, self.phone.line.clock())
        call.ring()
        chance = self.dice.random()
        if chance < self.habit.ignores_share:
            await call.until_over(120)
            await self._come_back()
            return
        if await call.until_over(self.dice.uniform(*self.habit.answer_seconds)):
            await self._come_back()  # the caller left, or the ring time was shorter than she
            return
        if not self.on_shift or chance < self.habit.ignores_share + self.habit.declines_share:
            call.reject(603)
            await self._come_back()
            return
        call.speak()
        call.answer()
        hangs_up = self.dice.random() < self.habit.hangs_up_share
        seconds = max(3.0, self.dice.expovariate(1 / self.habit.talk_seconds))
        if not await call.until_over(seconds if hangs_up else 3600):
            call.hang_up()
        record.close(call, "talked")
        self.records.append(record)
        await asyncio.sleep(self.habit.wrap_up_seconds)
        if self.on_shift:
            await self.dial_code(WRAP_UP_DONE_CODE)

    async def _come_back(self) -> None:
        await asyncio.sleep(self.habit.away_seconds)
        if self.on_shift:
            await self.dial_code(READY_CODE)


def proved(callers: list[Heard], agents: list[Heard]) -> list[tuple[Heard, Heard]]:
    """Pairs of ends that heard each other while both were up: connected beyond doubt."""
    by_tone: dict[int, list[Heard]] = {}
    for agent in agents:
        by_tone.setdefault(agent.tone, []).append(agent)
    pairs = []
    for caller in callers:
        for tone in AGENT_TONES:
            if caller.tones.get(tone, 0) < PROOF_WINDOWS:
                continue
            match = next(
                (
                    agent
                    for agent in by_tone.get(tone, [])
                    if agent.tones.get(caller.tone, 0) >= PROOF_WINDOWS
                    and agent.answered < caller.ended
                    and caller.answered < agent.ended
                ),
                None,
            )
            if match is not None:
                pairs.append((caller, match))
                break
    return pairs


def cross_talk(callers: list[Heard], agents: list[Heard]) -> list[str]:
    """In words, every end that heard somebody who was not in its call; this must never be.

    A caller hears one agent and no caller, her own voice included; an agent hears one caller and
    no agent.
    """
    found = []
    for ends, others, own in (
        (callers, AGENT_TONES, CALLER_TONES),
        (agents, CALLER_TONES, AGENT_TONES),
    ):
        for end in ends:
            tones = {tone for tone, windows in end.tones.items() if windows >= PROOF_WINDOWS}
            strange = tones.intersection(own)
            if len(tones.intersection(others)) > 1:
                strange |= tones.intersection(others)
            if strange:
                found.append(f"{end.who} heard {', '.join(f'{t} Hz' for t in sorted(strange))}")
    return found
