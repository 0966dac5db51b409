"""Who could take this if trained, and which training would help most.

`if_trained` lists, for one need, those who cannot serve it now, the nearest first. `report` looks at
a whole demand: for each skill and level that was asked for, how much of the demand needs it, who has
it, what nobody could serve, and whom to train: the agent who lacks nothing else comes first.

Why: a caller who waits although somebody is idle waits for a skill. Two skills per person already
give almost all that knowing everything gives, so the question is never "train everybody" but "which
one, in what".

Sources: Wallace and Whitt 2005 (two skills per agent are almost as good as all).
"""

from collections.abc import Iterable, Mapping

import msgspec

from callcenter.domain.units import AgentId

Skills = Mapping[str, int]
TRAINEES_SHOWN = 5


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who could take it, had she these proficiencies."""

    agent: AgentId
    missing: dict[str, int]
    """Skill and the proficiency she needs."""
    steps: int
    """Proficiency steps to be gained, over all missing skills."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """So many contacts (or minutes of them) needed this."""

    skills: dict[str, int]
    amount: int = 1


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One proficiency that is asked for."""

    skill: str
    level: int
    amount: int
    """Of the demand that needs it."""
    able: tuple[AgentId, ...]
    unserved: int
    """Of that demand nobody at all can serve now."""
    trainees: tuple[AgentId, ...]
    """Whom to train in it, the most useful first."""
    opened: int
    """What nobody can serve now and the first of them could then."""
    shared: int
    """What others can serve already, and the first of them could then, too."""


def missing(needs: Skills, skills: Skills) -> dict[str, int]:
    """What somebody lacks for a need, by skill."""
    return {skill: level for skill, level in needs.items() if skills.get(skill, 0) < level}


def if_trained(needs: Skills, people: Mapping[AgentId, Skills]) -> list[Candidate]:
    """Those who cannot serve this need yet: fewest skills missing first, then fewest steps."""
    found = []
    for agent, skills in people.items():
        lacks = missing(needs, skills)
        if lacks:
            steps = sum(level - skills.get(skill, 0) for skill, level in lacks.items())
            found.append(Candidate(agent=agent, missing=lacks, steps=steps))
    return sorted(found, key=lambda one: (len(one.missing), one.steps, one.agent))


def report(demand: Iterable[Demand], people: Mapping[AgentId, Skills]) -> list[Gap]:
    """The gaps of a demand: what nobody can serve first, then what most of it needs."""
    asked = list(demand)
    wanted = sorted({pair for one in asked for pair in one.skills.items()})
    gaps = [gap_of(skill, level, asked, people) for skill, level in wanted]
    return sorted(gaps, key=lambda gap: (-gap.unserved, -gap.amount, gap.skill, gap.level))


def gap_of(skill: str, level: int, asked: list[Demand], people: Mapping[AgentId, Skills]) -> Gap:
    concerned = [one for one in asked if one.skills.get(skill, 0) == level]
    able = tuple(sorted(a for a, skills in people.items() if skills.get(skill, 0) >= level))
    lost = [
        one for one in concerned if all(missing(one.skills, skills) for skills in people.values())
    ]
    opens = {a: could_then(a, skill, lost, people) for a in people if a not in able}
    gains = {a: could_then(a, skill, concerned, people) for a in opens}
    ranked = sorted(gains, key=lambda a: (-opens[a], -gains[a], level - people[a].get(skill, 0), a))
    first = ranked[0] if ranked else AgentId("")
    return Gap(
        skill=skill,
        level=level,
        amount=sum(one.amount for one in concerned),
        able=able,
        unserved=sum(one.amount for one in lost),
        trainees=tuple(ranked[:TRAINEES_SHOWN]),
        opened=opens.get(first, 0),
        shared=gains.get(first, 0) - opens.get(first, 0),
    )


def could_then(
    agent: AgentId, skill: str, demand: list[Demand], people: Mapping[AgentId, Skills]
) -> int:
    """How much of a demand she lacks only this skill for."""
    return sum(one.amount for one in demand if set(missing(one.skills, people[agent])) == {skill})
