"""Hours of calls through the shipped control center, to hold what callers are told against what
becomes of them.

Everything estimated comes from committed events: every `LOOK_SECONDS` the follower's look ahead is
asked for and decided on, and the first estimate of each caller is kept. Her wait from that moment
is then measured. Who gives up has a wait too: until an agent who could have taken her takes somebody
behind her, or has nothing to do. So nobody is left out, neither the impatient nor the unlucky.

Nothing is random but by the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import exp, log, pi, sin, sqrt
from random import Random
from typing import NamedTuple

from callcenter.control.center import Control
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Channel, Plan, PlanStep, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    HOUR,
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    QueueId,
    SegmentId,
    seconds,
)

START: Micros = 1_800_000_000 * SECOND
LOOK_SECONDS = 15
"""How often a look ahead is taken while somebody waits who knows nothing yet."""
REFRESH_LOOKS = 8
"""Every so many of these moments one is taken anyway."""
F = FrontendId("f1")

Sampler = Callable[[Random], float]
"""Seconds, drawn."""


def exponential(mean: float) -> Sampler:
    return lambda chance: chance.expovariate(1 / mean)


def lognormal(mean: float, variation: float) -> Sampler:
    """`variation` is standard deviation over mean."""
    spread = log(1 + variation**2)
    return lambda chance: exp(chance.gauss(log(mean) - spread / 2, sqrt(spread)))


class Line(NamedTuple):
    """What comes to one queue. `wave` is how far the load swings about its mean in `period`."""

    queue: Queue
    calls_per_hour: float
    talk: Sampler
    patience: Sampler | None = None
    wave: float = 0.0
    period_hours: float = 2.0


class Scenario(NamedTuple):
    name: str
    lines: tuple[Line, ...]
    agents: tuple[Agent, ...]


def people(prefix: str, number: int, *skills: str) -> tuple[Agent, ...]:
    return tuple(
        Agent(id=AgentId(f"{prefix}{n}"), name=f"{prefix}{n}", skills=dict.fromkeys(skills, 5))
        for n in range(number)
    )


def line(name: str, *, skill: str = "", plan: Plan | None = None, **settings: int) -> Queue:
    return Queue(
        id=QueueId(name),
        title=name,
        skills={skill: 1} if skill else {},
        wait_seconds_max=36_000,
        waiting_max=10**6,
        plan=plan or Plan(),
        **{"wrap_up_seconds": 0, **settings},  # type: ignore[arg-type]
    )


def rate(agents: float, load: float, seconds_each: float) -> float:
    """Calls an hour that keep so many agents busy to this share."""
    return agents * load * 3600 / seconds_each


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "one queue, exponential",
        (Line(line("a"), rate(20, 0.95, 180), exponential(180)),),
        people("p", 20),
    ),
    Scenario(
        "long and short calls",
        (Line(line("a", wrap_up_seconds=20), rate(15, 0.95, 260), lognormal(240, 1.2)),),
        people("p", 15),
    ),
    Scenario(
        "two priorities",
        (
            Line(line("vip", priority=8), rate(12, 0.2, 180), exponential(180)),
            Line(line("all", priority=5), rate(12, 0.75, 240), lognormal(240, 0.8)),
        ),
        people("p", 12),
    ),
    Scenario(
        "two skills, some have both",
        (
            Line(line("a", skill="a"), rate(16, 0.49, 180), exponential(180)),
            Line(line("b", skill="b"), rate(16, 0.40, 300), lognormal(300, 0.7)),
        ),
        people("a", 6, "a") + people("b", 5, "b") + people("ab", 5, "a", "b"),
    ),
    Scenario(
        "load that comes and goes",
        (Line(line("a"), rate(20, 0.9, 200), lognormal(200, 0.8), exponential(400), wave=0.5),),
        people("p", 20),
    ),
    Scenario(
        "many give up",
        (Line(line("a"), rate(15, 1.25, 180), exponential(180), exponential(180)),),
        people("p", 15),
    ),
    Scenario(
        "rings that widen, agents that are kept",
        (
            Line(
                line(
                    "a",
                    skill="a",
                    plan=Plan(steps=(PlanStep(after_seconds=60, drop=("a",)),)),
                ),
                rate(16, 0.55, 180),
                lognormal(180, 0.8),
                exponential(600),
            ),
            Line(line("b", skill="b", reserve=1), rate(16, 0.35, 240), exponential(240)),
        ),
        people("a", 8, "a") + people("b", 4, "b") + people("ab", 4, "a", "b"),
    ),
)


class Score(NamedTuple):
    """One estimate and what became of it, in seconds from the moment it was told."""

    contact: ContactId
    position: int
    expected: float
    promised: float
    waited: float
    hour: float
    """When it was told, in hours since the doors opened."""


@dataclass
class Caller:
    line: Line
    arrived: Micros
    answered: bool = False
    told: list[tuple[Micros, e.WaitEstimated]] = field(default_factory=list)


class Hours:
    """Some hours of one scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.chance = Random(seed)
        self.control = Control(epoch=1)
        self.now: Micros = START
        self.agenda: list[tuple[Micros, int, str, str]] = []
        self.count = 0
        self.callers: dict[ContactId, Caller] = {}
        self.ghosts: dict[ContactId, tuple[Micros, int]] = {}
        """Who gave up, and the place that would still be theirs."""
        self.skills = {agent.id: agent.skills for agent in scenario.agents}
        self.scores: list[Score] = []
        """The first estimate of each caller."""
        self.later: list[Score] = []
        self.looks = 0
        self.events = 0
        self.open()

    def open(self) -> None:
        queues = tuple(line.queue for line in self.scenario.lines)
        center = Center(skills=("a", "b"), queues=queues, agents=self.scenario.agents)
        names = tuple(agent.id for agent in self.scenario.agents)
        self.react(c.ConfigurationRequested(center=center, version="1", by="waits"))
        self.react(c.FrontendReported(frontend=F, epoch=1, agents=names))
        for name in names:
            self.react(c.PresenceRequested(agent=name, presence=Presence.READY))

    def plan(self, after: float, what: str, whose: str = "") -> None:
        self.count += 1
        heappush(self.agenda, (self.now + max(1, seconds(after)), self.count, what, whose))

    def run(self, hours: float) -> None:
        """Calls for so many hours, and on until everybody has gone."""
        until = START + seconds(hours * 3600)
        for number in range(len(self.scenario.lines)):
            self.plan_call(number)
        self.plan(LOOK_SECONDS, "look")
        while self.agenda:
            when = self.agenda[0][0]
            due = self.control.deadline
            if due is not None and due <= when:
                self.now = max(self.now, due)
                self.keep(self.control.tick(self.now))
                continue
            self.now, _, what, whose = heappop(self.agenda)
            if what == "call":
                if self.now < until:
                    self.call(int(whose))
            elif what == "look":
                self.look()
                if self.now < until or self.control.state.contacts:
                    self.plan(LOOK_SECONDS, "look")
            elif what == "done":
                self.end(ContactId(whose), Reason.CALLER_HUNG_UP)
            else:
                self.give_up(ContactId(whose))

    def plan_call(self, number: int) -> None:
        """The next call of a line; the load swings by thinning a faster stream."""
        line, after = self.scenario.lines[number], 0.0
        fastest = line.calls_per_hour * (1 + line.wave) / 3600
        while True:
            after += self.chance.expovariate(fastest)
            hour = (self.now - START + seconds(after)) / HOUR
            swing = 1 + line.wave * sin(2 * pi * hour / line.period_hours)
            if self.chance.random() * (1 + line.wave) <= swing:
                self.plan(after, "call", str(number))
                return

    def call(self, number: int) -> None:
        self.plan_call(number)
        line = self.scenario.lines[number]
        contact = ContactId(f"c{len(self.callers)}")
        self.callers[contact] = Caller(line, self.now)
        self.react(
            c.ContactReported(contact=contact, channel=Channel.VOICE, frontend=F, dialled="1")
        )
        self.react(c.QueueRequested(contact=contact, queue=line.queue.id))
        if line.patience and not self.callers[contact].answered:
            self.plan(line.patience(self.chance), "patience", contact)

    def look(self) -> None:
        self.looks += 1
        waiting = self.control.state.contacts.values()
        if self.looks % REFRESH_LOOKS and all(contact.told for contact in waiting):
            return
        report = self.control.waits(self.now)
        if report is not None:
            self.react(report)

    def react(self, command: c.Command) -> None:
        self.keep(self.control.react(command, self.now))

    def keep(self, events: list[e.Event]) -> None:
        for event in events:
            if isinstance(event, e.OfferMade):
                self.answer(event)
            elif isinstance(event, e.WaitEstimated):
                self.events += 1
                self.callers[event.contact].told.append((self.now, event))
            elif isinstance(event, e.PresenceChanged) and event.presence is Presence.READY:
                self.has_nothing_to_do(event.agent)

    def answer(self, offer: e.OfferMade) -> None:
        state = self.control.state
        contact = state.contacts[offer.contact]
        self.pass_by(offer.agent, (contact.key, contact.order))
        self.callers[offer.contact].answered = True
        self.score(offer.contact)
        self.plan(self.callers[offer.contact].line.talk(self.chance), "done", offer.contact)
        self.react(
            c.OfferReported(
                offer=offer.offer,
                contact=offer.contact,
                agent=offer.agent,
                outcome=OfferOutcome.ACCEPTED,
                segment=SegmentId(f"s{offer.offer}"),
            )
        )

    def end(self, contact: ContactId, reason: Reason) -> None:
        self.react(c.ContactEndReported(contact=contact, termination=ended(reason)))

    def give_up(self, contact: ContactId) -> None:
        if not self.callers[contact].answered:
            found = self.control.state.contacts[contact]
            self.ghosts[contact] = (found.key, found.order)
            self.end(contact, Reason.CALLER_LEFT_IN_QUEUE)

    # --- those who gave up

    def has_nothing_to_do(self, agent: AgentId) -> None:
        if not self.control.state.agents[agent].offers:
            self.pass_by(agent, None)

    def pass_by(self, agent: AgentId, place: tuple[Micros, int] | None) -> None:
        """She is there for somebody behind them, or for nobody: it would have been their turn."""
        for contact, theirs in list(self.ghosts.items()):
            if (place is None or theirs < place) and self.could_take(agent, contact):
                del self.ghosts[contact]
                self.score(contact)

    def could_take(self, agent: AgentId, contact: ContactId) -> bool:
        caller = self.callers[contact]
        needs = dict(caller.line.queue.skills)
        for step in caller.line.queue.plan.steps:
            if self.now - caller.arrived >= step.after_seconds * SECOND:
                needs = {k: v for k, v in needs.items() if k not in step.drop}
        return all(self.skills[agent].get(skill, 0) >= level for skill, level in needs.items())

    def score(self, contact: ContactId) -> None:
        told = [one for one in self.callers[contact].told if one[1].expected is not None]
        for number, (when, event) in enumerate(told):
            assert event.expected is not None
            assert event.promised is not None
            found = Score(
                contact,
                event.position,
                event.expected / SECOND,
                event.promised / SECOND,
                (self.now - when) / SECOND,
                (when - START) / HOUR,
            )
            (self.later if number else self.scores).append(found)
