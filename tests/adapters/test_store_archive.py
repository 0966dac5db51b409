"""The archive forgets what is old enough, and never what a restart may need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callcenter.adapters.store import archive as archives
from callcenter.adapters.store import states as kept_states
from callcenter.adapters.store.archive import BATCH, COMMAND, DAY_SECONDS, Archive, Record, segments
from callcenter.adapters.store.follower import Follower
from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.states import StateKeeper, forget_states, load_state, states
from tests.adapters.store_server import Led, StoreServer, seed, until

NOW = 1_700_000_000.0
OLD, YOUNG = NOW - 31 * DAY_SECONDS, NOW - 29 * DAY_SECONDS


def an_archive(folder: Path, days: int, ages: list[float]) -> Archive:
    """One batch per segment, from 1 on; `ages` says when each finished one was written."""
    archive = Archive(folder / "archive", days=days)
    for seq in range(1, len(ages) + 2):
        archive.write(Record(BATCH, seq, 0, b"x" * 100))
        archive.sync()
    for segment, written in zip(segments(archive.directory), ages, strict=False):
        os.utime(segment, (written, written))
    return archive


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SEGMENT_BYTES", 100)


def kept(archive: Archive) -> list[int]:
    return [archives.first_seq(segment) for segment in segments(archive.directory)]


def test_segments_older_than_the_setting_are_removed_with_their_checksums(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, 30, [OLD, OLD, YOUNG])
    assert len(archive.forget(100, NOW)) == 2
    assert kept(archive) == [3, 4]
    assert sorted(path.name for path in archive.directory.glob("*.sha256")) == [
        f"journal-{seq:015d}.ccj.sha256" for seq in (3, 4)
    ]


def test_without_a_limit_everything_is_kept(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, 0, [OLD, OLD])
    assert archive.forget(100, NOW) == []
    assert kept(archive) == [1, 2, 3]


def test_what_no_snapshot_stands_for_is_kept_however_old(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, 30, [OLD, OLD, OLD])
    archive.forget(2, NOW)
    assert kept(archive) == [2, 3, 4]


def test_the_newest_segment_stays_even_when_nothing_happened_for_months(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, 30, [OLD, OLD])
    last = segments(archive.directory)[-1]
    os.utime(last, (OLD, OLD))
    archive.forget(100, NOW)
    assert kept(archive) == [3]
    assert Archive(archive.directory).seq == 3


def test_an_archive_that_was_set_aside_goes_as_a_whole(tmp_path: Path) -> None:
    archive = an_archive(tmp_path, 30, [OLD, OLD])
    aside = archive.set_aside()
    for segment in segments(aside)[:-1]:
        os.utime(segment, (OLD, OLD))
    os.utime(segments(aside)[-1], (YOUNG, YOUNG))
    assert archive.forget(0, NOW) == []
    os.utime(segments(aside)[-1], (OLD, OLD))
    assert archive.forget(0, NOW) == [aside]
    assert not aside.exists()


def test_a_torn_last_segment_leaves_the_end_to_the_one_before(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.write(Record(COMMAND, 5, 1, b"asked"))
    archive.write(Record(BATCH, 1, 0, b"decided" * 20))
    archive.sync()
    archive.write(Record(COMMAND, 6, 0, b"asked again"))
    archive.close()
    torn = segments(archive.directory)[-1]
    torn.write_bytes(torn.read_bytes()[:-3])
    again = Archive(archive.directory)
    assert (again.seq, again.cursor, again.batch) == (1, (5, 1), b"decided" * 20)


def test_two_never_write_into_one_archive(tmp_path: Path) -> None:
    one, two = Archive(tmp_path / "archive"), Archive(tmp_path / "archive")
    assert one.take()
    assert not two.take()
    one.write(Record(BATCH, 1, 0, b"decided"))
    one.close()
    assert two.take()
    assert (two.seq, two.batch) == (1, b"decided")


def test_commands_after_the_last_batch_do_not_make_it_another_journal(store: StoreServer) -> None:
    """The power failed between a command and its batch: the archive goes on."""
    connection = store.connect()
    connection.call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    until(led.ready.is_set)
    led.end()
    folder = store.directory / "archive"
    Follower(store.connect(), store.keys, Replica(), Archive(folder), owner="two").finish()
    archive = Archive(folder)
    archive.write(Record(COMMAND, archive.cursor[0] + 1, 0, b"asked"))
    archive.close()
    Follower(store.connect(), store.keys, Replica(), Archive(folder), owner="two").step()
    assert list(store.directory.glob("archive-until-*")) == []


def test_whoever_archives_also_forgets(store: StoreServer) -> None:
    an_archive(store.directory, 1, [OLD]).set_aside()
    [aside] = store.directory.glob("archive-until-*")
    for segment in segments(aside):
        os.utime(segment, (OLD, OLD))
    archive = Archive(store.directory / "archive", days=1)
    Follower(store.connect(), store.keys, Replica(), archive, owner="two").step()
    assert not aside.exists()


def test_whoever_archives_keeps_a_state_where_a_file_ends(store: StoreServer) -> None:
    connection = store.connect()
    connection.call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    until(led.ready.is_set)
    led.end()
    archive = Archive(store.directory / "archive")
    follower = Follower(store.connect(), store.keys, Replica(), archive, owner="two")
    follower.step()
    assert states(archive.directory) == [follower.replica.seq]
    kept = load_state(archive.directory, follower.replica.seq)
    assert kept is not None
    assert kept.control.snapshot() == follower.replica.control.snapshot()
    assert kept.cursor == follower.replica.cursor


def test_a_state_is_due_after_so_many_batches_or_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_states, "STATE_BATCHES", 10)
    monkeypatch.setattr(kept_states, "STATE_BYTES", 5000)
    keeper, replica = StateKeeper(tmp_path), Replica()
    replica.seq = 5
    assert not keeper.archived(replica, 100, finished=False)
    replica.seq = 10
    assert keeper.archived(replica, 100, finished=False), "ten batches"
    replica.seq = 11
    assert not keeper.archived(replica, 4999, finished=False)
    assert keeper.archived(replica, 1, finished=False), "many bytes"
    assert not keeper.archived(replica, 9999, finished=True), "it is there already"
    replica.seq = 12
    assert keeper.archived(replica, 1, finished=True)
    assert states(tmp_path) == [10, 11, 12]
    assert not list(tmp_path.glob("*.new"))
    forget_states(tmp_path, 12)
    assert states(tmp_path) == [11, 12], "the one that leads to batch 12 stays"
    again = StateKeeper(tmp_path)
    replica.seq = 21
    assert not again.archived(replica, 1, finished=False), "it goes on counting after a restart"
