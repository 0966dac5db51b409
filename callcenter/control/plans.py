"""What follows when the plan of a queue has a step for a contact that waits.

Why: a step changes who may take the contact, so it is an event with the whole new ring, and one
immediate look for an agent; nothing polls. The place in the line is not the plan's to take away.
"""

from callcenter.control.contacts import admission, dequeue, rescind
from callcenter.control.state import ContactState
from callcenter.control.timers import Alarm
from callcenter.control.turn import Turn
from callcenter.domain import events as e
from callcenter.domain.center import PlanStep, Queue
from callcenter.domain.units import SECOND
from callcenter.routing.plan import Ring, due_at, widened
from callcenter.routing.skills import merge


def take_steps_due(turn: Turn, contact: ContactState) -> None:
    """What the plan had for it while a phone rang, before the next phone does."""
    while (due := turn.world.due(Alarm.STEP, contact.id)) is not None and due <= turn.now:
        on_step_due(turn, contact)


def on_step_due(turn: Turn, contact: ContactState) -> None:
    """It waited for one agent alone for long enough, or the next step of the plan has come."""
    if contact.sticky and contact.sticky_until <= turn.now:
        turn.release(contact)
    queue = turn.world.queue(contact.queue)
    step = turn.world.next_step(contact)
    if queue is None or step is None or due_at(step, contact.planned_from) > turn.now:
        return
    if step.exit and (contact.calls_back or contact.patient):
        widen(
            turn,
            contact,
            queue,
            step,
            refused="a callback stays" if contact.calls_back else "a document stays",
        )
    elif step.exit:
        dequeue(turn, contact, e.QueueExit(step.exit))
    elif step.queue:
        overflow(turn, contact, queue, step)
    else:
        widen(turn, contact, queue, step)


def ring_of(contact: ContactState) -> Ring:
    return Ring(contact.skills, contact.agents, contact.teams, contact.priority)


def widen(
    turn: Turn, contact: ContactState, queue: Queue, step: PlanStep, refused: str = ""
) -> None:
    """The ring is wider from now on; whoever is free in it is found at once."""
    ring = widened(ring_of(contact), step)
    turn.emit(
        e.RingWidened(
            at=turn.now,
            contact=contact.id,
            queue=queue.id,
            after_seconds=step.after_seconds,
            skills=ring.skills,
            agents=ring.agents,
            teams=ring.teams,
            priority=ring.priority,
            plan=queue.plan.version,
            refused=refused,
        )
    )
    turn.touch_contact(contact.id)


def overflow(turn: Turn, contact: ContactState, queue: Queue, step: PlanStep) -> None:
    """On to another queue, or on waiting here when that one does not take it."""
    target = turn.world.queues.get(step.queue)
    way_out = e.QueueExit.CLOSED
    if target is not None:
        needs = merge(target.skills, contact.asked)
        refused = admission(turn, contact.channel, target, needs, contact.excluded)
        if refused is None or contact.patient:
            for offer in contact.live:
                rescind(turn, offer, "moved to another queue")
            move(turn, contact, target)
            return
        way_out = refused
    widen(turn, contact, queue, step, refused=f"{step.queue} is {way_out}")


def move(turn: Turn, contact: ContactState, target: Queue, by: str = "") -> None:
    """End this visit and begin one in another queue, as if it had always waited there."""
    turn.emit(
        e.ContactMoved(
            at=turn.now,
            contact=contact.id,
            channel=contact.channel,
            left=contact.queue,
            left_visit=contact.visits,
            waited=turn.now - contact.since,
            queue=target.id,
            visit=contact.visits + 1,
            skills=merge(target.skills, contact.asked),
            preferred=contact.preferred,
            excluded=contact.excluded,
            priority=contact.priority,
            since=contact.since,
            expires=contact.expires
            if contact.calls_back or contact.patient
            else turn.now + target.wait_seconds_max * SECOND,
            by=by,
        )
    )
    turn.touch_contact(contact.id)
