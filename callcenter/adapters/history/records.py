"""What the folds wrote: one transaction per page, and the questions screens ask of it.

Why: rows, the folds' state and the cursor stand or fall together (`write`), so a killed process
counts nothing twice and leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.adapters.history import tables as t
from callcenter.adapters.history.rows import struct_of, upsert, values_of
from callcenter.domain.events import DispositionSet
from callcenter.domain.units import ContactId, Micros, QueueId
from callcenter.records.book import Page
from callcenter.records.contact_record import ContactRecord, SegmentRecord, Step
from callcenter.records.counters import FIELDS, Counters
from callcenter.records.intervals import Interval
from callcenter.records.visits import Outcome, Visit

FOLD = "records"
ROWS_MAX = 1000

_pack = msgspec.msgpack.Encoder().encode
_steps = msgspec.msgpack.Decoder(list[Step])
_attributes = msgspec.msgpack.Decoder(dict[str, str])

_WITHOUT_STEPS = [column for column in t.contact.columns if column.name != "steps"]


class Records:
    """Contacts, visits, segments and intervals."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        dialect = engine.url.get_backend_name()
        self._contact = upsert(t.contact, dialect)
        self._visit = upsert(t.visit, dialect)
        self._segment = upsert(t.segment, dialect)
        self._interval = upsert(t.interval, dialect)
        self._fold = upsert(t.fold, dialect)
        self._party = upsert(t.party, dialect)

    # --- writing ------------------------------------------------------------------------------

    async def write(self, page: Page, parties: dict[str, str] | None = None) -> None:
        """Write a page and the parties of its contacts, all or nothing."""
        async with self._engine.begin() as connection:
            await _many(connection, self._contact, _last(page.contacts, _contact_row, "contact"))
            await _many(connection, self._segment, _last(page.segments, _plain_row, "segment"))
            await _many(connection, self._visit, [_plain_row(v) for v in page.visits])
            await _many(connection, self._interval, [_interval_row(i) for i in page.intervals])
            if parties:
                rows = [{"party": p, "value": v, "seen": page.at} for p, v in parties.items()]
                await _many(connection, self._party, rows)
            for late in page.dispositions:
                await connection.execute(_late(late))
            fold = {"name": FOLD, "seq": page.seq, "at": page.at, "state": page.state}
            await connection.execute(self._fold, fold)

    async def fold(self) -> tuple[int, bytes] | None:
        """The cursor and state of the folds; None before the first page."""
        query = select(t.fold.c.seq, t.fold.c.state).where(t.fold.c.name == FOLD)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        return (row.seq, row.state) if row else None

    # --- reading ------------------------------------------------------------------------------

    async def contact(self, contact: ContactId) -> ContactRecord | None:
        """One contact with its timeline."""
        rows = await self._rows(select(t.contact).where(t.contact.c.contact == contact))
        return _contact_of(rows[0]) if rows else None

    async def ended(
        self, *, queue: str = "", before: Micros = 0, limit: int = 100
    ) -> list[ContactRecord]:
        """Ended contacts, newest first, without their steps."""
        query = select(*_WITHOUT_STEPS).where(t.contact.c.ended > 0)
        if queue:
            query = query.where(t.contact.c.queue == queue)
        if before:
            query = query.where(t.contact.c.ended < before)
        query = query.order_by(t.contact.c.ended.desc()).limit(min(limit, ROWS_MAX))
        return [_contact_of(row) for row in await self._rows(query)]

    async def by_id(self, contacts: Sequence[str]) -> dict[str, ContactRecord]:
        """Several contacts by id, without their steps."""
        query = select(*_WITHOUT_STEPS).where(t.contact.c.contact.in_(contacts[:ROWS_MAX]))
        return {row.contact: _contact_of(row) for row in await self._rows(query)}

    async def visits(
        self,
        queue: QueueId,
        since: Micros,
        *,
        outcome: Outcome | None = None,
        flags: Sequence[str] = (),
        limit: int = 100,
    ) -> list[Visit]:
        """Visits that left `queue` since then, newest first. `flags` are `in_target short lost`."""
        table = t.visit.c
        query = select(t.visit).where(table.queue == queue, table.left >= since)
        if outcome is not None:
            query = query.where(table.outcome == outcome.value)
        for flag in flags:
            query = query.where(table[flag].is_(True))
        query = query.order_by(table.left.desc()).limit(min(limit, ROWS_MAX))
        return [struct_of(Visit, row) for row in await self._rows(query)]

    async def visits_of(self, contact: ContactId) -> list[Visit]:
        """The ended visits of one contact, in order."""
        query = select(t.visit).where(t.visit.c.contact == contact).order_by(t.visit.c.visit)
        return [struct_of(Visit, row) for row in await self._rows(query)]

    async def segments_of(self, contact: ContactId) -> list[SegmentRecord]:
        """The parts of agents in one contact, in order."""
        table = t.segment.c
        query = select(t.segment).where(table.contact == contact).order_by(table.started)
        return [struct_of(SegmentRecord, row) for row in await self._rows(query)]

    async def handled(
        self, queue: QueueId, since: Micros, *, limit: int = 100
    ) -> list[SegmentRecord]:
        """Segments of a queue that ended since then, newest first."""
        table = t.segment.c
        query = select(t.segment).where(table.queue == queue, table.ended >= since)
        query = query.order_by(table.ended.desc()).limit(min(limit, ROWS_MAX))
        return [struct_of(SegmentRecord, row) for row in await self._rows(query)]

    async def intervals(self, since: Micros, until: Micros, queue: str = "") -> list[Interval]:
        """Intervals that began in a span of time, in order."""
        table = t.interval.c
        query = select(t.interval).where(table.start >= since, table.start < until)
        if queue:
            query = query.where(table.queue == queue)
        query = query.order_by(table.start, table.queue, table.channel)
        return [_interval_of(row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows


async def _many(connection: AsyncConnection, statement: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(statement, rows)


def _last(records: Sequence[Any], row_of: Any, key: str) -> list[dict[str, Any]]:
    """Each record once, as it is at the end of the page."""
    return [row_of(r) for r in {getattr(r, key): r for r in records}.values()]


def _late(event: DispositionSet) -> Any:
    return (
        update(t.segment)
        .where(t.segment.c.segment == event.segment)
        .values(disposition=event.disposition)
    )


def _plain_row(record: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(record)


def _contact_row(record: ContactRecord) -> dict[str, Any]:
    row = msgspec.structs.asdict(record)
    row["attributes"], row["steps"] = _pack(record.attributes), _pack(record.steps)
    return row


def _interval_row(row: Interval) -> dict[str, Any]:
    counts = {name: getattr(row.counters, name) for name in FIELDS}
    key = {"queue": row.queue, "channel": row.channel, "start": row.start, "arrived": row.arrived}
    return {**key, **counts}


def _interval_of(row: Row[Any]) -> Interval:
    values = values_of(row)
    counters = Counters(**{name: values.pop(name) for name in FIELDS})
    return msgspec.convert({**values, "counters": counters}, Interval)


def _contact_of(row: Row[Any]) -> ContactRecord:
    values = values_of(row)
    values["attributes"] = _attributes.decode(values["attributes"])
    values["steps"] = _steps.decode(values["steps"]) if "steps" in values else []
    return msgspec.convert(values, ContactRecord)
