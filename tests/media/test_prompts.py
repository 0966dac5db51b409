"""Audio files: good ones, and the invalid twin of each."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.media.ng import NgError
from callcenter.media.prompts import read_au, write_au


def au(
    samples: bytes,
    encoding: int = 1,
    rate: int = 8000,
    channels: int = 1,
    offset: int = 28,
    size: int | None = None,
) -> bytes:
    size = len(samples) if size is None else size
    return (
        struct.pack(">4sIIIII", b".snd", offset, size, encoding, rate, channels)
        + bytes(4)
        + samples
    )


def test_the_last_frame_is_filled_with_silence() -> None:
    audio = read_au(au(b"\x10" * 200))
    assert (audio.frames, audio.milliseconds) == (2, 40)
    assert audio.ulaw == b"\x10" * 200 + b"\xff" * 120
    assert audio.alaw[200:] == b"\xd5" * 120


def test_a_file_in_a_law_is_played_in_both() -> None:
    assert read_au(au(b"\xd5" * 160, encoding=27)).ulaw[0] in (0xFE, 0xFF)


def test_a_linear_file_is_played_in_both_laws() -> None:
    audio = read_au(au(struct.pack(">160h", *([0] * 160)), encoding=3))
    assert audio.ulaw == b"\xff" * 160
    assert audio.alaw == b"\xd5" * 160


def test_a_file_of_unknown_length_runs_to_its_end() -> None:
    assert read_au(au(b"\x10" * 320, size=0xFFFFFFFF)).frames == 2


def test_what_we_write_we_read() -> None:
    assert read_au(write_au(b"\x10" * 160, b"a note")).ulaw == b"\x10" * 160


@pytest.mark.parametrize(
    "data",
    [b"", b".snd", b"RIFF" + bytes(60), au(b""), au(b"\x10" * 160, encoding=23), au(b"\x10", rate=44_100),
     au(b"\x10", channels=2), au(b"\x10", offset=9999), au(b"\x10", offset=4), au(b"\x10", encoding=3, size=0)],
)  # fmt: skip
def test_the_invalid_twin_is_refused(data: bytes) -> None:
    with pytest.raises(NgError):
        read_au(data)


@given(st.binary(max_size=100))
def test_no_octets_do_worse_than_be_refused(data: bytes) -> None:
    try:
        read_au(b".snd" + data)
    except NgError:
        pass
