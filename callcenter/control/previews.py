"""What follows when an agent looks at an offer before it is brought to her, or says no at her desk.

    offer made, `preview_seconds` above 0
       ├── accepted                  confirmed: the owner rings her now (or her phone answers itself)
       ├── declined                  like one that rang: the contact back, `declines_max` counts
       ├── its time ran out          by the queue: RONA, or confirmed as if she had accepted
       └── the contact left, moved   taken back
    offer made without one, or confirmed
       └── declined at the desk      her phone stops ringing, the rest as above

Why: who is to call somebody back, or reads before she speaks, needs a moment; meanwhile nothing
rings and the caller hears her music. The offer is one all along, so place, counts and reservation
are those of any other, and whatever ends an offer ends this. Only when it is confirmed is it in the
hands of the contact's owner. A phone that rings is picked up at the phone: nothing here can do it.

Nobody's phone answers by itself who is not ready: not by the end of a preview in which she asked to
be something else.
"""

import msgspec

from callcenter.control.offers import not_taken, on_owner_silent
from callcenter.control.state import OfferState
from callcenter.control.turn import Turn, phone_answers
from callcenter.domain import events as e
from callcenter.domain.center import PreviewEnd
from callcenter.domain.commands import (
    OfferAnswerRequested,
    OfferOutcome,
    OfferReported,
    Presence,
)
from callcenter.domain.units import SECOND, AgentId, OfferId


def answer_call(turn: Turn, command: OfferAnswerRequested, offer: OfferState) -> str:
    """She will have the call that is offered to her, or will not; why that cannot be, in words.

    Says she no and picks up in this very moment, that stands (`offers.on_offer`).
    """
    if not command.accept:
        ends(turn, command.offer, offer, OfferOutcome.DECLINED)
    elif offer.preview is None:
        return "it is on its way to her phone: pick it up there"
    else:
        confirm(turn, command.offer, offer)
    return ""


def on_offer_due(turn: Turn, name: OfferId) -> None:
    """Nobody said anything: she in her preview, or the owner who should have told how it ended."""
    offer = turn.state.offers[name]
    if offer.preview is None:
        on_owner_silent(turn, name)
        return
    queue = turn.world.queue(offer.preview.queue)
    has_it = queue is not None and queue.preview_end is PreviewEnd.ACCEPT
    if has_it and turn.state.agents[offer.agent].next in (None, Presence.READY):
        confirm(turn, name, offer, by_time=True)
    else:
        ends(turn, name, offer, OfferOutcome.EXPIRED)


def confirm(turn: Turn, name: OfferId, offer: OfferState, *, by_time: bool = False) -> None:
    """From now on it is a grant like any other."""
    assert offer.preview is not None
    made = offer.preview
    contact, agent = turn.state.contacts[offer.contact], turn.state.agents[offer.agent]
    grant = msgspec.structs.replace(
        made,
        at=turn.now,
        act_before=turn.now + made.ring_seconds * SECOND,
        waited=turn.now - contact.since,
        preview_seconds=0,
        auto_answer=phone_answers(turn.world, contact, agent, accepted=not by_time),
        evidence="",
    )
    turn.emit(
        e.OfferConfirmed(
            at=turn.now, offer=name, contact=contact.id, agent=agent.id, grant=grant,
            by_time=by_time,
        )
    )  # fmt: skip


def ends(turn: Turn, name: OfferId, offer: OfferState, outcome: OfferOutcome) -> None:
    """As if its owner had reported that it ended so."""
    contact = turn.state.contacts[offer.contact]
    report = OfferReported(
        offer=name, contact=contact.id, agent=AgentId(offer.agent), outcome=outcome
    )
    not_taken(turn, contact, report)
