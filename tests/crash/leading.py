"""A leader dies at each exchange of its life; a standby leads on from the journal.

The leader is a process of its own, the outside lives here, in lockstep with it: whenever the leader
asks for more, the outside reads what was committed and appends what follows. When it is dead, the
next leader (in this process) recovers, takes the lease and goes on to the end of the story; one
that only stood still is then let go on, and must be fenced.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from callcenter.adapters.store import follower as followers
from callcenter.adapters.store import leader as leaders
from callcenter.adapters.store.archive import Archive
from callcenter.adapters.store.follower import Follower, acquire
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.leader import Fenced, Leader
from callcenter.adapters.store.replica import catch_up, recover
from callcenter.adapters.store.resp import Connection
from tests.adapters.store_server import StoreServer
from tests.crash.checker import check_story
from tests.crash.death import KILLED, Fate, How, Life, Line, Point
from tests.crash.outside import Outside

CONTACTS = 14
FOLLOW_EVERY = 9
"""Steps of the outside between two of the follower, which archives and writes snapshots."""
NEVER = float("inf")


def in_no_hurry() -> None:
    """Nobody waits in these stories: batches go as soon as they can."""
    leaders.PATIENT_SECONDS = 0.0
    followers.ARCHIVE_SECONDS = 0.0


def lead(
    url: str, keys: Keys, archive: Path, owner: str, dead: str, line: Callable[[], Line]
) -> None:
    """A term of leading, as the control role does it. Every other turn renews the lease."""
    first = line()
    replica = recover(first, keys, archive)
    epoch = acquire(first, keys, owner, dead)
    if not epoch:
        return  # somebody else leads
    catch_up(first, keys, replica, archive)
    lines = [first]

    def reconnect() -> Connection:
        lines.append(line())
        return lines[-1]

    def stopping() -> bool:
        turns.append(len(turns))
        leader._watch_at = 0.0 if len(turns) % 2 else NEVER
        return lines[-1].over

    turns: list[int] = []
    leader = Leader(
        first, keys, replica, owner=owner, epoch=epoch, reconnect=reconnect, stopping=stopping
    )
    with closing(leader):
        leader.lead()


class Story:
    """One story on a store, under its own keys, up to a point and on from there."""

    def __init__(self, store: StoreServer, name: str, seed: int) -> None:
        self.store = store
        self.url = store.url
        self.keys = Keys(name)
        self.archive = store.directory.parent / name
        self.outside = Outside(seed, CONTACTS)
        self._own = store.connect()
        self._follower: Follower | None = None

    def close(self) -> None:
        self._own.close()

    def step(self) -> bool:
        """The outside lives, now and then the follower does; whether anything is left to decide."""
        moved = self.outside.step(self._own, self.keys)
        if self.outside.steps % FOLLOW_EVERY == 0:
            self._follow()
        return moved or self._undecided()

    def _undecided(self) -> bool:
        last = self._own.call("XREVRANGE", self.keys.cmds, "+", "-", "COUNT", 1)
        return bool(last and last[0][0] != self._own.call("HGET", self.keys.head, "cursor"))

    def _follow(self) -> None:
        if self._follower is None:
            replica = recover(self._own, self.keys, self.archive)
            archive = Archive(self.archive)
            self._follower = Follower(self._own, self.keys, replica, archive, owner="standby")
        self._follower.step()

    def undisturbed(self) -> int:
        """Play it without a death; how many exchanges a leader has in it."""
        fate = Fate(Point())
        self._lead_here("only", "", fate)
        self.check()
        return fate.count

    def _lead_here(self, owner: str, dead: str, fate: Fate) -> None:
        lead(
            self.url, self.keys, self.archive, owner, dead, lambda: Line(self.url, fate, self.step)
        )

    def with_the_store_killed(self, point: Point) -> None:
        """Play it with a store that is killed at `point` and started again on its directory."""
        fate = Fate(point, fell=self._fell)
        for _ in range(2):
            try:
                self._lead_here("only", "only", fate)
                break
            except OSError:
                continue  # it fell before she led: the role begins anew
        self.check()

    def _fell(self) -> None:
        self.store.kill()
        self.store.start()
        self._own = self.store.connect()
        self._follower = None

    def disturbed(self, point: Point) -> bool:
        """Play it with a leader that meets `point`; whether it came before the story was over."""
        came = True
        life = Life(lambda line: self._lead_there(line, point))
        stood_still = self._accompany(life)
        if stood_still:
            self._own.call("DEL", self.keys.lease)  # it has run out
            self._lead_here("second", "", Fate(Point()))
            head = self._own.call("HGETALL", self.keys.head)
            life.say(b"g")
            self._accompany(life)
            assert life.end() == 0
            assert self._own.call("HGETALL", self.keys.head) == head, "not fenced"
        elif point.how in KILLED:
            came = life.end() == -9
            self._lead_here("second", "first", Fate(Point()))
        else:
            assert life.end() == 0
        self.check()
        return came

    def _lead_there(self, line: socket.socket, point: Point) -> None:
        """In a process of its own. The end of the story and being fenced are good ends."""

        def wait() -> bool:
            line.sendall(b"w")
            return line.recv(1) == b"g"

        def stall() -> None:
            line.sendall(b"s")
            line.recv(1)

        fate = Fate(point, stall)
        for _ in range(2):
            try:
                return lead(
                    self.url, self.keys, self.archive, "first", "first",
                    lambda: Line(self.url, fate, wait),
                )  # fmt: skip
            except Fenced:
                return None
            except OSError:
                continue  # the connection was cut before it led: it begins anew
        return None

    def _accompany(self, life: Life) -> bool:
        """Live beside a leader until it is gone, or stands still."""
        while said := life.hear():
            if said == b"s":
                return True
            life.say(b"g" if self.step() else b"n")
        return False

    def check(self) -> None:
        """Everybody is somewhere, and everything is counted."""
        self.outside.read(self._own, self.keys)
        entries = self._own.call("XRANGE", self.keys.cmds, "-", "+")
        check_story(self.outside, [(bytes(i).decode(), fields[1]) for i, fields in entries])
        if self._follower is not None:
            self._follow()
            self._follower.archive.close()


def points(exchanges: int, hows: Iterable[How]) -> list[Point]:
    """Each of these deaths at every exchange."""
    return [Point(number, how) for number in range(1, exchanges + 1) for how in hows]
