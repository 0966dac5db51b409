"""An agent's phones ring under a grant, until one answers or none will.

Why: control decides that this agent is offered this contact; whether she took it is a fact that
only the front end that rings can know. A grant is acted on once and in time: the ring timer runs
here, the first answer wins, everything else is told why it stops ringing. Several agents who ring
for one caller have a grant each (`ringing.py`).

One media leg serves all her phones: only the one that answers is ever heard.

An INVITE leaves in the turn in which its grant is read, before its record is kept. What a phone
knows it by follows from the grant, the phone and a secret kept with the contact (`invite_names`).
So a life that died of it costs nothing: the next one reads the grant again and sends a repetition,
which rings no second time; or, if the offer is over by then, a CANCEL of the INVITE that it never
saw. Where the leg is not ready yet the INVITE belongs to a later turn and waits for its record.

Sources: RFC 3261 9.1 (CANCEL), 13.2 and 16.7 (several answers; 6xx ends the search), 17.2.3 (by
what a repetition is known), RFC 3326.
"""

from hashlib import blake2b
from typing import NamedTuple, Protocol

import msgspec

from callcenter.domain.commands import OfferOutcome, OfferReported
from callcenter.domain.events import OfferMade
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, OfferId, QueueId
from callcenter.frontend.auto_answer import answer_headers
from callcenter.frontend.caller import screen_name, screen_user
from callcenter.frontend.endings import ELSEWHERE, RANG_OUT, ending, outcome_of_status
from callcenter.frontend.hands import Hands, Story
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.phones import phone_of
from callcenter.frontend.standby import StandbyLeg
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.record import DialogRecord
from callcenter.sip.registrar import Binding

NOT_ACCEPTABLE_HERE = 488
FORKS_MAX = 8
"""Phones of one agent that ring at once."""

_MILDER: tuple[OfferOutcome, ...] = (
    OfferOutcome.DECLINED,
    OfferOutcome.BUSY,
    OfferOutcome.FAILED,
    OfferOutcome.UNREACHABLE,
)
"""When several phones said no, the first of these that was said is the agent's answer."""


class OfferRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a restart must know of a ringing offer."""

    offer: OfferId
    agent: AgentId
    queue: QueueId
    rings_until: Micros
    """Center time."""
    media: LegRecord
    dials: list[DialogRecord] = []
    auto_answer: bool = False


class Shown(NamedTuple):
    """What an agent's phone shows of the call, and the secret that its names are made from."""

    name: str
    user: str
    secret: str

    @classmethod
    def of(cls, title: str, waited: Micros, caller: str, secret: str) -> "Shown":
        """Of a caller who waited so long for what `title` says."""
        return cls(screen_name(title, waited, caller), screen_user(caller), secret)


class Asker(Story, Protocol):
    """The contact that an offer is made for."""

    def offer_answered(self, offer: "Offer", call: sip.Call, answer: bytes) -> None:
        """A phone answered and was acknowledged; the agent's others were told to stop."""
        ...

    def offer_over(self, offer: "Offer") -> None:
        """None of her phones will answer; control was told why."""
        ...


