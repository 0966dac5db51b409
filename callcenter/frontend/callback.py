"""A customer is called back: the agent's phone first, then the customer's, then the two talk.

    promised ──a grant──► an agent is rung ──answered──► the customer is dialled ──answered──► a call
       ▲                      │                              │                       (`call.py`)
       └──────────────────────┴──not taken, not reached──────┘

Why: nobody is on the line while it waits, so all there is of it is a record: it outlives any
restart, and a stop of the server. What follows a grant is as with a caller who waits (`offer.py`).
The offer is open until the customer has answered: then it is reported as accepted, and from there
on it is a call like any other, whose caller happens to have been called. If she is not reached,
that is what became of the offer; when to try again is control's to say.

One attempt dials once, whatever dies: the INVITE to the customer leaves when its record is kept,
and a life that finds the record goes on with that INVITE and makes no other. The number stands in
the record and in the erasable place of the parties, and nowhere else.

Sources: RFC 3725 (third party call control; here with media of our own), RFC 3261 13.2, 9.1, 22.2.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from callcenter.domain.commands import (
    CallbackRequested,
    ContactEndReported,
    DialKind,
    DialReported,
    DialStage,
    OfferOutcome,
    OfferReported,
    QueueRequested,
)
from callcenter.domain.events import (
    CallbackRefused,
    ContactEnded,
    ContactPlaced,
    Event,
    OfferMade,
    OfferRescinded,
)
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    SECOND,
    AgentId,
    ContactId,
    Micros,
    OfferId,
    PartyId,
    QueueId,
    SegmentId,
)
from callcenter.frontend.call_record import CallRecord, Stage
from callcenter.frontend.caller import screen_name, screen_user
from callcenter.frontend.dialling import STAGES, dial, outcome_of_refusal, road_to
from callcenter.frontend.endings import ELSEWHERE, RANG_OUT, ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.offer import Offer, OfferRecord, Shown
from callcenter.frontend.outside import RINGBACK
from callcenter.frontend.secrecy import rule_of
from callcenter.frontend.standby import StandbyLeg
from callcenter.frontend.talk import Speaker, Talk, TalkRecord, answer_reinvite
from callcenter.frontend.turn import KeepParty
from callcenter.ivr.session import AskCallback
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent
from callcenter.sip.record import DialogRecord

_encoder = msgspec.msgpack.Encoder()

DIAL_SECONDS_MAX = 120


class Dialled(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An agent who has answered, and the customer who is called for her."""

    offer: OfferId
    agent: AgentId
    queue: QueueId
    until: Micros
    """Center time: then the customer is given up."""
    since: Micros
    agent_dialog: DialogRecord
    agent_media: LegRecord
    agent_answer: bytes
    customer_dialog: DialogRecord | None = None
    customer_media: LegRecord | None = None
    customer_answer: bytes = b""


class CallbackRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a callback."""

    contact: ContactId
    origin: ContactId
    waits: QueueRequested
    number: str
    party: PartyId
    dialled: str
    made: Micros
    secret: str
    """From which the names of the INVITEs to agents are made."""
    promised: bool = False
    """Control has placed it."""
    legs: int = 0
    offer: OfferRecord | None = None
    attempt: Dialled | None = None


class Connected(Speaker, Protocol):
    """The call that a callback becomes (`call.CallStory`)."""

    media: MediaLeg
    talk: Talk | None


Connect = Callable[[Hands, CallRecord, sip.Call, LegRecord, None], Connected]


def promise(
    hands: Hands, call: CallRecord, wish: AskCallback, connected: Connect
) -> "CallbackStory | None":
    """A callback for the caller of `call`, who waits for the promise; None where there is no
    queue for it, or the number may not be called."""
    queue = QueueId(wish.queue or (call.waits.queue if call.waits else ""))
    known = hands.queue(queue)
    road = road_to(hands, wish.number, known.callback.trunk) if known else None
    if road is None:
        return None
    contact = hands.new_contact()
    before = call.waits or QueueRequested(contact=contact, queue=queue)
    record = CallbackRecord(
        contact=contact,
        origin=call.contact,
        waits=msgspec.structs.replace(
            before, contact=contact, queue=queue, attributes=wish.attributes, agent=AgentId("")
        ),
        number=road.number,
        party=PartyId(f"party-{contact}"),
        dialled=call.dialled,
        made=hands.center_now(),
        secret=hands.endpoint.new_id(),
    )
    story = CallbackStory(hands, record, connected)
    hands.promises.add(story.id)
    hands.begin(story)
    return story


class CallbackStory:
    """A callback and its owner."""

    def __init__(self, hands: Hands, record: CallbackRecord, connected: Connect) -> None:
        self.hands = hands
        self.record = record
        self.connected = connected
        """Makes the story of the call that it becomes."""
        self.answered: Callable[[bool], None] = lambda _promised: None
        """Tells the caller who asked, while she is there."""
        self.id: str = record.contact
        self.offer: Offer | None = None
        self._grant_seconds = 0
        self.agent: sip.Call | None = None
        self.customer: sip.Call | None = None
        self.agent_media: MediaLeg | None = None
        self.customer_media: MediaLeg | None = None
        self._over = False

    # ---- 1. it is promised ----------------------------------------------------------------

    def ask(self) -> None:
        """Ask control for a place; `told` hears whether there is one."""
        record, hands = self.record, self.hands
        hands.act(KeepParty(record.party, record.number))
        hands.report(
            CallbackRequested(
                origin=record.origin,
                frontend=hands.rules.frontend,
                waits=record.waits,
                dialled=record.dialled,
                party=record.party,
            )
        )

    def told(self, event: Event) -> None:
        """What control decided about it."""
        match event:
            case ContactPlaced():
                self.record.promised = True
                self._tell_caller(promised=True)
            case CallbackRefused():
                self._tell_caller(promised=False)
                self._forget()
            case OfferMade():
                self._offered(event)
            case OfferRescinded(offer=offer):
                self._rescinded(offer)
            case ContactEnded(termination=termination):
                self.end(termination.reason)
            case _:
                pass

    def _tell_caller(self, *, promised: bool) -> None:
        origin = self.hands.stories.get(self.record.origin)
        if origin is not None:
            self.hands.touch(origin)
            self.answered(promised)

    # ---- 2. an agent is rung --------------------------------------------------------------

    @property
    def offers(self) -> tuple[OfferId, ...]:
        """What it has in hand: to be named to control after a restart."""
        open_ones = [self.offer.record.offer] if self.offer is not None else []
        attempt = [self.record.attempt.offer] if self.record.attempt is not None else []
        return (*open_ones, *attempt)

    def _offered(self, grant: OfferMade) -> None:
        if grant.offer in self.offers:
            return
        who = f"callback {self.record.number}"
        shown = Shown(
            screen_name(self._title(grant.queue), grant.waited, who),
            screen_user(self.record.number),
            self.record.secret,
        )
        fresh = self.hands.center_now() <= grant.act_before
        if self.offers or not fresh:
            Offer.granted(self.hands, self, grant, shown).refuse()
            return
        leg = StandbyLeg(self.hands, self._next_leg("a"), None)
        self.offer = Offer.granted(self.hands, self, grant, shown, leg.media)
        self._grant_seconds = min(grant.dial_seconds, DIAL_SECONDS_MAX)
        self.offer.ring(leg)

    def _title(self, queue: QueueId) -> str:
        known = self.hands.queue(queue)
        return known.title if known else queue

    def _next_leg(self, kind: str) -> str:
        self.record.legs += 1
        return f"{self.id}/{kind}{self.record.legs}"

    def offer_over(self, offer: Offer) -> None:
        """Nobody answered, and control was told why."""
        if self.offer is offer:
            self.offer = None

    def _rescinded(self, offer: OfferId) -> None:
        """Taken back: moved, assigned, or control's own patience is over."""
        if self.offer is not None and self.offer.record.offer == offer:
            self.offer.rescind()
            self.offer = None
        elif self.record.attempt is not None and self.record.attempt.offer == offer:
            self._let_go(ELSEWHERE)

    # ---- 3. she has answered: the customer is dialled -------------------------------------

    def offer_answered(self, offer: Offer, call: sip.Call, answer: bytes) -> None:
        """The agent picked up: she hears it ring while the customer is called."""
        now = self.hands.center_now()
        self.offer = None
        self.agent, self.agent_media = call, offer.media
        self.record.attempt = Dialled(
            offer=offer.record.offer,
            agent=offer.record.agent,
            queue=offer.record.queue,
            until=now + self._seconds(offer.record.queue) * SECOND,
            since=now,
            agent_dialog=call.record(),
            agent_media=offer.media.record,
            agent_answer=answer,
        )
        self._connect_agent()

    def _seconds(self, queue: QueueId) -> int:
        """How long the customer's phone may ring; an earlier life may have read the grant."""
        known = self.hands.queue(queue)
        wanted = self._grant_seconds or (known.callback.ring_seconds if known else 30)
        return min(wanted, DIAL_SECONDS_MAX)

    def _connect_agent(self) -> None:
        attempt, media = self.record.attempt, self.agent_media
        assert attempt is not None
        assert media is not None
        self.hands.wake(self.id, max(0, attempt.until - self.hands.center_now()))

        def ready() -> None:
            if self.record.attempt is attempt and self.customer_media is None:
                ringback = self.hands.config.audio.get(RINGBACK, "")
                if ringback:
                    media.play_music(ringback)
                self._open_customer(media)

        if not media.answered(attempt.agent_answer, ready, lambda _: self._failed(attempt)):
            self._failed(attempt)

    def _open_customer(self, agent: MediaLeg) -> None:
        attempt = self.record.attempt
        assert attempt is not None
        attempt.customer_media = LegRecord(id=self._next_leg("c"))
        self.customer_media = leg = MediaLeg(self.hands, attempt.customer_media, said=lambda: None)

        def ready() -> None:
            if self.record.attempt is attempt and self.customer is None:
                self._dial(leg)

        leg.open_for_phone(agent, ready, lambda _: self._failed(attempt))

    def _dial(self, leg: MediaLeg) -> None:
        """Once and through a trunk that may: what was promised may be forbidden since."""
        queue = self.hands.queue(self.record.waits.queue)
        road = road_to(self.hands, self.record.number, queue.callback.trunk if queue else "")
        if road is None:
            self._audit(DialStage.NOT_ALLOWED)
            self._not_reached(OfferOutcome.CUSTOMER_FAILED, was_dialled=False)
            return
        flow, attempt = road.trunk.flow, self.record.attempt
        assert flow is not None
        assert attempt is not None
        rule = rule_of(road.trunk.srtp, flow)
        if rule.forbids_call:
            self._audit(DialStage.NOT_ALLOWED, road.trunk.name)
            self._not_reached(OfferOutcome.CUSTOMER_FAILED, was_dialled=False)
            return

        def ready() -> None:
            if self.record.attempt is attempt and self.customer is None:
                leg.tell(flow, rule)
                self.customer = dial(self.hands, road, leg.offer_sdp(), caller=self.record.dialled)
                self._audit(DialStage.DIALLED, road.trunk.name)
                self.hands.follow(self.customer, self)
                self.hands.dialling[self.id] = self

        leg.prepare((flow,), ready, lambda _: self._failed(attempt), rule)

    def _audit(self, stage: DialStage, trunk: str = "") -> None:
        """Every dial is written down, as an agent's is."""
        attempt, hands = self.record.attempt, self.hands
        hands.counts[f"dial.{DialKind.CALLBACK}/{stage}"] += 1
        hands.report(
            DialReported(
                contact=self.record.contact,
                agent=attempt.agent if attempt else AgentId(""),
                kind=DialKind.CALLBACK,
                stage=stage,
                party=self.record.party,
                trunk=trunk,
            )
        )

    # ---- 4. she answers, or does not ------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened at a phone."""
        if self._over or not isinstance(event, CallEvent):
            return
        if event.call is self.customer:
            self._heard_customer(event)
        elif event.call is self.agent:
            self._heard_agent(event)
        elif self.offer is not None:
            self.offer.heard(event)

    def _heard_customer(self, event: CallEvent) -> None:
        match event:
            case sip.CallAnswered(sdp=answer):
                self._customer_answered(answer or b"")
            case sip.CallRejected(status=status):
                self.customer = None
                self._not_reached(outcome_of_refusal(status))
            case sip.CallEnded():
                self.customer = None
                self._not_reached(OfferOutcome.CUSTOMER_NO_ANSWER)
            case _:
                pass

    def _heard_agent(self, event: CallEvent) -> None:
        attempt = self.record.attempt
        if isinstance(event, sip.CallEnded) and attempt is not None:
            self.agent = None
            self._report(attempt, OfferOutcome.DECLINED)
            self._let_go(ending(Reason.AGENT_HUNG_UP).reason_header)
        elif isinstance(event, sip.CallReinvited) and self.agent_media is not None:
            answer_reinvite(self.hands, event.call, self.agent_media, event.sdp)

    def _customer_answered(self, answer: bytes) -> None:
        attempt, leg = self.record.attempt, self.customer_media
        assert attempt is not None
        assert leg is not None
        attempt.customer_answer = answer

        def ready() -> None:
            if self.record.attempt is attempt:
                self._become_a_call(attempt)

        if not leg.answered(answer, ready, lambda _: self._failed(attempt)):
            self._failed(attempt)

    def _become_a_call(self, attempt: Dialled) -> None:
        """Both are on the line: from here on it is told in `call.py`."""
        hands, record = self.hands, self.record
        assert self.customer is not None
        assert self.agent is not None
        assert attempt.customer_media is not None
        now = hands.center_now()
        call = CallRecord(
            contact=record.contact,
            stage=Stage.TALKING,
            dialled=record.dialled,
            flow="",
            revision="",
            arrived=now,
            answered=now,
            caller=record.number,
            waits=record.waits,
            since=now,
            legs=record.legs,
            secret=record.secret,
            agent=attempt.agent,
        )
        story = self.connected(hands, call, self.customer, attempt.customer_media, None)
        talk = TalkRecord(
            offer=attempt.offer,
            segment=SegmentId(f"s-{attempt.offer}"),
            agent=attempt.agent,
            queue=attempt.queue,
            dialog=self.agent.record(),
            media=attempt.agent_media,
            since=now,
        )
        story.talk = Talk(hands, story, story.media, self.agent, talk)
        self._over = True
        self._unlist()
        hands.begin(story)
        hands.follow(self.customer, story)
        hands.follow(self.agent, story)
        hands.counts["callback.reached"] += 1
        self._audit(DialStage.ANSWERED)
        story.talk.join()

    # ---- 5. it did not come to that -------------------------------------------------------

    def _not_reached(self, outcome: OfferOutcome, *, was_dialled: bool = True) -> None:
        attempt = self.record.attempt
        if attempt is None:
            return
        self.hands.counts[f"callback.{outcome.removeprefix('customer_')}"] += 1
        if was_dialled:
            self._audit(STAGES[outcome])
        self._report(attempt, outcome)
        self._let_go(RANG_OUT)

    def _failed(self, attempt: Dialled) -> None:
        """Our side could not connect them; nobody's fault, and no attempt of the customer's."""
        if self.record.attempt is attempt:
            self.hands.counts["callback.failed"] += 1
            self._report(attempt, OfferOutcome.FAILED)
            self._let_go(ending(Reason.MEDIA_UNAVAILABLE).reason_header)

    def _report(self, attempt: Dialled, outcome: OfferOutcome) -> None:
        self.hands.report(
            OfferReported(
                offer=attempt.offer,
                contact=self.record.contact,
                agent=attempt.agent,
                outcome=outcome,
            )
        )

    def _let_go(self, why: tuple[str, str]) -> None:
        """Both phones stop; the promise stays."""
        hands, attempt = self.hands, self.record.attempt
        if self.customer is not None:
            if self.customer.state is sip.CallState.CONFIRMED:
                self.customer.bye(hands.now, headers=(why,))
            else:
                self.customer.cancel(hands.now, headers=(why,))
            hands.let_go(self.customer)
        if self.agent is not None:
            self.agent.bye(hands.now, headers=(why,))
            hands.let_go(self.agent, attempt.agent if attempt else None)
        for leg in (self.agent_media, self.customer_media):
            if leg is not None:
                leg.close()
        self.agent = self.customer = None
        self.agent_media = self.customer_media = None
        self.record.attempt = None
        hands.dialling.pop(self.id, None)

    def end(self, reason: Reason) -> None:
        """It is over by control's word or by a mistake of ours. A server that stops keeps it."""
        if self._over:
            return
        if self.offer is not None:
            self.offer.rescind()
            self.offer.report_failed()
            self.offer = None
        if self.record.attempt is not None:
            self._report(self.record.attempt, OfferOutcome.FAILED)
            self._let_go(ending(reason).reason_header)
        if reason is Reason.DRAINING:
            return
        if reason is Reason.INTERNAL and self.record.promised:
            self.hands.report(
                ContactEndReported(contact=self.record.contact, termination=ended(reason))
            )
        self._forget()

    def _forget(self) -> None:
        self._over = True
        self._unlist()
        self.hands.over(self)

    def _unlist(self) -> None:
        self.hands.promises.discard(self.id)
        self.hands.dialling.pop(self.id, None)

    # ---- the rest of a story --------------------------------------------------------------

    def tick(self) -> None:
        """The agent's ring time, then the customer's."""
        if self.offer is not None:
            self.offer.tick()
        attempt = self.record.attempt
        if attempt is not None and self.hands.center_now() >= attempt.until:
            self._out_of_time(attempt)

    def _out_of_time(self, attempt: Dialled) -> None:
        if self.customer is None or attempt.customer_answer:
            self._failed(attempt)
        else:
            self._not_reached(OfferOutcome.CUSTOMER_NO_ANSWER)

    def digit(self, leg: str, digit: str) -> None:
        """Keys mean nothing before the two talk."""

    def pressed(self, call: sip.Call, digit: str) -> None:
        """The same by INFO."""

    def finished(self, leg: str, file: str) -> None:
        """The ringing tone repeats by itself."""

    def silent(self, leg: str, seconds: int) -> None:
        """An agent who waits for the customer may say nothing."""

    def sound(self, leg: str) -> None:
        """And may speak."""

    def media_restarted(self) -> None:
        """The engine has its legs again but not what it played."""
        if self.agent_media is not None:
            self.agent_media.play_again()

    def legs(self) -> list[str]:
        """The agent's media leg, and the customer's."""
        rings = [self.offer.media.record.id] if self.offer is not None else []
        media = (self.agent_media, self.customer_media)
        return [*rings, *(leg.record.id for leg in media if leg is not None)]

    @property
    def awaits_control(self) -> bool:
        """Until it is promised, and while somebody is on a line; nobody waits for a later grant."""
        return not self.record.promised or self.offer is not None or bool(self.record.attempt)

    # ---- what is kept of it ---------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """All of it, from the moment it is asked for."""
        if self._over:
            return {}
        record, attempt = self.record, self.record.attempt
        rings = self.offer is not None and self.offer.dials
        record.offer = self.offer.kept() if self.offer is not None and rings else None
        if attempt is not None:
            if self.agent is not None:
                attempt.agent_dialog = self.agent.record()
            attempt.customer_dialog = self.customer.record() if self.customer else None
        return {f"callback:{self.id}": _encoder.encode(record)}

    def take_up(self) -> None:
        """Go on after a restart, where the last life left it."""
        hands, record, attempt = self.hands, self.record, self.record.attempt
        hands.promises.add(self.id)
        if record.offer is not None:
            self.offer = Offer.restored(hands, self, record.offer)
        if attempt is None:
            return
        self.agent = hands.endpoint.restore(attempt.agent_dialog, hands.now)
        hands.follow(self.agent, self)
        self.agent_media = MediaLeg(hands, attempt.agent_media, said=lambda: None)
        hands.wake(self.id, max(0, attempt.until - hands.center_now()))
        if attempt.customer_dialog is None or attempt.customer_media is None:
            attempt.customer_media = None
            self._connect_agent()
            return
        self.customer = hands.endpoint.restore(attempt.customer_dialog, hands.now)
        hands.follow(self.customer, self)
        self.customer_media = MediaLeg(hands, attempt.customer_media, said=lambda: None)
        hands.dialling[self.id] = self
        if attempt.customer_answer:
            self._customer_answered(attempt.customer_answer)
