"""One unbroken stream, whoever speaks on it."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.units import MILLISECOND, SECOND
from callcenter.media.line import Line

FRAME = 20 * MILLISECOND
HEADER = struct.Struct(">BBHII")


class Ear:
    """What a phone would note of the stream."""

    def __init__(self) -> None:
        self.line = Line(77, 65_530, 0xFFFFFF00)
        self.packet = bytearray(172)
        self.heard: list[tuple[int, int, int, int]] = []
        self.now = SECOND

    def ours(self, marker: bool = False) -> None:
        self.line.write(self.packet, 0, marker, self.now)
        self._note()

    def theirs(self, sequence: int, timestamp: int, origin: object, ssrc: int = 5) -> bool:
        numbers = (sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        carried = self.line.carry(self.packet, 0, *numbers, origin, 160, self.now)
        if carried:
            self._note()
        return carried

    def event(self, sequence: int, timestamp: int, origin: object, ssrc: int = 5) -> bool:
        fields = (sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        carried = self.line.carry_event(self.packet, 101, fields, origin, self.now)
        if carried:
            self._note()
        return carried

    def _note(self) -> None:
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(self.packet)
        assert (first, ssrc) == (0x80, 77)
        self.heard.append((second, sequence, timestamp, self.now))
        self.now += FRAME

    def steps(self) -> list[tuple[int, int]]:
        """Steps of sequence and timestamp from packet to packet."""
        pairs = zip(self.heard, self.heard[1:], strict=False)
        return [((b[1] - a[1]) & 0xFFFF, (b[2] - a[2]) & 0xFFFFFFFF) for a, b in pairs]


def test_prompt_then_caller_then_music_is_one_even_stream() -> None:
    ear, agent = Ear(), object()
    for _ in range(20):
        ear.ours()
    for n in range(20):
        ear.theirs(9000 + n, 123_456_789 + 160 * n, agent)
    for _ in range(20):
        ear.ours()
    assert set(ear.steps()) == {(1, 160)}


def test_the_marker_is_set_where_the_speaker_changes_and_only_there() -> None:
    ear, agent = Ear(), object()
    ear.ours(marker=True)
    ear.ours()
    ear.theirs(1, 160, agent)
    ear.theirs(2, 320, agent)
    ear.ours()
    ear.ours()
    assert [second >> 7 for second, *_ in ear.heard] == [1, 0, 1, 0, 1, 0]


def test_a_packet_lost_before_us_is_a_hole_the_phone_can_see() -> None:
    ear, agent = Ear(), object()
    for n in (1, 2, 5, 6):
        ear.theirs(n, n * 160, agent)
    assert ear.steps() == [(1, 160), (3, 480), (1, 160)]


def test_packets_out_of_order_keep_their_places() -> None:
    ear, agent = Ear(), object()
    for n in (1, 2, 4, 3, 5):
        assert ear.theirs(n, n * 160, agent)
    places = [sequence for _, sequence, *_ in ear.heard]
    assert [(p - places[0]) & 0xFFFF for p in places] == [0, 1, 3, 2, 4]


def test_a_duplicate_is_not_sent_twice() -> None:
    ear, agent = Ear(), object()
    assert ear.theirs(1, 160, agent)
    assert not ear.theirs(1, 160, agent)


def test_a_packet_from_before_the_splice_is_not_sent() -> None:
    ear, agent = Ear(), object()
    ear.theirs(100, 16_000, agent)
    assert not ear.theirs(98, 16_000 - 320, agent)


def test_a_timestamp_that_leaps_never_reaches_the_phone() -> None:
    ear, agent = Ear(), object()
    ear.theirs(1, 160, agent)
    ear.theirs(2, 300_000_000, agent)
    ear.theirs(3, 300_000_160, agent)
    assert set(ear.steps()) == {(1, 160)}


def test_a_sender_that_restarts_with_another_ssrc_goes_on_in_place() -> None:
    ear, agent = Ear(), object()
    ear.theirs(1, 160, agent, ssrc=5)
    ear.theirs(40_000, 9_999_999, agent, ssrc=6)
    assert ear.steps() == [(1, 160)]


def test_a_long_pause_of_ours_passes_on_the_timestamp_within_five_seconds() -> None:
    ear = Ear()
    ear.ours()
    ear.now += 2 * SECOND
    ear.ours()
    ear.now += 3600 * SECOND
    ear.ours()
    assert ear.steps() == [(1, 160 + 16_000), (1, 160 + 39_840)]


def test_events_keep_their_timestamp_and_audio_goes_on_after_them() -> None:
    ear, agent = Ear(), object()
    ear.theirs(1, 160, agent)
    for n in range(5):
        assert ear.event(2 + n, 320, agent)
    ear.theirs(7, 320 + 5 * 160, agent)
    assert ear.steps() == [(1, 160)] + [(1, 0)] * 4 + [(1, 800)]


def test_an_event_that_claims_another_time_is_not_sent() -> None:
    ear, agent = Ear(), object()
    ear.theirs(1, 160, agent)
    assert not ear.event(2, 160 + 9000, agent)
    assert not ear.event(2, 160 - 90_000, agent)


def test_a_packet_the_phone_cannot_take_leaves_no_hole() -> None:
    ear, agent = Ear(), object()
    ear.theirs(1, 160, agent)
    ear.line.skip()
    ear.theirs(3, 480, agent)
    assert ear.steps() == [(1, 320)]


def test_after_a_restart_the_stream_goes_on_ahead_of_what_was_sent() -> None:
    ear = Ear()
    for _ in range(10):
        ear.ours()
    noted = ear.heard[4]
    line = Line(77, noted[1], (noted[2] + 160) & 0xFFFFFFFF)
    line.resume(6 * FRAME)
    packet = bytearray(172)
    line.write(packet, 0, True, ear.now)
    _, _, sequence, timestamp, _ = HEADER.unpack_from(packet)
    assert 0 < (sequence - ear.heard[-1][1]) & 0xFFFF < 10
    assert 0 < (timestamp - ear.heard[-1][2]) & 0xFFFFFFFF < 8000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ours", "theirs", "event"]),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
def test_whatever_senders_claim_the_phone_sees_no_timestamp_leap(
    inputs: list[tuple[str, int, int, int]],
) -> None:
    ear, origins = Ear(), [object() for _ in range(4)]
    ear.ours()
    for kind, sequence, timestamp, who in inputs:
        if kind == "ours":
            ear.ours()
        elif kind == "theirs":
            ear.theirs(sequence, timestamp, origins[who], ssrc=who)
        else:
            ear.event(sequence, timestamp, origins[who], ssrc=who)
    first = ear.heard[0][2]
    furthest = 0
    for _, _, timestamp, now in ear.heard:
        place = (timestamp - first + 0x80000000) & 0xFFFFFFFF
        furthest = max(furthest, place - 0x80000000)
        assert place - 0x80000000 <= (now - ear.heard[0][3]) * 8 // 1000 + 8000 * (len(ear.heard))
    assert furthest <= len(ear.heard) * 8160
