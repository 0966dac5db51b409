"""Journals to fold: small days told with the control center, as batches."""

from __future__ import annotations

from collections.abc import Sequence

from callcenter.domain import events as e
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason
from tests.control.house import House, agent, center, queue


def batches(events: Sequence[e.Event], first: int = 1, size: int = 7) -> list[e.Batch]:
    """The events as commits of `size` events each."""
    chunks = [events[n : n + size] for n in range(0, len(events), size)]
    return [
        e.Batch(
            seq=first + number,
            epoch=1,
            at=chunk[-1].at,
            cursor=f"{number}-0",
            marks={},
            inputs=(),
            engine="1",
            configuration="1",
            events=tuple(chunk),
        )
        for number, chunk in enumerate(chunks)
    ]


def a_center(**settings: object) -> House:
    """Two agents, one queue, everybody ready."""
    queues = (queue("sales", **settings),)
    return House().open(center(agent("ann", english=5), agent("ben", english=4), queues=queues))


def a_small_day() -> House:
    """c1 answered, c2 answered after a RONA, c3 abandoned, c4 left by key, c5 still waiting."""
    house = a_center()
    house.call("c1")
    house.wait(3)
    house.accept("c1")
    house.call("c2")
    house.wait(2)
    house.report("c2", OfferOutcome.DECLINED)
    house.wait(40)
    house.hang_up("c1")
    house.wait(2)
    house.presence("ben", Presence.READY)
    house.wait(40)
    if house.offer_of("c2") is not None:
        house.accept("c2")
    house.call("c3")
    house.wait(9)
    house.hang_up("c3", Reason.CALLER_LEFT_IN_QUEUE)
    house.call("c4")
    house.wait(4)
    house.leave("c4")
    house.hang_up("c4", Reason.FLOW_HUNG_UP)
    house.call("c5")
    return house
