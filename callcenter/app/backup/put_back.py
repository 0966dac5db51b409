"""Restoring: the way back from one file into an empty state directory, store and history.

What happens here: the file is unpacked and checked as a whole before anything else; then store and
history are built aside, the journal is read as a leader reads it, and only when it ends where the
backup did the new state directory gets its name. Where the store or the history is somebody else's
(`[store] url`, `[history] url`), their rows stand in one transaction that ends last.

Why: half a restored center is worse than none, and a running one must not be written over. What was
there is never deleted: with `--force` it is moved aside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.adapters.history import dump as history_dump
from callcenter.adapters.history.engine import migrate, open_engine
from callcenter.adapters.store.copy import NotEmpty, StoreCopy, clear, write_copy
from callcenter.adapters.store.copy_intake import IntakeCopy, blobs_of_notes, write_intake
from callcenter.adapters.store.embedded import StoreUnavailable, private_directory, store_url
from callcenter.adapters.store.follower import connect
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import recover
from callcenter.adapters.store.resp import Connection, StoreError, public_url
from callcenter.app.backup import setup
from callcenter.app.backup.box import BLOBS, DOCUMENTS, BackupUnusable, Progress, unpack
from callcenter.app.backup.take import (
    ARCHIVE,
    CLAIMS,
    HISTORY,
    INTAKE,
    STATE,
    STORE,
    TAIL,
    started,
    stopped,
)
from callcenter.app.config import Settings, load_settings
from callcenter.app.run import is_running
from callcenter.domain.errors import CallcenterError
from callcenter.intake.document import decode_document

MISSING_MAX = 100


class NotRestored(CallcenterError):
    """Something is in the way; nothing was changed."""


@dataclass
class Restored:
    """What a restore did."""

    seq: int = 0
    made: str = ""
    state: str = ""
    written: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    aside: str = ""
    left_out: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What is named but not in the backup, in words; the first `MISSING_MAX`."""
    missing_count: int = 0


async def put_back(
    path: Path, config: Path, progress: Progress = lambda _done, _of: None, *, force: bool
) -> Restored:
    """Restore a backup into the center that `config` describes.

    Raises `BackupUnusable`, `NotRestored`, `WrongInput` (the configuration) or `StoreUnavailable`.
    """
    unpacked = config.resolve().parent / f".{config.name}.restoring"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(mode=0o700, parents=True)
    try:
        head = unpack(path, unpacked, progress)
        _require_revision(path, head)
        restored = Restored(seq=head.get("batch", 0), made=head.get("made", ""))
        restored.left_out = list(head.get("left_out", ()))
        restored.written = setup.put_beside(config, unpacked)
        settings = load_settings(config if config.exists() else None)
        await _Restore(settings, unpacked, restored, force=force).run()
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return restored


def _require_revision(path: Path, head: dict[str, Any]) -> None:
    if head.get("history") != history_dump.REVISION:
        raise BackupUnusable(
            f"{path} holds a history of revision {head.get('history')}, made by callcenter "
            f"{head.get('program', '?')}; this one has revision {history_dump.REVISION}"
        )


