"""The slow and obvious way to find who gets whom: look at everybody, every time."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, Micros


class Scan:
    """The questions of the engine, answered without any index."""

    def __init__(self) -> None:
        self.contacts: dict[ContactId, tuple[Micros, int, Channel, Mapping[str, int]]] = {}
        self.agents: dict[AgentId, tuple[Mapping[str, int], tuple[Channel, ...], Micros]] = {}

    def put(
        self,
        contact: ContactId,
        channel: Channel,
        needs: Mapping[str, int],
        key: Micros,
        order: int,
    ) -> None:
        self.contacts[contact] = (key, order, channel, needs)

    def take(self, contact: ContactId) -> None:
        self.contacts.pop(contact, None)

    def seat(self, agent: AgentId, skills: Mapping[str, int]) -> None:
        self.agents[agent] = (skills, (), 0)

    def free(self, agent: AgentId, channels: tuple[Channel, ...], since: Micros) -> None:
        self.agents[agent] = (self.agents[agent][0], channels, since)

    def fits(self, agent: AgentId, contact: ContactId) -> bool:
        skills, channels, _ = self.agents[agent]
        _, _, channel, needs = self.contacts[contact]
        return channel in channels and all(skills.get(s, 0) >= n for s, n in needs.items())

    def contact_for(self, agent: AgentId) -> ContactId | None:
        fitting = [
            (key, order, contact)
            for contact, (key, order, _, _) in self.contacts.items()
            if self.fits(agent, contact)
        ]
        return min(fitting)[2] if fitting else None

    def agents_for(self, contact: ContactId) -> list[AgentId]:
        fitting = sorted(
            (since, agent)
            for agent, (_, _, since) in self.agents.items()
            if self.fits(agent, contact)
        )
        return [agent for _, agent in fitting[:2]]
