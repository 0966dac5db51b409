"""What must hold after every input, whatever came before: the rules I1 to I12 of the house.

Why: stories prove what we thought of. These prove what we did not, in every state that random and
simulated days reach. The oracle shares nothing with the engine: it scans, slowly and plainly.
"""

from __future__ import annotations

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.control.center import Control
from callcenter.control.state import ContactState, Stage, State
from callcenter.control.timers import Alarm
from callcenter.domain import events as e
from callcenter.domain.center import CAPACITY_DEFAULT, Agent, Channel
from callcenter.domain.commands import Presence
from callcenter.domain.units import ContactId, Micros, OfferId


def plain(control: Control) -> object:
    """The state as plain values, to be compared without regard to the order of keys."""
    return msgspec.to_builtins(control.state)


def able(agent: Agent, contact: ContactState) -> bool:
    return all(agent.skills.get(skill, 0) >= level for skill, level in contact.skills.items())


def may_have(state: State, agent: AgentState, channel: Channel) -> bool:
    """The cross-channel rules, spelled out once more and differently."""
    config = next((a for a in state.center.agents if a.id == agent.id), None)
    if config is None or agent.duty != "ready" or not agent.reachable_by:
        return False
    if agent.next not in (None, Presence.READY) or agent.offers or agent.wrap_ups:
        return False
    has = sorted(work.channel.value for work in agent.segments.values())
    room = config.capacity.get(channel, CAPACITY_DEFAULT[channel])
    if channel == "voice":
        return "chat" not in has and has.count("voice") < room
    return "voice" not in has and has.count(channel.value) < room


def waits(control: Control, contact: ContactState) -> bool:
    """May it be offered now: waiting, its owner alive, not resting after a failure of ours?"""
    owner = control.state.frontends[contact.frontend]
    return (
        contact.stage is Stage.WAITING and not owner.lost and contact.retry_at <= control.state.now
    )


def check_places(state: State) -> None:
    """I1, I2: each contact is in one place, and whatever names it agrees."""
    offers_of: dict[ContactId, list[OfferId]] = {}
    for offer, found in state.offers.items():
        offers_of.setdefault(found.contact, []).append(offer)
        assert offer in state.agents[found.agent].offers, "an offer its agent knows nothing of"
    for contact in state.contacts.values():
        offers = offers_of.pop(contact.id, [])
        assert offers == ([contact.offer] if contact.offer else []), f"I2 {contact.id}: {offers}"
        assert (contact.stage is Stage.OFFERED) == bool(contact.offer), f"I1 {contact}"
        assert (contact.stage is Stage.TALKING) == bool(contact.segment), f"I1 {contact}"
        if contact.segment:
            assert state.segments[contact.segment].contact == contact.id
    assert not offers_of, f"I1 offers of ended contacts: {offers_of}"
    for segment in state.segments.values():
        assert state.contacts[segment.contact].segment == segment.id, f"I1 {segment}"
        assert segment.id in state.agents[segment.agent].segments


def check_capacity(state: State) -> None:
    """I3: nobody has more than she may have, per channel and across channels."""
    for agent in state.agents.values():
        config = next((a for a in state.center.agents if a.id == agent.id), None)
        assert len(agent.offers) <= 1, f"I3 {agent.id} rings twice"
        if config is None:
            continue
        has = [w.channel for w in (*agent.segments.values(), *agent.offers.values())]
        for channel in Channel:
            room = config.capacity.get(channel, CAPACITY_DEFAULT[channel])
            assert has.count(channel) <= room, f"I3 {agent.id} has {has}"
        assert not (Channel.VOICE in has and Channel.CHAT in has), f"I3 {agent.id} has {has}"


def check_shown(state: State) -> None:
    """What is shown is what is."""
    for agent in state.agents.values():
        busy = bool(agent.segments or agent.offers or agent.wrap_ups)
        idle = agent.presence in (Presence.READY, Presence.NOT_READY, Presence.LOGGED_OUT)
        assert busy != idle, f"{agent.id} is shown {agent.presence} with {agent}"
        assert not (idle and agent.next), f"{agent.id} keeps a next state while idle"


def check_work_conserving(control: Control) -> None:
    """I6: nobody waits whom a free and able agent could take."""
    state = control.state
    configs = {a.id: a for a in state.center.agents}
    free = {
        (agent.id, channel)
        for agent in state.agents.values()
        for channel in Channel
        if may_have(state, agent, channel)
    }
    if not free:
        return
    for contact in state.contacts.values():
        if waits(control, contact):
            for agent, channel in free:
                fits = channel is contact.channel and able(configs[agent], contact)
                assert not fits, f"I6 {contact.id} waits while {agent} is free"


