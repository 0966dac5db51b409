"""The history: contact records, intervals, customers, parties, tokens and sessions in SQL.

    history = await History.open(settings.history_url)
    customer = await history.customers.by_phone("+34 600 123 456")
    await history.close()

Read in this order: `tables` (what is in it), `engine` (SQLite or PostgreSQL), `records` (what the
folds write and the screens read), `customers`, `parties`, `access`.
"""

from __future__ import annotations

from callcenter.adapters.history.access import Access
from callcenter.adapters.history.customers import Customers
from callcenter.adapters.history.engine import migrate, open_engine
from callcenter.adapters.history.parties import Parties
from callcenter.adapters.history.records import Records

__all__ = ["Access", "Customers", "History", "Parties", "Records"]


class History:
    """One connection pool and what can be asked of it."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self.records = Records(self.engine)
        self.customers = Customers(self.engine)
        self.parties = Parties(self.engine)
        self.access = Access(self.engine)

    @classmethod
    async def open(cls, url: str) -> History:
        """Connect, and bring the tables to the newest revision."""
        history = cls(url)
        await migrate(history.engine)
        return history

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
