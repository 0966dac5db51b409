"""An agent calls a number outside: at her phone, or from her desk, where her phone rings first.

    she dials ──► control grants it ──► the number is dialled ──► answered: a call (`call.py`)
    her desk ──► granted ──► her phone rings ──► she answers ──┘        └── not: ended by name

Why: from the answer on it is a call like any other, whose caller happens to have been called, so all
that an agent can do with a caller she can do with it. Before that nobody outside relies on anything:
her phone is told what became of the number by the status that it would get from any exchange.

It is hers alone: no queue, nobody else is offered it, and nothing else is offered to her meanwhile.
A front end that dies before the answer gives the call up; who is talking talks on.

Sources: RFC 3261 13, 21 (what her phone is told); RFC 3725 (her phone first).
"""

from callcenter.domain.center import Channel
from callcenter.domain.commands import (
    ContactEndReported,
    DialKind,
    DialRequested,
    DialStage,
    OfferOutcome,
    OfferReported,
)
from callcenter.domain.duty import duty_named
from callcenter.domain.events import (
    CallPlaced,
    CommandAnswered,
    ConsultUnanswered,
    ContactEnded,
    Event,
    OfferMade,
)
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, AgentId, CommandId, Micros, OfferId, QueueId, SegmentId
from callcenter.frontend.call_record import CallRecord, Stage
from callcenter.frontend.callback import Connect
from callcenter.frontend.caller import screen_name, screen_user
from callcenter.frontend.dialling import Road, road_for, road_to
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.offer import Offer, Shown
from callcenter.frontend.outbound_record import OutboundRecord
from callcenter.frontend.outside import (
    RINGBACK,
    Outside,
    OutsideRecord,
    Wanted,
    not_allowed,
    until,
)
from callcenter.frontend.outside_asked import Called
from callcenter.frontend.standby import StandbyLeg
from callcenter.frontend.talk import Talk, TalkRecord, answer_reinvite
from callcenter.frontend.turn import ContactClosed, FetchParty, KeepParty, Message
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent

ANSWER_LIMIT: Micros = 5 * SECOND
"""How long control, or the place where numbers stand, may take."""
OUTCOMES: dict[DialStage, OfferOutcome] = {
    DialStage.BUSY: OfferOutcome.CUSTOMER_BUSY,
    DialStage.NO_ANSWER: OfferOutcome.CUSTOMER_NO_ANSWER,
}
"""What control is told of the grant; anything else is a failure of the trunk's or ours."""
STATUSES: dict[DialStage, int] = {
    DialStage.BUSY: 486,
    DialStage.NO_ANSWER: 480,
    DialStage.NOT_ALLOWED: 403,
}
"""What her phone is told; 503 for anything else."""


