"""The number behind a party, fetched from the one erasable place for a front end that is to dial it.

Why: what is typed at a desk must not stand in commands and events, so the desk keeps it under a name
and the front end asks for it by that name. The answer comes in like any other input; a store that
does not answer in time is answered for with nothing, and nothing is dialled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from callcenter.domain.errors import CallcenterError
from callcenter.frontend.turn import FetchParty, PartyFetched

LIMIT_SECONDS = 2.0
OPEN_MAX = 200
"""Questions at once; what comes beyond is answered with nothing."""

log = structlog.get_logger(__name__)


class Numbers:
    """What the front end's loop hands its questions to."""

    def __init__(
        self,
        call: Callable[..., Awaitable[Any]],
        key: str,
        tell: Callable[[PartyFetched], None],
    ) -> None:
        """`call` is one command of the store, `key` its hash of parties."""
        self._call = call
        self._key = key
        self._tell = tell
        self._open: set[asyncio.Task[None]] = set()

    def fetch(self, question: FetchParty) -> None:
        """Answer soon."""
        if len(self._open) >= OPEN_MAX:
            self._tell(PartyFetched(question.contact, question.party))
            return
        task = asyncio.create_task(self._fetch(question), name="number")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _fetch(self, question: FetchParty) -> None:
        number = ""
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                (value,) = await self._call("HMGET", self._key, question.party)
            number = str(json.loads(bytes(value))["number"]) if value else ""
        except (CallcenterError, OSError, TimeoutError, ValueError, LookupError) as wrong:
            log.warning("a number could not be fetched", error=type(wrong).__name__)
        self._tell(PartyFetched(question.contact, question.party, number))

    async def close(self) -> None:
        """Let what was begun come to its end."""
        await asyncio.gather(*self._open, return_exceptions=True)
