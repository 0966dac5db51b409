"""A standby dies at each exchange with the store and at each touch of the archive.

Here the leader lives on, and the follower is a process of its own that archives, keeps states,
writes snapshots and trims at every step, in small segments. When it is dead the next one begins,
as the role does; one that stands still meanwhile is let go on afterwards. In the end the archive
alone must tell everything that was ever committed, and a leader that recovers from what is left
must hold what the last one held.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import Any

from callcenter.adapters.store import archive as archives
from callcenter.adapters.store import follower as followers
from callcenter.adapters.store import states
from callcenter.adapters.store.archive import BATCH, COMMAND, Archive, records, segments
from callcenter.adapters.store.follower import Follower
from callcenter.adapters.store.replica import recover
from callcenter.adapters.store.wire import read_batch
from tests.adapters.store_server import StoreServer
from tests.control.invariants import plain
from tests.crash.checker import check_story, position
from tests.crash.death import Fate, How, Life, Line, Point, die
from tests.crash.leading import Story

TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir"}
"""What Python tells of (`sys.addaudithook`) that changes a directory, beside the syncs."""
SMALL = 3000
"""Bytes of a segment."""


def hurried() -> None:
    """All that a follower does now and then happens at every step."""
    followers.SNAPSHOT_BATCHES = 1
    followers.TRIM_SECONDS = 0
    followers.KEEP_SECONDS = 0
    followers.KEEP_BYTES = 0
    archives.SEGMENT_BYTES = SMALL
    states.STATE_BATCHES = 1


class Touched:
    """Each touch of the archive is an exchange, and can be the last."""

    def __init__(self, folder: Path, fate: Fate) -> None:
        self._folder = str(folder)
        self._fate = fate
        self._synced: dict[int, int] = {}
        self._sync, self._sync_data = os.fsync, os.fdatasync

    def begin(self) -> None:
        sys.addaudithook(self._told)
        os.fsync = lambda fd: self._syncs(fd, self._sync)
        os.fdatasync = lambda fd: self._syncs(fd, self._sync_data)

    def _told(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHES or not str(arguments[0]).startswith(self._folder):
            return
        reads = event == "open" and not set(str(arguments[1] or "")) & set("wa+x")
        if not reads:
            self._fate.before()
            if self._fate.is_now(How.SENT) or self._fate.is_now(How.HALF):
                die()

    def _syncs(self, file: Any, sync: Any) -> None:
        """Half of what was written is on the disk, all of it, or all and nobody knows."""
        number = file if isinstance(file, int) else file.fileno()
        fate = self._fate
        fate.before()
        size = os.fstat(number).st_size
        if fate.is_now(How.HALF):
            if fcntl.fcntl(number, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR):
                was = min(self._synced.get(number, 0), size)
                os.ftruncate(number, was + (size - was) // 2)
            die()
        sync(file)
        self._synced[number] = size
        if fate.is_now(How.SENT) or fate.is_now(How.ANSWERED):
            die()


class FollowedStory(Story):
    """A story whose follower meets the point."""

    def __init__(self, store: StoreServer, name: str, seed: int, point: Point) -> None:
        super().__init__(store, name, seed)
        self.point = point
        self.count = 0
        self.deaths = self.stalls = 0
        self._life: Life | None = None
        self._frozen: Life | None = None
        self._commands: list[tuple[str, bytes]] = []
        self._heard = "0-0"

    @property
    def met(self) -> bool:
        """Whether the point came before the story was over."""
        return bool(self.deaths or self.stalls)

    def step(self) -> bool:
        moved = super().step()
        self._hear_commands()
        return moved

    def _hear_commands(self) -> None:
        """As they come: the follower trims."""
        for entry, fields in self._own.call("XRANGE", self.keys.cmds, f"({self._heard}", "+"):
            self._heard = bytes(entry).decode()
            self._commands.append((self._heard, fields[1]))

    def _follow(self) -> None:
        self._hear_commands()
        self.outside.read(self._own, self.keys)
        if self._life is None:
            self._begin()
        self._ask(b"g", b"d")

    def _ask(self, what: bytes, good: bytes) -> bool:
        """Whether it did as asked; otherwise it is dead or stands still, and the next begins."""
        assert self._life is not None
        self._life.say(what)
        said = self._life.hear()
        if said == good:
            return True
        if said == b"s":
            self._frozen = self._life
            self.stalls += 1
        else:
            assert self._life.end() == -9
            self.deaths += 1
        self._own.call("DEL", self.keys.archiver)  # it has run out
        self._begin()
        return False

    def _begin(self) -> None:
        point = Point() if self.deaths or self._frozen else self.point
        name = f"standby-{self.deaths}-{bool(self._frozen)}"
        self._life = Life(lambda line: self._live(line, name, point))

    def _live(self, line: socket.socket, name: str, point: Point) -> None:
        """In a process of its own."""
        hurried()

        def stall() -> None:
            line.sendall(b"s")
            line.recv(1)

        fate = Fate(point, stall)
        connection = Line(self.url, fate)
        Touched(self.archive, fate).begin()
        said = line.recv(1)
        replica = recover(connection, self.keys, self.archive)
        follower = Follower(connection, self.keys, replica, Archive(self.archive), owner=name)
        while said == b"g":
            follower.step()
            line.sendall(b"d")
            said = line.recv(1)
        if said == b"e":
            follower.finish()
            line.sendall(b"e" + fate.count.to_bytes(4, "big"))

    def play(self) -> None:
        """To the end, and look at what is left."""
        self._lead_here("only", "", Fate(Point()))
        if self._frozen is not None:
            self._frozen.say(b"g")  # it wakes up with what it wanted to do
            self._frozen.hear()
            self._frozen.kill()
            self._frozen = None
        self._follow()
        if not self._ask(b"e", b"e"):
            self._ask(b"e", b"e")
        assert self._life is not None
        self.count = int.from_bytes(self._life.line.recv(4), "big")
        assert self._life.end() == 0
        if self._frozen is not None:
            self._frozen.kill()
        self.check()

    def check(self) -> None:
        self.outside.read(self._own, self.keys)
        self._hear_commands()
        check_story(self.outside, self._commands)
        self._check_archive()
        self._check_recovery()

    def _check_archive(self) -> None:
        """The archive alone tells it all, once and in order."""
        kept = [record for segment in segments(self.archive) for record in records(segment)]
        batches = [read_batch(record.data) for record in kept if record.kind == BATCH]
        assert batches == self.outside.batches, "the archive tells something else"
        commands = [(r.major, r.minor) for r in kept if r.kind == COMMAND]
        read = [position(entry) for entry, _ in self._commands]
        until = position(self.outside.batches[-1].cursor)
        assert commands == [at for at in read if at <= until], "commands in the archive"
        for summed in self.archive.glob("*.sha256"):
            assert summed.read_text().endswith("\n"), f"{summed.name} is torn"

    def _check_recovery(self) -> None:
        """Snapshot, archive and what is left of the stream are the whole state."""
        recovered = recover(self._own, self.keys, self.archive)
        assert recovered.seq == self.outside.batches[-1].seq
        self._own.call("HSET", self.keys.snapshot, "data", b"damaged")
        alone = recover(self._own, self.keys, self.archive)
        assert (alone.seq, plain(alone.control)) == (recovered.seq, plain(recovered.control))
