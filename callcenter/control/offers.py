"""What becomes of an offer, as its owner reports it.

    accepted      the two are bridged: a segment begins
    declined      contact back in its place, agent not ready (`declined`), unless she may decline
                  more often
    busy          contact back, agent not ready (`phone-busy`) for 10 s
    unreachable   contact back, agent unreachable until her phone is heard again
    expired       RONA: contact back, agent not ready (`rona`)
    failed        contact back but resting for 2 s (our side could not ring), agent ready
    customer_…    a callback whose customer was not reached: see `callbacks.py`; agent ready

Where several phones ring for a contact, the first to accept has it; the others are taken back and
nothing is held against them.

Facts are never refused. When the owner says that an offer was accepted which control had already
taken back, the two *are* talking: whatever stands against it is repaired. Another offer of the
contact or of the agent is rescinded, an older segment ends as `moved`, and if the contact's visit
had ended meanwhile a new one is begun and answered, so that the books of the queue still balance.
"""

from callcenter.agents.agent import AgentState
from callcenter.agents.presence import REASON_AFTER
from callcenter.control import consults, dials
from callcenter.control.callbacks import not_reached
from callcenter.control.contacts import (
    dequeue,
    documents_of,
    end_segment,
    enter_queue,
    interrupt,
    known,
    rescind,
    segment_id,
)
from callcenter.control.people import stand_down
from callcenter.control.plans import take_steps_due
from callcenter.control.state import IN_QUEUE, ContactState
from callcenter.control.turn import Turn
from callcenter.domain import events as e
from callcenter.domain.commands import (
    CUSTOMER_OUTCOMES,
    OfferOutcome,
    OfferReported,
    QueueRequested,
)
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import OfferId

ANOTHER_ANSWERED = "another agent answered"


def on_offer(turn: Turn, command: OfferReported) -> None:
    """The owner reports how an offer ended."""
    contact = known(turn, command.contact)
    if contact is None:
        return
    if command.segment and command.segment == contact.segment:
        turn.note("accepted_twice")
        return
    if command.beside and contact.placed:
        dials.on_placed(turn, contact, command)
        return
    if command.beside:
        consults.on_asked(turn, contact, command)
        return
    standing = command.offer in contact.live
    if command.outcome is OfferOutcome.ACCEPTED:
        if not standing:
            turn.note("accepted_after_rescinded")
            make_room(turn, contact, command)
        accept(turn, contact, command)
    elif standing:
        not_taken(turn, contact, command)
    else:
        turn.note("unknown_offer")


def accept(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """The two are bridged."""
    standing = turn.state.offers.get(command.offer)
    agent = standing.agent if standing else command.agent
    for offer in contact.live:
        if offer != command.offer:
            rescind(turn, offer, ANOTHER_ANSWERED)
    turn.emit(e.OfferAccepted(at=turn.now, offer=command.offer, contact=contact.id, agent=agent))
    turn.emit(
        e.SegmentStarted(
            at=turn.now,
            segment=segment_id(turn, command.segment),
            contact=contact.id,
            agent=agent,
            queue=contact.queue,
            channel=contact.channel,
            visit=contact.visits,
            waited=turn.now - contact.since,
        )
    )
    if not contact.document or documents_of(turn, agent, talking=True):
        interrupt(turn, agent)
    turn.touch(agent)


def make_room(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """Repair what stands against an acceptance that we no longer expected."""
    for offer in contact.live:
        rescind(turn, offer, ANOTHER_ANSWERED)
    agent = turn.state.agents.get(command.agent)
    for offer in list(agent.offers) if agent else ():
        rescind(turn, offer, "the agent answered another contact")
    segment = turn.state.segments.get(contact.segment)
    if segment is not None:
        end_segment(turn, segment, ended(Reason.MOVED))
    if contact.stage not in IN_QUEUE:
        queue = turn.world.queue(contact.queue)
        if queue is not None:
            again = QueueRequested(
                contact=contact.id,
                queue=queue.id,
                priority=contact.priority,
                preferred=contact.preferred,
                excluded=contact.excluded,
            )
            enter_queue(turn, contact, queue, contact.asked, again)


def not_taken(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """The contact returns to its place; the agent bears what was hers."""
    agent = turn.state.agents[turn.state.offers[command.offer].agent]
    if command.outcome is OfferOutcome.EXPIRED:
        turn.emit(
            e.OfferExpired(at=turn.now, offer=command.offer, contact=contact.id, agent=agent.id)
        )
    else:
        turn.emit(
            e.OfferDeclined(
                at=turn.now,
                offer=command.offer,
                contact=contact.id,
                agent=agent.id,
                outcome=command.outcome,
            )
        )
    if command.outcome is OfferOutcome.UNREACHABLE and agent.reachable_by:
        turn.emit(
            e.AgentUnreachable(at=turn.now, agent=agent.id, cause="no phone answered an offer")
        )
    elif command.outcome in REASON_AFTER and not may_decline(turn, contact, command, agent):
        stand_down(turn, agent, REASON_AFTER[command.outcome])
    turn.touch(agent.id)
    if command.outcome in CUSTOMER_OUTCOMES and contact.calls_back:
        not_reached(turn, contact, command.outcome)
    elif contact.sticky == agent.id and command.outcome is not OfferOutcome.FAILED:
        turn.release(contact)
    back_in_line(turn, contact)


def may_decline(
    turn: Turn, contact: ContactState, command: OfferReported, agent: AgentState
) -> bool:
    """Has she said no no more often in a row than this queue lets her?"""
    queue = turn.world.queue(contact.queue)
    declined = command.outcome is OfferOutcome.DECLINED
    return declined and queue is not None and agent.declines <= queue.declines_max


def back_in_line(turn: Turn, contact: ContactState) -> None:
    """Offer it to the next one, unless its patience ended or its plan had something else for it
    while it was being offered."""
    if contact.id not in turn.state.contacts:
        return
    if contact.expires <= turn.now and not contact.live:
        dequeue(turn, contact, e.QueueExit.TIMEOUT)
    else:
        take_steps_due(turn, contact)
        turn.touch_contact(contact.id)


def on_owner_silent(turn: Turn, offer: OfferId) -> None:
    """Control's own timer: the owner neither rang to the end nor said so. Nobody's fault.

    A document has no owner: its ring time is over, and she let it pass.
    """
    found = turn.state.offers[offer]
    contact = turn.state.contacts[found.contact]
    if contact.document:
        expired = OfferOutcome.EXPIRED
        not_taken(
            turn,
            contact,
            OfferReported(offer=offer, contact=contact.id, agent=found.agent, outcome=expired),
        )
        return
    rescind(turn, offer, "its owner was silent")
    if not found.beside:
        back_in_line(turn, contact)
