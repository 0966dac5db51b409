"""What must hold after every input, whatever came before: the rules I1 to I13 of the house.

Why: stories prove what we thought of. These prove what we did not, in every state that random and
simulated days reach. The oracle shares nothing with the engine: it scans, slowly and plainly.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from callcenter.agents.agent import AgentState
from callcenter.control.center import Control
from callcenter.control.state import ContactState, Stage, State
from callcenter.control.timers import Alarm
from callcenter.domain import events as e
from callcenter.domain.center import CAPACITY_DEFAULT, Agent, Channel, ContactChoice, Queue
from callcenter.domain.commands import Presence
from callcenter.domain.units import DAY, SECOND, AgentId, ContactId, Micros, OfferId, QueueId


def plain(control: Control) -> object:
    """The state as plain values, to be compared without regard to the order of keys."""
    return msgspec.to_builtins(control.state)


def level_of(state: State, agent: Agent, skill: str) -> int:
    """Her proficiency as the journal has it: configured, by hand, trained, expired."""
    found = state.people.get(agent.id)
    certificate = found.certificates.get(skill) if found else None
    if certificate and certificate.expired:
        return 0
    if skill in state.center.certified and not certificate:
        return 0
    if found and skill in found.by_hand:
        return found.by_hand[skill]
    return max(agent.skills.get(skill, 0), certificate.level if certificate else 0)


def meets(state: State, agent: Agent, needs: Mapping[str, int]) -> bool:
    return all(level_of(state, agent, skill) >= level for skill, level in needs.items())


def able(state: State, agent: Agent, contact: ContactState) -> bool:
    """Is she in the contact's ring, reserves aside?"""
    queue = queue_of(state, contact.queue)
    if agent.id in (*contact.excluded, *contact.declined_by) or (
        queue and agent.id in queue.excluded
    ):
        return False
    if contact.sticky and contact.sticky != agent.id:
        return False
    if contact.assigned or agent.id in contact.agents:
        return True
    return (agent.team != "" and agent.team in contact.teams) or meets(state, agent, contact.skills)


def queue_of(state: State, name: QueueId) -> Queue | None:
    here = next((queue for queue in state.center.queues if queue.id == name), None)
    return here or state.retired_queues.get(name)


def width_of(state: State, contact: ContactState) -> int:
    if contact.calls_back or not contact.frontend:
        return 1
    queue = queue_of(state, contact.queue)
    return queue.ring_width if queue and queue.agent_choice == "ring_all" else 1


def kept_for_others(
    state: State, agent: Agent, contact: ContactState, free: set[tuple[AgentId, Channel]]
) -> bool:
    """Is she one of the last free ones for another queue that keeps some?"""
    configs = {a.id: a for a in state.center.agents}
    return not contact.sticky and any(
        queue.reserve
        and queue.id != contact.queue
        and meets(state, agent, queue.skills)
        and sum(
            channel is contact.channel and meets(state, configs[name], queue.skills)
            for name, channel in free
        )
        <= queue.reserve
        for queue in state.center.queues
    )


def may_have(state: State, agent: AgentState, channel: Channel) -> bool:
    """The cross-channel rules, spelled out once more and differently."""
    config = next((a for a in state.center.agents if a.id == agent.id), None)
    if config is None or agent.duty != "ready" or not agent.reachable_by:
        return False
    if agent.next not in (None, Presence.READY) or agent.offers or agent.wrap_ups:
        return False
    has = sorted(work.channel.value for work in agent.segments.values())
    room = {**CAPACITY_DEFAULT, **state.center.capacity, **config.capacity}[channel]
    if channel == "voice":
        return "chat" not in has and has.count("voice") < room
    return "voice" not in has and has.count(channel.value) < room


def lost(state: State, contact: ContactState) -> bool:
    """Is the owner gone? Documents have none."""
    return bool(contact.frontend) and bool(state.frontends[contact.frontend].lost)


