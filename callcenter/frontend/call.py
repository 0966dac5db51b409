"""One caller's story, in the order she lives it.

    arriving → answered → in the flow → queued → (an agent is offered) → talking → over
                               ↑___________|______________________________|

Why: everything that can happen to a call is told here, over its legs, so that a reader finds
where an INVITE becomes a contact in a queue without leaving the page. What an agent's phones do
is in `offer.py`, what two bridged phones do in `talk.py`; what control decides comes in as events.

A fact is reported when it is one: the contact when we are about to answer, the segment when the
two are bridged, the end when we let go.

Sources: RFC 3261 13.3 (UAS), 13.3.1.4 (ACK), 15 (BYE); RFC 3264; DESIGN 2 and 4.
"""

from collections.abc import Callable, Iterable

import msgspec

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import PRIORITY_MAX, Channel
from callcenter.domain.errors import LocalError
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import (
    MINUTE,
    SECOND,
    AgentId,
    CustomerId,
    Micros,
    PartyId,
    SegmentId,
)
from callcenter.frontend.auto_answer import attention
from callcenter.frontend.call_record import ArrivingKept, CallRecord, LegKept, Stage
from callcenter.frontend.consult import Consult
from callcenter.frontend.dialling import road_to
from callcenter.frontend.endings import ending
from callcenter.frontend.hands import Hands
from callcenter.frontend.hearing import Hearing
from callcenter.frontend.media_leg import LegRecord, MediaLeg, failure
from callcenter.frontend.message import leave_word, wait_for_word
from callcenter.frontend.offer import Offer, Shown
from callcenter.frontend.promising import ask_callback
from callcenter.frontend.pulse import Pulse
from callcenter.frontend.refer import Referrals
from callcenter.frontend.ringing import Ringing
from callcenter.frontend.standby import Standby
from callcenter.frontend.talk import Side, Talk, TalkRecord, answer_reinvite, report_end
from callcenter.frontend.turn import KeepParty, LookedUp, LookUp, Message
from callcenter.frontend.waits import known_waits, queue_request, waits_now
from callcenter.ivr import session as ivr
from callcenter.ivr.shape import Flow as CallFlow
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent

_encoder = msgspec.msgpack.Encoder()


