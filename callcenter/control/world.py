"""The fold: what each event changes, and the indexes that follow from the state.

Why: deciding and remembering are two things. Whatever was decided, live or a year ago, is
remembered by these functions alone, so the state after a replay is the state of that day.
Nothing here decides: an event that does not fit the state changes what it can and no more.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from callcenter.agents.agent import AgentState, Work, WrapUp
from callcenter.agents.occupancy import count, rest_until
from callcenter.agents.presence import ASKED_FOR
from callcenter.control.indexes import Indexes
from callcenter.control.learning import learn
from callcenter.control.state import (
    IN_QUEUE,
    ContactState,
    FaxState,
    FrontendState,
    LetterState,
    OfferState,
    SegmentState,
    Stage,
    Told,
)
from callcenter.control.timers import Alarm
from callcenter.domain import events as e
from callcenter.domain.center import AgentChoice, Channel
from callcenter.domain.commands import CUSTOMER_OUTCOMES, LetterStage, OfferOutcome, Presence
from callcenter.domain.skills import Learned, Qualification
from callcenter.domain.units import (
    DAY,
    SECOND,
    AgentId,
    FrontendId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
)
from callcenter.routing.place import key_of, worth
from callcenter.routing.plan import NO_STEP

DEAD_OWNER_SECONDS = 5
"""Control's own offer timer is the ring time and this."""
RETRY_SECONDS = 2
"""A contact that our side could not ring with rests this long before the next offer."""


FAXES_KNOWN = 2 * DAY
"""A fax that is over is known by its name for so long."""


