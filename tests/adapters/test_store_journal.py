"""The way in and the way out: grouped, ordered, kept while the store is away."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from callcenter.adapters.store import journal
from callcenter.adapters.store.follower import acquire
from callcenter.adapters.store.journal import (
    CommandWriter,
    EventReader,
    JournalGap,
    OutboxFull,
    RecordChange,
    StoreUnavailable,
    read_center,
    read_records,
    tail,
)
from callcenter.adapters.store.leader import Leader, Stopped
from callcenter.adapters.store.replica import Replica
from callcenter.domain.commands import QueueRequested
from callcenter.domain.events import ContactArrived
from callcenter.domain.units import ContactId, QueueId
from tests.adapters.store_server import CENTER, StoreServer, arrival, seed


@pytest.fixture
def led(store: StoreServer) -> Iterator[Leader]:
    """A leader that decides while the test asks."""
    connection = store.connect()
    connection.call("XADD", store.keys.cmds, "*", "e", seed())
    stop = threading.Event()
    leader = Leader(
        connection, store.keys, Replica(), owner="one",
        epoch=acquire(connection, store.keys, "one"),
        reconnect=store.connect, stopping=stop.is_set,
    )  # fmt: skip

    def lead() -> None:
        with contextlib.suppress(Stopped):
            leader.lead()

    thread = threading.Thread(target=lead, daemon=True)
    thread.start()
    yield leader
    stop.set()
    thread.join(5)


def writer_of(store: StoreServer, **options: object) -> CommandWriter:
    return CommandWriter(
        store.url, store.keys, source="frontend-0", epoch=7,
        records=store.keys.frontend_records("frontend-0"), **options,  # type: ignore[arg-type]
    )  # fmt: skip


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def timed() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(timed())


async def read_contacts(reader: EventReader, count: int) -> list[str]:
    found: list[str] = []
    async for batch in reader:
        found += [e.contact for e in batch.events if isinstance(e, ContactArrived)]
        if len(found) >= count:
            return found
    return found


def test_a_turn_is_one_transaction_and_its_events_come_back(
    store: StoreServer, led: Leader
) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        first = writer.append([arrival(1)], [RecordChange("dialog:1", b"one")])
        second = writer.append([arrival(2)], [RecordChange("dialog:2", b"two")])
        await writer.append([], [RecordChange("dialog:1", None), RecordChange("cursor", b"5")])
        assert first.done()
        assert second.done()
        reader = EventReader(store.url, store.keys, 0, backlog=writer.backlog)
        assert await read_contacts(reader, 2) == ["c1", "c2"]
        assert writer.backlog.oldest_seconds(1e9) == 0
        assert await read_records(store.url, store.keys, "frontend-0") == {
            "dialog:2": b"two",
            "cursor": b"5",
        }
        length = await writer.call("XLEN", store.keys.cmds)
        assert length == 2  # the seed, and one envelope for both arrivals
        await writer.close()

    run(story)


def test_appends_of_a_store_that_is_away_wait_in_order_and_are_written_once(
    store: StoreServer, led: Leader
) -> None:
    async def story() -> None:
        states: list[str] = []
        writer = writer_of(
            store, on_down=lambda: states.append("down"), on_up=lambda: states.append("up")
        )
        await writer.start()
        await writer.append([arrival(1)])
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, store.kill)
        waiting = [writer.append([arrival(number)]) for number in range(2, 101)]
        await asyncio.sleep(0.1)
        assert writer.down
        assert not any(w.done() for w in waiting)
        await loop.run_in_executor(None, store.start)
        await asyncio.gather(*waiting)
        reader = EventReader(store.url, store.keys, 0)
        assert await read_contacts(reader, 100) == [f"c{n}" for n in range(1, 101)]
        assert states == ["up", "down", "up"]
        await writer.close()

    run(story)


def test_nothing_is_lost_or_doubled_when_the_store_dies_under_a_writer(
    store: StoreServer, led: Leader
) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        loop = asyncio.get_running_loop()
        appended: list[Awaitable[None]] = []
        for number in range(1, 601):
            appended.append(writer.append([arrival(number)]))
            if number in (150, 400):
                kill = loop.run_in_executor(None, store.kill)
                await asyncio.sleep(0.01)
                await kill
                await loop.run_in_executor(None, store.start)
            await asyncio.sleep(0.0005)
        await asyncio.gather(*appended)
        reader = EventReader(store.url, store.keys, 0)
        assert await read_contacts(reader, 600) == [f"c{n}" for n in range(1, 601)]
        await writer.close()

    run(story)


def test_a_full_outbox_promises_nothing_more(
    store: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "OUTBOX_APPENDS_MAX", 3)

    async def story() -> None:
        writer = writer_of(store)
        futures = [writer.append([arrival(n)]) for n in range(3)]
        with pytest.raises(OutboxFull):
            writer.append([arrival(4)])
        await writer.close()
        for future in futures:
            with pytest.raises(StoreUnavailable):
                await future

    run(story)


def test_a_front_ends_lease_is_there_before_its_first_command(store: StoreServer) -> None:
    async def story() -> None:
        writer = writer_of(store, lease="frontend-0")
        await writer.start()
        key = store.keys.frontend_lease("frontend-0")
        assert await writer.call("GET", key) == b"7"
        assert 2000 < await writer.call("PTTL", key) <= 3000
        await writer.close()

    run(story)


def test_a_store_that_is_not_there_is_told_in_time(store: StoreServer) -> None:
    store.kill()

    async def story() -> None:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await writer_of(store).start(wait_seconds=0.2)

    run(story)


def test_a_reader_of_another_journal_is_told(store: StoreServer, led: Leader) -> None:
    async def story() -> None:
        with pytest.raises(JournalGap, match="another journal"):
            await read_contacts(EventReader(store.url, store.keys, 5000), 1)

    run(story)


def test_a_reader_that_comes_too_late_is_told(store: StoreServer, led: Leader) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        await writer.append([arrival(1)])
        await read_contacts(EventReader(store.url, store.keys, 0), 1)
        await writer.call("XTRIM", store.keys.events, "MAXLEN", 1)
        with pytest.raises(JournalGap, match="no batch 1"):
            await read_contacts(EventReader(store.url, store.keys, 0), 1)
        await writer.close()

    run(story)


def test_the_center_in_force_can_be_read(store: StoreServer, led: Leader) -> None:
    async def story() -> None:
        async for batch in EventReader(store.url, store.keys, 0):
            if batch.configuration:
                break
        found = await read_center(store.url, store.keys)
        assert found == (CENTER, "file:1", 1)
        assert await tail(store.url, store.keys) >= 1

    run(story)


def test_a_reader_in_a_hurry_does_not_linger(store: StoreServer, led: Leader) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        reader = EventReader(store.url, store.keys, 0, linger_seconds=3600)
        seeing = asyncio.create_task(read_contacts(reader, 1))
        await writer.append([arrival(1)])
        assert not seeing.done()
        reader.hurry.set()
        assert await seeing == ["c1"]
        await writer.close()

    run(story)


def test_a_patient_append_is_written_with_the_next_that_is_not(
    store: StoreServer, led: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENT_SECONDS", 3600)

    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        patient = writer.append([], [RecordChange("offer", b"one")], patient=True)
        await writer.call("PING")
        assert not patient.done()
        await writer.append([arrival(1)], [], {"party-1": "+1555"})
        assert patient.done()
        kept = await writer.call("HGETALL", store.keys.parties)
        assert kept == [b"party-1", b'{"number": "+1555"}']
        await writer.close()

    run(story)


def test_a_patient_append_is_written_soon_though_nothing_follows(
    store: StoreServer, led: Leader
) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        await writer.append([], [RecordChange("offer", b"one")], patient=True)
        assert await read_records(store.url, store.keys, "frontend-0") == {"offer": b"one"}
        await writer.close()

    run(story)


def test_a_late_reader_takes_many_batches_at_once(store: StoreServer, led: Leader) -> None:
    async def story() -> None:
        writer = writer_of(store)
        await writer.start()
        for number in range(1, 31):
            queue = QueueRequested(contact=ContactId(f"c{number}"), queue=QueueId("sales"))
            await writer.append([arrival(number), queue])
        reader = EventReader(store.url, store.keys, 0, linger_seconds=0.05)
        async for batches in reader.reads():
            assert len(batches) > 10
            break
        await writer.close()

    run(story)
