"""What processes that ask one thing leave behind."""

from __future__ import annotations

from callcenter.adapters.store.replica import Replica
from callcenter.adapters.store.wire import ONCE, ONCE_KEPT
from callcenter.domain.events import Batch


def batch(seq: int, source: str, epoch: int) -> Batch:
    return Batch(seq, 1, seq, f"{seq}-0", {source: (epoch, 1)}, (), "4", "", ())


def test_who_asked_once_is_forgotten_when_many_have_asked_since_and_roles_never_are() -> None:
    replica = Replica()
    replica.apply(batch(1, "frontend-0", 7))
    for pid in range(ONCE_KEPT + 100):
        replica.apply(batch(pid + 2, f"{ONCE}cli-{pid}", 1_000 + pid))
    askers = [source for source in replica.marks if source.startswith(ONCE)]
    assert askers == [f"{ONCE}cli-{pid}" for pid in range(100, ONCE_KEPT + 100)]
    assert replica.marks["frontend-0"] == (7, 1)
    again = Replica.restore(replica.snapshot())
    assert list(again.marks.items()) == list(replica.marks.items())
