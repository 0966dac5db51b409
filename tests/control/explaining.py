"""Every offer of a journal, checked: the chosen one was the first, and everybody else's reasons are
true.

How a reason is shown to be true: on a copy of the center as it was just before the offer, all
obstacles of one agent are taken away, and the engine would offer her the contact; all but any one
of them, and it would not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.control.center import Control
from callcenter.control.explained import Explaining, Watched
from callcenter.control.replay import feed
from callcenter.control.state import ContactState, Snapshot, State
from callcenter.control.why import Choice, Lens
from callcenter.control.world import World
from callcenter.domain.center import Queue
from callcenter.domain.commands import Command, Presence
from callcenter.domain.events import Event, Input
from callcenter.domain.units import AgentId, ContactId, FrontendId, Micros, QueueId
from callcenter.domain.why import Criterion, Obstacle, Rule

EVERYBODY = 10**6
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)

COULD = (Rule.LATER, Rule.PASSED)
"""She could have had it."""


def _excluded(state: State, contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    contact.excluded = tuple(a for a in contact.excluded if a != agent.id)
    contact.declined_by = tuple(a for a in contact.declined_by if a != agent.id)
    _change_queues(
        state, lambda q: msgspec.structs.replace(
            q, excluded=tuple(a for a in q.excluded if a != agent.id)
        ),
    )  # fmt: skip


def _change_queues(state: State, change: Callable[[Queue], Queue]) -> None:
    queues = tuple(change(queue) for queue in state.center.queues)
    state.center = msgspec.structs.replace(state.center, queues=queues)
    state.retired_queues = {name: change(q) for name, q in state.retired_queues.items()}


def _awaited(_state: State, contact: ContactState, _agent: AgentState, _: Obstacle) -> None:
    contact.sticky, contact.sticky_until, contact.assigned = AgentId(""), 0, False


def _lacks(_state: State, contact: ContactState, _agent: AgentState, one: Obstacle) -> None:
    contact.skills = {s: n for s, n in contact.skills.items() if s != one.skill}


def _takes_no(state: State, contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agents = tuple(
        msgspec.structs.replace(a, capacity={**a.capacity, contact.channel: 9})
        if a.id == agent.id
        else a
        for a in state.center.agents
    )
    state.center = msgspec.structs.replace(state.center, agents=agents)


def _on_duty(_state: State, _contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agent.duty = Presence.READY


def _stays(_state: State, _contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agent.next = None


def _heard(_state: State, _contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agent.reachable_by = FrontendId("f1")


def _rings_no_more(_state: State, _c: ContactState, agent: AgentState, one: Obstacle) -> None:
    agent.offers = {o: w for o, w in agent.offers.items() if w.contact != one.contact}


def _wrapped_up(_state: State, _c: ContactState, agent: AgentState, one: Obstacle) -> None:
    agent.wrap_ups = {s: w for s, w in agent.wrap_ups.items() if w.contact != one.contact}


def _hung_up(_state: State, _contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agent.segments = {}


def _rested(_state: State, _contact: ContactState, agent: AgentState, _: Obstacle) -> None:
    agent.rest_until = 0


def _kept_no_more(state: State, _c: ContactState, _agent: AgentState, one: Obstacle) -> None:
    def without(queue: Queue) -> Queue:
        reserve = 0 if queue.id == one.queue else queue.reserve
        return msgspec.structs.replace(queue, reserve=reserve)

    _change_queues(state, without)


REMEDIES: dict[Rule, Callable[[State, ContactState, AgentState, Obstacle], None]] = {
    Rule.EXCLUDED: _excluded,
    Rule.WAITS_FOR_ANOTHER: _awaited,
    Rule.LACKS: _lacks,
    Rule.TAKES_NO: _takes_no,
    Rule.LOGGED_OUT: _on_duty,
    Rule.NOT_READY: _on_duty,
    Rule.LEAVING: _stays,
    Rule.UNREACHABLE: _heard,
    Rule.RINGING: _rings_no_more,
    Rule.WRAP_UP: _wrapped_up,
    Rule.AT_WORK: _hung_up,
    Rule.RESTING: _rested,
    Rule.RESERVED: _kept_no_more,
}
"""How each obstacle is taken away, and nothing else changed."""


class Checker:
    """Looks at every explanation as it is made."""

    def __init__(self, agents_looked_at: int, seed: int = 0) -> None:
        self.looked_at = agents_looked_at
        self.chance = Random(seed)
        self.told: Counter[str] = Counter()

    def check(self, world: World, now: Micros, choice: Choice) -> None:
        """All of it, from the world in which the offer is about to be made."""
        contact = world.state.contacts[choice.contact]
        self.told["offers"] += 1
        lens = Lens(world, now)
        free = set(world.engine.agents_for(contact.id, EVERYBODY))
        assert choice.agent in free
        assert not lens.obstacles(contact, world.state.agents[choice.agent])
        for other in choice.others:
            rules = [one.rule for one in other.obstacles]
            self.told.update(rules)
            assert rules, f"no rule tells why {other.agent} was not offered {contact.id}"
            assert (other.agent in free) == (rules[0] in COULD), f"{other} for {contact}"
            assert Rule.LATER not in rules or other.obstacles[0].reason in list(Criterion)
        excluded = [o for o in choice.others if o.agent not in free]
        before = _encoder.encode(Snapshot(state=world.state))
        for other in self.chance.sample(excluded, min(self.looked_at, len(excluded))):
            if Rule.GONE not in [one.rule for one in other.obstacles]:
                self._toggle(before, now, choice.contact, other.agent, other.obstacles)

    def _toggle(
        self, before: bytes, now: Micros, contact: ContactId, agent: AgentId,
        obstacles: tuple[Obstacle, ...],
    ) -> None:  # fmt: skip
        assert offered(before, now, contact, agent, obstacles), f"{agent}: more than {obstacles}"
        for one in obstacles:
            others = tuple(other for other in obstacles if other != one)
            assert not offered(before, now, contact, agent, others), (
                f"{agent}: {one} is no obstacle"
            )
            self.told["toggled"] += 1


def offered(
    before: bytes, now: Micros, contact: ContactId, agent: AgentId, without: tuple[Obstacle, ...]
) -> bool:
    """Would the engine offer it to her, were these obstacles not there?"""
    state = _decoder.decode(before).state
    state.now = max(state.now, now)
    for one in without:
        REMEDIES[one.rule](state, state.contacts[contact], state.agents[agent], one)
    world = World(state)
    assert contact in world.engine
    return agent in world.engine.agents_for(contact, EVERYBODY)


class _CheckedTurn(Watched):
    checker: Checker

    def __init__(self, *given: Any, checker: Checker, **named: Any) -> None:
        super().__init__(*given, **named)
        self.checker = checker

    def emit(self, event: Event) -> None:
        offer = getattr(event, "offer", None)
        choice = self.seen.choices.get(offer) if offer else None
        if choice is not None and type(event).__name__ == "OfferMade":
            assert (choice.contact, choice.agent) == (event.contact, event.agent)  # type: ignore[union-attr]  # an offer names both
            self.checker.check(self.world, self.now, choice)
        super().emit(event)


class Checked(Explaining):
    """Decides as any control center does, and every explanation is checked."""

    def __init__(self, checker: Checker, *, epoch: int = 1) -> None:
        super().__init__(epoch=epoch)
        self.turns = partial(_CheckedTurn, seen=self.seen, checker=checker)


def decide_checked(
    fed: Iterable[tuple[int, Input, tuple[str, Command] | None]], checker: Checker
) -> list[Event]:
    """Decide everything again; what came out."""
    control, events = Checked(checker), list[Event]()
    for epoch, given, command in fed:
        control.epoch = epoch
        events += feed(control, given, iter([command] if command else []))
    return events


__all__ = ["Checker", "Control", "QueueId", "decide_checked"]
