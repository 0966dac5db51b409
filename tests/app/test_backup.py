"""A backup holds one moment of a living center; a damaged one, or one too many, changes nothing."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.history import History
from callcenter.adapters.intake.claims import digest_of
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
from callcenter.domain.center import Channel
from callcenter.domain.commands import (
    ContactReported,
    FaxRequested,
    LetterRequested,
    LetterStage,
)
from callcenter.domain.units import ContactId, FrontendId, LetterId, PartyId
from callcenter.intake.arrival import Note
from callcenter.intake.document import encode_document, raw_view
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


# ---- what people sent -------------------------------------------------------------------------


def a_mail(living: Living, number: int, *, read: bool = True) -> str:
    """What the intake leaves of a mail: a file, a document, a note, a claim. The contact's name."""
    blobs, keys = Blobs(living.state), living.store.keys
    blobs.prepare()
    contact, blob = f"mail-{number}", blobs.keep(f"words {number}".encode())
    document = raw_view(
        ContactId(contact), Channel.EMAIL, "office", 1, blob, 7, "not_read"
    )  # fmt: skip
    if read:
        blobs.keep_document(contact, encode_document(document))
    note = Note(
        contact=ContactId(contact), channel=Channel.EMAIL, kind="mail", source="office", blob=blob,
        party=PartyId(""), received=1,
    )  # fmt: skip
    living.connection.call("HSET", keys.pending, contact, msgspec.json.encode(note))
    living.connection.call("SET", keys.claim(digest_of(f"key {number}")), contact, "EX", 9999)
    return contact


def arrived(living: Living, contact: str, sequence: int, *, wait: bool = True) -> None:
    command = ContactReported(
        contact=ContactId(contact),
        channel=Channel.EMAIL,
        frontend=FrontendId(""),
        dialled="office",
        blob="x",
    )
    one = envelope("intake-0", 1, sequence, command)
    living.connection.call("XADD", living.store.keys.cmds, "*", "e", one)
    if wait:
        until(lambda: ContactId(contact) in living.led.leader.replica.control.state.contacts)


def in_store(state: Path, *names: str) -> tuple[set[str], list[bytes | None], set[bytes]]:
    """Contacts of the notes, what the claims of `names` tell, letters in the outbox."""
    store = StoreServer(state / "store")
    store.start()
    try:
        connection, keys = store.connect(), store.keys
        notes = {bytes(x).decode() for x in connection.call("HKEYS", keys.pending)}
        told = [connection.call("GET", keys.claim(digest_of(name))) for name in names]
        return notes, told, set(connection.call("HKEYS", keys.outbox))
    finally:
        store.close()


def test_what_people_sent_is_in_the_backup_with_what_the_intake_knows_of_it(
    living: Living, tmp_path: Path
) -> None:
    for number in (1, 2):
        arrived(living, a_mail(living, number, read=number == 1), number)
    living.connection.call("HSET", living.store.keys.marks, "imap:office", b"[7,41]")
    elsewhere = configuration(tmp_path / "two")
    answer = restored(elsewhere, backed_up(living), "--json")
    assert answer.exit_code == 0, (answer.output, answer.exception)
    assert json.loads(answer.stdout)["missing"] == []
    state = elsewhere.parent / "state"
    for folder in ("blobs", "documents"):
        there = {path.name for path in (living.state / folder).rglob("*") if path.is_file()}
        assert {path.name for path in (state / folder).rglob("*") if path.is_file()} == there
    assert Blobs(state).read(hashlib.sha256(b"words 2").hexdigest()) == b"words 2"
    notes, told, _ = in_store(state, "key 1", "key 2")
    assert notes == {"mail-1", "mail-2"}
    assert told == [b"mail-1", b"mail-2"]


def test_what_the_journal_had_not_read_is_handed_over_again_and_not_known(
    living: Living, tmp_path: Path
) -> None:
    """Its command waits behind the end of the journal: its claim would be a lie elsewhere."""
    arrived(living, a_mail(living, 1), 1)
    living.led.end()
    arrived(living, a_mail(living, 2), 2, wait=False)
    living.connection.call("HSET", living.store.keys.marks, "imap:office", b"[7,41]")
    elsewhere = configuration(tmp_path / "two")
    assert restored(elsewhere, backed_up(living)).exit_code == 0
    notes, told, _ = in_store(elsewhere.parent / "state", "key 1", "key 2")
    assert notes == {"mail-1"}
    assert told == [b"mail-1", None]


