"""The front end as a little machine: one input in, one turn out.

    turn = frontend.restore(records, now)      first: take back what an earlier life held
    turn = frontend.react(input, now)          a datagram, a reply, committed events, a key
    frontend.take(input, now) … turn = frontend.turn()     several at once, kept as one
    turn = frontend.tick(now)                  when `deadline` has come

Why: this is the door of the room. It knows which call an input is for and whether there is room
for one more; what a call does is told in `call.py`. It reads no clock and opens no socket, so a
whole day of calls can be told in a test, and every refusal goes through one table.

Sources: RFC 3261 8.2 (UAS), 21 (answers); DESIGN 4 (who decides what).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from callcenter.domain import events as e
from callcenter.domain.commands import ContactEndReported, FrontendReported
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import AgentId, ContactId, Micros, PartyId
from callcenter.frontend import memory
from callcenter.frontend.agent_dials import AgentDials, refuse, user_of
from callcenter.frontend.call import CallStory
from callcenter.frontend.call_record import CallRecord, Stage
from callcenter.frontend.callback import CallbackStory
from callcenter.frontend.caller import caller_of, dialled_user, digit_in, plain_number
from callcenter.frontend.fax import takes_fax
from callcenter.frontend.fax_door import FaxDoor
from callcenter.frontend.fax_out import FaxOutStory
from callcenter.frontend.fax_out import begin as begin_fax
from callcenter.frontend.feature import FeatureStory
from callcenter.frontend.hands import Hands, Rules, Story, source_of
from callcenter.frontend.limits import CenterClock, RateLimit
from callcenter.frontend.media_leg import LegRecord, owner_of
from callcenter.frontend.message import MessageStory, message_of
from callcenter.frontend.outbound import OutboundStory, granted_story
from callcenter.frontend.phones import Answer, Phones
from callcenter.frontend.registrations import Registrations
from callcenter.frontend.secrecy import Rule, rule_of
from callcenter.frontend.targets import Targets
from callcenter.frontend.trunks import Trunks
from callcenter.frontend.turn import (
    Closing,
    Configured,
    ContactClosed,
    DigitHeard,
    Draining,
    EventsSeen,
    Faulted,
    FaxAttempted,
    FaxClosed,
    FaxHeard,
    FaxOver,
    FeatureClosed,
    FlowClosed,
    FlowProven,
    Input,
    LookedUp,
    MediaHolds,
    MediaReplied,
    MediaRestarted,
    Overloaded,
    PartyFetched,
    RecordingEnded,
    RecordingKept,
    RtpHeard,
    RtpSilent,
    SayingFinished,
    SipReceived,
    StoreDown,
    StoreUp,
    TargetsFound,
    Turn,
)
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent
from callcenter.sip.flow import Flow
from callcenter.sip.identity import attestation
from callcenter.sip.message import Request
from callcenter.sip.registrar import Binding

DEAD_FLOWS_MAX = 1000
"""Connections remembered after their end; a phone that comes back later than that begins anew."""


class Frontend:
    """All calls, phones and limits of one front end."""

    def __init__(
        self,
        rules: Rules,
        endpoint: sip.Endpoint,
        config: Configured,
        *,
        secret: bytes,
        wall_offset: Micros = 0,
    ) -> None:
        """`secret` seals nonces; `wall_offset` is wall clock minus monotonic clock."""
        self.rules = rules
        self.endpoint = endpoint
        endpoint.trusts = self.trusts_address
        self.hands = Hands(endpoint, rules, CenterClock(wall_offset), config, self._bindings)
        self.phones = Phones(self.hands, secret)
        self.trunks = Trunks()
        self.dials = AgentDials(self.hands, self.phones)
        self.faxes = FaxDoor(self.hands)
        self.targets = Targets(self.hands)
        self.registrations = Registrations(self.hands)
        self.hands.rule = self._rule
        self.counts = self.hands.counts
        self._rates = RateLimit(
            per_second=rules.calls_per_source_per_second, burst=rules.calls_per_source_burst
        )
        self._dead: dict[Flow, None] = {}
        """Connections that closed lately."""
        self._is_known = False
        """Whether control has heard of this life."""
        self._is_crowded = False
        self._strangers: set[str] = set()
        """Contacts of callers who are neither a trunk nor registered; some may be over."""
        self._closed_for: dict[Reason, bool] = {}
        """Why no new call is taken, if any of them is true."""
        self._entries: dict[type[Any], Callable[[Any], None]] = {
            SipReceived: self._sip_received,
            FlowClosed: self._flow_closed,
            FlowProven: lambda i: self.trunks.proven(i.flow, i.trunk),
            EventsSeen: self._events_seen,
            MediaReplied: self._media_replied,
            MediaHolds: self._media_holds,
            MediaRestarted: lambda _: self._media_restarted(),
            DigitHeard: lambda i: self._at_leg(i.leg, lambda s: s.digit(i.leg, i.digit)),
            SayingFinished: lambda i: self._at_leg(i.leg, lambda s: s.finished(i.leg, i.file)),
            RtpSilent: lambda i: self._at_leg(i.leg, lambda s: s.silent(i.leg, i.seconds)),
            FaxHeard: lambda i: self.faxes.heard(i.leg),
            FaxOver: lambda i: self.faxes.over(i.leg),
            RtpHeard: lambda i: self._at_leg(i.leg, lambda s: s.sound(i.leg)),
            LookedUp: self._looked_up,
            PartyFetched: self._party_fetched,
            TargetsFound: self._targets_found,
            RecordingEnded: self._recording_ended,
            RecordingKept: self._recording_kept,
            Configured: self._configured,
            StoreDown: lambda _: self._close(Reason.STORE_UNAVAILABLE, closed=True),
            StoreUp: lambda _: self._close(Reason.STORE_UNAVAILABLE, closed=False),
            Draining: lambda _: self._close(Reason.DRAINING, closed=True),
            Closing: lambda _: self._end_all(),
            Overloaded: self._overloaded,
        }

    # ---- the machine ----------------------------------------------------------------------

    def react(self, what: Input, now: Micros) -> Turn:
        """One input, to rest."""
        self.take(what, now)
        return self.turn()

    def take(self, what: Input, now: Micros) -> None:
        """One input, to rest; what it made is in the next `turn`, with that of its neighbours."""
        self.hands.now = now
        try:
            self._entries[type(what)](what)
        except Exception as fault:  # noqa: BLE001 a mistake of ours ends contacts, not the process
            self._let_go_of_touched(fault)

    def tick(self, now: Micros) -> Turn:
        """Everything that is due."""
        self.hands.now = now
        try:
            self._told_by_sip(self.endpoint.tick(now))
            self.phones.tick()
            self.targets.tick()
            self.registrations.tick()
            self.hands.ring_alarms()
        except Exception as fault:  # noqa: BLE001 as in `react`
            self._let_go_of_touched(fault)
        return self.turn()

    @property
    def deadline(self) -> Micros | None:
        """When `tick` has something to do."""
        times = (
            self.endpoint.deadline,
            self.phones.deadline,
            self.targets.deadline,
            self.registrations.deadline,
            self.hands.deadline,
        )
        return min((when for when in times if when is not None), default=None)

    def restore(
        self, records: Mapping[str, bytes], now: Micros, unread: Iterable[EventsSeen] = ()
    ) -> Turn:
        """Take back the calls and phones of an earlier life, then name them all to control.

        `unread` is what was committed since the place that the earlier life kept. It comes first:
        a grant that life may have acted on is taken up again, so that control is told of it and
        does not take it back while her phone rings.
        """
        self.hands.now = now
        memory.restore(self.hands, self.phones, records)
        registered = set(self.phones.reachable)
        self.hands.reads_again = True
        for seen in unread:
            self.take(seen, now)
        self.hands.reads_again = False
        self.phones.reachable = registered  # whatever was believed while we were away
        self._report_all()
        self.registrations.tick()
        for came in memory.arriving(self.hands, records):
            self._told_by_sip(self.endpoint.receive(came.invite, came.flow, now))
        return self.turn()

    def turn(self) -> Turn:
        """What the inputs since the last turn made, as a whole."""
        turn = self.hands.finish()
        if self.phones.changed:
            turn.records.extend(self.phones.changes())
        turn.actions.extend(self.hands.outgoing())
        for action in turn.actions:
            if type(action) is ContactClosed:
                self.counts[f"ended.{action.label}"] += 1
            elif type(action) is FaxClosed:
                self.counts[f"ended.{action.label}"] += 1
                self.counts["fax.pages"] += action.pages
            elif type(action) is FaxAttempted:
                self.counts[f"fax_out.{action.label}"] += 1
            elif type(action) is FeatureClosed:
                self.counts[f"feature.{action.code}/{action.label}"] += 1
        return turn

    def _let_go_of_touched(self, fault: Exception) -> None:
        """End whatever the faulty turn was about; what cannot even be ended is forgotten."""
        self.counts["faults"] += 1
        self.hands.act(Faulted(fault))
        for story in list(self.hands.touched.values()):
            try:
                story.end(Reason.INTERNAL)
            except Exception as again:  # noqa: BLE001 as in `react`
                self.hands.act(Faulted(again))
                self.hands.over(story)

    def _report_all(self) -> None:
        stories = list(self.hands.stories.values())
        calls = [s for s in stories if isinstance(s, CallStory)]
        callbacks = [s for s in stories if isinstance(s, CallbackStory | OutboundStory)]
        self.hands.report(
            FrontendReported(
                frontend=self.rules.frontend,
                epoch=self.rules.epoch,
                contacts=(
                    *(call.record.contact for call in calls if call.is_reported),
                    *(one.record.contact for one in callbacks),
                ),
                agents=tuple(sorted(self.phones.reachable)),
                faxes=tuple(s.record.fax for s in stories if isinstance(s, FaxOutStory)),
                offers=(
                    *(
                        offer
                        for call in calls
                        for offer in (*call.ringing.offers, *call.consult.offers())
                    ),
                    *(offer for one in callbacks for offer in one.offers),
                ),
            )
        )

    @property
    def awaits_control(self) -> bool:
        """Whether any call waits for what control decides."""
        return bool(self.hands.awaiting)

    @property
    def calls(self) -> int:
        """Calls held now; a promise to call is none, nor is a message."""
        hands = self.hands
        return len(hands.stories) - len(hands.promises) - len(hands.messages)

    # ---- SIP comes in ---------------------------------------------------------------------

    def _sip_received(self, received: SipReceived) -> None:
        events = self.endpoint.receive(received.data, received.flow, self.hands.now)
        for story in self.hands.dialling.values():  # a trunk may have been shown our password
            self.hands.touch(story)
        self._told_by_sip(events)

    def _flow_closed(self, closed: FlowClosed) -> None:
        self._told_by_sip(self.endpoint.flow_closed(closed.flow, self.hands.now))
        self.phones.flow_closed(closed.flow)
        self.trunks.flow_closed(closed.flow)
        self._dead[closed.flow] = None
        if len(self._dead) > DEAD_FLOWS_MAX:
            del self._dead[next(iter(self._dead))]

    def _came_back(self, flow: Flow) -> None:
        """A phone registers over a new connection: the calls that it had over one that is gone go
        on over this one. Until then nobody hangs up on it, as its sound may go on."""
        agent = self.phones.registered_from(flow) if self._dead else None
        for story in list(self.hands.stories.values()) if agent else ():
            for call in (
                story.consult.calls_of(agent) if isinstance(story, CallStory) and agent else ()
            ):
                if call.flow in self._dead and call.flow.remote[0] == flow.remote[0]:
                    call.flow = flow
                    self.hands.touch(story)

    def _told_by_sip(self, events: list[sip.SipEvent]) -> None:
        for event in events:
            match event:
                case sip.IncomingCall(call=call):
                    self._arrived(call)
                case sip.RequestReceived(request=request):
                    self._requested(request)
                case sip.Malformed():
                    self.counts["sip.malformed"] += 1
                case _:
                    self._tell_story(event)

    def _tell_story(self, event: sip.SipEvent) -> None:
        if self.registrations.heard(event) or self.targets.heard(event):
            return
        call = event.call if isinstance(event, CallEvent) else self._asked_in(event)
        if isinstance(event, sip.CallEnded | sip.CallRejected):
            self.hands.gone(event.call)
        elif isinstance(event, sip.CallProgress):
            self._rings(event)
            return  # as an INVITE may be repeated, nothing is kept of it
        elif isinstance(event, sip.CallConfirmed):
            self.hands.confirmed(event.call)
        story = self.hands.dialogs.get(call.id) if call is not None else None
        if story is not None:
            self.hands.touch(story)
            story.heard(event)

    def _rings(self, event: sip.CallProgress) -> None:
        """Only who called at her phone is told so: everybody else hears a tone of ours."""
        story = self.hands.dialogs.get(event.call.id)
        if isinstance(story, OutboundStory):
            self.hands.touch(story)
            story.heard(event)

    @staticmethod
    def _asked_in(event: sip.SipEvent) -> sip.Call | None:
        """The call in whose dialog a request of ours was answered, or was not."""
        if isinstance(event, sip.ResponseReceived | sip.RequestTimeout):
            return event.request.call
        return None

    def _requested(self, request: sip.ServerRequest) -> None:
        """A request that begins no call."""
        method = request.request.method
        self.counts[f"sip.{method.lower()}"] += 1
        if method == "REFER":
            self._referred(request)
            return
        if method == "REGISTER":
            answer = self.phones.register(request.request, request.flow)
            self._came_back(request.flow)
        elif method == "INFO" and request.call is not None:
            answer = self._informed(request.call, request.request)
        else:
            answer = Answer(405)
        self.endpoint.respond(request, answer.status, headers=answer.headers, now=self.hands.now)

    def _referred(self, asked: sip.ServerRequest) -> None:
        """REFER: from the phone of an agent, in the call that she has; nobody else may."""
        story = self.hands.dialogs.get(asked.call.id) if asked.call else None
        answer = Answer(403)
        if isinstance(story, CallStory) and asked.call is not None:
            self.hands.touch(story)
            answer = story.notified.asked(story.talk, story.consult, asked.call, asked.request)
        self.counts[f"refer.{answer.status}"] += 1
        self.endpoint.respond(asked, answer.status, now=self.hands.now)
        if isinstance(story, CallStory) and answer.status == 202:
            story.notified.begin()

    def _informed(self, call: sip.Call, info: Request) -> Answer:
        """INFO in a call: a digit from a phone that cannot send it in its audio."""
        digit = digit_in(info)
        story = self.hands.dialogs.get(call.id)
        if not digit or story is None:
            return Answer(415 if not digit else 481)
        self.hands.touch(story)
        story.pressed(call, digit)
        return Answer(200)

    # ---- a call comes in: is there room, what was dialled, who is she ---------------------

    def _arrived(self, call: sip.Call) -> None:
        self.counts["sip.invite"] += 1
        reason = self._no_room(call.flow)
        if reason is not None:
            refuse(self.hands, call, reason)
        elif call.request is not None:
            dialled = dialled_user(call.request)
            if not self.dials.takes(call, call.request, dialled):
                self._contact(call, call.request, dialled)

    def _no_room(self, flow: Flow) -> Reason | None:
        closed = next((reason for reason, is_so in self._closed_for.items() if is_so), None)
        if closed is not None:
            return closed
        if self.calls >= self.rules.calls_max:
            return Reason.OVERLOADED
        if self._is_trunk(flow) or self.phones.registered_from(flow):
            return None
        has_room = self._guests() < self._guests_max
        if self._is_crowded or not has_room:
            return Reason.OVERLOADED
        allowed = self._rates.allows(source_of(flow), self.hands.now)
        return None if allowed else Reason.OVERLOADED

    @property
    def _guests_max(self) -> int:
        rules = self.rules
        return rules.calls_max - min(rules.kept_for_known, rules.calls_max // 2)

    def _guests(self) -> int:
        """How many calls strangers hold. Counted anew when there may be too many."""
        if len(self._strangers) >= self._guests_max:
            self._strangers.intersection_update(self.hands.stories)
        return len(self._strangers)

    def trusts_address(self, flow: Flow) -> bool:
        """Whether what comes from that host is known to come from there, and is no forgery."""
        return source_of(flow) in self.hands.proved or self._is_trunk(flow)

    def knows(self, flow: Flow) -> bool:
        """Whether somebody at the other end of `flow` has shown who or at least where he is: a
        trunk, a registered phone, a peer of a call that he acknowledged."""
        remote = flow.remote
        return remote in self.hands.roads or self.phones.knows(remote) or self._is_trunk(flow)

    def _contact(self, call: sip.Call, invite: Request, dialled: str) -> None:
        """A number of ours starts its flow."""
        wanted = plain_number(dialled)
        number = next((n for n in self.hands.center.numbers if user_of(n.number) == wanted), None)
        flow = self.hands.config.flows.get(number.flow) if number else None
        is_fax = number is not None and takes_fax(number) and not number.flow
        if number is None or (flow is None and not is_fax):
            refuse(self.hands, call, Reason.NO_SUCH_NUMBER)
            return
        agent = self.phones.registered_from(call.flow)
        if (
            not number.guests
            and not self._is_trunk(call.flow)
            and not self.dials.is_agent(call, invite)
        ):
            return
        is_trunk = self._is_trunk(call.flow)
        if flow is None:
            self.faxes.arrived(call, caller_of(invite, is_trusted=is_trunk), number)
            return
        caller = caller_of(invite, is_trusted=is_trunk)
        contact = self.hands.new_contact()
        record = CallRecord(
            contact=contact,
            stage=Stage.ARRIVING,
            dialled=number.number,
            flow=flow.name,
            revision=flow.revision,
            arrived=self.hands.center_now(),
            caller=caller,
            registered=agent is not None,
            attested=attestation(invite) if is_trunk else "",
        )
        leg = LegRecord(id=f"{contact}/c", tones=self._has_tones(call.flow))
        story = CallStory(self.hands, record, call, leg, flow)
        story.media.tell(call.flow)
        if agent is None and not is_trunk:
            self._strangers.add(contact)
        self.hands.follow(call, story)
        self.hands.begin(story)
        story.arrive()

    def _is_trunk(self, flow: Flow) -> bool:
        return self.trunks.of(flow, self.hands.config.trunks) is not None

    def _rule(self, flow: Flow) -> Rule:
        trunk = self.trunks.of(flow, self.hands.config.trunks)
        return rule_of(self.rules.srtp if trunk is None else trunk.srtp, flow)

    def _has_tones(self, flow: Flow) -> bool:
        trunk = self.trunks.of(flow, self.hands.config.trunks)
        return trunk is not None and trunk.inband_digits

    # ---- what control decided -------------------------------------------------------------

    def _events_seen(self, seen: EventsSeen) -> None:
        if not self.hands.reads_again:  # those were committed too long ago to tell the time
            self.hands.clock.heard(seen.at, self.hands.now)
        for event in seen.events:
            match event:
                case (
                    e.ContactQueued()
                    | e.QueueRefused()
                    | e.ContactDequeued()
                    | e.ContactMoved()
                    | e.OfferMade()
                    | e.OfferConfirmed()
                    | e.OfferDeclined()
                    | e.OfferRescinded()
                    | e.ContactEnded()
                    | e.ContactTransferred()
                    | e.CallActAsked()
                    | e.ConsultMade()
                    | e.ConsultUnanswered()
                    | e.WaitEstimated()
                    | e.ContactPlaced()
                    | e.CallbackRefused()
                    | e.DialAsked()
                ):
                    self._told_contact(event.contact, event)
                case e.CallPlaced():
                    self._call_placed(event)
                case e.CommandAnswered():
                    self._told_asker(event)
                case e.FaxChanged(frontend=frontend) if frontend == self.rules.frontend:
                    begin_fax(self.hands, event)
                case e.PresenceChanged(agent=agent):
                    self._seen(agent, presence=event.presence, reason=event.reason)
                case e.AgentUnreachable(agent=agent):
                    self._seen(agent, is_reachable=False)
                    self.phones.reachable.discard(agent)
                case e.AgentReachable(agent=agent, frontend=frontend):
                    self._agent_reachable(agent, by_us=frontend == self.rules.frontend)
                case e.FrontendStarted(frontend=frontend, epoch=epoch):
                    self._is_known |= (frontend, epoch) == (self.rules.frontend, self.rules.epoch)
                case e.FrontendLost(frontend=frontend) if frontend == self.rules.frontend:
                    self._thought_lost()
                case e.QueueEstimated(queue=queue):
                    self.hands.estimates[queue] = event
                case e.ConfigurationChanged(center=center):
                    self.hands.config = self.hands.config._replace(center=center)
                case _:
                    pass

    def _thought_lost(self) -> None:
        """Our lease ran out though we live: name everything again.

        An earlier life's loss may be read after our own start; that one was answered by our first
        report, and naming our offers again would take back those that are still on their way.
        """
        if self._is_known:
            self._is_known = False
            self._report_all()

    def _seen(self, agent: AgentId, **news: Any) -> None:
        self.hands.agents[agent] = self.hands.seen(agent)._replace(**news)

    def _agent_reachable(self, agent: AgentId, *, by_us: bool) -> None:
        """Control's belief, to which the next change of her phones is compared."""
        self._seen(agent, is_reachable=True)
        if by_us and self.phones.bindings(agent):
            self.phones.reachable.add(agent)

    def _told_contact(self, contact: ContactId, event: e.Event) -> None:
        story = self.hands.stories.get(contact)
        if isinstance(story, CallStory | CallbackStory | OutboundStory):
            self.hands.touch(story)
            story.told(event)

    def _call_placed(self, grant: e.CallPlaced) -> None:
        """An agent may call out: at her phone she waits for it, from her desk it begins here."""
        if grant.frontend != self.rules.frontend:
            return
        if grant.contact in self.hands.stories:
            self._told_contact(grant.contact, grant)
            return
        if not grant.rings_first:  # she hung up before it was granted
            gone = ended(Reason.CALL_GIVEN_UP)
            self.hands.report(ContactEndReported(contact=grant.contact, termination=gone))
            return
        story = granted_story(self.hands, grant, CallStory)
        self.hands.begin(story)
        story.granted(grant)

    def _told_asker(self, answer: e.CommandAnswered) -> None:
        """The answer to a request of ours, whose name ends with that of the story."""
        name = answer.request.rpartition(":")[2]
        story = self.hands.stories.get(name)
        if isinstance(story, FeatureStory | CallStory):
            self.hands.touch(story)
            story.told(answer)
        elif isinstance(story, OutboundStory):
            self.hands.touch(story)
            story.answered(answer)

    # ---- the rest -------------------------------------------------------------------------

    def _at_leg(self, leg: str, tell: Callable[[Story], None]) -> None:
        story = self.hands.stories.get(owner_of(leg))
        if story is not None:
            self.hands.touch(story)
            tell(story)

    def _media_replied(self, replied: MediaReplied) -> None:
        self.hands.replied(replied.cookie, replied.reply)

    def _media_holds(self, held: MediaHolds) -> None:
        """A life that died while a call was arriving left its leg behind, with two ports."""
        ours = (f"{self.rules.frontend}-", f"f-{self.rules.frontend}-")
        for leg in held.legs:
            story = self.hands.stories.get(owner_of(leg))
            if leg.startswith(ours) and (story is None or leg not in story.legs()):
                self.hands.ask({"command": "delete", "call-id": leg}, None, None)

    def _media_restarted(self) -> None:
        for story in list(self.hands.stories.values()):
            if isinstance(story, CallStory | CallbackStory):
                self.hands.touch(story)
                story.media_restarted()

    def _looked_up(self, answer: LookedUp) -> None:
        story = self.hands.stories.get(answer.contact)
        if isinstance(story, CallStory):
            self.hands.touch(story)
            story.looked_up(answer)

    def _party_fetched(self, fetched: PartyFetched) -> None:
        story = self.hands.stories.get(fetched.contact)
        if isinstance(story, CallStory | OutboundStory | FaxOutStory):
            self.hands.touch(story)
            if isinstance(story, OutboundStory | FaxOutStory):
                story.fetched(fetched.number)
            else:
                story.consult.out.fetched(PartyId(fetched.party), fetched.number)

    def _recording_ended(self, ended: RecordingEnded) -> None:
        story = self.hands.stories.get(message_of(ended.file))
        if isinstance(story, MessageStory):
            self.hands.touch(story)
            story.ended(ended.why)

    def _recording_kept(self, kept: RecordingKept) -> None:
        story = self.hands.stories.get(kept.contact)
        if isinstance(story, MessageStory):
            self.hands.touch(story)
            story.was_kept(kept)

    def _configured(self, config: Configured) -> None:
        self.hands.config = config
        self.targets.apply()
        self.registrations.tick()

    def _targets_found(self, found: TargetsFound) -> None:
        self.targets.learned(found)
        self.registrations.tick()

    def _overloaded(self, load: Overloaded) -> None:
        self._is_crowded = load.crowded
        self._close(Reason.OVERLOADED, closed=load.overloaded)

    def _close(self, reason: Reason, *, closed: bool) -> None:
        self._closed_for[reason] = closed

    def _end_all(self) -> None:
        self._close(Reason.DRAINING, closed=True)
        for story in list(self.hands.stories.values()):
            story.end(Reason.DRAINING)

    def _bindings(self, agent: AgentId) -> list[Binding]:
        return self.phones.bindings(agent)
