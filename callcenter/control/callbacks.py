"""What follows when a caller would rather be called back than wait.

    promised ──► waits in her place ──► an agent is offered it, answers, and the customer is dialled
                      ▲                          │
                      └── not reached: rests ────┘──► reached: a segment like any other
                                                 └──► not reached for the last time: ended

The caller's own contact ends with her call. Her place goes to a new one, the callback, which is
one conversation with it: same start of waiting, same priority, nobody on the line. It is an offer
like any other until the agent has answered; then its owner dials the customer, and reports the
offer as accepted when the two can talk. That the customer was not reached is no fault of the
agent's: she is ready again, the contact rests and keeps its place.

Why a new contact: the old one is over when she hangs up, with an ending of its own, and its books
are closed. A callback has its own visit, which ends as `callback` in the books of its queue.

Limits: callbacks in one queue, attempts, and hours until a promise ends; each has a name.
"""

from callcenter.control.contacts import Place, asked_for, end_contact, enter_queue
from callcenter.control.opening import opens
from callcenter.control.state import IN_QUEUE, ContactState
from callcenter.control.turn import Turn
from callcenter.domain import events as e
from callcenter.domain.center import Channel, Queue
from callcenter.domain.commands import CallbackRequested, OfferOutcome
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import HOUR, MINUTE, SECOND
from callcenter.routing.place import priority_of

STILL_THERE_SECONDS = 60
"""So long, at most, a callback rests until its caller has hung up: her phone would be busy."""


def on_callback(turn: Turn, command: CallbackRequested) -> None:
    """Let a callback wait in the place of the caller who asked for it, or say why not."""
    if command.waits.contact in turn.state.contacts:
        turn.note("contact_reported_twice")
        return
    queue = turn.world.queues.get(command.waits.queue)
    reason = refused(turn, queue)
    if queue is None or reason:
        turn.emit(
            e.CallbackRefused(
                at=turn.now,
                contact=command.waits.contact,
                origin=command.origin,
                queue=command.waits.queue,
                reason=reason,
            )
        )
        return
    turn.emit(
        e.ContactPlaced(
            at=turn.now,
            contact=command.waits.contact,
            channel=Channel.VOICE,
            frontend=command.frontend,
            origin=command.origin,
            dialled=command.dialled,
            party=command.party,
        )
    )
    contact = turn.state.contacts[command.waits.contact]
    asked = asked_for(turn, command.waits, queue)
    enter_queue(turn, contact, queue, asked, command.waits, place_of(turn, command, queue))


def place_of(turn: Turn, command: CallbackRequested, queue: Queue) -> Place:
    """Hers, if she waited in that queue; else a place at the end."""
    before = turn.state.contacts.get(command.origin)
    waited = before is not None and before.visits > 0
    same = before is not None and before.queue == queue.id
    return Place(
        since=before.since if before and waited else turn.now,
        priority=before.priority
        if before and waited and same
        else priority_of(command.waits.priority, queue),
        expires=turn.now + queue.callback.hours_max * HOUR,
        not_before=max(
            opens(turn, queue, turn.now), turn.now + STILL_THERE_SECONDS * SECOND if before else 0
        ),
    )


def refused(turn: Turn, queue: Queue | None) -> str:
    """Why nobody may be promised a callback there now; empty when one may."""
    if queue is None:
        turn.note("unknown_queue")
        return "unknown queue"
    waiting = sum(
        contact.calls_back and contact.queue == queue.id and contact.stage in IN_QUEUE
        for contact in turn.state.contacts.values()
    )
    return "too many callbacks" if waiting >= queue.callback.waiting_max else ""


def not_reached(turn: Turn, contact: ContactState, outcome: OfferOutcome) -> None:
    """The customer was dialled in vain: once more later, or never again."""
    queue = turn.world.queue(contact.queue)
    attempt = contact.tries + 1
    last = queue is None or attempt >= queue.callback.attempts_max
    again = 0
    if queue is not None and not last:
        later = turn.now + queue.callback.retry_minutes * MINUTE
        again = max(later, opens(turn, queue, later))
    turn.emit(
        e.CallbackTried(
            at=turn.now,
            contact=contact.id,
            queue=contact.queue,
            attempt=attempt,
            outcome=outcome,
            again=again,
        )
    )
    if last:
        end_contact(turn, contact, ended(Reason.CALLBACK_UNREACHED))
