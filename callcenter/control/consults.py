"""What follows when an agent asks a colleague while her caller holds the line.

    asked ──► the colleague's phone rings ──► she answers: a part of her own, beside the first
      │                   └── she does not: nothing has changed for the caller
      └── refused: she is not free, or somebody is asked already

    then: the two talk, the caller joins (a conference), the agent leaves them to each other
    (handed over: the contact is the colleague's now), or the colleague goes again

Why: the colleague is at work from the first ring, so nothing else is offered to her; but the contact
is one agent's at every moment, and its queue visit was answered long ago. So she gets an offer and
a segment of her own that name the contact without having it: books and wrap-up are exact for both.

The rule that a contact has at most one agent reads from here on: one agent *has* it; others may be
in the call beside her, and none of them without her.
"""

from callcenter.agents.capacity import open_channels
from callcenter.agents.presence import REASON_AFTER
from callcenter.control.contacts import finish, phone_lost, rescind, segment_id
from callcenter.control.people import answer, stand_down
from callcenter.control.state import ContactState
from callcenter.control.transfers import not_hers, not_to_have, segment_of
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import OfferOutcome, OfferReported
from callcenter.domain.names import quoted
from callcenter.domain.units import SECOND, Micros, OfferId

RING_SECONDS = 20
"""Where the contact's queue is gone."""
ACT_WITHIN: Micros = 5 * SECOND
BESIDE_MAX = 6
"""Colleagues in one call; with caller and agent a conference of eight."""


def on_consult(turn: Turn, command: c.ConsultRequested) -> None:
    """Have a colleague rung, or say why not."""
    segment = segment_of(turn, command.contact, command.agent)
    if segment is None:
        answer(turn, command.request, not_hers(command.contact, command.agent))
        return
    contact = turn.state.contacts[command.contact]
    refused = not_to_be_asked(turn, contact, command)
    if refused:
        answer(turn, command.request, refused)
        return
    queue = turn.world.queue(segment.queue)
    turn.emit(
        e.ConsultMade(
            at=turn.now,
            offer=OfferId(f"o{turn.epoch}-{turn.state.offered + 1}"),
            contact=contact.id,
            segment=segment.id,
            asked_by=segment.agent,
            agent=command.to,
            queue=segment.queue,
            channel=contact.channel,
            frontend=contact.frontend,
            ring_seconds=queue.ring_seconds if queue else RING_SECONDS,
            act_before=turn.now + ACT_WITHIN,
        )
    )
    turn.touch(command.to)
    answer(turn, command.request)


def not_to_be_asked(turn: Turn, contact: ContactState, command: c.ConsultRequested) -> str:
    """Why this colleague cannot be asked now, in words; empty when she can."""
    if contact.asked_in:
        return f"agent {turn.state.offers[contact.asked_in].agent!r} is being asked already"
    if len(contact.beside) >= BESIDE_MAX:
        return f"{BESIDE_MAX} colleagues are in the call already"
    refused = not_to_have(turn, contact, command.to, by=command.agent)
    if refused:
        return refused
    agent = turn.state.agents[command.to]
    capacity = turn.world.capacity[agent.id]
    if contact.channel not in open_channels(agent, capacity, turn.world.concurrency):
        return f"agent {quoted(agent.id)} is at work"
    return ""


def on_asked(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """The owner reports what became of it. What it says is a fact, whatever we took back."""
    standing = contact.asked_in == command.offer
    if command.outcome is OfferOutcome.ACCEPTED:
        if command.segment in contact.beside:
            turn.note("accepted_twice")
        elif contact.segment:
            joined(turn, contact, command)
        else:
            turn.note("joined_nobody")
    elif standing:
        not_reached(turn, contact, command)
    else:
        turn.note("unknown_offer")


def joined(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """She talks with the one who asked: a part of her own begins."""
    agent = turn.state.agents.get(command.agent)
    for offer in list(agent.offers) if agent else ():
        if offer != command.offer:
            rescind(turn, offer, "the agent answered a colleague")
    turn.emit(
        e.OfferAccepted(at=turn.now, offer=command.offer, contact=contact.id, agent=command.agent)
    )
    turn.emit(
        e.SegmentStarted(
            at=turn.now,
            segment=segment_id(turn, command.segment),
            contact=contact.id,
            agent=command.agent,
            queue=turn.state.segments[contact.segment].queue,
            channel=contact.channel,
            visit=contact.visits,
            waited=0,
            beside=True,
        )
    )
    turn.touch(command.agent)


def not_reached(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """She did not come to the phone: she bears it as if a caller had rung; the call goes on."""
    agent = turn.state.agents[turn.state.offers[command.offer].agent]
    turn.emit(
        e.ConsultUnanswered(
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
    elif command.outcome in (OfferOutcome.EXPIRED, OfferOutcome.BUSY):
        stand_down(turn, agent, REASON_AFTER[command.outcome])
    turn.touch(agent.id)


def on_hand_over(turn: Turn, command: c.HandOverReported) -> None:
    """The agent left her caller to the colleague she had asked."""
    contact = turn.state.contacts.get(command.contact)
    known = contact is not None and contact.segment == command.segment
    if contact is None or not known or command.to_segment not in contact.beside:
        turn.note("handed_over_to_nobody")
        return
    segment = turn.state.segments[command.segment]
    turn.emit(
        e.HandedOver(
            at=turn.now,
            contact=contact.id,
            segment=segment.id,
            to_segment=command.to_segment,
            agent=turn.state.segments[command.to_segment].agent,
        )
    )
    finish(turn, segment, command.termination)
    phone_lost(turn, segment, command.termination)


def on_conference(turn: Turn, command: c.ConferenceReported) -> None:
    """Who hears whom is a fact of the call; it is told."""
    contact = turn.state.contacts.get(command.contact)
    if contact is None or contact.segment != command.segment:
        turn.note("conference_of_nobody")
        return
    turn.emit(
        e.Conferenced(
            at=turn.now, contact=contact.id, segment=command.segment, joined=command.joined
        )
    )
