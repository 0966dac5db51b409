"""The promise of the engine, measured: p99 of a decision is at most 100 us of CPU."""

from __future__ import annotations

from random import Random

from callcenter.app.bench.measure import DECISIONS, timed
from callcenter.app.bench.polled import Polled
from callcenter.app.bench.route import POLLED_PAIRS_MAX, SCANS, SIZES, Floor, compare
from callcenter.app.bench.whole import measure
from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId

LIMIT_US = 100
TRIES = 5


def test_a_decision_among_a_thousand_agents_and_a_thousand_waiting_is_quick() -> None:
    """The best of a few tries: other work on the machine makes caches cold, not the engine."""
    best = LIMIT_US * 10.0
    for seed in range(TRIES):
        floor = Floor(1_000, 1_000, 200, Random(seed))
        best = min(best, timed(floor.agent_frees, DECISIONS, floor.arrive)["p99_us"])
        if best <= LIMIT_US:
            break
    assert best <= LIMIT_US


def test_the_engine_is_far_quicker_than_a_scan() -> None:
    floor = Floor(1_000, 1_000, 200, Random(3))
    freed = timed(floor.agent_frees, SCANS * 40, floor.arrive)
    scan = timed(floor.scan_for_agent, SCANS, lambda: None)
    assert freed["p50_us"] * 10 < scan["p50_us"]


def test_the_dispatcher_that_polls_gives_a_freed_agent_who_waits_longest() -> None:
    able, unable = AgentId("able"), AgentId("unable")
    need, other = {"sales": 3}, {"sales": 1, "fax": 1}
    polled = Polled(
        {able: {"sales": 3}, unable: {"fax": 9}},
        [need, other],
        {
            ContactId("other"): (1, other),
            ContactId("second"): (3, need),
            ContactId("first"): (2, need),
        },
    )
    assert polled.tick() == []
    polled.free(unable)
    assert polled.tick() == []
    polled.free(able)
    assert polled.tick() == [("first", able)]
    assert polled.tick() == []
    polled.free(able)
    assert polled.tick() == [("second", able)]


def test_a_polled_tick_decides_as_the_engine_does_and_costs_more_the_more_wait() -> None:
    floor = Floor(50, 50, 10, Random(4))
    agent = floor.names[7]
    polled = floor.polled()
    polled.free(agent)
    floor.engine.free(agent, (Channel.VOICE,), floor.now)
    contact = floor.engine.contact_for(agent)
    assert polled.tick() == ([(contact, agent)] if contact else [])
    small, large = compare(50, 50, 10, seed=3), compare(100, 400, 10, seed=3)
    assert small["agent_frees"]["p50_us"] * 10 < small["sql_tick"]["p50_us"]
    assert small["sql_tick"]["p50_us"] * 2 < large["sql_tick"]["p50_us"]


def test_a_tick_is_measured_only_where_it_ends_in_seconds() -> None:
    measured = [agents * waiting <= POLLED_PAIRS_MAX for agents, waiting, _ in SIZES]
    assert measured == [True, True, False, False, False]


def test_all_of_control_is_measured_with_its_plans_and_reserves_at_work() -> None:
    row = measure((500, 200, 20), seed=1)
    assert (row["agents"], row["waiting"], row["needs"]) == (500, 200, 20)
    assert row["plan_step"]["p50_us"] > 0
    assert row["hang_up_to_offer"]["p99_us"] >= row["hang_up_to_offer"]["p50_us"] > 0
