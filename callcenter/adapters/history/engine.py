"""The database behind the history: SQLite beside us, or PostgreSQL by its address.

What happens here: `[history] url` becomes an engine with the settings each of the two needs, and
the tables are made, or brought to the newest revision, under a lock, before anybody uses them.

Why: several roles open the history at once when the center starts; exactly one of them may change
the tables, and the others must wait for it rather than fail.

Sources: SQLite WAL mode (one writer, readers never wait); alembic; PostgreSQL advisory locks.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    event,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateTable

from callcenter.adapters.history.tables import metadata

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD = "0002"
"""The newest revision in `adapters/migrations/versions`."""
BUSY_SECONDS = 10
_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it."""
_LOCK_ID = 0x63616C6C
"""Of PostgreSQL's advisory lock while tables change."""


def normal_url(url: str) -> URL:
    """The URL with the driver we use. Raises `ValueError` for anything but the two databases."""
    parsed = make_url(url)
    kind = parsed.get_backend_name()
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    if kind not in drivers:
        raise ValueError(f"{kind} is not a history database; use sqlite:/// or postgresql://")
    return parsed.set(drivername=drivers[kind])


def open_engine(url: str) -> AsyncEngine:
    """An engine for the history at `url`; nothing is connected yet."""
    parsed = normal_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(parsed, pool_size=4, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(parsed, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine.sync_engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")  # the journal is the truth; a fold is redone
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    return engine


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables to the newest revision."""
    if await _revision(engine) == HEAD:
        return
    async with _locked(engine), engine.begin() as connection:
        await connection.run_sync(_make_or_upgrade)


async def _revision(engine: AsyncEngine) -> str:
    try:
        async with engine.connect() as connection:
            return str(await connection.scalar(text("SELECT version_num FROM alembic_version")))
    except DBAPIError:
        return ""  # no table yet: a new database


def _make_or_upgrade(connection: Connection) -> None:
    """A new database gets today's tables at once; an older one is brought to them, step by step."""
    found = inspect(connection).get_table_names()
    if found:
        made_meanwhile = _version.name in found and connection.scalar(select(_version)) == HEAD
        if not made_meanwhile:
            upgrade(connection)
        return
    metadata.create_all(connection)
    connection.execute(CreateTable(_version))
    connection.execute(_version.insert().values(version_num=HEAD))


def upgrade(connection: Connection) -> None:
    """Run the migrations that this database has not seen. Imports alembic, which takes a while."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).resolve().parents[1] / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@asynccontextmanager
async def _locked(engine: AsyncEngine) -> AsyncIterator[None]:
    """Alone among all processes that would change the tables."""
    database = engine.url.database
    if engine.url.get_backend_name() != "sqlite":
        async with engine.connect() as connection:
            await connection.execute(text(f"SELECT pg_advisory_lock({_LOCK_ID})"))
            try:
                yield
            finally:
                await connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK_ID})"))
    elif not database:
        yield
    else:
        lock = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
