"""A backup holds one moment of a living center; a damaged one, or one too many, changes nothing."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callcenter.adapters.history import History
from callcenter.adapters.store import embedded
from callcenter.adapters.store.archive import Archive, segments
from callcenter.adapters.store.follower import Follower
from callcenter.adapters.store.health import stream_id
from callcenter.adapters.store.replica import Replica, recover
from callcenter.app.__main__ import callcenter
from callcenter.app.backup import box
from callcenter.app.backup.box import BackupUnusable
from callcenter.app.backup.put_back import NotRestored
from callcenter.app.backup.setup import blanked
from callcenter.records.book import Book
from tests.adapters.store_server import Led, StoreServer, arrival, envelope, seed, until
from tests.records.stories import a_small_day, batches

SECRET = "hidden-word"


def configuration(folder: Path, more: str = "") -> Path:
    """A center's file, with its state below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "callcenter.toml"
    file.write_text(
        f'state_directory = "state"\nflows_directory = "flows"\n{more}'
        '[[skill]]\nname = "sales"\n[[queue]]\nid = "sales"\nskills = { sales = 1 }\n'
        f'[[agent]]\nid = "ana"\npassword = "{SECRET}"\nweb_password_file = "secrets/ana"\n'
    )
    file.chmod(0o600)
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/ana").write_text(f"{SECRET}-2\n")
    (folder / "secrets/ana").chmod(0o600)
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "flows" / "notes.txt").write_text("what callers hear\n")
    return file


class Living:
    """A center of a store, a leader and a history, with fifty contacts."""

    def __init__(self, folder: Path) -> None:
        self.config = configuration(folder)
        self.state = folder / "state"
        self.state.mkdir()
        self.store = StoreServer(self.state / "store")
        self.store.start()
        connection = self.store.connect()
        connection.call("XADD", self.store.keys.cmds, "*", "e", seed())
        self.led = Led(self.store)
        until(self.led.ready.is_set)
        for number in range(50):
            one = envelope("frontend-0", 1, number + 1, arrival(number))
            connection.call("XADD", self.store.keys.cmds, "*", "e", one)
        connection.call("HSET", self.store.keys.parties, "p1", '{"number": "+34600"}')
        self.connection = connection
        until(lambda: len(self.led.leader.replica.control.state.contacts) == 50)
        asyncio.run(self._write_history())

    async def _write_history(self) -> None:
        history = await History.open(f"sqlite:///{self.state / 'history.db'}")
        book = Book()
        for batch in batches(a_small_day().journal):
            book.apply(batch)
        await history.records.write(book.take(), {"p0": '{"number": "+34601"}'})
        await history.close()

    def follow(self) -> None:
        """Archive and snapshot what there is, as a standby does."""
        follower = Follower(
            self.store.connect(), self.store.keys, Replica(), Archive(self.state / "archive"),
            owner="two",
        )  # fmt: skip
        follower.step()
        follower.finish()

    def close(self) -> None:
        self.led.end()
        self.store.close()


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Living]:
    center = Living(tmp_path / "one")
    yield center
    center.close()


def ran(*words: str | Path) -> Result:
    return CliRunner().invoke(callcenter, [str(word) for word in words])


def backed_up(living: Living, name: str = "center.backup", *options: str) -> Path:
    target = living.config.parent.parent / name
    answer = ran("backup", target, "-c", living.config, *options)
    assert answer.exit_code == 0, (answer.output, answer.exception)
    return target


def restored(config: Path, backup: Path, *options: str) -> Result:
    return ran("restore", backup, "-c", config, *options)


def journal_of(state: Path) -> tuple[Replica, dict[bytes, bytes], tuple[int, int]]:
    """What a leader would lead with there, the numbers it has, and the last id of the commands."""
    store = StoreServer(state / "store")
    store.start()
    try:
        connection = store.connect()
        flat = connection.call("HGETALL", store.keys.parties)
        told = connection.call("XINFO", "STREAM", store.keys.cmds)
        facts = dict(zip(told[::2], told[1::2], strict=True))
        last = stream_id(bytes(facts[b"last-generated-id"]).decode())
        replica = recover(connection, store.keys, state / "archive")
        return replica, dict(zip(flat[::2], flat[1::2], strict=True)), last
    finally:
        store.close()


def rows_of(state: Path) -> dict[str, int]:
    async def count() -> dict[str, int]:
        history = await History.open(f"sqlite:///{state / 'history.db'}")
        try:
            ended = await history.records.ended()
            fold = await history.records.fold()
            parties = await history.parties.values(["p0"])
            return {"ended": len(ended), "fold": fold[0] if fold else 0, "parties": len(parties)}
        finally:
            await history.close()

    return asyncio.run(count())


