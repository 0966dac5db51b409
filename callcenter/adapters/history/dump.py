"""The history as lines of JSON, one file per table: the same from SQLite and from PostgreSQL.

Why: a copy of a database's files is of use to that database alone, in that version. Rows under the
names of their columns can be put into either of the two. All tables are read in one transaction
that sees one moment and that nobody who writes waits for: WAL in SQLite, repeatable read in
PostgreSQL.

The first line of a file names the columns, every other line is a row in their order; bytes are
base64.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import LargeBinary, Table, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.adapters.history import tables as t
from callcenter.adapters.history.engine import HEAD
from callcenter.adapters.history.records import FOLD
from callcenter.domain.units import Micros

ROWS_PER_TURN = 1000
REVISION = HEAD
"""Which tables these are: rows of another revision are not taken."""
SESSIONS = str(t.web_session.name)
"""Browsers that are logged in: what is in it opens doors."""

_json = msgspec.json.Encoder()


def table_names() -> list[str]:
    """Every table of the history."""
    return [str(table.name) for table in t.metadata.sorted_tables]


async def dump(
    engine: AsyncEngine, open_file: Callable[[str], BinaryIO], names: Iterable[str]
) -> tuple[dict[str, int], int, Micros]:
    """Write these tables into the files that `open_file` opens by their names; the rows of each,
    and the batch and the time at which the folds stand."""
    counts: dict[str, int] = {}
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await connection.exec_driver_sql("BEGIN")
        else:
            await connection.execution_options(isolation_level="REPEATABLE READ")
        place = select(t.fold.c.seq, t.fold.c.at).where(t.fold.c.name == FOLD)
        fold = (await connection.execute(place)).first()
        for name in names:
            with open_file(name) as file:
                counts[name] = await _dump(connection, t.metadata.tables[name], file)
    return counts, fold.seq if fold else 0, fold.at if fold else 0


async def _dump(connection: AsyncConnection, table: Table, file: BinaryIO) -> int:
    file.write(_json.encode([str(column.name) for column in table.columns]) + b"\n")
    count = 0
    async with connection.stream(select(table)) as rows:
        async for part in rows.partitions(ROWS_PER_TURN):
            file.writelines(_json.encode(tuple(row)) + b"\n" for row in part)
            count += len(part)
    return count


async def parties_since(engine: AsyncEngine, at: Micros) -> dict[str, bytes]:
    """The parties that came into the history since then: they left the store meanwhile."""
    query = select(t.party.c.party, t.party.c.value).where(t.party.c.seen >= at)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return {row.party: row.value.encode() for row in rows}


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether no table has a row."""
    for table in t.metadata.sorted_tables:
        if await connection.scalar(select(func.count()).select_from(table)):
            return False
    return True


async def clear(connection: AsyncConnection) -> None:
    """Empty every table."""
    for table in reversed(t.metadata.sorted_tables):
        await connection.execute(delete(table))


async def load(connection: AsyncConnection, name: str, lines: Iterable[bytes]) -> int:
    """Put the rows of a dump into the table `name`; how many. Raises `ValueError` when the lines
    are none."""
    table = t.metadata.tables[name]
    binary = {str(c.name) for c in table.columns if isinstance(c.type, LargeBinary)}
    count = 0
    async for rows in _rows(lines, binary):
        await connection.execute(insert(table), rows)
        count += len(rows)
    return count


async def _rows(lines: Iterable[bytes], binary: set[str]) -> AsyncIterator[list[dict[str, Any]]]:
    columns: Sequence[str] | None = None
    rows: list[dict[str, Any]] = []
    for line in lines:
        values = msgspec.json.decode(line, type=list[Any])
        if columns is None:
            columns = [str(value) for value in values]
            continue
        row = dict(zip(columns, values, strict=True))
        for name in binary & row.keys():
            row[name] = base64.b64decode(row[name])
        rows.append(row)
        if len(rows) >= ROWS_PER_TURN:
            yield rows
            rows = []
    if rows:
        yield rows
