"""Whom no rule keeps, the engine offers; and by what one came before another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, QueueId
from callcenter.domain.why import Criterion, Rule
from callcenter.routing.engine import Engine
from callcenter.routing.explain import barriers, criterion
from callcenter.routing.terms import Reserve, Terms

SKILLS = ("english", "spanish")
AGENTS = tuple(map(AgentId, ("ann", "ben", "cem")))
V = Channel.VOICE
skills = st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 10))
some = st.lists(st.sampled_from(AGENTS), max_size=2, unique=True).map(tuple)
teams = st.sampled_from([(), (), ("red",), ("red", "blue")])


@given(
    people=st.fixed_dictionaries(dict.fromkeys(AGENTS, skills)),
    needs=skills,
    terms=st.builds(
        Terms,
        teams=teams,
        agents=some,
        excluded=some,
        only=st.sampled_from([AgentId(""), AgentId(""), AgentId("ann")]),
    ),
)
def test_whom_no_rule_keeps_the_engine_offers(
    people: dict[AgentId, dict[str, int]], needs: dict[str, int], terms: Terms
) -> None:
    engine = Engine(frozenset({"red", "blue"}))
    team = {"ann": "red", "ben": "blue", "cem": "-"}
    for since, (agent, hers) in enumerate(people.items()):
        engine.seat(agent, hers, team[agent])
        engine.free(agent, (V,), since)
    engine.put(ContactId("c1"), V, needs, 0, 1, terms)
    offered = set(engine.agents_for(ContactId("c1"), 9))
    told = {a for a in AGENTS if not barriers(needs, people[a], terms, a, team[a])}
    assert offered == told


def test_a_reserve_names_the_queue_that_keeps_her_free_or_not() -> None:
    billing = QueueId("billing")
    engine = Engine(reserves=[Reserve(billing, {"english": 3}, 1)])
    engine.seat(AgentId("ann"), {"english": 5})
    engine.seat(AgentId("ben"), {"english": 5})
    engine.seat(AgentId("cem"), {"english": 1})
    engine.free(AgentId("ann"), (V,), 1)
    assert engine.keepers(AgentId("ann"), V, QueueId("sales")) == [billing]
    assert engine.keepers(AgentId("ann"), V, billing) == [], "it is her queue"
    assert engine.keepers(AgentId("cem"), V, QueueId("sales")) == [], "she could not serve it"
    assert engine.keepers(AgentId("ben"), V, QueueId("sales")) == [], "with her there would be two"


@pytest.mark.parametrize(
    ("chosen", "other", "by"),
    [
        ((0, 0, 1, "ann"), (0, 0, 2, "ben"), Criterion.IDLE),
        ((0, 0, 1, "ann"), (0, 0, 1, "ben"), Criterion.NAME),
        ((0, (1, ""), 9, "ann"), (0, (2, ""), 1, "ben"), Criterion.CHOICE),
        (((-2, 0), 0, 9, "ann"), ((-1, 0), 0, 1, "ben"), Criterion.WELCOME),
        (((-2, 3), 0, 9, "ann"), ((-2, 5), 0, 1, "ben"), Criterion.CHOICE),
    ],
)
def test_what_decided_is_the_first_thing_that_differs(
    chosen: tuple[object, ...], other: tuple[object, ...], by: Criterion
) -> None:
    assert criterion(chosen, other) is by


def test_rules_are_told_in_the_order_of_what_lasts() -> None:
    terms = Terms(excluded=(AgentId("ann"),), only=AgentId("ben"))
    found = barriers({"english": 3, "spanish": 1}, {"english": 2}, terms, AgentId("ann"), "-")
    assert [one.rule for one in found] == [
        Rule.EXCLUDED, Rule.WAITS_FOR_ANOTHER, Rule.LACKS, Rule.LACKS,
    ]  # fmt: skip
    assert [(one.skill, one.has, one.needs) for one in found[2:]] == [
        ("english", 2, 3), ("spanish", 0, 1),
    ]  # fmt: skip
