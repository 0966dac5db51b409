"""Somebody corrects the clock of a running center by an hour: nobody's wait, offer or timer moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.adapters.store.archive import Archive
from callcenter.adapters.store.clock import HeardTime, Steps, monotonic, wall_clock
from callcenter.adapters.store.follower import Follower
from callcenter.adapters.store.health import Health, encode_health
from callcenter.adapters.store.journal import read_time
from callcenter.adapters.store.replica import Replica, read_batches
from callcenter.adapters.store.resp import Connection
from callcenter.adapters.store.wire import read_batch
from callcenter.domain.commands import (
    Envelope,
    FrontendReported,
    Presence,
    PresenceRequested,
    QueueRequested,
    encode_envelope,
)
from callcenter.domain.events import (
    Batch,
    ContactArrived,
    ContactQueued,
    FrontendLost,
    InputKind,
    OfferMade,
)
from callcenter.domain.units import SECOND, AgentId, ContactId, Micros, QueueId
from tests.adapters.store_server import FRONTEND, Led, StoreServer, arrival, envelope, seed, until

HOUR = 3600 * SECOND
SLACK = 15 * SECOND
"""So long may a test take on a busy machine: less than a phone rings."""


class Wall:
    """A wall clock that can be stepped while it runs."""

    def __init__(self) -> None:
        self.offset: Micros = 0

    def __call__(self) -> Micros:
        return wall_clock() + self.offset


class Waiting:
    """Ana's phone rings for c1, c2 waits, c3, c4 … arrive as time goes by."""

    def __init__(self, store: StoreServer) -> None:
        self.store = store
        self.connection = store.connect()
        self.wall = Wall()
        self._sequence = 0
        self._contacts = 2
        self.connection.call("SET", store.keys.frontend_lease(FRONTEND), 1)
        append(self.connection, store, seed())
        queue = QueueId("sales")
        self.ask(
            FrontendReported(frontend=FRONTEND, epoch=7, agents=(AgentId("ana"),)),
            arrival(1),
            arrival(2),
            QueueRequested(contact=ContactId("c1"), queue=queue),
            QueueRequested(contact=ContactId("c2"), queue=queue),
            PresenceRequested(agent=AgentId("ana"), presence=Presence.READY),
        )

    def ask(self, *commands: object) -> None:
        first, self._sequence = self._sequence + 1, self._sequence + len(commands)
        append(self.connection, self.store, envelope("frontend-0", 7, first, *commands))  # type: ignore[arg-type]

    def lead(self, owner: str, start: Micros | None = None) -> Led:
        return Led(self.store, owner, wall=self.wall, start=start)

    def batches(self) -> list[Batch]:
        found = read_batches(self.connection, self.store.keys, 0, 100_000)
        return [read_batch(data) for _, data in found]

    def rings(self) -> bool:
        return any(isinstance(e, OfferMade) for b in self.batches() for e in b.events)

    def another(self) -> Batch:
        """One more contact arrives; the batch it arrives in."""
        self._contacts += 1
        name = f"c{self._contacts}"
        self.ask(arrival(self._contacts))
        found: list[Batch] = []

        def arrived() -> bool:
            found[:] = [
                b
                for b in self.batches()
                if any(isinstance(e, ContactArrived) and e.contact == name for e in b.events)
            ]
            return bool(found)

        until(arrived)
        return found[0]

    def is_undisturbed(self) -> None:
        """Nothing came due, one phone rings, and time went on as it does."""
        batches = self.batches()
        assert [b.at for b in batches] == sorted(b.at for b in batches)
        assert batches[-1].at - batches[0].at < SLACK
        assert not any(given.kind is InputKind.TICK for b in batches for given in b.inputs)
        after = [e for b in batches for e in b.events if type(e) in (OfferMade, FrontendLost)]
        assert [type(e) for e in after] == [OfferMade]


def append(connection: Connection, store: StoreServer, data: bytes) -> None:
    connection.call("XADD", store.keys.cmds, "*", "e", data)


@pytest.fixture
def waiting(store: StoreServer) -> Iterator[Waiting]:
    story = Waiting(store)
    yield story
    story.connection.close()


