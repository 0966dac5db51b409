"""The slow and obvious way to find who gets whom: look at everybody, every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, Micros
from callcenter.routing.terms import PLAIN, Reserve, Terms

Cost = Callable[[AgentId], Any]


def able(skills: Mapping[str, int], needs: Mapping[str, int]) -> bool:
    return all(skills.get(skill, 0) >= level for skill, level in needs.items())


class Scan:
    """The questions of the engine, answered without any index."""

    def __init__(self, reserves: Iterable[Reserve] = ()) -> None:
        self.contacts: dict[ContactId, tuple[Micros, int, Channel, Mapping[str, int], Terms]] = {}
        self.agents: dict[AgentId, tuple[Mapping[str, int], tuple[Channel, ...], Micros]] = {}
        self.teams: dict[AgentId, str] = {}
        self.reserves = list(reserves)

    def put(
        self,
        contact: ContactId,
        channel: Channel,
        needs: Mapping[str, int],
        key: Micros,
        order: int,
        terms: Terms = PLAIN,
    ) -> None:
        self.contacts[contact] = (key, order, channel, needs, terms)

    def take(self, contact: ContactId) -> None:
        self.contacts.pop(contact, None)

    def seat(self, agent: AgentId, skills: Mapping[str, int], team: str = "") -> None:
        self.agents[agent] = (skills, (), 0)
        self.teams[agent] = team

    def free(self, agent: AgentId, channels: tuple[Channel, ...], since: Micros) -> None:
        self.agents[agent] = (self.agents[agent][0], channels, since)

    def fits(self, agent: AgentId, contact: ContactId) -> bool:
        skills, channels, _ = self.agents[agent]
        _, _, channel, needs, terms = self.contacts[contact]
        if channel not in channels or agent in terms.excluded or terms.only not in ("", agent):
            return False
        named = agent in terms.agents or self.teams[agent] in terms.teams
        if not named and not able(skills, needs):
            return False
        return bool(terms.only) or not any(
            reserve.queue != terms.queue
            and able(skills, reserve.needs)
            and self.free_for(reserve, channel) <= reserve.agents
            for reserve in self.reserves
        )

    def free_for(self, reserve: Reserve, channel: Channel) -> int:
        return sum(
            channel in channels and able(skills, reserve.needs)
            for skills, channels, _ in self.agents.values()
        )

    def contact_for(self, agent: AgentId, now: Micros = 0) -> ContactId | None:
        fitting = [
            (-((now - key) // terms.target) if terms.target else 0, key, order, contact)
            for contact, (key, order, _, _, terms) in self.contacts.items()
            if self.fits(agent, contact)
        ]
        return min(fitting)[3] if fitting else None

    def agents_for(
        self, contact: ContactId, most: int = 2, cost: Cost = lambda agent: 0
    ) -> list[AgentId]:
        fitting = sorted(
            (cost(agent), since, agent)
            for agent, (_, _, since) in self.agents.items()
            if self.fits(agent, contact)
        )
        return [agent for _, _, agent in fitting[:most]]
