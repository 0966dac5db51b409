"""Now and today: the fold behind the wall, the desk and the API.

What happens here: each event of the journal changes a few fields (`apply`, about 2 µs) and, where
it ended a queue visit, tells how (`Visit`). Counters start anew at local midnight.

The equation, exact per queue and channel at every moment:

    offered = answered + abandoned + flowed out + callbacks + waiting

At midnight those who wait are carried into the new day as offered, so it goes on to hold.

Why: an event that does not fit (a contact nobody announced, a second end) must never break a
screen. It changes what it can; the equation holds because a visit is counted as ended only by
taking it out of the waiting ones.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from callcenter.domain import events as e
from callcenter.domain.center import Agent, Channel, Queue
from callcenter.domain.commands import Presence
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, OfferId, QueueId
from callcenter.records.counters import Counters
from callcenter.records.day import local_day
from callcenter.records.live_state import (
    IN_QUEUE,
    AgentDay,
    LiveAgent,
    LiveContact,
    LiveData,
    LiveFrontend,
    LiveQueue,
    LiveWrapUp,
    Stage,
)
from callcenter.records.visits import (
    LOST_RESULTS,
    OUTCOME_OF_EXIT,
    Outcome,
    Visit,
    outcome_of_end,
    reason_of_move,
)

BUSY = frozenset({Presence.TALKING, Presence.WRAP_UP})
ASKED_FOR = frozenset({Presence.LOGGED_OUT, Presence.NOT_READY, Presence.READY})

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LiveData)


class LiveState:
    """The state, the indexes over it, and the fold."""

    def __init__(self, data: LiveData | None = None) -> None:
        self.data = data or LiveData()
        self._index()

    # --- snapshot -----------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything, to go on from."""
        return _encoder.encode(self.data)

    @classmethod
    def restore(cls, snapshot: bytes) -> "LiveState":
        """The state `snapshot` was taken of. Raises `msgspec.DecodeError`."""
        return cls(_decoder.decode(snapshot))

    def _index(self) -> None:
        data = self.data
        self.config: dict[QueueId, Queue] = {q.id: q for q in data.center.queues}
        self.people: dict[AgentId, Agent] = {a.id: a for a in data.center.agents}
        self.in_queue: dict[QueueId, dict[ContactId, LiveContact]] = {}
        for contact in data.contacts.values():
            if contact.stage in IN_QUEUE:
                self.in_queue.setdefault(contact.queue, {})[contact.id] = contact
        self.able: dict[QueueId, tuple[AgentId, ...]] = {
            queue.id: tuple(a.id for a in data.center.agents if _able(a, queue))
            for queue in data.center.queues
        }
        self._next_midnight = self._first_midnight()

    # --- reading ------------------------------------------------------------------------------

    def waiting(self, queue: QueueId) -> list[LiveContact]:
        """Who waits in `queue`, next one first; those that ring keep their place."""
        return sorted(self.in_queue.get(queue, {}).values(), key=lambda c: (c.key, c.since, c.id))

    def today(self, queue: QueueId) -> Counters:
        """The counters of today, all channels together."""
        whole = Counters()
        found = self.data.queues.get(queue)
        for part in found.today.values() if found else ():
            whole.add(part)
        return whole

    def queues(self) -> Iterator[Queue]:
        """The configured queues, in the order of the configuration."""
        return iter(self.data.center.queues)

    def work_of(self, agent: LiveAgent, now: Micros) -> tuple[Micros, Micros]:
        """Her busy and idle time today, the running state included."""
        busy, idle = agent.today.busy, agent.today.idle
        running = max(0, now - max(agent.since, self.data.day_start))
        if agent.presence in BUSY:
            busy += running
        elif agent.presence is Presence.READY:
            idle += running
        return busy, idle

    # --- the days -----------------------------------------------------------------------------

    def roll(self, now: Micros) -> None:
        """Begin a new day wherever midnight has passed."""
        if now < self._next_midnight:
            return
        data = self.data
        if now >= data.day_end:
            data.day_start, data.day_end = local_day(data.center.timezone, now)
            for agent in data.agents.values():
                agent.today = AgentDay()
        for queue in data.queues.values():
            if now >= queue.day_end:
                self._new_day(queue, now)
        self._next_midnight = self._first_midnight()

    def _first_midnight(self) -> Micros:
        return min([self.data.day_end, *(q.day_end for q in self.data.queues.values())])

    def _new_day(self, queue: LiveQueue, now: Micros) -> None:
        config = self.config.get(queue.id)
        zone = config.timezone if config else self.data.center.timezone
        queue.day_start, queue.day_end = local_day(zone, now)
        for channel, counters in queue.today.items():
            queue.before.setdefault(channel, Counters()).add(counters)
        queue.today = {}
        for contact in self.in_queue.get(queue.id, {}).values():
            queue.today.setdefault(contact.channel, Counters()).offered += 1
            queue.before[contact.channel].offered -= 1

    # --- the fold -----------------------------------------------------------------------------

    def apply(self, event: e.Event) -> Visit | None:
        """Remember one event; the queue visit that it ended, if it did."""
        data = self.data
        if event.at > data.at:
            data.at = event.at
            if event.at >= self._next_midnight:
                self.roll(event.at)
        fold = FOLDS.get(type(event))
        return fold(self, event) if fold is not None else None

    def _queue(self, queue: QueueId) -> LiveQueue:
        found = self.data.queues.get(queue)
        if found is None:
            found = self.data.queues[queue] = LiveQueue(id=queue)
            config = self.config.get(queue)
            zone = config.timezone if config else self.data.center.timezone
            found.day_start, found.day_end = local_day(zone, self.data.at)
            self._next_midnight = min(self._next_midnight, found.day_end)
        return found

    def _counters(self, queue: QueueId, contact: LiveContact) -> Counters:
        today = self._queue(queue).today
        found = today.get(contact.channel)
        if found is None:
            found = today[contact.channel] = Counters()
        return found

    def _agent(self, agent: AgentId) -> LiveAgent:
        found = self.data.agents.get(agent)
        if found is None:
            found = self.data.agents[agent] = LiveAgent(id=agent)
        return found

    def contact_arrived(self, event: e.ContactArrived) -> None:
        if event.contact in self.data.contacts:
            return
        self.data.contacts[event.contact] = LiveContact(
            id=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            arrived=event.at,
            dialled=event.dialled,
            party=event.party,
            stage_since=event.at,
        )

    def flow_started(self, event: e.FlowStarted) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.flow = event.flow

    def step_entered(self, event: e.StepEntered) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.node = event.node

    def customer_identified(self, event: e.CustomerIdentified) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.customer = event.customer

    def contact_queued(self, event: e.ContactQueued) -> Visit | None:
        contact = self.data.contacts.get(event.contact)
        if contact is None:
            return None
        moved = None
        if contact.stage in IN_QUEUE:
            moved = self._end_visit(contact, event.at, 0, Outcome.FLOWED_OUT, reason="moved")
        config = self.config.get(event.queue)
        contact.priority = event.priority
        contact.key = (
            event.since - event.priority * (config.ageing_seconds if config else 0) * SECOND
        )
        contact.attributes = event.attributes
        self._begin_visit(contact, event)
        return moved

    def contact_moved(self, event: e.ContactMoved) -> Visit | None:
        """Key and attributes are kept: it stands there as if it had always waited there."""
        contact = self.data.contacts.get(event.contact)
        if contact is None or contact.stage not in IN_QUEUE:
            return None
        left = self._end_visit(
            contact, event.at, event.waited, Outcome.FLOWED_OUT, reason=reason_of_move(event)
        )
        self._begin_visit(contact, event)
        return left

    def _begin_visit(self, contact: LiveContact, event: e.ContactQueued | e.ContactMoved) -> None:
        contact.stage, contact.stage_since = Stage.WAITING, event.at
        contact.queue, contact.visit, contact.since = event.queue, event.visit, event.since
        contact.waited = 0
        contact.skills = event.skills
        waiting = self.in_queue.get(event.queue)
        if waiting is None:
            waiting = self.in_queue[event.queue] = {}
        waiting[contact.id] = contact
        self._counters(event.queue, contact).offered += 1

    def _end_visit(
        self,
        contact: LiveContact,
        at: Micros,
        waited: Micros,
        outcome: Outcome,
        *,
        agent: AgentId = AgentId(""),
        reason: str = "",
        lost: bool = False,
    ) -> Visit | None:
        waiting = self.in_queue.get(contact.queue)
        if waiting is None or waiting.pop(contact.id, None) is None:
            return None
        waited = waited or max(0, at - contact.since)
        config = self.config.get(contact.queue)
        target = config.target_seconds * SECOND if config else 0
        short = config.short_abandon_seconds * SECOND if config else 0
        abandoned = outcome is Outcome.ABANDONED
        visit = Visit(
            contact=contact.id,
            visit=contact.visit,
            queue=contact.queue,
            channel=contact.channel,
            since=contact.since,
            left=at,
            waited=waited,
            outcome=outcome,
            in_target=waited <= target and (abandoned or outcome is Outcome.ANSWERED),
            short=abandoned and not lost and waited <= short,
            lost=lost,
            agent=agent,
            reason=reason,
        )
        self._counters(contact.queue, contact).count(visit)
        contact.stage, contact.stage_since = Stage.FLOW, at
        contact.waited = waited
        contact.offer, contact.also = OfferId(""), {}
        return visit

    def ring_widened(self, event: e.RingWidened) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.stage in IN_QUEUE:
            contact.skills = event.skills
            self._prioritise(contact, event.priority)

    def priority_changed(self, event: e.PriorityChanged) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.stage in IN_QUEUE:
            self._prioritise(contact, event.priority)

    def _prioritise(self, contact: LiveContact, priority: int) -> None:
        """It moves in its line by what the steps of priority are worth."""
        config = self.config.get(contact.queue)
        worth = (config.ageing_seconds if config else 0) * SECOND
        contact.key -= (priority - contact.priority) * worth
        contact.priority = priority

    def contact_dequeued(self, event: e.ContactDequeued) -> Visit | None:
        contact = self.data.contacts.get(event.contact)
        if contact is None or contact.stage not in IN_QUEUE:
            return None
        outcome = OUTCOME_OF_EXIT[event.exit]
        return self._end_visit(
            contact, event.at, event.waited, outcome, reason=event.exit.value, agent=contact.agent
        )

    def contact_ended(self, event: e.ContactEnded) -> Visit | None:
        contact = self.data.contacts.pop(event.contact, None)
        if contact is None or contact.stage not in IN_QUEUE:
            return None
        result = event.termination.result
        return self._end_visit(
            contact,
            event.at,
            event.waited,
            outcome_of_end(event.termination),
            reason=event.termination.reason.value,
            lost=result in LOST_RESULTS,
        )

    def offer_made(self, event: e.OfferMade) -> None:
        self._agent(event.agent).offers[event.offer] = event.contact
        contact = self.data.contacts.get(event.contact)
        if contact is None or contact.stage not in IN_QUEUE:
            return
        if contact.offer:
            contact.also[event.offer] = event.agent
        else:
            contact.stage, contact.stage_since = Stage.RINGING, event.at
            contact.agent, contact.offer = event.agent, event.offer

    def offer_accepted(self, event: e.OfferAccepted) -> None:
        self._agent(event.agent).offers.pop(event.offer, None)

    def _offer_not_taken(
        self, event: e.OfferDeclined | e.OfferExpired | e.OfferRescinded
    ) -> LiveAgent:
        agent = self._agent(event.agent)
        agent.offers.pop(event.offer, None)
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.stage in IN_QUEUE:
            self._rings_no_more(contact, event.offer, event.at)
        return agent

    @staticmethod
    def _rings_no_more(contact: LiveContact, offer: OfferId, at: Micros) -> None:
        """It rings on at the others; with none left it only waits."""
        if contact.offer != offer:
            contact.also.pop(offer, None)
        elif contact.also:
            contact.offer, contact.agent = next(iter(contact.also.items()))
            del contact.also[contact.offer]
        else:
            contact.stage, contact.stage_since = Stage.WAITING, at
            contact.agent, contact.offer = AgentId(""), OfferId("")

    def offer_declined(self, event: e.OfferDeclined) -> None:
        self._offer_not_taken(event).today.declined += 1

    def offer_expired(self, event: e.OfferExpired) -> None:
        self._offer_not_taken(event).today.missed += 1

    def offer_rescinded(self, event: e.OfferRescinded) -> None:
        self._offer_not_taken(event)

    def segment_started(self, event: e.SegmentStarted) -> Visit | None:
        self._agent(event.agent).segments[event.segment] = event.contact
        contact = self.data.contacts.get(event.contact)
        if contact is None:
            return None
        visit = None
        if contact.stage in IN_QUEUE:
            visit = self._end_visit(
                contact, event.at, event.waited, Outcome.ANSWERED, agent=event.agent
            )
        contact.stage, contact.stage_since = Stage.TALKING, event.at
        contact.agent, contact.segment, contact.held = event.agent, event.segment, False
        contact.disposition = ""
        return visit

    def held(self, event: e.Held | e.Resumed) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.held = type(event) is e.Held

    def segment_ended(self, event: e.SegmentEnded) -> None:
        agent = self._agent(event.agent)
        agent.segments.pop(event.segment, None)
        last = agent.last = LiveWrapUp(
            segment=event.segment,
            contact=event.contact,
            queue=event.queue,
            channel=event.channel,
            since=event.at,
            until=event.at,
        )
        agent.today.handled += 1
        agent.today.talked += event.talked
        agent.today.held += event.held
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.segment == event.segment:
            contact.stage, contact.stage_since, contact.held = Stage.FLOW, event.at, False
            last.disposition = contact.disposition
            contact.agent, contact.segment = AgentId(""), type(contact.segment)("")
        counters = self._queue(event.queue).today.setdefault(event.channel, Counters())
        counters.handled += 1
        counters.talked += event.talked
        counters.held += event.held

    def wrap_up_started(self, event: e.WrapUpStarted) -> None:
        agent = self._agent(event.agent)
        last = agent.last
        if last is None or last.segment != event.segment:
            last = LiveWrapUp(segment=event.segment, contact=event.contact, queue=event.queue)
        last.since, last.until = event.at, event.until
        agent.wrap_ups[event.segment] = agent.last = last

    def disposition_set(self, event: e.DispositionSet) -> None:
        agent = self._agent(event.agent)
        for wrap_up in (agent.wrap_ups.get(event.segment), agent.last):
            if wrap_up is not None and wrap_up.segment == event.segment:
                wrap_up.disposition = event.disposition
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.segment == event.segment:
            contact.disposition = event.disposition

    def wrap_up_ended(self, event: e.WrapUpEnded) -> None:
        agent = self._agent(event.agent)
        done = agent.wrap_ups.pop(event.segment, None)
        agent.today.wrapped += event.wrapped
        channel = done.channel if done is not None else Channel.VOICE
        counters = self._queue(event.queue).today.setdefault(channel, Counters())
        counters.wrapped += event.wrapped

    def presence_changed(self, event: e.PresenceChanged) -> None:
        agent = self._agent(event.agent)
        lasted = min(event.lasted, max(0, event.at - self.data.day_start))
        if event.previous in BUSY:
            agent.today.busy += lasted
        elif event.previous is Presence.READY:
            agent.today.idle += lasted
        agent.presence, agent.reason, agent.since = event.presence, event.reason, event.at
        if event.presence in ASKED_FOR:
            agent.next, agent.next_reason = None, ""

    def next_presence_set(self, event: e.NextPresenceSet) -> None:
        agent = self._agent(event.agent)
        agent.next, agent.next_reason = event.presence, event.reason

    def agent_reachable(self, event: e.AgentReachable) -> None:
        agent = self._agent(event.agent)
        agent.reachable_by, agent.unreachable_cause = event.frontend, ""

    def agent_unreachable(self, event: e.AgentUnreachable) -> None:
        agent = self._agent(event.agent)
        agent.reachable_by, agent.unreachable_cause = type(agent.reachable_by)(""), event.cause

    def frontend_started(self, event: e.FrontendStarted) -> None:
        self.data.frontends[event.frontend] = LiveFrontend(
            id=event.frontend, epoch=event.epoch, since=event.at
        )

    def frontend_lost(self, event: e.FrontendLost) -> None:
        frontend = self.data.frontends.get(event.frontend)
        if frontend is None:
            frontend = LiveFrontend(id=event.frontend)
            self.data.frontends[event.frontend] = frontend
        frontend.lost, frontend.since = True, event.at

    def configuration_changed(self, event: e.ConfigurationChanged) -> None:
        data = self.data
        data.center, data.version = event.center, event.version
        data.day_start, data.day_end = local_day(event.center.timezone, event.at)
        self._index()
        for agent in event.center.agents:
            self._agent(agent.id)
        for old in list(data.agents.values()):
            if old.id not in self.people and old.presence is Presence.LOGGED_OUT:
                del data.agents[old.id]
        for queue in event.center.queues:
            live = self._queue(queue.id)
            live.day_start, live.day_end = local_day(queue.timezone, event.at)
        self._index()


