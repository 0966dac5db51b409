"""One writer: decided once, committed once, fenced when another leads."""

from __future__ import annotations

import threading
import time
import zlib
from pathlib import Path

import pytest

from callcenter.adapters.store import follower as followers
from callcenter.adapters.store.archive import Archive, batches_after, records, segments
from callcenter.adapters.store.follower import Follower, acquire
from callcenter.adapters.store.replica import Replica, read_batches, recover
from callcenter.adapters.store.resp import Connection, StoreError
from callcenter.adapters.store.states import save_state
from callcenter.adapters.store.wire import read_batch
from callcenter.control.center import DecisionFailed
from callcenter.control.replay import decide_again, same
from callcenter.domain.commands import Command, QueueRequested
from callcenter.domain.events import (
    Batch,
    ContactArrived,
    ContactQueued,
    Event,
    FrontendLost,
    InputKind,
)
from callcenter.domain.units import ContactId, FrontendId, Micros, QueueId
from tests.adapters.store_server import (
    FRONTEND,
    Led,
    StoreServer,
    arrival,
    envelope,
    seed,
    until,
)


def append(connection: Connection, store: StoreServer, data: bytes) -> None:
    connection.call("XADD", store.keys.cmds, "*", "e", data)


def journal(connection: Connection, store: StoreServer) -> list[Batch]:
    return [read_batch(data) for _, data in read_batches(connection, store.keys, 0, 100_000)]


def arrived(batches: list[Batch]) -> list[str]:
    return [e.contact for b in batches for e in b.events if isinstance(e, ContactArrived)]


def test_commands_become_events_in_one_commit_with_their_cursor(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1), arrival(2)))
    led = Led(store)
    until(lambda: arrived(journal(connection, store)) == ["c1", "c2"])
    led.end()
    last = journal(connection, store)[-1]
    assert last.marks["frontend-0"] == (7, 2)
    assert connection.call("HGET", store.keys.head, "cursor").decode() == last.cursor
    assert connection.call("HGET", store.keys.center, "version") == b"file:1"


def test_a_repeated_command_changes_nothing(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    for _ in range(3):
        append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1), arrival(2)))
    append(connection, store, envelope("frontend-0", 6, 9, arrival(3)))
    led = Led(store)
    until(lambda: led.leader.counts["repeats"] == 4)
    led.end()
    assert arrived(journal(connection, store)) == ["c1", "c2"]


