"""Turns: spread, steady, and hurried through after a stall."""

from callcenter.domain.units import MILLISECOND, SECOND
from callcenter.media.wheel import SLOTS, Wheel


def turns(wheel: Wheel[str], until: int) -> list[str]:
    return [member for _, members in wheel.due(until) for member in members]


def test_members_are_spread_over_the_slots() -> None:
    wheel: Wheel[str] = Wheel(0)
    slots = [wheel.add(f"m{n}") for n in range(2 * SLOTS)]
    assert sorted(slots) == sorted(list(range(SLOTS)) * 2)


def test_every_member_has_its_turn_every_twenty_milliseconds() -> None:
    wheel: Wheel[str] = Wheel(0)
    for n in range(30):
        wheel.add(f"m{n}")
    heard = [m for ms in range(100) for m in turns(wheel, ms * MILLISECOND)]
    assert {heard.count(f"m{n}") for n in range(30)} == {5}


def test_after_a_short_stall_missed_turns_are_made_up() -> None:
    wheel: Wheel[str] = Wheel(0)
    wheel.add("m")
    assert turns(wheel, 59 * MILLISECOND) == ["m"] * 3
    assert wheel.skipped == 0


def test_after_a_long_stall_old_turns_are_left_out() -> None:
    wheel: Wheel[str] = Wheel(0)
    wheel.add("m")
    assert len(turns(wheel, 60 * SECOND)) <= 6
    assert wheel.skipped > 50_000


def test_the_wait_is_until_the_next_member() -> None:
    wheel: Wheel[str] = Wheel(0)
    assert wheel.wait(0) == 20 * MILLISECOND
    slots = [wheel.add(f"m{n}") for n in range(8)]
    for n in range(7):
        wheel.remove(f"m{n}", slots[n])
    assert wheel.wait(0) == 7 * MILLISECOND
    assert wheel.wait(9 * MILLISECOND) == 0
    list(wheel.due(9 * MILLISECOND))
    assert wheel.wait(9 * MILLISECOND) == 18 * MILLISECOND


def test_who_left_has_no_turn() -> None:
    wheel: Wheel[str] = Wheel(0)
    wheel.remove("m", wheel.add("m"))
    wheel.remove("m", -1)
    assert turns(wheel, 100 * MILLISECOND) == []
