"""The live state as a scene to look ahead from: agents, callers, and who comes in between.

What happens here: agents who can do the same become one *kind* (a bit); what a caller needs becomes
the set of kinds that may take her, now and after each step of her queue's plan. Durations come from
what was seen of each queue, and of all queues together where one has been seen too little.

Why: `routing.lookahead` knows nothing of contacts, offers and presence, and control nothing of how
one looks ahead. Here the one is told in the words of the other, in one place.

Only calls are looked at: while an agent writes a mail she takes calls all the same.
"""

from collections.abc import Iterable, Mapping
from itertools import chain

from callcenter.agents.agent import AgentState
from callcenter.agents.capacity import available, open_channels
from callcenter.control.state import ContactState, Stage
from callcenter.control.world import World
from callcenter.domain.center import Channel, Queue
from callcenter.domain.units import SECOND, AgentId, ContactId, FrontendId, Micros, QueueId
from callcenter.routing.experience import Experience, pooled
from callcenter.routing.lookahead import (
    NEWCOMER,
    Caller,
    Desk,
    Handling,
    Reserve,
    Ring,
    Scene,
    Stream,
    paths_for,
)
from callcenter.routing.place import key_of, worth
from callcenter.routing.plan import Ring as PlanRing
from callcenter.routing.plan import due_at, widened
from callcenter.routing.skills import merge
from callcenter.routing.spread import Law, Slots, Spread
from callcenter.routing.terms import Terms

HALVED_AWAY = 5
"""Halved so often nothing is left."""
CALLERS_MAX = 1000
"""Nobody is told anything who stands further back."""
AGENTS_MAX = 2000
"""With more of them on duty nothing is told: a standby that looks for long takes over late."""

Kind = tuple[tuple[tuple[str, int], ...], str, AgentId]
"""Skills, team, and who she is where somebody asks for her or not for her."""