def _able(agent: Agent, queue: Queue) -> bool:
    return all(agent.skills.get(skill, 0) >= least for skill, least in queue.skills.items())


FOLDS: dict[type[Any], Callable[[LiveState, Any], Visit | None]] = {
    e.ContactArrived: LiveState.contact_arrived,
    e.FlowStarted: LiveState.flow_started,
    e.StepEntered: LiveState.step_entered,
    e.CustomerIdentified: LiveState.customer_identified,
    e.ContactQueued: LiveState.contact_queued,
    e.ContactMoved: LiveState.contact_moved,
    e.RingWidened: LiveState.ring_widened,
    e.PriorityChanged: LiveState.priority_changed,
    e.ContactDequeued: LiveState.contact_dequeued,
    e.OfferMade: LiveState.offer_made,
    e.OfferAccepted: LiveState.offer_accepted,
    e.OfferDeclined: LiveState.offer_declined,
    e.OfferExpired: LiveState.offer_expired,
    e.OfferRescinded: LiveState.offer_rescinded,
    e.SegmentStarted: LiveState.segment_started,
    e.Held: LiveState.held,
    e.Resumed: LiveState.held,
    e.SegmentEnded: LiveState.segment_ended,
    e.WrapUpStarted: LiveState.wrap_up_started,
    e.DispositionSet: LiveState.disposition_set,
    e.WrapUpEnded: LiveState.wrap_up_ended,
    e.ContactEnded: LiveState.contact_ended,
    e.PresenceChanged: LiveState.presence_changed,
    e.NextPresenceSet: LiveState.next_presence_set,
    e.AgentReachable: LiveState.agent_reachable,
    e.AgentUnreachable: LiveState.agent_unreachable,
    e.FrontendStarted: LiveState.frontend_started,
    e.FrontendLost: LiveState.frontend_lost,
    e.ConfigurationChanged: LiveState.configuration_changed,
}
"""Events that are not here (digits, a refused queue, answers to commands) change no screen."""
