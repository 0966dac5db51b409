"""One contact's story: a record per contact, a record per segment, and a timeline in words.

What happens here: `Stories` follows every living contact, notes its steps (`Step`, a code and its
words' facts) and hands out records when it ends, and again when the work after it is done.

Why: "why did this caller wait" must be answered from one row, years later, without the journal.
Steps are kept as codes and facts, and put into words in one table, so that the words can be
improved or translated without touching the past. Nothing personal is in them: a `party` names the
number, which lives elsewhere and can be erased.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import CUSTOMER_OUTCOMES
from callcenter.domain.termination import Termination
from callcenter.domain.units import (
    AgentId,
    ContactId,
    CustomerId,
    FrontendId,
    Micros,
    PartyId,
    QueueId,
    SegmentId,
)
from callcenter.records.visits import Visit

STEPS_MAX = 300
"""A contact with more steps than this keeps the first ones and a note."""


class Step(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """One line of a timeline: when, which template, and what goes into it."""

    at: Micros
    code: str
    facts: dict[str, Any] = {}


class SegmentRecord(msgspec.Struct, kw_only=True):
    """One agent's part in one contact."""

    segment: SegmentId
    contact: ContactId
    agent: AgentId
    queue: QueueId
    channel: Channel
    started: Micros
    ended: Micros = 0
    waited: Micros = 0
    talked: Micros = 0
    held: Micros = 0
    wrapped: Micros = 0
    disposition: str = ""
    result: str = ""
    reason: str = ""


class ContactRecord(msgspec.Struct, kw_only=True):
    """One contact, from arrival to end."""

    contact: ContactId
    channel: Channel
    frontend: FrontendId
    dialled: str
    party: PartyId
    customer: CustomerId = CustomerId("")
    flow: str = ""
    revision: str = ""
    arrived: Micros
    ended: Micros = 0
    queue: QueueId = QueueId("")
    """The last queue it waited in."""
    agent: AgentId = AgentId("")
    """The last agent."""
    visits: int = 0
    waited: Micros = 0
    """In all queues together."""
    talked: Micros = 0
    offers: int = 0
    unanswered: int = 0
    attributes: dict[str, str] = {}
    result: str = ""
    reason: str = ""
    origin: ContactId = ContactId("")
    """Of a callback: the contact whose caller asked for it. The two are one conversation."""
    steps: list[Step] = []

    @property
    def parties(self) -> tuple[PartyId, ...]:
        """Whose numbers it names: its caller's, and those that were dialled outside for it."""
        others = (step.facts.get("party", "") for step in self.steps if step.code == "outside")
        named = dict.fromkeys([self.party, *(PartyId(str(party)) for party in others)])
        return tuple(party for party in named if party)


class Story(msgspec.Struct, kw_only=True):
    """A contact that is followed: until it has ended and all work after it is done."""

    record: ContactRecord
    segments: dict[SegmentId, SegmentRecord] = {}
    wrapping: list[SegmentId] = []


class StoryData(msgspec.Struct, kw_only=True):
    """The stories that are not over, as they go into a snapshot."""

    stories: dict[ContactId, Story] = {}


class Finished(msgspec.Struct, kw_only=True):
    """What is to be written: rows as they are now, and dispositions that came late."""

    contacts: list[ContactRecord] = []
    segments: list[SegmentRecord] = []
    dispositions: list[e.DispositionSet] = []


