"""What follows for a contact that is read, not heard: a mail, a fax, a message.

    waits ──► offered at a desk ──► taken ──► done (resolved)
      ▲            │                  │
      └─ not taken ┘                  ├──► put aside ──► a time comes, or the customer writes: waits
      └───────────────────────────────┴──► moved to another queue: waits

A document has no front end: nobody holds a line open for it, so nothing of it can be lost with a
process. Control itself keeps the ring time of its offers, and the agent answers them at her desk.
It is refused by no queue, sent away by none and given up only after `WAIT_DAYS_MAX`.

Put aside it takes none of her capacity. When its time comes or its customer writes again it waits
anew, a visit of its own in the books, for her alone at first.

A call may come while she works on documents: they are on hold as long as the two talk.

A chat is offered, taken, moved and done like the others, but somebody sits at its other end. So a
queue that takes nobody refuses it, it waits as long as the queue says, is not put aside and not held;
its visitor may leave it, and whoever holds her line reports that. Where the other end is a messaging
service (`lasting`), nobody sits there: such a chat waits as long as a mail.
"""

from callcenter.control.contacts import ASIDE_DAYS_MAX, come_back, end_contact, end_segment
from callcenter.control.offers import on_offer
from callcenter.control.people import answer
from callcenter.control.previews import answer_call
from callcenter.control.state import ContactState, SegmentState, Stage
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Queue
from callcenter.domain.commands import OfferOutcome, OfferReported
from callcenter.domain.names import quoted
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import DAY, AgentId, ContactId


def on_offer_answer(turn: Turn, command: c.OfferAnswerRequested) -> None:
    """She takes it, or says no; that her time was over meanwhile is told her. A call she only looks
    at, or it rings: see `previews.py`."""
    offer = turn.state.offers.get(command.offer)
    contact = turn.state.contacts.get(offer.contact) if offer else None
    if offer is None or contact is None or offer.agent != command.agent:
        answer(turn, command.request, f"offer {quoted(command.offer)} is over")
        return
    if not contact.document:
        answer(turn, command.request, answer_call(turn, command, offer))
        return
    outcome = OfferOutcome.ACCEPTED if command.accept else OfferOutcome.DECLINED
    on_offer(
        turn,
        OfferReported(
            offer=command.offer, contact=contact.id, agent=command.agent, outcome=outcome
        ),
    )
    answer(turn, command.request)


def worked_on(
    turn: Turn, contact: ContactId, agent: AgentId
) -> tuple[ContactState, SegmentState] | None:
    """The document and her part in it, if she works on it."""
    found = turn.state.contacts.get(contact)
    segment = turn.state.segments.get(found.segment) if found else None
    if found is None or segment is None or not found.document or segment.agent != agent:
        return None
    return found, segment


def on_done(turn: Turn, command: c.DoneRequested) -> None:
    """It ends as resolved; what may follow of her is the work after it, as with a call."""
    work = worked_on(turn, command.contact, command.agent)
    if work is None:
        answer(turn, command.request, not_hers(command.contact, command.agent))
        return
    contact, segment = work
    queue = turn.world.queue(segment.queue)
    allowed = queue.dispositions if queue else ()
    if command.disposition and command.disposition not in allowed:
        words = f"queue {segment.queue!r} knows the dispositions: {', '.join(allowed) or 'none'}"
        answer(turn, command.request, words)
        return
    if command.disposition:
        turn.emit(
            e.DispositionSet(
                at=turn.now,
                segment=segment.id,
                contact=contact.id,
                agent=command.agent,
                disposition=command.disposition,
            )
        )
    end_contact(turn, contact, ended(Reason.RESOLVED))
    answer(turn, command.request)


def on_put_aside(turn: Turn, command: c.PutAsideRequested) -> None:
    """Her part ends; it comes back to her when its time has come or its customer writes."""
    work = worked_on(turn, command.contact, command.agent)
    latest = turn.now + ASIDE_DAYS_MAX * DAY
    refused = "" if work else not_hers(command.contact, command.agent)
    if command.until and not turn.now < command.until <= latest:
        refused = f"until: must lie ahead, within {ASIDE_DAYS_MAX} days"
    if work is not None and work[0].channel is Channel.CHAT:
        refused = "a chat is not put aside: hand it on, or end it"
    if work is None or refused:
        answer(turn, command.request, refused)
        return
    contact, segment = work
    end_segment(turn, segment, ended(Reason.PUT_ASIDE), wraps_up=False)
    turn.emit(
        e.ContactPutAside(
            at=turn.now,
            contact=contact.id,
            segment=segment.id,
            agent=segment.agent,
            queue=segment.queue,
            until=command.until or latest,
        )
    )
    answer(turn, command.request)


def not_hers(contact: ContactId, agent: AgentId) -> str:
    return f"agent {quoted(agent)} does not work on a document {quoted(contact)}"


def at_rest(turn: Turn, contact: ContactId) -> ContactState | None:
    """A document that somebody works on or has put aside, so that it may be given to others."""
    found = turn.state.contacts.get(contact)
    movable = found is not None and found.document and found.stage in (Stage.TALKING, Stage.ASIDE)
    return found if movable else None


def take_back(turn: Turn, contact: ContactState, target: Queue) -> None:
    """By hand: from whoever has it into a queue, where it waits for anybody."""
    segment = turn.state.segments.get(contact.segment)
    if segment is not None:
        end_segment(turn, segment, ended(Reason.MOVED), wraps_up=False)
    come_back(turn, contact, target, AgentId(""))
