"""Deaths, as many as are asked for, spread evenly over all there are.

For each seed 1, 2, … the story is played once undisturbed, which tells how many exchanges it has.
Every way to die at every one of them is a point. Fewer points than there are are taken at even
distances; none is chosen.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from tests.adapters.store_server import StoreServer
from tests.crash import calling
from tests.crash.death import KILLED, STORE_KILLED, How, Point
from tests.crash.following import FollowedStory
from tests.crash.leading import Story, in_no_hurry, points

T = TypeVar("T")
LEADER = (*KILLED, How.STALLED, How.CUT, How.LOST)
FRONT_END = (*KILLED, How.STALLED)
STANDBY = (*KILLED, How.STALLED)
MEMORY = Path("/dev/shm")


class Tally(NamedTuple):
    """How many points were played and, of these, came before their story was over."""

    played: int
    came: int


def spread(every: list[T], count: int) -> list[T]:
    """`count` of them at even distances."""
    return [every[n * len(every) // count] for n in range(count)] if count < len(every) else every


@contextmanager
def store(*, on_disk: bool) -> Iterator[StoreServer]:
    """A store for many stories. The death of a process asks nothing of the disk, so there the
    store is in memory and syncs nothing; where the store itself is killed, it is as shipped."""
    place = None if on_disk or not os.access(MEMORY, os.W_OK) else MEMORY
    with tempfile.TemporaryDirectory(prefix="crash-", dir=place) as folder:
        server = StoreServer(Path(folder) / "store")
        server.start()
        try:
            if not on_disk:
                server.connect().call("CONFIG", "SET", "appendfsync", "no")
            gc.freeze()
            yield server
        finally:
            gc.unfreeze()
            server.close()


def exchanges(server: StoreServer, seed: int) -> int:
    """How many exchanges a leader has in the undisturbed story of a seed."""
    story = Story(server, f"whole-{seed}", seed)
    count = story.undisturbed()
    story.close()
    return count


def kill_leaders(server: StoreServer, count: int) -> Tally:
    """Leaders die, stall and lose their connection."""
    came = played = 0
    for seed, point in _points(server, count, LEADER):
        played += 1
        story = Story(server, f"l{played}", seed)
        with _told(seed, point):
            came += story.disturbed(point)
        story.close()
    return Tally(played, came)


def kill_front_ends(server: StoreServer, count: int) -> Tally:
    """Front ends die and stall: at the store, and at each message to phones and media engine."""
    whole = calling.story(server, "calls-whole", Point()).exchanges
    came = played = 0
    for point in spread(points(whole, FRONT_END), count):
        played += 1
        with _told(0, point):
            center = calling.story(server, f"f{played}", point)
            came += center.deaths or center.stalls
    return Tally(played, came)


def kill_standbys(server: StoreServer, count: int) -> Tally:
    """Standbys die and stall: at the store, and at each touch of the archive."""
    came = played = seed = 0
    in_no_hurry()
    while played < count:
        seed += 1
        whole = FollowedStory(server, f"s-whole-{seed}", seed, Point())
        whole.play()
        whole.close()
        for point in spread(points(whole.count, STANDBY), count - played):
            played += 1
            story = FollowedStory(server, f"s{played}", seed, point)
            with _told(seed, point):
                story.play()
            came += story.met
            story.close()
    return Tally(played, came)


def kill_stores(server: StoreServer, count: int) -> Tally:
    """The store is killed with `appendfsync always`, and started again on its directory."""
    played = 0
    for seed, point in _points(server, count, STORE_KILLED):
        played += 1
        story = Story(server, f"v{played}", seed)
        with _told(seed, point):
            story.with_the_store_killed(point)
        story.close()
    return Tally(played, played)


def _points(server: StoreServer, count: int, hows: tuple[How, ...]) -> Iterator[tuple[int, Point]]:
    """So many points: of the first seed spread evenly, all of it, then the next seeds'."""
    in_no_hurry()
    seed = 0
    while count > 0:
        seed += 1
        every = points(exchanges(server, seed), hows)
        chosen = spread(every, count)
        count -= len(chosen)
        yield from ((seed, point) for point in chosen)


@contextmanager
def _told(seed: int, point: Point) -> Iterator[None]:
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"seed {seed}, {point}")
        raise
