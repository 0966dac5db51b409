"""How much of her time somebody is at work, and when it is too much."""

from __future__ import annotations

from callcenter.agents.agent import AgentState
from callcenter.agents.occupancy import REST_MAX, count, occupancy, rest_until
from callcenter.domain.commands import Presence
from callcenter.domain.units import MINUTE, SECOND, AgentId


def who(busy: int, idle: int, presence: Presence = Presence.NOT_READY) -> AgentState:
    return AgentState(id=AgentId("ann"), busy=busy, idle=idle, presence=presence, since=10)


def test_occupancy_is_work_over_work_and_idle_time() -> None:
    assert occupancy(who(0, 0), 10) == 0
    assert occupancy(who(30, 10), 99) == 750_000


def test_what_lasts_now_counts_too() -> None:
    assert occupancy(who(30, 10, Presence.READY), 30) == 500_000
    assert occupancy(who(30, 10, Presence.TALKING), 70) == 900_000
    assert occupancy(who(30, 10, Presence.RESERVED), 70) == 750_000


def test_a_span_counts_where_it_was_spent_and_a_login_begins_anew() -> None:
    agent = who(0, 0)
    for was, lasted in [
        (Presence.READY, 5),
        (Presence.RESERVED, 100),
        (Presence.TALKING, 20),
        (Presence.WRAP_UP, 3),
        (Presence.NOT_READY, 100),
    ]:
        count(agent, was, lasted)
    assert (agent.busy, agent.idle) == (23, 5)
    count(agent, Presence.LOGGED_OUT, 1000)
    assert (agent.busy, agent.idle) == (0, 0)


def test_she_rests_until_she_is_back_under_her_ceiling() -> None:
    assert rest_until(who(80 * SECOND, 20 * SECOND), 80, 7) == 0
    assert rest_until(who(80 * SECOND, 15 * SECOND), 80, 7) == 7 + 5 * SECOND
    assert rest_until(who(80 * SECOND, 0), 0, 7) == 0
    assert rest_until(who(80 * SECOND, 0), 100, 7) == 0


def test_no_rest_is_longer_than_five_minutes() -> None:
    assert rest_until(who(600 * MINUTE, 0), 50, 7) == 7 + REST_MAX


def test_a_span_that_has_not_begun_counts_nothing() -> None:
    for presence in (Presence.READY, Presence.TALKING, Presence.WRAP_UP):
        assert occupancy(who(30, 10, presence), 9) == 750_000
        assert occupancy(who(30, 10, presence), 10) == 750_000
    assert occupancy(who(0, 0, Presence.TALKING), 11) == 1_000_000
    assert occupancy(who(0, 0, Presence.READY), 11) == 0
