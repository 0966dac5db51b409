"""What follows when an agent wants a number outside, or whoever is on duty.

    her own call     allowed ──► she is at work ──► answered: a part of hers ──► ended
                                      └── not reached, not allowed, given up: ended by name
    of her caller    the owner is asked; what it may dial is its to say, and what came of it
    who is on duty   an agent: asked or handed the caller like any other; a number: dialled

Why: a call of her own is a contact with no queue: it counts in no queue's books, and nobody else is
offered to her meanwhile. Numbers are known to front ends alone, and so are the rules by which they
are dialled; control knows who may ask and writes down every dial, by the name of its party.
"""

from callcenter.control.consults import on_consult
from callcenter.control.contacts import interrupt, rescind, segment_id
from callcenter.control.people import answer
from callcenter.control.state import ContactState
from callcenter.control.transfers import ACT_WITHIN, not_hers, on_transfer, segment_of
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Duty
from callcenter.domain.commands import DialKind, DialStage, OfferOutcome, OfferReported, Presence
from callcenter.domain.duty import on_duty
from callcenter.domain.names import quoted
from callcenter.domain.units import AgentId, ContactId, FrontendId, OfferId, PartyId, QueueId

RING_SECONDS = 30
"""How long her own phone rings for a call that she asked for."""
DIAL_SECONDS = 60
"""How long a number outside rings."""
REFUSED_STAGES = {
    DialStage.NOT_ALLOWED: "this number may not be called",
    DialStage.FAILED: "the number could not be dialled",
}


def on_dial(turn: Turn, command: c.DialRequested) -> None:
    """Have it dialled, or say why not: then nothing has changed."""
    if command.kind is DialKind.CALL:
        place(turn, command)
        return
    segment = segment_of(turn, command.contact, command.agent)
    if segment is None:
        answer(turn, command.request, not_hers(command.contact, command.agent))
        return
    contact = turn.state.contacts[command.contact]
    if contact.asked_in or contact.beside:
        answer(turn, command.request, "a colleague is in the call, or is being asked")
        return
    duty = duty_for(turn, command, contact.queue) if command.duty else None
    if command.duty and duty is None:
        answer(turn, command.request, "nobody is on duty now")
    elif duty is not None and duty.agent:
        hand_to_agent(turn, command, duty.agent)
    else:
        turn.emit(
            e.DialAsked(
                at=turn.now,
                contact=contact.id,
                segment=segment.id,
                agent=segment.agent,
                kind=command.kind,
                party=command.party,
                duty=duty.name if duty else "",
                act_before=turn.now + ACT_WITHIN,
                by=command.by,
                request=command.request or turn.source,
            )
        )


def duty_for(turn: Turn, command: c.DialRequested, queue: QueueId) -> Duty | None:
    """Who is on duty for this agent and a caller of this queue."""
    config = turn.world.agents.get(command.agent)
    return on_duty(turn.state.center, queue, config.site if config else "", turn.now)


def hand_to_agent(turn: Turn, command: c.DialRequested, to: AgentId) -> None:
    """Who is on duty is one of ours: the same road as to any colleague."""
    if command.kind is DialKind.CONSULT:
        on_consult(
            turn,
            c.ConsultRequested(
                contact=command.contact,
                agent=command.agent,
                to=to,
                by=command.by,
                request=command.request,
            ),
        )
        return
    on_transfer(
        turn,
        c.TransferRequested(
            contact=command.contact,
            agent=command.agent,
            to=to,
            by=command.by,
            request=command.request,
        ),
    )


# ---- a call of her own --------------------------------------------------------------------


def place(turn: Turn, command: c.DialRequested) -> None:
    """A contact that is hers from the first moment; a grant for its owner."""
    refused = not_to_call(turn, command)
    duty = duty_for(turn, command, QueueId("")) if command.duty and not refused else None
    if command.duty and not refused:
        if duty is None:
            refused = "nobody is on duty now"
        elif duty.agent:
            refused = (
                f"agent {quoted(duty.agent)} is on duty, who is asked with a caller on the line"
            )
    agent = turn.state.agents.get(command.agent)
    if refused or agent is None:
        answer(turn, command.request, refused)
        return
    number = turn.state.offered + 1
    frontend = command.frontend or agent.reachable_by
    contact = command.contact or ContactId(f"{frontend}-d{turn.epoch}-{number}")
    turn.emit(
        e.ContactPlaced(
            at=turn.now,
            contact=contact,
            channel=Channel.VOICE,
            frontend=frontend,
            origin=ContactId(""),
            party=command.party,
            agent=agent.id,
        )
    )
    grant(turn, command, contact, frontend, duty)


