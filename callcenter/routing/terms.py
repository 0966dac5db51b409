"""What a contact asks of people beside skills.

    teams, agents   may take it too, whatever they can (rings that widened)
    excluded        never take it; this beats everything else
    only            waits for this agent alone
    queue           has agents kept for it (`Reserve`)
    target          its seconds, when contacts are compared by how much of them is used up

Why: contacts of equal needs and equal terms form one class of the engine, so almost all contacts of
a center share the few classes with plain terms, and those with a wish of their own pay for it alone.
"""

from collections.abc import Mapping
from typing import NamedTuple

from callcenter.domain.units import AgentId, QueueId


class Terms(NamedTuple):
    """Every field is empty for most contacts."""

    teams: tuple[str, ...] = ()
    agents: tuple[AgentId, ...] = ()
    excluded: tuple[AgentId, ...] = ()
    only: AgentId = AgentId("")
    queue: QueueId = QueueId("")
    target: int = 0

    @property
    def names_people(self) -> bool:
        """Does anything here depend on who somebody is, not only on what she can?"""
        return bool(self.agents or self.excluded or self.only)


PLAIN = Terms()


class Reserve(NamedTuple):
    """So many free agents who meet these needs are kept for a queue."""

    queue: QueueId
    needs: Mapping[str, int]
    agents: int