class CallStory:
    """A voice contact and its owner."""

    def __init__(
        self,
        hands: Hands,
        record: CallRecord,
        caller: sip.Call,
        media: LegRecord,
        flow: CallFlow | None,
    ) -> None:
        """`flow` is None where the call began as a callback, and after a restart that no longer has
        its revision."""
        self.hands = hands
        self.record = record
        self.id: str = record.contact
        self.caller = caller
        self.flow = flow
        self.media = MediaLeg(hands, media, self._said)
        self.hearing = Hearing(hands, record, self.media)
        self.session: ivr.Session | None = None
        self.standby = Standby(hands, record, self.media)
        self.ringing = Ringing(hands, self, self.standby)
        self.talk: Talk | None = None
        self.notified = Referrals(hands, record.contact)
        self.consult = Consult(hands, self)
        self._steps: list[Callable[[ivr.Session], Iterable[ivr.Action]]] = []
        self._walked = False
        """Whether the flow has gone on since its place was written down."""
        self.pulse = Pulse(hands, self.id, self._vanished)

    @property
    def is_reported(self) -> bool:
        """Whether control was told of it."""
        return self.record.stage is not Stage.ARRIVING

    @property
    def awaits_control(self) -> bool:
        """While she is in a queue."""
        return self.record.stage is Stage.QUEUED

    # ---- 1. she arrives: the media engine gets her offer, then we answer ------------------

    def arrive(self) -> None:
        """An INVITE for a number of ours. 100 is already on its way."""
        offer = self.caller.remote_sdp
        if offer is None:
            self.media.open_for_phone(None, self._media_ready, self._media_failed)
        elif not self.media.open_for_caller(offer, self._media_ready, self._media_failed):
            self.end(self.media.refusal)

    def _media_ready(self) -> None:
        if self.record.stage is not Stage.ARRIVING:
            return
        hands, record = self.hands, self.record
        party = PartyId(f"party-{record.contact}" if record.caller else "")
        if party:
            hands.act(KeepParty(party, record.caller))
        hands.report(
            c.ContactReported(
                contact=record.contact,
                channel=Channel.VOICE,
                frontend=hands.rules.frontend,
                dialled=record.dialled,
                party=party,
            )
        )
        hands.report(
            c.FlowReported(contact=record.contact, flow=record.flow, revision=record.revision)
        )
        late = self.caller.remote_sdp is None
        self.caller.answer(self.media.offer_sdp() if late else self.media.answer_sdp(), hands.now)
        record.answered = hands.center_now()
        record.stage = Stage.ANSWERED

    def _media_failed(self, reply: Message) -> None:
        self.end(failure(reply))

    # ---- 2. she acknowledges: the flow begins ---------------------------------------------

    def _confirmed(self, late_answer: bytes | None) -> None:
        if self.record.stage is not Stage.ANSWERED:
            return
        if late_answer is None:
            self._start_flow()
        elif not self.media.answered(late_answer, self._start_flow, self._media_failed):
            self.end(self.media.refusal)

    def _start_flow(self) -> None:
        record = self.record
        if record.stage is not Stage.ANSWERED:
            return
        record.stage = Stage.FLOW
        if self.flow is None:
            self.end(Reason.FLOW_FAILED)
            return
        facts = {
            "caller_registered": record.registered,
            "caller_attested": record.attested,
            "dialled": record.dialled,
        }
        self.session = ivr.Session(self.flow, facts=facts)
        self._walk(lambda session: session.start(self.hands.now))

    # ---- 3. the flow greets and asks ------------------------------------------------------

    def _tell_flow(self, happened: ivr.Input) -> None:
        self._walk(lambda session: session.react(happened, self.hands.now))

    def _walk(self, step: Callable[[ivr.Session], Iterable[ivr.Action]]) -> None:
        """Take a step of the flow and do what it asks; steps that follow from it come after it.

        Whatever breaks ends this contact and nothing else.
        """
        if self.session is None:
            if self.record.stage is Stage.FLOW:
                self.end(self._without_flow())
            return
        self._walked = True
        self._steps.append(step)
        if len(self._steps) > 1:
            return
        try:
            while self._steps:
                for action in self._steps[0](self.session):
                    self._do(action)
                self._steps.pop(0)
        except LocalError:
            self.end(Reason.FLOW_FAILED)
        self._steps.clear()
        due = self.session.deadline
        if due is not None and due - self.hands.now < MINUTE:  # later ones are seen by the sweep
            self.hands.wake(self.id, max(0, due - self.hands.now))

    def _without_flow(self) -> Reason:
        """How it ends where no flow can say so: as a callback does, else as a failure of ours."""
        if self.record.flow:
            return Reason.FLOW_FAILED
        return Reason.AGENT_HUNG_UP if self.record.served else Reason.WAIT_LIMIT

    def _do(self, action: ivr.Action) -> None:
        contact, hands = self.record.contact, self.hands
        if self.record.stage is Stage.OVER:
            return
        match action:
            case ivr.Enter(node=node):
                hands.report(c.StepReported(contact=contact, node=node))
            case ivr.Say():
                self._say(action)
            case ivr.StopSaying():
                self.hearing.stop_saying()
            case ivr.Collected(node=node, count=count):
                hands.report(c.DigitsReported(contact=contact, node=node, count=count))
            case ivr.AskLookup(by=by, value=value):
                known = value or (self.record.caller if by == "caller_number" else "")
                hands.act(LookUp(contact, by, known))
            case ivr.AskCalendar(name=name):
                self._tell_flow(ivr.CalendarState(hands.open_state(name)))
            case ivr.AskWaits(queues=queues):
                self._tell_flow(ivr.WaitsKnown(known_waits(hands, queues)))
            case ivr.Enqueue():
                self._enqueue(action)
            case ivr.LeaveQueue():
                hands.report(c.LeaveQueueRequested(contact=contact))
            case ivr.HangUp(reason=reason):
                self.end(Reason.AGENT_HUNG_UP if self.record.served else reason)
            case _:
                self._do_instead_of_waiting(action)

    def _do_instead_of_waiting(self, action: ivr.Action) -> None:
        """She would rather be called back, or leave a message."""
        match action:
            case ivr.CheckNumber(number=number):
                road = road_to(self.hands, number or self.record.caller)
                self._tell_flow(ivr.NumberChecked(road.number if road else ""))
            case ivr.AskCallback():
                ask_callback(self.hands, self.record, action, CallStory, self._tell_flow)
            case ivr.LeaveWord():
                leave_word(self.hands, self.record, self.media, action, self._tell_flow)
            case ivr.StopRecording():
                self.media.stop_recording()
            case _:
                pass

    def looked_up(self, answer: LookedUp) -> None:
        """The customer table was asked."""
        if answer.found and answer.customer:
            customer = CustomerId(answer.customer)
            self.hands.report(c.CustomerReported(contact=self.record.contact, customer=customer))
        self._tell_flow(
            ivr.LookupDone(found=answer.found, fields=dict(answer.fields), customer=answer.customer)
        )

    # ---- what she hears -------------------------------------------------------------------

    def _say(self, action: ivr.Say) -> None:
        if not self.hearing.say(action.prompts):
            self._tell_flow(ivr.PromptFinished(action.play))

    def _said(self) -> None:
        """Everything was said: the flow goes on."""
        self.hearing.said()
        self._tell_flow(ivr.PromptFinished())

    # ---- 4. she waits in a queue ----------------------------------------------------------

    def _enqueue(self, action: ivr.Enqueue) -> None:
        record = self.record
        record.music = action.comfort.music
        record.waits = queue_request(self.hands, record.contact, action)
        record.secret = record.secret or self.hands.endpoint.new_id()
        record.waits_since = record.waits_since or self.hands.center_now()
        record.move(Stage.QUEUED, self.hands.center_now())
        self.hands.report(record.waits)
        self.standby.open()

    def told(self, event: e.Event) -> None:
        """What control decided about this contact."""
        match event:
            case e.ContactQueued() if self.record.stage is Stage.QUEUED and not self.ringing:
                self.record.waits = waits_now(self.record.waits, event)
                self.hearing.begin_to_wait(self._languages, event.announcement)
            case e.QueueRefused(exit=way) | e.ContactDequeued(exit=way):
                self._left_queue(way)
            case e.ContactMoved(queue=queue) if self.record.waits is not None:
                self.record.waits = msgspec.structs.replace(self.record.waits, queue=queue)
            case e.OfferMade(preview_seconds=0):
                self._offered(event)
            case e.OfferConfirmed(grant=grant):
                self._offered(grant)
            case e.WaitEstimated(position=place, promised=promised):
                self._tell_flow(ivr.Estimated(place, promised))
            case e.ContactEnded(termination=termination):
                self.end(termination.reason)
            case e.OfferRescinded(offer=offer) | e.OfferDeclined(offer=offer):
                if self.ringing.rescind(offer):  # one that she declined at her phone is over
                    self._stand_by()
            case _:
                self._told_in_talk(event)

    def _told_in_talk(self, event: e.Event) -> None:
        """What control decided about it while an agent has it."""
        match event:
            case e.ContactTransferred():
                self._handed_on(event)
            case e.CallActAsked():
                self._act(event)
            case e.ConsultMade():
                self.consult.granted(event)
            case e.DialAsked():
                self.consult.out.asked(event)
            case e.ConsultUnanswered():
                self.consult.taken_back(event)
            case e.CommandAnswered():
                self.notified.told(event)
                self.consult.told(event)
            case _:
                pass

    @property
    def _languages(self) -> tuple[str, ...]:
        """Hers, then those of her flow."""
        session = self.session
        return (session.language, *session.flow.languages) if session is not None else ()

    def _left_queue(self, way: e.QueueExit) -> None:
        if self.record.stage is not Stage.QUEUED:
            return
        self.ringing.stop()
        self.standby.close()
        self.record.move(Stage.FLOW, self.hands.center_now())
        self.hearing.be_quiet()
        self._tell_flow(ivr.QueueLeft(way))

    # ---- 5. an agent is offered -----------------------------------------------------------

    def _offered(self, grant: e.OfferMade) -> None:
        """A grant: ring her, beside others who may be rung for this caller."""
        record = self.record
        if self.talk is not None and self.talk.record.offer == grant.offer:
            return
        title = self.hands.title(grant.queue)
        shown = Shown.of(title, grant.waited, record.caller, record.secret)
        self.ringing.granted(grant, shown, waits=record.stage is Stage.QUEUED)

    def offer_over(self, offer: Offer) -> None:
        """Nobody answered; she keeps her place, and her music."""
        if self.consult.is_offer(offer):
            self.consult.over()
            return
        self.ringing.over(offer)
        self._stand_by()

    def _stand_by(self) -> None:
        """A leg for the next agent, once nobody rings any more."""
        if not self.ringing:
            self.standby.open()

    # ---- 6. they talk ---------------------------------------------------------------------

    def offer_answered(self, offer: Offer, call: sip.Call, answer: bytes) -> None:
        """The agent picked up: stop the others, bridge at once, then report."""
        if self.consult.is_offer(offer):
            self.consult.answered(offer, call, answer)
            return
        self.ringing.won_by(offer)
        self.record.announced = ""
        self.record.move(Stage.TALKING, self.hands.center_now())
        record = TalkRecord(
            offer=offer.record.offer,
            segment=SegmentId(f"s-{offer.record.offer}"),
            agent=offer.record.agent,
            queue=offer.record.queue,
            dialog=call.record(),
            media=offer.record.media,
            since=self.hands.center_now(),
        )
        self.talk = Talk(self.hands, self, self.media, call, record)
        self._tell_flow(ivr.AgentTalking())
        heard = attention(self.hands, record.queue) if offer.record.auto_answer else []
        self.talk.begin(answer, heard)

    def bridge_failed(self) -> None:
        """The two cannot hear each other: she waits on, unless they had already been talking."""
        talk, self.talk = self.talk, None
        if talk is None:
            return
        talk.end((ending(Reason.MEDIA_UNAVAILABLE).reason_header,), say_bye=True)
        if talk.record.bridged:
            self._report_segment(talk, Reason.MEDIA_UNAVAILABLE)
            self.end(Reason.MEDIA_UNAVAILABLE)
            return
        talk.report_failed()
        self.ringing.give_back()
        self._wait_on()

    def _wait_on(self) -> None:
        """In her queue as before."""
        self.record.move(Stage.QUEUED, self.hands.center_now())
        self.hearing.play_music()
        self.standby.open()

    def _agent_left(self, reason: Reason, *, say_bye: bool) -> None:
        """The segment is over for her; the flow goes on, or a colleague who is there has the caller."""
        handed = Reason.TRANSFERRED if reason is Reason.AGENT_HUNG_UP else reason
        if self.consult.line is None and self.consult.hand_over(handed, say_bye=say_bye):
            return
        self.consult.stop(reason)
        talk, self.talk = self.talk, None
        if talk is None:
            return
        talk.end((ending(reason).reason_header,), say_bye=say_bye)
        if not talk.record.bridged:
            talk.report_failed(by_her=reason is Reason.AGENT_HUNG_UP)
            self.ringing.give_back()
            self._wait_on()
            return
        self._report_segment(talk, reason)
        self.media.connect(None, self._media_failed)
        if reason is Reason.AGENT_VANISHED and self.record.waits is not None:
            self.wait_again(self.record.waits)
            return
        self.record.served = True
        self.record.move(Stage.FLOW, self.hands.center_now())
        self._tell_flow(ivr.QueueLeft(e.QueueExit.ANSWERED))

    def _handed_on(self, event: e.ContactTransferred) -> None:
        """Her agent handed her on: she waits again, in the place that she had.

        Where the agent left in the same moment, her flow has gone on already and stands; to a
        colleague she cannot have left her, too.
        """
        talk = self.talk
        if talk is None or event.segment not in (talk.record.segment, talk.record.taken_from):
            if self.record.stage is Stage.FLOW:
                self.hands.report(c.LeaveQueueRequested(contact=self.record.contact))
            return
        self.notified.done()
        self.consult.stop(Reason.TRANSFERRED)
        self.talk, self.record.agent = None, talk.record.agent
        talk.end((ending(Reason.TRANSFERRED).reason_header,), say_bye=True)
        self.media.connect(None, self._media_failed)
        self._wait_on()

    def _act(self, asked: e.CallActAsked) -> None:
        """What the agent wants of her call from her desk, if it is still hers and still wanted."""
        talk = self.talk
        fresh = self.hands.center_now() <= asked.act_before
        if talk is None or talk.record.segment != asked.segment or not fresh:
            return
        if self.consult.act(asked.act):
            return
        if asked.act is c.CallAct.HANG_UP:
            self._agent_left(Reason.AGENT_HUNG_UP, say_bye=True)
        else:
            talk.hold(asked.act is c.CallAct.HOLD, self.hearing.music_file())

    def wait_again(self, waits: c.QueueRequested) -> None:
        """Her agent's phone is gone, or nobody answered where she was handed on to: back to the head
        of her queue, for whoever is free first."""
        self._wait_on()
        again = msgspec.structs.replace(waits, priority=PRIORITY_MAX, agent=AgentId(""), again=True)
        self.hands.report(again)

    def _report_segment(self, talk: Talk, reason: Reason) -> None:
        self.record.agent = talk.record.agent or self.record.agent
        report_end(self.hands, self.record.contact, talk.record, reason)

    # ---- 7. it ends -----------------------------------------------------------------------

    def _caller_left(self) -> None:
        """BYE or CANCEL from her, wherever she was."""
        self.end(self.record.reason_to_leave, caller_gone=True)

    def end(self, reason: Reason, *, caller_gone: bool = False) -> None:
        """Let go of every leg and say why: to the phones, to control, to the log."""
        record, hands = self.record, self.hands
        if record.stage is Stage.OVER:
            return
        was = record.move(Stage.OVER, hands.center_now())
        row = ending(reason)
        if not caller_gone and was is Stage.ARRIVING:
            self.caller.reject(row.status, hands.now, headers=row.headers)
        elif not caller_gone:
            self.caller.bye(hands.now, headers=(row.reason_header,))
            hands.let_go(self.caller)
        self.ringing.stop(caller_left=caller_gone)
        self.consult.stop(reason)
        if self.talk is not None:
            self.talk.end((row.reason_header,), say_bye=True)
            if self.talk.record.bridged:
                self._report_segment(self.talk, reason)
            else:
                self.talk.report_failed()
        self.standby.close()
        self.media.close()
        if was is not Stage.ARRIVING:
            hands.report(c.ContactEndReported(contact=record.contact, termination=ended(reason)))
        hands.act(record.closed(reason, hands.center_now()))
        self.talk = None
        hands.over(self)

    def becomes_fax(self, leg: str) -> bool:
        """Her phone is a fax machine: this contact is over, her dialog and her leg go on without
        it. False where she talks already, or has talked."""
        record, hands = self.record, self.hands
        if leg != self.media.record.id or record.served:
            return False
        if record.stage not in (Stage.FLOW, Stage.QUEUED):
            return False
        record.move(Stage.OVER, hands.center_now())
        self.ringing.stop()
        self.standby.close()
        self.media.quiet()
        reason = Reason.FAX_CALLED
        hands.report(c.ContactEndReported(contact=record.contact, termination=ended(reason)))
        hands.act(record.closed(reason, hands.center_now()))
        hands.over(self)
        return True

    def record_of_media(self) -> LegRecord:
        """Her media leg, for whoever goes on with it."""
        return self.media.record

    # ---- what is heard of it --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened in one of its dialogs."""
        if self.record.stage is Stage.OVER:
            return
        if not isinstance(event, CallEvent):
            self.pulse.heard(event)
        elif self.talk is not None and event.call is self.talk.call:
            self._heard_agent(self.talk, event)
        elif event.call is self.caller:
            self._heard_caller(event)
        elif not self.consult.heard(event):
            self.ringing.heard(event)

    def _heard_caller(self, event: sip.SipEvent) -> None:
        match event:
            case sip.CallCancelled():
                self._caller_left()
            case sip.CallConfirmed(sdp=late_answer):
                self._confirmed(late_answer)
            case sip.AckTimeout():
                self.end(Reason.NO_ACK, caller_gone=True)
            case sip.CallReinvited(sdp=offer):
                if self.talk is not None:
                    self.talk.reinvited(Side.CALLER, self.caller, offer, self.hearing.music_file())
                else:
                    answer_reinvite(self.hands, self.caller, self.media, offer)
            case sip.CallEnded(by_remote=True):
                self._caller_left()
            case sip.CallEnded():
                self.end(Reason.CALLER_VANISHED, caller_gone=True)
            case _:
                pass

    def _heard_agent(self, talk: Talk, event: sip.SipEvent) -> None:
        match event:
            case sip.CallReinvited(sdp=offer):
                talk.reinvited(Side.AGENT, talk.call, offer, self.hearing.music_file())
            case sip.CallEnded(by_remote=True):
                self._agent_left(Reason.AGENT_HUNG_UP, say_bye=False)
            case sip.CallEnded() | sip.AckTimeout():
                self._agent_left(Reason.AGENT_VANISHED, say_bye=False)
            case _:
                pass

    def digit(self, leg: str, digit: str) -> None:
        """A key, heard on one of its legs; only the caller's are for the flow."""
        if leg == self.media.record.id and self.record.stage is not Stage.TALKING:
            self._tell_flow(ivr.Digit(digit))

    def pressed(self, call: sip.Call, digit: str) -> None:
        """The same by INFO."""
        if call is self.caller:
            self.digit(self.media.record.id, digit)

    def finished(self, leg: str, file: str) -> None:
        """The engine played a file to its end."""
        if leg == self.media.record.id:
            self.media.finished(file)
        elif self.talk is not None and leg == self.talk.media.record.id:
            self.talk.media.finished(file)

    def tick(self) -> None:
        """Time went by: the flow's time-outs, the ring time, the longest call."""
        if self.record.stage is Stage.OVER:
            return
        longest = self.hands.rules.call_seconds_max * SECOND
        if self.hands.center_now() - self.record.arrived >= longest:
            self.end(Reason.CALL_LIMIT)
            return
        self.media.tick()
        if self.talk is not None:
            self.talk.media.tick()
        self.pulse.tick()
        self.notified.tick()
        self.ringing.tick()
        self.consult.tick()
        due = self.session.deadline if self.session else None
        if due is not None and due <= self.hands.now:
            self._walk(lambda session: session.tick(self.hands.now))

    # ---- is she still there ---------------------------------------------------------------

    def silent(self, leg: str, seconds: int) -> None:
        """Nothing is heard of a phone that was heard before: ask it."""
        if self.record.stage in (Stage.ARRIVING, Stage.ANSWERED, Stage.OVER):
            return
        spent = (self.hands.center_now() - self._since(leg)) // SECOND
        if seconds + 1 >= spent:
            return
        call, talk = self._call_of(leg), self.talk
        if call is not None:
            legacy = talk is not None and call is talk.call and talk.is_legacy
            self.pulse.silent(call, legacy=legacy)

    def sound(self, leg: str) -> None:
        """A silent phone is heard again."""
        if (call := self._call_of(leg)) is not None:
            self.pulse.sound(call)

    def _call_of(self, leg: str) -> sip.Call | None:
        if leg == self.media.record.id:
            return self.caller
        hers = self.talk is not None and leg == self.talk.media.record.id
        return self.talk.call if hers and self.talk else self.consult.call_of(leg)

    def _since(self, leg: str) -> Micros:
        talking = self.talk is not None and leg == self.talk.media.record.id
        return self.talk.record.since if talking and self.talk else self.record.answered

    def _vanished(self, call: sip.Call) -> None:
        """A phone has neither voice nor answer."""
        if call is self.caller:
            self.end(Reason.CALLER_VANISHED)
        elif self.talk is not None and call is self.talk.call:
            self._agent_left(Reason.AGENT_VANISHED, say_bye=True)
        elif self.consult.colleague is not None and call is self.consult.colleague.call:
            self.consult.gone(Reason.AGENT_VANISHED, say_bye=True)

    def media_restarted(self) -> None:
        """The engine has its legs again but not what it played."""
        self.media.play_again()
        if self.talk is not None:
            self.talk.media.play_again()
        self.consult.media_restarted()

    def legs(self) -> list[str]:
        """Her media leg and that of an agent who is rung, talks, or may be next."""
        talk = [self.talk.media.record.id] if self.talk else []
        return [
            self.media.record.id,
            *talk,
            *self.ringing.legs(),
            *self.standby.legs(),
            *self.consult.legs(),
        ]

    # ---- what is kept of her --------------------------------------------------------------

    def kept(self) -> dict[str, bytes]:
        """Everything a restart must know: before we have answered, how she came."""
        if self.record.stage is Stage.OVER:
            return {}
        if self.record.stage is Stage.ARRIVING:
            arriving = ArrivingKept(flow=self.caller.flow, invite=self.caller.invite_octets())
            return {f"arriving:{self.id}": _encoder.encode(arriving)}
        if self.session is not None and self._walked:
            self.record.session, self._walked = self.session.record(), False
        key, encode = f"call:{self.id}", _encoder.encode
        leg = LegKept(dialog=self.caller.record(), media=self.media.record)
        kept = {key: encode(self.record), f"{key}:caller": encode(leg)}
        if offers := self.ringing.kept():
            kept[f"{key}:offer"] = encode(offers)
        if self.talk is not None:
            kept[f"{key}:talk"] = encode(self.talk.kept())
        if (consult := self.consult.kept()) is not None:
            kept[f"{key}:consult"] = encode(consult)
        return kept

    def take_up(self) -> None:
        """Go on after a restart: ask again for what may have been lost with the process."""
        hands = self.hands
        self.media.take_up()
        self.standby.take_up()
        if self.record.stage is Stage.QUEUED:
            self._stand_by()
        wait_for_word(hands, self.record, self._tell_flow)
        if self.session is not None and self.session.deadline is not None:
            hands.wake(self.id, max(0, self.session.deadline - hands.now))
        if self.talk is not None and not self.talk.record.bridged:
            self._agent_left(Reason.AGENT_VANISHED, say_bye=True)
        self._walk(lambda session: session.resume(hands.now))
