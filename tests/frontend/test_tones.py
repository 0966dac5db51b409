"""Keys as tones: only of a trunk that needs it, and of a phone that can send no events."""

from __future__ import annotations

from callcenter.frontend.turn import MediaRestarted, Trunk
from tests.frontend.world import Phone, World, configured


def dials(world: World, name: str, *, events: bool, inband: bool = True) -> Phone:
    caller = world.phone(name)
    trunk = Trunk(name="old", addresses=frozenset({caller.flow.local}), inband_digits=inband)
    world.feed(configured(world.center)._replace(trunks=(trunk,)))
    sdp = caller.sdp()
    if not events:
        lines = [line for line in sdp.split(b"\r\n") if b"101 " not in line]
        sdp = b"\r\n".join(lines).replace(b"RTP/AVP 0 8 101", b"RTP/AVP 0 8")
    caller.dial("+15550100", sdp=sdp)
    assert caller.story == ["answered"]
    return caller


def listened(world: World) -> int:
    return sum(message["command"] == "detect tones" for message in world.media.asked)


def test_a_line_without_events_is_listened_to_where_its_trunk_says_so() -> None:
    world = World()
    dials(world, "able", events=True)
    assert listened(world) == 0
    dials(world, "plain", events=False, inband=False)
    assert listened(world) == 0
    dials(world, "old", events=False)
    assert listened(world) == 1


def test_an_engine_that_comes_back_is_asked_again() -> None:
    world = World()
    dials(world, "old", events=False)
    world.feed(MediaRestarted())
    assert listened(world) == 2