def waits(control: Control, contact: ContactState) -> bool:
    """May it be offered now: waiting, its owner alive, not resting after a failure of ours?"""
    state = control.state
    wants = contact.stage is Stage.WAITING or (
        contact.stage is Stage.OFFERED and len(contact.live) < width_of(state, contact)
    )
    return wants and not lost(state, contact) and contact.retry_at <= state.now


def check_places(state: State, ringing_all: bool) -> None:
    """I1, I2: each contact is in one place, and whatever names it agrees."""
    offers_of: dict[ContactId, list[OfferId]] = {}
    for offer, found in state.offers.items():
        offers_of.setdefault(found.contact, []).append(offer)
        assert offer in state.agents[found.agent].offers, "an offer its agent knows nothing of"
    for contact in state.contacts.values():
        offers = offers_of.pop(contact.id, [])
        check_beside(state, contact, offers)
        assert sorted(offers) == sorted(contact.live), f"I2 {contact.id}: {offers}"
        assert len(contact.live) < 2 or ringing_all, f"I2 {contact.id}: {contact.live}"
        agents = {state.offers[offer].agent for offer in offers}
        assert len(agents) == len(offers), f"I2 {contact.id} rings twice at {agents}"
        assert (contact.stage is Stage.OFFERED) == bool(contact.offer), f"I1 {contact}"
        assert (contact.stage is Stage.TALKING) == bool(contact.segment), f"I1 {contact}"
        if contact.segment:
            assert state.segments[contact.segment].contact == contact.id
    for name, kept in state.offers.items():
        looks = kept.preview
        assert looks is None or looks.offer == name, f"I2 {name} is another's preview"
        assert looks is None or len(state.contacts[kept.contact].live) == 1 or ringing_all
        assert contact.stage is not Stage.ASIDE or not contact.frontend, f"I1 {contact}"
    assert not offers_of, f"I1 offers of ended contacts: {offers_of}"
    for segment in state.segments.values():
        has = state.contacts[segment.contact]
        assert (segment.id == has.segment) != (segment.id in has.beside), f"I1 {segment}"
        assert segment.id in state.agents[segment.agent].segments


def check_interrupted(state: State) -> None:
    """I13: whoever talks has what she reads on hold, and nobody else was put there by us."""
    for agent in state.agents.values():
        works = [state.segments[segment] for segment in agent.segments]
        talks = any(state.contacts[work.contact].frontend for work in works)
        for work in works:
            if talks and not state.contacts[work.contact].frontend:
                assert work.held_by_agent, f"I13 {agent.id} talks, and {work.contact} runs on"


def check_beside(state: State, contact: ContactState, offers: list[OfferId]) -> None:
    """I1, I2 where an agent brings colleagues in: one has the contact, the others are beside her and
    never without her; one is asked at a time, by an offer that leaves the contact where it is."""
    if contact.asked_in:
        offers.remove(contact.asked_in)
        assert state.offers[contact.asked_in].beside, f"I2 {contact}"
    assert contact.segment or not (contact.beside or contact.asked_in), f"I1 {contact}"
    for beside in contact.beside:
        assert state.segments[beside].contact == contact.id, f"I1 {contact}"
    people = [state.segments[one].agent for one in (contact.segment, *contact.beside) if one]
    assert len(set(people)) == len(people), f"I1 {contact.id} has {people}"


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
        if may_have(state, agent, channel) and agent.id not in control._world.sleeping
    }
    if not free:
        return
    for contact in state.contacts.values():
        if waits(control, contact):
            for agent, channel in free:
                fits = channel is contact.channel and able(state, configs[agent], contact)
                idle = fits and not kept_for_others(state, configs[agent], contact, free)
                assert not idle, f"I6 {contact.id} waits while {agent} is free"