# ---- round trips ------------------------------------------------------------------------------


@pytest.mark.parametrize("followed", [False, True], ids=["stream alone", "snapshot and archive"])
def test_a_living_center_comes_back_elsewhere(
    living: Living, tmp_path: Path, followed: bool
) -> None:
    if followed:
        living.follow()
        for number in range(50, 60):
            one = envelope("frontend-0", 1, number + 1, arrival(number))
            living.connection.call("XADD", living.store.keys.cmds, "*", "e", one)
        until(lambda: len(living.led.leader.replica.control.state.contacts) == 60)
        trimmed = living.led.leader.replica.seq // 2
        living.connection.call("XTRIM", living.store.keys.events, "MINID", f"{trimmed}-0")
    backup = backed_up(living)
    assert backup.stat().st_mode & 0o777 == 0o600
    elsewhere = configuration(tmp_path / "two")
    answer = restored(elsewhere, backup, "--json")
    assert answer.exit_code == 0, (answer.output, answer.exception)
    was = living.led.leader.replica
    state = elsewhere.parent / "state"
    replica, parties, last = journal_of(state)
    assert (replica.seq, replica.cursor) == (was.seq, was.cursor)
    assert replica.control.snapshot() == was.control.snapshot()
    assert parties[b"p1"] == b'{"number": "+34600"}'
    assert last >= stream_id(was.cursor), "new commands come after those that were decided"
    assert rows_of(state) == rows_of(living.state)
    assert json.loads(answer.stdout)["seq"] == was.seq
    assert [path.name for path in tmp_path.rglob("*.restoring")] == []


def test_what_is_in_the_archive_is_in_the_backup_and_nothing_later(
    living: Living, tmp_path: Path
) -> None:
    living.follow()
    elsewhere = configuration(tmp_path / "two")
    assert restored(elsewhere, backed_up(living)).exit_code == 0
    one, two = (folder / "archive" for folder in (living.state, elsewhere.parent / "state"))
    assert [s.name for s in segments(two)] == [s.name for s in segments(one)]
    assert (Archive(two).seq, Archive(two).cursor) == (Archive(one).seq, Archive(one).cursor)


def test_a_center_that_does_not_run_is_backed_up_too(living: Living, tmp_path: Path) -> None:
    was = living.led.leader.replica.seq
    living.led.end()
    living.store.kill()
    backup = backed_up(living)
    elsewhere = configuration(tmp_path / "two")
    assert restored(elsewhere, backup).exit_code == 0
    assert journal_of(elsewhere.parent / "state")[0].seq == was
    living.store.start()


def test_without_a_configuration_the_backups_is_written(living: Living, tmp_path: Path) -> None:
    bare = tmp_path / "bare" / "callcenter.toml"
    bare.parent.mkdir()
    answer = restored(bare, backed_up(living, "whole.backup", "--with-secrets"))
    assert answer.exit_code == 0, (answer.output, answer.exception)
    assert bare.read_text() == living.config.read_text()
    assert (bare.parent / "secrets/ana").read_text() == f"{SECRET}-2\n"
    assert (bare.parent / "flows/notes.txt").is_file()
    assert journal_of(bare.parent / "state")[0].seq == living.led.leader.replica.seq


# ---- what stays out ---------------------------------------------------------------------------


def test_passwords_stay_out_unless_they_are_asked_for(living: Living) -> None:
    plain = gzip.decompress(backed_up(living).read_bytes())
    assert SECRET.encode() not in plain
    whole = gzip.decompress(backed_up(living, "whole.backup", "--with-secrets").read_bytes())
    assert whole.count(SECRET.encode()) == 2
    answer = ran("backup", living.config.parent / "x", "-c", living.config)
    assert "left out: " in answer.stderr
    assert "secrets/ana" in answer.stderr


@pytest.mark.parametrize(
    "line",
    [
        f'password = "{SECRET}"', f"web_password='{SECRET}'", f'  "password" = "{SECRET}" # hers',
        f'url = "redis://me:{SECRET}@host:6379/0"', f'url = "postgresql://me:{SECRET}@host/cc"',
        f'agent = [{{ id = "a", password = "{SECRET}" }}]',
    ],
)  # fmt: skip
def test_a_password_in_the_file_is_blanked(line: str) -> None:
    assert SECRET not in blanked(line)


