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

from collections.abc import Callable
from typing import Any

import msgspec

from callcenter.domain import events as e
from callcenter.domain.center import STRICT_STEP, Channel, ContactChoice
from callcenter.domain.commands import (
    CUSTOMER_OUTCOMES,
    DialKind,
    DialStage,
    LetterStage,
    OfferOutcome,
    Presence,
)
from callcenter.domain.skills import Learned, Qualification
from callcenter.domain.units import SECOND, AgentId, FrontendId, Micros, OfferId, QueueId
from callcenter.records.counters import Counters
from callcenter.records.day import local_day
from callcenter.records.live_indexes import BUSY, LiveIndexes, count_needs, fits
from callcenter.records.live_state import (
    IN_QUEUE,
    REPLIES_MAX,
    Estimate,
    LiveAgent,
    LiveAnnouncement,
    LiveContact,
    LiveData,
    LiveDoor,
    LiveFax,
    LiveFrontend,
    LiveLetter,
    LiveQueue,
    LiveWrapUp,
    Stage,
)
from callcenter.records.visits import (
    LOST_RESULTS,
    OUTCOME_OF_EXIT,
    REACHED,
    Outcome,
    Visit,
    outcome_of_end,
    reason_of_move,
)

FAXES_MAX = 200
"""Of those that are over."""
ASKED_FOR = frozenset({Presence.LOGGED_OUT, Presence.NOT_READY, Presence.READY})

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LiveData)


