"""One input on its way to rest.

A turn collects the events of one command or tick. Each is applied the moment it is decided, so the
next decision sees it. Whoever's situation changed is *touched*; at the end the touched agents are
shown as what they now are, and then matched: agents first, each with the first contact she can
take, the first of those contacts before the others and for the same one the longest idle; then the
contacts that came or returned. A contact whose queue has an order of its own for agents goes to the
first of those who are free in that order, whoever brought it up.

Why: matching once, at rest, means that no rule has to remember to do it; and a freed agent always
gets the contact whose turn it is, not the one that happened to be in hand.
"""

from collections import Counter
from heapq import heappop, heappush

from callcenter.agents.agent import AgentState
from callcenter.agents.occupancy import occupancy
from callcenter.agents.presence import shown
from callcenter.control.state import IN_QUEUE, ContactState, State
from callcenter.control.world import World
from callcenter.domain.center import AgentChoice, AutoAnswer, Callback, Channel, Queue
from callcenter.domain.commands import Presence
from callcenter.domain.events import (
    AgentReleased,
    Event,
    OfferAccepted,
    OfferMade,
    PresenceChanged,
    SegmentStarted,
)
from callcenter.domain.units import (
    SECOND,
    AgentId,
    CommandId,
    ContactId,
    Micros,
    OfferId,
    SegmentId,
)
from callcenter.routing.choice import Order, Rank, after, order_of
from callcenter.routing.evidence import evidence
from callcenter.routing.skills import merge

ORDERED_BY_CHOICE = frozenset(AgentChoice) - {AgentChoice.LONGEST_IDLE}


