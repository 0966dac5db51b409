"""The fold: what each event changes, and the indexes that follow from the state.

Why: deciding and remembering are two things. Whatever was decided, live or a year ago, is
remembered by these functions alone, so the state after a replay is the state of that day.
Nothing here decides: an event that does not fit the state changes what it can and no more.
"""

from collections.abc import Callable
from typing import Any

from callcenter.agents.agent import AgentState, Work, WrapUp
from callcenter.agents.capacity import open_channels
from callcenter.agents.presence import ASKED_FOR, pause_ends
from callcenter.control.state import (
    IN_QUEUE,
    ContactState,
    FrontendState,
    OfferState,
    SegmentState,
    Stage,
    State,
)
from callcenter.control.timers import Alarm, Timer, Timers
from callcenter.domain import events as e
from callcenter.domain.center import Agent, Calendar, Queue
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.units import (
    SECOND,
    AgentId,
    ContactId,
    FrontendId,
    Micros,
    OfferId,
    QueueId,
    SegmentId,
)
from callcenter.routing.engine import Engine
from callcenter.routing.place import key_of

DEAD_OWNER_SECONDS = 5
"""Control's own offer timer is the ring time and this."""
RETRY_SECONDS = 2
"""A contact that our side could not ring with rests this long before the next offer."""
LOST_WAITING_SECONDS = 30
LOST_TALKING_SECONDS = 120
"""How long the contacts of a lost front end are kept for its return. Two people who talk are worth
more patience: their media runs in another process."""