def check_engine(control: Control) -> None:
    """I7: the indexes say what the state says."""
    state, world = control.state, control._world
    counts: dict[str, int] = {}
    for contact in state.contacts.values():
        if contact.id in world.engine:
            room = contact.stage is Stage.OFFERED and len(contact.live) < width_of(state, contact)
            assert contact.stage is Stage.WAITING or room, f"I7 {contact}"
            assert not lost(state, contact), f"I7 {contact}"
            group, entry = world.engine._contacts[contact.id]
            assert entry[:2] == (contact.key, contact.order), f"I7 {contact}"
            assert group.terms == world.terms(contact), f"I7 {contact}"
        else:
            assert contact.retry_at or not waits(control, contact), f"I7 {contact}"
        if contact.stage in (Stage.WAITING, Stage.OFFERED):
            counts[contact.queue] = counts.get(contact.queue, 0) + 1
    assert {q: n for q, n in world.in_queue.items() if n} == counts, "I7 waiting per queue"
    for agent in state.agents.values():
        seat = world.engine._seats[agent.id]
        should = tuple(ch for ch in Channel if may_have(state, agent, ch))
        if agent.id in world.sleeping:
            assert should, f"I7 {agent.id} rests though nothing would be offered"
            assert agent.rest_until > state.now, f"I7 {agent.id} rests for too long"
            should = ()
        assert seat.channels == should, f"I7/I3b {agent.id}: {seat.channels} != {should}"


def check_timers(control: Control) -> None:
    """I8: whatever waits for time has a timer."""
    world, state = control._world, control.state
    armed = {(when, alarm, whose) for when, alarm, whose in world.timers._heap}
    armed |= {*world.resting._heap, *world.certificates._heap}
    for offer, found in state.offers.items():
        assert (found.until, Alarm.OFFER, offer) in armed, f"I8 {offer}"
    for contact in state.contacts.values():
        due = world.due(Alarm.CONTACT, contact.id)
        assert due is None or (due, Alarm.CONTACT, contact.id) in armed, f"I8 {contact.id}"
        timed = (Stage.WAITING, Stage.ASIDE)
        assert contact.stage not in timed or due is not None, f"I8 {contact.id}"
        for alarm in (Alarm.RETRY, Alarm.STEP):
            due = world.due(alarm, contact.id)
            assert due is None or (due, alarm, contact.id) in armed, f"I8 {alarm} {contact.id}"
    for letter in state.letters:
        due = world.due(Alarm.LETTER, letter)
        assert due is None or (due, Alarm.LETTER, letter) in armed, f"I8 {letter}"
    for name in state.people:
        due = world.due(Alarm.CERTIFICATE, name)
        assert due is None or (due, Alarm.CERTIFICATE, name) in armed, f"I8 {name}"
    for agent in state.agents.values():
        for alarm in (Alarm.WRAP_UP, Alarm.PAUSE, Alarm.REST):
            due = world.due(alarm, agent.id)
            assert due is None or (due, alarm, agent.id) in armed, f"I8 {agent.id}"


def check(control: Control, *, ringing_all: bool = False) -> None:
    """Everything that can be seen from one state.

    `ringing_all` tells that a configuration was in force by which several phones ring at once.
    """
    queues = (*control.state.center.queues, *control.state.retired_queues.values())
    check_places(control.state, ringing_all or any(q.agent_choice == "ring_all" for q in queues))
    check_capacity(control.state)
    check_interrupted(control.state)
    check_shown(control.state)
    check_work_conserving(control)
    check_engine(control)
    check_timers(control)


class Visit(msgspec.Struct):
    """A stay in queues as the journal tells it: a move or a wider ring does not end it."""

    contact: ContactId
    channel: Channel
    since: Micros
    priority: int
    order: int
    place: Micros
    """What its place counts from: where it first waited, if an agent handed it on."""


