"""Everybody who is rung for one caller, until one of them has her.

    a grant ──► rings ──► answered: the others are told to stop, in the same turn
                  │  └──► not taken: it is told, the others go on ringing
                  └─────► taken back, or the caller left: told to stop

Why: a queue may ring several agents at once, each under a grant of its own. The first answer wins
here, where it is a fact, and not at control, where it would only be known later: whoever is beaten
must stop ringing at once and bears nothing for it. Should she answer in that very moment, her 200
crosses our CANCEL and gets a BYE that says the same.

Each agent's phones have a media leg of their own, so that nobody hears two of them. The one that
stood by goes to the first grant; the others are asked for when their grants come.

Sources: RFC 3261 9.1 and 13.2.2.4 (a 200 that crosses the CANCEL), RFC 3326 (Reason).
"""

from callcenter.domain.events import OfferMade
from callcenter.domain.units import OfferId
from callcenter.frontend.hands import Hands
from callcenter.frontend.offer import Asker, Offer, OfferRecord, Shown
from callcenter.frontend.standby import Standby
from callcenter.sip import endpoint as sip
from callcenter.sip.events import CallEvent

OFFERS_MAX = 50
"""Grants acted on at once for one caller; one more is told as failed. It is `ring_width` at most."""


class Ringing:
    """The open offers of one caller."""

    def __init__(self, hands: Hands, asker: Asker, standby: Standby) -> None:
        self.hands = hands
        self.asker = asker
        self.standby = standby
        self.offers: dict[OfferId, Offer] = {}
        self._beaten: list[Offer] = []
        """Stopped by an answer whose bridge does not stand yet."""

    def __bool__(self) -> bool:
        return bool(self.offers)

    # ---- they ring ------------------------------------------------------------------------

    def granted(self, grant: OfferMade, shown: Shown, *, waits: bool) -> None:
        """Ring her, if the caller still waits here and the grant is still fresh."""
        if grant.offer in self.offers:
            return
        fresh = self.hands.center_now() <= grant.act_before
        if not waits or not fresh or len(self.offers) >= OFFERS_MAX:
            Offer.granted(self.hands, self.asker, grant, shown).refuse()
            return
        leg = self.standby.take()
        offer = Offer.granted(self.hands, self.asker, grant, shown, leg.media)
        self.offers[grant.offer] = offer
        offer.ring(leg)

    def heard(self, event: sip.SipEvent) -> None:
        """Something happened at a phone of theirs."""
        for offer in list(self.offers.values()):
            if isinstance(event, CallEvent) and event.call.id in offer.dials:
                offer.heard(event)

    def tick(self) -> None:
        """The ring times are the owner's to keep."""
        for offer in list(self.offers.values()):
            offer.tick()

    # ---- it ends --------------------------------------------------------------------------

    def over(self, offer: Offer) -> None:
        """None of her phones will answer; control was told why."""
        self.offers.pop(offer.record.offer, None)

    def won_by(self, offer: Offer) -> None:
        """She answered: the others stop. Control hears of them when it hears of the bridge."""
        self.over(offer)
        self._beaten = list(self.offers.values())
        self.stop()

    def give_back(self) -> None:
        """The answer came to nothing, so those it beat may be offered the caller again."""
        for offer in self._beaten:
            offer.report_failed()
        self._beaten = []

    def rescind(self, offer: OfferId) -> bool:
        """Taken back by control; whether it was open."""
        found = self.offers.pop(offer, None)
        if found is not None:
            found.rescind()
        return found is not None

    def stop(self, *, caller_left: bool = False) -> None:
        """None of them need answer any more."""
        offers, self.offers = self.offers, {}
        for offer in offers.values():
            offer.rescind(caller_left=caller_left)

    # ---- what is kept of it ---------------------------------------------------------------

    def legs(self) -> list[str]:
        """The media legs of their phones."""
        return [offer.media.record.id for offer in self.offers.values()]

    def kept(self) -> list[OfferRecord]:
        """As the store keeps them: those of which an INVITE is out."""
        return [offer.kept() for offer in self.offers.values() if offer.dials]

    def restored(self, record: OfferRecord) -> None:
        """One of them told again after a restart."""
        self.offers[record.offer] = Offer.restored(self.hands, self.asker, record)
