"""The fax role: one worker with all fax machines, and what was received handed on.

What happens here: the worker (`adapters/fax/worker.py`) takes pages; a fax that is over stands in
the ledger until it is a contact, which is tried again for as long as it takes.

Why: the DSP library runs here and nowhere else; a crash of it costs the faxes under way (their
confirmed pages are delivered by the next life), and no voice. Where the library is missing this
role says so and goes on, and calls to fax numbers are refused as busy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import structlog

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.fax.delivery import Delivery
from callcenter.adapters.fax.ledger import Fax, Ledger
from callcenter.adapters.fax.outgoing import Outgoing
from callcenter.adapters.fax.spandsp import FaxUnavailable, library
from callcenter.adapters.fax.worker import FaxConfig, FaxWorker
from callcenter.adapters.metrics import MetricsPublisher, counted, gauge
from callcenter.adapters.store.journal import CommandWriter
from callcenter.adapters.store.keys import Keys
from callcenter.records.published import Family

if TYPE_CHECKING:
    from callcenter.app.config import Settings
    from callcenter.app.context import RoleContext

AGAIN_SECONDS = 2.0
LAST_SECONDS = 2.0
OUTCOMES = ("received", "partial", "empty", "refused", "not_kept", "sent", "cut_off")

log = structlog.get_logger(__name__)


async def serve(context: RoleContext, stopping: asyncio.Event) -> None:
    """Take faxes until told to stop."""
    role = FaxRole(context)
    await role.begin()
    context.line.ready()
    work: list[asyncio.Task[Any]] = [
        asyncio.create_task(task, name=name) for name, task in role.tasks().items()
    ]
    stop = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait([*work, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()
    finally:
        for task in (*work, stop):
            task.cancel()
        await asyncio.gather(*work, stop, return_exceptions=True)
        await role.close()


class FaxRole:
    """One life of the worker and of those who hand on what it received."""

    def __init__(self, context: RoleContext) -> None:
        self._context = context
        self._keys = Keys(context.settings.store.namespace)
        self._writer = CommandWriter(
            context.store_url, self._keys, context.name, context.epoch
        )  # fmt: skip
        self._ledger = Ledger(context.state_directory / "fax")
        self._worker: FaxWorker
        self._left: asyncio.Queue[Fax] = asyncio.Queue()
        self._delivery = Delivery(
            context.state_directory, self._writer.call, self._keys, context.name, context.epoch
        )
        self._outgoing = Outgoing(context.state_directory / "fax-out")
        self.missing = ""
        """Why there is no fax on this machine."""

    async def begin(self) -> None:
        """Hand on what an earlier life left, then take questions."""
        try:
            library()
        except FaxUnavailable as missing:
            self.missing = str(missing)
            log.error("no fax is taken", reason=self.missing)
        await asyncio.to_thread(self._outgoing.forget_old)
        for fax in self._ledger.left():
            self._left.put_nowait(fax)
        await self._writer.start()
        await self._delivery.begin()
        self._worker = FaxWorker(
            fax_config(self._context), self._context.sockets["fax-ng"], self._ledger,
            self._left.put_nowait, missing=self.missing, outgoing=self._outgoing,
            file_of=Blobs(self._context.state_directory).path,
        )  # fmt: skip

    def tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs for as long as the role does."""
        metrics = MetricsPublisher(
            self._context.name, self._keys.metrics, self._writer.call, self._families
        )
        return {
            "faxes": self._worker.run(),
            "delivery": self._deliver(),
            "metrics": metrics.run(),
        }

    async def _deliver(self) -> None:
        """One after the other; one that cannot be handed on now is tried again, before the next."""
        while True:
            fax = await self._left.get()
            while not await self._delivery.deliver(fax):
                await asyncio.sleep(AGAIN_SECONDS)
            await asyncio.to_thread(self._ledger.delivered, fax)

    def _families(self) -> list[Family]:
        counts = self._worker.counts
        ended = {outcome: counts[outcome] for outcome in OUTCOMES}
        return [
            gauge("callcenter_faxes", "Faxes under way.", len(self._worker.machines)),
            gauge("callcenter_faxes_undelivered", "Faxes that are not contacts yet.", self._left.qsize()),
            gauge("callcenter_fax_missing", "1 when the fax library is not on this machine.", int(bool(self.missing))),
            counted("callcenter_faxes_ended_total", "Faxes by outcome.", "outcome", ended),
            counted("callcenter_fax_pages_total", "Pages confirmed, and changes to T.38.", "kind",
                    {"page": counts["pages"], "t38": counts["t38"], "sent": counts["pages_sent"]}),
        ]  # fmt: skip

    async def close(self) -> None:
        """Cut off what is under way; its confirmed pages are a part, delivered now or next time."""
        self._worker.close()
        give_up = time.monotonic() + LAST_SECONDS
        while not self._left.empty() and time.monotonic() < give_up:
            fax = self._left.get_nowait()
            if await self._delivery.deliver(fax):
                self._ledger.delivered(fax)
        await self._writer.close()


def fax_config(context: RoleContext) -> FaxConfig:
    """What the settings say of the worker."""
    settings: Settings = context.settings
    first, last = settings.fax.port_range
    return FaxConfig(
        address=settings.media.address,
        first_port=first,
        last_port=last,
        events=context.addresses.get("media-events", ("127.0.0.1", 0)),
        ident=settings.fax.ident,
        header=settings.fax.header or settings.center_table.name,
        timezone=settings.center_table.timezone,
        ecm=settings.fax.ecm,
        v17=settings.fax.v17,
        faxes_max=settings.fax.faxes_max,
    )
