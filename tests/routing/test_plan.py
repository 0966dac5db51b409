"""Steps of a plan, and the rings they make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.center import Agent, Plan, PlanStep, Queue
from callcenter.domain.units import AgentId, QueueId
from callcenter.routing.plan import NO_STEP, Ring, due_at, may_take, next_step, rings, widened

PLAN = Plan(
    steps=(
        PlanStep(after_seconds=10, lower={"a": 2}),
        PlanStep(after_seconds=20, drop=("b",), teams=("red",)),
        PlanStep(after_seconds=30, agents=(AgentId("ann"),), raise_priority=9),
    )
)
LINE = Queue(id=QueueId("q"), title="Q", skills={"a": 5, "b": 1}, priority=5, plan=PLAN)


def test_the_next_step_asks_for_more_waiting_than_the_last() -> None:
    assert next_step(PLAN, NO_STEP) is PLAN.steps[0]
    assert next_step(PLAN, 10) is PLAN.steps[1]
    assert next_step(PLAN, 15) is PLAN.steps[1]
    assert next_step(PLAN, 30) is None
    assert due_at(PLAN.steps[0], 7) == 10_000_007


def test_every_ring_of_a_queue() -> None:
    assert rings(LINE) == [
        Ring({"a": 5, "b": 1}, (), (), 5),
        Ring({"a": 2, "b": 1}, (), (), 5),
        Ring({"a": 2}, (), ("red",), 5),
        Ring({"a": 2}, (AgentId("ann"),), ("red",), 10),
    ]


levels = st.dictionaries(st.sampled_from("abc"), st.integers(1, 10), max_size=3)


@given(levels, levels, st.integers(0, 10), st.integers(0, 10))
def test_a_step_never_makes_a_ring_narrower(
    skills: dict[str, int], lower: dict[str, int], priority: int, raised: int
) -> None:
    ring = Ring(skills, (AgentId("x"),), ("t",), priority)
    step = PlanStep(after_seconds=1, lower=lower, teams=("s", "t"), raise_priority=raised)
    wider = widened(ring, step)
    assert wider.skills.keys() == skills.keys()
    assert all(wider.skills[skill] <= level for skill, level in skills.items())
    assert (wider.agents, wider.teams) == (("x",), ("s", "t"))
    assert priority <= wider.priority <= 10


def test_who_is_in_a_ring() -> None:
    first, _, third, last = rings(LINE)
    able = Agent(id=AgentId("ben"), name="Ben", skills={"a": 5, "b": 1})
    red = Agent(id=AgentId("cat"), name="Cat", team="red")
    ann = Agent(id=AgentId("ann"), name="Ann")
    nobody = Agent(id=AgentId("dan"), name="Dan")
    assert may_take(first, able, able.skills, LINE)
    assert not may_take(first, able, {"a": 5}, LINE), "the least proficiency is one, not none"
    assert not may_take(first, red, {}, LINE)
    assert may_take(third, red, {}, LINE)
    assert may_take(last, ann, {}, LINE)
    assert not may_take(last, nobody, {}, LINE)
    picky = Queue(id=QueueId("q"), title="Q", excluded=(AgentId("ann"),), plan=PLAN)
    assert may_take(last, ann, {}, picky) is False
