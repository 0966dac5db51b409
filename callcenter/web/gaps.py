"""Who could take a contact if trained, and which training a queue lacks most.

What happens here: needs come from the folds (a contact that waits; the visits of a queue today),
people with what they can now from there too; `routing/gaps.py` lays one beside the other.

Why: who has to decide about training wants names and numbers, not skills: this many callers of
today needed that, nobody can, and she is the nearest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from callcenter.domain.center import Queue
from callcenter.domain.commands import Presence
from callcenter.domain.units import AgentId, Micros
from callcenter.records.day import as_time
from callcenter.records.live import LiveState
from callcenter.records.live_state import LiveContact
from callcenter.routing.gaps import Demand, if_trained, missing, report

CANDIDATES_SHOWN = 50


class CandidateView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who could take it, had she these proficiencies."""

    agent: str
    name: str
    presence: str
    missing: dict[str, int]
    """Skill and the proficiency it takes."""
    steps: int
    """Proficiency to be gained, over all of them."""


class AbleView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can take it as she is."""

    agent: str
    name: str
    presence: str
    reachable: bool


class IfTrained(msgspec.Struct, frozen=True, kw_only=True):
    """One waiting contact: who can take it, and who could if trained, the nearest first."""

    at: datetime
    contact: str
    queue: str
    needs: dict[str, int]
    able: list[AbleView]
    candidates: list[CandidateView]


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    """One proficiency that a queue asks for. Counts are visits of today."""

    skill: str
    level: int
    amount: int
    """Visits that needed it."""
    unserved: int
    """Of these, visits that nobody can serve at all."""
    able: list[str]
    """Agents who have it."""
    trainees: list[str]
    """Whom to train in it, the most useful first."""
    opened: int
    """Visits that nobody can serve now, and the first of them could then."""
    shared: int
    """Visits that others can serve already, and the first of them could then, too."""


class QueueGaps(msgspec.Struct, frozen=True, kw_only=True):
    """The gaps of one queue: what nobody can serve first, then what most of its visits needed."""

    queue: str
    title: str
    visits: int
    """Today; `since` is its midnight."""
    since: datetime
    gaps: list[GapView]


class SkillGaps(msgspec.Struct, frozen=True, kw_only=True):
    """The gap report: all agents of the configuration, or only those who are logged in."""

    at: datetime
    here: bool
    queues: list[QueueGaps]


def _people(live: LiveState, *, here: bool = False) -> dict[AgentId, dict[str, int]]:
    """What everybody can now; `here`: only those who are logged in."""
    agents = live.data.agents
    return {
        agent: skills
        for agent, skills in live.skills.items()
        if not here or (agent in agents and agents[agent].presence is not Presence.LOGGED_OUT)
    }


def contact_if_trained(live: LiveState, contact: LiveContact, now: Micros) -> IfTrained:
    """Who can take `contact`, and who could."""
    people = _people(live)
    able = [agent for agent, skills in people.items() if not missing(contact.skills, skills)]
    return IfTrained(
        at=as_time(now),
        contact=contact.id,
        queue=contact.queue,
        needs=contact.skills,
        able=[
            AbleView(
                agent=agent,
                name=live.people[agent].name,
                presence=_presence(live, agent),
                reachable=bool(live.data.agents[agent].reachable_by),
            )
            for agent in able[:CANDIDATES_SHOWN]
        ],
        candidates=[
            CandidateView(
                agent=one.agent,
                name=live.people[one.agent].name,
                presence=_presence(live, one.agent),
                missing=one.missing,
                steps=one.steps,
            )
            for one in if_trained(contact.skills, people)[:CANDIDATES_SHOWN]
        ],
    )


def _presence(live: LiveState, agent: AgentId) -> str:
    return live.data.agents[agent].presence.value


@dataclass(frozen=True)
class Question:
    """What the report is made of, taken from the folds at one moment."""

    at: Micros
    here: bool
    people: dict[AgentId, dict[str, int]]
    queues: list[tuple[Queue, Micros, list[Demand]]]
    """Each with its midnight and what was needed there since."""


def question(live: LiveState, queues: Iterable[Queue], now: Micros, *, here: bool) -> Question:
    """Take what the report of `queues` needs; it is then made apart from the folds."""
    asked = []
    for queue in queues:
        demand = [Demand(skills=needs, amount=count) for needs, count in live.asked(queue.id)]
        found = live.data.queues.get(queue.id)
        asked.append((queue, found.day_start if found else 0, demand))
    return Question(at=now, here=here, people=_people(live, here=here), queues=asked)


def skill_gaps(asked: Question) -> SkillGaps:
    """The gaps of each queue. Takes seconds for thousands of agents and hundreds of needs."""
    return SkillGaps(
        at=as_time(asked.at),
        here=asked.here,
        queues=[
            _queue_gaps(queue, since, demand, asked.people) for queue, since, demand in asked.queues
        ],
    )


def _queue_gaps(
    queue: Queue, since: Micros, demand: list[Demand], people: dict[AgentId, dict[str, int]]
) -> QueueGaps:
    """What the queue asks for by itself is told too, though nobody came."""
    return QueueGaps(
        queue=queue.id,
        title=queue.title,
        visits=sum(one.amount for one in demand),
        since=as_time(since),
        gaps=[
            GapView(
                skill=gap.skill,
                level=gap.level,
                amount=gap.amount,
                unserved=gap.unserved,
                able=list(gap.able),
                trainees=list(gap.trainees),
                opened=gap.opened,
                shared=gap.shared,
            )
            for gap in report([*demand, Demand(skills=queue.skills, amount=0)], people)
        ],
    )
