"""The history on a real PostgreSQL: the same rows, the same answers, tables made once."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.adapters.history import History, dump
from callcenter.care.customer import Customer
from callcenter.domain.access import Scope, Token, WebSession
from callcenter.domain.units import ContactId, QueueId
from callcenter.records.book import Book
from callcenter.records.visits import Outcome
from tests.records.stories import a_small_day, batches


def binaries() -> Path:
    """Where the newest PostgreSQL is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    assert on_path, "install PostgreSQL: apt-get install postgresql"
    return Path(on_path).parent


def as_owner(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid():
        return list(command)
    return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a server of our own, on a unix socket."""
    home = Path(tempfile.mkdtemp(prefix="cc-pg-", dir="/tmp"))
    if not os.getuid():
        shutil.chown(home, "postgres", "postgres")
    programs, data = binaries(), home / "data"
    make = as_owner(
        str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "cc", "--no-sync"
    )
    subprocess.run(make, check=True, capture_output=True, cwd=home)
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    control = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    subprocess.run(
        as_owner(*control, "-o", options, "start"), check=True, capture_output=True, cwd=home
    )
    yield f"postgresql://cc@/postgres?host={home}"
    subprocess.run(
        as_owner(*control, "-m", "immediate", "stop"), check=True, capture_output=True, cwd=home
    )
    shutil.rmtree(home, ignore_errors=True)


def test_roles_that_open_a_new_history_at_once_all_get_it(postgres: str) -> None:
    async def story() -> None:
        opened = await asyncio.gather(*(History.open(postgres) for _ in range(3)))
        for history in opened:
            assert await history.customers.count() >= 0
            await history.close()

    asyncio.run(story())


def test_pages_are_written_read_back_and_written_again_without_effect(postgres: str) -> None:
    async def story() -> None:
        history = await History.open(postgres)
        journal = batches(a_small_day().journal, size=4)
        for _ in range(2):
            book = Book()
            for batch in journal:
                book.apply(batch)
                await history.records.write(book.take(), {"party-c1": "{}"})
        book = Book()
        for batch in journal:
            book.apply(batch)
        page = book.take()
        records = history.records
        assert await records.contact(ContactId("c1")) == next(
            c for c in page.contacts if c.contact == "c1"
        )
        found = await records.visits(QueueId("sales"), 0, outcome=Outcome.ABANDONED)
        assert [v.contact for v in found] == ["c3"]
        assert await records.visits(QueueId("sales"), 0, flags=("short",)) == []
        assert len(await records.intervals(0, 1 << 60)) == len(page.intervals)
        fold = await records.fold()
        assert fold is not None
        assert Book.restore(fold[1], fold[0]).seq == journal[-1].seq
        assert await history.parties.values(["party-c1"]) == {"party-c1": "{}"}
        await history.close()

    asyncio.run(story())


def test_customers_tokens_and_sessions_live_there_too(postgres: str) -> None:
    async def story() -> None:
        history = await History.open(postgres)
        anna = Customer(number="1001", phones=("34600123456",), name="Anna", fields={"a": "b"})
        await history.customers.replace([anna])
        assert await history.customers.by_phone("600123456") == anna
        token = Token(id="t1", name="wall", scope=Scope.WALL, digest="d" * 64, created=5)
        await history.access.add_token(token)
        session = WebSession(
            digest="s" * 64, scope=Scope.WALL, token="t1", csrf="c", created=5, seen=5, expires=99
        )
        await history.access.add_session(session)
        assert await history.access.session("s" * 64) == session
        assert await history.access.revoke_token("t1", 9)
        assert await history.access.session("s" * 64) is None
        await history.close()

    asyncio.run(story())


def test_a_dump_of_one_database_is_loaded_into_the_other(postgres: str, tmp_path: Path) -> None:
    def rows(name: str) -> list[bytes]:
        return (tmp_path / name).read_bytes().splitlines()

    async def dumped(engine: AsyncEngine) -> dict[str, int]:
        names = dump.table_names()
        counts, _, _ = await dump.dump(engine, lambda name: (tmp_path / name).open("wb"), names)
        return counts

    async def story() -> None:
        one = await History.open(postgres)
        journal = batches(a_small_day().journal)
        book = Book()
        for batch in journal:
            book.apply(batch)
        await one.records.write(book.take(), {"party-c1": "{}"})
        counts = await dumped(one.engine)
        assert counts["contact"] > 0
        was = {name: sorted(rows(name)) for name in counts}
        two = await History.open(f"sqlite:///{tmp_path / 'history.db'}")
        for history in (two, one):
            async with history.engine.begin() as connection:
                await dump.clear(connection)
                assert await dump.is_empty(connection)
                for name in counts:
                    await dump.load(connection, name, rows(name))
            assert await dumped(history.engine) == counts
            assert {name: sorted(rows(name)) for name in counts} == was
            await history.close()

    asyncio.run(story())
