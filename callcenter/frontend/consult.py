"""An agent asks a colleague while her caller holds the line.

    granted ──► ringing ──► with the colleague ◄──swap──► with the caller
    dialled ────┘ (a number outside: `outside.py`)
                  │                 │  └────── conference ──────┘
                  └── no answer ────┴── the colleague goes ──► the two as before
                                    └── the agent goes ──► caller and colleague are left together

Why: everything happens at our media ports, so the agent needs one phone with one line and no key but
those of her desk; nothing is said to any phone but the colleague's. What the three hear is decided
in one place (`_arrange`) from who is there and whom the agent wants to talk with.

Control reserves the colleague and gives her a part of her own; that she answered, left, or has the
caller now are facts that are told from here. Somebody outside has no part: whoever asks her has the
caller alone, and when she hands him over he is with nobody of ours.

To hand a caller on to a number outside is the same without the asking: the agent goes at once, and
where nobody answers there the caller is back at the head of the queue that he came from.

Sources: `media_leg` (moving the far side of a leg), RFC 3264 (nothing of it needs an offer).
"""

from enum import StrEnum

import msgspec

from callcenter.domain.commands import (
    CallAct,
    ConferenceReported,
    ConsultRequested,
    HandOverReported,
    OfferOutcome,
    OfferReported,
)
from callcenter.domain.events import (
    CommandAnswered,
    ConsultMade,
    ConsultUnanswered,
    OfferMade,
)
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, CommandId, OfferId, SegmentId
from callcenter.frontend.dial_out import DialOut
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.having import Having
from callcenter.frontend.media_leg import MediaLeg
from callcenter.frontend.offer import Offer, OfferRecord, Shown
from callcenter.frontend.outside import OutsideRecord
from callcenter.frontend.second_line import LineRecord, SecondLine
from callcenter.frontend.standby import StandbyLeg
from callcenter.frontend.talk import (
    Talk,
    TalkRecord,
    answer_reinvite,
    is_on_hold,
    report_end,
)
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent


class Mode(StrEnum):
    """Whom the agent talks with."""

    COLLEAGUE = "colleague"
    CALLER = "caller"
    ALL = "all"


class ConsultRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know: who rings, or who is in the call beside the agent."""

    offer: OfferRecord | None = None
    talk: TalkRecord | None = None
    line: LineRecord | None = None
    outside: OutsideRecord | None = None
    mode: Mode = Mode.COLLEAGUE


class Colleague:
    """Who was asked, once she has answered."""

    def __init__(self, hands: Hands, call: sip.Call, record: TalkRecord) -> None:
        self.call = call
        self.record = record
        self.media = MediaLeg(hands, record.media, said=lambda: None)


class Consult:
    """What one agent asks of one colleague at a time."""

    def __init__(self, hands: Hands, story: Having) -> None:
        self.hands = hands
        self.story = story
        self.offer: Offer | None = None
        self.colleague: Colleague | None = None
        self.line: SecondLine | None = None
        """Where she dialled the colleague at her phone."""
        self.out = DialOut(hands, self)
        """A number that is being dialled for her, or for the caller whom she left."""
        self.mode = Mode.COLLEAGUE

    # ---- she is rung ----------------------------------------------------------------------

    def granted(self, event: ConsultMade) -> None:
        """Ring her, if the agent who asked still has the caller; the caller hears music."""
        story, talk = self.story, self.story.talk
        if self.offer is not None and self.offer.record.offer == event.offer:
            return
        grant = OfferMade(
            at=event.at,
            offer=event.offer,
            contact=event.contact,
            queue=event.queue,
            channel=event.channel,
            agent=event.agent,
            frontend=event.frontend,
            ring_seconds=event.ring_seconds,
            act_before=event.act_before,
        )
        agents = self.hands.center.agents
        name = next((a.name for a in agents if a.id == event.asked_by), event.asked_by)
        shown = Shown.of(f"{name} asks", 0, story.record.caller, story.record.secret)
        fresh = self.hands.center_now() <= event.act_before
        has = talk is not None and talk.record.segment == event.segment and talk.record.bridged
        if talk is None or not has or not fresh or self.is_asking:
            refused = Offer.granted(self.hands, story, grant, shown)
            refused.beside = True
            refused.refuse()
            return
        if self.line is None:
            talk.hold(True, story.hearing.music_file())
        hers = self.line.media if self.line is not None else talk.media
        leg = StandbyLeg(self.hands, self.new_leg(), hers)
        self.offer = Offer.granted(self.hands, story, grant, shown, leg.media)
        self.offer.beside = True
        self.offer.ring(leg)

    def new_leg(self) -> str:
        """The name of one more media leg of this call."""
        record = self.story.record
        record.legs += 1
        return f"{record.contact}/a{record.legs}"

    # ---- or she dials her -----------------------------------------------------------------

    def dialled(self, call: sip.Call, to: AgentId) -> bool:
        """Her phone's second line dials a colleague. False where that cannot be now."""
        talk = self.story.talk
        if talk is None or not talk.record.bridged or self.line or self.is_asking:
            return False
        agent = talk.record.agent
        line = self.second_line(call, to)

        def ready() -> None:
            self.hands.report(
                ConsultRequested(
                    contact=self.story.record.contact,
                    agent=agent,
                    to=to,
                    by="phone",
                    request=line.request or CommandId(""),
                )
            )

        if not line.open(ready, self.close_line):
            self.close_line()
        return True

    def second_line(self, call: sip.Call, to: AgentId) -> SecondLine:
        """A second call of her phone's."""
        line = SecondLine.of(self.hands, self.story.record.contact, self.new_leg(), call, to)
        self.line = line
        self.hands.follow(call, self.story)
        return line

    @property
    def is_busy(self) -> bool:
        """The same, or her second line is taken."""
        return self.line is not None or self.is_asking

    @property
    def is_asking(self) -> bool:
        """Whether a colleague or a number outside is asked, or is there."""
        return bool(self.offer or self.colleague or self.out)

    def told(self, answer: CommandAnswered) -> None:
        """Control would not have the colleague asked."""
        line = self.line
        if line is not None and answer.request == line.request and not answer.accepted:
            self.close_line()

    def close_line(self, reason: Reason = Reason.AGENT_HUNG_UP, *, say_bye: bool = True) -> None:
        """Her second call ends."""
        line, self.line = self.line, None
        if line is not None:
            line.close((ending(reason).reason_header,), say_bye=say_bye)

    def is_offer(self, offer: Offer) -> bool:
        """Whether it is the one by which a colleague is asked."""
        return offer is self.offer

    def over(self) -> None:
        """She was not reached: the two as before."""
        self.offer = None
        self.close_line()
        self._back_to_caller()

    def taken_back(self, event: ConsultUnanswered) -> None:
        """By control: nobody waits for her any more."""
        if self.offer is not None and self.offer.record.offer == event.offer:
            self.offer.rescind()
            self.over()

    def answered(self, offer: Offer, call: sip.Call, answer: bytes) -> None:
        """She picked up: the two hear each other, then it is told."""
        record = TalkRecord(
            offer=offer.record.offer,
            segment=SegmentId(f"s-{offer.record.offer}"),
            agent=offer.record.agent,
            queue=offer.record.queue,
            dialog=call.record(),
            media=offer.record.media,
            since=self.hands.center_now(),
        )
        self.offer = None
        self.mode = Mode.COLLEAGUE
        colleague = self.colleague = Colleague(self.hands, call, record)

        def ready() -> None:
            if not record.bridged and self.colleague is colleague:
                record.bridged = True
                if self.line is not None:
                    self.line.answer()
                self._arrange()
                self._report(record, OfferOutcome.ACCEPTED)

        def failed(_: Message) -> None:
            self._failed(colleague)

        if not colleague.media.answered(answer, ready, failed):
            self._failed(colleague)

    def _failed(self, colleague: Colleague) -> None:
        """She answered, but cannot be heard."""
        if self.colleague is colleague and not colleague.record.bridged:
            self._report(colleague.record, OfferOutcome.FAILED)
            self._let_go(Reason.MEDIA_UNAVAILABLE, say_bye=True)
            self._back_to_caller()

    def _report(self, record: TalkRecord, outcome: OfferOutcome) -> None:
        accepted = outcome is OfferOutcome.ACCEPTED
        self.hands.report(
            OfferReported(
                offer=record.offer,
                contact=self.story.record.contact,
                agent=record.agent,
                outcome=outcome,
                segment=record.segment if accepted else SegmentId(""),
                beside=True,
            )
        )

    def asked_outside(self, call: sip.Call, colleague: TalkRecord) -> None:
        """Somebody outside has answered, whom the agent asks; she has no part of her own."""
        self.colleague, self.mode = Colleague(self.hands, call, colleague), Mode.COLLEAGUE
        if self.line is not None:
            self.line.answer()
        elif self.story.talk is not None:
            self.story.talk.media.quiet()
        self._arrange()

    def give_back(self) -> None:
        """Nobody is asked any more: the two as before."""
        if self.story.talk is not None and self.line is None:
            self.story.talk.media.quiet()
        self._back_to_caller()

    # ---- what the agent does with the two of them -----------------------------------------

    def act(self, act: CallAct) -> bool:
        """What she asks for at her desk; False where it is not about the colleague."""
        there = self.colleague is not None and self.colleague.record.bridged
        by_desk = there and self.line is None
        if act is CallAct.CONSULT_END:
            self.end(Reason.AGENT_HUNG_UP)
        elif act is CallAct.COMPLETE and there:
            self.hand_over(Reason.TRANSFERRED, say_bye=True)
        elif act is CallAct.CONFERENCE and by_desk:
            self._talk_with(Mode.ALL)
        elif by_desk and (act is CallAct.SWAP or (act is CallAct.RESUME and self._holds_caller)):
            caller = self.mode is Mode.COLLEAGUE
            self._talk_with(Mode.CALLER if caller else Mode.COLLEAGUE)
        else:
            return act in (CallAct.COMPLETE, CallAct.CONFERENCE, CallAct.SWAP)
        return True

    @property
    def _holds_caller(self) -> bool:
        return self.mode is Mode.COLLEAGUE

    def _talk_with(self, mode: Mode) -> None:
        was, self.mode = self.mode, mode
        if was is mode:
            return
        if was is Mode.ALL:
            self._unmix()
        self._arrange()

    def _arrange(self) -> None:
        """Who hears whom."""
        talk, colleague = self.story.talk, self.colleague
        if talk is None or colleague is None:
            return
        music = self.story.hearing.music_file()
        if self.line is not None:
            colleague.media.quiet()
            colleague.media.connect(self.line.media, lambda _: None)
            self.line.media.connect(colleague.media, lambda _: None)
        elif self.mode is Mode.ALL:
            self._mix(talk, colleague)
        elif self.mode is Mode.COLLEAGUE:
            talk.hold(True, music)
            colleague.media.quiet()
            colleague.media.connect(talk.media, lambda _: None)
            talk.media.connect(colleague.media, lambda _: None)
        else:
            colleague.media.connect(None, lambda _: None)
            if music:
                colleague.media.play_music(music)
            talk.hold(False, music)

    # ---- a conference ---------------------------------------------------------------------

    def _mix(self, talk: Talk, colleague: Colleague) -> None:
        """All of them into one mix. An engine that cannot mix leaves them as they were."""

        def failed(_: Message) -> None:
            if self.mode is Mode.ALL and self.colleague is colleague:
                self.hands.counts["unknown.mix"] += 1
                self._unmix()
                self.mode = Mode.COLLEAGUE
                self._arrange()

        def mixed() -> None:
            if self.mode is Mode.ALL and self.colleague is colleague:
                talk.hold(False, "")
                colleague.media.quiet()
                self._tell_conference(joined=True)

        legs = (self.story.media, talk.media, colleague.media)
        for leg in legs[:-1]:
            leg.join_mix(self.story.record.contact, None, None)
        legs[-1].join_mix(self.story.record.contact, mixed, failed)

    def _unmix(self) -> None:
        talk = self.story.talk
        legs = [self.story.media, *([talk.media] if talk else [])]
        if self.colleague is not None:
            legs.append(self.colleague.media)
        for leg in legs:
            leg.leave_mix()
        self._tell_conference(joined=False)

    def _tell_conference(self, *, joined: bool) -> None:
        talk = self.story.talk
        if talk is not None:
            self.hands.report(
                ConferenceReported(
                    contact=self.story.record.contact,
                    segment=talk.record.segment,
                    joined=joined,
                )
            )

    # ---- somebody leaves ------------------------------------------------------------------

    def hand_over(self, reason: Reason, *, say_bye: bool) -> bool:
        """The agent goes; caller and colleague are left together. False where there is none."""
        story, talk, colleague = self.story, self.story.talk, self.colleague
        if talk is None or colleague is None or not colleague.record.bridged:
            return False
        if self.mode is Mode.ALL:
            self._unmix()
        self.colleague, self.mode = None, Mode.COLLEAGUE
        self.close_line(reason)
        colleague.record.taken_from = talk.record.segment
        new = Talk(self.hands, story, story.media, colleague.call, colleague.record)
        story.talk, story.record.agent = new, colleague.record.agent or talk.record.agent
        talk.end((ending(reason).reason_header,), say_bye=say_bye)
        new.media.quiet()
        new.media.connect(story.media, lambda _: None)
        story.media.quiet()
        story.media.connect(new.media, lambda _: new.speaker.bridge_failed())
        if colleague.record.outside is not None:
            report_end(self.hands, story.record.contact, talk.record, reason)
            return True
        self.hands.report(
            HandOverReported(
                contact=story.record.contact,
                segment=talk.record.segment,
                to_segment=colleague.record.segment,
                termination=ended(reason),
            )
        )
        return True

    def end(self, reason: Reason) -> None:
        """The colleague is let go, and the agent has her caller again."""
        if self.offer is not None:
            offer, self.offer = self.offer, None
            offer.rescind()
            offer.report_failed()
        elif self.out.give_up(reason):
            self.give_back()
            return
        elif self.colleague is not None:
            self._leave(reason, say_bye=True)
        else:
            return
        self._back_to_caller()

    def stop(self, reason: Reason) -> None:
        """The call is over for everybody in it, or goes on without them."""
        if self.offer is not None:
            self.offer.rescind()
            self.offer = None
        self.out.give_up(reason)
        if self.colleague is not None:
            self._leave(reason, say_bye=True)
        self.close_line(reason)

    def _leave(self, reason: Reason, *, say_bye: bool) -> None:
        colleague = self.colleague
        if colleague is None:
            return
        if colleague.record.bridged:
            report_end(self.hands, self.story.record.contact, colleague.record, reason)
        else:
            self._report(colleague.record, OfferOutcome.FAILED)
        self._let_go(reason, say_bye=say_bye)

    def _let_go(self, reason: Reason, *, say_bye: bool) -> None:
        if self.mode is Mode.ALL:
            self._unmix()
        colleague, self.colleague, self.mode = self.colleague, None, Mode.COLLEAGUE
        if colleague is None:
            return
        if say_bye:
            colleague.call.bye(self.hands.now, headers=(ending(reason).reason_header,))
            self.hands.let_go(colleague.call, colleague.record.agent or None)
        colleague.media.close()

    def _back_to_caller(self) -> None:
        self.close_line()
        talk = self.story.talk
        if talk is not None:
            talk.hold(False, self.story.hearing.music_file())

    # ---- what is heard of her -------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> bool:
        """Something happened at her phones; False where it is not about them."""
        if not isinstance(event, CallEvent):
            return False
        if self.offer is not None and event.call.id in self.offer.dials:
            self.offer.heard(event)
            return True
        if self.line is not None and event.call is self.line.call:
            self._heard_line(self.line, event)
            return True
        if self.out.heard(event):
            return True
        colleague = self.colleague
        if colleague is None or event.call is not colleague.call:
            return False
        match event:
            case sip.CallReinvited(sdp=offer):
                answer_reinvite(self.hands, colleague.call, colleague.media, offer)
            case sip.CallEnded(by_remote=True):
                self.gone(Reason.AGENT_HUNG_UP, say_bye=False)
            case sip.CallEnded():
                self.gone(Reason.AGENT_VANISHED, say_bye=False)
            case _:
                pass
        return True

    def _heard_line(self, line: SecondLine, event: CallEvent) -> None:
        """Her second line: she hangs up, or holds the colleague."""
        match event:
            case sip.CallReinvited(sdp=offer):
                answer_reinvite(self.hands, line.call, line.media, offer)
                self._hold_colleague(offer)
            case sip.CallCancelled() | sip.CallEnded() | sip.AckTimeout():
                self.close_line(say_bye=False)
                self.end(Reason.AGENT_HUNG_UP)
            case _:
                pass

    def _hold_colleague(self, offer: bytes | None) -> None:
        colleague, music = self.colleague, self.story.hearing.music_file()
        if colleague is None or offer is None:
            return
        if not is_on_hold(offer):
            self._arrange()
        elif music:
            colleague.media.connect(None, lambda _: None)
            colleague.media.play_music(music)

    def gone(self, reason: Reason, *, say_bye: bool) -> None:
        """She left, or her phone vanished: the agent has her caller again."""
        self._leave(reason, say_bye=say_bye)
        self._back_to_caller()

    def calls_of(self, agent: AgentId) -> list[sip.Call]:
        """The dialogs with this agent's phones."""
        talk = self.story.talk
        calls = [talk.call] if talk is not None and talk.record.agent == agent else []
        if self.colleague is not None and self.colleague.record.agent == agent:
            calls.append(self.colleague.call)
        if self.line is not None and talk is not None and talk.record.agent == agent:
            calls.append(self.line.call)
        return calls

    def call_of(self, leg: str) -> sip.Call | None:
        """The dialog of her phone, if it is her leg."""
        colleague = self.colleague
        return colleague.call if colleague and leg == colleague.media.record.id else None

    def tick(self) -> None:
        """The ring time."""
        if self.offer is not None:
            self.offer.tick()
        self.out.tick()

    # ---- what is kept ---------------------------------------------------------------------

    def legs(self) -> list[str]:
        """Hers, and that of the second line."""
        legs = [self.line.media.record.id] if self.line is not None else []
        if self.offer is not None:
            legs.append(self.offer.media.record.id)
        legs.extend(self.out.legs())
        return [*legs, self.colleague.media.record.id] if self.colleague else legs

    def offers(self) -> list[OfferId]:
        """The open offer to her."""
        return [self.offer.record.offer] if self.offer is not None else []

    def kept(self) -> ConsultRecord | None:
        """As the store keeps it; nothing before a phone rings."""
        line = self.line.kept() if self.line is not None and self.line.is_relied_on else None
        if self.colleague is not None:
            self.colleague.record.dialog = self.colleague.call.record()
            return ConsultRecord(talk=self.colleague.record, mode=self.mode, line=line)
        if self.offer is not None and self.offer.dials:
            return ConsultRecord(offer=self.offer.kept(), line=line)
        if (outside := self.out.kept()) is not None:
            return ConsultRecord(outside=outside, line=line)
        return ConsultRecord(line=line) if line is not None else None

    def restored(self, record: ConsultRecord) -> None:
        """Told again after a restart; a bridge that did not stand is none."""
        if record.line is not None:
            self.line = SecondLine.restored(self.hands, self.story.record.contact, record.line)
            self.hands.follow(self.line.call, self.story)
        if record.offer is not None:
            self.offer = Offer.restored(self.hands, self.story, record.offer)
            self.offer.beside = True
        elif record.outside is not None:
            self.out.restored(record.outside)
        elif record.talk is not None:
            call = self.hands.endpoint.restore(record.talk.dialog, self.hands.now)
            self.hands.follow(call, self.story)
            self.colleague, self.mode = Colleague(self.hands, call, record.talk), record.mode
            if not record.talk.bridged:
                self.gone(Reason.AGENT_VANISHED, say_bye=True)
        else:
            self.close_line()  # whether control was asked is not known: she dials again

    def media_restarted(self) -> None:
        """The engine has its legs again, but neither what it played nor whom it mixed."""
        if self.colleague is not None:
            self.colleague.media.play_again()
            if self.mode is Mode.ALL:
                for leg in (self.story.media, self.story.talk, self.colleague):
                    media = leg if isinstance(leg, MediaLeg) else leg.media if leg else None
                    if media is not None:
                        media.join_mix(self.story.record.contact, None, None)
