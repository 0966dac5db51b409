"""Faxes that providers post become contacts, exactly once: kept, claimed, acknowledged.

Why: it is what the intake does with a mail and the fax worker with a fax. The claim's command is in
the journal with it, and the intake reads what was claimed, whoever claimed it.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.intake.claims import Call, Claims
from callcenter.adapters.intake.pipeline import new_id
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import StoreError
from callcenter.app.context import RoleContext
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId, PartyId
from callcenter.intake.arrival import Note
from callcenter.intake.fax_hooks import Posted


@dataclass(frozen=True)
class Source:
    """A provider as it is configured."""

    form: str
    url: str
    secret: str


class FaxHooks:
    """The way of posted faxes to the queue."""

    def __init__(self, context: RoleContext, call: Call) -> None:
        self._blobs = Blobs(context.state_directory)
        keys = Keys(context.settings.store.namespace)
        self._claims = Claims(call, keys, f"{context.name}-hooks", context.epoch)
        self._sources = {
            one.name: Source(one.form, one.url, one.password.get_secret_value())
            for one in context.settings.fax_sources
        }

    async def begin(self) -> None:
        """Make what is needed."""
        if self._sources:
            await asyncio.to_thread(self._blobs.prepare)

    def source(self, name: str) -> Source | None:
        """None for what is not configured."""
        return self._sources.get(name)

    async def receive(self, source: str, posted: Posted) -> tuple[str, bool]:
        """Have it for good. Raises `OSError` when disk or store do not take it."""
        blob = await asyncio.to_thread(self._blobs.keep, posted.file)
        note = Note(
            contact=ContactId(new_id()),
            channel=Channel.FAX,
            kind="fax",
            source=source,
            blob=blob,
            party=PartyId(new_id()) if posted.sender else PartyId(""),
            received=time.time_ns() // 1000,
            facts={"pages": posted.pages, "by": "provider"},
        )
        value = json.dumps({"number": posted.sender, "name": ""})
        try:
            receipt = await self._claims.claim((f"hook:{source}:{posted.id}",), note, value)
        except (StoreUnavailable, StoreError) as away:
            raise OSError(str(away)) from away
        return receipt.contact, receipt.new
