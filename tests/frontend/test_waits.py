"""What a flow asks of a queue reaches control; what names nobody is counted and left out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from callcenter.domain import events as e
from callcenter.domain.center import Plan
from callcenter.domain.commands import QueueRequested
from callcenter.domain.termination import Reason
from callcenter.domain.units import SECOND, AgentId, QueueId
from callcenter.frontend.turn import EventsSeen
from callcenter.ivr.flow import load_flow
from tests.frontend.world import WALL, Phone, World, configured

FLOW = """
flow: main-line
entry: who
languages: [en, es]
nodes:
  who: { lookup: { by: caller_number }, found: sales, unknown: sales }
  sales:
    queue: sales
    MORE
    answered: end
    timeout: end
    full: end
    unstaffed: end
    closed: end
    left: end
  end: { hangup: normal }
"""


def a_world(
    more: str, fields: dict[str, str] | None = None, *, ready: bool = True, **queue: object
) -> tuple[World, Phone]:
    """A caller whom the flow leads straight to the queue; Ben is the one who speaks Spanish."""
    world = World("ana", "ben", ready=ready)
    agents = [
        replace(agent, skills={"sales": 3, "es": 5}) if agent.id == "ben" else agent
        for agent in world.center.agents
    ]
    world.center = replace(world.center, skills=("sales", "es"), agents=tuple(agents))
    (sales,) = world.center.queues
    world.configure(replace(sales, **queue))
    flow = load_flow(FLOW.replace("MORE", more), "main-line.yaml")
    known = configured(world.center)._replace(
        flows={"main-line": flow}, revisions={flow.revision: flow}
    )
    world.feed(known)
    world.customers["caller"] = "customer-7" if fields is not None else ""
    world.fields = fields or {}
    caller = world.phone("caller")
    caller.dial("+15550100")
    return world, caller


def asked(world: World) -> QueueRequested:
    """What control was asked for."""
    return next(c for c in world.commands if isinstance(c, QueueRequested))


def rings(world: World) -> list[str]:
    """Who was rung, in order."""
    return [grant.agent for grant in world.kinds(e.OfferMade)]


OWN = Plan(version="p1", sticky_seconds=30)


def test_a_customer_is_led_to_her_own_agent_and_waits_for_her_alone() -> None:
    world, _ = a_world("agent: customer.agent", {"agent": "ben"}, plan=OWN)
    assert rings(world) == ["ben"], "ana has been idle for longer"
    assert world.last(e.ContactQueued).agent == "ben"


def test_after_the_time_of_the_plan_others_may_have_her() -> None:
    world, _ = a_world("agent: customer.agent", {"agent": "ben"}, plan=OWN)
    world.agents["ben"].is_dead = True
    world.wait(31)
    assert "ana" in rings(world)


def test_a_queue_whose_plan_waits_for_nobody_asks_who_is_free() -> None:
    world, _ = a_world("agent: customer.agent", {"agent": "ben"})
    assert asked(world).agent == "ben"
    assert rings(world) == ["ana"]


def test_what_is_no_agent_is_counted_and_never_reaches_the_journal() -> None:
    world, _ = a_world("agent: customer.agent", {"agent": "+15550123"}, plan=OWN)
    assert asked(world).agent == ""
    assert rings(world) == ["ana"]
    assert world.frontend.counts["unknown.agent"] == 1
    assert "+15550123" not in repr(world.commands)


def test_who_is_excluded_is_not_rung() -> None:
    world, _ = a_world("""exclude: [customer.former, "'nobody'"]""", {"former": "ana"})
    assert asked(world).excluded == ("ana",)
    assert rings(world) == ["ben"]
    assert world.frontend.counts["unknown.agent"] == 1


def test_welcome_skills_decide_who_is_asked_first() -> None:
    world, _ = a_world("prefer: { es: 1 }")
    assert rings(world) == ["ben"]


@pytest.mark.parametrize(
    ("more", "level", "language", "agent"),
    [
        ("language: customer.language", 0, "es", "ben"),
        ("""language: "'es'" """, 0, "es", "ben"),
        ("language: any", 3, "", "ana"),
        ("", 3, "", "ana"),
        ("", 0, "", "ana"),
    ],
)
def test_a_language_is_asked_for_by_the_flow(
    more: str, level: int, language: str, agent: str
) -> None:
    world, _ = a_world(more, {"language": "es"}, language_level=level)
    assert asked(world).language == language
    assert rings(world) == [agent]


def test_a_queue_asks_for_the_language_that_its_caller_hears() -> None:
    spanish = FLOW.replace("entry: who", "entry: speak").replace(
        "nodes:", "nodes:\n  speak: { set: { language: es }, next: who }"
    )
    for level, expected in ((0, ("", "ana")), (4, ("es", "ben"))):
        world, _ = a_world("", language_level=level)
        flow = load_flow(spanish.replace("MORE", ""), "main-line.yaml")
        world.feed(configured(world.center)._replace(flows={"main-line": flow}))
        world.commands.clear()
        world.phone("second").dial("+15550100")
        last = asked(world)
        needs = world.last(e.ContactQueued).skills
        assert last.language == expected[0]
        assert needs == ({"sales": 1, "es": 4} if level else {"sales": 1})


def test_a_language_that_is_no_skill_is_counted_and_not_asked_for() -> None:
    world, _ = a_world("", language_level=4)
    assert asked(world).language == ""
    assert world.frontend.counts["unknown.language"] == 1, "en"


def test_who_loses_her_agent_does_not_wait_for_that_one_alone_again() -> None:
    world, _ = a_world("agent: customer.agent", {"agent": "ben"}, plan=OWN)
    ben = world.agents["ben"]
    ben.answer()
    world.wait(60)
    ben.is_dead = True
    world.goes_silent(ben)
    world.wait(10)
    assert world.last(e.SegmentEnded).termination.reason is Reason.AGENT_VANISHED
    assert world.last(e.ContactQueued).agent == ""
    assert world.last(e.ContactQueued).at > world.last(e.SegmentStarted).at + 10 * SECOND
    assert AgentId("ana") in rings(world)


LONG = """
flow: main-line
entry: long
languages: [en]
nodes:
  long: { when: [{ if: "queue.expected_wait > 300", next: end }], else: sales }
  sales: { queue: sales, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""


def told_a_wait(expected: int | None, *, before_seconds: int = 0) -> World:
    """Somebody calls this long after the queue's wait was told."""
    world = World("ana", ready=False)
    flow = load_flow(LONG, "main-line.yaml")
    world.feed(
        configured(world.center)._replace(
            flows={"main-line": flow}, revisions={flow.revision: flow}
        )
    )
    at = world.now + WALL
    span = None if expected is None else expected * SECOND
    told = e.QueueEstimated(at=at, queue=QueueId("sales"), expected=span, promised=span)
    world.feed(EventsSeen((told,), at))
    world.wait(before_seconds)
    world.phone("caller").dial("+15550100")
    return world


def waits(world: World) -> bool:
    return any(isinstance(c, QueueRequested) for c in world.commands)


@pytest.mark.parametrize(
    ("expected", "waited"), [(301, False), (300, True), (0, True), (None, True)]
)
def test_a_flow_knows_how_long_the_wait_would_be(expected: int | None, waited: bool) -> None:
    assert waits(told_a_wait(expected)) is waited


def test_what_was_told_long_ago_is_not_known_any_more() -> None:
    assert not waits(told_a_wait(400, before_seconds=70))
    assert waits(told_a_wait(400, before_seconds=80))


def test_nothing_is_known_in_a_center_that_told_nothing() -> None:
    world, _ = a_world("")
    assert waits(world)