class Offer:
    """One grant in the hands of its owner."""

    def __init__(
        self, hands: Hands, asker: Asker, record: OfferRecord, media: MediaLeg | None = None
    ) -> None:
        self.hands = hands
        self.asker = asker
        self.record = record
        self.media = media or MediaLeg(hands, record.media, said=lambda: None)
        self.dials: dict[str, sip.Call] = {}
        self._plain: dict[str, Binding] = {}
        """Phones that were offered plain audio with keys beside it, by dialog: one that must have it
        encrypted refuses that, and is asked once more."""
        self._refusals: list[OfferOutcome] = []
        self._shown = Shown("", "", "")
        self.beside = False
        """She is asked by another agent, and will not have the contact."""
        self._rang_unseen = False
        """Whether an earlier life may have sent INVITEs that this one did not send again."""
        self._over = False

    @classmethod
    def granted(
        cls,
        hands: Hands,
        asker: Asker,
        grant: OfferMade,
        shown: Shown,
        media: MediaLeg | None = None,
    ) -> "Offer":
        """Take a grant. Nothing of it is kept before a phone rings: control takes back a grant
        that its owner does not name after a restart, and the engine's leg is swept up."""
        ring = min(grant.ring_seconds, 180) * SECOND
        record = OfferRecord(
            offer=grant.offer,
            agent=grant.agent,
            queue=grant.queue,
            rings_until=hands.center_now() + ring,
            media=media.record if media else LegRecord(id=""),
            auto_answer=grant.auto_answer,
        )
        offer = cls(hands, asker, record, media)
        offer._shown, offer._rang_unseen = shown, hands.reads_again
        return offer

    def refuse(self) -> None:
        """Do not act on the grant; should an earlier life have done so, its ringing ends."""
        self._over = True
        self._stop_ringing(ELSEWHERE)
        self.report_failed()

    # ---- ringing --------------------------------------------------------------------------

    def ring(self, leg: StandbyLeg) -> None:
        """Ring every living phone of the agent; tell the asker at once when there is none."""
        if not self.hands.bindings(self.record.agent):
            self._end(OfferOutcome.UNREACHABLE)
            return
        turn = self.hands.turn

        def ready() -> None:
            if not self._over:
                self._dial(granted_now=turn is self.hands.turn)

        def failed(_: Message) -> None:
            self._end(OfferOutcome.FAILED)

        leg.when_ready(ready, failed)
        self.hands.wake(self.asker.id, max(0, self.record.rings_until - self.hands.center_now()))

    def _dial(self, *, granted_now: bool) -> None:
        """Invite them; those whose audio is encrypted, once the engine has told its keys."""
        self._rang_unseen = False
        turn = self.hands.turn
        bindings = [b for b in self._bindings() if not self.hands.rule(b.flow).forbids_call]
        # With several phones nobody knows at which of them she sits.
        self.record.auto_answer = self.record.auto_answer and len(bindings) == 1

        def ready() -> None:
            if not self._over:
                self._invite_all(bindings, granted_now and turn is self.hands.turn)

        self.media.prepare(
            [b.flow for b in bindings], ready, lambda _: self._end(OfferOutcome.FAILED)
        )
        if not bindings:
            can = bool(self._bindings())
            self._end(OfferOutcome.FAILED if can else OfferOutcome.UNREACHABLE)

    def _invite_all(self, bindings: list[Binding], granted_now: bool) -> None:
        for binding in bindings:
            self.media.tell(binding.flow)
            call = self._ring_at(binding, self.media.offer_sdp())
            if self.media.may_insist:
                self._plain[call.id] = binding
            if granted_now and self._shown.secret:
                self.hands.send_granted(call, self.record.agent)

    def _ring_at(self, binding: Binding, sdp: bytes, *, again: bool = False) -> sip.Call:
        call = self._invite(binding, sdp, again=again)
        self.dials[call.id] = call
        self.hands.follow(call, self.asker)
        return call

    def _bindings(self) -> list[Binding]:
        return self.hands.bindings(self.record.agent)[:FORKS_MAX]

    def _invite(
        self,
        binding: Binding,
        sdp: bytes | None,
        *,
        unseen: bool = False,
        again: bool = False,
    ) -> sip.Call:
        """`again`: the phone has refused another INVITE of this offer."""
        shown, domain, agent = self._shown, self.hands.rules.domain, self.record.agent
        if again:
            shown = shown._replace(secret="")
        names = invite_names(shown.secret, self.record.offer, phone_of(binding))
        return self.hands.endpoint.invite(
            to_uri=f"sip:{self.record.agent}@{domain}",
            request_uri=binding.contact,
            from_addr=f'"{shown.name}" <sip:{shown.user}@{domain}>',
            flow=binding.flow,
            sdp=sdp,
            now=self.hands.now,
            headers=answer_headers(self.hands, agent) if self.record.auto_answer else (),
            names=names if shown.secret else None,  # none of a caller whom an old version queued
            sent_before=unseen,
        )

    # ---- what the phones say --------------------------------------------------------------

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened at one of her phones."""
        match event:
            case sip.CallAnswered(call=call, sdp=answer) if call.id in self.dials:
                self._answered(call, answer or b"")
            case sip.CallRejected(call=call, status=status) if call.id in self.dials:
                self._refused(call, status)
            case sip.CallEnded(call=call) if call.id in self.dials:
                self._refused(call, 480)
            case _:
                pass

    def _answered(self, call: sip.Call, answer: bytes) -> None:
        if self._over:
            call.bye(self.hands.now, headers=(ELSEWHERE,))
            self.hands.let_go(call)
            return
        del self.dials[call.id]
        self.media.tell(call.flow)
        self._stop_ringing(ELSEWHERE)
        self._over = True
        self.asker.offer_answered(self, call, answer)

    def _refused(self, call: sip.Call, status: int) -> None:
        del self.dials[call.id]
        if self._over:
            return
        insists = self._plain.pop(call.id, None) if status == NOT_ACCEPTABLE_HERE else None
        if insists is not None:
            self.media.tell(insists.flow)
            self._ring_at(insists, self.media.offer_sdp(insist=True), again=True)
            return
        outcome = outcome_of_status(status)
        self._refusals.append(outcome)
        if not self.dials or status >= 600:
            said = next((o for o in _MILDER if o in self._refusals), OfferOutcome.UNREACHABLE)
            self._end(outcome if status >= 600 else said)

    # ---- the end of it --------------------------------------------------------------------

    def tick(self) -> None:
        """The ring time is the owner's to keep."""
        if not self._over and self.hands.center_now() >= self.record.rings_until:
            self._end(OfferOutcome.EXPIRED)

    def rescind(self, *, caller_left: bool = False) -> None:
        """Taken back: she need not answer any more."""
        if self._over:
            return
        self._over = True
        gone = ending(Reason.CALLER_LEFT_IN_QUEUE).reason_header
        self._stop_ringing(gone if caller_left else ELSEWHERE)
        self.media.close()

    def _end(self, outcome: OfferOutcome) -> None:
        if self._over:
            return
        self._over = True
        self._stop_ringing(RANG_OUT if outcome is OfferOutcome.EXPIRED else ELSEWHERE)
        self.media.close()
        self._report(outcome)
        self.asker.offer_over(self)

    def report_failed(self) -> None:
        """It ended by our fault, not hers."""
        self._report(OfferOutcome.FAILED)

    def _report(self, outcome: OfferOutcome) -> None:
        record = self.record
        self.hands.report(
            OfferReported(
                offer=record.offer,
                contact=ContactId(self.asker.id),
                agent=record.agent,
                outcome=outcome,
                beside=self.beside,
            )
        )

    def _stop_ringing(self, why: tuple[str, str]) -> None:
        unseen = self._bindings() if self._rang_unseen and self._shown.secret else []
        calls = [self._invite(binding, None, unseen=True) for binding in unseen]
        self._rang_unseen = False
        for call in (*self.dials.values(), *calls):
            call.cancel(self.hands.now, headers=(why,))
            self.hands.let_go(call, self.record.agent)

    def kept(self) -> OfferRecord:
        """As the store keeps it."""
        self.record.dials = [call.record() for call in self.dials.values()]
        return self.record

    @classmethod
    def restored(cls, hands: Hands, asker: Asker, record: OfferRecord) -> "Offer":
        """Told again after a restart: its open INVITEs can still be cancelled and answered."""
        offer = cls(hands, asker, record)
        for dial in record.dials:
            call = hands.endpoint.restore(dial, hands.now)
            offer.dials[call.id] = call
            hands.follow(call, asker)
        hands.touch(asker)
        hands.wake(asker.id, max(0, record.rings_until - hands.center_now()))
        return offer


def invite_names(secret: str, offer: OfferId, phone: str) -> sip.InviteNames:
    """What a phone knows the INVITE of an offer by: the same in every life, a guess for others."""
    made = (
        blake2b(f"{part}|{offer}|{phone}".encode(), key=secret.encode()[:64], digest_size=10)
        for part in sip.InviteNames._fields
    )
    return sip.InviteNames(*(name.hexdigest() for name in made))
