"""The calling tone of a fax machine, told from everything else that a caller says."""

import numpy as np
import pytest
from numpy.typing import NDArray

from callcenter.media.cng import CngDetector
from callcenter.media.g711 import linear_to_alaw, linear_to_ulaw
from callcenter.media.rtp import CLOCK, FRAME, PCMA, PCMU

Samples = NDArray[np.float64]
LOUD = 8000.0


def tone(hertz: float, seconds: float, level: float = LOUD) -> Samples:
    made: Samples = level * np.sin(2 * np.pi * hertz / CLOCK * np.arange(int(seconds * CLOCK)))
    return made


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * CLOCK))


def cng(hertz: float = 1100, level: float = LOUD, on: float = 0.5) -> Samples:
    return np.concatenate([silence(0.313), tone(hertz, on, level), silence(3)])


def noise(like: Samples, level: float) -> Samples:
    return level * np.random.default_rng(11).standard_normal(len(like))


def heard_after(samples: Samples, law: int = PCMU) -> float | None:
    """Seconds until the tone was known for one."""
    coded = linear_to_alaw if law == PCMA else linear_to_ulaw
    octets = bytes(coded(int(s)) for s in np.clip(samples, -32000, 32000))
    detector = CngDetector()
    for at in range(0, len(octets) - FRAME + 1, FRAME):
        if detector.hear(octets[at : at + FRAME], law):
            return (at + FRAME) / CLOCK
    return None


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_the_tone_is_known_before_it_has_ended(law: int) -> None:
    after = heard_after(cng(), law)
    assert after is not None
    assert 0.70 < after < 0.76


@pytest.mark.parametrize("hertz", [1062, 1100, 1138])
@pytest.mark.parametrize("on", [0.425, 0.575])
def test_every_tone_that_the_standard_allows_is_known(hertz: float, on: float) -> None:
    assert heard_after(cng(hertz, on=on))


def test_a_weak_tone_in_noise_is_known() -> None:
    samples = cng(level=300)
    assert heard_after(samples + noise(samples, 100))


@pytest.mark.parametrize("hertz", [697, 941, 1209, 1300, 1400, 2100, 440, 980, 1180])
def test_no_other_tone_is_taken_for_it(hertz: float) -> None:
    assert heard_after(tone(hertz, 5)) is None


def test_a_short_beep_is_none() -> None:
    assert heard_after(np.concatenate([tone(1100, 0.35), silence(1)])) is None


def test_two_tones_at_once_are_none() -> None:
    assert heard_after(tone(1100, 2) + tone(1700, 2, LOUD * 1.2)) is None


def test_a_voice_gliding_through_the_pitch_is_none() -> None:
    turns = np.cumsum(np.linspace(800, 1500, 2 * CLOCK)) / CLOCK
    assert heard_after(LOUD * np.sin(2 * np.pi * turns)) is None


def test_noise_and_silence_are_none() -> None:
    quiet = silence(10)
    assert heard_after(quiet) is None
    assert heard_after(noise(quiet, 3000)) is None


def test_it_is_told_once_and_not_looked_for_after_a_minute() -> None:
    detector = CngDetector()
    frame = bytes(linear_to_ulaw(int(s)) for s in tone(1100, 0.02))
    assert sum(detector.hear(frame, PCMU) for _ in range(100)) == 1
    late = CngDetector()
    for _ in range(3000):
        late.hear(b"\xff" * FRAME, PCMU)
    assert late.is_done
    assert not any(late.hear(frame, PCMU) for _ in range(100))
