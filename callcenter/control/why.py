"""Why this agent, why not that one, why it still waits, and what happens next.

A `Lens` looks at the center at one moment, before or after a decision, and names the rules: for a
contact and an agent every rule that stands between them (`obstacles`), for an offer who else could
have had the contact and why the chosen one came first (`choice`), for a contact that waits who is
ahead, what everybody does and what comes when (`waiting`), for an agent what waits for her (`desk`).

Why: nothing of this is computed when a decision is made. It is derived from the state in which the
decision was made, whom the engine would offer included; `explained` gets back to that state.
"""

from collections.abc import Iterable

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.agents.hindrance import hindrances
from callcenter.control.state import IN_QUEUE, ContactState, Stage
from callcenter.control.timers import Alarm
from callcenter.control.upcoming import Due, Upcoming, of_agent
from callcenter.control.world import World
from callcenter.domain.center import AgentChoice, Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import AgentId, ContactId, Micros, OfferId, QueueId
from callcenter.domain.why import FOR_CONTACT, Criterion, Obstacle, Rule
from callcenter.routing.choice import Order
from callcenter.routing.explain import barriers, criterion
from callcenter.routing.place import used_up
from callcenter.routing.plan import due_at

LOOKED_MAX = 500
"""Agents told one by one; of a larger center the nearest."""
LINE_MAX = 20
"""Contacts told one by one."""


class Looked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One agent, as she was when somebody looked for one."""

    agent: AgentId
    presence: Presence
    reason: str = ""
    since: Micros = 0
    obstacles: tuple[Obstacle, ...] = ()


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why this agent: the offer, and everybody else."""

    offer: OfferId
    contact: ContactId
    queue: QueueId
    agent: AgentId
    needs: dict[str, int] = {}
    idle_since: Micros = 0
    chosen_by: AgentChoice = AgentChoice.LONGEST_IDLE
    alone: bool = False
    """It waited for her alone, or was assigned to her."""
    freed: bool = False
    """She came free, and the contact was the first in line for her."""
    runner_up: AgentId = AgentId("")
    instead: tuple[ContactId, ...] = ()
    """What she could have had instead, the next in line first."""
    instead_more: int = 0
    others: tuple[Looked, ...] = ()
    """Who else there is: who could have had it first, then the nearest."""
    others_more: int = 0


class InLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A contact that waits, and what stands between it and the agent asked about."""

    contact: ContactId
    queue: QueueId
    since: Micros
    priority: int
    obstacles: tuple[Obstacle, ...] = ()


class HeldBack(msgspec.Struct, frozen=True, kw_only=True):
    """Why a contact that waits is not offered to anybody now."""

    why: str
    """`owner_lost`, `resting` (our side could not ring), `ringing` (phones ring already)."""
    until: Micros = 0


class Waiting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a contact still waits."""

    queue: QueueId
    since: Micros
    priority: int
    needs: dict[str, int] = {}
    ahead: tuple[InLine, ...] = ()
    """Who comes first for one who could take both."""
    ahead_more: int = 0
    held_back: tuple[HeldBack, ...] = ()
    agents: tuple[Looked, ...] = ()
    agents_more: int = 0
    next: tuple[Due, ...] = ()