@pytest.mark.parametrize("steps", [(HOUR,), (-HOUR,), (HOUR, -HOUR), (-HOUR, HOUR)])
def test_a_wall_clock_stepped_by_an_hour_disturbs_nobody(
    waiting: Waiting, steps: tuple[Micros, ...]
) -> None:
    led = waiting.lead("one")
    until(waiting.rings)
    for step in steps:
        waiting.wall.offset += step
        waiting.another()
    led.end()
    waiting.is_undisturbed()
    assert any(isinstance(e, ContactQueued) for b in waiting.batches() for e in b.events)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_the_next_leader_goes_on_where_the_last_was_though_its_clock_is_an_hour_off(
    waiting: Waiting, tmp_path: Path, step: Micros
) -> None:
    first = waiting.lead("one")
    until(waiting.rings)
    standby = Follower(
        waiting.store.connect(), waiting.store.keys, Replica(), Archive(tmp_path), owner="two"
    )

    def heard() -> bool:
        standby.step()
        return standby.heard.now(monotonic()) is not None

    until(heard)
    waiting.wall.offset += step
    first.end()
    first.leader.release()
    second = waiting.lead("two", standby.heard.now(monotonic()))
    assert waiting.another().epoch == 2
    second.end()
    waiting.is_undisturbed()


def test_a_store_whose_clock_stepped_gives_front_ends_the_time_to_renew(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step forward ends every key that lives for a time, at once."""
    led = waiting.lead("one")
    until(waiting.rings)
    led.leader._watches = 1000  # it leads for long
    stepped = iter([True])
    monkeypatch.setattr(led.leader._steps, "stepped", lambda *_: next(stepped, False))
    lease = waiting.store.keys.frontend_lease(FRONTEND)
    waiting.connection.call("DEL", lease)
    until(lambda: 0 < led.leader._watches < 1000)
    waiting.connection.call("SET", lease, 1)
    until(led.leader._had_time, 10)
    waiting.another()
    led.end()
    waiting.is_undisturbed()


def test_sources_whose_clock_is_off_are_counted_and_decided_by_the_clock_of_the_center(
    waiting: Waiting,
) -> None:
    led = waiting.lead("one")
    until(waiting.rings)
    for number, off in enumerate((0, HOUR, -HOUR), 10):
        said = Envelope(f"other-{number}", 1, 1, wall_clock() + off, (arrival(number),))
        append(waiting.connection, waiting.store, encode_envelope(said))
    waiting.another()
    led.end()
    assert led.leader.health().wrong_time == 2
    arrived = [e.contact for b in waiting.batches() for e in b.events if type(e) is ContactArrived]
    assert {"c10", "c11", "c12"} <= set(arrived)
    waiting.is_undisturbed()


def test_who_does_not_lead_hears_the_time_and_runs_on_with_the_monotonic_clock() -> None:
    heard = HeardTime()
    heard.hear(5 * HOUR, 100 * SECOND)
    assert heard.now(100 * SECOND) is None, "nobody knows how long the first word stood there"
    heard.hear(5 * HOUR, 101 * SECOND)
    assert heard.now(101 * SECOND) is None, "the same word again"
    heard.hear(5 * HOUR + 2 * SECOND, 102 * SECOND)
    assert heard.now(103 * SECOND) == 5 * HOUR + 3 * SECOND
    heard.hear(5 * HOUR + 2 * SECOND + 1, 104 * SECOND)
    late = heard.now(104 * SECOND)
    assert late == 5 * HOUR + 4 * SECOND - 2 * SECOND // 1000, "that word was on its way for long"


def test_a_wall_clock_that_runs_a_little_differently_did_not_step() -> None:
    steps = Steps()
    assert not steps.stepped(HOUR, 0)
    assert not steps.stepped(HOUR + SECOND, SECOND - SECOND // 2)
    assert steps.stepped(2 * HOUR, SECOND)
    assert not steps.stepped(2 * HOUR + SECOND, 2 * SECOND)
    assert steps.stepped(HOUR, 3 * SECOND)


def test_a_front_end_that_starts_takes_the_leaders_time_for_a_stepped_clock(
    store: StoreServer,
) -> None:
    connection = store.connect()

    def read(said: Micros = 0) -> Micros:
        if said:
            connection.call("SET", store.keys.lag, encode_health(Health(at=said)))
        return asyncio.run(read_time(store.url, store.keys))

    wall = wall_clock()
    assert wall <= read() < wall + SLACK, "nobody leads"
    assert wall <= read(wall - SECOND) < wall + SLACK, "the word stood there for a second"
    assert read(wall - HOUR) == wall - HOUR
    assert read(wall + HOUR) == wall + HOUR
