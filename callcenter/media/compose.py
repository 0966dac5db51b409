"""The music while waiting: "Slow Tide", composed here so that nobody's rights stand in the way.

Why: a caller may hear it for ten minutes. So no beat, no melody that bores, nothing bright and
nothing sudden: soft chords that change every eight seconds, a few plucked notes drawn from each
chord by a seeded chance, a swell that comes and goes. The piece is 24 chords long (3 min 12 s) and
its end flows into its beginning, so the loop has no seam.

A telephone passes 300 to 3400 Hz: the chords lie from 330 Hz up, every partial above 3300 Hz is
left out, and the level is 20 dB under full scale.

Rendered by `python -m callcenter.adapters.media_compose FILE` to `audio/music/default.au`. Same
seed, same piece.

Sources: the piece is ours; levels as ITU-T G.711 (full scale +3.14 dBm0), band as G.712.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from callcenter.media.g711 import linear_to_ulaw
from callcenter.media.prompts import write_au
from callcenter.media.rtp import CLOCK

Sound: TypeAlias = NDArray[np.float64]

SEED = 1962
CHORD_SECONDS = 8.0
LEVEL_DBFS = -20.0
BAND_HZ = (300.0, 3400.0)
NOTE = "Slow Tide. Composed for this project. GPL-3.0-or-later"

# MIDI note numbers; E4 (64) is 330 Hz. Each chord shares two notes with its neighbours.
CHORDS: tuple[tuple[int, ...], ...] = (
    (65, 69, 72, 76),  # F major seventh
    (64, 69, 72, 76),  # A minor
    (65, 69, 74, 77),  # D minor
    (67, 71, 74, 77),  # G seventh
    (64, 67, 71, 76),  # E minor
    (65, 69, 72, 76),  # F major seventh
    (67, 70, 74, 77),  # G minor seventh
    (67, 70, 72, 76),  # C seventh
)
ROUNDS = 3
SCALE = (72, 74, 76, 77, 79, 81, 84)
"""Where plucked notes come from, beside the notes of the chord."""


def render(rounds: int = ROUNDS) -> bytes:
    """The whole piece as the octets of a µ-law `.au` file."""
    return _as_file(compose(rounds), NOTE)


def render_attention() -> bytes:
    """Two short notes, a rising fourth: what an agent hears whose phone answers by itself."""
    time = np.arange(int(0.18 * CLOCK)) / CLOCK
    edge = np.clip(np.minimum(time, time[-1] - time) / 0.02, 0, 1)
    notes = [np.sin(2 * np.pi * _hertz(note) * time) * edge for note in (76, 81)]
    silence = np.zeros(int(0.12 * CLOCK))
    return _as_file(np.concatenate([*notes, silence]) * 0.2, "Attention. GPL-3.0-or-later")


def _as_file(sound: Sound, note: str) -> bytes:
    table = np.array([linear_to_ulaw(value) for value in range(-32768, 32768)], dtype=np.uint8)
    samples = np.round(sound * 32767).astype(np.int64)
    return write_au(table[samples + 32768].tobytes(), note.encode())


def compose(rounds: int = ROUNDS) -> Sound:
    """The piece as samples from -1 to 1 at 8 kHz, as a ring: the end runs into the beginning."""
    chance = np.random.default_rng(SEED)
    chord_length = int(CHORD_SECONDS * CLOCK)
    ring = np.zeros(chord_length * len(CHORDS) * rounds)
    for index in range(rounds * len(CHORDS)):
        chord = CHORDS[index % len(CHORDS)]
        start = index * chord_length
        _lay(ring, start - chord_length // 2, _pad(chord, chance))
        for at, pluck in _plucks(chord, chance):
            _lay(ring, start + at, pluck)
    return _level(_band(_echo(ring)))


def _lay(ring: Sound, start: int, sound: Sound) -> None:
    """Add `sound` at `start`, around the end if need be."""
    places = np.arange(start, start + len(sound)) % len(ring)
    np.add.at(ring, places, sound)


def _pad(chord: tuple[int, ...], chance: np.random.Generator) -> Sound:
    """One chord as breath: two voices per note, a little apart, unequal so that none is ever gone.

    It rises for one chord's time and falls for one, so that two neighbours together stay level.
    """
    length = int(CHORD_SECONDS * 2 * CLOCK)
    time = np.arange(length) / CLOCK
    swell = np.sin(np.pi * np.arange(length) / length) ** 2
    total = np.zeros(length)
    for note in chord:
        pitch = _hertz(note)
        for detune, gain in ((-0.3, 1.0), (0.3, 0.4)):
            phase = chance.uniform(0, 2 * np.pi)
            drift = 0.25 * np.sin(2 * np.pi * chance.uniform(0.1, 0.2) * time + phase)
            turn = 2 * np.pi * (pitch + detune) * time + phase + drift
            total += gain * (np.sin(turn) + 0.22 * np.sin(2 * turn) + 0.06 * np.sin(3 * turn))
    sound: Sound = total * swell * 0.2
    return sound


def _plucks(chord: tuple[int, ...], chance: np.random.Generator) -> list[tuple[int, Sound]]:
    """Four to six soft notes in a chord's time, on a loose grid; high notes are quieter."""
    notes = sorted({*(n + 12 for n in chord if n + 12 in SCALE), *chord})
    slots = np.sort(chance.choice(np.arange(16), size=int(chance.integers(4, 7)), replace=False))
    plucks: list[tuple[int, Sound]] = []
    for slot in slots:
        at = int((slot * 0.5 + chance.uniform(0, 0.06)) * CLOCK)
        note = int(chance.choice(notes))
        plucks.append((at, _pluck(_hertz(note), chance.uniform(0.25, 0.5))))
    return plucks


def _pluck(pitch: float, loudness: float) -> Sound:
    """One note like a felt-damped string: partials that fade the faster the higher they are."""
    time = np.arange(int(2.8 * CLOCK)) / CLOCK
    total = np.zeros(len(time))
    for partial in range(1, int(3300 / pitch) + 1):
        fade = np.exp(-time * (1.6 + 0.9 * partial))
        total += np.sin(2 * np.pi * pitch * partial * time) * fade / partial**1.8
    attack = np.minimum(time / 0.012, 1.0)
    sound: Sound = total * attack * loudness * np.sqrt(440 / pitch)
    return sound


def _echo(ring: Sound) -> Sound:
    """A little room: four reflections, each softer, around the ring."""
    wet = ring.copy()
    for delay, gain in ((0.083, 0.28), (0.131, 0.22), (0.211, 0.16), (0.347, 0.11)):
        wet += gain * np.roll(ring, int(delay * CLOCK))
    return wet


def _band(ring: Sound) -> Sound:
    """Keep what a telephone passes, with soft shoulders. The ring stays a ring."""
    spectrum = np.fft.rfft(ring)
    hertz = np.fft.rfftfreq(len(ring), 1 / CLOCK)
    low, high = BAND_HZ
    gain = np.clip((hertz - low + 20) / 20, 0, 1) * np.clip((high - hertz) / 150, 0, 1)
    return np.fft.irfft(spectrum * gain, len(ring))


def _level(ring: Sound) -> Sound:
    """Bring the whole to `LEVEL_DBFS`; peaks are rounded off, never cut."""
    ring = ring * (10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(ring**2)))
    return np.tanh(ring * 1.2) / 1.2


def _hertz(note: int) -> float:
    return float(440 * 2 ** ((note - 69) / 12))
