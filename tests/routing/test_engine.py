"""The engine answers as a plain scan would, however it got there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callcenter.domain.center import AgentChoice, Channel
from callcenter.domain.units import AgentId, ContactId, QueueId
from callcenter.routing import engine as engine_module
from callcenter.routing.choice import after, order_of
from callcenter.routing.engine import CHANNELS, Engine
from callcenter.routing.terms import PLAIN, Reserve, Terms
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


@pytest.mark.parametrize("seed", range(5))
def test_a_long_line_that_was_made_shorter_keeps_its_order(seed: int) -> None:
    """Who stands in the middle leaves in any order; who is left comes by the smallest key."""
    chance, engine = Random(seed), Engine()
    engine.seat(ann(), {})
    engine.free(ann(), (Channel.VOICE,), 0)
    keys = {ContactId(f"c{n}"): chance.randrange(10_000) for n in range(400)}
    for order, (name, key) in enumerate(keys.items()):
        engine.put(name, Channel.VOICE, {}, key, order)
    for name in chance.sample(list(keys), 300):
        engine.take(name)
        del keys[name]
    came = []
    while (first := engine.contact_for(ann())) is not None:
        came.append(first)
        engine.take(first)
    assert came == sorted(keys, key=lambda one: (keys[one], int(one[1:])))


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


TEAMS = ("red", "blue")
NAMES = tuple(AgentId(f"a{n}") for n in range(5))
RESERVES = (Reserve(QueueId("vip"), {"skill0": 1}, 1), Reserve(QueueId("late"), {}, 2))
some_names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
terms_drawn = st.just(PLAIN) | st.builds(
    Terms,
    teams=st.lists(st.sampled_from(TEAMS), max_size=1).map(tuple),
    agents=some_names,
    excluded=some_names,
    only=st.sampled_from((AgentId(""), AgentId(""), *NAMES)),
    queue=st.sampled_from((QueueId(""), QueueId("vip"))),
)


class AsByScan(RuleBasedStateMachine):
    """The engine beside the scan, whatever is done to both."""

    targets: tuple[int, ...] = (0,)

    @initialize(kept=st.sampled_from([(), RESERVES[:1], RESERVES]))
    def begin(self, kept: tuple[Reserve, ...]) -> None:
        self.engine, self.scan, self.order = Engine(frozenset(TEAMS), kept), Scan(kept), 0

    @rule(
        channel=st.sampled_from(list(Channel)),
        need=skill_sets,
        key=st.integers(0, 5),
        terms=terms_drawn,
        data=st.data(),
    )
    def put(
        self, channel: Channel, need: dict[str, int], key: int, terms: Terms, data: Any
    ) -> None:
        self.order += 1
        terms = terms._replace(target=data.draw(st.sampled_from(self.targets)))
        for target in (self.engine, self.scan):
            target.put(ContactId(f"c{self.order}"), channel, need, key, self.order, terms)

    @rule(data=st.data())
    def take(self, data: Any) -> None:
        if self.scan.contacts:
            contact = data.draw(st.sampled_from(sorted(self.scan.contacts)))
            self.engine.take(contact)
            self.scan.take(contact)

    @rule(name=st.sampled_from(NAMES), skills=skill_sets, team=st.sampled_from(("", *TEAMS)))
    def seat(self, name: AgentId, skills: dict[str, int], team: str) -> None:
        for target in (self.engine, self.scan):
            target.seat(name, skills, team)

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
            for now in (5, 60):
                assert self.engine.contact_for(agent, now) == self.scan.contact_for(agent, now)
        for contact in self.scan.contacts:
            for most in (2, 4):
                found = self.engine.agents_for(contact, most)
                assert found == self.scan.agents_for(contact, most)

    @invariant()
    def who_is_free_for_a_waiting_contact_is_found(self) -> None:
        if hasattr(self, "scan") and self.scan.reserves:
            free = sorted(
                (since, name)
                for name, (_, _, since) in self.scan.agents.items()
                if self.scan.contact_for(name, 9)
            )
            assert self.engine.unlocked() == [name for _, name in free]

    @invariant()
    def the_order_of_agents_is_the_one_asked_for(self) -> None:
        if not hasattr(self, "scan"):
            return
        for contact, (_, _, _, needs, _) in self.scan.contacts.items():
            for choice in (AgentChoice.MOST_SKILLED, AgentChoice.LEAST_SKILLED):
                order = order_of(choice, self.engine.skills, needs, {"skill1": 4, "skill2": 2})
                found = self.engine.agents_for(contact, 3, order)
                assert found == self.scan.agents_for(contact, 3, self.cost(choice, needs))
            rank = after(AgentId("a2"))
            order = order_of(AgentChoice.ROUND_ROBIN, self.engine.skills, needs, {}, rank)
            assert self.engine.agents_for(contact, 3, order) == self.scan.agents_for(
                contact, 3, rank
            )

    def cost(
        self, choice: AgentChoice, needs: dict[str, int] | Any
    ) -> Callable[[AgentId], tuple[int, int]]:
        def of(agent: AgentId) -> tuple[int, int]:
            skills = self.scan.agents[agent][0]
            welcome = (skills.get("skill1", 0) >= 4) + (skills.get("skill2", 0) >= 2)
            level = sum(skills.get(skill, 0) for skill in needs or skills)
            return -welcome, -level if choice is AgentChoice.MOST_SKILLED else level

        return of


class AsByScanWithTargets(AsByScan):
    """Contacts are compared by the share of their target that is used up."""

    targets = (1, 3, 20)


TestAsByScan = AsByScan.TestCase
TestAsByScan.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestAsByScanWithTargets = AsByScanWithTargets.TestCase
TestAsByScanWithTargets.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


def waiting(engine: Engine, name: str, terms: Terms = PLAIN, **needs: int) -> ContactId:
    contact = ContactId(name)
    engine.put(contact, Channel.VOICE, needs, 0, len(engine._contacts), terms)
    return contact


def free(engine: Engine, name: str, since: int = 0, team: str = "", **skills: int) -> AgentId:
    agent = AgentId(name)
    engine.seat(agent, skills, team)
    engine.free(agent, (Channel.VOICE,), since)
    engine.staff(agent, True)
    return agent


def test_an_excluded_agent_is_never_found_though_she_can() -> None:
    engine = Engine()
    free(engine, "ann", a=5)
    terms = Terms(excluded=(ann(),))
    contact = waiting(engine, "c1", terms, a=3)
    assert engine.agents_for(contact) == []
    assert engine.contact_for(ann()) is None
    assert not engine.staffed(Channel.VOICE, {"a": 3}, terms)
    free(engine, "ben", a=3)
    assert engine.agents_for(contact) == ["ben"]
    assert engine.staffed(Channel.VOICE, {"a": 3}, terms)


def test_who_is_named_may_take_it_whatever_she_can_and_so_may_her_team() -> None:
    engine = Engine(frozenset({"red"}))
    free(engine, "ann")
    free(engine, "ben", since=1, team="red")
    free(engine, "cat", since=2, team="blue")
    contact = waiting(engine, "c1", Terms(agents=(ann(),), teams=("red",)), a=9)
    assert engine.agents_for(contact, 5) == ["ann", "ben"]
    assert engine.contact_for(AgentId("cat")) is None


def test_a_contact_for_one_agent_alone_still_needs_what_it_needs() -> None:
    engine = Engine()
    free(engine, "ann", a=2)
    free(engine, "ben", a=9)
    contact = waiting(engine, "c1", Terms(only=ann()), a=3)
    assert engine.agents_for(contact) == []
    assert engine.contact_for(AgentId("ben")) is None
    free(engine, "ann", a=3)
    assert engine.agents_for(contact) == ["ann"]


def test_terms_that_name_people_are_forgotten_with_their_last_contact() -> None:
    engine = Engine()
    free(engine, "ann")
    for n in range(100):
        contact = waiting(engine, f"c{n}", Terms(only=ann(), excluded=(AgentId(f"x{n}"),)))
        engine.take(contact)
    assert len(engine._classes) == 1
    assert (engine._exceptions, engine._owned_classes) == ({}, 0)


def test_kept_agents_serve_their_queue_and_others_only_beyond_the_number_kept() -> None:
    engine = Engine(reserves=(Reserve(QueueId("vip"), {"a": 1}, 1),))
    free(engine, "ann", a=1)
    other = waiting(engine, "other")
    assert engine.agents_for(other) == []
    vip = waiting(engine, "vip", Terms(queue=QueueId("vip")), a=1)
    assert engine.agents_for(vip) == ["ann"]
    assert engine.contact_for(ann()) == "vip"
    engine.take(vip)
    assert engine.unlocked() == []
    free(engine, "ben", since=1, a=1)
    assert engine.agents_for(other) == ["ann", "ben"]
    assert engine.unlocked() == ["ann", "ben"]


def test_who_is_named_for_a_contact_is_told_among_those_whom_a_reserve_may_have_kept() -> None:
    engine = Engine(reserves=(Reserve(QueueId("vip"), {"a": 1}, 1),))
    free(engine, "ann")
    waiting(engine, "hers", Terms(agents=(ann(),)), b=1)
    assert engine.unlocked() == ["ann"]


def test_who_cannot_serve_the_queue_that_others_are_kept_for_is_not_kept() -> None:
    engine = Engine(reserves=(Reserve(QueueId("vip"), {"a": 1}, 5),))
    free(engine, "ann", b=1)
    assert engine.agents_for(waiting(engine, "other")) == ["ann"]


@given(terms_drawn, skill_sets, st.lists(st.tuples(skill_sets, st.booleans()), max_size=5))
def test_who_is_there_is_told_by_name_too(
    terms: Terms, needs: dict[str, int], people: list[tuple[dict[str, int], bool]]
) -> None:
    engine, scan = Engine(frozenset(TEAMS)), Scan()
    for name, (skills, there) in zip(NAMES, people, strict=False):
        for target in (engine, scan):
            target.seat(name, skills, TEAMS[0])
        engine.staff(name, there)
        if there:
            scan.free(name, (Channel.VOICE,), 0)
    scan.put(ContactId("c"), Channel.VOICE, needs, 0, 0, terms)
    there = any(scan.fits(name, ContactId("c")) for name in scan.agents)
    assert engine.staffed(Channel.VOICE, needs, terms) is there


def test_what_nobody_can_any_more_is_not_kept_for_ever() -> None:
    """One agent whose skills change ten thousand times, beside one whose never do."""
    engine = Engine()
    engine.seat(AgentId("still"), {"english": 3})
    engine.free(AgentId("still"), CHANNELS, 5)
    engine.put(ContactId("c1"), Channel.VOICE, {"french": 2}, 0, 1)
    levels = range(1, 11)
    for a, b, c in product(levels, levels, levels):
        engine.seat(AgentId("ever"), {"french": a, "dutch": b, "danish": c})
        engine.free(AgentId("ever"), CHANNELS, 1)
        found = engine.agents_for(ContactId("c1"), 5)
        assert found == (["ever"] if a >= 2 else [])
        engine.seat(AgentId("ever"), {"english": a, "dutch": b, "danish": c})
    assert len(engine._profiles) <= engine_module.PROFILES_KEPT
    assert len(engine._profile_by_bits) == len(engine._profiles)
    engine.put(ContactId("c2"), Channel.VOICE, {"english": 3}, 0, 2)
    assert engine.agents_for(ContactId("c2"), 5) == ["still"]


def test_of_two_alike_one_may_be_excluded_and_the_other_is_there_all_the_same() -> None:
    engine = Engine()
    free(engine, "ann", a=3)
    free(engine, "ben", a=3)
    free(engine, "cat", a=3)
    both = Terms(excluded=(ann(), AgentId("ben")))
    assert engine.staffed(Channel.VOICE, {"a": 3}, both)
    assert not engine.staffed(Channel.VOICE, {"a": 4}, both)
    assert not engine.staffed(Channel.VOICE, {"a": 3}, Terms(only=AgentId("dan")))
    assert not engine.staffed(
        Channel.VOICE, {"a": 3}, Terms(excluded=(ann(), AgentId("ben"), AgentId("cat")))
    )


def test_who_is_named_is_there_though_she_cannot_do_it() -> None:
    engine = Engine()
    free(engine, "ann", b=1)
    assert engine.staffed(Channel.VOICE, {"a": 3}, Terms(agents=(ann(),)))
    assert not engine.staffed(Channel.VOICE, {"a": 3}, Terms(agents=(AgentId("ben"),)))


def test_a_recycled_class_is_not_for_those_who_could_do_what_it_was() -> None:
    engine = Engine()
    free(engine, "ann", rare0=1)
    for n in range(engine_module.CLASSES_KEPT):
        contact = waiting(engine, f"c{n}", PLAIN, **{f"rare{n}": 1})
        engine.take(contact)
    waiting(engine, "another", another=1)
    assert engine.contact_for(ann()) is None
    assert engine.agents_for(waiting(engine, "again", rare0=1)) == ["ann"]


def test_without_a_moment_targets_are_compared_at_the_beginning_of_time() -> None:
    engine = Engine()
    free(engine, "ann")
    engine.put(ContactId("short"), Channel.VOICE, {}, -2, 1, Terms(target=3))
    engine.put(ContactId("long"), Channel.VOICE, {}, -8, 2, Terms(target=10))
    assert engine.contact_for(ann()) == "long"
    assert engine.contact_for(ann(), 1) == "short"


def test_a_queue_keeps_those_whom_it_is_about_from_others_as_long_as_few_are_free() -> None:
    """One who is busy is asked about as if she were free, too."""
    vip, voice = QueueId("vip"), Channel.VOICE
    engine = Engine(reserves=(Reserve(vip, {"a": 1}, 2),))
    people = [free(engine, "nil", b=1)]
    people += [free(engine, name, a=level) for level, name in enumerate(("ann", "ben", "cat"), 1)]
    for number in (3, 2, 1):
        kept = [vip] if number < 3 else []
        assert [engine.keepers(p, voice, QueueId("other")) for p in people[1 : number + 1]] == [
            kept
        ] * number
        engine.free(people[number], (), 0)
    assert engine.keepers(people[0], voice, QueueId("other")) == []
    assert engine.keepers(people[1], voice, vip) == []
    assert engine.keepers(people[1], voice, QueueId("other")) == [vip]
    for person in people[1:3]:
        engine.free(person, (voice,), 0)
    assert engine.keepers(people[3], voice, QueueId("other")) == []
    assert engine.keepers(people[1], Channel.CHAT, QueueId("other")) == [vip]


def test_who_is_named_comes_no_earlier_than_those_who_can_and_are_idle_for_longer() -> None:
    engine = Engine()
    free(engine, "ann", since=5)
    free(engine, "ben", since=1, a=3)
    contact = waiting(engine, "c1", Terms(agents=(ann(),)), a=3)
    assert engine.agents_for(contact, 5) == ["ben", "ann"]
