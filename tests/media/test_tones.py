"""Digits as tones in the audio: every key, at every usual level, and nothing that is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from callcenter.media.dtmf import DIGITS
from callcenter.media.g711 import linear_to_alaw, linear_to_ulaw
from callcenter.media.rtp import PCMA, PCMU
from callcenter.media.side import DigitPressed
from callcenter.media.tones import HIGH, LOW, Tones
from tests.media.house import House

PAD = ("123A", "456B", "789C", "*0#D")


def tone(
    key: str, milliseconds: int = 80, low: float = 6000, high: float = 6000
) -> NDArray[np.float64]:
    row = next(n for n, keys in enumerate(PAD) if key in keys)
    t = np.arange(milliseconds * 8) / 8000
    column = PAD[row].index(key)
    return low * np.sin(2 * np.pi * LOW[row] * t) + high * np.sin(2 * np.pi * HIGH[column] * t)


def packets(samples: NDArray[np.float64], law: int = PCMU) -> list[bytes]:
    convert = linear_to_alaw if law == PCMA else linear_to_ulaw
    data = bytes(convert(int(max(-32768, min(32767, value)))) for value in samples)
    return [data[start : start + 160] for start in range(0, len(data) - 159, 160)]


def heard(samples: NDArray[np.float64], law: int = PCMU) -> str:
    tones = Tones()
    return "".join(
        DIGITS[press.event] for packet in packets(samples, law) for press in tones.hear(packet, law)
    )


SILENCE = np.zeros(800)


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_every_key_is_heard_once(law: int) -> None:
    line = np.concatenate([np.concatenate((tone(key), SILENCE)) for key in DIGITS])
    assert heard(line, law) == DIGITS


def test_the_same_key_twice_is_two_and_a_long_one_is_one() -> None:
    assert heard(np.concatenate((tone("5"), SILENCE, tone("5"), SILENCE))) == "55"
    assert heard(np.concatenate((tone("5", 1500), SILENCE))) == "5"


@pytest.mark.parametrize(("low", "high"), [(1000, 1000), (3000, 6000), (9000, 5000)])
def test_levels_and_twist_of_real_lines_are_understood(low: float, high: float) -> None:
    assert heard(np.concatenate((tone("7", low=low, high=high), SILENCE))) == "7"


def test_what_is_too_short_too_faint_or_too_one_sided_is_none() -> None:
    assert heard(np.concatenate((tone("1", 20), SILENCE))) == ""
    assert heard(np.concatenate((tone("1", low=150, high=150), SILENCE))) == ""
    assert heard(np.concatenate((tone("1", low=9000, high=500), SILENCE))) == ""


def test_noise_music_and_one_tone_are_no_keys() -> None:
    dice = np.random.default_rng(1)
    t = np.arange(80_000) / 8000
    chord = sum(4000 * np.sin(2 * np.pi * f * t) for f in (262, 330, 392, 523))
    voice = chord * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    assert heard(dice.normal(0, 5000, 80_000)) == ""
    assert heard(np.asarray(voice)) == ""
    assert heard(8000 * np.sin(2 * np.pi * 697 * t)) == ""


def test_a_leg_listens_only_where_it_was_asked_to_and_no_events_were_agreed() -> None:
    house = House()
    plain = house.caller("L1", 4000, formats="0")
    able = house.caller("L2", 5000)
    deaf = house.caller("L3", 6000, formats="0")
    for leg in (plain, able):
        assert house.ask("detect tones", leg.call_id)["result"] == "ok"
    for sequence, packet in enumerate(packets(np.concatenate((tone("4"), SILENCE))), 1):
        for leg in (plain, able, deaf):
            house.say(leg, sequence, packet)
    (pressed,) = house.engine.facts
    assert isinstance(pressed, DigitPressed)
    assert (pressed.call_id, pressed.press.event) == ("L1", 4)