class World(Indexes):
    """Remembers what was decided, event by event."""

    def apply(self, event: e.Event) -> None:
        """Remember one event."""
        state = self.state
        state.now = max(state.now, event.at)
        learn(state, event)
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def _frontend(self, frontend: FrontendId) -> FrontendState:
        return self.state.frontends.setdefault(frontend, FrontendState())

    def _agent(self, agent: AgentId) -> AgentState:
        """The agent, made anew when a fact names one that the configuration forgot."""
        found = self.state.agents.get(agent)
        if found is None:
            found = self.state.agents[agent] = AgentState(id=agent, retired=True)
            self._seat(found)
        return found

    def _forget_if_done(self, agent: AgentState) -> None:
        if agent.retired and not agent.at_work and agent.presence is Presence.LOGGED_OUT:
            self.engine.unseat(agent.id)
            self.sleeping.discard(agent.id)
            self.skills.pop(agent.id, None)
            del self.state.agents[agent.id]

    def contact_arrived(self, event: e.ContactArrived) -> None:
        if event.frontend:
            self._frontend(event.frontend)
        self.state.contacts[event.contact] = ContactState(
            id=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            arrived=event.at,
            lasting=event.lasting,
        )
        self._set_timer(Alarm.CONTACT, event.contact)

    def contact_placed(self, event: e.ContactPlaced) -> None:
        self._frontend(event.frontend)
        self.state.contacts[event.contact] = ContactState(
            id=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            arrived=event.at,
            calls_back=not event.agent,
            placed=bool(event.agent),
        )
        self._set_timer(Alarm.CONTACT, event.contact)
        before = self.state.contacts.get(event.origin)
        if before is not None:
            before.callback = event.contact

    def callback_tried(self, event: e.CallbackTried) -> None:
        """Same key, same order; it rests until the next attempt."""
        contact = self.state.contacts[event.contact]
        contact.tries = event.attempt
        contact.retry_at = event.again
        self._line_up_anew(contact)
        self._set_timer(Alarm.RETRY, contact.id)

    def callback_freed(self, event: e.CallbackFreed) -> None:
        contact = self.state.contacts[event.contact]
        contact.retry_at = event.not_before
        self._line_up_anew(contact)
        self._set_timer(Alarm.RETRY, contact.id)

    def contact_queued(self, event: e.ContactQueued) -> None:
        contact = self.state.contacts[event.contact]
        queue = self.queue(event.queue)
        self.state.queued += 1
        contact.stage = Stage.WAITING
        contact.visits = event.visit
        contact.queue = event.queue
        contact.skills = event.skills
        contact.priority = event.priority
        contact.since = event.since
        contact.place_from = event.place_from
        contact.key = key_of(
            contact.stands_since,
            event.priority,
            queue.ageing_seconds if queue else 0,
            self.state.center.contact_choice,
        )
        contact.order = self.state.queued
        contact.expires = event.expires
        contact.retry_at = event.not_before
        contact.attempts = 0
        contact.passed_by = event.passed_by
        contact.attributes = event.attributes
        contact.asked = event.asked
        contact.preferred = event.preferred
        contact.excluded = event.excluded
        if contact.document:
            contact.attributes = event.attributes
            contact.put_by = AgentId("")
        self._begin_plan(contact, event.at)
        contact.sticky, contact.sticky_until = event.agent, event.agent_until
        self._count(event.queue, 1)
        self._line_up(contact)
        self._set_timer(Alarm.RETRY, contact.id)
        self._set_timer(Alarm.CONTACT, contact.id)
        self._set_timer(Alarm.STEP, contact.id)

    @staticmethod
    def _begin_plan(contact: ContactState, entered: int) -> None:
        contact.entered = entered
        contact.stepped = NO_STEP
        contact.told = None
        contact.agents = ()
        contact.teams = ()
        contact.sticky, contact.sticky_until, contact.assigned = AgentId(""), 0, False

    def ring_widened(self, event: e.RingWidened) -> None:
        contact = self.state.contacts[event.contact]
        contact.stepped = event.after_seconds
        contact.skills = event.skills
        contact.agents = event.agents
        contact.teams = event.teams
        self._prioritise(contact, event.priority)

    def _prioritise(self, contact: ContactState, priority: int) -> None:
        """The key moves by what the steps of priority are worth; the order of equals stays."""
        queue = self.queue(contact.queue)
        step = worth(queue.ageing_seconds if queue else 0, self.state.center.contact_choice)
        contact.key -= (priority - contact.priority) * step
        contact.priority = priority
        self._line_up_anew(contact)
        self._set_timer(Alarm.STEP, contact.id)

    def priority_changed(self, event: e.PriorityChanged) -> None:
        self._prioritise(self.state.contacts[event.contact], event.priority)

    def contact_moved(self, event: e.ContactMoved) -> None:
        """Another queue and another visit; since, key and order are kept."""
        contact = self.state.contacts[event.contact]
        self._count(contact.queue, -1)
        self._count(event.queue, 1)
        contact.queue = event.queue
        contact.visits = event.visit
        contact.skills = event.skills
        contact.expires = event.expires
        contact.attempts = 0
        contact.passed_by = AgentId("")
        self._begin_plan(contact, event.at)
        self._line_up_anew(contact)
        self._set_timer(Alarm.CONTACT, contact.id)
        self._set_timer(Alarm.STEP, contact.id)

    def contact_assigned(self, event: e.ContactAssigned) -> None:
        contact = self.state.contacts[event.contact]
        contact.sticky, contact.sticky_until = event.agent, event.until
        contact.assigned = True
        contact.passed_by = AgentId("")
        self._line_up_anew(contact)
        self._set_timer(Alarm.STEP, contact.id)

    def agent_released(self, event: e.AgentReleased) -> None:
        contact = self.state.contacts[event.contact]
        contact.sticky, contact.sticky_until, contact.assigned = AgentId(""), 0, False
        self._line_up_anew(contact)
        self._set_timer(Alarm.STEP, contact.id)

    def contact_dequeued(self, event: e.ContactDequeued) -> None:
        self._leave_queue(self.state.contacts[event.contact])

    def _leave_queue(self, contact: ContactState) -> None:
        self.engine.take(contact.id)
        contact.declined_by = ()
        if contact.stage in IN_QUEUE:
            self._count(contact.queue, -1)
        contact.stage = Stage.FLOW
        self._set_timer(Alarm.CONTACT, contact.id)

    def contact_ended(self, event: e.ContactEnded) -> None:
        contact = self.state.contacts[event.contact]
        self._leave_queue(contact)
        del self.state.contacts[event.contact]

    def offer_made(self, event: e.OfferMade) -> None:
        contact = self.state.contacts[event.contact]
        agent = self._agent(event.agent)
        self.state.offered += 1
        self.state.offers[event.offer] = OfferState(
            contact=contact.id,
            agent=agent.id,
            until=_offer_ends(event, document=contact.document),
            made=event.at,
            preview=event if event.preview_seconds else None,
        )
        contact.stage = Stage.OFFERED
        if contact.offer:
            contact.also = (*contact.also, event.offer)
        else:
            contact.offer = event.offer
        if not self._wants_agents(contact):
            self.engine.take(contact.id)
        contact.attempts = event.attempt
        queue = self.queues.get(event.queue)
        if queue is not None and queue.agent_choice is AgentChoice.ROUND_ROBIN:
            self.state.turns[queue.id] = agent.id
        agent.offers[event.offer] = Work(contact.id, event.channel)
        self._set_timer(Alarm.OFFER, event.offer)
        self._set_timer(Alarm.CONTACT, contact.id)
        self.index_agent(agent)

    def offer_confirmed(self, event: e.OfferConfirmed) -> None:
        """She has looked at it: now it is in the hands of its owner."""
        offer = self.state.offers.get(event.offer)
        if offer is not None:
            until = _offer_ends(event.grant)
            self.state.offers[event.offer] = replace(offer, until=until, preview=None)
            self._set_timer(Alarm.OFFER, event.offer)

    def _close_offer(self, offer: OfferId) -> OfferState | None:
        found = self.state.offers.pop(offer, None)
        if found is not None:
            agent = self._agent(found.agent)
            agent.offers.pop(offer, None)
            self.index_agent(agent)
        return found

    def consult_made(self, event: e.ConsultMade) -> None:
        """She is rung for another agent; the contact stays where it is."""
        agent = self._agent(event.agent)
        self.state.offered += 1
        until = event.at + (event.ring_seconds + DEAD_OWNER_SECONDS) * SECOND
        self.state.offers[event.offer] = OfferState(
            contact=event.contact, agent=agent.id, until=until, made=event.at, beside=True
        )
        self.state.contacts[event.contact].asked_in = event.offer
        agent.offers[event.offer] = Work(event.contact, event.channel)
        self._set_timer(Alarm.OFFER, event.offer)
        self.index_agent(agent)

    def call_placed(self, event: e.CallPlaced) -> None:
        """She is at work with a call of her own."""
        agent = self._agent(event.agent)
        self.state.offered += 1
        seconds = event.ring_seconds + event.dial_seconds + DEAD_OWNER_SECONDS
        self.state.offers[event.offer] = OfferState(
            contact=event.contact,
            agent=agent.id,
            until=event.at + seconds * SECOND,
            made=event.at,
            beside=True,
        )
        self.state.contacts[event.contact].asked_in = event.offer
        agent.offers[event.offer] = Work(event.contact, event.channel)
        self._set_timer(Alarm.OFFER, event.offer)
        self.index_agent(agent)

    def consult_unanswered(self, event: e.ConsultUnanswered) -> None:
        self._asks_no_more(event.offer)

    def _asks_no_more(self, offer: OfferId) -> None:
        found = self._close_offer(offer)
        contact = self.state.contacts.get(found.contact) if found else None
        if contact is not None and contact.asked_in == offer:
            contact.asked_in = OfferId("")

    def handed_over(self, event: e.HandedOver) -> None:
        contact = self.state.contacts[event.contact]
        contact.beside = (event.segment, *(s for s in contact.beside if s != event.to_segment))
        contact.segment = event.to_segment

    def offer_accepted(self, event: e.OfferAccepted) -> None:
        self._agent(event.agent).declines = 0
        self._asks_no_more(event.offer)

    def offer_not_taken(self, event: e.OfferDeclined | e.OfferExpired | e.OfferRescinded) -> None:
        """The contact returns to its place: same key, same order."""
        offer = self._close_offer(event.offer)
        if offer is None:
            return
        contact = self.state.contacts[offer.contact]
        left = tuple(other for other in contact.live if other != event.offer)
        contact.stage = Stage.OFFERED if left else Stage.WAITING
        contact.offer, contact.also = left[0] if left else OfferId(""), left[1:]
        contact.passed_by = offer.agent
        if not left:
            contact.declined_by = ()
        elif isinstance(event, e.OfferDeclined) and event.outcome is OfferOutcome.DECLINED:
            contact.declined_by = (*contact.declined_by, offer.agent)
        outcome = event.outcome if isinstance(event, e.OfferDeclined) else None
        if outcome in CUSTOMER_OUTCOMES:
            contact.passed_by = AgentId("")
        if outcome is OfferOutcome.DECLINED:
            self._agent(offer.agent).declines += 1
        failed = outcome is OfferOutcome.FAILED
        contact.retry_at = event.at + RETRY_SECONDS * SECOND if failed else 0
        self._line_up_anew(contact)
        self._set_timer(Alarm.RETRY, contact.id)
        self._set_timer(Alarm.CONTACT, contact.id)
        self._set_timer(Alarm.STEP, contact.id)

    def segment_started(self, event: e.SegmentStarted) -> None:
        contact = self.state.contacts[event.contact]
        agent = self._agent(event.agent)
        self.state.segmented += 1
        if event.beside:
            contact.beside = (*contact.beside, event.segment)
        else:
            self._leave_queue(contact)
            contact.stage = Stage.TALKING
            contact.calls_back = contact.placed = False
            contact.offer, contact.also = OfferId(""), ()
            contact.segment = event.segment
        self.state.segments[event.segment] = SegmentState(
            id=event.segment,
            contact=contact.id,
            agent=agent.id,
            queue=event.queue,
            channel=event.channel,
            since=event.at,
        )
        agent.segments[event.segment] = Work(contact.id, event.channel)
        agent.idle_since = event.at
        self._set_timer(Alarm.CONTACT, contact.id)
        self.index_agent(agent)

    def held(self, event: e.Held | e.Resumed) -> None:
        contact = self.state.contacts[event.contact]
        segment = self.state.segments[contact.segment]
        was = segment.held_by_agent or segment.held_by_caller
        if event.by_agent:
            segment.held_by_agent = isinstance(event, e.Held)
        else:
            segment.held_by_caller = isinstance(event, e.Held)
        held = segment.held_by_agent or segment.held_by_caller
        if held and not was:
            segment.held_since = event.at
        elif was and not held:
            segment.held += event.at - segment.held_since

    def segment_ended(self, event: e.SegmentEnded) -> None:
        segment = self.state.segments.pop(event.segment)
        contact = self.state.contacts[segment.contact]
        if contact.segment == segment.id:
            contact.stage = Stage.FLOW
            contact.segment = SegmentId("")
        contact.beside = tuple(other for other in contact.beside if other != segment.id)
        agent = self._agent(segment.agent)
        del agent.segments[segment.id]
        agent.last_segment = segment.id
        agent.last_contact = segment.contact
        agent.last_queue = segment.queue
        agent.idle_since = event.at
        self._set_timer(Alarm.CONTACT, contact.id)
        self.index_agent(agent)

    def contact_put_aside(self, event: e.ContactPutAside) -> None:
        """Its segment has ended; patience is now the time at which it comes back."""
        contact = self.state.contacts[event.contact]
        contact.stage = Stage.ASIDE
        contact.put_by = event.agent
        contact.expires = event.until
        self._set_timer(Alarm.CONTACT, contact.id)

    def letter_changed(self, event: e.LetterChanged) -> None:
        if event.stage not in (LetterStage.WAITING, LetterStage.DUE):
            self.state.letters.pop(event.letter, None)
            return
        self.state.letters[event.letter] = LetterState(
            contact=event.contact,
            stage=event.stage,
            agent=event.agent,
            blob=event.blob,
            not_before=event.not_before,
        )
        self._set_timer(Alarm.LETTER, event.letter)

    def fax_placed(self, event: e.FaxPlaced) -> None:
        """It waits for the word that follows."""
        self.state.contacts[event.contact] = ContactState(
            id=event.contact, channel=Channel.FAX, frontend=FrontendId(""), arrived=event.at
        )
        self.state.faxes[event.contact] = FaxState(
            stage=LetterStage.WAITING,
            party=event.party,
            blob=event.blob,
            pages=event.pages,
            attempts_max=event.attempts_max,
            retry_seconds=event.retry_seconds,
            origin=event.origin,
            caller=event.caller,
            confirmed=event.first,
        )

    def fax_changed(self, event: e.FaxChanged) -> None:
        """Those that were over for long are forgotten when the next one is."""
        state = self.state
        if event.stage in (LetterStage.WAITING, LetterStage.DUE):
            state.faxes[event.contact] = replace(
                state.faxes[event.contact],
                stage=event.stage,
                attempt=event.attempt,
                confirmed=event.confirmed,
                not_before=event.not_before,
                frontend=event.frontend,
            )
            self._set_timer(Alarm.FAX, event.contact)
            return
        state.faxes.pop(event.contact, None)
        old = [fax for fax, at in state.faxed.items() if event.at - at > FAXES_KNOWN]
        for fax in old:
            del state.faxed[fax]
        state.faxed[event.contact] = event.at

    def wrap_up_started(self, event: e.WrapUpStarted) -> None:
        agent = self._agent(event.agent)
        agent.wrap_ups[event.segment] = WrapUp(
            contact=event.contact, queue=event.queue, since=event.at, until=event.until
        )
        self._set_timer(Alarm.WRAP_UP, agent.id)
        self.index_agent(agent)

    def wrap_up_ended(self, event: e.WrapUpEnded) -> None:
        agent = self._agent(event.agent)
        agent.wrap_ups.pop(event.segment, None)
        agent.idle_since = event.at
        self._set_timer(Alarm.WRAP_UP, agent.id)
        self.index_agent(agent)

    def presence_changed(self, event: e.PresenceChanged) -> None:
        agent = self._agent(event.agent)
        was = agent.presence
        count(agent, was, event.lasted)
        agent.presence = event.presence
        agent.reason = event.reason
        agent.since = event.at
        if event.presence in ASKED_FOR:
            if event.presence is Presence.READY:
                self._come_ready(agent, event.at)
            agent.duty = event.presence
            agent.duty_reason = event.reason
            agent.next = None
            agent.next_reason = ""
        if event.presence in ASKED_FOR or was is Presence.LOGGED_OUT:
            self._set_timer(Alarm.PAUSE, agent.id)
            self.index_agent(agent)
        self._forget_if_done(agent)

    def _come_ready(self, agent: AgentState, at: int) -> None:
        if agent.duty is not Presence.READY:
            agent.idle_since = at
            agent.declines = 0
        config = self.agents.get(agent.id)
        agent.rest_until = rest_until(agent, config.occupancy_max if config else 0, at)

    def next_presence_set(self, event: e.NextPresenceSet) -> None:
        agent = self._agent(event.agent)
        agent.next = event.presence
        agent.next_reason = event.reason
        self.index_agent(agent)

    def agent_reachable(self, event: e.AgentReachable) -> None:
        agent = self._agent(event.agent)
        agent.reachable_by = event.frontend
        self.index_agent(agent)

    def agent_unreachable(self, event: e.AgentUnreachable) -> None:
        agent = self._agent(event.agent)
        agent.reachable_by = FrontendId("")
        self.index_agent(agent)

    def frontend_started(self, event: e.FrontendStarted) -> None:
        frontend = self._frontend(event.frontend)
        was_lost, frontend.lost, frontend.epoch = frontend.lost, 0, event.epoch
        for contact in self.state.contacts.values() if was_lost else ():
            if contact.frontend == event.frontend:
                self._line_up(contact)
                self._set_timer(Alarm.RETRY, contact.id)
                self._set_timer(Alarm.CONTACT, contact.id)
                self._set_timer(Alarm.STEP, contact.id)

    def frontend_lost(self, event: e.FrontendLost) -> None:
        self._frontend(event.frontend).lost = event.at
        for contact in self.state.contacts.values():
            if contact.frontend == event.frontend:
                self.engine.take(contact.id)
                self._set_timer(Alarm.CONTACT, contact.id)

    def configuration_changed(self, event: e.ConfigurationChanged) -> None:
        state = self.state
        queues = {**state.retired_queues, **self.queues}
        for queue in event.center.queues:
            queues.pop(queue.id, None)
        state.retired_queues = {k: v for k, v in queues.items() if k in self._queues_in_use()}
        self._forget_estimates({*state.retired_queues, *(q.id for q in event.center.queues)})
        self._forget_doors({q.id for q in event.center.queues})
        other_choice = state.center.contact_choice is not event.center.contact_choice
        state.center = event.center
        state.version = event.version
        staying = {agent.id for agent in event.center.agents}
        for config in event.center.agents:
            state.agents.setdefault(config.id, AgentState(id=config.id))
        for agent in list(state.agents.values()):
            agent.retired = agent.id not in staying
        self._read_center()
        for contact in state.contacts.values() if other_choice else ():
            self._place_anew(contact)
        self.rebuild()
        for agent in list(state.agents.values()):
            self._forget_if_done(agent)

    def _forget_estimates(self, staying: set[QueueId]) -> None:
        """What was seen of queues that are gone."""
        state = self.state
        state.experience = {k: v for k, v in state.experience.items() if k in staying}
        state.told = {k: v for k, v in state.told.items() if k in staying}

    def _forget_doors(self, staying: set[QueueId]) -> None:
        """What was done by hand to queues that nobody can come to any more; the announcement of all
        queues stays."""
        state = self.state
        state.doors = {k: v for k, v in state.doors.items() if k in staying}
        state.turns = {k: v for k, v in state.turns.items() if k in staying}
        state.announcements = {
            k: v for k, v in state.announcements.items() if k in staying or not k
        }

    def _place_anew(self, contact: ContactState) -> None:
        """Contacts are compared otherwise from now on, and those who wait already are too."""
        queue = self.queue(contact.queue)
        ageing = queue.ageing_seconds if queue else 0
        choice = self.state.center.contact_choice
        contact.key = key_of(contact.stands_since, contact.priority, ageing, choice)

    def learned(self, event: Learned) -> None:
        """What she can has changed: from this moment she is matched by it."""
        self.state.people.setdefault(event.agent, Qualification()).learn(event)
        found = self.state.agents.get(event.agent)
        if found is not None:
            self._seat(found)
        self._set_timer(Alarm.CERTIFICATE, event.agent)

    def queue_opened(self, event: e.QueueOpened) -> None:
        if event.follow_calendar:
            self.state.doors.pop(event.queue, None)
        else:
            self.state.doors[event.queue] = True

    def queue_closed(self, event: e.QueueClosed) -> None:
        self.state.doors[event.queue] = False

    def announcement_set(self, event: e.AnnouncementSet) -> None:
        if event.announcement:
            self.state.announcements[event.queue] = event.announcement
        else:
            self.state.announcements.pop(event.queue, None)

    def wait_estimated(self, event: e.WaitEstimated) -> None:
        contact = self.state.contacts.get(event.contact)
        if contact is not None:
            contact.told = Told(
                at=event.at,
                position=event.position,
                expected=event.expected,
                promised=event.promised,
            )

    def queue_estimated(self, event: e.QueueEstimated) -> None:
        self.state.told[event.queue] = Told(
            at=event.at, expected=event.expected, promised=event.promised
        )

    def _queues_in_use(self) -> set[QueueId]:
        used = {contact.queue for contact in self.state.contacts.values()}
        for agent in self.state.agents.values():
            used |= {wrap_up.queue for wrap_up in agent.wrap_ups.values()}
            used.add(agent.last_queue)
        return used


