"""Taking a backup: what goes in, in which order, so that it is one moment of the center.

    0  faxes that are no contacts yet      from here on they are in the journal, or in this copy
    1  numbers of living contacts          they leave the store for the history when a contact ends
    2  the history, in one transaction     its folds stand at some batch H
    3  the end of the journal, batch S     S is not before H, because it is asked for later
    4  the archive up to S, and the batches after it, from the stream
    5  numbers again, from both places     whoever moved from one to the other is in one of them
    6  what the intake holds (`store/copy_intake.py`)
    7  what else is in the state directory, the configuration, the flows
    8  files and documents                 on the disk before the journal named them, so all are there

Why: records go on from H and find H+1 to S, so nothing is counted twice or left out; a history that
were newer than its journal would begin anew. Nothing here writes into the store or waits for
anybody: calls, decisions and pages go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from callcenter import __version__
from callcenter.adapters.history import dump as history_dump
from callcenter.adapters.history.engine import migrate, open_engine
from callcenter.adapters.store import embedded
from callcenter.adapters.store.archive import copy_until, first_seq, segments
from callcenter.adapters.store.copy import StoreCopy, read_copy, read_parties, read_tail
from callcenter.adapters.store.copy_intake import IntakeReader
from callcenter.adapters.store.embedded import StoreUnavailable, store_url
from callcenter.adapters.store.follower import connect
from callcenter.adapters.store.health import stream_id
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import Connection, StoreError, public_url
from callcenter.adapters.store.states import seq_of_state
from callcenter.app.backup import setup
from callcenter.app.backup.box import BLOBS, DOCUMENTS, BoxWriter, Progress
from callcenter.app.config import Settings
from callcenter.app.run import is_running
from callcenter.control.center import ENGINE

STORE, TAIL, HISTORY, STATE = "store.msgpack", "journal-tail.ccj", "history", "state"
INTAKE, CLAIMS = "intake.msgpack", "intake-claims.txt"
ARCHIVE, FAXES = "archive", "fax"


@dataclass
class Taken:
    """What a backup holds."""

    seq: int = 0
    bytes: int = 0
    parts: int = 0
    files: int = 0
    """Of them: what people sent, and documents."""
    batches: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


async def take(
    path: Path, settings: Settings, config: Path | None, progress: Progress, *, with_secrets: bool
) -> Taken:
    """Write a backup of the center of these settings to `path`.

    Raises `StoreUnavailable` when its store cannot be read, `JournalGap` when it has a hole.
    """
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as name:
        async with reachable(settings) as connection:
            taker = _Taker(settings, connection, Path(name), with_secrets=with_secrets)
            await taker.gather(config)
        return taker.pack(path, progress)


@contextlib.asynccontextmanager
async def reachable(settings: Settings) -> AsyncIterator[Connection]:
    """A connection to the center's store; an embedded one that does not run is started for it."""
    url = store_url(settings.store.url, settings.store_directory)
    process = None
    try:
        connection = connect(url)
    except (OSError, StoreError) as away:
        if settings.store.url != "embedded" or is_running(settings.state_directory):
            raise StoreUnavailable(
                f"the store at {public_url(url)} does not answer: {away}"
            ) from away
        if not settings.store_directory.is_dir():
            raise StoreUnavailable(
                f"there is no center in {settings.state_directory}: name its configuration with -c"
            ) from away
        process, connection = await started(settings, settings.store_directory)
    try:
        yield connection
    finally:
        connection.close()
        if process is not None:
            await stopped(process)


async def started(
    settings: Settings, directory: Path
) -> tuple[asyncio.subprocess.Process, Connection]:
    """The embedded server on a directory, for as long as a command needs it."""
    process = await embedded.start_server(directory, settings.store.memory_max_megabytes)
    await embedded.wait_ready(process, embedded.socket_path(directory), directory / "server.log")
    return process, connect(store_url("embedded", directory))


