"""An agent's phones ring under a grant, until one answers or none will.

Why: control decides that this agent is offered this contact; whether she took it is a fact that
only the front end that rings can know. A grant is acted on once and in time: the ring timer runs
here, the first answer wins, everything else is told why it stops ringing.

One media leg serves all her phones: only the one that answers is ever heard.

Sources: RFC 3261 9.1 (CANCEL), 13.2 and 16.7 (several answers; 6xx ends the search), RFC 3326.
"""

from typing import Protocol

import msgspec

from callcenter.domain.commands import OfferOutcome
from callcenter.domain.events import OfferMade
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, Micros, OfferId, QueueId
from callcenter.frontend.endings import ELSEWHERE, RANG_OUT, ending, outcome_of_status
from callcenter.frontend.hands import Hands, Story
from callcenter.frontend.media_leg import LegRecord, MediaLeg
from callcenter.frontend.turn import Message
from callcenter.sip import endpoint as sip
from callcenter.sip.record import DialogRecord

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


class Asker(Story, Protocol):
    """The contact that an offer is made for."""

    def offer_answered(self, call: sip.Call, answer: bytes) -> None:
        """A phone answered and was acknowledged; the others were told to stop."""
        ...

    def offer_over(self, outcome: OfferOutcome) -> None:
        """None of her phones will answer."""
        ...


class Offer:
    """One grant in the hands of its owner."""

    def __init__(self, hands: Hands, asker: Asker, record: OfferRecord) -> None:
        self.hands = hands
        self.asker = asker
        self.record = record
        self.media = MediaLeg(hands, record.media, said=lambda: None)
        self.dials: dict[str, sip.Call] = {}
        self._refusals: list[OfferOutcome] = []
        self._over = False

    @classmethod
    def granted(cls, hands: Hands, asker: Asker, grant: OfferMade) -> "Offer":
        """Take a grant. Nothing of it is kept before a phone rings: control takes back a grant
        that its owner does not name after a restart, and the engine's leg is swept up."""
        ring = min(grant.ring_seconds, 180) * SECOND
        record = OfferRecord(
            offer=grant.offer,
            agent=grant.agent,
            queue=grant.queue,
            rings_until=hands.center_now() + ring,
            media=LegRecord(id=f"{asker.id}/{grant.offer}"),
        )
        return cls(hands, asker, record)

    # ---- ringing --------------------------------------------------------------------------

    def ring(self, caller: MediaLeg, caller_name: str, caller_user: str) -> None:
        """Ring every living phone of the agent; tell the asker at once when there is none."""
        if not self.hands.bindings(self.record.agent):
            self._end(OfferOutcome.UNREACHABLE)
            return

        def ready() -> None:
            if not self._over:
                self._dial(caller_name, caller_user)

        def failed(_: Message) -> None:
            self._end(OfferOutcome.FAILED)

        self.media.open_for_phone(caller, ready, failed)
        self.hands.wake(self.asker.id, max(0, self.record.rings_until - self.hands.center_now()))

    def _dial(self, caller_name: str, caller_user: str) -> None:
        hands = self.hands
        sdp = self.media.offer_sdp()
        from_addr = f'"{caller_name}" <sip:{caller_user}@{hands.rules.domain}>'
        bindings = hands.bindings(self.record.agent)[:FORKS_MAX]
        for binding in bindings:
            call = hands.endpoint.invite(
                to_uri=f"sip:{self.record.agent}@{hands.rules.domain}",
                request_uri=binding.contact,
                from_addr=from_addr,
                flow=binding.flow,
                sdp=sdp,
                now=hands.now,
            )
            self.dials[call.id] = call
            hands.follow(call, self.asker)
        if not bindings:
            self._end(OfferOutcome.UNREACHABLE)

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
        self._stop_ringing(ELSEWHERE)
        self._over = True
        self.asker.offer_answered(call, answer)

    def _refused(self, call: sip.Call, status: int) -> None:
        del self.dials[call.id]
        if self._over:
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
        self.asker.offer_over(outcome)

    def _stop_ringing(self, why: tuple[str, str]) -> None:
        for call in self.dials.values():
            call.cancel(self.hands.now, headers=(why,))
            self.hands.let_go(call)

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
