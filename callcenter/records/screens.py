"""What the wall and the desk show, as values: one row per queue, waiting contact and agent.

What happens here: `LiveState` and `now` come in, frozen rows go out. Their fields are the fields
of the API (`web/README.md`), so a screen and a script read the same numbers.

Why: rows are compared to find what changed since the last push. Fields that only follow from the
clock are therefore whole seconds in the few queue tiles, and left to the reader elsewhere: a row
says since when, not for how long.

No row holds a number or a name of a caller; `caller` is put in where the screen may show it.
"""

from datetime import datetime
from typing import NamedTuple

import msgspec

from callcenter.domain.center import Queue, Thresholds
from callcenter.domain.commands import Presence
from callcenter.domain.skills import Qualification
from callcenter.domain.units import SECOND, Micros
from callcenter.records import service_level as formulas
from callcenter.records.counters import Counters
from callcenter.records.day import as_time
from callcenter.records.live import LiveState
from callcenter.records.live_state import LiveAgent, LiveContact, LiveQueue, Stage

CERTIFICATE_STATES = ("valid", "expiring", "expired")
"""`expiring` ones are valid still, for 30 days at most."""


class CertificateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A skill that training granted."""

    skill: str
    level: int
    expires: datetime | None
    """None: never."""
    state: str
    """One of `CERTIFICATE_STATES`."""


class QueueTile(msgspec.Struct, frozen=True, kw_only=True):
    """One queue, now and today."""

    id: str
    title: str
    skills: dict[str, int]
    waiting: int
    ringing: int
    """Of the waiting: being offered at this moment."""
    oldest_since: datetime | None
    longest_wait_seconds: int
    expected_wait_seconds: int | None
    promised_wait_seconds: int | None
    """Of somebody who would come now; four of five wait no longer than promised."""
    offered: int
    answered: int
    answered_in_target: int
    abandoned: int
    short_abandoned: int
    flowed_out: int
    callbacks: int
    lost: int
    handled: int
    service_level: float | None
    asa_seconds: float | None
    aht_seconds: float | None
    abandonment: float | None
    occupancy: float | None
    agents: dict[str, int]
    open: bool
    """Whether somebody may come to wait there now."""
    door: str
    """What somebody did by hand: `open` or `closed` whatever the calendar says, else empty."""
    door_by: str
    door_since: datetime | None
    announcement: str
    """The emergency announcement that those are told who come now: its own, else that of all."""
    thresholds: Thresholds
    target_seconds: int
    target_percent: int
    short_abandon_seconds: int
    timezone: str
    day_start: datetime


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One contact that waits. `position` counts from 1 within its queue, `place` among all whom
    the same agents could serve; expected and promised is the moment of an agent's answer."""

    contact: str
    queue: str
    channel: str
    state: str
    priority: int
    position: int
    place: int | None
    expected_at: datetime | None
    promised_at: datetime | None
    since: datetime
    arrived: datetime
    caller: str
    agent: str
    also: list[str]
    """Who else is rung for it."""
    preview: bool
    """Its agent looks at it; nothing rings yet."""
    callback: bool
    """Nobody is on the line: the customer is called when an agent has answered."""
    skills: dict[str, int]
    attributes: dict[str, str]
    customer: str


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent, now and today."""

    id: str
    name: str
    team: str
    presence: str
    reason: str
    since: datetime
    reachable: bool
    unreachable_cause: str
    contact: str
    segment: str
    queue: str
    channel: str
    contact_since: datetime | None
    held: bool
    handled: int
    missed: int
    declined: int
    aht_seconds: float | None
    occupancy: float | None
    skills: dict[str, int]
    """What she can now: configured, changed by hand, granted by training."""
    by_hand: dict[str, int]
    """Of these, what somebody changed by hand; 0 took a skill away."""
    certificates: list[CertificateRow]
    next_presence: str
    next_reason: str


class FrontendRow(msgspec.Struct, frozen=True, kw_only=True):
    """One owner of calls."""

    id: str
    alive: bool
    since: datetime
    contacts: int


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def agents_by_state(live: LiveState, queue: Queue) -> dict[str, int]:
    """The agents able to serve `queue`: how many in each presence; `available` could be rung
    now, `unreachable` are logged in without a phone."""
    counts = dict.fromkeys((*(p.value for p in Presence), "available", "unreachable"), 0)
    agents = live.data.agents
    for able in live.able.get(queue.id, ()):
        agent = agents.get(able)
        if agent is None:
            continue
        counts[agent.presence.value] += 1
        if agent.presence is Presence.LOGGED_OUT:
            continue
        if not agent.reachable_by:
            counts["unreachable"] += 1
        elif agent.presence is Presence.READY:
            counts["available"] += 1
    return counts


def queue_occupancy(live: LiveState, queue: Queue, now: Micros) -> float | None:
    """Busy of available time today, over the agents able to serve the queue."""
    busy = idle = 0
    for able in live.able.get(queue.id, ()):
        agent = live.data.agents.get(able)
        if agent is not None:
            worked, waited = live.work_of(agent, now)
            busy, idle = busy + worked, idle + waited
    return formulas.occupancy(busy, idle)


def queue_tile(live: LiveState, queue: Queue, now: Micros) -> QueueTile:
    """The tile of one queue."""
    waiting = live.in_queue.get(queue.id, {}).values()
    oldest = min((c.since for c in waiting), default=None)
    counts = live.today(queue.id)
    state = live.data.queues.get(queue.id)
    door, announcement = live.data.doors.get(queue.id), live.announcement(queue.id)
    newcomer = _newcomer(state, now)
    return QueueTile(
        id=queue.id,
        title=queue.title,
        skills=queue.skills,
        waiting=len(waiting),
        ringing=sum(c.stage is Stage.RINGING for c in waiting),
        oldest_since=None if oldest is None else as_time(oldest),
        longest_wait_seconds=0 if oldest is None else max(0, now - oldest) // SECOND,
        expected_wait_seconds=newcomer[0],
        promised_wait_seconds=newcomer[1],
        **_counts(counts),
        service_level=_rounded(formulas.service_level(counts), 4),
        asa_seconds=_rounded(formulas.asa_seconds(counts), 1),
        aht_seconds=_rounded(formulas.aht_seconds(counts), 1),
        abandonment=_rounded(formulas.abandonment(counts), 4),
        occupancy=_rounded(queue_occupancy(live, queue, now), 3),
        agents=agents_by_state(live, queue),
        open=live.is_open(queue, now),
        door="" if door is None else "open" if door.open else "closed",
        door_by=door.by if door else "",
        door_since=as_time(door.since) if door else None,
        announcement=announcement.prompt if announcement else "",
        thresholds=queue.thresholds,
        target_seconds=queue.target_seconds,
        target_percent=queue.target_percent,
        short_abandon_seconds=queue.short_abandon_seconds,
        timezone=queue.timezone,
        day_start=as_time(state.day_start if state else 0),
    )


COUNTED = (
    "offered", "answered", "answered_in_target", "abandoned", "short_abandoned", "flowed_out",
    "callbacks", "lost", "handled",
)  # fmt: skip
"""The counts a tile shows; each can be opened to the contacts behind it."""


def _newcomer(state: LiveQueue | None, now: Micros) -> tuple[int | None, int | None]:
    """What somebody who would come now has to expect: seconds expected, and promised."""
    estimate = state.estimate if state and state.estimate and state.estimate.stands(now) else None
    if estimate is None or estimate.expected is None or estimate.promised is None:
        return None, None
    return round(estimate.expected / SECOND), round(estimate.promised / SECOND)


class Wait(NamedTuple):
    """What a contact has to expect."""

    place: int | None = None
    expected_at: datetime | None = None
    promised_at: datetime | None = None


def wait_of(contact: LiveContact, now: Micros) -> Wait:
    """What was told last, while it stands; nothing once a phone rings for it."""
    found = contact.estimate
    if found is None or contact.stage is not Stage.WAITING or not found.stands(now):
        return Wait()
    if found.expected is None or found.promised is None:
        return Wait(found.position or None)
    return Wait(
        found.position or None,
        as_time(found.at + found.expected),
        as_time(found.at + found.promised),
    )


def _counts(counters: Counters) -> dict[str, int]:
    return {name: getattr(counters, name) for name in COUNTED}


def queue_tiles(live: LiveState, now: Micros) -> list[QueueTile]:
    """All configured queues, in their order."""
    return [queue_tile(live, queue, now) for queue in live.queues()]


def waiting_row(contact: LiveContact, position: int, caller: str, now: Micros) -> WaitingRow:
    """One line of the waiting list."""
    wait = wait_of(contact, now)
    return WaitingRow(
        contact=contact.id,
        queue=contact.queue,
        channel=contact.channel.value,
        state=contact.stage.value,
        priority=contact.priority,
        position=position,
        place=wait.place,
        expected_at=wait.expected_at,
        promised_at=wait.promised_at,
        since=as_time(contact.since),
        arrived=as_time(contact.arrived),
        caller=caller,
        agent=contact.agent if contact.stage is Stage.RINGING else "",
        also=list(contact.also.values()),
        preview=bool(contact.preview_until),
        callback=contact.calls_back,
        skills=contact.skills,
        attributes=contact.attributes,
        customer=contact.customer,
    )


def waiting_rows(live: LiveState, callers: dict[str, str], now: Micros = 0) -> list[WaitingRow]:
    """Everyone who waits, by queue and place. `callers` maps a party to what may be shown."""
    now = max(now, live.data.at)
    return [
        waiting_row(contact, position, callers.get(contact.party, ""), now)
        for queue in list(live.in_queue)
        for position, contact in enumerate(live.waiting(queue), 1)
    ]


def present_contact(live: LiveState, agent: LiveAgent) -> LiveContact | None:
    """The contact she talks to, else the one that rings at her, else what she reads."""
    contacts = live.data.contacts
    works = [contacts[found] for found in agent.segments.values() if found in contacts]
    rings = [contacts[found] for found in agent.offers.values() if found in contacts]
    calls = [contact for contact in works if not contact.document]
    return next(iter((*calls, *rings, *works)), None)


def offered_call(live: LiveState, agent: LiveAgent) -> LiveContact | None:
    """The call that she is offered, perhaps beside what she works on."""
    offered = (live.data.contacts.get(found) for found in agent.offers.values())
    return next((one for one in offered if one is not None and not one.document), None)


def certificate_rows(found: Qualification | None) -> list[CertificateRow]:
    """What training granted her, by skill."""
    return [
        CertificateRow(
            skill=skill,
            level=one.level,
            expires=as_time(one.expires) if one.expires else None,
            state="expired" if one.expired else "expiring" if one.warned else "valid",
        )
        for skill, one in sorted(found.certificates.items() if found else ())
    ]


def agent_row(live: LiveState, agent: LiveAgent, now: Micros) -> AgentRow:
    """One line of the agent grid."""
    config = live.people.get(agent.id)
    contact = present_contact(live, agent)
    found = live.data.qualifications.get(agent.id)
    day = agent.today
    busy, idle = live.work_of(agent, now)
    handle = formulas.ratio((day.talked + day.wrapped) / SECOND, day.handled)
    return AgentRow(
        id=agent.id,
        name=config.name if config else agent.id,
        team=config.team if config else "",
        presence=agent.presence.value,
        reason=agent.reason,
        since=as_time(agent.since),
        reachable=bool(agent.reachable_by),
        unreachable_cause=agent.unreachable_cause,
        contact=contact.id if contact else "",
        segment=contact.segment if contact else "",
        queue=contact.queue if contact else "",
        channel=contact.channel.value if contact else "",
        contact_since=as_time(contact.stage_since) if contact else None,
        held=contact.held if contact else False,
        handled=day.handled,
        missed=day.missed,
        declined=day.declined,
        aht_seconds=_rounded(handle, 1),
        occupancy=_rounded(formulas.occupancy(busy, idle), 2),
        skills=live.skills.get(agent.id, {}),
        by_hand=found.by_hand if found else {},
        certificates=certificate_rows(found),
        next_presence=agent.next.value if agent.next else "",
        next_reason=agent.next_reason,
    )


def agent_rows(live: LiveState, now: Micros) -> list[AgentRow]:
    """All agents, in the order of the configuration, then those it forgot."""
    agents = live.data.agents
    known = [agents[a] for a in live.people if a in agents]
    others = [a for a in agents.values() if a.id not in live.people]
    return [agent_row(live, agent, now) for agent in (*known, *others)]


def frontend_rows(live: LiveState) -> list[FrontendRow]:
    """All owners of calls heard of."""
    owned: dict[str, int] = {}
    for contact in live.data.contacts.values():
        owned[contact.frontend] = owned.get(contact.frontend, 0) + 1
    return [
        FrontendRow(id=f.id, alive=not f.lost, since=as_time(f.since), contacts=owned.get(f.id, 0))
        for f in live.data.frontends.values()
    ]
