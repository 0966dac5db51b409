"""The rows of all agents, made anew only where something happened.

What happens here: each event touches the agents it is about; `rows` makes the rows of those, and
once a second all of them, because occupancy follows from the clock.

Why: a wall is refreshed four times a second. Of a thousand agents a dozen have done anything by
then, and making and comparing the rows of the others cost more than all else that a call costs here.
"""

from __future__ import annotations

from typing import Any

from callcenter.domain import events as e
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros
from callcenter.records import screens
from callcenter.records.live import LiveState
from callcenter.records.screens import AgentRow


class Grid:
    """The agents' rows as they were shown last. Begin another one for another `LiveState`."""

    def __init__(self) -> None:
        self._rows: dict[AgentId, AgentRow] = {}
        self._touched: set[AgentId] = set()
        self._made_at: Micros | None = None
        """When all were made; None asks for it."""

    def touch(self, live: LiveState, event: Any) -> None:
        """`event` is about to be applied to `live`."""
        if type(event) is e.ConfigurationChanged:
            self._made_at = None
            return
        if agent := getattr(event, "agent", ""):
            self._touched.add(AgentId(agent))
        contact = live.data.contacts.get(ContactId(getattr(event, "contact", "")))
        if contact is not None and contact.agent:
            self._touched.add(contact.agent)

    def rows(self, live: LiveState, now: Micros) -> list[AgentRow]:
        """All of them, in their order. Rows in which nothing changed are the very same objects."""
        touched, self._touched = self._touched, set()
        is_fresh = self._made_at is not None and 0 <= now - self._made_at < SECOND
        if is_fresh and touched <= self._rows.keys() & live.data.agents.keys():
            for agent in touched:
                self._rows[agent] = screens.agent_row(live, live.data.agents[agent], now)
        else:
            self._made_at = now
            made = screens.agent_rows(live, now)
            self._rows = {AgentId(row.id): self._same(row) for row in made}
        return list(self._rows.values())

    def _same(self, row: AgentRow) -> AgentRow:
        before = self._rows.get(AgentId(row.id))
        return before if before is not None and before == row else row