class Stories:
    """The fold that makes records."""

    def __init__(self, data: StoryData | None = None) -> None:
        self.data = data or StoryData()
        self._finished = Finished()

    def take(self) -> Finished:
        """Everything finished or changed since the last call."""
        finished, self._finished = self._finished, Finished()
        return finished

    def steps_of(self, contact: ContactId) -> list[Step] | None:
        """The timeline of a contact that is not over."""
        story = self.data.stories.get(contact)
        return story.record.steps if story else None

    def apply(self, event: e.Event, visit: Visit | None = None) -> None:
        """Follow one event; `visit` is what `LiveState.apply` said about it."""
        fold = FOLDS.get(type(event))
        if fold is not None:
            story = self.data.stories.get(event.contact)  # type: ignore[union-attr]
            moved = type(event) is e.ContactMoved  # what it has waited counts on in the next visit
            if visit is not None and story is not None and not moved:
                story.record.waited += visit.waited
            fold(self, event, story)

    def arrived(self, event: e.ContactArrived, _story: Story | None) -> None:
        record = ContactRecord(
            contact=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            dialled=event.dialled,
            party=event.party,
            arrived=event.at,
            steps=[Step(event.at, "arrived", {"dialled": event.dialled, "channel": event.channel})],
        )
        self.data.stories[event.contact] = Story(record=record)

    def placed(self, event: e.ContactPlaced, _story: Story | None) -> None:
        record = ContactRecord(
            contact=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            dialled=event.dialled,
            party=event.party,
            arrived=event.at,
            origin=event.origin,
            agent=event.agent,
            steps=[_placed(event)],
        )
        self.data.stories[event.contact] = Story(record=record)
        before = self.data.stories.get(event.origin)
        if before is not None:
            _note(before, event.at, "callback", contact=event.contact)

    def fax_placed(self, event: e.FaxPlaced, _story: Story | None) -> None:
        record = ContactRecord(
            contact=event.contact,
            channel=Channel.FAX,
            frontend=FrontendId(""),
            dialled=event.caller,
            party=event.party,
            arrived=event.at,
            origin=event.origin,
            steps=[Step(event.at, "faxed", {"pages": event.pages, "by": event.agent or event.by})],
        )
        self.data.stories[event.contact] = Story(record=record)
        before = self.data.stories.get(event.origin)
        if before is not None:
            _note(before, event.at, "answered_by_fax", contact=event.contact)

    def callback_refused(self, event: e.CallbackRefused, _story: Story | None) -> None:
        before = self.data.stories.get(event.origin)
        if before is not None:
            _note(
                before, event.at, "callback_refused", queue=event.queue, reason=event.reason
            )  # fmt: skip

    def flow_started(self, event: e.FlowStarted, story: Story | None) -> None:
        if story is not None:
            story.record.flow, story.record.revision = event.flow, event.revision
            _note(story, event.at, "flow", flow=event.flow, revision=event.revision[:12])

    def customer(self, event: e.CustomerIdentified, story: Story | None) -> None:
        if story is not None:
            story.record.customer = event.customer
            _note(story, event.at, "customer", customer=event.customer)

    def queued(self, event: e.ContactQueued, story: Story | None) -> None:
        if story is not None:
            record = story.record
            record.queue, record.visits, record.attributes = (
                event.queue, event.visit, event.attributes,
            )  # fmt: skip
            _note(
                story, event.at, "queued",
                queue=event.queue, priority=event.priority, skills=event.skills,
                **{n: v for n in ("agent", "announcement") if (v := getattr(event, n))},
            )  # fmt: skip

    def moved(self, event: e.ContactMoved, story: Story | None) -> None:
        if story is not None:
            story.record.queue, story.record.visits = event.queue, event.visit
            _note(
                story, event.at, "moved", left=event.left, queue=event.queue,
                waited=event.waited, skills=event.skills, by=event.by,
            )  # fmt: skip

    def offer_made(self, event: e.OfferMade, story: Story | None) -> None:
        if story is not None:
            story.record.offers += 1
            _note(
                story, event.at, "offered",
                agent=event.agent, seconds=event.ring_seconds, why=event.evidence,
            )  # fmt: skip

    def offer_declined(self, event: e.OfferDeclined, story: Story | None) -> None:
        if story is not None:
            story.record.unanswered += event.outcome not in CUSTOMER_OUTCOMES
            _note(story, event.at, event.outcome.value, agent=event.agent)

    def offer_expired(self, event: e.OfferExpired, story: Story | None) -> None:
        if story is not None:
            story.record.unanswered += 1
            _note(story, event.at, "expired", agent=event.agent)

    def segment_started(self, event: e.SegmentStarted, story: Story | None) -> None:
        if story is not None:
            if not event.beside:
                story.record.agent = event.agent
            story.segments[event.segment] = SegmentRecord(
                segment=event.segment,
                contact=event.contact,
                agent=event.agent,
                queue=event.queue,
                channel=event.channel,
                started=event.at,
                waited=event.waited,
            )
            if event.beside:
                _note(story, event.at, "consulted", agent=event.agent)
            else:
                _note(story, event.at, "answered", agent=event.agent, waited=event.waited)

    def handed_over(self, event: e.HandedOver, story: Story | None) -> None:
        if story is not None:
            story.record.agent = event.agent
            _note(story, event.at, "handed_over", agent=event.agent)

    def segment_ended(self, event: e.SegmentEnded, story: Story | None) -> None:
        if story is None:
            return
        story.record.talked += event.talked
        _note(
            story, event.at, "segment_ended",
            agent=event.agent, talked=event.talked, reason=event.termination.reason,
        )  # fmt: skip
        segment = story.segments.get(event.segment)
        if segment is not None:
            segment.ended, segment.talked, segment.held = event.at, event.talked, event.held
            segment.result, segment.reason = _words_of(event.termination)
            self._finished.segments.append(segment)

    def disposition(self, event: e.DispositionSet, story: Story | None) -> None:
        segment = story.segments.get(event.segment) if story else None
        if story is None or segment is None:
            self._finished.dispositions.append(event)
            return
        segment.disposition = event.disposition
        if segment.ended:
            self._finished.segments.append(segment)
        _note(story, event.at, "disposition", agent=event.agent, disposition=event.disposition)

    def wrap_up_started(self, event: e.WrapUpStarted, story: Story | None) -> None:
        if story is not None:
            story.wrapping.append(event.segment)
            _note(story, event.at, "wrap_up", agent=event.agent)

    def wrap_up_ended(self, event: e.WrapUpEnded, story: Story | None) -> None:
        segment = story.segments.get(event.segment) if story else None
        if story is None or segment is None:
            return
        if event.segment in story.wrapping:
            story.wrapping.remove(event.segment)
        segment.wrapped = event.wrapped
        _note(story, event.at, "wrapped", agent=event.agent, wrapped=event.wrapped)
        self._finished.segments.append(segment)
        if story.record.ended:
            self._close(story)

    def ended(self, event: e.ContactEnded, story: Story | None) -> None:
        if story is None:
            return
        record = story.record
        record.ended = event.at
        record.result, record.reason = _words_of(event.termination)
        _note(story, event.at, "ended", result=record.result, reason=record.reason)
        self._close(story)

    def _close(self, story: Story) -> None:
        """Write it; forget it once no agent has work left with it."""
        self._finished.contacts.append(story.record)
        if not story.wrapping and all(s.ended for s in story.segments.values()):
            self.data.stories.pop(story.record.contact, None)

    def plain(self, event: Any, story: Story | None) -> None:
        """Events whose step is just their facts."""
        if story is not None:
            code, names = PLAIN[type(event)]
            _note(story, event.at, code, **{name: getattr(event, name) for name in names})


