"""A recording becomes a document by its content, or is none; nothing outside its folder is touched."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.media_worker import append_to
from callcenter.adapters.recordings import LEFT_OVER_SECONDS, Kept, Recordings
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.frontend.turn import KeepRecording
from callcenter.intake.document import decode_document
from callcenter.media.g711 import ULAW_SILENCE, linear_to_ulaw, ulaw_to_linear
from callcenter.media.recorder import HEADER

CONTACT = ContactId("frontend-0-1-7")


def tone(seconds: float) -> bytes:
    wave = 8000 * np.sin(2 * np.pi * 650 * np.arange(round(8000 * seconds)) / 8000)
    return bytes(linear_to_ulaw(int(value)) for value in wave)


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    made = Recordings(tmp_path)
    made.prepare()
    return made


def wish(recordings: Recordings, data: bytes, *, shortest: int = 2000) -> KeepRecording:
    file = str(recordings.directory / f"{CONTACT}.au")
    append_to(file, HEADER)
    append_to(file, data)
    return KeepRecording(CONTACT, file, shortest, dialled="100", number="+15550777", at=5)


def test_a_message_is_kept_by_its_content_and_can_be_heard(
    recordings: Recordings, tmp_path: Path
) -> None:
    kept = recordings.keep(wish(recordings, tone(3) + bytes([ULAW_SILENCE]) * 8000))
    blobs = Blobs(tmp_path)
    data = blobs.read(kept.blob)
    assert data[:4] == b"RIFF"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    sound = np.array([ulaw_to_linear(octet) for octet in data[58:]])
    assert len(sound) == 4 * 8000
    assert int(np.abs(np.fft.rfft(sound[:8000])).argmax()) == 650
    assert os.stat(blobs.path(kept.blob)).st_mode & 0o777 == 0o600
    document = decode_document(blobs.read_document(CONTACT))
    assert (document.channel, document.subject) == (Channel.VOICEMAIL, "Voice message, 0:04")
    assert (document.sender, document.parts[0].role) == ("+15550777", "recording")


def test_keeping_it_twice_keeps_it_once(recordings: Recordings, tmp_path: Path) -> None:
    asked = wish(recordings, tone(3))
    assert recordings.keep(asked) == recordings.keep(asked)
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_silence_is_no_message_however_long(recordings: Recordings) -> None:
    silence = bytes([ULAW_SILENCE]) * 80_000
    assert recordings.keep(wish(recordings, tone(1) + silence)) == Kept(is_short=True)


def test_a_file_that_is_not_there_or_not_ours_is_an_error(
    recordings: Recordings, tmp_path: Path
) -> None:
    gone = KeepRecording(CONTACT, str(recordings.directory / "gone.au"), 0)
    with pytest.raises(FileNotFoundError):
        recordings.keep(gone)
    other = tmp_path / "secret"
    other.write_text("x")
    for file in (str(other), f"{recordings.directory}/../secret"):
        with pytest.raises(FileNotFoundError):
            recordings.drop(file)
    assert other.exists()


def test_what_the_engine_writes_is_ours_alone(recordings: Recordings) -> None:
    asked = wish(recordings, tone(1))
    assert os.stat(asked.file).st_mode & 0o777 == 0o600


def test_recordings_that_nobody_asked_for_go_in_a_day(
    recordings: Recordings, tmp_path: Path
) -> None:
    old, new = recordings.directory / "old.au", recordings.directory / "new.au"
    for file in (old, new):
        file.write_bytes(HEADER)
    past = time.time() - LEFT_OVER_SECONDS - 60
    os.utime(old, (past, past))
    Recordings(tmp_path).prepare()
    assert not old.exists()
    assert new.exists()
