"""Which of the able and free agents: the orders of `AgentChoice`.

    longest_idle     idle for the longest (no order: the engine keeps it)
    least_occupied   smallest share of her time at work
    most_skilled     most proficient in what is needed
    least_skilled    least proficient in it: the specialists are spared
    round_robin      the next by id after who was offered this queue's last contact
    top_down         the first as the center names them
    ring_all         longest idle, but several at once

Before all of them come welcome skills: who has more of those that the contact prefers is first.
Where an order sees no difference, the longest idle is taken.

Why: a penalty is a function of what people can, so the engine asks it once per profile and not per
person; a rank is a function of the person, and costs a look at each one who is free.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from callcenter.domain.center import AgentChoice
from callcenter.domain.units import AgentId
from callcenter.routing.skills import SkillBits

Penalty = Callable[[int], tuple[int, int]]
Rank = Callable[[AgentId], tuple[int, str]]

SIGN: dict[AgentChoice, int] = {AgentChoice.MOST_SKILLED: -1, AgentChoice.LEAST_SKILLED: 1}


class Order(NamedTuple):
    """Smaller is earlier: first by what she can, then by who she is."""

    penalty: Penalty | None = None
    rank: Rank | None = None


def order_of(
    choice: AgentChoice,
    skills: SkillBits,
    needs: Mapping[str, int],
    preferred: Mapping[str, int],
    rank: Rank | None = None,
) -> Order | None:
    """The order for a contact, or None for the longest idle. Needing nothing asks for nothing, so
    that most and least skilled then look at all that people can."""
    sign = SIGN.get(choice, 0)
    if not sign and not preferred:
        return Order(rank=rank) if rank else None
    welcome = skills.requirement(preferred)
    asked = skills.levels(needs) if needs else skills.everything

    def penalty(bits: int) -> tuple[int, int]:
        return -(bits & welcome).bit_count(), sign * (bits & asked).bit_count()

    return Order(penalty, rank)


def after(last: AgentId) -> Rank:
    """Round robin: those after `last` by id, then from the beginning."""
    return lambda agent: (agent <= last, agent)