class World:
    """The state, and what is derived from it: who is next, who is free, what is due."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rebuild()

    # --- derived ----------------------------------------------------------------------------

    def rebuild(self) -> None:
        """Derive every index anew: after a snapshot, and when the configuration changed."""
        state = self.state
        self.engine = Engine()
        self.timers = Timers(self.due)
        self.resting = Timers(self.due)
        self.agents: dict[AgentId, Agent] = {a.id: a for a in state.center.agents}
        self.calendars: dict[str, Calendar] = {c.name: c for c in state.center.calendars}
        self.queues: dict[QueueId, Queue] = {q.id: q for q in state.center.queues}
        self.in_queue: dict[QueueId, int] = {}
        for agent in state.agents.values():
            self._seat(agent)
        for contact in state.contacts.values():
            if contact.stage in IN_QUEUE:
                self._count(contact.queue, 1)
            self._line_up(contact)
        timers = self._all_timers()
        self.timers.rebuild(t for t in timers if t[1] is not Alarm.RETRY)
        self.resting.rebuild(t for t in timers if t[1] is Alarm.RETRY)

    def _all_timers(self) -> list[Timer]:
        state = self.state
        whose: list[tuple[Alarm, str]] = []
        for agent in state.agents:
            whose += [(Alarm.WRAP_UP, agent), (Alarm.PAUSE, agent)]
        whose += [(Alarm.OFFER, offer) for offer in state.offers]
        for contact in state.contacts:
            whose += [(Alarm.RETRY, contact), (Alarm.CONTACT, contact)]
        timers = ((self.due(alarm, name), alarm, name) for alarm, name in whose)
        return [(when, alarm, name) for when, alarm, name in timers if when is not None]

    def due(self, alarm: Alarm, whose: str) -> Micros | None:
        """The deadline that stands for `whose` now."""
        if alarm is Alarm.OFFER:
            offer = self.state.offers.get(OfferId(whose))
            return offer.until if offer else None
        if alarm in (Alarm.CONTACT, Alarm.RETRY):
            contact = self.state.contacts.get(ContactId(whose))
            if contact is None:
                return None
            return self._retry_due(contact) if alarm is Alarm.RETRY else self.contact_due(contact)
        agent = self.state.agents.get(AgentId(whose))
        if agent is None:
            return None
        if alarm is Alarm.PAUSE:
            return pause_ends(agent)
        return min((w.until for w in agent.wrap_ups.values()), default=None)

    def contact_due(self, contact: ContactState) -> Micros | None:
        """End of patience: with an owner that is gone, or with the queue."""
        lost = self.state.frontends[contact.frontend].lost
        if lost:
            talking = contact.stage is Stage.TALKING
            patience = LOST_TALKING_SECONDS if talking else LOST_WAITING_SECONDS
            return lost + patience * SECOND
        return contact.expires if contact.stage is Stage.WAITING else None

    def _retry_due(self, contact: ContactState) -> Micros | None:
        resting = contact.stage is Stage.WAITING and contact.id not in self.engine
        owned = not self.state.frontends[contact.frontend].lost
        return contact.retry_at if contact.retry_at and resting and owned else None

    def queue(self, queue: QueueId) -> Queue | None:
        """A queue, even one that was removed while callers of it are still here."""
        return self.queues.get(queue) or self.state.retired_queues.get(queue)

    def _count(self, queue: QueueId, step: int) -> None:
        self.in_queue[queue] = self.in_queue.get(queue, 0) + step

    def _seat(self, agent: AgentState) -> None:
        config = self.agents.get(agent.id)
        self.engine.seat(agent.id, config.skills if config else {})
        self.index_agent(agent)

    def index_agent(self, agent: AgentState) -> None:
        """Tell the engine what the agent may be offered now, and keep her timers."""
        config = self.agents.get(agent.id)
        channels = open_channels(agent, config.capacity) if config else ()
        self.engine.free(agent.id, channels, agent.idle_since)
        self.engine.staff(agent.id, config is not None and agent.presence != Presence.LOGGED_OUT)

    def _set_timer(self, alarm: Alarm, whose: str) -> None:
        when = self.due(alarm, whose)
        if when is not None:
            timers = self.resting if alarm is Alarm.RETRY else self.timers
            timers.set(when, alarm, whose)

    def _line_up(self, contact: ContactState) -> None:
        """Let a waiting contact be matched, unless its owner is gone or it must rest first."""
        if contact.stage is not Stage.WAITING or self.state.frontends[contact.frontend].lost:
            return
        if contact.retry_at <= self.state.now:
            self.wake(contact)

    def wake(self, contact: ContactState) -> None:
        """The contact may be offered (again), in the place it always had."""
        self.engine.put(contact.id, contact.channel, contact.skills, contact.key, contact.order)

    # --- the fold ---------------------------------------------------------------------------

    def apply(self, event: e.Event) -> None:
        """Remember one event."""
        state = self.state
        state.now = max(state.now, event.at)
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
            del self.state.agents[agent.id]

    def contact_arrived(self, event: e.ContactArrived) -> None:
        self._frontend(event.frontend)
        self.state.contacts[event.contact] = ContactState(
            id=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            arrived=event.at,
        )
        self._set_timer(Alarm.CONTACT, event.contact)

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
        contact.key = key_of(event.since, event.priority, queue.ageing_seconds if queue else 0)
        contact.order = self.state.queued
        contact.expires = event.expires
        contact.retry_at = 0
        contact.attempts = 0
        contact.passed_by = AgentId("")
        self._count(event.queue, 1)
        self._line_up(contact)
        self._set_timer(Alarm.CONTACT, contact.id)

    def contact_dequeued(self, event: e.ContactDequeued) -> None:
        self._leave_queue(self.state.contacts[event.contact])

    def _leave_queue(self, contact: ContactState) -> None:
        self.engine.take(contact.id)
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
        until = event.at + (event.ring_seconds + DEAD_OWNER_SECONDS) * SECOND
        self.state.offers[event.offer] = OfferState(contact=contact.id, agent=agent.id, until=until)
        self.engine.take(contact.id)
        contact.stage = Stage.OFFERED
        contact.offer = event.offer
        contact.attempts = event.attempt
        agent.offers[event.offer] = Work(contact.id, event.channel)
        self._set_timer(Alarm.OFFER, event.offer)
        self._set_timer(Alarm.CONTACT, contact.id)
        self.index_agent(agent)

    def _close_offer(self, offer: OfferId) -> OfferState | None:
        found = self.state.offers.pop(offer, None)
        if found is not None:
            agent = self._agent(found.agent)
            agent.offers.pop(offer, None)
            self.index_agent(agent)
        return found

    def offer_accepted(self, event: e.OfferAccepted) -> None:
        self._close_offer(event.offer)

    def offer_not_taken(self, event: e.OfferDeclined | e.OfferExpired | e.OfferRescinded) -> None:
        """The contact returns to its place: same key, same order."""
        offer = self._close_offer(event.offer)
        if offer is None:
            return
        contact = self.state.contacts[offer.contact]
        contact.stage = Stage.WAITING
        contact.offer = OfferId("")
        contact.passed_by = offer.agent
        failed = isinstance(event, e.OfferDeclined) and event.outcome is OfferOutcome.FAILED
        contact.retry_at = event.at + RETRY_SECONDS * SECOND if failed else 0
        self._line_up(contact)
        self._set_timer(Alarm.RETRY, contact.id)
        self._set_timer(Alarm.CONTACT, contact.id)

    def segment_started(self, event: e.SegmentStarted) -> None:
        contact = self.state.contacts[event.contact]
        agent = self._agent(event.agent)
        self._leave_queue(contact)
        self.state.segmented += 1
        contact.stage = Stage.TALKING
        contact.offer = OfferId("")
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
        contact.stage = Stage.FLOW
        contact.segment = SegmentId("")
        agent = self._agent(segment.agent)
        del agent.segments[segment.id]
        agent.last_segment = segment.id
        agent.last_contact = segment.contact
        agent.last_queue = segment.queue
        agent.idle_since = event.at
        self._set_timer(Alarm.CONTACT, contact.id)
        self.index_agent(agent)

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
        was, agent.presence = agent.presence, event.presence
        agent.reason = event.reason
        agent.since = event.at
        if event.presence in ASKED_FOR:
            if event.presence is Presence.READY and agent.duty is not Presence.READY:
                agent.idle_since = event.at
            agent.duty = event.presence
            agent.duty_reason = event.reason
            agent.next = None
            agent.next_reason = ""
        if event.presence in ASKED_FOR or was is Presence.LOGGED_OUT:
            self._set_timer(Alarm.PAUSE, agent.id)
            self.index_agent(agent)
        self._forget_if_done(agent)

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
        state.center = event.center
        state.version = event.version
        staying = {agent.id for agent in event.center.agents}
        for config in event.center.agents:
            state.agents.setdefault(config.id, AgentState(id=config.id))
        for agent in list(state.agents.values()):
            agent.retired = agent.id not in staying
        self.rebuild()
        for agent in list(state.agents.values()):
            self._forget_if_done(agent)

    def _queues_in_use(self) -> set[QueueId]:
        used = {contact.queue for contact in self.state.contacts.values()}
        for agent in self.state.agents.values():
            used |= {wrap_up.queue for wrap_up in agent.wrap_ups.values()}
            used.add(agent.last_queue)
        return used


FOLDS: dict[type[Any], Callable[[World, Any], None]] = {
    e.ContactArrived: World.contact_arrived,
    e.ContactQueued: World.contact_queued,
    e.ContactDequeued: World.contact_dequeued,
    e.ContactEnded: World.contact_ended,
    e.OfferMade: World.offer_made,
    e.OfferAccepted: World.offer_accepted,
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
}
"""Events that are not here (flow steps, digits, dispositions, answers) change nothing we decide by."""
