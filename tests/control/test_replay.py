"""The journal gives the state, the inputs give the journal, a snapshot goes on as if nothing was."""

from __future__ import annotations

import msgspec
import pytest

from callcenter.control.center import Control, DecisionFailed
from callcenter.control.replay import decide_again, same
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import OfferOutcome, Presence
from tests.control.house import START, House, agent, center, only, queue
from tests.control.invariants import plain


def busy_morning() -> House:
    """A bit of everything that control remembers."""
    house = House()
    people = (agent("ann", english=3), agent("ben", english=1))
    house.open(center(*people, queues=(queue(skills={"english": 1}, wrap_up_seconds=10),)))
    house.call("c1")
    house.accept("c1")
    house.call("c2")
    house.wait(3)
    house.report("c2", OfferOutcome.FAILED)
    house.presence("ann", Presence.NOT_READY, "lunch")
    house.call("m1", channel=Channel.EMAIL, priority=1)
    house.hang_up("c1")
    house.call("c3")
    house.lose()
    house.wait(4)
    house.start(contacts=("c2", "m1"), agents=("ann", "ben"), epoch=2)
    house.wait(30)
    return house


def test_events_alone_give_the_same_state() -> None:
    house = busy_morning()
    follower = Control(epoch=1)
    for event in house.journal:
        follower.apply(event)
    assert plain(follower) == plain(house.control)
    assert follower.deadline == house.control.deadline


def test_inputs_alone_give_the_same_events_byte_for_byte() -> None:
    house = busy_morning()
    again = decide_again(Control(epoch=1), house.inputs, house.commands)
    assert same(again, house.journal)


def test_another_input_gives_other_events() -> None:
    house = busy_morning()
    assert not same(
        decide_again(Control(epoch=1), house.inputs[:-1], house.commands), house.journal
    )


@pytest.mark.parametrize("after", range(0, 24, 3))
def test_a_snapshot_at_any_moment_goes_on_the_same(after: int) -> None:
    house = busy_morning()
    control = Control(epoch=1)
    done = decide_again(control, house.inputs[:after], house.commands)
    used = sum(given.kind is e.InputKind.COMMAND for given in house.inputs[:after])
    restored = Control.restore(control.snapshot(), epoch=1)
    rest = decide_again(restored, house.inputs[after:], house.commands[used:])
    assert same(done + rest, house.journal)
    assert plain(restored) == plain(house.control)


def test_a_standby_may_take_over_after_any_event_batch() -> None:
    house = busy_morning()
    for after in range(len(house.inputs)):
        standby, leader = Control(epoch=1), Control(epoch=1)
        used = sum(given.kind is e.InputKind.COMMAND for given in house.inputs[:after])
        for event in decide_again(leader, house.inputs[:after], house.commands):
            standby.apply(event)
        one = decide_again(leader, house.inputs[after:], house.commands[used:])
        other = decide_again(standby, house.inputs[after:], house.commands[used:])
        assert same(one, other)


def test_the_marks_of_the_adapter_travel_in_the_snapshot() -> None:
    control = Control(epoch=4)
    control.marks["frontend-1"] = (3, 17)
    assert Control.restore(control.snapshot()).marks == {"frontend-1": (3, 17)}


def test_anything_but_a_snapshot_is_refused() -> None:
    for junk in (b"", b"\xc1", msgspec.msgpack.encode({"state": 3})):
        with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
            Control.restore(junk)


def test_nothing_is_due_when_nothing_waits() -> None:
    house = House().open(center(agent("ann")))
    assert house.control.deadline is None
    assert house.control.tick(house.now) == []


def test_a_failure_of_ours_keeps_what_was_decided_before_it_and_control_goes_on() -> None:
    house = House().open(center(agent("ann")))
    house.call("c1")
    house.accept("c1")
    house.agent("ann").segments.clear()
    with pytest.raises(DecisionFailed) as failed:
        house.hang_up("c1")
    assert failed.value.events == []
    assert isinstance(failed.value.__cause__, KeyError)
    assert only(house.call("c2"), e.ContactQueued)


def test_a_failure_of_ours_is_decided_again_like_anything_else() -> None:
    """Events that were decided before the failure are part of the journal."""
    control = Control(epoch=1)
    unknown = c.Cmd()
    again = decide_again(control, [e.Input(START)], [("x:1:1", unknown)])  # type: ignore[list-item]
    assert again == []


def test_a_control_that_leads_nobody_has_no_epoch() -> None:
    assert (Control().epoch, Control.restore(Control().snapshot()).epoch) == (0, 0)