def _words_of(termination: Termination) -> tuple[str, str]:
    return termination.result.value, termination.reason.value


def _placed(event: e.ContactPlaced) -> Step:
    """Who is to be called back, or who calls."""
    if event.agent:
        return Step(event.at, "calls", {"agent": event.agent})
    return Step(event.at, "placed", {"origin": event.origin})


def _note(story: Story, at: Micros, code: str, **facts: Any) -> None:
    steps = story.record.steps
    if len(steps) < STEPS_MAX:
        steps.append(Step(at, code, facts))
    elif len(steps) == STEPS_MAX:
        steps.append(Step(at, "more", {}))


PLAIN: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    e.StepEntered: ("node", ("node",)),
    e.DigitsCollected: ("digits", ("node", "count")),
    e.QueueRefused: ("refused", ("queue", "exit")),
    e.RingWidened: (
        "widened",
        ("after_seconds", "skills", "agents", "teams", "priority", "refused"),
    ),
    e.PriorityChanged: ("priority", ("priority", "by")),
    e.ContactAssigned: ("assigned", ("agent", "by")),
    e.AgentReleased: ("released", ("agent",)),
    e.ContactDequeued: ("left_queue", ("queue", "exit", "waited")),
    e.OfferRescinded: ("rescinded", ("agent", "reason")),
    e.OfferConfirmed: ("confirmed", ("agent", "by_time")),
    e.CallbackTried: ("tried", ("attempt", "again")),
    e.ReplyArrived: ("reply", ("reply",)),
    e.FaxChanged: ("fax", ("stage", "attempt", "confirmed", "pages", "outcome")),
    e.LetterChanged: ("letter", ("stage", "agent", "reason")),
    e.ContactPutAside: ("aside", ("agent", "until")),
    e.ContactTransferred: ("transferred", ("agent", "queue", "to", "by")),
    e.ConsultMade: ("asks", ("asked_by", "agent")),
    e.OutsideDialled: ("outside", ("agent", "kind", "stage", "trunk", "duty", "by", "party")),
    e.ConsultUnanswered: ("not_reached", ("agent", "outcome", "reason")),
    e.Conferenced: ("conference", ("joined",)),
    e.Held: ("held", ("agent", "by_agent")),
    e.Resumed: ("resumed", ("agent", "by_agent")),
}

FOLDS: dict[type[Any], Callable[[Stories, Any, Story | None], None]] = {
    e.ContactArrived: Stories.arrived,
    e.ContactPlaced: Stories.placed,
    e.FaxPlaced: Stories.fax_placed,
    e.CallbackRefused: Stories.callback_refused,
    e.FlowStarted: Stories.flow_started,
    e.CustomerIdentified: Stories.customer,
    e.ContactQueued: Stories.queued,
    e.ContactMoved: Stories.moved,
    e.OfferMade: Stories.offer_made,
    e.OfferDeclined: Stories.offer_declined,
    e.OfferExpired: Stories.offer_expired,
    e.SegmentStarted: Stories.segment_started,
    e.HandedOver: Stories.handed_over,
    e.SegmentEnded: Stories.segment_ended,
    e.DispositionSet: Stories.disposition,
    e.WrapUpStarted: Stories.wrap_up_started,
    e.WrapUpEnded: Stories.wrap_up_ended,
    e.ContactEnded: Stories.ended,
    **dict.fromkeys(PLAIN, Stories.plain),
}
