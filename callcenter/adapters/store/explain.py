"""The stories of `why`: from an id to everything the journal can say about it.

Why: the search, the copies of the center and the deciding again are work for seconds; they happen
here, for one question, in a process that has nothing else to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from callcenter.adapters.store.past import Found, NoPast, Past
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.wire import read_batch
from callcenter.control.center import ENGINE
from callcenter.control.story import MOMENTS_MAX, TOLD, AgentStory, ContactStory, Moment
from callcenter.control.why import Lens
from callcenter.domain import events as e
from callcenter.domain.errors import CallcenterError
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId
from callcenter.records.day import as_time

EXPLAINED_MAX = 50
"""Offers and refusals that are decided again, the last of them."""
OFFERS_SHOWN = 5
PARTS_BACK_MAX = 40
"""Parts of the journal looked through for an agent's last offers."""

BEGINNINGS = e.ContactArrived | e.ContactPlaced
DECIDED = e.OfferMade | e.QueueRefused
OF_OFFERS = (
    e.OfferMade | e.OfferConfirmed | e.OfferAccepted | e.OfferDeclined | e.OfferExpired
    | e.OfferRescinded
)  # fmt: skip


class Unknown(CallcenterError):
    """Neither a contact nor an agent of that name is in the journal."""


def contact_story(pasts: Sequence[Past], name: str, now: Micros, at: Micros = 0) -> ContactStory:
    """A contact until `at`, or until now. Raises `Unknown`, `NoPast` or `DamagedArchive`.

    `pasts` are the journal and those that were set aside before it, the newest first.
    """
    for past in pasts:
        found = past.mentions(name, enough=lambda found: _arrived(found, name))
        batches = [(one, read_batch(one.data)) for one in found]
        if any(_is_of(event, name) for _, batch in batches for event in batch.events):
            return _story(past, name, batches, now, at)
    raise Unknown(_unknown(pasts, name))


def _unknown(pasts: Sequence[Past], name: str) -> str:
    words = f"there is no contact or agent {name!r} in the journal"
    if not pasts or pasts[0].first <= 1:
        return words
    begins = as_time(pasts[0].begins).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{words}, which goes back to {begins}: what is older than [store] archive_days is removed"
    )


def _arrived(found: list[Found], name: str) -> bool:
    return any(
        isinstance(event, BEGINNINGS) and event.contact == name
        for one in found
        if b"ContactArrived" in one.data or b"ContactPlaced" in one.data
        for event in read_batch(one.data).events
    )


def _is_of(event: e.Event, name: str) -> bool:
    return isinstance(event, TOLD) and event.contact == name


def _story(
    past: Past, name: str, batches: list[tuple[Found, e.Batch]], now: Micros, at: Micros
) -> ContactStory:
    until = at or max(now, batches[-1][1].at)
    told = [
        (found, batch, event)
        for found, batch in batches
        for event in batch.events
        if batch.at <= until and _is_of(event, name)
    ]
    if not told:
        raise Unknown(f"contact {name!r} had not arrived at that time")
    over = isinstance(told[-1][2], e.ContactEnded)
    replica = _center_of_then(past, at, over=over)
    state = replica.control.state
    contact = state.contacts.get(ContactId(name))
    segment = state.segments.get(contact.segment) if contact else None
    waiting = Lens(replica.control.world, until).waiting(contact) if contact else None
    moments = _moments(past, told)
    return ContactStory(
        contact=ContactId(name),
        at=told[-1][2].at if over else until,
        center=state.center,
        moments=tuple(moments[-MOMENTS_MAX:]),
        moments_more=max(0, len(moments) - MOMENTS_MAX),
        stage=contact.stage if contact else None,
        queue=contact.queue if contact else QueueId(""),
        agent=segment.agent if segment else AgentId(""),
        waiting=waiting,
        whole=any(isinstance(event, BEGINNINGS) for _, _, event in told),
    )


