"""A conference: everybody hears the others and never herself."""

from __future__ import annotations

import pytest

from callcenter.media.g711 import (
    ALAW_SILENCE,
    ULAW_SILENCE,
    linear_to_ulaw,
    ulaw_to_linear,
)
from callcenter.media.leg import Leg
from callcenter.media.mix import _EVERY_VALUE, _ULAW_OF, PARTIES_MAX, WAITING_MAX, Mix
from callcenter.media.rtp import PCMA, PCMU
from tests.media.house import FRAME, House


def spoken(value: int) -> bytes:
    """20 ms of a constant level, which sums are told by."""
    return bytes([linear_to_ulaw(value)]) * 160


def level(packet: bytes) -> int:
    """The level that a phone hears, and that it is the same throughout."""
    assert len(set(packet[12:])) == 1, "one level"
    return ulaw_to_linear(packet[12])


def conference(*levels: int) -> tuple[House, list[Leg]]:
    """Phones in one mix, each of which has said its level for three frames."""
    house = House()
    legs = [house.caller(f"L{n}", port=4000 + 10 * n) for n, _ in enumerate(levels)]
    for leg in legs:
        assert house.ask("join mix", leg.call_id, mix="M")["result"] == "ok"
    for sequence in range(1, 4):
        for leg, value in zip(legs, levels, strict=True):
            house.say(leg, sequence, spoken(value))
    return house, legs


def heard(house: House, legs: list[Leg]) -> list[int]:
    """What each of them hears in one turn of 20 ms."""
    packets = []
    for leg in legs:
        packets.append(house.hear(leg))
        house.now -= FRAME
    house.now += FRAME
    return [level(packet) for packet in packets]


def test_the_table_of_levels_is_that_of_g711() -> None:
    assert [linear_to_ulaw(int(value)) for value in _EVERY_VALUE[::7]] == _ULAW_OF[::7].tolist()


def test_each_of_three_hears_the_sum_of_the_other_two() -> None:
    house, legs = conference(1000, 3000, 5000)
    for said, value in zip((8000, 6000, 4000), heard(house, legs), strict=True):
        assert abs(value - said) < 400
    assert [one.phone.to for one in legs] == [one.mix.ears[one.call_id] for one in legs if one.mix]


def test_what_is_too_loud_is_cut_and_does_not_turn_over() -> None:
    house, legs = conference(30000, 30000, 30000)
    assert min(heard(house, legs)) > 31000


def test_who_says_nothing_hears_everybody_and_disturbs_nobody() -> None:
    house, legs = conference(2000, 4000)
    listener = house.caller("L9", port=4990)
    house.ask("join mix", "L9", mix="M")
    values = heard(house, [*legs, listener])
    assert abs(values[0] - 4000) < 150
    assert abs(values[1] - 2000) < 150
    assert abs(values[2] - 6000) < 300


def test_a_phone_of_the_other_law_takes_part() -> None:
    house = House()
    one, other = house.caller("L1", 4000), house.caller("L2", 5000, formats="8 101")
    for leg in (one, other):
        house.ask("join mix", leg.call_id, mix="M")
    for sequence in range(1, 4):
        house.say(one, sequence, spoken(5000))
    packet = house.hear(other)
    assert packet[1] & 0x7F == PCMA
    assert other.phone.codec == PCMA
    assert packet[12] not in (ALAW_SILENCE, ULAW_SILENCE)


def test_nobody_speaks_and_silence_is_heard() -> None:
    house = House()
    legs = [house.caller(f"L{n}", 4000 + 10 * n) for n in range(2)]
    for leg in legs:
        house.ask("join mix", leg.call_id, mix="M")
    assert set(house.hear(legs[0])[12:]) == {ULAW_SILENCE}


def test_frames_that_nobody_fetches_do_not_pile_up() -> None:
    house, (one, _) = conference(1000, 2000)
    for sequence in range(4, 60):
        house.say(one, sequence, spoken(1000))
    assert one.mix is not None
    assert len(one.mix.ears[one.call_id].frames) == WAITING_MAX


def test_packets_of_another_length_are_cut_into_frames() -> None:
    house, (one, other) = conference(1000, 2000)
    for sequence in range(4, 8):
        house.say(one, sequence, bytes([linear_to_ulaw(1000)]) * 240)
    assert abs(heard(house, [one, other])[1] - 1000) < 100


def test_who_leaves_is_connected_with_whom_she_was_and_the_others_go_on() -> None:
    house = House()
    one, other = house.bridge()
    third = house.caller("L3", 4500)
    for leg in (one, other, third):
        house.ask("join mix", leg.call_id, mix="M")
    assert one.phone.to is not other.phone
    house.ask("leave mix", "L3")
    assert third.phone.to is None
    for leg in (one, other):
        house.ask("leave mix", leg.call_id)
    assert one.phone.to is other.phone
    assert other.phone.to is one.phone
    assert house.engine.mixes == {}


def test_a_leg_that_ends_is_in_no_mix() -> None:
    house, legs = conference(1000, 2000, 3000)
    house.ask("delete", legs[0].call_id)
    assert set(house.engine.mixes["M"].ears) == {legs[1].call_id, legs[2].call_id}
    for leg in legs[1:]:
        house.ask("delete", leg.call_id)
    assert house.engine.mixes == {}


def test_music_comes_before_the_others() -> None:
    house, legs = conference(1000, 2000)
    house.ask("play media", legs[0].call_id, from_tag="leg", file="/prompt.au")
    assert house.hear(legs[0])[12:] == b"\x10" * 160


def test_a_mix_is_named_and_holds_so_many() -> None:
    house = House(pairs=2 * PARTIES_MAX + 2)
    house.caller("L0", 4000)
    assert house.ask("join mix", "L0")["result"] == "error"
    assert house.ask("join mix", "nobody", mix="M")["result"] == "error"
    for n in range(1, PARTIES_MAX + 1):
        house.caller(f"P{n}", 5000 + 2 * n)
        assert house.ask("join mix", f"P{n}", mix="M")["parties"] == n
    assert house.ask("join mix", "L0", mix="M")["error-reason"] == "Too many parties in the mix"
    assert house.ask("join mix", "P1", mix="M")["result"] == "ok", "in it already"


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_a_mix_of_nobody_is_silent(law: int) -> None:
    assert Mix().frame("L1", law, FRAME) is None