async def stopped(process: asyncio.subprocess.Process) -> None:
    """End a server that was started for a command; what it wrote is on the disk."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


class _Taker:
    def __init__(
        self, settings: Settings, connection: Connection, folder: Path, *, with_secrets: bool
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._keys = Keys(settings.store.namespace)
        self._folder = folder
        self._with_secrets = with_secrets
        self._parts: dict[str, bytes | Path] = {}
        self._taken = Taken()

    async def gather(self, config: Path | None) -> None:
        """Collect every part; those that change are copied aside."""
        self._faxes()
        intake = IntakeReader(self._connection, self._keys)
        intake.early()
        early = read_parties(self._connection, self._keys)
        engine = open_engine(self._settings.history_url)
        try:
            await migrate(engine)
            names = history_dump.table_names()
            if not self._with_secrets:
                names.remove(history_dump.SESSIONS)
                self._taken.left_out.append("sessions of browsers: people log in again")
            self._taken.rows, _, folded_at = await history_dump.dump(engine, self._open, names)
            copy = read_copy(self._connection, self._keys)
            archived = self._archive(copy)
            with self._open_part(TAIL) as tail:
                self._taken.batches = read_tail(self._connection, self._keys, copy, archived, tail)
            late = read_parties(self._connection, self._keys)
            parties = {
                **early, **await history_dump.parties_since(engine, folded_at), **late,
            }  # fmt: skip
        finally:
            await engine.dispose()
        with self._open_part(CLAIMS) as claims:
            held = intake.late(copy.cursor, claims)
        self._parts[INTAKE] = msgspec.msgpack.encode(held)
        whole = msgspec.structs.replace(copy, parties=parties)
        self._parts[STORE] = msgspec.msgpack.encode(whole)
        self._taken.seq = copy.seq
        self._state()
        beside, left_out = setup.parts(config, self._settings, with_secrets=self._with_secrets)
        self._parts |= beside
        self._taken.left_out += left_out

    def _open(self, table: str) -> BinaryIO:
        path = self._folder / f"{table}.jsonl"
        self._parts[f"{HISTORY}/{table}.jsonl"] = path
        return path.open("wb")

    def _open_part(self, name: str) -> BinaryIO:
        path = self._folder / name
        self._parts[name] = path
        return path.open("wb")

    def _faxes(self) -> None:
        """Pages that a sender holds to be delivered and that are no contact yet."""
        for path in setup.files_below(self._settings.state_directory / FAXES):
            name = path.relative_to(self._settings.state_directory)
            aside = self._folder / name
            aside.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # it is a contact now
                shutil.copyfile(path, aside)
                self._parts[f"{STATE}/{name}"] = aside

    def _archive(self, copy: StoreCopy) -> int:
        """The archive's segments up to the copy's last batch; the last batch in them."""
        last, cursor = 0, stream_id(copy.cursor)
        for segment in segments(self._settings.state_directory / ARCHIVE):
            if first_seq(segment) > copy.seq:
                break
            aside = self._folder / segment.name
            with contextlib.suppress(FileNotFoundError):  # forgotten just now, by its age
                found = copy_until(segment, aside, copy.seq, cursor)
                last = max(last, found)
                self._parts[f"{STATE}/{ARCHIVE}/{segment.name}"] = aside
        return last

    def _state(self) -> None:
        """The rest of the state directory: what is neither a part already nor of one run."""
        state = self._settings.state_directory
        for path in setup.files_below(state, leave=OWN_FOLDERS):
            name = path.relative_to(state)
            late = path.suffix == ".ccs" and seq_of_state(path) > self._taken.seq
            if not late and not _is_of_one_run(name, path, self._settings):
                self._parts.setdefault(f"{STATE}/{name}", path)

    def pack(self, path: Path, progress: Progress) -> Taken:
        """Write everything that was gathered, then what people sent, file by file."""
        head: dict[str, Any] = {
            "program": __version__, "engine": ENGINE, "center": self._settings.center_table.name,
            "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "batch": self._taken.seq, "history": history_dump.REVISION,
            "secrets": self._with_secrets, "left_out": self._taken.left_out,
        }  # fmt: skip
        state = self._settings.state_directory
        of = len(self._parts) + sum(1 for _ in _sent(state))
        box = BoxWriter(path, head)
        try:
            for name, part in sorted(self._parts.items()):
                gone = (FileNotFoundError,) if name.startswith(f"{STATE}/") else ()
                with contextlib.suppress(*gone):  # an old state of the center is forgotten
                    if isinstance(part, bytes):
                        box.add_bytes(name, part)
                    else:
                        box.add_file(name, part)
                progress(box.parts, max(of, box.parts))
            for name, part in _sent(state):
                with contextlib.suppress(FileNotFoundError):  # erased just now
                    box.add_file(name, part)
                    self._taken.files += 1
                progress(box.parts, max(of, box.parts))
            self._taken.parts = box.parts
            self._taken.bytes = box.finish()
            progress(self._taken.parts, self._taken.parts)
        except BaseException:
            box.drop()
            raise
        return self._taken


OWN_FOLDERS = ("blobs", "documents", FAXES)
"""Below the state directory: not among the rest."""


def _sent(state: Path) -> Iterator[tuple[str, Path]]:
    """Files and documents as parts. One folder of names at a time; what is not whole yet has a
    name that begins with a dot."""
    for prefix in (BLOBS, DOCUMENTS):
        folder = state / prefix.removeprefix(f"{STATE}/")
        for below in (folder, *_folders(folder)):
            with contextlib.suppress(FileNotFoundError), os.scandir(below) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
                        path = Path(entry.path)
                        yield f"{prefix}{path.relative_to(folder)}", path


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _is_of_one_run(name: Path, path: Path, settings: Settings) -> bool:
    """Locks, sockets, the store's and the history's own files, sound that is under way; and what
    opens the keys of encrypted calls, which is to lie beside no copy of the store."""
    first = name.parts[0]
    if path == settings.seal_file:
        return True
    if first == ARCHIVE and name.suffix in (".ccj", ".new"):
        return True  # copied already, up to the last batch, or not whole yet
    if first.startswith(("media-", "lock", "run.", "run-", "history.db", ".")):
        return True
    return path.is_relative_to(settings.store_directory) or (first == setup.SECRETS)
