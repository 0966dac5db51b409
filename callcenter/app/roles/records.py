"""The records role: reads the journal, folds it, and writes history.

What happens here: once a second what came is read and folded, and the rows it made are written in
one transaction with the state and the cursor. Numbers of contacts that ended move from the store
to the history in the same transaction, and are forgotten in the store after it.

Why: history may be late, but never wrong. A page costs more than the calls on it, so it holds those
of a second, which is also how late a list behind a count may be. A role killed at any moment
goes on at the batch it had written, and what it writes twice is the same.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import structlog

from callcenter.adapters.history import History
from callcenter.adapters.metrics import MetricsPublisher, counted, gauge
from callcenter.adapters.priority import stand_back
from callcenter.adapters.store.journal import (
    BATCHES_PER_READ,
    EventReader,
    JournalGap,
    StoreUnavailable,
    read_center,
)
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import AsyncConnection, StoreError
from callcenter.app.context import RoleContext
from callcenter.app.disk import DiskWatch
from callcenter.domain.events import ConfigurationChanged
from callcenter.records.book import Book, Page
from callcenter.records.published import Family

LINGER_SECONDS = 1.0
WRITE_EVERY_SECONDS = 0.9
"""While it catches up with a long journal."""
NUMBERS_PER_READ = 500

log = structlog.get_logger()


class Scribe:
    """The book, where it is read from, and where it is written to."""

    def __init__(self, history: History, url: str, keys: Keys, context: RoleContext) -> None:
        self._history = history
        self._url = url
        self._keys = keys
        self._archive = context.state_directory / "archive"
        self._disk = DiskWatch(context.state_directory)
        self.book = Book()
        self._page: Page | None = None
        """Taken from the book and not known to be written."""
        self._unmoved: dict[str, None] = {}
        """Parties of ended contacts whose numbers are still in the store."""
        self._store: AsyncConnection | None = None
        self._written = 0.0
        self._pages = self._rows = 0

    async def open(self) -> None:
        """Go on where the last page ended."""
        found = await self._history.records.fold()
        if found is not None:
            self.book = Book.restore(found[1], found[0])

    async def run(self) -> None:
        """Follow the journal for ever; holes and another journal have named ways on."""
        while True:
            try:
                await self._follow()
            except JournalGap as gap:
                await self._mend(gap)

    async def _follow(self) -> None:
        reader = EventReader(self._url, self._keys, self.book.seq, archive=self._archive)
        async for batches in reader.reads():
            for batch in batches:
                self.book.apply(batch)
            behind = len(batches) >= BATCHES_PER_READ
            reader.linger_seconds = 0.0 if behind else LINGER_SECONDS
            if not behind or time.monotonic() - self._written >= WRITE_EVERY_SECONDS:
                await self.write()

    async def write(self) -> None:
        """One page: rows, state and cursor together. A page that failed is written again."""
        page = self._page = self._page or self.book.take()
        ended = [contact for contact in page.contacts if contact.ended]
        self._unmoved |= {party: None for one in ended for party in one.parties}
        wanted = list(self._unmoved)[:NUMBERS_PER_READ]
        values = await self._call("HMGET", self._keys.parties, *wanted) if wanted else []
        numbers = {
            party: bytes(value).decode("utf-8", "replace")
            for party, value in zip(wanted, values or (), strict=False)
            if value
        }
        await self._history.records.write(page, numbers)
        self._page = None
        self._written = time.monotonic()
        self._pages += 1
        self._rows += len(page.contacts) + len(page.segments) + len(page.visits)
        if numbers:
            await self._call("HDEL", self._keys.parties, *numbers)
        if values is not None:
            for party in wanted:
                del self._unmoved[party]

    def families(self) -> list[Family]:
        """What it has done, for `/metrics`."""
        return [
            gauge("callcenter_records_batches", "Batches of the journal folded.", self.book.seq),
            counted("callcenter_records_written_total", "Pages and rows written.", "kind",
                    {"page": self._pages, "row": self._rows}),
            gauge("callcenter_state_free_bytes", "Free disk for the state directory.",
                  self._disk.look()),
        ]  # fmt: skip

    async def publish(self) -> None:
        """Tell `/metrics`, until cancelled."""
        await MetricsPublisher("records-0", self._keys.metrics, self._call, self.families).run()

    async def finish(self) -> None:
        """Write what is left."""
        if self._page is not None:
            await self.write()
        await self.write()

    async def _call(self, *arguments: str | bytes) -> Any:
        """One command; None when the store is away."""
        try:
            if self._store is None or self._store.closed.done():
                self._store = await AsyncConnection.connect(self._url)
            return await self._store.call(*arguments)
        except (OSError, StoreError, StoreUnavailable):
            return None

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()

    async def _mend(self, gap: JournalGap) -> None:
        if gap.found == 0:
            log.warning("another journal: the history begins anew", was=self.book.seq)
            self.book = Book()
            return
        log.error("batches are gone", wanted=gap.wanted, found=gap.found)
        self.book.skip_to(gap.found - 1)
        center = await read_center(self._url, self._keys)
        if center is not None:
            config, version, _seq = center
            at = time.time_ns() // 1000
            self.book.live.apply(
                ConfigurationChanged(at=at, center=config, version=version, by="journal")
            )


async def serve(context: RoleContext, stopping: asyncio.Event) -> None:
    """Write history until told to stop, then write what is left."""
    stand_back()
    keys = Keys(context.settings.store.namespace)
    history = await History.open(context.settings.history_url)
    try:
        scribe = Scribe(history, context.store_url, keys, context)
        await scribe.open()
        context.line.ready(seq=scribe.book.seq)
        work = asyncio.create_task(scribe.run(), name="scribe")
        stop = asyncio.create_task(stopping.wait(), name="stop")
        figures = asyncio.create_task(scribe.publish(), name="figures")
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        figures.cancel()
        if work.done():
            work.result()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await scribe.finish()
        scribe.close()
    finally:
        await history.close()
