"""Is the plan of a queue one that somebody can be served by?

Refused, with the place and the remedy: names that nobody has, steps that come in no order or change
nothing, overflow that goes round in a circle, and a plan by which nobody can ever be served. Only
warned of: a queue whose people are not there (yet).

Why: what nobody can ever match is found here in a moment, or there by a caller who waits half an
hour. Skills that training has granted count, so a center is judged with the people as they are.
"""

from collections.abc import Iterable, Mapping

from callcenter.domain.center import (
    CAPACITY_DEFAULT,
    PRIORITY_MAX,
    PROFICIENCY_MAX,
    Agent,
    Center,
    Channel,
    PlanStep,
    Queue,
)
from callcenter.domain.events import QueueExit
from callcenter.domain.skills import Qualification, effective
from callcenter.domain.units import AgentId, QueueId
from callcenter.routing.plan import STEPS_MAX, Ring, may_take, rings
from callcenter.routing.skills import merge

WAIT_MAX = 2_592_000
STICKY_MAX = 3_600
EXITS = tuple(way.value for way in QueueExit if way is not QueueExit.ANSWERED)
REMEDY = "train them, or lower what the queue needs by a step of its plan"

NAMED_MAX = 5
"""People named in one warning; the others are counted."""

People = Mapping[AgentId, Qualification]


def plan_problems(center: Center, people: People | None) -> list[str]:
    """Everything wrong with the plans of a center, in words.

    Without the journal (`people` is None) nobody knows what training has granted, so whether
    anybody can ever be served is not judged then.
    """
    problems = [f"queue {q.id}: {p}" for q in center.queues for p in queue_problems(q, center)]
    problems += circles(center)
    if people is None:
        return problems
    for queue in center.queues:
        if queue.plan.steps and center.agents and not can_be_served(queue, center, people):
            problems.append(
                f"queue {queue.id}: plan: none of the {len(center.agents)} agents can serve any of "
                f"its rings; {REMEDY}"
            )
    return problems


def plan_warnings(center: Center, people: People) -> list[str]:
    """What may be taken, but should be looked at."""
    warnings = []
    for queue in center.queues:
        first, *wider = rings(queue)
        able = len(everybody(first, queue, center, people))
        if not able and not any(everybody(ring, queue, center, people) for ring in wider):
            warnings.append(f"queue {queue.id}: {nobody_able(queue, center)}")
        elif 0 < able <= queue.reserve:
            warnings.append(
                f"queue {queue.id}: reserve {queue.reserve} keeps all {able} agents who could serve "
                "it from every other queue; lower it"
            )
        warnings += overflow_warnings(queue, center, people)
    return warnings


def nobody_able(queue: Queue, center: Center) -> str:
    """Why nobody can serve it, and what to do. A file does not tell who has a certificate."""
    certified = [skill for skill in queue.skills if skill in center.certified]
    if certified:
        return (
            f"as far as can be told here, nobody has a certificate for {', '.join(certified)}; "
            "record the training with `callcenter agent train`"
        )
    return "nobody is configured who could serve it; add an agent with its skills"


def certificate_warnings(center: Center, people: People | None) -> list[str]:
    """Agents who have a skill in the file that counts only with a certificate, and not that.

    Without the journal (`people` is None) it is told by the skill, since nobody knows there who has
    one; and only where no queue says so already."""
    warnings = []
    for skill in center.certified:
        having = [agent.id for agent in center.agents if skill in agent.skills]
        if people is None:
            needed = any(skill in queue.skills for queue in center.queues)
            if having and not needed:
                warnings.append(
                    f"skill {skill}: counts only with a certificate; `callcenter agent certificates` "
                    f"tells whether {listed(having)} have one"
                )
            continue
        lacking = [name for name in having if not certified(people.get(name), skill)]
        if lacking:
            owner = f"agent {lacking[0]}" if len(lacking) == 1 else f"agents {listed(lacking)}"
            warnings.append(
                f"{owner}: skill {skill} counts only with a certificate that is valid, and there is "
                "none; record the training with `callcenter agent train`"
            )
    return warnings


def certified(found: Qualification | None, skill: str) -> bool:
    """Is there a certificate for it that has not expired?"""
    certificate = found.certificates.get(skill) if found else None
    return certificate is not None and not certificate.expired


