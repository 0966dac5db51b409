"""What went wrong elsewhere and is decided here, each told by the number of its thread."""

from __future__ import annotations

from callcenter.control.center import Control
from callcenter.domain import events as e
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.records.live import LiveState
from tests.control.house import House, agent, center, queue
from tests.control.invariants import check


def test_asterisk_1736_no_answer_is_counted_twice() -> None:
    house = House().open(center(agent("ann", english=5), queues=(queue(wrap_up_seconds=0),)))
    live = LiveState()
    house.call("c1")
    made = house.offer_of("c1")
    assert made
    house.accept("c1")
    house.report("c1", OfferOutcome.ACCEPTED, made)
    house.hang_up("c1")
    for event in house.journal:
        live.apply(event)
    (line,) = live.queues()
    counted = live.data.queues[line.id].today["voice"]  # type: ignore[index]
    assert (counted.offered, counted.answered, counted.handled) == (1, 1, 1)
    assert house.control.counters["accepted_twice"] == 1


def test_freeswitch_1062_a_queue_whose_decider_died_goes_on_where_it_was() -> None:
    house = House().open(center(agent("ann", english=5)), ready=False)
    for name in ("c1", "c2", "c3"):
        house.call(name)
        house.wait(1)
    house.control = Control.restore(house.control.snapshot(), epoch=2)
    house.presence("ann", Presence.READY)
    assert house.rung("c1") == "ann"
    check(house.control)


def test_freeswitch_1641_a_mistake_over_one_contact_does_not_freeze_the_queue() -> None:
    house = House().open(center(agent("ann", english=5), agent("ben", english=5)))
    house.call("c1")
    rung = house.rung("c1")
    house.wait(26)
    assert house.all(e.OfferRescinded)[0].reason == "its owner was silent"
    assert house.rung("c1") != rung
    house.call("c2")
    check(house.control)


def test_freeswitch_2540_an_offer_whose_owner_says_nothing_frees_its_agent() -> None:
    house = House().open(center(agent("ann", english=5)))
    house.call("c1")
    assert house.agent("ann").presence is Presence.RESERVED
    house.hang_up("c1")
    assert house.agent("ann").presence is Presence.READY
    check(house.control)