class _Restore:
    def __init__(
        self, settings: Settings, unpacked: Path, restored: Restored, *, force: bool
    ) -> None:
        self._settings = settings
        self._unpacked = unpacked
        self._restored = restored
        self._force = force
        self._keys = Keys(settings.store.namespace)
        self._state = settings.state_directory
        self._staged = self._state.with_name(f".{self._state.name}.restoring")
        restored.state = str(self._state)

    async def run(self) -> None:
        """All of it, or nothing."""
        self._require_room()
        shutil.rmtree(self._staged, ignore_errors=True)
        self._state.parent.mkdir(parents=True, exist_ok=True)
        try:
            if (self._unpacked / STATE).is_dir():
                shutil.move(self._unpacked / STATE, self._staged)
            private_directory(self._staged)
            copy = msgspec.msgpack.decode((self._unpacked / STORE).read_bytes(), type=StoreCopy)
            async with self._history() as rows:
                for name in history_dump.table_names():
                    lines = self._unpacked / HISTORY / f"{name}.jsonl"
                    if lines.is_file():
                        with lines.open("rb") as file:
                            self._restored.rows[name] = await history_dump.load(rows, name, file)
                await self._store(copy)
            self._give_name()
        finally:
            shutil.rmtree(self._staged, ignore_errors=True)

    # -- what is in the way --------------------------------------------------------------------

    def _require_room(self) -> None:
        """Nothing runs there, and nothing is there unless it may be moved aside."""
        if is_running(self._state):
            raise NotRestored(f"a center is running on {self._state}: stop it first")
        for directory in {self._state, self._outside() or self._state}:
            if directory.is_dir() and any(directory.iterdir()) and not self._force:
                raise NotRestored(
                    f"{directory} is not empty; --force moves it aside, or name another "
                    "state_directory"
                )

    def _outside(self) -> Path | None:
        """The embedded store's directory when it is not below the state directory."""
        directory = self._settings.store_directory
        if self._settings.store.url != "embedded" or directory.is_relative_to(self._state):
            return None
        return directory

    def _give_name(self) -> None:
        """The moment in which the restored center is there."""
        outside = self._outside()
        for staged, directory in ((self._staged / "store", outside), (self._staged, self._state)):
            if directory is None:
                continue
            if directory.exists() and any(directory.iterdir()):
                self._restored.aside = str(_aside(directory))
            elif directory.exists():
                directory.rmdir()
            directory.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(staged, directory)

    # -- history -------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _history(self) -> AsyncIterator[AsyncConnection]:
        """A transaction in the history: our own is made aside, another's must be empty."""
        own = not self._settings.history.url
        url = f"sqlite:///{self._staged / 'history.db'}" if own else self._settings.history_url
        engine = open_engine(url)
        try:
            await migrate(engine)
            async with engine.begin() as connection:
                if not await history_dump.is_empty(connection):
                    if not self._force:
                        raise NotRestored(
                            "the history at [history] url is not empty; --force replaces its rows"
                        )
                    await history_dump.clear(connection)
                yield connection
        finally:
            await engine.dispose()

    # -- store ---------------------------------------------------------------------------------

    async def _store(self, copy: StoreCopy) -> None:
        if self._settings.store.url != "embedded":
            url = store_url(self._settings.store.url, self._settings.store_directory)
            try:
                connection = connect(url)
            except (OSError, StoreError) as away:
                raise StoreUnavailable(
                    f"the store at {public_url(url)} does not answer: {away}"
                ) from away
            with contextlib.closing(connection):
                self._write(connection, copy)
            return
        inside = self._settings.store_directory
        name = inside.relative_to(self._state) if inside.is_relative_to(self._state) else "store"
        directory = self._staged / name
        directory.mkdir(parents=True, exist_ok=True)
        process, connection = await started(self._settings, directory)
        try:
            with contextlib.closing(connection):
                self._write(connection, copy)
        finally:
            await stopped(process)
        for left in ("s", "server.conf", "server.log", "lock"):
            (directory / left).unlink(missing_ok=True)

    def _write(self, connection: Connection, copy: StoreCopy) -> None:
        """Fill the store, and read it as a leader does: it must end where the backup did."""
        try:
            write_copy(connection, self._keys, copy, self._unpacked / TAIL)
        except NotEmpty:
            if not self._force:
                raise NotRestored(
                    f"the store holds a center as {self._settings.store.namespace!r} already; "
                    "--force replaces it, or choose another [store] namespace"
                ) from None
            clear(connection, self._keys)
            write_copy(connection, self._keys, copy, self._unpacked / TAIL)
        replica = recover(connection, self._keys, self._staged / ARCHIVE)
        if replica.seq != copy.seq:
            clear(connection, self._keys)
            raise BackupUnusable(
                f"the journal in the backup ends at batch {replica.seq}, not at {copy.seq}"
            )
        letters = replica.control.state.letters
        named = {f"letter {name}": letter.blob for name, letter in letters.items()}
        named |= {f"fax {n}": fax.blob for n, fax in replica.control.state.faxes.items()}
        if (self._unpacked / INTAKE).is_file():  # one of version 1 has none
            held = msgspec.msgpack.decode((self._unpacked / INTAKE).read_bytes(), type=IntakeCopy)
            write_intake(connection, self._keys, held, self._unpacked / CLAIMS, letters)
            named |= {f"contact {name}": blob for name, blob in blobs_of_notes(held).items()}
        self._look_for_missing(named)

    def _look_for_missing(self, named: dict[str, str]) -> None:
        """What letters, notes and documents name has to be there."""
        for what, blob in named.items():
            self._require_blob(what, blob)
        folder = self._staged / DOCUMENTS.removeprefix(f"{STATE}/")
        if folder.is_dir():
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name.removesuffix(".json")
                    for blob in _files_of(Path(entry.path)):
                        self._require_blob(f"contact {name}", blob)

    def _require_blob(self, what: str, blob: str) -> None:
        place = self._staged / BLOBS.removeprefix(f"{STATE}/") / blob[:2] / blob
        if not blob or place.is_file():
            return
        self._restored.missing_count += 1
        if len(self._restored.missing) < MISSING_MAX:
            self._restored.missing.append(f"{what}: file {blob}")


def _files_of(document: Path) -> list[str]:
    """The files that a document names; a note beside it names none."""
    try:
        return [part.blob for part in decode_document(document.read_bytes()).parts]
    except msgspec.MsgspecError:
        return []


def _aside(directory: Path) -> Path:
    """Move a directory out of the way, under a name that is free."""
    number = 1
    while (aside := directory.with_name(f"{directory.name}.before-restore-{number}")).exists():
        number += 1
    directory.rename(aside)
    return aside
