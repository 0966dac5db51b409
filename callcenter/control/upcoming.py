"""What happens next, and when: for a contact that waits and for an agent.

Why: the deadlines are those that the timers of control keep (`indexes.due`) and the steps are those
that the plan takes (`routing/plan.py`); here they are only told ahead of time.
"""

from collections.abc import Iterator

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.agents.presence import pause_ends
from callcenter.control.plans import ring_of
from callcenter.control.state import ContactState
from callcenter.control.timers import Alarm
from callcenter.control.world import DEAD_OWNER_SECONDS, World
from callcenter.domain.calendar import is_open, next_change
from callcenter.domain.center import PlanStep
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, OfferId, QueueId
from callcenter.routing.explain import barriers
from callcenter.routing.plan import Ring, due_at, widened

GAINS_MAX = 20
"""Agents told whom a step brings in."""


class Due(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that will happen unless something else comes first.

    `what`: `retry` (it is offered again), `ring_ends`, `released` (it waits for one agent alone no
    more), `step` (its ring widens), `overflow` (it moves to `queue`), `leaves` (its flow goes on
    at `exit`), `given_up` (its owner did not return), `agent_free`, `wrap_up_ends`, `rest_ends`,
    `pause_ends`, `certificate` (one of hers is warned of or expires), `becomes_hers` (a step lets
    her take `contact`), `closes`, `opens` (the queue, by its calendar; who waits stays).
    """

    at: Micros
    what: str
    agent: AgentId = AgentId("")
    contact: ContactId = ContactId("")
    queue: QueueId = QueueId("")
    exit: str = ""
    rule: str = ""
    """What ends when an agent is free again."""
    skills: dict[str, int] = {}
    """What is needed after the step."""
    priority: int = 0
    gains: tuple[AgentId, ...] = ()
    """Who could take it after the step, and cannot now."""
    gains_more: int = 0


class Upcoming:
    """What is ahead in one world."""

    def __init__(self, world: World, now: Micros) -> None:
        self.world = world
        self.now = now

    def of_contact(
        self, contact: ContactState, freed: list[tuple[AgentId, Micros, str]]
    ) -> list[Due]:
        """Everything that is known to come, the nearest first. Whose owner is gone is offered to
        nobody and follows no plan: it is taken back, or given up."""
        world = self.world
        if world.lost_since(contact):
            given_up = world.due(Alarm.CONTACT, contact.id)
            return [Due(at=given_up, what="given_up")] if given_up else []
        found = [*self._own(contact), *self._steps(contact), *self._doors(contact)]
        found += [
            Due(at=at, what="agent_free", agent=agent, rule=rule) for agent, at, rule in freed
        ]
        return sorted(found, key=lambda due: due.at)

    def _own(self, contact: ContactState) -> Iterator[Due]:
        """What its own timers say."""
        world = self.world
        for offer in contact.live:
            standing = world.state.offers[offer]
            yield Due(at=ring_end(world, offer), what="ring_ends", agent=standing.agent)
        if contact.retry_at > self.now:
            yield Due(at=contact.retry_at, what="retry")
        if contact.sticky:
            yield Due(at=contact.sticky_until, what="released", agent=contact.sticky)
        yield Due(at=contact.expires, what="leaves", exit="timeout")

    def rings(self, contact: ContactState) -> Iterator[tuple[PlanStep, Ring]]:
        """The steps that are left of its plan, each with the ring after it."""
        queue = self.world.queue(contact.queue)
        ring = ring_of(contact)
        for step in queue.plan.steps if queue else ():
            if step.after_seconds <= contact.stepped:
                continue
            ring = widened(ring, step)
            yield step, ring

    def takes(self, contact: ContactState, agent: AgentState, ring: Ring) -> bool:
        """Would she be in the contact's ring, were it this one?"""
        world = self.world
        terms = world.terms(contact)._replace(
            agents=ring.agents, teams=ring.teams, only=AgentId("")
        )
        skills, team = world.skills.get(agent.id, {}), world.team(agent.id)
        return not barriers(ring.skills, skills, terms, agent.id, team)

    def _steps(self, contact: ContactState) -> Iterator[Due]:
        before = self._able(contact, ring_of(contact))
        for step, ring in self.rings(contact):
            at = due_at(step, contact.planned_from)
            if step.exit:
                yield Due(at=at, what="leaves", exit=step.exit)
                return
            if step.queue:
                yield Due(at=at, what="overflow", queue=step.queue)
                return
            able = self._able(contact, ring)
            gains = [agent for agent in able if agent not in before]
            yield Due(
                at=at,
                what="step",
                skills=ring.skills,
                priority=ring.priority,
                gains=tuple(gains[:GAINS_MAX]),
                gains_more=max(0, len(gains) - GAINS_MAX),
            )
            before = able

    def _able(self, contact: ContactState, ring: Ring) -> dict[AgentId, None]:
        """Everybody in such a ring, at work or not."""
        agents = self.world.state.agents.values()
        return {agent.id: None for agent in agents if self.takes(contact, agent, ring)}

    def _doors(self, contact: ContactState) -> Iterator[Due]:
        queue = self.world.queue(contact.queue)
        calendar = self.world.calendars.get(queue.calendar) if queue else None
        if queue is None or calendar is None or queue.id in self.world.state.doors:
            return
        change = next_change(calendar, self.now)
        if change is not None:
            opens = not is_open(calendar, self.now)
            yield Due(at=change, what="opens" if opens else "closes", queue=queue.id)


def ring_end(world: World, offer: OfferId) -> Micros:
    """When the phone of an open offer stops ringing by itself."""
    found = world.state.offers[offer]
    document = world.state.contacts[found.contact].document
    return found.until - (0 if document else DEAD_OWNER_SECONDS * SECOND)


def of_agent(world: World, agent: AgentState, now: Micros) -> list[Due]:
    """What ends by itself for an agent."""
    found = [
        Due(at=wrap_up.until, what="wrap_up_ends", contact=wrap_up.contact)
        for wrap_up in agent.wrap_ups.values()
    ]
    for offer, work in agent.offers.items():
        found.append(Due(at=ring_end(world, offer), what="ring_ends", contact=work.contact))
    if agent.rest_until > now:
        found.append(Due(at=agent.rest_until, what="rest_ends"))
    pause = pause_ends(agent)
    if pause:
        found.append(Due(at=pause, what="pause_ends"))
    certificate = world.due(Alarm.CERTIFICATE, agent.id)
    if certificate:
        found.append(Due(at=certificate, what="certificate"))
    return found
