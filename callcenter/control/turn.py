"""One input on its way to rest.

A turn collects the events of one command or tick. Each is applied the moment it is decided, so the
next decision sees it. Whoever's situation changed is *touched*; at the end the touched agents are
shown as what they now are, and then matched: agents first, the longest idle before the others,
each with the first contact she can take; then the contacts that came or returned.

Why: matching once, at rest, means that no rule has to remember to do it; and a freed agent always
gets the contact whose turn it is, not the one that happened to be in hand.
"""

from collections import Counter

from callcenter.agents.agent import AgentState
from callcenter.agents.presence import shown
from callcenter.control.state import ContactState, Stage, State
from callcenter.control.world import World
from callcenter.domain.commands import Presence
from callcenter.domain.events import Event, OfferMade, PresenceChanged
from callcenter.domain.units import SECOND, AgentId, CommandId, ContactId, Micros, OfferId
from callcenter.routing.evidence import evidence


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

    def rest(self) -> list[Event]:
        """Show and match everybody touched, until nothing follows any more."""
        while self._agents or self._contacts:
            agents = self._known_agents()
            contacts, self._contacts = self._contacts, {}
            for agent in agents:
                self._settle(agent)
            for agent in agents:
                self._match_agent(agent)
            for contact in sorted(self._still_waiting(contacts), key=lambda c: (c.key, c.order)):
                self._match_contact(contact)
        return self.events

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
        while not agent.offers and (found := self.world.engine.contact_for(agent.id)):
            contact = self.state.contacts[found]
            if contact.passed_by == agent.id:
                self._match_contact(contact)
            else:
                self._offer(contact, agent, None, freed=True)

    def _match_contact(self, contact: ContactState) -> None:
        if contact.id not in self.world.engine:
            return
        able = self.world.engine.agents_for(contact.id)
        if len(able) == 2 and able[0] == contact.passed_by:
            able.reverse()
        if able:
            runner_up = able[1] if len(able) == 2 else None
            self._offer(contact, self.state.agents[able[0]], runner_up)

    def _offer(
        self,
        contact: ContactState,
        agent: AgentState,
        runner_up: AgentId | None,
        *,
        freed: bool = False,
    ) -> None:
        assert contact.stage is Stage.WAITING
        queue = self.world.queue(contact.queue)
        ring_seconds = queue.ring_seconds if queue else 20
        config = self.world.agents[agent.id]
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
                act_before=self.now + ring_seconds * SECOND,
                waited=self.now - contact.since,
                attempt=contact.attempts + 1,
                evidence=evidence(
                    idle=self.now - agent.idle_since,
                    needs=contact.skills,
                    skills=config.skills,
                    runner_up=runner_up,
                    freed=freed,
                    passed_by=contact.passed_by,
                ),
            )
        )
        self._settle(agent)