def test_nothing_is_overwritten_unasked(living: Living) -> None:
    target = living.config.parent / "there"
    target.write_text("mine")
    assert ran("backup", target, "-c", living.config).exit_code == 1
    assert target.read_text() == "mine"
    assert ran("backup", target, "-c", living.config, "--force").exit_code == 0
    assert [path.name for path in target.parent.glob(".*")] == []


# ---- what is refused --------------------------------------------------------------------------


def test_a_directory_with_something_in_it_is_refused_or_moved_aside(
    living: Living, tmp_path: Path
) -> None:
    backup = backed_up(living)
    elsewhere = configuration(tmp_path / "two")
    state = elsewhere.parent / "state"
    state.mkdir()
    (state / "mine").write_text("kept")
    refused = restored(elsewhere, backup)
    assert isinstance(refused.exception, NotRestored)
    assert [path.name for path in state.iterdir()] == ["mine"]
    assert restored(elsewhere, backup, "--force").exit_code == 0
    assert (elsewhere.parent / "state.before-restore-1" / "mine").read_text() == "kept"
    assert journal_of(state)[0].seq == living.led.leader.replica.seq


def test_a_running_center_is_never_written_over(living: Living, tmp_path: Path) -> None:
    import fcntl

    elsewhere = configuration(tmp_path / "two")
    state = elsewhere.parent / "state"
    state.mkdir()
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = restored(elsewhere, backed_up(living), "--force")
    assert isinstance(refused.exception, NotRestored)
    assert "stop it first" in str(refused.exception)


def test_without_a_center_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    answer = ran("backup", tmp_path / "x", "-c", configuration(tmp_path / "none"))
    assert isinstance(answer.exception, embedded.StoreUnavailable)
    assert "there is no center in" in str(answer.exception)
    assert not (tmp_path / "x").exists()


def test_a_damaged_backup_changes_nothing(living: Living, tmp_path: Path) -> None:
    whole = backed_up(living).read_bytes()
    elsewhere = configuration(tmp_path / "two")
    damaged = tmp_path / "damaged"
    wrong = {
        "cut": whole[: len(whole) // 2], "cut at the end": whole[:-9], "empty": b"",
        "text": b"no backup", "another tar": tarred({"a": b"b"}),
        "later": tarred({box.HEAD: b'{"format": "callcenter backup", "version": 99}'}),
        "escaping": tarred({box.HEAD: b"{}", "../x": b""}),
    }  # fmt: skip
    wrong |= {f"bit {at}": flipped(whole, at) for at in range(40, len(whole), len(whole) // 12)}
    for what, data in wrong.items():
        damaged.write_bytes(data)
        answer = restored(elsewhere, damaged)
        assert isinstance(answer.exception, BackupUnusable), (what, answer.exception)
        assert str(damaged) in str(answer.exception)
        assert not (elsewhere.parent / "state").exists(), what
    assert [path.name for path in elsewhere.parent.glob(".*")] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda parts: parts.pop("journal-tail.ccj"), "journal-tail.ccj is missing"),
        (lambda parts: parts.update({"store.msgpack": b"other"}), "store.msgpack is not what was"),
        (lambda parts: parts.update({"more": b""}), "more is not what was written"),
        (lambda parts: parts.pop("manifest.json"), "it ends before its manifest"),
    ],
)
def test_a_backup_that_was_put_together_anew_is_named(
    living: Living, tmp_path: Path, change: object, said: str
) -> None:
    backup = backed_up(living)
    with tarfile.open(backup) as tar:
        parts = {m.name: f.read() for m in tar if (f := tar.extractfile(m)) is not None}
    manifest = parts.pop("manifest.json")
    parts["manifest.json"] = manifest
    change(parts)  # type: ignore[operator]
    if "manifest.json" in parts:
        parts["manifest.json"] = parts.pop("manifest.json")
    backup.write_bytes(tarred(parts))
    answer = restored(configuration(tmp_path / "two"), backup)
    assert isinstance(answer.exception, BackupUnusable)
    assert said in str(answer.exception)


def test_a_later_version_is_refused_by_name(living: Living, tmp_path: Path) -> None:
    backup = tmp_path / "later"
    head = {"format": box.FORMAT, "version": 2, "program": "9.9"}
    backup.write_bytes(tarred({box.HEAD: json.dumps(head).encode()}))
    answer = restored(configuration(tmp_path / "two"), backup)
    assert "made by callcenter 9.9; this one reads up to version 1" in str(answer.exception)


def tarred(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
