"""A small center to tell stories with: control, a clock that moves when told, and its journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.control.center import Control
from callcenter.control.state import ContactState
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Center, Channel, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    SECOND,
    AgentId,
    CommandId,
    ContactId,
    FrontendId,
    LetterId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
    seconds,
)

START: Micros = 1_800_000_000 * SECOND
F = FrontendId("f1")
T = TypeVar("T", bound=e.Evt)


def queue(name: str = "sales", **settings: object) -> Queue:
    return Queue(id=QueueId(name), title=name, **settings)  # type: ignore[arg-type]


def agent(name: str, **skills: int) -> Agent:
    return Agent(id=AgentId(name), name=name.title(), skills=skills)


def member(name: str, settings: dict[str, object] | None = None, **skills: int) -> Agent:
    """An agent with more than skills: team, site, capacity, ceiling."""
    return msgspec.structs.replace(agent(name, **skills), **(settings or {}))


def center(
    *agents: Agent, queues: tuple[Queue, ...] = (), skills: tuple[str, ...] = ("english",)
) -> Center:
    return Center(skills=skills, queues=queues or (queue(),), agents=agents)


@dataclass
class House:
    """Control and everything it said, with words for what people do."""

    control: Control = field(default_factory=lambda: Control(epoch=1))
    now: Micros = START
    journal: list[e.Event] = field(default_factory=list)
    inputs: list[e.Input] = field(default_factory=list)
    commands: list[tuple[str, c.Command]] = field(default_factory=list)

    def tell(self, command: c.Command, source: str = "") -> list[e.Event]:
        self.inputs.append(e.Input(self.now))
        self.commands.append((source, command))
        return self._keep(self.control.react(command, self.now, source=source))

    def _keep(self, events: list[e.Event]) -> list[e.Event]:
        self.journal += events
        return events

    def wait(self, span: float) -> list[e.Event]:
        """Let time pass, ticking whenever a deadline comes."""
        end = self.now + seconds(span)
        said: list[e.Event] = []
        while (due := self.control.deadline) is not None and due <= end:
            self.now = max(self.now, due)
            self.inputs.append(e.Input(self.now, e.InputKind.TICK))
            said += self._keep(self.control.tick(self.now))
        self.now = end
        return said

    def lose(self, frontend: FrontendId = F) -> list[e.Event]:
        self.inputs.append(e.Input(self.now, e.InputKind.LOST, frontend))
        return self._keep(self.control.frontend_lost(frontend, self.now))

    # --- what people do

    def open(self, center: Center, *, ready: bool = True) -> House:
        """Configure, start the front end, hear every phone and make everybody ready."""
        self.configure(center)
        self.start(agents=tuple(a.id for a in center.agents))
        for a in center.agents if ready else ():
            self.presence(a.id, Presence.READY)
            self.now += SECOND
        return self

    def configure(self, center: Center, version: str = "1") -> list[e.Event]:
        return self.tell(
            c.ConfigurationRequested(
                center=center, version=version, by="test", request=CommandId(f"configure-{version}")
            )
        )

    def start(
        self,
        contacts: tuple[str, ...] = (),
        agents: tuple[str, ...] = (),
        offers: tuple[str, ...] = (),
        epoch: int = 1,
        frontend: FrontendId = F,
        faxes: tuple[str, ...] = (),
    ) -> list[e.Event]:
        return self.tell(
            c.FrontendReported(
                frontend=frontend,
                faxes=tuple(map(ContactId, faxes)),
                epoch=epoch,
                contacts=tuple(map(ContactId, contacts)),
                agents=tuple(map(AgentId, agents)),
                offers=tuple(map(OfferId, offers)),
            )
        )

    def presence(self, name: str, presence: Presence, reason: str = "") -> list[e.Event]:
        return self.tell(
            c.PresenceRequested(
                agent=AgentId(name),
                presence=presence,
                reason=reason,
                request=CommandId(f"{name}-{presence}"),
            )
        )

    def arrive(
        self, contact: str, channel: Channel = Channel.VOICE, frontend: FrontendId = F
    ) -> list[e.Event]:
        return self.tell(
            c.ContactReported(
                contact=ContactId(contact), channel=channel, frontend=frontend, dialled="100"
            )
        )

    def enqueue(self, contact: str, queue: str = "sales", **settings: object) -> list[e.Event]:
        command = c.QueueRequested(
            contact=ContactId(contact),
            queue=QueueId(queue),
            **settings,  # type: ignore[arg-type]
        )
        return self.tell(command)

    def call(
        self,
        contact: str,
        queue: str = "sales",
        channel: Channel = Channel.VOICE,
        **settings: object,
    ) -> list[e.Event]:
        """Arrive and ask to wait."""
        return self.arrive(contact, channel) + self.enqueue(contact, queue, **settings)

    def report(
        self, contact: str, outcome: OfferOutcome, offer: e.OfferMade | None = None
    ) -> list[e.Event]:
        """The owner reports how the open offer of a contact (or the given one) ended."""
        made = offer or self.offer_of(contact)
        assert made is not None
        accepted = outcome is OfferOutcome.ACCEPTED
        return self.tell(
            c.OfferReported(
                offer=made.offer,
                contact=made.contact,
                agent=made.agent,
                outcome=outcome,
                segment=SegmentId(f"s-{made.offer}" if accepted else ""),
            )
        )

    def accept(self, contact: str) -> list[e.Event]:
        return self.report(contact, OfferOutcome.ACCEPTED)

    def hang_up(self, contact: str, reason: Reason = Reason.CALLER_HUNG_UP) -> list[e.Event]:
        return self.tell(
            c.ContactEndReported(contact=ContactId(contact), termination=ended(reason))
        )

    def leave(self, contact: str) -> list[e.Event]:
        return self.tell(c.LeaveQueueRequested(contact=ContactId(contact)))

    def call_back(
        self,
        origin: str,
        contact: str,
        queue: str = "sales",
        frontend: FrontendId = F,
        **settings: object,
    ) -> list[e.Event]:
        """The caller of `origin` asks to be called back."""
        waits = c.QueueRequested(
            contact=ContactId(contact),
            queue=QueueId(queue),
            **settings,  # type: ignore[arg-type]
        )
        return self.tell(
            c.CallbackRequested(origin=ContactId(origin), frontend=frontend, waits=waits)
        )

    def phone(self, name: str, reachable: bool, frontend: FrontendId = F) -> list[e.Event]:
        return self.tell(
            c.PhoneReported(agent=AgentId(name), frontend=frontend, reachable=reachable)
        )

    def end_wrap_up(self, name: str, segment: str = "") -> list[e.Event]:
        return self.tell(
            c.WrapUpEndRequested(
                agent=AgentId(name), segment=SegmentId(segment), request=CommandId("wrap")
            )
        )

    def request(self, command: c.Command) -> e.CommandAnswered:
        """Ask for something and get the answer."""
        return one(self.tell(command), e.CommandAnswered)

    def move(self, contact: str, queue: str) -> e.CommandAnswered:
        return self.request(
            c.MoveRequested(contact=ContactId(contact), queue=QueueId(queue), by="sue")
        )

    def hand_on(self, contact: str, by: str, *, queue: str = "", to: str = "") -> e.CommandAnswered:
        """An agent transfers the caller she has."""
        command = c.TransferRequested(
            contact=ContactId(contact), agent=AgentId(by), queue=QueueId(queue), to=AgentId(to)
        )
        return self.request(command)

    def ask_in(self, contact: str, by: str, to: str) -> e.CommandAnswered:
        """An agent asks a colleague while her caller holds the line."""
        command = c.ConsultRequested(contact=ContactId(contact), agent=AgentId(by), to=AgentId(to))
        return self.request(command)

    def pick_up(self, contact: str, by: str) -> e.CommandAnswered:
        """A free agent takes somebody who rings at a colleague."""
        return self.request(c.PickUpRequested(contact=ContactId(contact), agent=AgentId(by)))

    def asked_reports(self, contact: str, outcome: OfferOutcome) -> list[e.Event]:
        """The owner tells what became of asking the colleague."""
        offer = self.contact(contact).asked_in
        found = self.control.state.offers[offer]
        accepted = outcome is OfferOutcome.ACCEPTED
        return self.tell(
            c.OfferReported(
                offer=offer,
                contact=ContactId(contact),
                agent=found.agent,
                outcome=outcome,
                segment=SegmentId(f"s-{offer}" if accepted else ""),
                beside=True,
            )
        )

    def hand_over(self, contact: str) -> list[e.Event]:
        """The agent leaves her caller to the last colleague she brought in."""
        found = self.contact(contact)
        to = found.beside[-1] if found.beside else SegmentId("")
        return self.tell(c.HandOverReported(contact=found.id, segment=found.segment, to_segment=to))

    def act(self, contact: str, by: str, act: c.CallAct) -> e.CommandAnswered:
        """An agent does something to the call she has."""
        return self.request(
            c.CallActRequested(contact=ContactId(contact), agent=AgentId(by), act=act)
        )

    def assign(self, contact: str, name: str, seconds: int = 120) -> e.CommandAnswered:
        return self.request(
            c.AssignRequested(
                contact=ContactId(contact), agent=AgentId(name), seconds=seconds, by="sue"
            )
        )

    def prioritise(self, contact: str, priority: int) -> e.CommandAnswered:
        return self.request(
            c.PriorityRequested(contact=ContactId(contact), priority=priority, by="sue")
        )

    def teach(self, name: str, **skills: int) -> e.CommandAnswered:
        """Change skills by hand."""
        return self.request(c.SkillsRequested(agent=AgentId(name), skills=skills, by="sue"))

    def train(
        self, name: str, skill: str = "", level: int = 0, expires: Micros = 0, **settings: object
    ) -> e.CommandAnswered:
        words: dict[str, object] = {
            "course": "first-aid",
            "date": "2026-11-28",
            "trainer": "t7",
            "passed": True,
            **settings,
        }
        command = c.TrainingRequested(
            agent=AgentId(name),
            skill=skill,
            level=level,
            expires=expires,
            by="sue",
            **words,  # type: ignore[arg-type]
        )
        return self.request(command)

    # --- documents

    def document(
        self, contact: str, queue: str = "sales", channel: Channel = Channel.EMAIL,
        reply_to: str = "", **settings: object,
    ) -> list[e.Event]:  # fmt: skip
        """Something to read arrives and is to wait."""
        said = self.tell(
            c.ContactReported(
                contact=ContactId(contact), channel=channel, frontend=FrontendId(""),
                dialled="office", blob="0" * 64, reply_to=ContactId(reply_to),
            )
        )  # fmt: skip
        return said + self.enqueue(contact, queue, **settings)

    def take(self, contact: str, *, accept: bool = True, name: str = "") -> e.CommandAnswered:
        """She answers, at her desk, the offer of a document."""
        made = self.offer_of(contact)
        return self.request(
            c.OfferAnswerRequested(
                offer=made.offer if made else OfferId("none"),
                agent=AgentId(name or (made.agent if made else "")), accept=accept,
            )
        )  # fmt: skip

    def put_aside(self, contact: str, name: str, span: float = 0) -> e.CommandAnswered:
        until = self.now + seconds(span) if span else 0
        return self.request(
            c.PutAsideRequested(contact=ContactId(contact), agent=AgentId(name), until=until)
        )

    def write(self, contact: str, number: int = 1, span: float = 10) -> e.CommandAnswered:
        """Ann writes to the customer; she may take it back for so long."""
        return self.request(
            c.LetterRequested(
                letter=LetterId(f"{contact}.{number}"), contact=ContactId(contact), blob="1" * 64,
                agent=AgentId("ann"), not_before=self.now + seconds(span),
            )
        )  # fmt: skip

    def take_back(self, letter: str) -> e.CommandAnswered:
        return self.request(c.LetterCancelRequested(letter=LetterId(letter), agent=AgentId("ann")))

    def sent(self, letter: str, stage: c.LetterStage, reason: str = "") -> list[e.Event]:
        return self.tell(c.LetterReported(letter=LetterId(letter), stage=stage, reason=reason))

    def done(self, contact: str, name: str, disposition: str = "") -> e.CommandAnswered:
        return self.request(
            c.DoneRequested(
                contact=ContactId(contact), agent=AgentId(name), disposition=disposition
            )
        )

    # --- what is to be seen

    def rung_all(self, contact: str) -> list[str]:
        """Everybody who is being rung for this contact."""
        offers = self.control.state.offers
        return [offers[offer].agent for offer in self.contact(contact).live]

    def contact(self, contact: str) -> ContactState:
        return self.control.state.contacts[ContactId(contact)]

    def agent(self, name: str) -> AgentState:
        return self.control.state.agents[AgentId(name)]

    def offer_of(self, contact: str) -> e.OfferMade | None:
        """The open offer of a contact."""
        open_offer = self.contact(contact).offer
        return next((o for o in self.all(e.OfferMade) if o.offer == open_offer), None)

    def rung(self, contact: str) -> str:
        """Who is being rung for this contact; empty when nobody."""
        offer = self.offer_of(contact)
        return offer.agent if offer else ""

    def all(self, kind: type[T]) -> list[T]:
        return only(self.journal, kind)


def only(events: list[e.Event], kind: type[T]) -> list[T]:
    return [event for event in events if isinstance(event, kind)]


def one(events: list[e.Event], kind: type[T]) -> T:
    """The only event of its kind."""
    found = only(events, kind)
    assert len(found) == 1, events
    return found[0]
