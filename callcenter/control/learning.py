"""What events teach of talk times, patience and arrivals: the memory that estimates rest on.

Why: it is a fold like any other, so leader and standby know the same, and nothing has to be learned
anew after a restart. Only calls count: what is waited for in a mail is not a wait.
"""

from collections.abc import Callable
from typing import Any

from callcenter.control.state import IN_QUEUE, State
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.termination import Reason
from callcenter.domain.units import Micros, QueueId
from callcenter.routing.experience import Experience, Rate

GIVING_UP = frozenset({Reason.CALLER_LEFT_IN_QUEUE, Reason.CALLER_HUNG_UP})


def learn(state: State, event: e.Event) -> None:
    """Remember what this event teaches, before it changes the state."""
    lesson = LESSONS.get(type(event))
    if lesson is not None:
        lesson(state, event)


def of(state: State, queue: QueueId) -> Experience:
    found = state.experience.get(queue)
    if found is None:
        found = state.experience[queue] = Experience()
    return found


def on_queued(state: State, event: e.ContactQueued | e.ContactMoved) -> None:
    """Who overflows, or is moved by hand, arrives there like any other."""
    if event.channel is Channel.VOICE:
        arrivals = of(state, event.queue).arrivals
        rate = arrivals.get(event.priority)
        if rate is None:
            rate = arrivals[event.priority] = Rate()
        rate.count(event.at)


def on_accepted(state: State, event: e.OfferAccepted) -> None:
    offer = state.offers.get(event.offer)
    contact = state.contacts.get(event.contact)
    if offer and offer.made and not offer.beside and contact and contact.channel is Channel.VOICE:
        of(state, contact.queue).ring.add(event.at - offer.made)


def on_segment(state: State, event: e.SegmentStarted) -> None:
    if event.channel is Channel.VOICE and not event.beside:
        of(state, event.queue).patience.add(event.waited, gave_up=False)


def on_segment_end(state: State, event: e.SegmentEnded) -> None:
    if event.channel is Channel.VOICE:
        of(state, event.queue).talk.add(event.talked)


def on_wrap_up_end(state: State, event: e.WrapUpEnded) -> None:
    of(state, event.queue).wrap.add(event.wrapped)


def on_dequeued(state: State, event: e.ContactDequeued) -> None:
    wait_over(state, event, event.waited, gave_up=event.exit is e.QueueExit.LEFT)


def on_end(state: State, event: e.ContactEnded) -> None:
    wait_over(state, event, event.waited, gave_up=event.termination.reason in GIVING_UP)


def wait_over(
    state: State, event: e.ContactDequeued | e.ContactEnded, waited: Micros, *, gave_up: bool
) -> None:
    contact = state.contacts.get(event.contact)
    if contact and contact.channel is Channel.VOICE and contact.stage in IN_QUEUE:
        of(state, contact.queue).patience.add(waited, gave_up=gave_up)


LESSONS: dict[type[Any], Callable[[State, Any], None]] = {
    e.ContactQueued: on_queued,
    e.ContactMoved: on_queued,
    e.OfferAccepted: on_accepted,
    e.SegmentStarted: on_segment,
    e.SegmentEnded: on_segment_end,
    e.WrapUpEnded: on_wrap_up_end,
    e.ContactDequeued: on_dequeued,
    e.ContactEnded: on_end,
}