class Sketch:
    """A scene that is being made. `contacts` and `queues` are whom its callers stand for."""

    def __init__(self, world: World, now: Micros) -> None:
        self.world, self.now = world, now
        self.contacts = waiting_calls(world)[:CALLERS_MAX]
        self.queues = list(world.queues.values())
        self._agents = [a for a in world.state.agents.values() if takes_calls(world, a)]
        self.paths = paths_for(len(self._agents) + len(self.contacts) + len(self.queues))
        self._pool = pooled(list(world.state.experience.values()))
        self._handling: dict[QueueId, Handling] = {}
        self._laws: dict[QueueId, Law] = {}
        self._running = running(world, now)
        self._named = named(self.contacts, self.queues)
        self._kinds: dict[Kind, int] = {}
        self._masks: dict[tuple[tuple[tuple[str, int], ...], Terms], int] = {}
        self._keepers = {
            queue.id: number
            for number, queue in enumerate((q for q in self.queues if q.reserve), 1)
        }

    @property
    def is_too_large(self) -> bool:
        """Are too many agents on duty to look ahead in a fraction of a second?"""
        return len(self._agents) > AGENTS_MAX

    def thin(self, queue: QueueId) -> bool:
        """Was too little seen of this queue to tell of waits in it?"""
        found = self.world.state.experience.get(queue)
        return found is None or found.is_thin

    def scene(self) -> Scene:
        """Callers in the order of `contacts`, then one probe for each of `queues`."""
        for agent in self.world.state.agents.values():
            self._kind(agent)  # who is not on duty counts for places, if for nothing else
        positions = self.world.positions
        desks = tuple(self._desk(positions[agent.id], agent) for agent in self._agents)
        callers = [self._caller(contact) for contact in self.contacts]
        probes = [self._probe(n, queue) for n, queue in enumerate(self.queues)]
        return Scene(
            self.now,
            self.paths,
            desks,
            (*callers, *probes),
            tuple(self._streams()),
            tuple(self._reserves()),
        )

    # --- durations ----------------------------------------------------------------------------

    def _experience(self, queue: QueueId) -> Experience:
        found = self.world.state.experience.get(queue)
        return self._pool if found is None or found.is_thin else found

    def _talk(self, queue: QueueId) -> Law:
        """How long calls of this queue last; those that last still are heard, too."""
        found = self._laws.get(queue)
        if found is None:
            seen = self._experience(queue)
            still = self._running if seen is self._pool else {queue: self._running.get(queue, [])}
            cut_off = Spread()
            for span in chain.from_iterable(still.values()):
                cut_off.add(span)
            for _ in range(min(seen.talk.halved, HALVED_AWAY)):
                cut_off.halve()
            found = self._laws[queue] = seen.talk.law(cut_off)
        return found

    def _wrap(self, queue: QueueId, elapsed: Micros = 0) -> Slots:
        """Work after a call of this queue: as seen, else as long as the queue gives for it."""
        config = self.world.queue(queue)
        most = config.wrap_up_seconds * SECOND if config else 0
        seen = self._experience(queue).wrap
        if not most or seen.is_thin:
            return (float(max(0, most - elapsed)),) * self.paths
        return seen.slots(self.paths, elapsed)

    def handling(self, queue: QueueId) -> Handling:
        """What a call of this queue takes of an agent's time."""
        found = self._handling.get(queue)
        if found is None:
            seen = self._experience(queue)
            found = self._handling[queue] = Handling(
                seen.ring.slots(self.paths), self._talk(queue).slots(self.paths), self._wrap(queue)
            )
        return found

    # --- agents -------------------------------------------------------------------------------

    def _kind(self, agent: AgentState) -> int:
        """The bit for everybody who can do the same."""
        skills = tuple(sorted(self.world.skills[agent.id].items()))
        name = agent.id if agent.id in self._named else AgentId("")
        kind = (skills, self.world.team(agent.id), name)
        return self._kinds.setdefault(kind, len(self._kinds))

    def _desk(self, seed: int, agent: AgentState) -> Desk:
        kind, rest = self._kind(agent), max(0, agent.rest_until - self.now)
        open_to_her = open_channels(agent, self.world.capacity[agent.id], self.world.concurrency)
        if Channel.VOICE in open_to_her:
            return Desk(kind, seed, (), rest)
        work = [*self._offers(agent), *self._talks(agent)]
        longest = max(work, key=lambda spans: sum(map(sum, spans)), default=())
        if work or not agent.wrap_ups:
            return Desk(kind, seed, longest, rest)
        last = max(agent.wrap_ups.values(), key=lambda wrap_up: wrap_up.until)
        remains = self._wrap(last.queue, self.now - last.since)
        return Desk(kind, seed, (remains,), rest, float(max(0, last.until - self.now)))

    def _offers(self, agent: AgentState) -> Iterable[tuple[Slots, ...]]:
        """The phone rings, and she will have the whole call before her."""
        state = self.world.state
        for offer in agent.offers:
            made, contact = (
                state.offers[offer].made,
                state.contacts.get(state.offers[offer].contact),
            )
            queue = contact.queue if contact else QueueId("")
            rings = self._experience(queue).ring.slots(self.paths, self.now - made)
            if contact and offer != contact.offer:
                yield (rings,)  # several phones ring for one call, and one of them will have it
                continue
            _, talk, wrap = self.handling(queue)
            yield rings, talk, wrap

    def _talks(self, agent: AgentState) -> Iterable[tuple[Slots, ...]]:
        for segment in agent.segments:
            found = self.world.state.segments[segment]
            if found.channel in (Channel.VOICE, Channel.CHAT):
                elapsed = max(0, self.now - found.since)
                yield self._talk(found.queue).slots(self.paths, elapsed), self._wrap(found.queue)

    # --- callers ------------------------------------------------------------------------------

    def _mask(self, skills: Mapping[str, int], terms: Terms) -> int:
        """The kinds of agents who may take somebody who needs this."""
        key = (tuple(skills.items()), terms)
        found = self._masks.get(key)
        if found is None:
            found = sum(1 << bit for kind, bit in self._kinds.items() if may(kind, skills, terms))
            self._masks[key] = found
        return found

    def _caller(self, contact: ContactState) -> Caller:
        queue = self.world.queue(contact.queue)
        rings, leaves = self._rings(contact, queue)
        waited = max(0, self.now - contact.since)
        return Caller(
            contact.order,
            rings,
            self.handling(contact.queue),
            self._experience(contact.queue).patience.slots(self.paths, waited),
            leaves,
            self._target(queue),
            self._keepers.get(contact.queue, 0),
        )

    def _target(self, queue: Queue | None) -> int:
        return queue.target_seconds if queue and self.world.by_target else 0

    def _probe(self, number: int, queue: Queue) -> Caller:
        """Somebody who would come to this queue now and needs nothing of her own."""
        newcomer = ContactState(
            id=ContactId(""),
            channel=Channel.VOICE,
            frontend=FrontendId(""),
            arrived=self.now,
            queue=queue.id,
            skills=dict(queue.skills),
            priority=queue.priority,
            since=self.now,
            key=key_of(
                self.now,
                queue.priority,
                queue.ageing_seconds,
                self.world.state.center.contact_choice,
            ),
            order=NEWCOMER // 2 + number,
            expires=self.now + queue.wait_seconds_max * SECOND,
            entered=self.now,
        )
        return self._caller(newcomer)._replace(probe=True)

    def _rings(self, contact: ContactState, queue: Queue | None) -> tuple[tuple[Ring, ...], float]:
        """Who may take her, now and later, and when the queue lets her go."""
        terms = self.world.terms(contact)
        ring = PlanRing(contact.skills, contact.agents, contact.teams, contact.priority)
        leaves = float(max(0, contact.expires - self.now))
        free_at = max(0, contact.sticky_until - self.now) if contact.sticky else 0
        key, rings = contact.key, [self._ring(0, ring, terms, contact.key, contact.order)]
        for step in queue.plan.steps if queue else ():
            if step.after_seconds <= contact.stepped:
                continue
            due = max(0, due_at(step, contact.planned_from) - self.now)
            if step.exit:
                leaves = min(leaves, float(due))
                break
            later = self._after_step(ring, step.queue, contact) if step.queue else None
            later = later or widened(ring, step)
            key -= (later.priority - ring.priority) * self._worth(queue)
            ring = later
            alone = terms if due < free_at else terms._replace(only=AgentId(""))
            rings.append(self._ring(due, ring, alone, key, contact.order))
        if free_at:
            last = [r for r in rings if r.at <= free_at][-1]
            rings = [r for r in rings if r.at <= free_at]
            released = terms._replace(only=AgentId(""))
            rings.append(self._ring(free_at, ring, released, last.place[0], contact.order))
        return tuple(rings), leaves

    def _after_step(self, ring: PlanRing, queue: QueueId, contact: ContactState) -> PlanRing | None:
        """She goes on waiting in another queue: it counts what that one asks for."""
        target = self.world.queues.get(queue)
        if target is None:
            return None
        return ring._replace(skills=merge(target.skills, contact.asked), agents=(), teams=())

    def _worth(self, queue: Queue | None) -> Micros:
        choice = self.world.state.center.contact_choice
        return worth(queue.ageing_seconds if queue else 0, choice)

    def _ring(self, at: Micros, ring: PlanRing, terms: Terms, key: Micros, order: int) -> Ring:
        asked = Terms(ring.teams, (*ring.agents, *terms.agents), terms.excluded, terms.only)
        return Ring(at, self._mask(ring.skills, asked), (key, order))

    # --- who comes in between -----------------------------------------------------------------

    def _streams(self) -> Iterable[Stream]:
        """Of every queue and priority that callers have come to lately."""
        for number, queue in enumerate(self.queues):
            seen = self.world.state.experience.get(queue.id)
            for priority, rate in seen.arrivals.items() if seen else ():
                yield Stream(
                    11 * number + priority,
                    rate.every(self.now),
                    priority * self._worth(queue),
                    self._mask(queue.skills, Terms(excluded=queue.excluded)),
                    self.handling(queue.id),
                    self._experience(queue.id).patience.slots(self.paths),
                    self._target(queue),
                    self._keepers.get(queue.id, 0),
                )

    def _reserves(self) -> Iterable[Reserve]:
        for queue in self.queues:
            if queue.reserve:
                kinds = self._mask(queue.skills, Terms())
                yield Reserve(self._keepers[queue.id], kinds, queue.reserve)