def test_a_letter_that_was_going_out_comes_back_as_one_of_which_nobody_knows(
    living: Living, tmp_path: Path
) -> None:
    contact = a_mail(living, 1)
    arrived(living, contact, 1)
    wish = LetterRequested(letter=LetterId("l1"), contact=ContactId(contact), blob="ab" * 32)
    living.connection.call(
        "XADD", living.store.keys.cmds, "*", "e", envelope("web-0", 1, 1, wish)
    )  # fmt: skip
    job = FaxRequested(fax=ContactId("fax-1"), blob="cd" * 32, pages=1, party=PartyId("p"))
    living.connection.call("XADD", living.store.keys.cmds, "*", "e", envelope("web-0", 1, 2, job))
    faxes = living.led.leader.replica.control.state.faxes
    until(lambda: ContactId("fax-1") in faxes)
    letters = living.led.leader.replica.control.state.letters
    until(lambda: LetterId("l1") in letters and letters[LetterId("l1")].stage is LetterStage.DUE)
    elsewhere = configuration(tmp_path / "two")
    answer = restored(elsewhere, backed_up(living))
    assert in_store(elsewhere.parent / "state")[2] == {b"l1"}
    assert f"missing: letter l1: file {'ab' * 32}" in answer.stderr
    assert f"missing: fax fax-1: file {'cd' * 32}" in answer.stderr


def test_a_file_that_is_gone_is_named_and_the_rest_restored(living: Living, tmp_path: Path) -> None:
    arrived(living, a_mail(living, 1), 1)
    name = hashlib.sha256(b"words 1").hexdigest()
    (living.state / "blobs" / name[:2] / name).unlink()
    answer = restored(configuration(tmp_path / "two"), backed_up(living))
    assert answer.exit_code == 0
    assert f"missing: contact mail-1: file {name}" in answer.stderr


def test_a_changed_or_missing_file_in_the_backup_is_told(living: Living, tmp_path: Path) -> None:
    for number in (1, 2):
        arrived(living, a_mail(living, number), number)
    backup = backed_up(living)
    with tarfile.open(backup) as tar:
        parts = {m.name: f.read() for m in tar if (f := tar.extractfile(m)) is not None}
    blob = next(name for name in parts if name.startswith(box.BLOBS))
    document = next(name for name in parts if name.startswith(box.DOCUMENTS))
    for change, said in (
        ({blob: b"other"}, f"{blob} is not what its name says"),
        ({document: b"{}"}, "its 4 files and documents are not those that were written"),
        ({blob: None}, "its 3 files and documents are not those that were written"),
    ):
        made = {n: change.get(n, data) for n, data in parts.items()}
        backup.write_bytes(tarred({n: data for n, data in made.items() if data is not None}))
        answer = restored(configuration(tmp_path / "two"), backup)
        assert isinstance(answer.exception, BackupUnusable), answer.output
        assert said in str(answer.exception)
        assert not (tmp_path / "two" / "state").exists()


def test_a_fax_that_is_no_contact_yet_is_in_the_backup(living: Living, tmp_path: Path) -> None:
    place = living.state / "fax" / "call-1"
    place.mkdir(parents=True)
    (place / "kept.json").write_text('{"1": 2}')
    elsewhere = configuration(tmp_path / "two")
    assert restored(elsewhere, backed_up(living)).exit_code == 0
    assert (elsewhere.parent / "state/fax/call-1/kept.json").read_text() == '{"1": 2}'


def test_a_backup_of_many_files_takes_no_more_memory_than_one_of_few(tmp_path: Path) -> None:
    """Nothing of those that are many is remembered, neither in writing nor in reading."""
    file = tmp_path / "many"
    writer = box.BoxWriter(file, {"history": 1})
    for number in range(500):
        data = str(number).encode()
        writer.add_bytes(f"{box.BLOBS}{hashlib.sha256(data).hexdigest()}", data)
        assert len(writer._parts) == 1
        assert len(writer._tar.members) == 0  # type: ignore[attr-defined]
    writer.finish()
    told: list[tuple[int, int]] = []
    box.unpack(file, tmp_path / "out", lambda done, of: told.append((done, of)))
    assert told[-1] == (file.stat().st_size,) * 2
    assert len(list((tmp_path / "out" / box.BLOBS).iterdir())) == 500


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
    head = {"format": box.FORMAT, "version": box.VERSION + 1, "program": "9.9"}
    backup.write_bytes(tarred({box.HEAD: json.dumps(head).encode()}))
    answer = restored(configuration(tmp_path / "two"), backup)
    assert f"made by callcenter 9.9; this one reads up to version {box.VERSION}" in str(
        answer.exception
    )


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
