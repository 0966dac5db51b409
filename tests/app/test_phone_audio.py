"""The judge's own ear must be right before it judges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import callcenter
from callcenter.app.phones.audio import (
    AGENT_TONES,
    CALLER_TONES,
    FRAME,
    SILENCE_FRAME,
    ToneEar,
    decode_ulaw,
    encode_ulaw,
    tone_frame,
)


@pytest.mark.parametrize("frequency", CALLER_TONES + AGENT_TONES)
def test_each_tone_is_heard_as_itself_and_as_nothing_else(frequency: int) -> None:
    ear = ToneEar()
    for _ in range(50):
        ear.hear(tone_frame(frequency))
    assert ear.windows == {frequency: 10}


def test_silence_and_noise_are_no_tone() -> None:
    ear = ToneEar()
    noise = np.random.default_rng(1).normal(0, 4000, 8000)
    for start in range(0, 8000, 160):
        ear.hear(encode_ulaw(noise[start : start + 160]))
        ear.hear(SILENCE_FRAME)
    assert ear.windows == {}


def test_two_tones_at_once_are_not_taken_for_one() -> None:
    ear = ToneEar()
    mixed = decode_ulaw(tone_frame(400)) + decode_ulaw(tone_frame(1250))
    for _ in range(50):
        ear.hear(encode_ulaw(mixed))
    assert sum(ear.windows.values()) <= 1


def test_every_octet_of_ulaw_survives_a_round_trip() -> None:
    octets = bytes(range(256))
    decoded = decode_ulaw(octets)
    assert np.array_equal(decode_ulaw(encode_ulaw(decoded)), decoded)


def test_a_tone_that_would_click_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of periods"):
        tone_frame(333)


def test_nothing_that_the_center_plays_is_taken_for_a_person() -> None:
    package = Path(callcenter.__file__).parent
    recordings = [*package.rglob("*.au"), *(package.parent / "ivr_flows").rglob("*.au")]
    assert recordings
    for recording in recordings:
        data = recording.read_bytes()
        sound = data[int.from_bytes(data[4:8], "big") :]
        ear = ToneEar()
        for place in range(3 * FRAME, len(sound) - FRAME, FRAME):
            ear.hear(sound[place : place + FRAME])
        assert max(ear.windows.values(), default=0) <= 1, recording
