"""A seeded day: callers, mail writers, agents and two front ends against the shipped control center.

Everybody here lives by physical facts: a phone in a call is busy, a caller runs out of patience,
a front end dies with its calls going on in the media engine, news travels with a delay. What they
see of control are its committed events; what control sees of them are their commands. Nothing is
random but by the seed, so a failing day can be run again: `python -m tests.simulation.day SEED`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from callcenter.control.center import Control
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import (
    Agent,
    AgentChoice,
    Center,
    Channel,
    Plan,
    PlanStep,
    Queue,
)
from callcenter.domain.commands import CUSTOMER_OUTCOMES, OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    HOUR,
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
    seconds,
)
from tests.control.invariants import Watcher, check

START: Micros = 1_800_000_000 * SECOND
LENGTH = 2 * HOUR
FRONTENDS = (FrontendId("f1"), FrontendId("f2"))
SKILLS = ("english", "spanish", "billing")
QUEUES = ("sales", "billing", "mail")
AGENTS = 26
ENDS_OF_RINGING = [outcome for outcome in OfferOutcome if outcome not in CUSTOMER_OUTCOMES]
CHECK_EVERY = 61
"""Inputs between two looks at everything; the watcher reads every event."""


SALES_RINGS = Plan(
    sticky_seconds=30,
    steps=(
        PlanStep(after_seconds=30, lower={"english": 1}, raise_priority=1),
        PlanStep(after_seconds=60, drop=("english",), teams=("red",)),
        PlanStep(after_seconds=240, exit="closed"),
    ),
)
BILLING_RINGS = Plan(
    steps=(
        PlanStep(after_seconds=45, lower={"billing": 1}),
        PlanStep(after_seconds=120, queue=QueueId("sales")),
    )
)
CHOICES = (
    AgentChoice.LONGEST_IDLE,
    AgentChoice.MOST_SKILLED,
    AgentChoice.RING_ALL,
    AgentChoice.ROUND_ROBIN,
)
"""How agents of sales are chosen, by the version of the center."""


def people(number: int) -> tuple[Agent, ...]:
    chance = Random(number)
    return tuple(
        Agent(
            id=AgentId(f"a{n:02}"),
            name=f"Agent {n}",
            skills={s: chance.randint(1, 10) for s in SKILLS if chance.random() < 0.8},
            team=("red", "blue")[n % 2],
            occupancy_max=(0, 0, 70)[n % 3],
        )
        for n in range(number)
    )


def center(version: int) -> Center:
    """The configuration changes during the day: another skill level, fewer people, a queue less,
    another order of agents. Rings widen, overflow and end all day."""
    queues = [
        Queue(
            id=QueueId("sales"),
            title="Sales",
            skills={"english": 2 + version % 2},
            wrap_up_seconds=20,
            wait_seconds_max=600,
            plan=SALES_RINGS,
            agent_choice=CHOICES[version],
            ring_width=3,
            declines_max=version,
        ),
        Queue(
            id=QueueId("billing"),
            title="Billing",
            skills={"billing": 3},
            priority=6,
            waiting_max=25,
            wrap_up_seconds=15,
            plan=BILLING_RINGS,
            reserve=version % 2,
            preferred={"english": 4},
        ),
        Queue(id=QueueId("mail"), title="Mail", priority=3, wrap_up_seconds=0),
    ]
    if version == 2:
        del queues[1]
    return Center(
        skills=SKILLS,
        queues=tuple(queues),
        agents=people(AGENTS)[: AGENTS - 2 if version == 1 else AGENTS],
    )


@dataclass
class Person:
    """A contact as its front end knows it."""

    contact: ContactId
    channel: Channel
    home: Owner
    alive: bool = True
    waiting: bool = False
    segment: SegmentId | None = None
    agent: AgentId | None = None


@dataclass
class Owner:
    """A front end: its calls, the phones it hears, and whether it lives."""

    name: FrontendId
    epoch: int = 1
    up: bool = True
    lease: bool = True
    people: dict[ContactId, Person] = field(default_factory=dict)
    ringing: dict[OfferId, e.OfferMade] = field(default_factory=dict)
    unread: list[e.Event] = field(default_factory=list)
    last_sent: Micros = 0
    last_read: Micros = 0


class Day:
    """One day, hour by hour in a second. `center` is how it is configured, by version."""

    center: Callable[[int], Center] = staticmethod(center)

    def __init__(self, seed: int, contacts: int) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.control = Control(epoch=1)
        self.watcher = Watcher()
        self.snapshot = self.control.snapshot()
        self.since_snapshot: list[e.Event] = []
        self.now = START
        self.agenda: list[tuple[Micros, int, Callable[[], None]]] = []
        self.count = 0
        self.inputs = 0
        self.fed: list[tuple[int, e.Input, c.Command | None]] = []
        """Every input with the epoch of the leader that took it."""
        self.journal: list[e.Event] = []
        self.owners = {name: Owner(name) for name in FRONTENDS}
        self.phones = {a.id: self.chance.choice(FRONTENDS) for a in self.center(0).agents}
        self.in_call: Counter[AgentId] = Counter()
        self.facts: Counter[str] = Counter()
        self.begin(contacts)

    # --- time

    def at(self, when: Micros, what: Callable[[], None]) -> None:
        self.count += 1
        heappush(self.agenda, (when, self.count, what))

    def after(self, low: float, high: float, what: Callable[[], None]) -> None:
        self.at(self.now + seconds(self.chance.uniform(low, high)), what)

    def run(self) -> None:
        """To the end of the day, and on until everybody has gone."""
        while self.agenda:
            when = self.agenda[0][0]
            due = self.control.deadline
            if due is not None and due <= when:
                self.now = max(self.now, due)
                self.tick()
                continue
            self.now, _, what = heappop(self.agenda)
            what()
        while (due := self.control.deadline) is not None:
            self.now = max(self.now, due)
            self.tick()
        check(self.control, ringing_all=True)

    def begin(self, contacts: int) -> None:
        self.react(c.ConfigurationRequested(center=self.center(0), version="0", by="day"))
        for owner in self.owners.values():
            heard = tuple(a for a, home in self.phones.items() if home == owner.name)
            self.react(c.FrontendReported(frontend=owner.name, epoch=1, agents=heard))
        for agent in self.phones:
            self.after(0, 120, lambda agent=agent: self.log_in(agent))  # type: ignore[misc]
        for n in range(contacts):
            when = START + round(self.chance.random() * LENGTH)
            self.at(when, lambda n=n: self.arrive(ContactId(f"c{n}")))  # type: ignore[misc]
        for _ in range(contacts // 10):
            when = START + round(self.chance.random() * LENGTH)
            self.at(when, self.supervise)
        for version in (1, 2, 3):
            when = START + version * LENGTH // 4
            self.at(when, lambda v=version: self.configure(v))  # type: ignore[misc]
        for n in range(8):
            when = START + (n + 1) * LENGTH // 10
            self.at(when, lambda: self.crash(self.chance.choice(list(self.owners.values()))))
            self.at(when + 7 * SECOND, self.fail_over)

    # --- control, and what it says

    def note(self, kind: e.InputKind, command: c.Command | None = None, name: str = "") -> None:
        self.fed.append((self.control.epoch, e.Input(self.now, kind, name), command))

    def tick(self) -> None:
        self.note(e.InputKind.TICK)
        self.keep(self.control.tick(self.now))

    def react(self, command: c.Command) -> None:
        self.note(e.InputKind.COMMAND, command)
        self.keep(self.control.react(command, self.now))

    def keep(self, events: list[e.Event]) -> None:
        """Commit: into the journal, then to whoever acts on it."""
        self.inputs += 1
        self.journal += events
        self.since_snapshot += events
        several = sum(isinstance(event, e.OfferMade) for event in events) > 1
        started = any(isinstance(event, e.FrontendStarted) for event in events)
        self.watcher.read(self.control, events, orderly=not several and not started)
        if self.inputs % CHECK_EVERY == 0:
            check(self.control, ringing_all=True)
        if self.inputs % 997 == 0:
            self.snapshot, self.since_snapshot = self.control.snapshot(), []
        for owner in self.owners.values():
            for event in events:
                self.deliver(owner, event)

    def deliver(self, owner: Owner, event: e.Event) -> None:
        contact = getattr(event, "contact", None)
        if contact not in owner.people:
            return
        owner.last_read = max(owner.last_read, self.now + round(self.chance.random() * 40_000))

        def read() -> None:
            if owner.up:
                self.read(owner, event)
            else:
                owner.unread.append(event)

        self.at(owner.last_read, read)

    def fail_over(self) -> None:
        """The leader dies; a standby goes on from the last snapshot and the events after it."""
        self.facts["fail_over"] += 1
        tolerated = self.control.counters
        self.control = Control.restore(self.snapshot, epoch=self.control.epoch + 1)
        self.control.counters.update(tolerated)
        for event in self.since_snapshot:
            self.control.apply(event)

    def configure(self, version: int) -> None:
        center = self.center(version)
        self.react(c.ConfigurationRequested(center=center, version=str(version), by="day"))

    # --- supervisors

    def supervise(self) -> None:
        """Somebody at the wall moves, assigns, trains, opens and closes."""
        self.facts["supervised"] += 1
        contacts = sorted(self.control.state.contacts) or [ContactId("nobody")]
        contact, agent = self.chance.choice(contacts), self.chance.choice(list(self.phones))
        queue = QueueId(self.chance.choice(QUEUES))
        level = {self.chance.choice(SKILLS): self.chance.randint(0, 10)}
        skill, granted = next(iter(level.items()))
        expires = self.now + seconds(self.chance.uniform(60, 3000))
        kinds: list[c.Command] = [
            c.MoveRequested(contact=contact, queue=queue, by="sue"),
            c.MoveRequested(contact=contact, queue=queue, by="sue"),
            c.AssignRequested(contact=contact, agent=agent, by="sue"),
            c.AssignRequested(contact=contact, agent=agent, by="sue"),
            c.PriorityRequested(contact=contact, priority=self.chance.randint(0, 10)),
            c.SkillsRequested(agent=agent, skills=level if self.chance.random() < 0.5 else {}),
            c.TrainingRequested(
                agent=agent, course="c", date="2026-11-28", passed=True, trainer="t",
                skill=skill, level=granted, expires=expires,
            ),
            c.AnnouncementRequested(queue=queue, announcement="storm"),
        ]  # fmt: skip
        self.react(self.chance.choice(kinds))
        if self.chance.random() < 0.1:
            self.react(c.QueueCloseRequested(queue=queue, dismiss=self.chance.random() < 0.3))
            self.after(
                10, 60, lambda: self.react(c.QueueOpenRequested(queue=queue, follow_calendar=True))
            )

    # --- front ends

    def send(self, owner: Owner, command: c.Command) -> None:
        """Append to the command stream, in order."""
        owner.last_sent = max(owner.last_sent, self.now + round(self.chance.random() * 30_000))
        self.at(owner.last_sent, lambda: self.react(command))

    def act(self, owner: Owner, what: Callable[[], None]) -> None:
        """Something happens at a front end: now, or as soon as it lives again."""
        if owner.up:
            what()
        else:
            self.after(0.5, 1.5, lambda: self.act(owner, what))

    def read(self, owner: Owner, event: e.Event) -> None:
        if isinstance(event, e.ContactQueued):
            self.begin_waiting(owner.people[event.contact])
        elif isinstance(event, e.OfferMade):
            self.ring(owner, event)
        elif isinstance(event, e.OfferRescinded):
            owner.ringing.pop(event.offer, None)
        elif isinstance(event, e.ContactDequeued | e.QueueRefused):
            self.flow_goes_on(owner, owner.people[event.contact])
        elif isinstance(event, e.ContactEnded):
            self.forget(owner, event.contact)

    def crash(self, owner: Owner) -> None:
        """The process dies. Its calls go on; sometimes it needs longer than its lease, or longer
        than anybody's patience."""
        if not owner.up:
            return
        owner.up = False
        self.facts["crash"] += 1
        away = self.chance.choice([0.5, 2.0, 10.0, 45.0])
        if away > 1:
            self.after(1, 1.2, lambda: self.lease_ends(owner))
        self.after(away, away + 0.5, lambda: self.restart(owner))

    def lease_ends(self, owner: Owner) -> None:
        self.note(e.InputKind.LOST, name=owner.name)
        self.keep(self.control.frontend_lost(owner.name, self.now))

    def restart(self, owner: Owner) -> None:
        """It reads its records, names what it holds, then reads what it missed."""
        owner.epoch += 1
        for person in list(owner.people.values()):
            if person.alive and self.chance.random() < 0.03:
                self.facts["forgotten_by_crash"] += 1
                self.forget(owner, person.contact)
        command = c.FrontendReported(
            frontend=owner.name,
            epoch=owner.epoch,
            contacts=tuple(p.contact for p in owner.people.values() if p.alive),
            agents=tuple(a for a, home in self.phones.items() if home == owner.name),
            offers=tuple(owner.ringing),
        )
        self.send(owner, command)
        owner.up = True
        unread, owner.unread = owner.unread, []
        for event in unread:
            self.read(owner, event)

    def forget(self, owner: Owner, contact: ContactId) -> None:
        """The call is gone from this front end."""
        person = owner.people[contact]
        person.alive = False
        if person.segment and person.agent:
            self.in_call[person.agent] -= 1
            person.segment = None
        for offer in [o for o, made in owner.ringing.items() if made.contact == contact]:
            del owner.ringing[offer]

    # --- callers and writers

    def arrive(self, contact: ContactId) -> None:
        owner = self.owners[self.chance.choice(FRONTENDS)]
        channel = self.channel()
        self.act(owner, lambda: self.come_in(owner, contact, channel))

    def channel(self) -> Channel:
        return Channel.EMAIL if self.chance.random() < 0.25 else Channel.VOICE

    def come_in(self, owner: Owner, contact: ContactId, channel: Channel) -> None:
        person = owner.people[contact] = Person(contact, channel, owner)
        self.facts["arrived"] += 1
        self.send(
            owner,
            c.ContactReported(contact=contact, channel=channel, frontend=owner.name, dialled="100"),
        )
        menu = 0 if channel is Channel.EMAIL else 15
        self.after(0, menu, lambda: self.act(owner, lambda: self.want_to_wait(person)))
        if channel is Channel.VOICE and self.chance.random() < 0.03:
            self.after(
                0, 5, lambda: self.act(owner, lambda: self.end(person, Reason.CALLER_LEFT_IN_FLOW))
            )

    def want_to_wait(self, person: Person) -> None:
        if not person.alive or person.segment:
            return
        queue = "mail" if person.channel is Channel.EMAIL else self.chance.choice(QUEUES[:2])
        spanish = {"spanish": self.chance.randint(1, 6)} if self.chance.random() < 0.2 else {}
        priority = self.chance.choice([None, None, None, 8])
        known = self.chance.choice([*[""] * 12, *self.phones])
        self.send(
            person.home,
            c.QueueRequested(
                contact=person.contact,
                queue=QueueId(queue),
                skills=spanish,
                priority=priority,
                agent=AgentId(known),
            ),
        )

    def begin_waiting(self, person: Person) -> None:
        person.waiting = True
        if person.channel is Channel.VOICE:
            patience = self.chance.expovariate(1 / 120)
            self.after(
                patience,
                patience,
                lambda: self.act(person.home, lambda: self.lose_patience(person)),
            )

    def lose_patience(self, person: Person) -> None:
        if not person.alive or not person.waiting:
            return
        if self.chance.random() < 0.2:
            self.send(person.home, c.LeaveQueueRequested(contact=person.contact))
        else:
            self.end(person, Reason.CALLER_LEFT_IN_QUEUE)

    def flow_goes_on(self, owner: Owner, person: Person) -> None:
        """Refused, timed out or left by key: some try again, the rest hang up."""
        person.waiting = False
        if not person.alive or person.segment:
            return
        if self.chance.random() < 0.2:
            self.after(1, 20, lambda: self.act(owner, lambda: self.want_to_wait(person)))
        else:
            self.after(0, 3, lambda: self.act(owner, lambda: self.end(person, Reason.FLOW_HUNG_UP)))

    def end(self, person: Person, reason: Reason) -> None:
        if person.alive:
            self.forget(person.home, person.contact)
            self.send(
                person.home,
                c.ContactEndReported(contact=person.contact, termination=ended(reason)),
            )

    # --- ringing and talking

    def ring(self, owner: Owner, offer: e.OfferMade) -> None:
        person = owner.people[offer.contact]
        if not person.alive or offer.act_before <= self.now:
            return
        owner.ringing[offer.offer] = offer
        outcome = self.chance.choices(ENDS_OF_RINGING, weights=[86, 3, 2, 2, 5, 2])[0]
        if offer.channel is Channel.VOICE and self.in_call[offer.agent]:
            outcome = OfferOutcome.BUSY
        wait = 20.0 if outcome is OfferOutcome.EXPIRED else self.chance.uniform(0.5, 8)
        if self.chance.random() < 0.01:
            self.facts["slow_report"] += 1
            wait = 27.0
        self.after(wait, wait, lambda: self.act(owner, lambda: self.rang(owner, offer, outcome)))

    def rang(self, owner: Owner, offer: e.OfferMade, outcome: OfferOutcome) -> None:
        """The ringing ended, unless it was stopped before."""
        slow = offer.offer not in owner.ringing
        person = owner.people[offer.contact]
        if slow and not (self.chance.random() < 0.5 and self.free(offer.agent)):
            return
        owner.ringing.pop(offer.offer, None)
        if not person.alive or person.segment:
            return
        accepted = outcome is OfferOutcome.ACCEPTED
        if accepted and not self.free_for(offer):
            outcome, accepted = OfferOutcome.BUSY, False
        segment = SegmentId(f"s-{offer.offer}" if accepted else "")
        self.send(
            owner,
            c.OfferReported(
                offer=offer.offer,
                contact=offer.contact,
                agent=offer.agent,
                outcome=outcome,
                segment=segment,
            ),
        )
        if accepted:
            self.release_others(owner, offer)
            self.talk(person, offer, segment)

    def release_others(self, owner: Owner, taken: e.OfferMade) -> None:
        """The first answer has it: the other phones stop, and nothing is reported of them."""
        for offer in [o for o, made in owner.ringing.items() if made.contact == taken.contact]:
            self.facts["rang_beside"] += 1
            del owner.ringing[offer]

    def free(self, agent: AgentId) -> bool:
        """Has she nothing at all in hand, as control and as her phone see it?"""
        state = self.control.state.agents.get(agent)
        return self.in_call[agent] == 0 and (state is None or not state.segments)

    def free_for(self, offer: e.OfferMade) -> bool:
        return offer.channel is not Channel.VOICE or self.in_call[offer.agent] == 0

    def talk(self, person: Person, offer: e.OfferMade, segment: SegmentId) -> None:
        person.waiting, person.segment, person.agent = False, segment, offer.agent
        self.in_call[offer.agent] += 1
        length = self.chance.expovariate(1 / 150)
        self.after(
            length, length, lambda: self.act(person.home, lambda: self.hang_up(person, segment))
        )

    def hang_up(self, person: Person, segment: SegmentId) -> None:
        """Either side ends it; some calls go on in the flow and wait again."""
        agent = person.agent
        if not person.alive or person.segment != segment or agent is None:
            return
        by_agent = self.chance.random() < 0.5
        reason = Reason.AGENT_HUNG_UP if by_agent else Reason.CALLER_HUNG_UP
        if self.chance.random() < 0.9:
            self.send(
                person.home,
                c.SegmentEndReported(
                    contact=person.contact,
                    segment=segment,
                    agent=agent,
                    termination=ended(reason),
                ),
            )
            if by_agent and self.chance.random() < 0.1:
                self.in_call[agent] -= 1
                person.segment = None
                self.want_to_wait(person)
                return
        self.end(person, reason)
        self.after(1, 40, lambda: self.finish(agent))

    # --- agents

    def log_in(self, agent: AgentId) -> None:
        self.ask(agent, Presence.READY)
        self.after(600, 3000, lambda: self.take_a_break(agent))
        self.after(600, 6000, lambda: self.lose_phone(agent))

    def ask(self, agent: AgentId, presence: Presence, reason: str = "") -> None:
        self.react(c.PresenceRequested(agent=agent, presence=presence, reason=reason))

    def take_a_break(self, agent: AgentId) -> None:
        if self.now > START + LENGTH:
            return
        if self.chance.random() < 0.2:
            self.ask(agent, Presence.LOGGED_OUT)
        else:
            self.ask(agent, Presence.NOT_READY, "break")
        self.after(60, 600, lambda: self.ask(agent, Presence.READY))
        self.after(900, 3000, lambda: self.take_a_break(agent))

    def lose_phone(self, agent: AgentId) -> None:
        """Her phone re-registers somewhere after a while."""
        self.react(c.PhoneReported(agent=agent, frontend=self.phones[agent], reachable=False))
        self.after(5, 120, lambda: self.phone_returns(agent))

    def phone_returns(self, agent: AgentId) -> None:
        self.phones[agent] = self.chance.choice(FRONTENDS)
        self.react(c.PhoneReported(agent=agent, frontend=self.phones[agent], reachable=True))

    def finish(self, agent: AgentId) -> None:
        """End wrap-up early, and come back from whatever the phone was blamed for."""
        self.react(c.WrapUpEndRequested(agent=agent))
        state = self.control.state.agents.get(agent)
        if state is None or not state.reachable_by:
            self.phone_returns(agent)
        if state is not None and state.reason in ("rona", "declined"):
            self.after(20, 60, lambda: self.ask(agent, Presence.READY))


def books(journal: list[e.Event]) -> Counter[str]:
    """Every visit begun and how each ended."""
    told: Counter[str] = Counter()
    for event in journal:
        if isinstance(event, e.ContactQueued):
            told["offered"] += 1
        elif isinstance(event, e.ContactMoved):
            told["flowed_out"] += 1
            told["offered"] += 1
            told["moved"] += 1
        elif isinstance(event, e.SegmentStarted):
            told["answered"] += 1
        elif isinstance(event, e.ContactDequeued):
            told["flowed_out"] += 1
        elif isinstance(event, e.ContactEnded):
            told["ended"] += 1
            told["abandoned" if event.visit else "left_elsewhere"] += 1
        else:
            told[type(event).__name__] += 1
    return told


def main() -> None:
    """Run one seed and say what happened."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    day = Day(seed, int(sys.argv[2]) if len(sys.argv) > 2 else 3000)
    day.run()
    sys.stdout.write(f"{dict(books(day.journal))}\n{dict(day.facts)}\n")
    sys.stdout.write(f"{dict(day.control.counters)}\n")


if __name__ == "__main__":
    main()