class OutboundStory:
    """Her call, from the wish to the answer."""

    def __init__(self, hands: Hands, record: OutboundRecord, connected: Connect) -> None:
        self.hands = hands
        self.record = record
        self.connected = connected
        """Makes the story of the call that it becomes."""
        self.id: str = record.contact
        self.offer: Offer | None = None
        self.agent: sip.Call | None = None
        self.agent_media: MediaLeg | None = None
        self.outside: Outside | None = None
        self._road: Road | None = None
        self._gives_up: Micros = hands.now + ANSWER_LIMIT
        self._waits = True
        """For control, or for the number."""
        self._over = False

    # ---- 1. she dials at her phone --------------------------------------------------------

    def dialled(self, call: sip.Call, called: Called) -> None:
        """Her INVITE; the number may be called."""
        record, hands = self.record, self.hands
        self.agent, self._road = call, called.road
        record.by_phone = True
        self.agent_media = MediaLeg(hands, LegRecord(id=f"{self.id}/a1"), said=lambda: None)
        self.agent_media.tell(call.flow)
        offer = call.remote_sdp
        if offer is None or not self.agent_media.open_for_caller(offer, self._ask, self._broken):
            row = ending(self.agent_media.refusal)
            call.reject(row.status, hands.now, headers=row.headers)
            self.agent = None
            self.end(self.agent_media.refusal)
            return
        hands.wake(self.id, ANSWER_LIMIT)

    def _ask(self) -> None:
        record, hands = self.record, self.hands
        wanted = record.wanted
        if wanted.party:
            hands.act(KeepParty(wanted.party, record.number))
        hands.report(
            DialRequested(
                agent=wanted.agent,
                kind=DialKind.CALL,
                contact=record.contact,
                frontend=hands.rules.frontend,
                party=wanted.party,
                duty=bool(wanted.duty),
                by=wanted.by,
                request=CommandId(f"{hands.rules.frontend}:{record.contact}"),
            )
        )

    def told(self, event: Event) -> None:
        """What control decided about it."""
        match event:
            case CallPlaced(rings_first=False) if self._waits and self._road is not None:
                self._waits = False
                self.record.offer = event.offer
                self._dial(self._road)
            case ConsultUnanswered():
                self.end(Reason.CALL_GIVEN_UP)
            case ContactEnded(termination=termination):
                self.end(termination.reason)
            case _:
                pass

    def answered(self, answer: CommandAnswered) -> None:
        """Control will not have it: she is not on duty, or at work."""
        if self._waits and not answer.accepted:
            self.end(Reason.NOT_ALLOWED)

    # ---- 1. or at her desk: her phone rings -----------------------------------------------

    def granted(self, grant: CallPlaced) -> None:
        """Where is the number, and may it be called?"""
        record, hands = self.record, self.hands
        record.offer, record.ring_seconds = grant.offer, grant.ring_seconds
        if hands.center_now() > grant.act_before or hands.reads_again:
            self._not_allowed(DialStage.FAILED)
        elif grant.duty:
            duty = duty_named(hands.center, grant.duty)
            self._ring(duty.number, road_to(hands, duty.number)) if duty else self._ring("", None)
        else:
            hands.act(FetchParty(record.contact, grant.party))
            hands.wake(self.id, ANSWER_LIMIT)

    def fetched(self, number: str) -> None:
        """The number that was typed at the desk."""
        if self._waits and not self.record.by_phone:
            self._ring(number, road_for(self.hands, self.record.wanted.agent, number))

    def _ring(self, number: str, road: Road | None) -> None:
        record, hands = self.record, self.hands
        self._waits = False
        if road is None:
            self._not_allowed(DialStage.NOT_ALLOWED)
            return
        self._road, record.number = road, road.number
        hands.report(record.wanted.told(record.contact, DialStage.ALLOWED))
        grant = OfferMade(
            at=hands.center_now(),
            offer=record.offer,
            contact=record.contact,
            queue=QueueId(""),
            channel=Channel.VOICE,
            agent=record.wanted.agent,
            frontend=hands.rules.frontend,
            ring_seconds=record.ring_seconds,
            act_before=hands.center_now(),
        )
        shown = Shown(
            screen_name("Your call", 0, number), screen_user(number), hands.endpoint.new_id()
        )
        leg = StandbyLeg(hands, f"{self.id}/a1", None)
        self.offer = Offer.granted(hands, self, grant, shown, leg.media)
        self.offer.beside = True
        self.offer.ring(leg)

    def _not_allowed(self, stage: DialStage) -> None:
        record, hands = self.record, self.hands
        if stage is DialStage.NOT_ALLOWED:
            not_allowed(hands, record.contact, record.wanted)
        else:
            hands.report(record.wanted.told(record.contact, stage))
        self.end(Reason.NOT_ALLOWED if stage is DialStage.NOT_ALLOWED else Reason.CALL_GIVEN_UP)

    def offer_over(self, offer: Offer) -> None:
        """She did not pick up; control was told."""
        if self.offer is offer:
            self.offer, self.record.offer = None, OfferId("")
            self.end(Reason.CALL_GIVEN_UP)

    def offer_answered(self, offer: Offer, call: sip.Call, answer: bytes) -> None:
        """She picked up: she hears it ring while the number is dialled."""
        self.offer, self.agent = None, call
        media = self.agent_media = offer.media

        def ready() -> None:
            if self._over or self.outside is not None or self._road is None:
                return
            ringback = self.hands.config.audio.get(RINGBACK, "")
            if ringback:
                media.play_music(ringback)
            self._dial(self._road)

        if not media.answered(answer, ready, self._broken):
            self._broken({})

    # ---- 2. the number is dialled ---------------------------------------------------------

    def _dial(self, road: Road) -> None:
        hands, record = self.hands, self.record
        assert self.agent_media is not None
        outside = OutsideRecord(
            wanted=record.wanted,
            number=road.number,
            trunk=road.trunk.name,
            until=until(hands),
            media=LegRecord(id=f"{self.id}/c1"),
        )
        self.outside = Outside(
            hands, self, outside, answered=self._connected, over=self._not_reached
        )
        self.outside.rings = self._rings
        self.outside.dial(road, self.agent_media, record.caller)

    def _rings(self) -> None:
        if self.record.by_phone and self.agent is not None:
            self.agent.ringing(self.hands.now)

    def _not_reached(self, _outside: Outside, stage: DialStage) -> None:
        self.outside = None
        self._finish(stage, Reason.CALL_UNREACHED)

    def _connected(self, outside: Outside) -> None:
        """Both are on the line: from here on it is told in `call.py`."""
        hands, record = self.hands, self.record
        assert self.agent is not None
        assert self.agent_media is not None
        assert outside.call is not None
        now = hands.center_now()
        call = CallRecord(
            contact=record.contact,
            stage=Stage.TALKING,
            dialled="",
            flow="",
            revision="",
            arrived=now,
            answered=now,
            caller=record.number,
            since=now,
            legs=1,
            secret=hands.endpoint.new_id(),
            agent=record.wanted.agent,
        )
        story = self.connected(hands, call, outside.call, outside.record.media, None)
        if record.by_phone:
            self.agent.answer(self.agent_media.answer_sdp(), hands.now)
        talk = TalkRecord(
            offer=record.offer,
            segment=SegmentId(f"s-{record.offer}"),
            agent=record.wanted.agent,
            queue=QueueId(""),
            dialog=self.agent.record(),
            media=self.agent_media.record,
            since=now,
        )
        story.talk = Talk(hands, story, story.media, self.agent, talk)
        self._over = True
        hands.begin(story)
        hands.follow(outside.call, story)
        hands.follow(self.agent, story)
        story.talk.join(beside=True)

    # ---- 3. it did not come to that -------------------------------------------------------

    def _broken(self, _: Message) -> None:
        self._finish(DialStage.FAILED, Reason.MEDIA_UNAVAILABLE)

    def end(self, reason: Reason) -> None:
        """She gave it up, or nobody may, or by control's word."""
        stage = DialStage.NOT_ALLOWED if reason is Reason.NOT_ALLOWED else DialStage.GIVEN_UP
        self._finish(stage, reason)

    def _finish(self, stage: DialStage, reason: Reason, *, she_left: bool = False) -> None:
        if self._over:
            return
        self._over = True
        hands, record, row = self.hands, self.record, ending(reason)
        if self.outside is not None:
            self.outside.give_up(reason)
        if self.offer is not None:
            self.offer.rescind()
        self._let_go(stage, row.reason_header, she_left=she_left)
        for leg in (self.agent_media, self.offer.media if self.offer else None):
            if leg is not None:
                leg.close()
        if record.offer:
            hands.report(
                OfferReported(
                    offer=record.offer,
                    contact=record.contact,
                    agent=record.wanted.agent,
                    outcome=OUTCOMES.get(stage, OfferOutcome.CUSTOMER_FAILED),
                    beside=True,
                )
            )
        if record.offer or not record.by_phone:
            hands.report(ContactEndReported(contact=record.contact, termination=ended(reason)))
        hands.act(
            ContactClosed(
                record.contact, row.label, row.fault,
                (hands.center_now() - record.made) / SECOND, ended(reason).result,
                agent=record.wanted.agent,
            )
        )  # fmt: skip
        hands.over(self)

    def _let_go(self, stage: DialStage, why: tuple[str, str], *, she_left: bool) -> None:
        call = self.agent
        if call is None or she_left:
            return
        if call.state in (sip.CallState.PROCEEDING, sip.CallState.EARLY) and self.record.by_phone:
            call.reject(STATUSES.get(stage, 503), self.hands.now, headers=(why,))
        else:
            call.bye(self.hands.now, headers=(why,))
            self.hands.let_go(call, self.record.wanted.agent)

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened at a phone."""
        if self._over or not isinstance(event, CallEvent):
            return
        if self.outside is not None and event.call is self.outside.call:
            self.outside.heard(event)
        elif event.call is self.agent:
            self._heard_agent(event)
        elif self.offer is not None:
            self.offer.heard(event)

    def _heard_agent(self, event: CallEvent) -> None:
        if isinstance(event, sip.CallCancelled | sip.CallEnded):
            self._finish(DialStage.GIVEN_UP, Reason.CALL_GIVEN_UP, she_left=True)
        elif isinstance(event, sip.CallReinvited) and self.agent_media is not None:
            answer_reinvite(self.hands, event.call, self.agent_media, event.sdp)

    def tick(self) -> None:
        """Her ring time, that of the number, and our patience."""
        if self._over:
            return
        if self._waits and self.hands.now >= self._gives_up:
            self._finish(DialStage.FAILED, Reason.CALL_GIVEN_UP)
            return
        if self.offer is not None:
            self.offer.tick()
        if self.outside is not None:
            self.outside.tick()

    def digit(self, leg: str, digit: str) -> None:
        """Keys mean nothing before the two talk."""

    def pressed(self, call: sip.Call, digit: str) -> None:
        """The same by INFO."""

    def finished(self, leg: str, file: str) -> None:
        """The ringing tone repeats by itself."""

    def silent(self, leg: str, seconds: int) -> None:
        """She waits, and may say nothing."""

    def sound(self, leg: str) -> None:
        """And may speak."""

    def legs(self) -> list[str]:
        """Her media leg, and that of the number."""
        rings = [self.offer.media.record.id] if self.offer is not None else []
        hers = [self.agent_media.record.id] if self.agent_media is not None else []
        return [*rings, *hers, *([self.outside.media.record.id] if self.outside else [])]

    @property
    def offers(self) -> tuple[OfferId, ...]:
        """The grant that it has in hand."""
        return (self.record.offer,) if self.record.offer else ()

    @property
    def awaits_control(self) -> bool:
        """Its beginning is all about the answer."""
        return self._waits

    # ---- what is kept of it ---------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """Who was called and rung: to be let go by the next life."""
        if self._over:
            return {}
        record = self.record
        record.ringing = self.offer.kept() if self.offer is not None and self.offer.dials else None
        heard_of_us = self.agent is not None and self.agent.state is not sip.CallState.PROCEEDING
        record.agent_dialog = self.agent.record() if self.agent and heard_of_us else None
        record.agent_leg = self.agent_media.record.id if self.agent_media is not None else ""
        record.outside = self.outside.kept() if self.outside is not None else None
        if not (record.offer or heard_of_us):
            return {}
        return {f"outbound:{self.id}": record.encoded()}

    def take_up(self) -> None:
        """A restart before the answer: the call is given up, and every phone is told."""
        hands, record = self.hands, self.record
        self._waits = False
        if record.ringing is not None:
            self.offer = Offer.restored(hands, self, record.ringing)
        if record.agent_dialog is not None:
            self.agent = hands.endpoint.restore(record.agent_dialog, hands.now)
            hands.follow(self.agent, self)
            record.by_phone = record.by_phone and self.agent.state is not sip.CallState.CONFIRMED
        if record.agent_leg:
            hands.ask({"command": "delete", "call-id": record.agent_leg}, None, None)
        if record.outside is not None and record.outside.dialog is not None:
            self.outside = Outside(
                hands, self, record.outside, answered=self._connected, over=self._not_reached
            )
            record.outside.answer = b""
            self.outside.take_up()
        self._finish(DialStage.GIVEN_UP, Reason.CALL_GIVEN_UP)


def story_of(hands: Hands, wanted: Wanted, number: str, connected: Connect) -> OutboundStory:
    """A call that she dials at her phone; its contact is made here."""
    contact = hands.new_contact()
    record = OutboundRecord(contact=contact, wanted=wanted, number=number, made=hands.center_now())
    return OutboundStory(hands, record, connected)


def granted_story(hands: Hands, grant: CallPlaced, connected: Connect) -> OutboundStory:
    """A call that she asked for at her desk."""
    wanted = Wanted(
        kind=DialKind.CALL,
        agent=AgentId(grant.agent),
        party=grant.party,
        duty=grant.duty,
        by=grant.by,
        request=grant.request,
    )
    record = OutboundRecord(
        contact=grant.contact, wanted=wanted, number="", made=hands.center_now()
    )
    return OutboundStory(hands, record, connected)