class Watcher:
    """Reads the journal as it grows, for what one state cannot show.

    I4, I5: an offer goes to the first of those who wait and fit. I11: the place is kept until the
    visit ends, through RONA, wider rings and moves. I12: nobody is overtaken by those who came ten
    steps' worth later, unless priority is strict.
    """

    def __init__(self, ageing_seconds: int = 60) -> None:
        self._ageing = ageing_seconds * SECOND
        self._visits: dict[ContactId, Visit] = {}
        self._count = 0
        self._last: Micros = 0
        self._choice = ContactChoice.AGEING
        self._confirmed: set[OfferId] = set()

    def key(self, visit: Visit) -> tuple[Micros, int]:
        step = 31 * DAY if self._choice is ContactChoice.STRICT else self._ageing
        return visit.place - visit.priority * step, visit.order

    def read(self, control: Control, events: list[e.Event], *, orderly: bool = True) -> None:
        """`orderly` is false for inputs that move several agents and contacts at once."""
        for event in events:
            assert event.at >= self._last, "I10 time went back"
            self._last = event.at
            self._read_one(control, event, orderly)

    def _read_one(self, control: Control, event: e.Event, orderly: bool) -> None:
        if isinstance(event, e.ContactQueued):
            self._count += 1
            self._visits[event.contact] = Visit(
                event.contact, event.channel, event.since, event.priority, self._count,
                event.place_from or event.since,
            )  # fmt: skip
        elif isinstance(event, e.OfferMade):
            visit = self._visits[event.contact]
            assert event.waited == event.at - visit.since, "I11 the wait was not kept"
            if orderly and self._choice is not ContactChoice.TARGET:
                self._first_in_line(control, event, visit)
            self._rings_itself(control, event)
        elif isinstance(event, e.OfferConfirmed):
            self._rings_itself(control, event.grant)
            assert event.offer not in self._confirmed, f"I2 {event.offer} is granted twice"
            self._confirmed.add(event.offer)
        elif isinstance(event, e.RingWidened | e.PriorityChanged):
            visit = self._visits[event.contact]
            rises = isinstance(event, e.PriorityChanged) or event.priority >= visit.priority
            assert rises, "I11 a wider ring moved it back"
            visit.priority = event.priority
        elif isinstance(event, e.ContactMoved):
            visit = self._visits[event.contact]
            assert (event.since, event.priority) == (visit.since, visit.priority), "I11 a move"
        elif isinstance(event, e.SegmentStarted | e.ContactDequeued | e.ContactEnded):
            self._visits.pop(event.contact, None)
        elif isinstance(event, e.ConfigurationChanged):
            self._choice = event.center.contact_choice
        self._places_kept(control, event)

    @staticmethod
    def _rings_itself(control: Control, grant: e.OfferMade) -> None:
        """Nobody's phone answers for a contact that she did not accept and must not have."""
        config = next((a for a in control.state.center.agents if a.id == grant.agent), None)
        if grant.auto_answer:
            assert config is not None, f"{grant.agent} is gone"
            assert config.auto_answer != "off", f"{grant.agent} has no such phone"
            assert grant.channel is Channel.VOICE, grant
            assert not grant.preview_seconds, grant

    def _places_kept(self, control: Control, event: e.Event) -> None:
        """The state has the place that the journal tells."""
        visit = self._visits.get(getattr(event, "contact", ContactId("")))
        contact = control.state.contacts.get(visit.contact) if visit else None
        if visit and contact and contact.stage in (Stage.WAITING, Stage.OFFERED):
            assert contact.since == visit.since, f"I11 {contact}"

    def _first_in_line(self, control: Control, offer: e.OfferMade, visit: Visit) -> None:
        state = control.state
        configs = {a.id: a for a in state.center.agents}
        free = {
            (agent.id, channel)
            for agent in state.agents.values()
            for channel in Channel
            if may_have(state, agent, channel) and agent.id not in control._world.sleeping
        } | {(offer.agent, visit.channel)}
        agent = configs[offer.agent]
        for other in self._visits.values():
            if other.channel is not visit.channel or self.key(other) >= self.key(visit):
                continue
            contact = state.contacts.get(other.contact)
            if contact is None or not waits(control, contact):
                continue
            fits = able(state, agent, contact)
            first = fits and not kept_for_others(state, agent, contact, free)
            assert not first, f"I4/I5 {other.contact} was before {visit.contact}"
