"""What changes for a contact while it waits: the timeline of its queue.

A step is due when the contact has waited `after_seconds` in this queue. Its ring becomes wider: it
needs less, or more people may take it. Place and key are kept; only a raised priority moves it, and
only forward. A step to another queue or to an exit is the last one.

Steps are found by the waiting they ask for, not by their number: when the plan is edited while
somebody waits, she goes on with the first step that is later than the last she took.

Why: one notation says what elsewhere are rings, penalties, steps, targets with timeouts and vectors;
and because it is data, it can be checked for what nobody could ever take before it is in force.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from callcenter.domain.center import PRIORITY_MAX, Agent, Plan, PlanStep, Queue
from callcenter.domain.units import SECOND, AgentId, Micros

Name = TypeVar("Name", bound=str)

STEPS_MAX = 20
NO_STEP = -1
"""`after_seconds` of the last step before the first one."""


class Ring(NamedTuple):
    """Who may take a contact now, beside those who are excluded."""

    skills: dict[str, int]
    agents: tuple[AgentId, ...]
    teams: tuple[str, ...]
    priority: int


def next_step(plan: Plan, taken: int) -> PlanStep | None:
    """The first step that asks for more waiting than the last one taken."""
    return next((step for step in plan.steps if step.after_seconds > taken), None)


def due_at(step: PlanStep, entered: Micros) -> Micros:
    """When the step is due for a contact that entered the queue then."""
    return entered + step.after_seconds * SECOND


def widened(ring: Ring, step: PlanStep) -> Ring:
    """The ring after a step. A level is only ever lowered, never raised."""
    skills = {
        skill: min(level, step.lower.get(skill, level))
        for skill, level in ring.skills.items()
        if skill not in step.drop
    }
    return Ring(
        skills,
        joined(ring.agents, step.agents),
        joined(ring.teams, step.teams),
        min(ring.priority + step.raise_priority, PRIORITY_MAX),
    )


def joined(one: Iterable[Name], other: Iterable[Name]) -> tuple[Name, ...]:
    """Both, each name once, in a fixed order."""
    return tuple(sorted({*one, *other}))


def rings(queue: Queue) -> list[Ring]:
    """Every ring that a contact without needs of its own lives through in this queue."""
    ring = Ring(dict(queue.skills), (), (), queue.priority)
    found = [ring]
    for step in queue.plan.steps:
        ring = widened(ring, step)
        found.append(ring)
    return found


def may_take(ring: Ring, agent: Agent, skills: Mapping[str, int], queue: Queue) -> bool:
    """Is this agent in the ring?"""
    if agent.id in queue.excluded:
        return False
    named = agent.id in ring.agents or (agent.team != "" and agent.team in ring.teams)
    return named or all(skills.get(skill, 0) >= level for skill, level in ring.skills.items())