def _center_of_then(past: Past, at: Micros, *, over: bool) -> Replica:
    """The center that the story is told of. Of a contact that has ended it gives names only, so
    there it may be missing."""
    try:
        return past.now() if over or not at else past.replica_at(past.seq_at(at))
    except NoPast:
        if not over:
            raise
        return Replica()


def _moments(past: Past, told: list[tuple[Found, e.Batch, e.Event]]) -> list[Moment]:
    """Each decision, the last ones decided again; in the order in which states are reached."""
    chosen = [i for i, (_, _, event) in enumerate(told) if isinstance(event, DECIDED)]
    again = set(chosen[-EXPLAINED_MAX:])
    return [
        _moment(past, found, batch, event, again=index in again)
        for index, (found, batch, event) in enumerate(told)
    ]


def _moment(past: Past, found: Found, batch: e.Batch, event: e.Event, *, again: bool) -> Moment:
    if not isinstance(event, DECIDED):
        return Moment(event=event, engine=batch.engine)
    if not again:
        return Moment(event=event, engine=batch.engine, untried="only the last are decided again")
    try:
        decided = past.redecide(found, batch, event.contact)
    except NoPast as none:
        return Moment(event=event, engine=batch.engine, untried=str(none))
    if decided is None:
        words = f"engine {batch.engine} decided it, and this is engine {ENGINE}"
        return Moment(event=event, engine=batch.engine, untried=words)
    if not decided.same:
        return Moment(event=event, engine=batch.engine, redecided=False)
    return Moment(
        event=event,
        engine=batch.engine,
        redecided=True,
        choice=decided.choices.get(event.offer) if isinstance(event, e.OfferMade) else None,
        refusal=decided.refusals.get(event.contact) if isinstance(event, e.QueueRefused) else None,
    )


def is_agent(replica: Replica, name: str) -> bool:
    """Does the center know an agent of this name?"""
    return AgentId(name) in replica.control.state.agents


def agent_story(past: Past, name: str, now: Micros, at: Micros = 0) -> AgentStory:
    """An agent at `at`, or now. Raises `Unknown`, `NoPast` or `DamagedArchive`."""
    found = past.mentions(
        name,
        enough=lambda found: _offers(found, name, at) >= OFFERS_SHOWN,
        until=at,
        parts_max=PARTS_BACK_MAX,
    )
    offers = _her_offers(past, found, name, at)
    replica = past.replica_at(past.seq_at(at)) if at else past.now()
    state = replica.control.state
    agent = state.agents.get(AgentId(name))
    if agent is None:
        raise Unknown(f"there is no agent {name!r} in the center of that time")
    until = at or max(now, state.now)
    return AgentStory(
        at=until,
        center=state.center,
        desk=Lens(replica.control.world, until).desk(agent),
        offers=tuple(offers),
    )


def _offers(found: Iterable[Found], name: str, at: Micros) -> int:
    return sum(
        isinstance(event, e.OfferMade) and event.agent == name
        for one in found
        if b"OfferMade" in one.data
        for batch in [read_batch(one.data)]
        if not at or batch.at <= at
        for event in batch.events
    )


def _her_offers(past: Past, found: list[Found], name: str, at: Micros) -> list[Moment]:
    """Her last offers, and how each ended."""
    told = [
        (one, batch, event)
        for one in found
        if b"Offer" in one.data
        for batch in [read_batch(one.data)]
        if not at or batch.at <= at
        for event in batch.events
        if isinstance(event, OF_OFFERS) and event.agent == name
    ]
    made = [i for i, (_, _, event) in enumerate(told) if isinstance(event, e.OfferMade)]
    first = made[-OFFERS_SHOWN:][0] if made else 0
    return [
        _moment(past, one, batch, event, again=bool(made) and index == made[-1])
        for index, (one, batch, event) in enumerate(told)
        if index >= first
    ]
