"""Digits: one press, one report, whatever is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import MILLISECOND
from callcenter.media.dtmf import PAYLOAD, Digits, Press

FRAME = 20 * MILLISECOND


def burst(event: int, frames: int = 4, ends: int = 3) -> list[bytes]:
    """The payloads of one press as a phone sends them."""
    pressed = [bytes([event, 10]) + (160 * n).to_bytes(2, "big") for n in range(1, frames + 1)]
    last = bytes([event, 0x80 | 10]) + (160 * frames).to_bytes(2, "big")
    return pressed + [last] * ends


def hear(digits: Digits, payloads: list[bytes], timestamp: int, since: int = 0) -> list[Press]:
    said = [digits.receive(p, timestamp, since + n * FRAME) for n, p in enumerate(payloads)]
    return [press for press in said if press]


@pytest.mark.parametrize("event", range(16))
def test_every_key_is_told_once_at_its_first_end(event: int) -> None:
    assert hear(Digits(), burst(event), 8000) == [Press(event, 80, 10)]


def test_the_same_key_twice_is_two_presses() -> None:
    digits = Digits()
    told = hear(digits, burst(5), 8000) + hear(digits, burst(5), 10_000)
    assert [press.event for press in told] == [5, 5]


def test_a_press_whose_end_was_lost_is_told_after_a_while() -> None:
    digits = Digits()
    assert hear(digits, burst(7, ends=0), 8000) == []
    assert digits.tick(3 * FRAME + 199 * MILLISECOND) is None
    assert digits.tick(3 * FRAME + 200 * MILLISECOND) == Press(7, 80, 10)
    assert digits.tick(10**9) is None


def test_a_press_whose_end_was_lost_is_told_by_the_next_press() -> None:
    digits = Digits()
    hear(digits, burst(1, ends=0), 8000)
    assert [press.event for press in hear(digits, burst(2), 10_000)] == [1, 2]


def test_an_end_that_comes_after_its_press_was_told_is_no_press() -> None:
    digits = Digits()
    hear(digits, burst(1), 8000)
    hear(digits, burst(2), 10_000)
    assert hear(digits, burst(1, frames=1), 8000) == []


def test_only_the_end_of_a_press_is_enough() -> None:
    assert len(hear(Digits(), burst(9)[-1:], 8000)) == 1


def test_a_key_held_very_long_is_one_press() -> None:
    digits = Digits()
    first = [bytes([3, 10]) + n.to_bytes(2, "big") for n in (160, 32_000, 0xFFFF)]
    assert hear(digits, first, 1000) == []
    told = hear(digits, burst(3), 1000 + 0xFFFF)
    assert told == [Press(3, (0xFFFF + 640) // 8, 10)]


def test_a_press_over_the_wrap_of_the_timestamp_is_told() -> None:
    digits = Digits()
    told = hear(digits, burst(1), 0xFFFFFF00) + hear(digits, burst(2), 0x500)
    assert [press.event for press in told] == [1, 2]


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x05", b"\x05\x80\x00", bytes([16, 0x80, 0, 160]), bytes([255, 0x80, 0, 160])],
)
def test_what_is_no_key_is_not_told(payload: bytes) -> None:
    assert hear(Digits(), [payload], 8000) == []


@given(st.lists(st.integers(0, 15), max_size=12), st.randoms(use_true_random=False))
def test_any_loss_that_leaves_one_packet_of_each_press_leaves_every_press(
    events: list[int], chance: object
) -> None:
    draw = chance.sample  # type: ignore[attr-defined]
    digits = Digits()
    told: list[Press] = []
    for n, event in enumerate(events):
        payloads = burst(event)
        kept = sorted(draw(range(len(payloads)), draw(range(1, 8), 1)[0]))
        told += hear(digits, [payloads[k] for k in kept], 8000 * (n + 1), since=n * 10**6)
    last = digits.tick(10**9)
    assert [press.event for press in [*told, *([last] if last else [])]] == events


def test_a_duration_counts_in_the_clock_that_the_phone_named() -> None:
    digits = Digits(clock=48_000)
    assert digits.receive(PAYLOAD.pack(5, 0x80 | 10, 4800), 1000, 0) == Press(5, 100, 10)