class Desk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an agent has no contact now, or this one."""

    agent: AgentId
    presence: Presence
    reason: str = ""
    since: Micros = 0
    skills: dict[str, int] = {}
    contact: ContactId = ContactId("")
    """What she has in hand."""
    obstacles: tuple[Obstacle, ...] = ()
    """What keeps her from any contact."""
    line: tuple[InLine, ...] = ()
    """What waits that she could take, the first in line first."""
    line_more: int = 0
    others: tuple[InLine, ...] = ()
    """What waits that is not for her."""
    others_more: int = 0
    next: tuple[Due, ...] = ()


class Lens:
    """The center at one moment. Reads, and changes nothing."""

    def __init__(self, world: World, now: Micros) -> None:
        self.world = world
        self.now = max(now, world.state.now)

    def agents(self) -> list[AgentState]:
        """Everybody, in the order in which the center names them."""
        places = self.world.positions
        last = len(places)
        return sorted(
            self.world.state.agents.values(), key=lambda a: (places.get(a.id, last), a.id)
        )

    # --- one contact and one agent --------------------------------------------------------------

    def barriers(self, contact: ContactState, agent: AgentState) -> list[Obstacle]:
        """What keeps her from it as long as neither of them changes."""
        world = self.world
        skills, team = world.skills.get(agent.id, {}), world.team(agent.id)
        return barriers(contact.skills, skills, world.terms(contact), agent.id, team)

    def hindrances(self, agent: AgentState, channel: Channel) -> list[Obstacle]:
        """What keeps her from any contact of the channel now."""
        world = self.world
        capacity = world.capacity.get(agent.id, {})
        return hindrances(agent, channel, capacity, self.now, world.concurrency)

    def obstacles(self, contact: ContactState, agent: AgentState) -> tuple[Obstacle, ...]:
        """Every rule that stands between the two; without one she may be offered it now."""
        world = self.world
        found = self.barriers(contact, agent) + self.hindrances(agent, contact.channel)
        if not contact.sticky:
            found += [
                Obstacle(rule=Rule.RESERVED, queue=queue)
                for queue in world.engine.keepers(agent.id, contact.channel, contact.queue)
            ]
        order = list(Rule)
        unique = dict.fromkeys(sorted(found, key=lambda one: order.index(one.rule)))
        return tuple(unique)

    def look(self, agent: AgentState, obstacles: tuple[Obstacle, ...]) -> Looked:
        return Looked(
            agent=agent.id,
            presence=agent.presence,
            reason=agent.reason,
            since=agent.since,
            obstacles=obstacles,
        )

    # --- an offer -------------------------------------------------------------------------------

    def choice(
        self, contact: ContactState, agent: AgentState, order: Order | None, *, offer: OfferId,
        runner_up: AgentId, freed: bool,
    ) -> Choice:  # fmt: skip
        """Why her, just before the offer is made."""
        queue = self.world.queue(contact.queue)
        others = [
            self.look(other, self._not_chosen(contact, agent, other, order or Order(), freed))
            for other in self.agents()
            if other.id != agent.id
        ]
        instead = [c for c in self._line_of(agent) if c.id != contact.id] if freed else []
        return Choice(
            offer=offer,
            contact=contact.id,
            queue=contact.queue,
            agent=agent.id,
            needs=contact.skills,
            idle_since=agent.idle_since,
            chosen_by=queue.agent_choice if queue else AgentChoice.LONGEST_IDLE,
            alone=contact.sticky == agent.id,
            freed=freed,
            runner_up=runner_up,
            instead=tuple(c.id for c in instead[:LINE_MAX]),
            instead_more=max(0, len(instead) - LINE_MAX),
            others=nearest(others),
            others_more=max(0, len(others) - LOOKED_MAX),
        )

    def _not_chosen(
        self, contact: ContactState, chosen: AgentState, other: AgentState, order: Order,
        freed: bool,
    ) -> tuple[Obstacle, ...]:  # fmt: skip
        found = self.obstacles(contact, other)
        if found:
            return found
        engine = self.world.engine
        stands, hers = engine.standing(chosen.id, order), engine.standing(other.id, order)
        if hers > stands:
            return (Obstacle(rule=Rule.LATER, reason=criterion(stands, hers)),)
        if other.id == contact.passed_by:
            return (Obstacle(rule=Rule.PASSED),)
        return (Obstacle(rule=Rule.LATER, reason=Criterion.FREED),) if freed else ()

    def _line_of(self, agent: AgentState) -> list[ContactState]:
        """What she could be offered now, the first in line first."""
        found = [c for c in self._in_line() if not self.obstacles(c, agent)]
        return sorted(found, key=self.place)

    def _in_line(self) -> Iterable[ContactState]:
        contacts, engine = self.world.state.contacts.values(), self.world.engine
        return [contact for contact in contacts if contact.id in engine]

    def place(self, contact: ContactState) -> tuple[int, Micros, int]:
        """Its place among all that wait; smaller comes first."""
        queue = self.world.queue(contact.queue)
        gone = 0
        if self.world.by_target and queue is not None:
            gone = -used_up(contact.key, queue.target_seconds, self.now)
        return gone, contact.key, contact.order

    # --- a contact that waits -------------------------------------------------------------------

    def waiting(self, contact: ContactState) -> Waiting | None:
        """Why it still waits; None when it does not."""
        if contact.stage not in IN_QUEUE:
            return None
        looked = [self.look(agent, self.obstacles(contact, agent)) for agent in self.agents()]
        ahead = self._ahead(contact)
        upcoming = Upcoming(self.world, self.now)
        return Waiting(
            queue=contact.queue,
            since=contact.since,
            priority=contact.priority,
            needs=contact.skills,
            ahead=tuple(in_line(c) for c in ahead[:LINE_MAX]),
            ahead_more=max(0, len(ahead) - LINE_MAX),
            held_back=tuple(self._held_back(contact)),
            agents=nearest(looked),
            agents_more=max(0, len(looked) - LOOKED_MAX),
            next=tuple(upcoming.of_contact(contact, freed_at(looked))),
        )

    def _ahead(self, contact: ContactState) -> list[ContactState]:
        """Contacts with a better place that somebody on duty could take as well as this one."""
        mine = [a for a in self.agents() if self._on_duty(a) and not self.barriers(contact, a)]
        here, takes = self.place(contact), dict[object, bool]()
        found = []
        for other in self._in_line():
            if other.channel is not contact.channel or self.place(other) >= here:
                continue
            kind = (tuple(sorted(other.skills.items())), self.world.terms(other))
            if kind not in takes:
                takes[kind] = any(not self.barriers(other, agent) for agent in mine)
            if takes[kind]:
                found.append(other)
        return sorted(found, key=self.place)

    @staticmethod
    def _on_duty(agent: AgentState) -> bool:
        return agent.presence is not Presence.LOGGED_OUT

    def _held_back(self, contact: ContactState) -> Iterable[HeldBack]:
        world = self.world
        lost = world.lost_since(contact)
        if lost:
            yield HeldBack(why="owner_lost", until=world.due(Alarm.CONTACT, contact.id) or 0)
        if contact.retry_at > self.now:
            yield HeldBack(why="resting", until=contact.retry_at)
        if contact.stage is Stage.OFFERED and len(contact.live) >= world.width(contact):
            yield HeldBack(why="ringing")

    # --- an agent -------------------------------------------------------------------------------

    def desk(self, agent: AgentState) -> Desk:
        """Why she has no contact now, or this one."""
        waiting = sorted(self._in_line(), key=self.place)
        hers = [c for c in waiting if not self.barriers(c, agent)]
        channels = {c.channel for c in hers} or {Channel.VOICE}
        common = [set(self.hindrances(agent, channel)) for channel in channels]
        shared = set.intersection(*common)
        order = list(Rule)
        others = [c for c in waiting if self.barriers(c, agent)]
        return Desk(
            agent=agent.id,
            presence=agent.presence,
            reason=agent.reason,
            since=agent.since,
            skills=dict(sorted(self.world.skills.get(agent.id, {}).items())),
            contact=in_hand(agent),
            obstacles=tuple(sorted(shared, key=lambda one: order.index(one.rule))),
            line=tuple(in_line(c, self.obstacles(c, agent)) for c in hers[:LINE_MAX]),
            line_more=max(0, len(hers) - LINE_MAX),
            others=tuple(in_line(c, self.obstacles(c, agent)) for c in others[:LINE_MAX]),
            others_more=max(0, len(others) - LINE_MAX),
            next=tuple(self._next_of(agent, others[:LINE_MAX])),
        )

    def _next_of(self, agent: AgentState, others: list[ContactState]) -> list[Due]:
        """What ends by itself for her, and the steps by which what waits may become hers."""
        found = of_agent(self.world, agent, self.now)
        upcoming = Upcoming(self.world, self.now)
        for contact in others:
            for step, ring in upcoming.rings(contact):
                if upcoming.takes(contact, agent, ring):
                    at = due_at(step, contact.planned_from)
                    found.append(Due(at=at, what="becomes_hers", contact=contact.id))
                    break
        return sorted(found, key=lambda due: due.at)


def in_line(contact: ContactState, obstacles: tuple[Obstacle, ...] = ()) -> InLine:
    """A waiting contact in a few words."""
    return InLine(
        contact=contact.id,
        queue=contact.queue,
        since=contact.since,
        priority=contact.priority,
        obstacles=obstacles,
    )


def in_hand(agent: AgentState) -> ContactId:
    """What she works on: rung for, talked with, or wrapped up."""
    works = [work.contact for work in (*agent.segments.values(), *agent.offers.values())]
    works += [wrap_up.contact for wrap_up in agent.wrap_ups.values()]
    return works[0] if works else ContactId("")


def nearest(looked: list[Looked]) -> tuple[Looked, ...]:
    """Who could take it first, then those whom the fewest and the most passing rules keep from it."""

    def far(one: Looked) -> tuple[int, int]:
        lasting = sum(obstacle.rule in FOR_CONTACT for obstacle in one.obstacles)
        return lasting, len(one.obstacles)

    return tuple(sorted(looked, key=far)[:LOOKED_MAX])


def freed_at(looked: Iterable[Looked]) -> list[tuple[AgentId, Micros, str]]:
    """Agents whom only what ends by itself keeps from it: who, when, and by what."""
    found = []
    for one in looked:
        if one.obstacles and all(obstacle.until for obstacle in one.obstacles):
            last = max(one.obstacles, key=lambda obstacle: obstacle.until)
            found.append((one.agent, last.until, last.rule.value))
    return found
