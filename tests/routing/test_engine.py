"""The engine answers as a plain scan would, however it got there."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId
from callcenter.routing import engine as engine_module
from callcenter.routing.engine import Engine
from tests.routing.scan import Scan

SKILLS = tuple(f"skill{n}" for n in range(6))
skill_sets = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 10), max_size=3)
channel_sets = st.lists(st.sampled_from(list(Channel)), unique=True).map(tuple)


def ann() -> AgentId:
    return AgentId("ann")


def test_an_engine_knows_nobody_at_first() -> None:
    engine = Engine()
    engine.seat(ann(), {})
    assert engine.contact_for(ann()) is None
    engine.put(ContactId("c1"), Channel.VOICE, {}, 0, 1)
    assert engine.agents_for(ContactId("c1")) == []


def test_the_smallest_key_comes_first_and_the_order_breaks_ties() -> None:
    engine = Engine()
    engine.seat(ann(), {"a": 5})
    engine.free(ann(), (Channel.VOICE,), 0)
    for order, (name, key) in enumerate([("late", 9), ("tie1", 5), ("tie2", 5)]):
        engine.put(ContactId(name), Channel.VOICE, {"a": order + 1}, key, order)
    for name in ("tie1", "tie2", "late"):
        assert engine.contact_for(ann()) == name
        engine.take(ContactId(name))
    assert engine.contact_for(ann()) is None


def test_what_leaves_the_middle_of_a_long_line_is_forgotten() -> None:
    engine = Engine()
    engine.seat(ann(), {})
    engine.free(ann(), (Channel.VOICE,), 0)
    for n in range(500):
        engine.put(ContactId(f"c{n}"), Channel.VOICE, {}, n, n)
    for n in range(1, 499):
        engine.take(ContactId(f"c{n}"))
    group = engine._classes[0]
    assert len(group.heap) < 100, "lazily deleted entries do not pile up"
    engine.take(ContactId("c0"))
    assert engine.contact_for(ann()) == "c499"


def test_somebody_busy_is_staff_all_the_same() -> None:
    engine = Engine()
    engine.seat(ann(), {"a": 5})
    assert not engine.staffed(Channel.VOICE, {"a": 5})
    engine.staff(ann(), True)
    assert engine.staffed(Channel.VOICE, {"a": 5})
    assert not engine.staffed(Channel.VOICE, {"a": 6})
    engine.unseat(ann())
    assert not engine.staffed(Channel.VOICE, {"a": 5})


def test_very_many_different_needs_do_not_grow_the_engine_for_ever() -> None:
    engine = Engine()
    engine.seat(ann(), {"a": 10})
    engine.free(ann(), (Channel.VOICE,), 0)
    engine.put(ContactId("first"), Channel.VOICE, {"a": 1}, 0, 0)
    for n in range(engine_module.CLASSES_KEPT + 500):
        engine.put(ContactId("c"), Channel.VOICE, {f"rare{n}": 1}, n, n)
        assert engine.agents_for(ContactId("c")) == []
        engine.take(ContactId("c"))
    assert len(engine._classes) == engine_module.CLASSES_KEPT
    assert engine.contact_for(ann()) == "first"


def crowd(seed: int) -> tuple[Engine, Scan]:
    """Many different people and needs, so that the bounded walks and their fallbacks are used."""
    chance = Random(seed)
    engine, scan = Engine(), Scan()
    skills = [f"s{n}" for n in range(12)]
    for n in range(300):
        agent = AgentId(f"a{n}")
        has = {s: chance.randint(1, 10) for s in chance.sample(skills, chance.randint(1, 6))}
        since = chance.randint(0, 50)
        channels = tuple(ch for ch in Channel if chance.random() < 0.3)
        for target in (engine, scan):
            target.seat(agent, has)
            target.free(agent, channels, since)
    for n in range(600):
        contact = ContactId(f"c{n}")
        need = {s: chance.randint(1, 9) for s in chance.sample(skills, chance.randint(0, 3))}
        channel, key = chance.choice(list(Channel)), chance.randint(0, 200)
        for target in (engine, scan):
            target.put(contact, channel, need, key, n)
    return engine, scan


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_is_matched_exactly_as_by_a_scan(seed: int) -> None:
    engine, scan = crowd(seed)
    for n in range(300):
        assert engine.contact_for(AgentId(f"a{n}")) == scan.contact_for(AgentId(f"a{n}"))
    for n in range(600):
        assert engine.agents_for(ContactId(f"c{n}")) == scan.agents_for(ContactId(f"c{n}"))


def test_a_runner_up_behind_a_crowd_who_cannot_is_found() -> None:
    """More different able people than are compared, all but one far from the front."""
    engine = Engine()
    for n in range(2 * engine_module.PROBES):
        name = AgentId(f"unable{n:03}")
        engine.seat(name, {"other": 1})
        engine.free(name, (Channel.VOICE,), 10 + n)
    for n in range(2 * engine_module.CANDIDATES_FEW):
        name = AgentId(f"able{n:03}")
        engine.seat(name, {"a": 5, f"extra{n}": 1})
        engine.free(name, (Channel.VOICE,), 1_000 + n if n else 0)
    engine.put(ContactId("c1"), Channel.VOICE, {"a": 5}, 0, 1)
    assert engine.agents_for(ContactId("c1")) == ["able000", "able001"]


class AsByScan(RuleBasedStateMachine):
    """The engine beside the scan, whatever is done to both."""

    @initialize()
    def begin(self) -> None:
        self.engine, self.scan, self.order = Engine(), Scan(), 0

    @rule(
        channel=st.sampled_from(list(Channel)),
        need=skill_sets,
        key=st.integers(0, 5),
    )
    def put(self, channel: Channel, need: dict[str, int], key: int) -> None:
        self.order += 1
        for target in (self.engine, self.scan):
            target.put(ContactId(f"c{self.order}"), channel, need, key, self.order)

    @rule(data=st.data())
    def take(self, data: Any) -> None:
        if self.scan.contacts:
            contact = data.draw(st.sampled_from(sorted(self.scan.contacts)))
            self.engine.take(contact)
            self.scan.take(contact)

    @rule(name=st.integers(0, 4), skills=skill_sets)
    def seat(self, name: int, skills: dict[str, int]) -> None:
        for target in (self.engine, self.scan):
            target.seat(AgentId(f"a{name}"), skills)

    @rule(data=st.data(), channels=channel_sets, since=st.integers(0, 3))
    def free(self, data: Any, channels: tuple[Channel, ...], since: int) -> None:
        if self.scan.agents:
            agent = data.draw(st.sampled_from(sorted(self.scan.agents)))
            self.engine.free(agent, channels, since)
            self.scan.free(agent, channels, since)

    @rule(data=st.data())
    def unseat(self, data: Any) -> None:
        if self.scan.agents:
            agent = data.draw(st.sampled_from(sorted(self.scan.agents)))
            self.engine.unseat(agent)
            del self.scan.agents[agent]

    @invariant()
    def the_answers_agree(self) -> None:
        if not hasattr(self, "scan"):
            return
        for agent in self.scan.agents:
            assert self.engine.contact_for(agent) == self.scan.contact_for(agent)
        for contact in self.scan.contacts:
            assert self.engine.agents_for(contact) == self.scan.agents_for(contact)


TestAsByScan = AsByScan.TestCase
TestAsByScan.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
