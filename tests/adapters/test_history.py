"""The history keeps what it was given, once, and knows who is calling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, inspect, select, text

from callcenter.adapters.history import History, tables
from callcenter.adapters.history.engine import HEAD, normal_url, open_engine, upgrade
from callcenter.care.customer import Customer
from callcenter.domain.access import Scope, Token, WebSession
from callcenter.domain.units import ContactId, QueueId
from callcenter.records.book import Book
from callcenter.records.visits import Outcome
from tests.records.stories import a_small_day, batches

SALES = QueueId("sales")


def within(path: Path, story: Callable[[History], Awaitable[None]]) -> None:
    """Tell `story` with a new history in `path`."""

    async def told() -> None:
        history = await History.open(f"sqlite:///{path / 'history.db'}")
        try:
            await story(history)
        finally:
            await history.close()

    asyncio.run(told())


def shape(connection: Connection) -> dict[str, object]:
    """Everything a database says of its tables."""
    found = inspect(connection)
    return {
        name: (
            [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name),
            sorted(found.get_indexes(name), key=lambda index: str(index["name"])),
            found.get_unique_constraints(name),
            found.get_foreign_keys(name),
        )
        for name in found.get_table_names()
    }


def test_a_new_database_is_what_all_migrations_together_make(tmp_path: Path) -> None:
    async def shapes(history: History) -> None:
        async with history.engine.connect() as connection:
            made = await connection.run_sync(shape)
        migrated = open_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
        async with migrated.begin() as connection:
            await connection.run_sync(upgrade)
            assert await connection.run_sync(shape) == made
        await migrated.dispose()
        assert set(tables.metadata.tables) | {"alembic_version"} == set(made)

    within(tmp_path, shapes)


def test_the_migrations_find_nothing_to_do_in_a_new_database(tmp_path: Path) -> None:
    async def again(history: History) -> None:
        async with history.engine.begin() as connection:
            await connection.run_sync(upgrade)
            versions = await connection.scalars(text("SELECT version_num FROM alembic_version"))
        assert list(versions) == [HEAD]

    within(tmp_path, again)


def test_the_newest_revision_is_the_one_the_code_expects() -> None:
    folder = Path(tables.__file__).parents[1] / "migrations" / "versions"
    assert max(path.name.split("_")[0] for path in folder.glob("[0-9]*.py")) == HEAD


def test_roles_that_open_a_new_history_at_once_all_get_it(tmp_path: Path) -> None:
    async def story() -> None:
        url = f"sqlite:///{tmp_path / 'history.db'}"
        opened = await asyncio.gather(*(History.open(url) for _ in range(4)))
        for history in opened:
            assert await history.customers.count() == 0
            await history.close()

    asyncio.run(story())


def test_only_the_two_databases_are_taken() -> None:
    assert normal_url("postgresql://h/d").drivername == "postgresql+asyncpg"
    with pytest.raises(ValueError, match="mysql is not a history database"):
        normal_url("mysql://h/d")
    with pytest.raises(ValueError, match="oracle"):
        open_engine("oracle://h/d")


def test_a_page_is_written_with_its_cursor_and_read_back(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        book = Book()
        for batch in batches(a_small_day().journal):
            book.apply(batch)
        page = book.take()
        await history.records.write(page, {"party-c1": '{"number": "34600123456"}'})
        found = await history.records.fold()
        assert found is not None
        assert Book.restore(found[1], found[0]).seq == book.seq
        record = await history.records.contact(ContactId("c1"))
        assert record == next(c for c in page.contacts if c.contact == "c1")
        ended = await history.records.ended(limit=10)
        assert {r.contact for r in ended} == {"c1", "c3", "c4"}
        assert ended == sorted(ended, key=lambda r: -r.ended)
        abandoned = await history.records.visits(SALES, 0, outcome=Outcome.ABANDONED)
        assert [v.contact for v in abandoned] == ["c3"]
        assert await history.records.visits(SALES, 0, flags=("short",)) == []
        assert [v.visit for v in await history.records.visits_of(ContactId("c1"))] == [1]
        segments = await history.records.segments_of(ContactId("c1"))
        assert segments[0].talked > 0
        assert await history.records.intervals(0, 1 << 60) == sorted(
            page.intervals, key=lambda i: (i.start, i.queue, i.channel)
        )
        assert await history.parties.values(["party-c1", "party-x"]) == {
            "party-c1": '{"number": "34600123456"}'
        }

    within(tmp_path, story)


def test_pages_written_again_after_a_crash_change_nothing(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        journal = batches(a_small_day().journal, size=3)
        book = Book()
        for batch in journal:
            book.apply(batch)
            await history.records.write(book.take())
        for half in range(0, len(journal), 5):
            again = Book()
            for batch in journal[:half]:
                again.apply(batch)
            again.take()
            for batch in journal[half:]:
                again.apply(batch)
            await history.records.write(again.take())
        async with history.engine.connect() as connection:
            visits = await connection.scalar(select(func.count()).select_from(tables.visit))
            offered = await connection.scalar(select(func.sum(tables.interval.c.offered)))
        assert visits == offered == 4

    within(tmp_path, story)


def test_a_late_disposition_reaches_its_segment(tmp_path: Path) -> None:
    from callcenter.domain.events import DispositionSet, SegmentEnded

    async def story(history: History) -> None:
        house = a_small_day()
        over = house.all(SegmentEnded)[0]
        book = Book()
        for batch in batches(house.journal):
            book.apply(batch)
        page = book.take()
        page.dispositions.append(
            DispositionSet(
                at=over.at,
                segment=over.segment,
                contact=over.contact,
                agent=over.agent,
                disposition="follow-up",
            )
        )
        await history.records.write(page)
        segments = await history.records.segments_of(over.contact)
        assert segments[0].disposition == "follow-up"

    within(tmp_path, story)


ANNA = Customer(number="1001", phones=("34600123456",), name="Anna", fields={"plan": "gold"})
BEN = Customer(number="1002", phones=("14155550100", "34911222333"), name="Ben", language="te")
TWIN = Customer(number="1003", phones=("44600123456",), name="Twin")


def test_a_customer_is_known_by_number_and_by_every_phone(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        await history.customers.replace([ANNA, BEN])
        assert await history.customers.by_number(" 1001 ") == ANNA
        assert await history.customers.by_phone("+34 600 123 456") == ANNA
        assert await history.customers.by_phone("0034600123456") == ANNA
        assert (await history.customers.lookup("phone", "911 222 333")) == BEN
        assert (await history.customers.lookup("customer_number", "1002")) == BEN
        assert await history.customers.by_phone("anonymous") is None
        assert await history.customers.by_number("9") is None

    within(tmp_path, story)


def test_a_number_that_two_customers_end_with_is_nobodys(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        await history.customers.replace([ANNA, TWIN])
        assert await history.customers.by_phone("600123456") is None
        assert await history.customers.by_phone("44600123456") == TWIN

    within(tmp_path, story)


def test_an_import_replaces_the_whole_table(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        await history.customers.replace([ANNA, BEN])
        await history.customers.replace([TWIN])
        assert await history.customers.count() == 1
        assert await history.customers.by_number("1001") is None

    within(tmp_path, story)


def test_a_party_that_was_erased_is_gone(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        book = Book()
        await history.records.write(book.take(), {"p1": "{}", "p2": "{}"})
        assert await history.parties.erase(["p1", "p9"]) == 1
        assert set(await history.parties.values(["p1", "p2"])) == {"p2"}

    within(tmp_path, story)


def test_a_revoked_token_takes_its_sessions_with_it(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        access = history.access
        token = Token(id="t1", name="wall", scope=Scope.WALL, digest="d" * 64, created=5)
        await access.add_token(token)
        session = WebSession(
            digest="s" * 64, scope=Scope.WALL, token="t1", csrf="c", created=5, seen=5, expires=99
        )
        await access.add_session(session)
        assert await access.token("d" * 64) == token
        assert await access.session("s" * 64) == session
        assert await access.revoke_token("t1", 7)
        assert not await access.revoke_token("t1", 8)
        revoked = await access.token_by_id("t1")
        assert revoked is not None
        assert not revoked.valid(8)
        assert await access.session("s" * 64) is None
        assert [t.id for t in await access.tokens()] == ["t1"]

    within(tmp_path, story)


def test_a_session_is_seen_ended_and_forgotten(tmp_path: Path) -> None:
    async def story(history: History) -> None:
        access = history.access
        for name, expires in (("a", 50), ("b", 90)):
            await access.add_session(
                WebSession(
                    digest=name, scope=Scope.AGENT, csrf="c", created=1, seen=1, expires=expires
                )
            )
        await access.see_session("a", 10, 60)
        seen = await access.session("a")
        assert seen is not None
        assert (seen.seen, seen.expires) == (10, 60)
        await access.forget_sessions(60)
        assert await access.session("a") is None
        await access.end_session("b")
        assert await access.session("b") is None

    within(tmp_path, story)
