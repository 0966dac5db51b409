"""What follows when somebody acts on a queue or on a contact that waits.

Every request is answered by its name: done, or refused with the reason in words. Asking twice for
the same is done twice and changes nothing the second time.

Why: a supervisor decides what the plan cannot know. Her decision is an event with her name, so the
same journal that explains the machine explains the people.
"""

from callcenter.agents.capacity import available
from callcenter.control.contacts import admission, dequeue, rescind
from callcenter.control.documents import at_rest, take_back
from callcenter.control.in_line import not_waiting, waiting
from callcenter.control.people import answer
from callcenter.control.plans import move
from callcenter.control.state import IN_QUEUE, ContactState
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import CAPACITY_DEFAULT, PRIORITY_MAX
from callcenter.domain.names import is_name, quoted
from callcenter.domain.units import SECOND, QueueId
from callcenter.routing.plan import joined
from callcenter.routing.skills import merge

ASSIGN_SECONDS_MAX = 3_600
ANNOUNCEMENT_MAX = 100


def on_move(turn: Turn, command: c.MoveRequested) -> None:
    """Let it wait in another queue; whoever is being rung for it is not any more.

    A document may be taken from whoever works on it, or has put it aside.
    """
    contact = waiting(turn, command.contact)
    document = at_rest(turn, command.contact)
    if document is not None and (queue := turn.world.queues.get(command.queue)) is not None:
        take_back(turn, document, queue)
        answer(turn, command.request)
        return
    if contact is None:
        answer(turn, command.request, not_waiting(turn, command.contact))
        return
    target = turn.world.queues.get(command.queue)
    if target is None:
        answer(turn, command.request, f"there is no queue {quoted(command.queue)}")
        return
    if contact.queue == target.id:
        answer(turn, command.request, f"contact {contact.id!r} waits in {target.id!r} already")
        return
    needs = merge(target.skills, contact.asked)
    way_out = admission(turn, contact.channel, target, needs, contact.excluded)
    if way_out is not None and not contact.patient:
        answer(turn, command.request, f"queue {target.id!r} takes nobody now: it is {way_out}")
        return
    for offer in contact.live:
        rescind(turn, offer, "moved to another queue")
    move(turn, contact, target, command.by)
    answer(turn, command.request)


def on_assign(turn: Turn, command: c.AssignRequested) -> None:
    """This agent alone may have it: now, or as soon as she is free; after a time, everybody."""
    contact = waiting(turn, command.contact)
    refused = not_waiting(turn, command.contact)
    if contact is not None:
        refused = not_to_be_assigned(turn, contact, command)
    if contact is None or refused:
        answer(turn, command.request, refused)
        return
    for offer in contact.live:
        if turn.state.offers[offer].agent != command.agent:
            rescind(turn, offer, "assigned to another agent")
    turn.emit(
        e.ContactAssigned(
            at=turn.now,
            contact=contact.id,
            queue=contact.queue,
            agent=command.agent,
            until=turn.now + command.seconds * SECOND,
            by=command.by,
        )
    )
    turn.touch_contact(contact.id)
    answer(turn, command.request)


def not_to_be_assigned(turn: Turn, contact: ContactState, command: c.AssignRequested) -> str:
    """Why she may not have it, in words; empty when she may."""
    agent = turn.state.agents.get(command.agent)
    if agent is None or agent.retired:
        return f"there is no agent {quoted(command.agent)}"
    if not available(agent):
        return f"agent {agent.id!r} is not on duty, or her phone cannot be reached"
    capacity = turn.world.capacity[agent.id]
    if not capacity.get(contact.channel, CAPACITY_DEFAULT[contact.channel]):
        return f"agent {agent.id!r} takes no {contact.channel}"
    queue = turn.world.queue(contact.queue)
    if agent.id in joined(queue.excluded if queue else (), contact.excluded):
        return f"agent {agent.id!r} is excluded from contact {contact.id!r}"
    if not 1 <= command.seconds <= ASSIGN_SECONDS_MAX:
        return f"seconds: {command.seconds} is not within 1 to {ASSIGN_SECONDS_MAX}"
    return ""


def on_priority(turn: Turn, command: c.PriorityRequested) -> None:
    """Another priority; it keeps what it has waited."""
    contact = waiting(turn, command.contact)
    if contact is None:
        answer(turn, command.request, not_waiting(turn, command.contact))
        return
    if not 0 <= command.priority <= PRIORITY_MAX:
        words = f"priority {command.priority} is not within 0 to {PRIORITY_MAX}"
        answer(turn, command.request, words)
        return
    if command.priority != contact.priority:
        turn.emit(
            e.PriorityChanged(
                at=turn.now,
                contact=contact.id,
                queue=contact.queue,
                priority=command.priority,
                by=command.by,
            )
        )
    answer(turn, command.request)


def on_open(turn: Turn, command: c.QueueOpenRequested) -> None:
    """Open it whatever the calendar says, or leave it to the calendar again."""
    if command.queue not in turn.world.queues:
        answer(turn, command.request, f"there is no queue {quoted(command.queue)}")
        return
    door = turn.state.doors.get(command.queue)
    if door is not (None if command.follow_calendar else True):
        turn.emit(
            e.QueueOpened(
                at=turn.now,
                queue=command.queue,
                follow_calendar=command.follow_calendar,
                by=command.by,
            )
        )
    answer(turn, command.request)


def on_close(turn: Turn, command: c.QueueCloseRequested) -> None:
    """Nobody new may wait there. Those who do keep their place, unless they are dismissed."""
    if command.queue not in turn.world.queues:
        answer(turn, command.request, f"there is no queue {quoted(command.queue)}")
        return
    if turn.state.doors.get(command.queue) is not False:
        turn.emit(e.QueueClosed(at=turn.now, queue=command.queue, by=command.by))
    if command.dismiss:
        dismiss(turn, command.queue)
    answer(turn, command.request)


def dismiss(turn: Turn, queue: QueueId) -> None:
    there = [
        contact
        for contact in turn.state.contacts.values()
        if contact.queue == queue and contact.stage in IN_QUEUE and not contact.patient
    ]
    for contact in sorted(there, key=lambda one: one.order):
        dequeue(turn, contact, e.QueueExit.CLOSED)


def on_announcement(turn: Turn, command: c.AnnouncementRequested) -> None:
    """Those who come to the queue from now on are told so; empty ends it."""
    if command.queue and command.queue not in turn.world.queues:
        answer(turn, command.request, f"there is no queue {quoted(command.queue)}")
        return
    if command.announcement and not is_name(command.announcement, ANNOUNCEMENT_MAX):
        words = (
            f"announcement: the name of a prompt has at most {ANNOUNCEMENT_MAX} letters, digits, "
            "'_', '.', ':' and '-'"
        )
        answer(turn, command.request, words)
        return
    if turn.state.announcements.get(command.queue, "") != command.announcement:
        turn.emit(
            e.AnnouncementSet(
                at=turn.now,
                queue=command.queue,
                announcement=command.announcement,
                by=command.by,
            )
        )
    answer(turn, command.request)
