"""Who follows looks ahead and reports; who leads tells: over a real store."""

from __future__ import annotations

import itertools
from pathlib import Path

from callcenter.adapters.store.archive import Archive
from callcenter.adapters.store.clock import HeardTime
from callcenter.adapters.store.follower import Follower
from callcenter.adapters.store.lookahead import LookAhead
from callcenter.adapters.store.replica import Replica, read_batches, recover
from callcenter.adapters.store.resp import Connection
from callcenter.adapters.store.wire import read_batch
from callcenter.domain.commands import QueueRequested
from callcenter.domain.events import WaitEstimated
from callcenter.domain.units import ContactId, QueueId
from tests.adapters.store_server import Led, StoreServer, arrival, envelope, seed, until


def estimates(connection: Connection, store: StoreServer) -> list[WaitEstimated]:
    batches = (read_batch(data) for _, data in read_batches(connection, store.keys, 0, 100_000))
    return [e for batch in batches for e in batch.events if isinstance(e, WaitEstimated)]


def test_a_waiting_caller_is_told_what_the_follower_saw(store: StoreServer, tmp_path: Path) -> None:
    connection = store.connect()
    connection.call("XADD", store.keys.cmds, "*", "e", seed())
    wants = QueueRequested(contact=ContactId("c1"), queue=QueueId("sales"))
    data = envelope("frontend-0", 7, 1, arrival(1), wants)
    connection.call("XADD", store.keys.cmds, "*", "e", data)
    led = Led(store)
    until(led.ready.is_set)
    replica = recover(connection, store.keys, tmp_path)
    follower = Follower(connection, store.keys, replica, Archive(tmp_path, days=1), owner="s:1")
    ahead = LookAhead(
        connection, store.keys, source="lookahead:s", epoch=9, numbers=itertools.count(1),
        heard=follower.heard,
    )  # fmt: skip

    def told() -> bool:
        follower.step()
        assert follower.archives
        ahead.step(replica)
        return bool(estimates(connection, store))

    until(told)
    (first,) = estimates(connection, store)[:1]
    led.end()
    assert (first.contact, first.position, first.expected) == ("c1", 1, None), "nothing seen yet"
    follower.step()
    assert replica.control.marks["lookahead:s"] == (9, 1)
    assert ahead.spent > 0


def test_nothing_is_looked_at_before_there_is_a_center(store: StoreServer) -> None:
    connection = store.connect()
    ahead = LookAhead(
        connection, store.keys, source="lookahead:s", epoch=9, numbers=itertools.count(1),
        heard=HeardTime(),
    )  # fmt: skip
    ahead.step(Replica())
    assert ahead.spent == 0
    assert connection.call("XLEN", store.keys.cmds) == 0