class Turn:
    """The events of one input, in the order in which they were decided."""

    def __init__(
        self, world: World, now: Micros, *, epoch: int, source: str, counters: Counter[str]
    ) -> None:
        self.world = world
        self.now = now
        self.epoch = epoch
        self.source = CommandId(source)
        self.counters = counters
        self.events: list[Event] = []
        self._agents: dict[AgentId, None] = {}
        self._contacts: dict[ContactId, None] = {}

    @property
    def state(self) -> State:
        return self.world.state

    def emit(self, event: Event) -> None:
        """Decide: the event is true, and part of this turn's answer.

        What cannot be applied never reaches the journal, where it would stop every follower.
        """
        self.world.apply(event)
        self.events.append(event)

    def note(self, oddity: str) -> None:
        """Count a fact that changed nothing because we know nothing of what it names."""
        self.counters[oddity] += 1

    def touch(self, agent: AgentId) -> None:
        """Look at this agent again before the turn ends."""
        self._agents[agent] = None

    def touch_contact(self, contact: ContactId) -> None:
        """Try to find an agent for this contact before the turn ends."""
        self._contacts[contact] = None

    def change_presence(
        self, agent: AgentState, presence: Presence, reason: str = "", contact: str = ""
    ) -> None:
        """Say what she is from now on, and how long she was what she was."""
        self.emit(
            PresenceChanged(
                at=self.now,
                agent=agent.id,
                presence=presence,
                reason=reason,
                previous=agent.presence,
                lasted=self.now - agent.since if agent.since else 0,
                contact=ContactId(contact),
            )
        )
        if presence is Presence.LOGGED_OUT and self.world.engine.awaited(agent.id):
            for one in list(self.state.contacts.values()):
                if one.sticky == agent.id and one.stage in IN_QUEUE:
                    self.release(one)

    def release(self, contact: ContactState) -> None:
        """It waits for one agent alone no more: its time is over, she would not, or she went home."""
        self.emit(AgentReleased(at=self.now, contact=contact.id, agent=contact.sticky))
        self.touch_contact(contact.id)

    def rest(self) -> list[Event]:
        """Show and match everybody touched, until nothing follows any more."""
        while self._agents or self._contacts:
            agents = self._known_agents()
            contacts, self._contacts = self._contacts, {}
            for agent in agents:
                self._settle(agent)
            if len(agents) == 1 and not self.world.engine.reserving:
                self._match_agent(agents[0])
            elif agents:
                self._match_agents(agents)
            for contact in sorted(self._still_waiting(contacts), key=self._place):
                self._match_contact(contact)
        return self.events

    def _match_agents(self, agents: list[AgentState]) -> None:
        """Several who came free: contact by contact, in the order of those who wait.

        Where agents are kept for a queue, one who comes free may set others free. An entry may be
        outdated when its turn comes; then the agent stands again with what is first for her now.
        """
        if self.world.engine.reserving:
            agents = [self.state.agents[name] for name in self.world.engine.unlocked()]
        line: list[tuple[tuple[int, Micros, int], Micros, AgentId]] = []
        for agent in agents:
            self._stand(line, agent.id)
        while line:
            place, _, name = heappop(line)
            found = self._first_for(name)
            if found is not None and self._place(found) == place:
                self._match(found, self.state.agents[name])
            self._stand(line, name)

    def _stand(
        self, line: list[tuple[tuple[int, Micros, int], Micros, AgentId]], name: AgentId
    ) -> None:
        found = self._first_for(name)
        if found is not None:
            heappush(line, (self._place(found), self.state.agents[name].idle_since, name))

    def _first_for(self, name: AgentId) -> ContactState | None:
        """The first contact for an agent, if she may be offered one."""
        agent = self.state.agents.get(name)
        found = self.world.engine.contact_for(name, self.now) if agent else None
        return self.state.contacts[found] if found else None

    def _place(self, contact: ContactState) -> tuple[int, Micros, int]:
        """The order of contacts that are looked at in one turn, as the engine has it."""
        return self.world.used_up(contact, self.now), contact.key, contact.order

    def _known_agents(self) -> list[AgentState]:
        touched, self._agents = self._agents, {}
        known = [self.state.agents[agent] for agent in touched if agent in self.state.agents]
        return sorted(known, key=lambda agent: (agent.idle_since, agent.id))

    def _still_waiting(self, contacts: dict[ContactId, None]) -> list[ContactState]:
        found = (self.state.contacts.get(contact) for contact in contacts)
        return [c for c in found if c is not None and c.id in self.world.engine]

    def _settle(self, agent: AgentState) -> None:
        presence, reason, contact = shown(agent)
        due = agent.next is not None and not agent.at_work
        if due or (presence, reason) != (agent.presence, agent.reason):
            self.change_presence(agent, presence, reason, contact)

    def _match_agent(self, agent: AgentState) -> None:
        if agent.id not in self.state.agents:
            return
        while not agent.offers and (found := self.world.engine.contact_for(agent.id, self.now)):
            self._match(self.state.contacts[found], agent)

    def _match(self, contact: ContactState, agent: AgentState) -> None:
        """Offer what is first for an agent: to her, unless others may come before her."""
        if contact.passed_by == agent.id or self._has_an_order(contact):
            self._match_contact(contact)
        else:
            self._offer(contact, agent, None, freed=True)

    def _match_contact(self, contact: ContactState) -> None:
        if contact.id not in self.world.engine:
            return
        wanted = self.world.width(contact) - len(contact.live)
        if not self.world.engine.reserving:
            self._offer_to(contact, wanted)
            return
        # Each phone that rings leaves fewer free, so who is kept is asked anew.
        while wanted and self._offer_to(contact, 1):
            wanted -= 1

    def _offer_to(self, contact: ContactState, wanted: int) -> bool:
        """Offer it to so many of those who are free; was there anybody?"""
        able = self.world.engine.agents_for(contact.id, wanted + 1, self._order(contact))
        if able and able[0] == contact.passed_by:
            able.append(able.pop(0))
        runner_up = able[wanted] if len(able) > wanted else None
        for agent in able[:wanted]:
            self._offer(contact, self.state.agents[agent], runner_up)
        return bool(able)

    def _has_an_order(self, contact: ContactState) -> bool:
        """Is the agent for it chosen by more than idleness?"""
        queue = self.world.queue(contact.queue)
        if queue is None:
            return bool(contact.preferred)
        return bool(queue.agent_choice in ORDERED_BY_CHOICE or contact.preferred or queue.preferred)

    def _order(self, contact: ContactState) -> Order | None:
        """How agents are compared for this contact; None for the longest idle."""
        if not self._has_an_order(contact):
            return None
        queue = self.world.queue(contact.queue)
        choice = queue.agent_choice if queue else AgentChoice.LONGEST_IDLE
        preferred = merge(queue.preferred if queue else {}, contact.preferred)
        rank = self._rank(choice, queue)
        return order_of(choice, self.world.engine.skills, contact.skills, preferred, rank)

    def _rank(self, choice: AgentChoice, queue: Queue | None) -> Rank | None:
        if choice is AgentChoice.LEAST_OCCUPIED:
            return lambda agent: (occupancy(self.state.agents[agent], self.now), "")
        if choice is AgentChoice.TOP_DOWN:
            return lambda agent: (self.world.positions[agent], "")
        if choice is AgentChoice.ROUND_ROBIN and queue is not None:
            return after(self.state.turns.get(queue.id, AgentId("")))
        return None

    def _offer(
        self,
        contact: ContactState,
        agent: AgentState,
        runner_up: AgentId | None,
        *,
        freed: bool = False,
    ) -> None:
        assert contact.stage in IN_QUEUE
        queue = self.world.queue(contact.queue)
        ring_seconds = queue.ring_seconds if queue else 20
        preview = preview_seconds(self.world, contact)
        callback = queue.callback if queue else Callback()
        self.emit(
            OfferMade(
                at=self.now,
                offer=OfferId(f"o{self.epoch}-{self.state.offered + 1}"),
                contact=contact.id,
                queue=contact.queue,
                channel=contact.channel,
                agent=agent.id,
                frontend=contact.frontend,
                ring_seconds=ring_seconds,
                act_before=self.now + (preview or ring_seconds) * SECOND,
                waited=self.now - contact.since,
                attempt=contact.attempts + 1,
                dial_seconds=callback.ring_seconds if contact.calls_back else 0,
                evidence=evidence(
                    idle=self.now - agent.idle_since,
                    needs=contact.skills,
                    skills=self.world.skills[agent.id],
                    runner_up=runner_up,
                    how=self._how(contact, queue, agent.id),
                    freed=freed,
                    passed_by=contact.passed_by,
                ),
                preview_seconds=preview,
                auto_answer=not preview and phone_answers(self.world, contact, agent),
            )
        )
        if contact.document and queue is not None and queue.auto_accept:
            self._lay_on_desk(contact, agent)
        self._settle(agent)

    def _lay_on_desk(self, contact: ContactState, agent: AgentState) -> None:
        """The queue does not ask whether she takes it."""
        offer = contact.offer
        self.emit(OfferAccepted(at=self.now, offer=offer, contact=contact.id, agent=agent.id))
        self.emit(
            SegmentStarted(
                at=self.now,
                segment=SegmentId(f"s{self.epoch}-{self.state.segmented + 1}"),
                contact=contact.id,
                agent=agent.id,
                queue=contact.queue,
                channel=contact.channel,
                visit=contact.visits,
                waited=self.now - contact.since,
            )
        )
        self.touch(agent.id)

    def _how(self, contact: ContactState, queue: Queue | None, agent: AgentId) -> str:
        """How she was chosen, where it was not by idleness alone."""
        if agent == contact.sticky:
            return "assigned by hand" if contact.assigned else "waited for alone"
        choice = queue.agent_choice if queue else AgentChoice.LONGEST_IDLE
        named = agent in contact.agents or (self.world.team(agent) in contact.teams)
        words = [
            "in a wider ring" if named else "",
            choice.replace("_", " ") if choice in ORDERED_BY_CHOICE else "",
        ]
        return "; ".join(word for word in words if word)


def preview_seconds(world: World, contact: ContactState) -> int:
    """How long an agent looks at it before it rings; 0 where several are rung at once."""
    queue = world.queue(contact.queue)
    alone = world.width(contact) == 1 and not contact.document  # those wait on the desk anyway
    return queue.preview_seconds if queue and alone else 0


def phone_answers(
    world: World, contact: ContactState, agent: AgentState, *, accepted: bool = False
) -> bool:
    """Is her phone to answer by itself? Only for who is ready, or has `accepted` just now; never
    where several are rung, who would all be on the line."""
    queue, config = world.queue(contact.queue), world.agents.get(agent.id)
    can = config is not None and config.auto_answer is not AutoAnswer.OFF
    ready = agent.duty is Presence.READY and agent.next in (None, Presence.READY)
    may = queue is not None and queue.auto_answer and contact.channel is Channel.VOICE
    return can and may and (ready or accepted) and world.width(contact) == 1
