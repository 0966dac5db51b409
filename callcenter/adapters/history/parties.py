"""The numbers behind party ids, once their contacts have ended: the erasable place.

While a contact lives, the value stands in the store (`parties`), written by whoever took it in.
When it has ended, the records role moves it here.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.adapters.history import tables as t

PARTIES_PER_READ = 500


class Parties:
    """Values by party id, as the JSON text they came in."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def values(self, parties: Sequence[str]) -> dict[str, str]:
        """Those of `parties` that are known."""
        found: dict[str, str] = {}
        async with self._engine.connect() as connection:
            for first in range(0, len(parties), PARTIES_PER_READ):
                chunk = parties[first : first + PARTIES_PER_READ]
                query = select(t.party.c.party, t.party.c.value).where(t.party.c.party.in_(chunk))
                found.update({row.party: row.value for row in await connection.execute(query)})
        return found

    async def erase(self, parties: Sequence[str]) -> int:
        """Forget these for good; how many were known."""
        async with self._engine.begin() as connection:
            result = await connection.execute(delete(t.party).where(t.party.c.party.in_(parties)))
            return result.rowcount
