"""A message is recorded: as it comes, against the clock, and to a named end."""

from __future__ import annotations

import numpy as np
import pytest

from callcenter.domain.units import MILLISECOND, SECOND, Micros
from callcenter.media import g711
from callcenter.media.leg import Leg
from callcenter.media.prompts import read_au
from callcenter.media.recorder import Recorded, Recorder
from callcenter.media.rtp import PCMA, PCMU
from tests.media.house import House, describe

FRAME: Micros = 20 * MILLISECOND
TABLE = np.array([g711.ulaw_to_linear(octet) for octet in range(256)]) / 32768


def tone(hertz: int = 400) -> bytes:
    wave = 8000 * np.sin(2 * np.pi * hertz * np.arange(160) / 8000)
    return bytes(g711.linear_to_ulaw(int(value)) for value in wave)


class Tape:
    """A recorder and its disk."""

    def __init__(self, seconds_max: int = 10, silence_seconds: int = 3) -> None:
        self.files: dict[str, bytes] = {}
        self.writes = 0
        self.full = False
        self.now: Micros = SECOND
        self.recorder = Recorder(
            "c1", "/m.au", seconds_max=seconds_max, silence_seconds=silence_seconds,
            append=self.append, now=self.now,
        )  # fmt: skip

    def append(self, file: str, data: bytes) -> None:
        if self.full:
            raise OSError("no space left")
        self.writes += 1
        self.files[file] = self.files.get(file, b"") + data

    def speak(self, seconds: float, payload: bytes | None = None, codec: int = PCMU) -> None:
        for _ in range(round(seconds * 50)):
            self.recorder.hear(tone() if payload is None else payload, codec, self.now)
            self.now += FRAME

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 100 * MILLISECOND
            self.recorder.tick(self.now)

    @property
    def sound(self) -> np.ndarray:
        ulaw = read_au(self.files["/m.au"]).ulaw
        return np.asarray(TABLE[np.frombuffer(ulaw, dtype=np.uint8)])


def test_what_is_said_is_in_the_file_until_it_is_stopped() -> None:
    tape = Tape()
    tape.speak(2)
    assert tape.recorder.end("stopped") == Recorded("c1", "/m.au", 2000, "stopped")
    spectrum = np.abs(np.fft.rfft(tape.sound[:8000]))
    assert int(spectrum.argmax()) == 400
    tape.speak(1)
    assert len(tape.sound) == 16_000, "nothing is added afterwards"


def test_silence_ends_it() -> None:
    tape = Tape(silence_seconds=3)
    tape.speak(1)
    tape.speak(2.9, bytes([g711.ULAW_SILENCE]) * 160)
    tape.recorder.tick(tape.now)
    assert tape.recorder.done is None
    tape.wait(0.3)
    assert tape.recorder.done is not None
    assert tape.recorder.done.why == "silence"


def test_a_phone_that_sends_nothing_is_silent_and_its_gap_is_in_the_file() -> None:
    tape = Tape(silence_seconds=5)
    tape.speak(1)
    tape.wait(2)
    tape.speak(1)
    tape.recorder.end("stopped")
    assert 3.7 * 8000 <= len(tape.sound) <= 4.1 * 8000
    assert np.abs(tape.sound[int(1.3 * 8000) : int(2.7 * 8000)]).max() < 0.001
    assert np.abs(tape.sound[-4000:]).max() > 0.2


def test_nothing_longer_than_the_limit_is_kept() -> None:
    tape = Tape(seconds_max=2)
    tape.speak(5)
    tape.recorder.tick(tape.now)
    assert tape.recorder.done == Recorded("c1", "/m.au", 2000, "limit")
    assert len(tape.sound) == 16_000


def test_the_other_law_is_kept_in_ours() -> None:
    tape = Tape()
    tape.speak(1, tone().translate(g711.ULAW_TO_ALAW), PCMA)
    tape.recorder.end("stopped")
    assert np.abs(tape.sound - TABLE[np.frombuffer(tone() * 50, dtype=np.uint8)]).max() < 0.02


def test_every_second_is_on_the_disk_so_a_death_costs_no_more() -> None:
    tape = Tape()
    tape.speak(3.5)
    assert len(tape.sound) >= 3 * 8000
    assert tape.writes <= 6


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_full_disk_ends_it_by_name(when: str) -> None:
    tape = Tape()
    if when == "at once":
        tape.full = True
        late = Recorder("c1", "/n.au", seconds_max=5, silence_seconds=3, append=tape.append, now=0)
        assert late.done is not None
        assert late.done.why == "failed"
        return
    tape.speak(2)
    tape.full = True
    tape.speak(2)
    assert tape.recorder.done is not None
    assert tape.recorder.done.why == "failed"


# --- by the verbs of the engine -------------------------------------------------------------------


def talk(house: House, leg: Leg, seconds: float, first: int = 1) -> None:
    for number in range(round(seconds * 50)):
        house.say(leg, first + number, tone())
        house.now += FRAME
        if number % 5 == 0:
            leg.look_at_recorder(house.now)


def test_the_verb_records_what_the_phone_says_and_stop_tells_how_long() -> None:
    house = House()
    leg = house.caller()
    assert house.ask("start recording", file="/m.au", max_seconds=60) == {"result": "ok"}
    talk(house, leg, 2)
    assert house.ask("stop recording") == {"result": "ok", "duration": 2000}
    assert house.engine.facts[-1] == Recorded("L1", "/m.au", 2000, "stopped")
    assert len(read_au(house.written["/m.au"]).ulaw) == 16_000
    assert house.ask("stop recording") == {"result": "ok"}


def test_a_leg_that_goes_has_its_recording_told() -> None:
    house = House()
    leg = house.caller()
    house.ask("start recording", file="/m.au")
    talk(house, leg, 1)
    house.ask("delete")
    assert house.engine.facts[-1] == Recorded("L1", "/m.au", 1000, "gone")


def test_silence_is_noticed_on_the_rounds() -> None:
    house = House()
    leg = house.caller()
    house.ask("start recording", file="/m.au", silence_seconds=2)
    talk(house, leg, 1)
    house.now += 3 * SECOND
    leg.look_at_recorder(house.now)
    told = house.engine.facts[-1]
    assert isinstance(told, Recorded)
    assert told.why == "silence"
    assert leg.phone.recorder is None


@pytest.mark.parametrize("missing", ["file", "leg", "codec", "disk"])
def test_what_cannot_be_recorded_is_refused_by_name(missing: str) -> None:
    house = House()
    if missing == "codec":
        house.ask("offer", from_tag="leg", sdp=describe(4000))
    elif missing != "leg":
        house.caller()
    house.disk_is_full = missing == "disk"
    keys = {} if missing == "file" else {"file": "/m.au"}
    assert house.ask("start recording", **keys)["result"] == "error"
    assert house.ask("ping") == {"result": "pong"}
