"""A day on which a center has everything at once: few agents for many callers, targets, reserves,
certificates, calendars, ceilings, several phones, chats beside calls, holds, and wishes of who it
should be or not be."""

from __future__ import annotations

from random import Random

import msgspec

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import (
    Agent,
    AgentChoice,
    Calendar,
    Center,
    Channel,
    ContactChoice,
    Period,
    Plan,
    PlanStep,
    Queue,
)
from callcenter.domain.units import DAY, HOUR, AgentId, QueueId, SegmentId
from tests.simulation.day import LENGTH, SKILLS, START, Day, Owner, Person

AGENTS = 9
CALLS = ("sales", "sales", "billing", "vip")
SALES = Plan(
    version="s",
    sticky_seconds=45,
    steps=(
        PlanStep(after_seconds=20, lower={"english": 2}, raise_priority=1),
        PlanStep(after_seconds=50, teams=("blue",), raise_priority=2),
        PlanStep(after_seconds=80, agents=(AgentId("a01"), AgentId("a04"))),
        PlanStep(after_seconds=200, drop=("english",)),
        PlanStep(after_seconds=330, exit="closed"),
    ),
)
BILLING = Plan(
    sticky_seconds=25,
    steps=(
        PlanStep(after_seconds=35, lower={"billing": 1}, agents=(AgentId("a02"),)),
        PlanStep(after_seconds=150, queue=QueueId("sales")),
    ),
)
CHOICES = (
    (AgentChoice.RING_ALL, AgentChoice.MOST_SKILLED, AgentChoice.LEAST_OCCUPIED),
    (AgentChoice.TOP_DOWN, AgentChoice.RING_ALL, AgentChoice.LONGEST_IDLE),
    (AgentChoice.LEAST_SKILLED, AgentChoice.LONGEST_IDLE, AgentChoice.ROUND_ROBIN),
    (AgentChoice.LONGEST_IDLE, AgentChoice.ROUND_ROBIN, AgentChoice.RING_ALL),
)
CONTACT_CHOICES = (
    ContactChoice.TARGET, ContactChoice.AGEING, ContactChoice.STRICT, ContactChoice.TARGET,
)  # fmt: skip


def people() -> tuple[Agent, ...]:
    """Some can do little, some take no calls, some chat only with one at a time."""
    chance = Random(AGENTS)
    capacities: list[dict[Channel, int]] = [
        {}, {Channel.CHAT: 1, Channel.EMAIL: 2}, {Channel.VOICE: 0}, {}, {Channel.EMAIL: 0}, {},
    ]  # fmt: skip
    return tuple(
        Agent(
            id=AgentId(f"a{n:02}"),
            name=f"Agent {n}",
            skills={s: chance.randint(2, 9) for s in SKILLS if chance.random() < 0.85},
            team=("red", "blue", "")[n % 3],
            occupancy_max=(0, 60, 85)[n % 3],
            capacity=capacities[n % len(capacities)],
        )
        for n in range(AGENTS)
    )


def hard_center(version: int) -> Center:
    """Another order of agents and contacts, a queue less and an agent less, by version."""
    sales, billing, vip = CHOICES[version]
    queues = [
        Queue(
            id=QueueId("sales"), title="Sales", skills={"english": 4}, plan=SALES,
            wait_seconds_max=500, agent_choice=sales, ring_width=2, wrap_up_seconds=25,
            excluded=(AgentId("a05"),), target_seconds=30, declines_max=1, reserve=version % 2,
        ),
        Queue(
            id=QueueId("billing"), title="Billing", skills={"billing": 3}, priority=6,
            plan=BILLING, agent_choice=billing, ring_width=3, reserve=1, target_seconds=15,
            preferred={"english": 5}, calendar="office", ring_seconds=12, wrap_up_seconds=40,
        ),
        Queue(
            id=QueueId("vip"), title="Guests", priority=8, waiting_max=6, unstaffed_exit=True,
            agent_choice=vip, ring_width=2, target_seconds=5, wrap_up_seconds=0, language_level=3,
            reserve=int(version == 0),
        ),
        Queue(
            id=QueueId("mail"), title="Mail", priority=3, wrap_up_seconds=15, calendar="always",
            agent_choice=AgentChoice.ROUND_ROBIN,
        ),
    ]  # fmt: skip
    if version == 2:
        del queues[2]
    office = tuple(Period(weekday=day, opens=7 * 60, closes=10 * 60 + 20) for day in range(7))
    always = tuple(Period(weekday=day, opens=0, closes=24 * 60) for day in range(7))
    return Center(
        skills=SKILLS,
        queues=tuple(queues),
        agents=people()[: AGENTS - (version == 1)],
        calendars=(
            Calendar(name="office", timezone="Europe/Berlin", periods=office),
            Calendar(name="always", periods=always, holidays=frozenset({"2027-01-17"})),
        ),
        certified=("billing",) if version != 2 else (),
        contact_choice=CONTACT_CHOICES[version],
        capacity={Channel.CHAT: 2},
    )