class LiveState(LiveIndexes):
    """The fold."""

    # --- snapshot -----------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything, to go on from."""
        return _encoder.encode(self.data)

    @classmethod
    def restore(cls, snapshot: bytes) -> "LiveState":
        """The state `snapshot` was taken of. Raises `msgspec.DecodeError`."""
        return cls(_decoder.decode(snapshot))

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
            blob=event.blob,
        )

    def reply_arrived(self, event: e.ReplyArrived) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None and event.reply not in contact.replies:
            contact.replies = (*contact.replies, event.reply)[-REPLIES_MAX:]

    def letter_changed(self, event: e.LetterChanged) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            before = contact.letters.get(event.letter)
            letter = LiveLetter(
                stage=event.stage, not_before=event.not_before, reason=event.reason,
                blob=event.blob or (before.blob if before else ""),
            )  # fmt: skip
            contact.letters = {**contact.letters, event.letter: letter}

    def fax_placed(self, event: e.FaxPlaced) -> None:
        data = self.data
        data.contacts[event.contact] = LiveContact(
            id=event.contact,
            channel=Channel.FAX,
            frontend=FrontendId(""),
            arrived=event.at,
            dialled=event.caller,
            party=event.party,
            stage_since=event.at,
            origin=event.origin,
            blob=event.blob,
        )
        data.faxes[event.contact] = LiveFax(
            id=event.contact,
            placed=event.at,
            party=event.party,
            blob=event.blob,
            pages=event.pages,
            origin=event.origin,
            agent=event.agent,
            by=event.by,
            caller=event.caller,
            confirmed=event.first,
            changed=event.at,
        )
        over = [fax.id for fax in data.faxes.values() if fax.over]
        for fax in over[:-FAXES_MAX]:
            del data.faxes[fax]

    def fax_changed(self, event: e.FaxChanged) -> None:
        fax = self.data.faxes.get(event.contact)
        if fax is not None:
            self.data.faxes[event.contact] = msgspec.structs.replace(
                fax,
                stage=event.stage,
                attempt=event.attempt,
                confirmed=event.confirmed,
                outcome=event.outcome or fax.outcome,
                until=event.not_before if event.stage is LetterStage.WAITING else 0,
                changed=event.at,
            )

    def contact_put_aside(self, event: e.ContactPutAside) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.stage, contact.stage_since = Stage.ASIDE, event.at
            contact.put_by, contact.due = event.agent, event.until

    def contact_placed(self, event: e.ContactPlaced) -> None:
        self.data.contacts[event.contact] = LiveContact(
            id=event.contact,
            channel=event.channel,
            frontend=event.frontend,
            arrived=event.at,
            dialled=event.dialled,
            party=event.party,
            stage_since=event.at,
            origin=event.origin,
            calls_back=not event.agent,
            agent=event.agent,
            placed=bool(event.agent),
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
        contact.priority = event.priority
        self.data.queued += 1
        contact.order = self.data.queued
        contact.key = (event.place_from or event.since) - event.priority * self._worth(event.queue)
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
        contact.put_by, contact.due = AgentId(""), 0
        contact.estimate = None
        contact.skills = event.skills
        waiting = self.in_queue.get(event.queue)
        if waiting is None:
            waiting = self.in_queue[event.queue] = {}
        waiting[contact.id] = contact
        self._counters(event.queue, contact).offered += 1
        count_needs(self._queue(event.queue), event.skills)

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
        contact.key -= (priority - contact.priority) * self._worth(contact.queue)
        contact.priority = priority

    def _worth(self, queue: QueueId) -> Micros:
        """How much waiting one step of priority stands for, as the center compares contacts."""
        if self.data.center.contact_choice is ContactChoice.STRICT:
            return STRICT_STEP
        config = self.config.get(queue)
        return (config.ageing_seconds if config else 0) * SECOND

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
        lost = event.termination.result in LOST_RESULTS
        outcome = outcome_of_end(event.termination)
        return self._end_visit(
            contact,
            event.at,
            event.waited,
            Outcome.CALLBACK if contact.calls_back and not lost else outcome,
            reason=event.termination.reason.value,
            lost=lost,
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
            if event.preview_seconds:
                contact.preview_until = event.at + event.preview_seconds * SECOND

    def offer_confirmed(self, event: e.OfferConfirmed) -> None:
        """She has looked at it: now her phone rings."""
        contact = self.data.contacts.get(event.contact)
        if contact is not None and contact.offer == event.offer:
            contact.preview_until = 0
            contact.stage_since = event.at

    def offer_accepted(self, event: e.OfferAccepted) -> None:
        self._agent(event.agent).offers.pop(event.offer, None)

    def consult_made(self, event: e.ConsultMade) -> None:
        self._agent(event.agent).offers[event.offer] = event.contact
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.asked = event.agent

    def call_placed(self, event: e.CallPlaced) -> None:
        self._agent(event.agent).offers[event.offer] = event.contact

    def outside_dialled(self, event: e.OutsideDialled) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None and event.kind in (DialKind.CONSULT, DialKind.TRANSFER):
            there = event.stage in (DialStage.DIALLED, DialStage.ANSWERED)
            contact.outside = event.stage if there else None

    def consult_unanswered(self, event: e.ConsultUnanswered) -> None:
        agent = self._agent(event.agent)
        agent.offers.pop(event.offer, None)
        agent.today.missed += event.outcome is OfferOutcome.EXPIRED
        agent.today.declined += event.outcome is OfferOutcome.DECLINED
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.asked = AgentId("")

    def handed_over(self, event: e.HandedOver) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.beside.pop(event.to_segment, None)
            contact.agent, contact.segment = event.agent, event.to_segment
            contact.held = contact.conference = False
            contact.stage_since = event.at
            contact.disposition = ""

    def conferenced(self, event: e.Conferenced) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.conference = event.joined

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
            contact.preview_until = 0

    def offer_declined(self, event: e.OfferDeclined) -> None:
        agent = self._offer_not_taken(event)
        if event.outcome not in CUSTOMER_OUTCOMES:
            agent.today.declined += 1

    def offer_expired(self, event: e.OfferExpired) -> None:
        self._offer_not_taken(event).today.missed += 1

    def offer_rescinded(self, event: e.OfferRescinded) -> None:
        self._offer_not_taken(event)

    def segment_started(self, event: e.SegmentStarted) -> Visit | None:
        self._agent(event.agent).segments[event.segment] = event.contact
        contact = self.data.contacts.get(event.contact)
        if contact is None:
            return None
        if event.beside:
            contact.beside[event.segment] = event.agent
            contact.asked = AgentId("")
            return None
        visit = None
        if contact.stage in IN_QUEUE:
            outcome = Outcome.CALLBACK if contact.calls_back else Outcome.ANSWERED
            reason = REACHED if contact.calls_back else ""
            visit = self._end_visit(
                contact, event.at, event.waited, outcome, agent=event.agent, reason=reason
            )
        contact.calls_back = contact.placed = False
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
        if contact is not None:
            contact.beside.pop(event.segment, None)
            contact.conference = contact.conference and bool(contact.beside)
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

    def learned(self, event: Learned) -> None:
        """What she can has changed, and with it who serves which queue."""
        self.data.qualifications.setdefault(event.agent, Qualification()).learn(event)
        if event.agent not in self.people:
            return
        skills = self.skills[event.agent] = self._skills_of(event.agent)
        for queue in self.data.center.queues:
            if (event.agent in self.able[queue.id]) != fits(queue, skills):
                self.able[queue.id] = self._able(queue)

    def queue_opened(self, event: e.QueueOpened) -> None:
        if event.follow_calendar:
            self.data.doors.pop(event.queue, None)
        else:
            self.data.doors[event.queue] = LiveDoor(open=True, since=event.at, by=event.by)

    def queue_closed(self, event: e.QueueClosed) -> None:
        self.data.doors[event.queue] = LiveDoor(open=False, since=event.at, by=event.by)

    def announcement_set(self, event: e.AnnouncementSet) -> None:
        if event.announcement:
            self.data.announcements[event.queue] = LiveAnnouncement(
                prompt=event.announcement, since=event.at, by=event.by
            )
        else:
            self.data.announcements.pop(event.queue, None)

    def wait_estimated(self, event: e.WaitEstimated) -> None:
        contact = self.data.contacts.get(event.contact)
        if contact is not None:
            contact.estimate = Estimate(
                at=event.at,
                position=event.position,
                expected=event.expected,
                promised=event.promised,
            )

    def queue_estimated(self, event: e.QueueEstimated) -> None:
        self._queue(event.queue).estimate = Estimate(
            at=event.at, expected=event.expected, promised=event.promised
        )

    def configuration_changed(self, event: e.ConfigurationChanged) -> None:
        data = self.data
        other_choice = data.center.contact_choice is not event.center.contact_choice
        data.center, data.version = event.center, event.version
        data.day_start, data.day_end = local_day(event.center.timezone, event.at)
        self._index()
        for agent in event.center.agents:
            self._agent(agent.id)
        for old in list(data.agents.values()):
            if old.id not in self.people and old.presence is Presence.LOGGED_OUT:
                del data.agents[old.id]
        here = {queue.id for queue in event.center.queues}
        data.doors = {k: v for k, v in data.doors.items() if k in here}
        data.announcements = {k: v for k, v in data.announcements.items() if k in here or not k}
        for queue in event.center.queues:
            live = self._queue(queue.id)
            live.day_start, live.day_end = local_day(queue.timezone, event.at)
        self._index()
        for contact in data.contacts.values() if other_choice else ():
            contact.key = contact.since - contact.priority * self._worth(contact.queue)


FOLDS: dict[type[Any], Callable[[LiveState, Any], Visit | None]] = {
    e.ContactArrived: LiveState.contact_arrived,
    e.FlowStarted: LiveState.flow_started,
    e.StepEntered: LiveState.step_entered,
    e.CustomerIdentified: LiveState.customer_identified,
    e.ContactPlaced: LiveState.contact_placed,
    e.ContactQueued: LiveState.contact_queued,
    e.ContactMoved: LiveState.contact_moved,
    e.RingWidened: LiveState.ring_widened,
    e.PriorityChanged: LiveState.priority_changed,
    e.ContactDequeued: LiveState.contact_dequeued,
    e.OfferMade: LiveState.offer_made,
    e.OfferConfirmed: LiveState.offer_confirmed,
    e.OfferAccepted: LiveState.offer_accepted,
    e.ConsultMade: LiveState.consult_made,
    e.CallPlaced: LiveState.call_placed,
    e.OutsideDialled: LiveState.outside_dialled,
    e.ConsultUnanswered: LiveState.consult_unanswered,
    e.HandedOver: LiveState.handed_over,
    e.Conferenced: LiveState.conferenced,
    e.OfferDeclined: LiveState.offer_declined,
    e.OfferExpired: LiveState.offer_expired,
    e.OfferRescinded: LiveState.offer_rescinded,
    e.SegmentStarted: LiveState.segment_started,
    e.Held: LiveState.held,
    e.Resumed: LiveState.held,
    e.SegmentEnded: LiveState.segment_ended,
    e.ReplyArrived: LiveState.reply_arrived,
    e.ContactPutAside: LiveState.contact_put_aside,
    e.LetterChanged: LiveState.letter_changed,
    e.FaxPlaced: LiveState.fax_placed,
    e.FaxChanged: LiveState.fax_changed,
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
    e.TrainingRecorded: LiveState.learned,
    e.CertificateExpiring: LiveState.learned,
    e.CertificateExpired: LiveState.learned,
    e.SkillsChanged: LiveState.learned,
    e.QueueOpened: LiveState.queue_opened,
    e.QueueClosed: LiveState.queue_closed,
    e.AnnouncementSet: LiveState.announcement_set,
    e.WaitEstimated: LiveState.wait_estimated,
    e.QueueEstimated: LiveState.queue_estimated,
}
"""Events that are not here (digits, a refused queue, answers to commands) change no screen."""
