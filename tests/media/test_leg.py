"""What a phone hears: the file first, then the other party, then silence."""

import itertools
import struct

from callcenter.domain.units import SECOND
from callcenter.media.leg import PACKET, Finished, Playback, Spoke, WentSilent
from callcenter.media.prompts import from_samples
from callcenter.media.side import DigitPressed
from tests.media.house import FRAME, House, describe


def test_a_phone_that_sends_hears_silence_without_a_pause() -> None:
    house = House()
    leg = house.caller()
    house.say(leg, 1)
    packets = [house.hear(leg) for _ in range(5)]
    assert {packet[12:] for packet in packets} == {b"\xff" * 160}
    assert {b[3] - a[3] for a, b in itertools.pairwise(packets)} == {1}


def test_a_phone_that_sends_nothing_gets_only_what_keeps_the_way_open() -> None:
    house = House()
    leg = house.caller()
    assert [house.hear(leg) for _ in range(5)] == [b""] * 5
    packet = bytearray(PACKET)
    assert leg.keep_alive(packet, house.now) == PACKET
    assert packet[12:] == b"\xff" * 160
    house.ask("play media", from_tag="leg", file="/prompt.au")
    assert leg.keep_alive(packet, house.now) == 0


def test_a_phone_that_was_not_answered_hears_nothing() -> None:
    house = House()
    house.ask("offer", from_tag="leg", sdp=describe(4000))
    assert house.hear(house.engine.legs["L1"]) == b""


def test_a_file_plays_to_its_end_and_that_is_told_once() -> None:
    house = House()
    leg = house.caller()
    house.say(leg, 1)
    house.ask("play media", from_tag="leg", file="/prompt.au")
    heard = [house.hear(leg)[12] for _ in range(5)]
    assert heard == [0x10, 0x10, 0x10, 0xFF, 0xFF]
    assert house.engine.facts == [Finished("L1", "/prompt.au", 1)]


def test_a_file_begins_with_the_marker() -> None:
    house = House()
    leg = house.caller()
    house.hear(leg)
    house.ask("play media", from_tag="leg", file="/prompt.au")
    assert [house.hear(leg)[1] >> 7 for _ in range(3)] == [1, 0, 0]


def test_a_file_repeats_as_often_as_asked() -> None:
    house = House()
    leg = house.caller()
    house.ask("play media", from_tag="leg", file="/prompt.au", repeat_times=3)
    heard = [house.hear(leg)[12] for _ in range(10)]
    assert heard == [0x10] * 9 + [0xFF]


def test_a_new_file_replaces_the_old_one_without_telling_its_end() -> None:
    house = House()
    leg = house.caller()
    house.files["/other.au"] = from_samples(b"\x11" * 160, 1)
    house.ask("play media", from_tag="leg", file="/prompt.au")
    house.hear(leg)
    house.ask("play media", from_tag="leg", file="/other.au")
    assert house.hear(leg)[12] == 0x11
    house.hear(leg)
    assert house.engine.facts == [Finished("L1", "/other.au", 2)]


def test_the_other_party_is_heard_as_soon_as_she_speaks_and_we_fall_silent() -> None:
    house = House()
    one, other = house.bridge()
    house.say(one, 1)
    assert house.hear(one)[12:] == b"\xff" * 160
    assert house.say(other, 1)[12:] == b"\x20" * 160
    assert house.hear(one) == b""


def test_a_file_is_heard_instead_of_the_other_party() -> None:
    house = House()
    one, other = house.bridge()
    house.ask("play media", from_tag="leg", file="/prompt.au")
    assert house.say(other, 1) == b""
    assert house.hear(one)[12] == 0x10


def test_silence_fills_in_when_the_other_party_stops_sending() -> None:
    house = House()
    one, other = house.bridge()
    house.say(one, 1)
    house.say(other, 1)
    heard = [house.hear(one) for _ in range(8)]
    assert heard[:5] == [b""] * 5
    assert heard[5][12:] == b"\xff" * 160


def test_laws_are_converted_on_the_way() -> None:
    house = House()
    one = house.caller(formats="0 101")
    other = house.agent(far=one.inner.port, formats="8 101")
    house.connect(one, far=other.inner.port)
    packet = house.say(one, 1, b"\xff" * 160)
    assert (packet[1] & 0x7F, packet[12:]) == (8, b"\xd5" * 160)


def test_keys_are_told_with_the_leg_they_came_from() -> None:
    house = House()
    leg = house.caller()
    house.say(leg, 1, struct.pack("!BBH", 5, 0x80, 800), second=101)
    (fact,) = house.engine.facts
    assert isinstance(fact, DigitPressed)
    assert (fact.call_id, fact.press.event, fact.press.duration_ms) == ("L1", 5, 100)


def test_keys_are_not_passed_to_a_phone_that_did_not_agree_to_them() -> None:
    house = House()
    one = house.caller()
    other = house.agent(far=one.inner.port, formats="0")
    house.connect(one, far=other.inner.port)
    house.say(one, 1)
    assert house.say(one, 2, struct.pack("!BBH", 5, 0x80, 800), second=101) == b""
    assert house.say(one, 3)[3] == 7  # 5 was drawn, then 6 for the first: no hole is left


def test_silence_is_told_once_and_so_is_its_end() -> None:
    house = House()
    leg = house.caller()
    for seconds in (0, 9, 10, 11, 300):
        leg.tick(house.now + seconds * SECOND, 10)
    house.now += 301 * SECOND
    house.say(leg, 1)
    leg.tick(house.now, 10)
    leg.tick(house.now, 10)
    assert house.engine.facts == [WentSilent("L1", 10), Spoke("L1")]


def test_a_phone_that_said_it_would_not_send_is_not_missed() -> None:
    house = House()
    leg = house.caller()
    house.ask("offer", from_tag="leg", to_tag="in", sdp=describe(4000, direction="recvonly"))
    leg.tick(house.now + 60 * SECOND, 10)
    assert house.engine.facts == []


def test_after_a_restart_a_file_is_where_it_would_be_by_now() -> None:
    audio = from_samples(b"\x10" * 1600, 1)
    playback = Playback("/x.au", audio, 3, 8, 1)
    playback.advance(5)
    assert (playback.plays_left, playback.position) == (2, 3)
    playback.advance(100)
    assert playback.next(0) is None


def test_all_phones_share_the_octets_of_a_file() -> None:
    house = House()
    legs = [house.caller(f"L{n}") for n in range(3)]
    for leg in legs:
        house.ask("play media", leg.call_id, from_tag="leg", file="/prompt.au", repeat_times=99)
    audios = {id(leg.playback.audio) for leg in legs if leg.playback}
    assert len(audios) == 1
    assert FRAME == 20_000