class HardDay(Day):
    """The same people as on any day, and more that they do."""

    center = staticmethod(hard_center)

    def begin(self, contacts: int) -> None:
        super().begin(contacts)
        for _ in range(contacts // 4):
            self.at(START + round(self.chance.random() * LENGTH), self.supervise)
        for number, agent in enumerate(self.phones):
            if number % 4:
                expires = START + (HOUR // 2 * number if number % 2 else 20 * DAY + number * HOUR)
                self.react(
                    c.TrainingRequested(
                        agent=agent, course="money", date="2027-01-14", passed=True, trainer="t",
                        skill="billing", level=2 + number, expires=expires if number != 7 else 0,
                    )
                )  # fmt: skip

    def channel(self) -> Channel:
        kinds = [channel for channel in Channel if channel is not Channel.VOICEMAIL]
        return self.chance.choices(kinds, weights=[80, 4, 10, 8])[0]

    def send(self, owner: Owner, command: c.Command) -> None:
        if isinstance(command, c.QueueRequested):
            command = self.with_wishes(command)
        super().send(owner, command)

    def with_wishes(self, command: c.QueueRequested) -> c.QueueRequested:
        chance, agents = self.chance, list(self.phones)
        written = command.queue == "mail"
        return msgspec.structs.replace(
            command,
            queue=command.queue if written else QueueId(chance.choice(CALLS)),
            language=chance.choice(["", "", "", "spanish", "latin"]),
            preferred={"spanish": 6} if chance.random() < 0.15 else {},
            excluded=(chance.choice(agents),) if chance.random() < 0.1 else (),
            agent=chance.choice(agents) if chance.random() < 0.3 else AgentId(""),
        )

    def supervise(self) -> None:
        super().supervise()
        queue = QueueId(self.chance.choice(CALLS))
        if self.chance.random() < 0.2:
            self.react(c.QueueOpenRequested(queue=queue))
            self.after(30, 200, lambda: self.follow_calendar(queue))

    def follow_calendar(self, queue: QueueId) -> None:
        self.react(c.QueueOpenRequested(queue=queue, follow_calendar=True))

    def talk(self, person: Person, offer: e.OfferMade, segment: SegmentId) -> None:
        super().talk(person, offer, segment)
        for by_agent in (True, False):
            if self.chance.random() < 0.2:
                self.after(2, 20, lambda by=by_agent: self.hold(person, by, True))  # type: ignore[misc]
                self.after(15, 90, lambda by=by_agent: self.hold(person, by, False))  # type: ignore[misc]
        if self.chance.random() < 0.3:
            self.after(1, 60, lambda: self.say_what_it_was(offer.agent, segment))

    def hold(self, person: Person, by_agent: bool, held: bool) -> None:
        agent = person.agent or AgentId("")
        command = c.HoldReported(contact=person.contact, agent=agent, held=held, by_agent=by_agent)
        if person.alive:
            self.send(person.home, command)

    def say_what_it_was(self, agent: AgentId, segment: SegmentId) -> None:
        word = self.chance.choice(["resolved", "follow-up", "nonsense"])
        self.react(c.DispositionRequested(agent=agent, segment=segment, disposition=word))
