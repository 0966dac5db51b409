"""Asks the imported customer table for a flow, within a time limit.

Why: a flow waits for the answer while its caller hears a prompt. A history that is slow, locked or
not there yet means "not known", never a silent caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from callcenter.adapters.history.customers import Customers
from callcenter.adapters.history.engine import open_engine
from callcenter.frontend.turn import LookedUp, LookUp

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 2.0
OPEN_MAX = 200
"""Questions at once; what comes beyond is answered `not known`."""


class Lookup:
    """The customer table of one front end. Answers go to `answered`."""

    def __init__(self, history_url: str, answered: Callable[[LookedUp], None]) -> None:
        self._engine = open_engine(history_url)
        self._customers = Customers(self._engine)
        self._answered = answered
        self._open: set[asyncio.Task[None]] = set()
        self.failed = 0

    def ask(self, question: LookUp) -> None:
        """Answer `question` soon."""
        if len(self._open) >= OPEN_MAX:
            self.failed += 1
            self._answered(_unknown(question))
            return
        task = asyncio.create_task(self._ask(question), name="lookup")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def close(self) -> None:
        """Wait for what is open, then let go of the database."""
        if self._open:
            await asyncio.wait(self._open)
        await self._engine.dispose()

    async def _ask(self, question: LookUp) -> None:
        answer = _unknown(question)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                answer = await self._find(question)
        except (SQLAlchemyError, OSError, TimeoutError) as wrong:
            self.failed += 1
            log.warning("customer look-up failed", error=type(wrong).__name__)
        self._answered(answer)

    async def _find(self, question: LookUp) -> LookedUp:
        by_phone = question.by == "caller_number"
        find = self._customers.by_phone if by_phone else self._customers.by_number
        customer = await find(question.value)
        if customer is None:
            return _unknown(question)
        known = {"language": customer.language, "tier": customer.tier, "region": customer.region}
        fields = {**customer.fields, **{name: value for name, value in known.items() if value}}
        return LookedUp(question.contact, True, fields, customer.number)


def _unknown(question: LookUp) -> LookedUp:
    return LookedUp(question.contact, found=False, fields={}, customer="")