def waiting_calls(world: World) -> list[ContactState]:
    """Calls for which no phone rings yet, in the order of their places."""
    state = world.state
    found = [
        contact
        for contact in state.contacts.values()
        if contact.stage is Stage.WAITING
        and contact.channel is Channel.VOICE
        and not (contact.calls_back and contact.retry_at > state.now)  # nobody's rival yet
        and not world.lost_since(contact)
    ]
    return sorted(found, key=lambda contact: (contact.key, contact.order))


def running(world: World, now: Micros) -> dict[QueueId, list[Micros]]:
    """How long the calls that are talked in last already, by queue."""
    found: dict[QueueId, list[Micros]] = {}
    for segment in world.state.segments.values():
        if segment.channel is Channel.VOICE:
            found.setdefault(segment.queue, []).append(max(0, now - segment.since))
    return found


def takes_calls(world: World, agent: AgentState) -> bool:
    """Is she there for calls, now or as soon as she is done?"""
    return agent.id in world.agents and available(agent)


def named(contacts: Iterable[ContactState], queues: Iterable[Queue]) -> frozenset[AgentId]:
    """Agents who are not like others of their skills to somebody who waits or may come."""
    found: set[AgentId] = set()
    for contact in contacts:
        found.update(contact.agents, contact.excluded, (contact.sticky,))
    for queue in queues:
        found.update(queue.excluded)
        for step in queue.plan.steps:
            found.update(step.agents)
    return frozenset(found)


def may(kind: Kind, skills: Mapping[str, int], terms: Terms) -> bool:
    """May agents of this kind take somebody who needs these skills on these terms?"""
    known, team, name = kind
    if name in terms.excluded or (terms.only and terms.only != name):
        return False
    if name in terms.agents or team in terms.teams:
        return True
    able = dict(known)
    return all(able.get(skill, 0) >= level for skill, level in skills.items())