def listed(names: list[AgentId]) -> str:
    """The first few of them."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return ", ".join(names[:NAMED_MAX]) + more


def overflow_warnings(queue: Queue, center: Center, people: People) -> list[str]:
    """Where a contact flows to people who take no contacts of its channel."""
    number = len(queue.plan.steps)
    step = queue.plan.steps[-1] if number else None
    target = next((q for q in center.queues if step and q.id == step.queue), None)
    if step is None or target is None:
        return []
    here, there = channels(queue, center, people), channels(target, center, people)
    return [
        f"queue {queue.id}: plan: step {number} (after {step.after_seconds} s): overflow goes to "
        f"{target.id!r}, where nobody takes {channel}; give somebody there the capacity for it"
        for channel in Channel
        if there and channel in here - there
    ]


def channels(queue: Queue, center: Center, people: People) -> set[Channel]:
    """What those who can serve a queue take at all."""
    able = set().union(*(everybody(ring, queue, center, people) for ring in rings(queue)))
    return {
        channel
        for agent in center.agents
        if agent.id in able
        for channel, most in {**CAPACITY_DEFAULT, **center.capacity, **agent.capacity}.items()
        if most
    }


def queue_problems(queue: Queue, center: Center) -> list[str]:
    """What is wrong with one queue's names and steps."""
    skills: set[str] = set(center.skills)
    agents: set[str] = {agent.id for agent in center.agents}
    problems = levels_wrong("preferred", queue.preferred, skills)
    problems += unknown("excluded: agent", queue.excluded, agents)
    plan = queue.plan
    if not 0 <= plan.sticky_seconds <= STICKY_MAX:
        problems.append(
            f"plan: sticky_seconds {plan.sticky_seconds} is not within 0 to {STICKY_MAX}"
        )
    if len(plan.steps) > STEPS_MAX:
        problems.append(f"plan: {len(plan.steps)} steps are too many; at most {STEPS_MAX}")
    last = 0
    for number, step in enumerate(plan.steps, 1):
        place = f"plan: step {number} (after {step.after_seconds} s)"
        problems += [f"{place}: {p}" for p in step_problems(step, last, center)]
        if (step.queue or step.exit) and number < len(plan.steps):
            problems.append(f"{place}: the contact leaves here; remove the steps after it")
        if step.queue == queue.id:
            problems.append(f"{place}: overflow goes to the queue itself; name another one")
        last = step.after_seconds
    return problems


def step_problems(step: PlanStep, last: int, center: Center) -> list[str]:
    """What is wrong with one step; `last` is the waiting the one before asks for."""
    skills = set(center.skills)
    teams = {agent.team for agent in center.agents if agent.team}
    problems = []
    if not last < step.after_seconds <= WAIT_MAX:
        problems.append(f"must come later than {last} s, and within {WAIT_MAX} s")
    problems += unknown("drop: skill", step.drop, skills)
    problems += levels_wrong("lower", step.lower, skills)
    problems += unknown("agent", step.agents, {agent.id for agent in center.agents})
    problems += unknown("team", step.teams, teams)
    if not 0 <= step.raise_priority <= PRIORITY_MAX:
        problems.append(f"raise_priority {step.raise_priority} is not within 0 to {PRIORITY_MAX}")
    if step.queue:
        problems += unknown("queue", (step.queue,), {queue.id for queue in center.queues})
    if step.exit:
        problems += unknown("exit", (step.exit,), set(EXITS))
    widens = (step.drop, step.lower, step.agents, step.teams, step.raise_priority)
    if (step.queue and step.exit) or ((step.queue or step.exit) and any(widens)):
        problems.append("does more than one thing; widen the ring in an earlier step")
    if not (step.queue or step.exit or any(widens)):
        problems.append("changes nothing; remove it")
    return problems


def unknown(what: str, names: Iterable[str], known: set[str]) -> list[str]:
    listed = ", ".join(sorted(known)) or "none"
    return [f"{what} {n!r} is not known; known: {listed}" for n in names if n not in known]


def levels_wrong(what: str, levels: Mapping[str, int], skills: set[str]) -> list[str]:
    return unknown(f"{what}: skill", levels, skills) + [
        f"{what}: {skill!r} {level} is not within 1 to {PROFICIENCY_MAX}"
        for skill, level in levels.items()
        if not 1 <= level <= PROFICIENCY_MAX
    ]


def circles(center: Center) -> list[str]:
    """Overflow that leads back to where it began, each circle told once."""
    onward: dict[QueueId, QueueId] = {
        queue.id: step.queue for queue in center.queues for step in queue.plan.steps if step.queue
    }
    found: dict[frozenset[QueueId], str] = {}
    for begin in onward:
        path = [begin]
        while (step := onward.get(path[-1])) is not None and step not in path:
            path.append(step)
        if step == begin and len(path) > 1:
            words = " -> ".join([*path, begin])
            told = f"queue {begin}: plan: overflow goes round: {words}; end it with an exit"
            found.setdefault(frozenset(path), told)
    return list(found.values())


def everybody(ring: Ring, queue: Queue, center: Center, people: People) -> set[AgentId]:
    """Who can serve this ring now."""
    able = set()
    for agent in center.agents:
        skills = effective(agent.skills, people.get(agent.id), center.certified)
        if may_take(ring, agent, skills, queue):
            able.add(agent.id)
    return able


def can_be_served(queue: Queue, center: Center, people: People) -> bool:
    """Can anybody serve one of its rings, or does the contact go on to another queue?

    A certificate that is missing or has expired can be had again, so it does not count against her:
    what was once a good plan must not be refused because of a date.
    """
    if any(step.queue for step in queue.plan.steps):
        return True
    return any(
        may_take(ring, agent, at_best(agent, people), queue)
        for ring in rings(queue)
        for agent in center.agents
    )


def at_best(agent: Agent, people: People) -> dict[str, int]:
    """The most she was ever said to be able to."""
    found = people.get(agent.id, Qualification())
    granted = {skill: one.level for skill, one in found.certificates.items()}
    return merge(agent.skills, granted, {s: n for s, n in found.by_hand.items() if n})