def _offer_ends(made: e.OfferMade, *, document: bool = False) -> Micros:
    """When control looks after it: at the end of a preview or of a document's time on the desk, or
    when its owner must be dead."""
    grace = 0 if document else DEAD_OWNER_SECONDS
    span = made.preview_seconds or made.ring_seconds + made.dial_seconds + grace
    return made.at + span * SECOND


FOLDS: dict[type[Any], Callable[[World, Any], None]] = {
    e.ContactArrived: World.contact_arrived,
    e.ContactPlaced: World.contact_placed,
    e.CallbackTried: World.callback_tried,
    e.CallbackFreed: World.callback_freed,
    e.ContactQueued: World.contact_queued,
    e.ContactDequeued: World.contact_dequeued,
    e.ContactEnded: World.contact_ended,
    e.ContactPutAside: World.contact_put_aside,
    e.LetterChanged: World.letter_changed,
    e.FaxPlaced: World.fax_placed,
    e.FaxChanged: World.fax_changed,
    e.OfferMade: World.offer_made,
    e.OfferConfirmed: World.offer_confirmed,
    e.OfferAccepted: World.offer_accepted,
    e.ConsultMade: World.consult_made,
    e.CallPlaced: World.call_placed,
    e.ConsultUnanswered: World.consult_unanswered,
    e.HandedOver: World.handed_over,
    e.OfferDeclined: World.offer_not_taken,
    e.OfferExpired: World.offer_not_taken,
    e.OfferRescinded: World.offer_not_taken,
    e.SegmentStarted: World.segment_started,
    e.Held: World.held,
    e.Resumed: World.held,
    e.SegmentEnded: World.segment_ended,
    e.WrapUpStarted: World.wrap_up_started,
    e.WrapUpEnded: World.wrap_up_ended,
    e.PresenceChanged: World.presence_changed,
    e.NextPresenceSet: World.next_presence_set,
    e.AgentReachable: World.agent_reachable,
    e.AgentUnreachable: World.agent_unreachable,
    e.FrontendStarted: World.frontend_started,
    e.FrontendLost: World.frontend_lost,
    e.ConfigurationChanged: World.configuration_changed,
    e.RingWidened: World.ring_widened,
    e.AgentReleased: World.agent_released,
    e.ContactMoved: World.contact_moved,
    e.ContactAssigned: World.contact_assigned,
    e.PriorityChanged: World.priority_changed,
    e.TrainingRecorded: World.learned,
    e.CertificateExpiring: World.learned,
    e.CertificateExpired: World.learned,
    e.SkillsChanged: World.learned,
    e.QueueOpened: World.queue_opened,
    e.QueueClosed: World.queue_closed,
    e.AnnouncementSet: World.announcement_set,
    e.WaitEstimated: World.wait_estimated,
    e.QueueEstimated: World.queue_estimated,
}
"""Events that are not here (flow steps, digits, dispositions, answers) change nothing we decide by."""
