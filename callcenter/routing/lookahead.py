"""How long will they still wait: the queue played forward from where it stands.

What happens here: a `Scene` is the live state, nothing more: who is busy and for how long already,
who waits, in which order and for whom, and what was seen of talk times, patience and arrivals. It
is played forward along `PATHS` futures by the rules of the house: who comes free takes the first
who waits for somebody like her. In each future every caller who waits is served at some moment;
the mean of these moments is the expected wait, and the moment by which four of five futures have
served her is what can be promised.

- A future is a draw of everything unknown: what remains of each talk, how long the next ones take,
  who gives up, who comes in between. Nothing is left to chance: each unknown takes each of its
  `PATHS` equally likely values (`spread.Slots`) exactly once, in an order that is shuffled once for
  all (a Latin square). So the same scene gives the same answer, means come out without noise, and
  an estimate does not flicker from one look to the next.
- The caller asked about is taken as one who stays: her own patience counts only for who comes
  after her.
- Who comes later matters only where she would overtake: with a higher priority, or in a queue for
  which agents are kept. Later callers of equal standing are never served before earlier ones.
- Rings widen, exits are taken and single agents released at their time, as the plan says.

Not foreseen: agents who will log in, log out or pause, and offers that are not answered.

Why: a formula (queue length over throughput) is wrong as soon as agents share queues, calls have
different lengths or priorities meet. The rules of the house played forward are right for all of
them alike, and they give a percentile.

Sources: R. Ibrahim, W. Whitt, Real-time delay estimation, 2009 and 2011; M. D. McKay and others,
Latin hypercube sampling, 1979.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heapify, heappop, heappush
from math import inf
from typing import NamedTuple, TypeAlias

from callcenter.domain.units import Micros
from callcenter.routing.spread import Slots, cut, memoryless

PATHS = 64
PATHS_MIN = 16
STEPS_MAX = 40_000
"""Callers and agents over all paths: with more of them there are fewer paths, down to the least.
Large crowds need fewer, as chance evens out among many."""
PERMUTATIONS = 1021
PROMISED = 0.8
"""The share of futures in which the promise is kept."""

Place: TypeAlias = tuple[Micros, int]
"""Key and order: smaller is earlier."""


class Handling(NamedTuple):
    """How long agents have to do with one contact: the phone rings, they talk, they wrap up."""

    ring: Slots
    talk: Slots
    wrap: Slots


class Desk(NamedTuple):
    """An agent who takes calls. `kind` is what she can take, as the number of a bit; `busy` are the
    spans until she is free, none when she is. A `seed` is a number of her own that stays hers."""

    kind: int
    seed: int
    busy: tuple[Slots, ...] = ()
    at_least: Micros = 0
    at_most: float = inf


class Ring(NamedTuple):
    """Who may take a caller from a time on: kinds of agents as bits. Her place may move, too."""

    at: Micros
    kinds: int
    place: Place


class Caller(NamedTuple):
    """Somebody who waits. `rings` are in order of time, the first in force now.

    `patience` are times until she gives up; `leaves_at` is when the queue lets her go. A probe takes
    nobody's time: it asks what would become of somebody who stood there.
    """

    seed: int
    rings: tuple[Ring, ...]
    handling: Handling
    patience: Slots = ()
    leaves_at: float = inf
    target: int = 0
    """Where contacts are compared by it: the seconds in which her queue wants to answer."""
    keeper: int = 0
    """The number of the reserve that is kept for her queue; 0 for none."""
    probe: bool = False


class Stream(NamedTuple):
    """Callers still to come: one every `every` microseconds on average, who stand `ahead` of those
    who come at the same time without priority."""

    seed: int
    every: float
    ahead: Micros
    kinds: int
    handling: Handling
    patience: Slots = ()
    target: int = 0
    keeper: int = 0


class Reserve(NamedTuple):
    """Of the free agents of these kinds, so many are kept for the callers of `keeper`."""

    keeper: int
    kinds: int
    agents: int


class Scene(NamedTuple):
    """All that is known at `now`. Every `Slots` in it has `paths` values."""

    now: Micros
    paths: int
    desks: tuple[Desk, ...]
    callers: tuple[Caller, ...]
    streams: tuple[Stream, ...] = ()
    reserves: tuple[Reserve, ...] = ()


class Outlook(NamedTuple):
    """What is to be expected for one caller. No times where too few futures serve her."""

    position: int
    expected: float | None
    promised: float | None


class Entry(NamedTuple):
    """A caller in a line."""

    key: Micros
    order: int
    caller: int


Group: TypeAlias = tuple[int, int, int]
"""Kinds, target and keeper: callers who are the same to everybody."""

DESK, RING, LEAVES, COMES = range(4)
NEWCOMER = 1 << 60
"""Orders and seeds of callers still to come: behind all who are there."""


def paths_for(crowd: int) -> int:
    """How many futures are looked at with so many callers and agents."""
    paths = PATHS
    while paths > PATHS_MIN and paths * crowd > STEPS_MAX:
        paths //= 2
    return paths


def look_ahead(scene: Scene) -> list[Outlook]:
    """The outlook of every caller of the scene, in its order."""
    play = Play(scene)
    for path in range(scene.paths):
        Future(play, path).run()
    places = positions(scene)
    return [
        outlook(place, times, caller.handling)
        for place, times, caller in zip(places, play.times, scene.callers, strict=True)
    ]


def outlook(position: int, times: list[float], handling: Handling) -> Outlook:
    """Expected and promised wait until an agent has answered, from the times of all futures."""
    served = sorted(time for time in times if time < inf)
    index = PROMISED * (len(times) + 1) - 1
    if index > len(served) - 1:
        return Outlook(position, None, None)
    below = int(index)
    promised = served[below]
    if index > below:
        promised += (served[below + 1] - promised) * (index - below)
    ring = sum(handling.ring) / len(handling.ring)
    return Outlook(position, sum(served) / len(served) + ring, promised + ring)


def positions(scene: Scene) -> list[int]:
    """Place among those who compete: 1, and one more for each who stands ahead and could be served
    by somebody who could serve her; 0 where nobody could. Probes stand in nobody's way."""
    lines: dict[int, list[Place]] = {}
    for caller in scene.callers:
        if not caller.probe:
            lines.setdefault(caller.rings[0].kinds, []).append(caller.rings[0].place)
    for line in lines.values():
        line.sort()
    return [place_of(caller.rings[0], lines) for caller in scene.callers]


