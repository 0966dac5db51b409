"""What follows when an agent hands her caller on, or acts on the call she has.

    to a queue      her segment ends, the caller waits there in the place she had before
    to an agent     the same in the queue she came from, and that agent alone may have her at first;
                    whoever does not take her sends her to everybody else who can

A transfer keeps the contact and is never a dead end: where the target takes nobody, it is refused
with the reason and the agent keeps her caller. Whatever else she wants of the call is done by its
owner, who holds the legs; control only says that she may.

Why: the caller has one place, and it counts from when she first waited, however often she is handed
on. The books balance by themselves: a segment that ended, a queue visit that began.
"""

from callcenter.agents.capacity import available, open_channels
from callcenter.control.contacts import admission, end_segment, enter_queue, rescind
from callcenter.control.in_line import not_waiting, waiting
from callcenter.control.people import answer
from callcenter.control.state import ContactState, SegmentState
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import CAPACITY_DEFAULT, Queue
from callcenter.domain.names import quoted
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros
from callcenter.routing.plan import joined
from callcenter.routing.skills import merge

ALONE_SECONDS = 60
"""A caller who was handed to one agent waits so long for her alone."""
ACT_WITHIN: Micros = 5 * SECOND
"""An act that its owner reads later than this is not done: nobody expects it any more."""


def segment_of(turn: Turn, contact: ContactId, agent: AgentId) -> SegmentState | None:
    """Her part in this contact, while they talk."""
    found = turn.state.contacts.get(contact)
    segment = turn.state.segments.get(found.segment) if found else None
    return segment if segment is not None and segment.agent == agent else None


def not_hers(contact: ContactId, agent: AgentId) -> str:
    return f"agent {quoted(agent)} does not talk with contact {quoted(contact)}"


def on_transfer(turn: Turn, command: c.TransferRequested) -> None:
    """Hand her on, or say why not: then nothing has changed."""
    segment = segment_of(turn, command.contact, command.agent)
    if segment is None:
        answer(turn, command.request, not_hers(command.contact, command.agent))
        return
    contact = turn.state.contacts[command.contact]
    name = command.queue or segment.queue
    queue = turn.world.queues.get(name)
    if not name:
        answer(turn, command.request, "a call of her own has no queue: name one, or ask first")
        return
    if queue is None:
        answer(turn, command.request, f"there is no queue {quoted(name)}")
        return
    refused = not_to_be_transferred(turn, contact, queue, command)
    if refused:
        answer(turn, command.request, refused)
        return
    transfer(turn, contact, segment, queue, command)
    answer(turn, command.request)


def not_to_be_transferred(
    turn: Turn, contact: ContactState, queue: Queue, command: c.TransferRequested
) -> str:
    """Why she may not be handed on so, in words; empty when she may."""
    if bool(command.queue) == bool(command.to):
        return "a transfer needs a queue or an agent, and not both"
    if command.to:
        return not_to_have(turn, contact, command.to, by=command.agent)
    needs = merge(queue.skills, contact.asked)
    way_out = admission(turn, contact.channel, queue, needs, contact.excluded)
    return f"queue {quoted(queue.id)} takes nobody now: it is {way_out}" if way_out else ""


def not_to_have(turn: Turn, contact: ContactState, name: AgentId, *, by: AgentId) -> str:
    """Why this agent may not be given the contact by another, in words; empty when she may."""
    agent = turn.state.agents.get(name)
    if agent is None or agent.retired:
        return f"there is no agent {quoted(name)}"
    if name == by:
        return f"agent {quoted(name)} has contact {quoted(contact.id)} already"
    if not available(agent):
        return f"agent {quoted(name)} is not on duty, or her phone cannot be reached"
    capacity = turn.world.capacity[name]
    if not capacity.get(contact.channel, CAPACITY_DEFAULT[contact.channel]):
        return f"agent {quoted(name)} takes no {contact.channel}"
    queue = turn.world.queue(contact.queue)
    if name in joined(queue.excluded if queue else (), contact.excluded):
        return f"agent {quoted(name)} is excluded from contact {quoted(contact.id)}"
    return ""


def transfer(
    turn: Turn,
    contact: ContactState,
    segment: SegmentState,
    queue: Queue,
    command: c.TransferRequested,
) -> None:
    """Her segment ends and the next visit begins; nothing of it is the caller's doing."""
    turn.emit(
        e.ContactTransferred(
            at=turn.now,
            contact=contact.id,
            segment=segment.id,
            agent=segment.agent,
            queue=queue.id,
            to=command.to,
            by=command.by,
        )
    )
    end_segment(turn, segment, ended(Reason.TRANSFERRED))
    wish = c.QueueRequested(
        contact=contact.id,
        queue=queue.id,
        priority=contact.priority,
        attributes=contact.attributes,
        preferred=contact.preferred,
        excluded=contact.excluded,
        again=True,
    )
    enter_queue(turn, contact, queue, contact.asked, wish, passed_by=segment.agent)
    if command.to:
        turn.emit(
            e.ContactAssigned(
                at=turn.now,
                contact=contact.id,
                queue=queue.id,
                agent=command.to,
                until=turn.now + ALONE_SECONDS * SECOND,
                by=command.by or command.agent,
            )
        )


def on_pick_up(turn: Turn, command: c.PickUpRequested) -> None:
    """A free agent takes somebody who waits, or who rings at a colleague: her phone rings instead."""
    contact = waiting(turn, command.contact)
    refused = not_waiting(turn, command.contact) if contact is None else ""
    if contact is not None:
        refused = not_to_be_picked_up(turn, contact, command.agent)
    if contact is None or refused:
        answer(turn, command.request, refused)
        return
    for offer in contact.live:
        rescind(turn, offer, "another agent picked it up")
    turn.emit(
        e.ContactAssigned(
            at=turn.now,
            contact=contact.id,
            queue=contact.queue,
            agent=command.agent,
            until=turn.now + ALONE_SECONDS * SECOND,
            by=command.by or command.agent,
        )
    )
    turn.touch_contact(contact.id)
    answer(turn, command.request)


def not_to_be_picked_up(turn: Turn, contact: ContactState, name: AgentId) -> str:
    """Why she may not take it, in words: she must be free, and able to serve its queue."""
    refused = not_to_have(turn, contact, name, by=AgentId(""))
    if refused:
        return refused
    agent = turn.state.agents[name]
    if contact.channel not in open_channels(
        agent, turn.world.capacity[name], turn.world.concurrency
    ):
        return f"agent {quoted(name)} is at work"
    skills = turn.world.skills[name]
    if not all(skills.get(skill, 0) >= level for skill, level in contact.skills.items()):
        return f"agent {quoted(name)} cannot do what contact {quoted(contact.id)} needs"
    return ""


def on_act(turn: Turn, command: c.CallActRequested) -> None:
    """She may do to her own call what she likes: its owner is asked."""
    segment = segment_of(turn, command.contact, command.agent)
    if segment is None:
        answer(turn, command.request, not_hers(command.contact, command.agent))
        return
    turn.emit(
        e.CallActAsked(
            at=turn.now,
            contact=command.contact,
            segment=segment.id,
            agent=segment.agent,
            act=command.act,
            act_before=turn.now + ACT_WITHIN,
            by=command.by,
        )
    )
    answer(turn, command.request)
