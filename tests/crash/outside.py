"""Everybody outside of the control center: front ends, callers, agents; and their own books.

They live by what is committed and nothing else, in steps: read the new events, then append what
follows to the command stream. Between two steps no time passes, so the same seed makes the same
story, and a leader may die at any place of it. Sometimes an envelope is appended twice, as by a
writer whose answer was lost; once something unreadable is; once a front end begins anew.

Why: the books kept here are of what people did and were told. That they agree with the journal's
own counts is the proof; nothing of control is asked.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random

from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import read_batches
from callcenter.adapters.store.resp import Connection, pack
from callcenter.adapters.store.wire import read_batch
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Channel, Number, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, ContactId, FrontendId, OfferId, QueueId, SegmentId

FRONTENDS = (FrontendId("frontend-0"), FrontendId("frontend-1"))
SKILLS = {"ana": ("sales",), "ben": ("sales", "billing"), "cid": ("billing",), "dee": ("sales",)}
AGENTS = tuple(AgentId(name) for name in SKILLS)
VOICE_QUEUES = (QueueId("sales"), QueueId("billing"))
MAIL = QueueId("mail")
NO_SEGMENT, NO_AGENT = SegmentId(""), AgentId("")
NOBODY_CAN = "telepathy"
UNREADABLE = b"\xff not an envelope"

CENTER = Center(
    skills=("sales", "billing", NOBODY_CAN),
    queues=(
        Queue(id=VOICE_QUEUES[0], title="Sales", skills={"sales": 1}, wrap_up_seconds=60),
        Queue(id=VOICE_QUEUES[1], title="Billing", skills={"billing": 2}, reserve=1),
        Queue(id=MAIL, title="Mail", wrap_up_seconds=0),
    ),
    agents=tuple(
        Agent(
            id=name, name=name, skills=dict.fromkeys(SKILLS[name], 5), capacity={Channel.EMAIL: 2}
        )
        for name in AGENTS
    ),
    numbers=(Number(number="100", flow="main"),),
)


@dataclass
class Person:
    """A contact as its front end knows it."""

    contact: ContactId
    home: FrontendId
    channel: Channel
    queue: QueueId
    alive: bool = True
    waiting: bool = False
    stays: bool = False
    """Waits for something that nobody can."""
    segment: SegmentId = NO_SEGMENT
    agent: AgentId = NO_AGENT
    rings: dict[OfferId, AgentId] = field(default_factory=dict)
    left: int = 0
    """Steps until the talk is over."""


class Outside:
    """`contacts` come by and by; `step` until it says that nothing is left to happen."""

    def __init__(self, seed: int, contacts: int) -> None:
        self.chance = Random(seed)
        self.to_come = contacts
        self.steps = 0
        self.read_seq = 0
        self.batches: list[e.Batch] = []
        """Everything that was ever committed, in order."""
        self.people: dict[ContactId, Person] = {}
        self.books: dict[QueueId, Counter[str]] = {q.id: Counter() for q in CENTER.queues}
        self.asked: Counter[str] = Counter()
        """How many commands each source ever asked for."""
        self._epochs = dict.fromkeys((FrontendId("web"), *FRONTENDS), 1)
        self._sequences: Counter[str] = Counter()
        self._out: dict[str, deque[c.Command]] = {name: deque() for name in self._epochs}
        self._seeded = False

    # --- the journal ---------------------------------------------------------------------------

    def step(self, connection: Connection, keys: Keys) -> bool:
        """Read what is new, act on it, append; whether anything was appended."""
        self.steps += 1
        if not self._seeded:
            self._begin(connection, keys)
        self.read(connection, keys)
        if self.steps == 20:
            self._begin_anew(FRONTENDS[1])
        self._live()
        return self._append(connection, keys)

    def read(self, connection: Connection, keys: Keys) -> None:
        """Hear what was committed since the last time."""
        for _, data in read_batches(connection, keys, self.read_seq, 10_000):
            batch = read_batch(data)
            self.batches.append(batch)
            self.read_seq = batch.seq
            for event in batch.events:
                self._told(event)

    def _begin(self, connection: Connection, keys: Keys) -> None:
        self._seeded = True
        for frontend in FRONTENDS:
            connection.call("SET", keys.frontend_lease(frontend), 1)
        self._ask("web", c.ConfigurationRequested(center=CENTER, version="file:1", by="test"))
        for number, frontend in enumerate(FRONTENDS):
            self._ask(
                frontend,
                c.FrontendReported(frontend=frontend, epoch=1, agents=AGENTS[number::2]),
            )
        for agent in AGENTS:
            self._ask("web", c.PresenceRequested(agent=agent, presence=Presence.READY))

    def _begin_anew(self, frontend: FrontendId) -> None:
        """Its process was replaced: another epoch, and it names what it holds."""
        self._epochs[frontend] += 1
        self._sequences[frontend] = 0
        mine = [p for p in self.people.values() if p.alive and p.home == frontend]
        self._out[frontend].appendleft(
            c.FrontendReported(
                frontend=frontend,
                epoch=self._epochs[frontend],
                contacts=tuple(person.contact for person in mine),
                agents=AGENTS[FRONTENDS.index(frontend) :: 2],
                offers=tuple(offer for person in mine for offer in person.rings),
            )
        )

    def _ask(self, source: str, command: c.Command) -> None:
        self._out[source].append(command)

    def _append(self, connection: Connection, keys: Keys) -> bool:
        """All in one step, so that it is read in one."""
        entries = [UNREADABLE] if self.steps == 12 else []
        for source, waiting in self._out.items():
            if not waiting:
                continue
            commands = tuple(waiting)
            waiting.clear()
            first = self._sequences[source] + 1
            self._sequences[source] += len(commands)
            self.asked[source] += len(commands)
            envelope = c.Envelope(source, self._epochs[FrontendId(source)], first, 0, commands)
            twice = self.chance.random() < 0.1
            entries += [c.encode_envelope(envelope)] * (2 if twice else 1)
        added = [pack("XADD", keys.cmds, "*", "e", entry) for entry in entries]
        connection.calls([pack("MULTI"), *added, pack("EXEC")])
        return bool(added)

    # --- what they are told --------------------------------------------------------------------

    def _told(self, event: e.Event) -> None:
        if isinstance(event, e.OfferMade):
            person = self.people[event.contact]
            if person.alive and person.waiting:
                person.rings[event.offer] = event.agent
        elif isinstance(event, e.OfferRescinded):
            self.people[event.contact].rings.pop(event.offer, None)
        elif isinstance(event, e.WrapUpStarted):
            self._ask("web", c.WrapUpEndRequested(agent=event.agent))
        elif isinstance(event, e.PresenceChanged) and event.presence is Presence.NOT_READY:
            self._ask("web", c.PresenceRequested(agent=event.agent, presence=Presence.READY))

    # --- what they do --------------------------------------------------------------------------

    def _live(self) -> None:
        """A step of everybody's life. Where nothing would happen, somebody loses patience."""
        if self.to_come and self.chance.random() < 0.7:
            self._arrive()
        for person in list(self.people.values()):
            self._go_on(person)
        if any(self._out.values()):
            return
        if self.to_come:
            self._arrive()
            return
        talking = [p for p in self.people.values() if p.alive and p.segment]
        waiting = [p for p in self.people.values() if p.alive and p.waiting and not p.stays]
        if talking:
            self._hang_up(talking[0])
        elif waiting:
            self._lose_patience(waiting[0])

    def _arrive(self) -> None:
        number = self.to_come
        self.to_come -= 1
        home = self.chance.choice(FRONTENDS)
        mail = self.chance.random() < 0.3
        person = Person(
            ContactId(f"c{number}"),
            home,
            Channel.EMAIL if mail else Channel.VOICE,
            MAIL if mail else self.chance.choice(VOICE_QUEUES),
            stays=number % 7 == 0,
        )
        self.people[person.contact] = person
        self._ask(
            home,
            c.ContactReported(
                contact=person.contact, channel=person.channel, frontend=home, dialled="100"
            ),
        )
        self._want_to_wait(person)

    def _want_to_wait(self, person: Person) -> None:
        person.waiting = True
        self.books[person.queue]["offered"] += 1
        needs = {NOBODY_CAN: 1} if person.stays else {}
        self._ask(
            person.home,
            c.QueueRequested(contact=person.contact, queue=person.queue, skills=needs),
        )

    def _go_on(self, person: Person) -> None:
        if person.rings:
            offer, agent = person.rings.popitem()
            self._rang(person, offer, agent)
        elif person.segment:
            person.left -= 1
            if person.left < 0:
                self._hang_up(person)
        elif person.waiting and not person.stays and self.chance.random() < 0.04:
            self._lose_patience(person)

    def _rang(self, person: Person, offer: OfferId, agent: AgentId) -> None:
        outcomes = [OfferOutcome.ACCEPTED, OfferOutcome.DECLINED, OfferOutcome.EXPIRED]
        outcome = self.chance.choices(outcomes, weights=[8, 1, 1])[0]
        accepted = outcome is OfferOutcome.ACCEPTED
        if accepted:
            person.waiting, person.agent = False, agent
            person.segment = SegmentId(f"s-{offer}")
            person.left = self.chance.randint(0, 3)
            self.books[person.queue]["answered"] += 1
        self._ask(
            person.home,
            c.OfferReported(
                offer=offer,
                contact=person.contact,
                agent=agent,
                outcome=outcome,
                segment=person.segment,
            ),
        )

    def _hang_up(self, person: Person) -> None:
        """The agent ends it, and the caller goes or waits once more; or the caller ends it."""
        by_agent = self.chance.random() < 0.4
        reason = ended(Reason.AGENT_HUNG_UP if by_agent else Reason.CALLER_HUNG_UP)
        self._ask(
            person.home,
            c.SegmentEndReported(
                contact=person.contact,
                segment=person.segment,
                agent=person.agent,
                termination=reason,
            ),
        )
        self.books[person.queue]["handled"] += 1
        person.segment = NO_SEGMENT
        if by_agent and self.chance.random() < 0.3:
            self._want_to_wait(person)
        else:
            self._end(person, Reason.AGENT_HUNG_UP if by_agent else Reason.CALLER_HUNG_UP)

    def _lose_patience(self, person: Person) -> None:
        self.books[person.queue]["abandoned"] += 1
        self._end(person, Reason.CALLER_LEFT_IN_QUEUE)

    def _end(self, person: Person, reason: Reason) -> None:
        person.alive, person.waiting = False, False
        person.rings.clear()
        self._ask(
            person.home,
            c.ContactEndReported(contact=person.contact, termination=ended(reason)),
        )