def place_of(ring: Ring, lines: Mapping[int, list[Place]]) -> int:
    if not ring.kinds:
        return 0
    ahead = (bisect_left(line, ring.place) for kinds, line in lines.items() if kinds & ring.kinds)
    return 1 + sum(ahead)


def groups_in(scene: Scene) -> Iterator[Group]:
    """Every group that somebody may stand in."""
    for caller in scene.callers:
        for ring in caller.rings:
            yield ring.kinds, caller.target, caller.keeper
    for stream in scene.streams:
        yield stream.kinds, stream.target, stream.keeper


class Play:
    """A scene made ready to be played along its futures."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        paths = scene.paths
        self.shuffled = permutations(paths)
        self.gaps = cut(memoryless(1.0), paths)
        self.free = [self.free_at(desk) for desk in scene.desks]
        self.times: list[list[float]] = [[inf] * paths for _ in scene.callers]
        self.groups: dict[Group, int] = {}
        for kinds, target, keeper in groups_in(scene):
            self.groups.setdefault((kinds, target, keeper), len(self.groups))
        numbers = max((desk.kind for desk in scene.desks), default=-1) + 1
        self.groups_of = [
            [number for group, number in self.groups.items() if group[0] >> kind & 1]
            for kind in range(numbers)
        ]
        self.targets = [target for _, target, _ in self.groups]
        self.keepers = [keeper for _, _, keeper in self.groups]
        self.by_target = any(self.targets)
        self.entries = [
            Entry(*caller.rings[0].place, number) for number, caller in enumerate(scene.callers)
        ]
        self.lines: list[list[Entry]] = [[] for _ in self.groups]
        for entry in sorted(self.entries):
            caller = scene.callers[entry.caller]
            self.lines[self.group_of(caller, caller.rings[0].kinds)].append(entry)
        self.last_key = max((entry.key for entry in self.entries), default=0)
        self.changes = [
            (float(ring.at), RING, number, step)
            for number, caller in enumerate(scene.callers)
            for step, ring in enumerate(caller.rings[1:], 1)
        ]
        self.changes += [
            (caller.leaves_at, LEAVES, number, 0)
            for number, caller in enumerate(scene.callers)
            if caller.leaves_at < inf
        ]

    def free_at(self, desk: Desk) -> Sequence[float]:
        """When an agent is done with what she has in hand, in every future."""
        soonest, latest = float(desk.at_least), desk.at_most
        if not desk.busy:
            return (soonest,) * self.scene.paths
        orders = [
            self.shuffled[(7 * desk.seed + 331 * part) % PERMUTATIONS]
            for part in range(len(desk.busy))
        ]
        drawn = [
            [slots[slot] for slot in order] for slots, order in zip(desk.busy, orders, strict=True)
        ]
        return [max(min(sum(spans), latest), soonest) for spans in zip(*drawn, strict=True)]

    def group_of(self, caller: Caller, kinds: int) -> int:
        """The line in which she stands while these may take her."""
        return self.groups[kinds, caller.target, caller.keeper]


class Future:
    """One way in which it may go on. Times count from the scene's `now`."""

    def __init__(self, play: Play, path: int) -> None:
        self.play, self.path = play, path
        self.lines = [line.copy() for line in play.lines]
        self.where: list[Entry | None] = list(play.entries)
        self.callers: list[Caller] = list(play.scene.callers)
        self.waiting = len(self.callers)
        self.idle: list[list[int]] = [[] for _ in play.groups_of]
        self.came = 0
        self.agenda: list[tuple[float, int, int, int]] = [
            (free[path], DESK, number, 0) for number, free in enumerate(play.free)
        ]
        self.agenda += play.changes
        heapify(self.agenda)
        for number in range(len(play.scene.streams)):
            self.plan_arrival(number, 0.0)

    def draw(self, slots: Slots, unknown: int) -> float:
        """The value that an unknown takes in this future."""
        return slots[self.play.shuffled[unknown % PERMUTATIONS][self.path]]

    def plan_arrival(self, number: int, time: float) -> None:
        """The next of a stream, unless she could overtake nobody any more."""
        stream = self.play.scene.streams[number]
        self.came += 1
        time += stream.every * self.draw(self.play.gaps, 17 * stream.seed + 53 * self.came)
        if stream.keeper or self.play.scene.now + time - stream.ahead < self.play.last_key:
            heappush(self.agenda, (time, COMES, number, self.came))

    def run(self) -> None:
        """Until everybody is served or nobody can be."""
        agenda = self.agenda
        while agenda and self.waiting:
            time, what, number, detail = heappop(agenda)
            if what == DESK:
                self.comes_free(number, time)
            elif what == RING:
                self.ring_widens(number, detail, time)
            elif what == LEAVES:
                self.leaves(number)
            else:
                self.comes(number, detail, time)

    def comes_free(self, desk: int, time: float) -> None:
        """She takes the first who waits for somebody like her and is still there."""
        kind = self.play.scene.desks[desk].kind
        while (entry := self.first_for(kind, time)) is not None:
            if self.serve(entry.caller, desk, time):
                return
        self.idle[kind].append(desk)

    def first_for(self, kind: int, time: float) -> Entry | None:
        """The first caller that an agent of this kind may take now."""
        best: Entry | None = None
        best_used = 0.0
        for group in self.play.groups_of[kind]:
            line = self.lines[group]
            while line and self.where[line[0].caller] is not line[0]:
                heappop(line)
            if not line or (self.play.scene.reserves and self.is_kept(kind, group)):
                continue
            used = self.used_up(line[0], group, time) if self.play.by_target else 0.0
            if not best or (used, line[0]) < (best_used, best):
                best, best_used = line[0], used
        return best

    def used_up(self, entry: Entry, group: int, time: float) -> float:
        """Minus the share of its target that the head of a line has used up."""
        return (entry.key - self.play.scene.now - time) / max(1, self.play.targets[group])

    def is_kept(self, kind: int, group: int) -> bool:
        """Is one more of this kind among the last free ones, kept for another queue?"""
        for reserve in self.play.scene.reserves:
            if reserve.kinds >> kind & 1 and reserve.keeper != self.play.keepers[group]:
                free = (len(d) for k, d in enumerate(self.idle) if reserve.kinds >> k & 1)
                if sum(free) < reserve.agents:
                    return True
        return False

    def serve(self, number: int, desk: int, time: float) -> bool:
        """An agent is there for a caller: is the caller still there for her?"""
        caller = self.callers[number]
        self.where[number] = None
        if number < len(self.play.times):
            self.play.times[number][self.path] = time
            self.waiting -= 1
        seed, draw = caller.seed, self.draw
        if caller.probe or (caller.patience and draw(caller.patience, 3 * seed + 701) < time):
            return False
        ring, talk, wrap = caller.handling
        spent = (
            draw(ring, 5 * seed + 97) + draw(talk, 11 * seed + 193) + draw(wrap, 13 * seed + 419)
        )
        heappush(self.agenda, (time + spent, DESK, desk, 0))
        return True

    def stand(self, number: int, ring: Ring, time: float) -> None:
        """A caller stands in a line, unless an agent who could take her has nothing to do."""
        group = self.play.group_of(self.callers[number], ring.kinds)
        entry = self.where[number] = Entry(*ring.place, number)
        for kind, desks in enumerate(self.idle):
            if desks and ring.kinds >> kind & 1:
                desk = desks.pop()
                if not self.is_kept(kind, group):
                    if not self.serve(number, desk, time):
                        desks.append(desk)
                    return
                desks.append(desk)
        heappush(self.lines[group], entry)

    def ring_widens(self, number: int, step: int, time: float) -> None:
        if self.where[number] is not None:
            self.stand(number, self.callers[number].rings[step], time)

    def leaves(self, number: int) -> None:
        if self.where[number] is not None:
            self.where[number] = None
            self.waiting -= 1

    def comes(self, number: int, came: int, time: float) -> None:
        """One who overtakes, or for whom agents are kept."""
        stream = self.play.scene.streams[number]
        key = self.play.scene.now + round(time) - stream.ahead
        caller = len(self.callers)
        ring = Ring(0, stream.kinds, (key, NEWCOMER + caller))
        patience = tuple(time + value for value in stream.patience)
        self.callers.append(
            Caller(
                NEWCOMER + 31 * came, (ring,), stream.handling, patience,
                target=stream.target, keeper=stream.keeper,
            )
        )  # fmt: skip
        self.where.append(None)
        self.plan_arrival(number, time)
        self.stand(caller, ring, time)


@lru_cache(maxsize=8)
def permutations(size: int) -> Sequence[bytes]:
    """Orders of `size` slots, shuffled by a fixed generator."""
    found = []
    state = 2_463_534_242
    for _ in range(PERMUTATIONS):
        order = list(range(size))
        for last in range(size - 1, 0, -1):
            state ^= state << 13 & 0xFFFFFFFF
            state ^= state >> 17
            state ^= state << 5 & 0xFFFFFFFF
            other = state % (last + 1)
            order[last], order[other] = order[other], order[last]
        found.append(bytes(order))
    return found
