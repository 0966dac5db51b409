"""The same floor, decided as a dispatcher does that keeps its state in SQL tables and polls them.

FreeSWITCH's mod_callcenter works so: three tables (who waits, who serves which queue, who is an
agent) without an index, a thread that wakes every 100 ms, reads who waits in the order of score,
and asks the tables for each of them which agents of its queue there are. It knows no skills, so
each need is a queue here, and an agent serves every queue whose need her skills meet.

Why: to say what a decision costs where it is not kept ready. The tables live in memory and the
statements are our own; the way they are asked is what is compared, and it is what grows.
Sources: the design of that module as its documentation and source describe it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from callcenter.domain.units import AgentId, ContactId

Skills: TypeAlias = dict[str, int]

_TABLES = """
CREATE TABLE members (uuid TEXT, queue TEXT, joined INTEGER, base_score INTEGER, state TEXT);
CREATE TABLE tiers (queue TEXT, agent TEXT, state TEXT, level INTEGER, position INTEGER);
CREATE TABLE agents (name TEXT, status TEXT, state TEXT, last_call_end INTEGER);
"""
_WAITING = """
SELECT uuid, queue, base_score + (:now - joined) AS score FROM members
WHERE state = 'Waiting' OR state = 'Trying' ORDER BY score DESC
"""
_CANDIDATES = """
SELECT agents.name, agents.state FROM agents LEFT JOIN tiers ON agents.name = tiers.agent
WHERE tiers.queue = :queue AND agents.status <> 'Logged Out'
ORDER BY tiers.level, tiers.position, agents.last_call_end
"""


class Polled:
    """Everybody in tables: agents busy, contacts waiting."""

    def __init__(
        self,
        agents: Mapping[AgentId, Skills],
        needs: Iterable[Skills],
        waiting: Mapping[ContactId, tuple[int, Skills]],
    ) -> None:
        self._tables = sqlite3.connect(":memory:")
        self._tables.executescript(_TABLES)
        self._tables.executemany(
            "INSERT INTO agents VALUES (?, 'Available', 'In a queue call', 0)",
            [(agent,) for agent in agents],
        )
        self._tables.executemany(
            "INSERT INTO tiers VALUES (?, ?, 'Ready', 1, 1)",
            [
                (_queue(need), agent)
                for need in needs
                for agent, skills in agents.items()
                if all(skills.get(skill, 0) >= level for skill, level in need.items())
            ],
        )
        self._tables.executemany(
            "INSERT INTO members VALUES (?, ?, ?, 0, 'Waiting')",
            [(contact, _queue(need), joined) for contact, (joined, need) in waiting.items()],
        )
        self._now = max((joined for joined, _ in waiting.values()), default=0)

    def free(self, agent: AgentId) -> None:
        """An agent waits for a call."""
        self._tables.execute("UPDATE agents SET state = 'Waiting' WHERE name = ?", (agent,))

    def tick(self) -> list[tuple[ContactId, AgentId]]:
        """One look of the dispatcher at everybody who waits; who got whom."""
        given = []
        for contact, queue, _ in self._tables.execute(_WAITING, {"now": self._now}).fetchall():
            candidates = self._tables.execute(_CANDIDATES, {"queue": queue}).fetchall()
            for agent, state in candidates:
                if state == "Waiting":
                    self._connect(contact, agent)
                    given.append((ContactId(contact), AgentId(agent)))
                    break
        return given

    def _connect(self, contact: str, agent: str) -> None:
        self._tables.execute("UPDATE members SET state = 'Answered' WHERE uuid = ?", (contact,))
        self._tables.execute("UPDATE agents SET state = 'In a queue call' WHERE name = ?", (agent,))


def _queue(need: Skills) -> str:
    return "+".join(f"{skill}:{level}" for skill, level in need.items())
