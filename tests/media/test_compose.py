"""The music: long enough, within the telephone's band, gentle, and without a beep."""

import numpy as np
import pytest

from callcenter.adapters.media_files import MUSIC
from callcenter.media import compose, g711
from callcenter.media.prompts import read_au
from callcenter.media.ringback import render_beep, render_ringback

TABLE = np.array([g711.ulaw_to_linear(octet) for octet in range(256)]) / 32768


@pytest.fixture(scope="module")
def music() -> compose.Sound:
    octets = np.frombuffer(read_au(MUSIC.read_bytes()).ulaw, dtype=np.uint8)
    sound: compose.Sound = TABLE[octets]
    return sound


def test_the_loop_is_longer_than_a_minute_and_a_half(music: compose.Sound) -> None:
    assert len(music) >= 90 * 8000


def test_the_level_is_twenty_decibels_under_full_scale(music: compose.Sound) -> None:
    assert 20 * np.log10(np.sqrt(np.mean(music**2))) == pytest.approx(-20, abs=1)
    assert np.abs(music).max() < 0.8


def test_it_lies_in_the_band_of_a_telephone(music: compose.Sound) -> None:
    power = np.abs(np.fft.rfft(music)) ** 2
    hertz = np.fft.rfftfreq(len(music), 1 / 8000)
    inside = power[(hertz >= 290) & (hertz <= 3410)].sum() / power.sum()
    assert inside > 0.999


def test_it_never_falls_silent_and_never_shouts(music: compose.Sound) -> None:
    parts = music[: len(music) // 1600 * 1600].reshape(-1, 1600)
    loudness = 20 * np.log10(np.sqrt((parts**2).mean(axis=1)))
    assert loudness.min() > -32
    assert loudness.max() < -12


def test_no_second_of_it_is_a_single_tone(music: compose.Sound) -> None:
    for second in music[: len(music) // 8000 * 8000].reshape(-1, 8000):
        power = np.abs(np.fft.rfft(second * np.hanning(8000))) ** 2
        around = power[max(power.argmax() - 2, 0) : power.argmax() + 3].sum()
        assert around / power.sum() < 0.9


def test_the_end_flows_into_the_beginning(music: compose.Sound) -> None:
    assert abs(music[0] - music[-1]) < np.abs(np.diff(music)).max()


def test_a_rendering_is_the_same_every_time() -> None:
    assert np.array_equal(compose.compose(rounds=1), compose.compose(rounds=1))


def test_the_ringing_tone_is_the_shipped_one_and_rings_as_most_of_the_world_does() -> None:
    octets = render_ringback()
    assert MUSIC.with_name("ringback.au").read_bytes() == octets
    sound: compose.Sound = TABLE[np.frombuffer(read_au(octets).ulaw, dtype=np.uint8)]
    assert len(sound) == 5 * 8000
    on, off = sound[:8000], sound[8000:]
    assert np.abs(off).max() < 0.001
    spectrum = np.abs(np.fft.rfft(on))
    beep = render_beep()
    assert MUSIC.with_name("beep.au").read_bytes() == beep
    assert len(read_au(beep).ulaw) == 4000
    assert abs(int(spectrum.argmax()) - 425) <= 1, "one second: a bin is a Hertz"