def grant(
    turn: Turn,
    command: c.DialRequested,
    contact: ContactId,
    frontend: FrontendId,
    duty: Duty | None,
) -> None:
    turn.emit(
        e.CallPlaced(
            at=turn.now,
            offer=OfferId(f"o{turn.epoch}-{turn.state.offered + 1}"),
            contact=contact,
            agent=command.agent,
            frontend=frontend,
            channel=Channel.VOICE,
            party=command.party,
            duty=duty.name if duty else "",
            rings_first=not command.contact,
            ring_seconds=RING_SECONDS if not command.contact else 0,
            dial_seconds=DIAL_SECONDS,
            act_before=turn.now + ACT_WITHIN,
            by=command.by,
            request=command.request or turn.source,
        )
    )
    turn.touch(command.agent)


def not_to_call(turn: Turn, command: c.DialRequested) -> str:
    """Why this agent may not call out now, in words; empty when she may. She need not be ready."""
    agent = turn.state.agents.get(command.agent)
    if agent is None or agent.retired:
        return f"there is no agent {quoted(command.agent)}"
    if command.contact and command.contact in turn.state.contacts:
        return f"contact {quoted(command.contact)} is there already"
    if agent.presence is Presence.LOGGED_OUT:
        return f"agent {quoted(agent.id)} is not on duty"
    if not (command.frontend or agent.reachable_by):
        return f"no phone of agent {quoted(agent.id)} can be reached"
    talks = any(work.channel is Channel.VOICE for work in agent.segments.values())
    if agent.offers or talks:
        return f"agent {quoted(agent.id)} is at work"
    return ""


def on_placed(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """The owner reports what became of her call. What it says is a fact, whatever we took back."""
    if command.outcome is OfferOutcome.ACCEPTED:
        connected(turn, contact, command)
    elif contact.asked_in == command.offer:
        not_connected(turn, contact, command)
    else:
        turn.note("unknown_offer")


def connected(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """Somebody outside answered: her part begins, in no queue."""
    agent = turn.state.agents.get(command.agent)
    for offer in list(agent.offers) if agent else ():
        if offer != command.offer:
            rescind(turn, offer, "the agent talks on a call of her own")
    turn.emit(
        e.OfferAccepted(at=turn.now, offer=command.offer, contact=contact.id, agent=command.agent)
    )
    turn.emit(
        e.SegmentStarted(
            at=turn.now,
            segment=segment_id(turn, command.segment),
            contact=contact.id,
            agent=command.agent,
            queue=QueueId(""),
            channel=contact.channel,
            visit=0,
            waited=0,
        )
    )
    interrupt(turn, command.agent)
    turn.touch(command.agent)


def not_connected(turn: Turn, contact: ContactState, command: OfferReported) -> None:
    """Nobody answered, or she gave it up: nobody's fault, and she is what she was before."""
    turn.emit(
        e.ConsultUnanswered(
            at=turn.now,
            offer=command.offer,
            contact=contact.id,
            agent=command.agent,
            reason=command.outcome.value,
        )
    )
    turn.touch(command.agent)


# ---- what the owner did -------------------------------------------------------------------


def on_dialled(turn: Turn, command: c.DialReported) -> None:
    """Write it down, and answer who asked for it."""
    stage = command.stage
    if stage is not DialStage.ALLOWED:
        turn.emit(
            e.OutsideDialled(
                at=turn.now,
                contact=command.contact,
                agent=command.agent,
                kind=command.kind,
                stage=stage,
                party=command.party or PartyId(""),
                trunk=command.trunk,
                duty=command.duty,
                by=command.by,
            )
        )
    if command.request:
        answer(turn, command.request, REFUSED_STAGES.get(stage, ""))
