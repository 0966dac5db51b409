"""Whom we believe, laid beside the figure in `latch`."""

from callcenter.domain.units import MILLISECOND
from callcenter.media.latch import Latch

PHONE = ("192.0.2.1", 4000)
NAT = ("198.51.100.7", 6000)
ATTACKER = ("203.0.113.9", 7000)
FRAME = 20 * MILLISECOND


def latch(learning: bool = True) -> Latch:
    made = Latch(learning=learning)
    made.advertise(PHONE)
    return made


def speak(what: Latch, who: tuple[str, int], packets: int, ssrc: int = 1, since: int = 0) -> bool:
    said = [
        who == what.source or what.admit(who, ssrc, n, since + n * FRAME) for n in range(packets)
    ]
    return said[-1]


def test_the_address_in_the_sdp_is_believed_at_once() -> None:
    it = latch()
    assert speak(it, PHONE, 1)
    assert it.source == PHONE


def test_a_phone_behind_nat_is_learned_after_four_packets_of_one_stream() -> None:
    it = latch()
    assert not speak(it, NAT, 3)
    assert it.destination == PHONE
    assert speak(it, NAT, 4, since=1000 * FRAME)
    assert it.destination == NAT


def test_packets_out_of_sequence_or_of_many_streams_teach_nothing() -> None:
    it = latch()
    assert not any(it.admit(NAT, 1, n * 7, n * FRAME) for n in range(20))
    assert not any(it.admit(NAT, n, n, n * FRAME) for n in range(20))


def test_four_packets_spread_over_too_long_a_time_teach_nothing() -> None:
    it = latch()
    assert not any(it.admit(NAT, 1, n, n * 10 * FRAME) for n in range(20))


def test_once_latched_nobody_else_is_heard() -> None:
    it = latch()
    speak(it, PHONE, 1)
    assert not speak(it, ATTACKER, 50)
    assert it.source == PHONE


def test_an_attacker_who_was_faster_loses_to_the_phone() -> None:
    it = latch()
    assert speak(it, ATTACKER, 4)
    assert speak(it, PHONE, 4, ssrc=2)
    assert it.source == PHONE
    assert not speak(it, ATTACKER, 50)


def test_the_same_sdp_again_keeps_what_was_learned() -> None:
    it = latch()
    speak(it, NAT, 4)
    it.advertise(PHONE)
    assert it.source == NAT


def test_another_address_in_the_sdp_opens_the_latch() -> None:
    it = latch()
    speak(it, PHONE, 1)
    it.advertise(("192.0.2.1", 4002))
    assert it.source is None
    assert it.destination == ("192.0.2.1", 4002)


def test_our_own_side_learns_nothing() -> None:
    it = latch(learning=False)
    assert it.source == PHONE
    assert not speak(it, NAT, 50)


def test_before_any_sdp_nobody_is_heard() -> None:
    assert not speak(Latch(learning=True), NAT, 50)