def test_commands_out_of_order_are_decided_once_in_the_order_of_their_numbers(
    store: StoreServer, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    append(connection, store, envelope("frontend-0", 7, 4, arrival(4)))
    append(connection, store, envelope("frontend-0", 7, 2, arrival(2), arrival(3), arrival(4)))
    append(connection, store, envelope("frontend-0", 7, 5, arrival(5)))
    led = Led(store)
    until(lambda: arrived(journal(connection, store)) == ["c1", "c4", "c5"])
    led.end()
    assert journal(connection, store)[-1].marks["frontend-0"] == (7, 5)
    health = led.leader.health()
    assert (health.missing, health.repeats) == (2, 3)
    told = capsys.readouterr().out
    assert "commands of a source are missing" in told
    assert all(words in told for words in ("source=frontend-0", "after=1", "until=4"))


def test_commands_of_an_earlier_life_are_skipped_whenever_they_come(
    store: StoreServer, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    append(connection, store, envelope("frontend-0", 8, 1, arrival(1)))
    first = Led(store)
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    append(connection, store, envelope("frontend-0", 7, 1, arrival(2)))
    until(lambda: first.leader.counts["repeats"] == 1)
    first.end()
    first.leader.release()
    append(connection, store, envelope("frontend-0", 7, 2, arrival(3)))
    append(connection, store, envelope("frontend-0", 8, 2, arrival(4)))
    second = Led(store, owner="two")
    until(lambda: arrived(journal(connection, store)) == ["c1", "c4"])
    second.end()
    assert second.leader.counts["repeats"] == 1
    assert "commands of an earlier life are skipped" in capsys.readouterr().out


def test_what_nobody_waits_for_is_decided_with_the_next_that_somebody_does(
    store: StoreServer,
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    before = len(journal(connection, store))
    queue = QueueRequested(contact=ContactId("c1"), queue=QueueId("sales"))
    commands: list[Command] = [arrival(1), queue]
    for sequence, command in enumerate(commands, 1):
        append(connection, store, envelope("frontend-0", 7, sequence, command))
    until(lambda: len(journal(connection, store)) > before)
    led.end()
    (batch,) = journal(connection, store)[before:]
    assert {ContactArrived, ContactQueued} <= {type(event) for event in batch.events}


def test_what_nobody_waits_for_is_decided_soon_though_nothing_else_comes(
    store: StoreServer,
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    led.end()


def test_what_cannot_be_read_is_set_aside_and_the_rest_goes_on(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    append(connection, store, b"\xff not an envelope")
    known = envelope("frontend-0", 7, 1, arrival(1), arrival(2))
    append(connection, store, known.replace(b"ContactReported", b"ContactRepeated", 1))
    led = Led(store)
    until(lambda: arrived(journal(connection, store)) == ["c2"])
    led.end()
    assert led.leader.counts["unreadable"] == 2
    dead = connection.call("LRANGE", store.keys.dead, 0, -1)
    assert len(dead) == 2
    assert b"ContactRepeated" in dead[0]


def test_a_leader_that_lost_its_lease_is_fenced(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    connection.call("INCR", store.keys.epoch)  # somebody else took the lease meanwhile
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(led.fenced.is_set)
    assert arrived(journal(connection, store)) == []


def test_nobody_leads_while_the_lease_is_held_and_a_dead_owner_is_not_waited_for(
    store: StoreServer,
) -> None:
    connection = store.connect()
    assert acquire(connection, store.keys, "one") == 1
    assert acquire(connection, store.keys, "two") == 0
    assert acquire(connection, store.keys, "two", dead="one") == 2


def test_a_new_leader_goes_on_where_the_old_one_ended(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    first = Led(store)
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    first.end()
    first.leader.release()
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1), arrival(2)))
    second = Led(store, owner="two")
    until(lambda: arrived(journal(connection, store)) == ["c1", "c2"])
    second.end()
    batches = journal(connection, store)
    assert [b.seq for b in batches] == list(range(1, len(batches) + 1))
    assert [b.at for b in batches] == sorted(b.at for b in batches)
    assert batches[-1].epoch == 2


def test_the_store_killed_under_load_loses_nothing_acknowledged(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    acknowledged: list[str] = []
    done = threading.Event()

    def load() -> None:
        mine = store.connect()
        number = 0
        while not done.is_set():
            number += 1
            try:
                append(mine, store, envelope("frontend-0", 7, number, arrival(number)))
                acknowledged.append(f"c{number}")
            except (OSError, StoreError):
                mine = store.connect()

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    for kills in range(3):
        until(lambda wanted=200 * (kills + 1): len(acknowledged) > wanted, 20)  # type: ignore[misc]
        store.kill()
        store.start()
    done.set()
    thread.join(5)
    connection = store.connect()
    until(lambda: set(acknowledged) <= set(arrived(journal(connection, store))), 20)
    led.end()
    found = arrived(journal(connection, store))
    assert len(found) == len(set(found)), "decided twice"
    assert not led.fenced.is_set()


def test_a_front_end_without_a_lease_is_lost(store: StoreServer) -> None:
    connection = store.connect()
    append(connection, store, seed())
    lease = store.keys.frontend_lease(FRONTEND)
    connection.call("SET", lease, 1)
    led = Led(store)
    until(lambda: led.leader.counts["batches"] > 0)
    led.leader._had_time = lambda: True  # type: ignore[method-assign]
    time.sleep(0.6)
    assert not any(
        isinstance(e, FrontendLost) for b in journal(connection, store) for e in b.events
    )
    connection.call("DEL", lease)
    until(
        lambda: any(
            isinstance(e, FrontendLost) for b in journal(connection, store) for e in b.events
        )
    )
    led.end()
    assert journal(connection, store)[-1].inputs[-1].kind is InputKind.LOST


def test_a_mistake_of_ours_over_a_lost_front_end_does_not_end_the_leader(
    store: StoreServer,
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    lease = store.keys.frontend_lease(FRONTEND)
    connection.call("SET", lease, 1)
    led = Led(store)
    until(lambda: led.leader.counts["batches"] > 0)
    led.leader._had_time = lambda: True  # type: ignore[method-assign]

    def broken(frontend: FrontendId, now: Micros) -> list[Event]:
        raise DecisionFailed([])

    led.leader.replica.control.frontend_lost = broken  # type: ignore[method-assign]
    connection.call("DEL", lease)
    until(lambda: led.leader.counts["failed"] > 0)
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    led.end()


@pytest.fixture
def archive(store: StoreServer) -> Path:
    return store.directory / "archive"


def test_a_follower_archives_and_a_reader_goes_on_from_the_archive(
    store: StoreServer, archive: Path
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    for number in range(1, 51):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
    led = Led(store)
    until(lambda: len(arrived(journal(connection, store))) == 50)
    led.end()
    follower = Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two")
    follower.step()
    follower.finish()
    batches = journal(connection, store)
    connection.call("XTRIM", store.keys.events, "MAXLEN", 0)
    connection.call("DEL", store.keys.snapshot)
    assert list(batches_after(archive, 0)) == batches
    assert recover(connection, store.keys, archive).seq in (0, batches[-1].seq)
    commands = [r for s in segments(archive) for r in records(s) if r.kind == 1]
    assert len(commands) == 51


def test_a_snapshot_and_the_events_after_it_are_the_whole_state(
    store: StoreServer, archive: Path
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    for number in range(1, 11):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
    until(lambda: len(arrived(journal(connection, store))) == 10)
    follower = Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two")
    follower.step()
    follower.finish()
    for number in range(11, 21):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
    until(lambda: len(arrived(journal(connection, store))) == 20)
    led.end()
    recovered = recover(store.connect(), store.keys, archive)
    assert recovered.seq == led.leader.replica.seq
    assert recovered.control.snapshot() == led.leader.replica.control.snapshot()


@pytest.mark.parametrize("damage", [b"", b"noise", b"\x78\x9c noise"])
def test_a_damaged_snapshot_is_told_and_the_state_comes_from_archive_and_stream(
    store: StoreServer, archive: Path, damage: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    for number in range(1, 11):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
    until(lambda: len(arrived(journal(connection, store))) == 10)
    follower = Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two")
    follower.step()
    follower.finish()
    led.end()
    save_state(archive, led.leader.replica)
    for segment in segments(archive):
        segment.write_bytes(segment.read_bytes()[:100])  # old batches are forgotten
    connection.call("XTRIM", store.keys.events, "MAXLEN", 1)
    connection.call("HSET", store.keys.snapshot, "data", damage, "crc", zlib.crc32(damage))
    recovered = recover(store.connect(), store.keys, archive)
    assert recovered.control.snapshot() == led.leader.replica.control.snapshot()
    assert "the snapshot is damaged" in capsys.readouterr().out


def test_a_store_that_lost_its_end_is_led_on_from_what_it_has(store: StoreServer) -> None:
    """What a failover to a replica that was behind looks like."""
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    for number in range(1, 6):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
        until(lambda n=number: len(arrived(journal(connection, store))) == n)  # type: ignore[misc]
    whole = journal(connection, store)
    cut, kept = whole[-2], connection.call("XRANGE", store.keys.events, "-", "+")[:-1]
    connection.call("DEL", store.keys.events)
    for entry in kept:
        connection.call("XADD", store.keys.events, entry[0], "b", entry[1][1])
    connection.call("HSET", store.keys.head, "seq", cut.seq, "cursor", cut.cursor)
    append(connection, store, envelope("frontend-0", 7, 6, arrival(6)))
    until(led.fenced.is_set)
    again = Led(store)
    until(lambda: "c6" in arrived(journal(connection, store)))
    again.end()
    assert journal(connection, store)[: len(kept)] == whole[:-1]


def test_a_torn_archive_is_cut_and_goes_on(store: StoreServer, archive: Path) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two").finish()
    whole = list(batches_after(archive, 0))
    segment = segments(archive)[0]
    segment.write_bytes(segment.read_bytes() + b"\x02\x00 torn")
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    led.end()
    Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two").finish()
    assert list(batches_after(archive, 0)) == journal(connection, store)
    assert list(batches_after(archive, 0))[: len(whole)] == whole


def test_the_journal_is_decided_again_byte_for_byte(store: StoreServer, archive: Path) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    queue = QueueRequested(contact=ContactId("c1"), queue=QueueId("sales"))
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1), queue))
    until(
        lambda: any(
            isinstance(e, ContactQueued) for b in journal(connection, store) for e in b.events
        )
    )
    led.end()
    entries = connection.call("XRANGE", store.keys.cmds, "-", "+")
    from callcenter.adapters.store.wire import read_envelope

    named = []
    for _, fields in entries:
        read, _ = read_envelope(fields[1])
        for sequence, command in enumerate(read.commands, read.first):
            named.append((f"{read.source}:{read.epoch}:{sequence}", command))
    replica = Replica()
    replica.control.epoch = led.leader.epoch
    batches = journal(connection, store)
    inputs = [given for batch in batches for given in batch.inputs]
    events = decide_again(replica.control, inputs, named)
    assert same(events, [event for batch in batches for event in batch.events])


def test_the_stream_is_trimmed_only_to_what_is_archived_and_in_a_snapshot(
    store: StoreServer, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(followers, "TRIM_SECONDS", 0.0)
    monkeypatch.setattr(followers, "SNAPSHOT_BATCHES", 10**9)
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    for number in range(1, 401):
        append(connection, store, envelope("frontend-0", 7, number, arrival(number)))
    until(lambda: len(arrived(journal(connection, store))) == 400)
    led.end()
    follower = Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two")
    follower.step()
    before = connection.call("XLEN", store.keys.events)
    follower.step()
    assert connection.call("XLEN", store.keys.events) == before, "there is no snapshot yet"
    monkeypatch.setattr(followers, "SNAPSHOT_BATCHES", 1)
    follower.step()
    assert connection.call("XLEN", store.keys.events) < before or before < 100
    recovered = recover(store.connect(), store.keys, archive)
    assert recovered.seq == led.leader.replica.seq


def test_another_journal_of_the_same_length_is_told_from_the_archived_one(
    store: StoreServer, archive: Path
) -> None:
    def live() -> list[Batch]:
        connection = store.connect()
        append(connection, store, seed())
        led = Led(store)
        until(led.ready.is_set)
        led.end()
        Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two").finish()
        return journal(connection, store)

    first = live()
    store.connect().call("FLUSHALL")
    second = live()
    assert len(first) == len(second)
    assert list(batches_after(archive.with_name(f"archive-until-{len(first)}"), 0)) == first
    assert list(batches_after(archive, 0)) == second


def test_another_journal_does_not_overwrite_an_archive(store: StoreServer, archive: Path) -> None:
    connection = store.connect()
    append(connection, store, seed())
    led = Led(store)
    until(led.ready.is_set)
    append(connection, store, envelope("frontend-0", 7, 1, arrival(1)))
    until(lambda: arrived(journal(connection, store)) == ["c1"])
    led.end()
    Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two").finish()
    kept = list(batches_after(archive, 0))
    connection.call("FLUSHALL")
    connection = store.connect()
    append(connection, store, seed())
    other = Led(store)
    until(other.ready.is_set)
    other.end()
    Follower(store.connect(), store.keys, Replica(), Archive(archive), owner="two").finish()
    aside = archive.with_name(f"archive-until-{kept[-1].seq}")
    assert list(batches_after(aside, 0)) == kept
    assert list(batches_after(archive, 0)) == journal(connection, store)
