"""The orders of agents."""

from __future__ import annotations

from callcenter.domain.center import AgentChoice
from callcenter.domain.units import AgentId
from callcenter.routing.choice import after, order_of
from callcenter.routing.skills import SkillBits


def penalty(choice: AgentChoice, needs: dict[str, int], preferred: dict[str, int]) -> list[str]:
    """Three people in the order of a choice; equals keep the order of their names."""
    bits = SkillBits(["team red"])
    people = {
        "ann": {"a": 2, "b": 9, "team red": 1},
        "ben": {"a": 5},
        "cat": {"a": 9, "c": 1},
    }
    order = order_of(choice, bits, needs, preferred)
    assert order is not None
    assert order.penalty is not None
    costs = {name: order.penalty(bits.profile(skills)) for name, skills in people.items()}
    return sorted(people, key=lambda name: (costs[name], name))


def test_the_longest_idle_needs_no_order() -> None:
    assert order_of(AgentChoice.LONGEST_IDLE, SkillBits(), {"a": 1}, {}) is None
    assert order_of(AgentChoice.RING_ALL, SkillBits(), {"a": 1}, {}) is None


def test_skill_is_compared_in_what_is_needed() -> None:
    assert penalty(AgentChoice.MOST_SKILLED, {"a": 1}, {}) == ["cat", "ben", "ann"]
    assert penalty(AgentChoice.LEAST_SKILLED, {"a": 1}, {}) == ["ann", "ben", "cat"]


def test_needing_nothing_compares_everything_and_teams_are_no_skill() -> None:
    assert penalty(AgentChoice.MOST_SKILLED, {}, {}) == ["ann", "cat", "ben"]
    assert penalty(AgentChoice.LEAST_SKILLED, {}, {}) == ["ben", "cat", "ann"]


def test_welcome_skills_come_first() -> None:
    welcome = {"b": 3, "c": 1}
    assert penalty(AgentChoice.LONGEST_IDLE, {}, welcome) == ["ann", "cat", "ben"]
    assert penalty(AgentChoice.LEAST_SKILLED, {"a": 1}, welcome) == ["ann", "cat", "ben"]
    assert penalty(AgentChoice.MOST_SKILLED, {"a": 1}, {"b": 10}) == ["cat", "ben", "ann"]


def test_round_robin_begins_after_the_last() -> None:
    names = [AgentId(name) for name in ("ann", "ben", "cat")]
    assert sorted(names, key=after(AgentId("ben"))) == ["cat", "ann", "ben"]
    assert sorted(names, key=after(AgentId(""))) == ["ann", "ben", "cat"]
    assert sorted(names, key=after(AgentId("bob"))) == ["cat", "ann", "ben"]
