"""A leg that turns out to be a fax: its calling tone is told, its T.38 is passed through."""

import numpy as np

from callcenter.domain.units import MILLISECOND
from callcenter.media.g711 import linear_to_ulaw
from callcenter.media.leg import Leg
from callcenter.media.rtp import PLAIN
from callcenter.media.side import FaxHeard
from tests.media.house import FRAME, House, describe

WORKER = ("10.0.0.1", 40_000)
"""Where the fax worker is: our machine, no port of the engine."""
TONE = bytes(
    linear_to_ulaw(int(8000 * np.sin(2 * np.pi * 1100 * n / 8000))) for n in range(160 * 25)
)
DATAGRAM = bytes.fromhex("0000 01 00 00 00")


def image(host: str, port: int) -> str:
    return (
        f"v=0\r\no=- 7 2 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=image {port} udptl t38\r\na=T38FaxVersion:0\r\n"
    )


def switched(house: House) -> Leg:
    """A call that went over to T.38 at the wish of its phone."""
    leg = house.caller()
    tags = {"from_tag": "leg", "to_tag": "in"}
    assert house.ask("offer", **tags, sdp=image("192.0.2.1", 4000))["result"] == "ok"
    reply = house.ask("answer", **tags, sdp=image(*WORKER))
    assert f"m=image {leg.phone.port} udptl t38" in reply["sdp"]
    return leg


def test_a_calling_tone_is_told_once() -> None:
    house = House()
    leg = house.caller()
    for n in range(25):
        house.say(leg, n, TONE[n * 160 : n * 160 + 160])
        house.now += FRAME
    assert house.engine.facts == [FaxHeard("L1")]


def test_nobody_listens_for_a_fax_at_a_phone_that_we_called() -> None:
    house = House()
    leg = house.agent()
    for n in range(25):
        house.say(leg, n, TONE[n * 160 : n * 160 + 160])
    assert house.engine.facts == []


def test_t38_is_passed_through_untouched_both_ways() -> None:
    house = House()
    leg = switched(house)
    packet = bytearray(2048)
    for side, source, to in (
        (leg.phone, ("192.0.2.1", 4000), leg.inner),
        (leg.inner, WORKER, leg.phone),
    ):
        packet[: len(DATAGRAM)] = DATAGRAM
        assert side.receive(packet, len(DATAGRAM), source, house.now) == len(DATAGRAM)
        assert packet[: len(DATAGRAM)] == DATAGRAM
        assert side.to is to
    assert leg.inner.address == WORKER


def test_a_stranger_cannot_speak_into_a_fax() -> None:
    house = House()
    leg = switched(house)
    packet = bytearray(2048)
    packet[: len(DATAGRAM)] = DATAGRAM
    assert not leg.phone.receive(packet, len(DATAGRAM), ("203.0.113.9", 4000), house.now)
    assert not leg.inner.receive(packet, len(DATAGRAM), ("10.0.0.1", 40_002), house.now)
    assert house.engine.drops.stray == 2


def test_a_datagram_that_is_too_short_or_too_long_is_dropped() -> None:
    house = House()
    leg = switched(house)
    source = ("192.0.2.1", 4000)
    assert not leg.phone.receive(bytearray(2048), 2, source, house.now)
    assert not leg.phone.receive(bytearray(2048), 1501, source, house.now)


def test_a_fax_in_t38_is_played_nothing_and_never_called_silent() -> None:
    house = House()
    leg = house.caller()
    house.ask("play media", from_tag="leg", file="/prompt.au")
    house.say(leg, 1)
    tags = {"from_tag": "leg", "to_tag": "in"}
    house.ask("offer", **tags, sdp=image("192.0.2.1", 4000))
    house.ask("answer", **tags, sdp=image(*WORKER))
    house.now += 60_000 * MILLISECOND
    leg.tick(house.now, silence_seconds=10)
    assert house.hear(leg) == b""
    assert house.engine.facts == []


def test_a_refused_fax_goes_back_to_its_voice() -> None:
    house = House()
    leg = switched(house)
    tags = {"from_tag": "leg", "to_tag": "in"}
    house.ask("offer", **tags, sdp=describe(4000))
    house.ask("answer", **tags, sdp=describe(40_000, host="10.0.0.1"))
    assert leg.phone.codec == 0
    sent = house.say(leg, 5)
    assert sent[0] == PLAIN
    assert len(sent) == 172


def test_a_phone_that_offers_voice_and_fax_at_once_is_answered_in_voice() -> None:
    house = House()
    both = describe(4000) + "m=image 4002 udptl t38\r\n"
    house.ask("offer", from_tag="leg", sdp=both)
    reply = house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(9))
    assert "m=audio 3" in reply["sdp"]
    assert "m=image 0 udptl t38" in reply["sdp"]
