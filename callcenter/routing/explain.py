"""What a contact asks of people, and who does not meet it: the rules of routing, named one by one.

Why: the engine answers with integers, for all agents at once. A person asks about one agent and
wants the rule. Both are laid side by side by the tests: whom no rule here names, the engine offers.
"""

from collections.abc import Mapping
from typing import Any

from callcenter.domain.center import PROFICIENCY_MAX
from callcenter.domain.units import AgentId
from callcenter.domain.why import Criterion, Obstacle, Rule
from callcenter.routing.terms import Terms


def barriers(
    needs: Mapping[str, int], skills: Mapping[str, int], terms: Terms, agent: AgentId, team: str
) -> list[Obstacle]:
    """What keeps an agent from a contact as long as neither of them changes."""
    found = []
    if agent in terms.excluded:
        found.append(Obstacle(rule=Rule.EXCLUDED))
    if terms.only not in ("", agent):
        found.append(Obstacle(rule=Rule.WAITS_FOR_ANOTHER, agent=terms.only))
    if agent not in terms.agents and team not in terms.teams:
        found += lacks(needs, skills)
    return found


def lacks(needs: Mapping[str, int], skills: Mapping[str, int]) -> list[Obstacle]:
    """The skills that are not enough, each with what is there and what is needed."""
    asked = {skill: max(1, min(level, PROFICIENCY_MAX)) for skill, level in needs.items()}
    return [
        Obstacle(rule=Rule.LACKS, skill=skill, has=skills.get(skill, 0), needs=level)
        for skill, level in asked.items()
        if skills.get(skill, 0) < level
    ]


def criterion(chosen: tuple[Any, ...], other: tuple[Any, ...]) -> Criterion:
    """By what one came before the other, from where both stand (`Engine.standing`)."""
    (cost, *chosen_rest), (other_cost, *other_rest) = chosen, other
    if cost != other_cost:
        alike = isinstance(cost, tuple) and cost[0] == other_cost[0]
        return Criterion.CHOICE if alike else Criterion.WELCOME
    if chosen_rest[0] != other_rest[0]:
        return Criterion.CHOICE
    return Criterion.IDLE if chosen_rest[1] != other_rest[1] else Criterion.NAME