def check_engine(control: Control) -> None:
    """I7: the indexes say what the state says."""
    state, world = control.state, control._world
    counts: dict[str, int] = {}
    for contact in state.contacts.values():
        if contact.id in world.engine:
            owner = state.frontends[contact.frontend]
            assert (contact.stage, owner.lost) == (Stage.WAITING, 0), f"I7 {contact}"
        else:
            assert contact.retry_at or not waits(control, contact), f"I7 {contact}"
        if contact.stage in (Stage.WAITING, Stage.OFFERED):
            counts[contact.queue] = counts.get(contact.queue, 0) + 1
    assert {q: n for q, n in world.in_queue.items() if n} == counts, "I7 waiting per queue"
    for agent in state.agents.values():
        seat = world.engine._seats[agent.id]
        should = tuple(ch for ch in Channel if may_have(state, agent, ch))
        assert seat.channels == should, f"I7/I3b {agent.id}: {seat.channels} != {should}"


def check_timers(control: Control) -> None:
    """I8: whatever waits for time has a timer."""
    world, state = control._world, control.state
    armed = {(when, alarm, whose) for when, alarm, whose in world.timers._heap}
    armed |= set(world.resting._heap)
    for offer, found in state.offers.items():
        assert (found.until, Alarm.OFFER, offer) in armed, f"I8 {offer}"
    for contact in state.contacts.values():
        due = world.due(Alarm.CONTACT, contact.id)
        assert due is None or (due, Alarm.CONTACT, contact.id) in armed, f"I8 {contact.id}"
        assert contact.stage is not Stage.WAITING or due is not None, f"I8 {contact.id}"
        rests = world.due(Alarm.RETRY, contact.id)
        assert rests is None or (rests, Alarm.RETRY, contact.id) in armed, f"I8 {contact.id}"
    for agent in state.agents.values():
        for alarm in (Alarm.WRAP_UP, Alarm.PAUSE):
            due = world.due(alarm, agent.id)
            assert due is None or (due, alarm, agent.id) in armed, f"I8 {agent.id}"


def check(control: Control) -> None:
    """Everything that can be seen from one state."""
    check_places(control.state)
    check_capacity(control.state)
    check_shown(control.state)
    check_work_conserving(control)
    check_engine(control)
    check_timers(control)


class Watcher:
    """Reads the journal as it grows, for what one state cannot show.

    I4, I5: an offer goes to the first of those who wait and fit. I11: the place is kept until the
    visit ends. I12: nobody is overtaken by those who came ten steps' worth later.
    """

    def __init__(self, ageing_seconds: int = 60) -> None:
        self._ageing = ageing_seconds * 1_000_000
        self._waiting: dict[ContactId, e.ContactQueued] = {}
        self._ringing: dict[OfferId, e.ContactQueued] = {}
        self._order: dict[ContactId, int] = {}
        self._visits = 0
        self._last: Micros = 0

    def key(self, visit: e.ContactQueued) -> tuple[Micros, int]:
        return visit.since - visit.priority * self._ageing, self._order[visit.contact]

    def read(self, control: Control, events: list[e.Event], *, orderly: bool = True) -> None:
        """`orderly` is false for inputs that move several agents and contacts at once."""
        for event in events:
            assert event.at >= self._last, "I10 time went back"
            self._last = event.at
            self._read_one(control, event, orderly)

    def _read_one(self, control: Control, event: e.Event, orderly: bool) -> None:
        if isinstance(event, e.ContactQueued):
            self._visits += 1
            self._order[event.contact] = self._visits
            self._waiting[event.contact] = event
        elif isinstance(event, e.OfferMade):
            visit = self._waiting.pop(event.contact)
            assert event.waited == event.at - visit.since, "I11 the wait was not kept"
            if orderly:
                self._first_in_line(control, event, visit)
            self._ringing[event.offer] = visit
        elif isinstance(event, e.OfferDeclined | e.OfferExpired | e.OfferRescinded):
            visit = self._ringing.pop(event.offer)
            self._waiting[event.contact] = visit
        elif isinstance(event, e.OfferAccepted):
            self._ringing.pop(event.offer, None)
        elif isinstance(event, e.SegmentStarted | e.ContactDequeued | e.ContactEnded):
            self._waiting.pop(event.contact, None)

    def _first_in_line(self, control: Control, offer: e.OfferMade, visit: e.ContactQueued) -> None:
        agent = next(a for a in control.state.center.agents if a.id == offer.agent)
        for other in self._waiting.values():
            if other.channel is not visit.channel or self.key(other) >= self.key(visit):
                continue
            contact = control.state.contacts.get(other.contact)
            if contact is None or not waits(control, contact):
                continue
            assert not able(agent, contact), f"I4/I5 {other.contact} was before {visit.contact}"
