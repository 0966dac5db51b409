"""What happens at once in the store, asked of the store itself."""

from __future__ import annotations

import pytest

from callcenter.adapters.store import scripts
from callcenter.adapters.store.follower import acquire
from callcenter.adapters.store.resp import Connection, StoreError
from tests.adapters.store_server import StoreServer


def commit(connection: Connection, store: StoreServer, epoch: int, seq: int) -> int:
    keys = store.keys
    names = (keys.epoch, keys.head, keys.events, keys.center)
    return int(
        connection.call(
            "EVALSHA", scripts.COMMIT_SHA, 4, *names, epoch, seq, f"{seq}-0", f"batch {seq}"
        )
    )


def journal(connection: Connection, store: StoreServer) -> tuple[list[bytes], list[bytes]]:
    """The batches, and where the head says they end."""
    entries = connection.call("XRANGE", store.keys.events, "-", "+")
    head = connection.call("HMGET", store.keys.head, "seq", "cursor")
    return [bytes(entry[1][1]) for entry in entries], [bytes(part) for part in head]


def test_a_commit_of_an_older_epoch_is_refused_whole(store: StoreServer) -> None:
    connection = store.connect()
    old = acquire(connection, store.keys, "one")
    assert commit(connection, store, old, 1) == 1
    new = acquire(connection, store.keys, "two", dead="one")
    with pytest.raises(StoreError, match="FENCED another leader"):
        commit(connection, store, old, 2)
    assert journal(connection, store) == ([b"batch 1"], [b"1", b"1-0"])
    assert commit(connection, store, new, 2) == 2


def test_a_commit_that_does_not_follow_the_last_one_is_refused_whole(store: StoreServer) -> None:
    connection = store.connect()
    epoch = acquire(connection, store.keys, "one")
    assert commit(connection, store, epoch, 1) == 1
    for seq in (1, 3):
        with pytest.raises(StoreError, match="FENCED the journal ends at 1"):
            commit(connection, store, epoch, seq)
    assert journal(connection, store) == ([b"batch 1"], [b"1", b"1-0"])


def test_the_lease_of_a_fenced_leader_is_not_renewed(store: StoreServer) -> None:
    connection, keys = store.connect(), store.keys
    old = acquire(connection, keys, "one")
    new = acquire(connection, keys, "two", dead="one")
    with pytest.raises(StoreError, match="FENCED"):
        connection.call("EVALSHA", scripts.RENEW_SHA, 2, keys.lease, keys.epoch, "one", old, 1000)
    assert connection.call("GET", keys.lease) == b"two"
    renewal = ("EVALSHA", scripts.RENEW_SHA, 2, keys.lease, keys.epoch, "two", new, 1000)
    assert connection.call(*renewal) == 1


def test_only_the_owner_releases_a_lease(store: StoreServer) -> None:
    connection, keys = store.connect(), store.keys
    acquire(connection, keys, "one")
    release = ("EVALSHA", scripts.RELEASE_SHA, 1, keys.lease)
    assert connection.call(*release, "two") == 0
    assert connection.call(*release, "one") == 1
    assert acquire(connection, keys, "two") == 2
