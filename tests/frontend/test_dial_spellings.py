"""A premium number in ten thousand spellings: the trunk that would pay for it hears of none."""

from __future__ import annotations

from random import Random

import pytest

from callcenter.domain.center import DialRule
from callcenter.frontend.dialling import Road, road_to
from callcenter.frontend.turn import Trunk
from callcenter.sip.flow import Flow
from tests.frontend.test_outside import may_dial
from tests.frontend.test_transfer import refer, talking
from tests.frontend.world import World

PREMIUM = ("19005550199", "19765550199", "447000123456", "2125550199123", "900123456", "0900123456")
SPELLINGS = 10_000
DIALLED, REFERRED, REDIRECTED = 2_500, 7_000, 500
CANARY = Flow("udp", ("192.0.2.1", 5060), ("203.0.113.66", 5060))
DIGITS = {
    "arabic": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    "full width": {ord("0") + n: 0xFF10 + n for n in range(10)},
    "superscript": str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"),
}
BEFORE = ("", "+", "00", "011", "++", "+00", "0011", "tel:+", "tel:", "sip:", "sip:+", "+ ", " +", "%2B",
          "%2b", "+1", "+1555", "+15550100,", "9,", "9", "*67", "#31#", "\t", "\0", "(", "-")  # fmt: skip
AFTER = ("", ";phone-context=+1555", ";phone-context=example.com", ";isub=1", ";ext=5", "@evil.test",
         "@callcenter", "?Route=%3Csip:x%3E", ";user=phone", ",,1", "#", "*", "w1", "%00", "%0d%0a", "\r\n",
         " ", ">", ";npdi;rn=+15550100", "&", ";transport=tcp", ";maddr=203.0.113.66", "\u202e")  # fmt: skip


def spelled(chance: Random) -> str:
    """One spelling of one premium number."""
    number = chance.choice(PREMIUM)
    if not chance.randrange(4):
        at = chance.randrange(len(number))
        number = number[:at] + chance.choice("-. ()/_%,;\u00a0\u2010") + number[at:]
    if not chance.randrange(5):
        number = number.translate(chance.choice(list(DIGITS.values())))
    if not chance.randrange(8):
        number = "".join(f"%{ord(one):02x}" for one in number)
    return chance.choice(BEFORE) + number + chance.choice(AFTER)


def world_with(*trunks: Trunk) -> World:
    world = World("ana", ready=False)
    world.frontend.hands.config = world.frontend.hands.config._replace(trunks=trunks)
    return world


def trunk(name: str, *dial: str, deny: tuple[str, ...] = ()) -> Trunk:
    return Trunk(name=name, address="203.0.113.66:5060", flow=CANARY, dial=dial, deny=deny)


def test_no_spelling_of_a_premium_number_finds_a_road() -> None:
    hands = world_with(trunk("national", "+1555", "+34"), trunk("nothing")).frontend.hands
    chance, found = Random(1), []
    for _ in range(SPELLINGS):
        text = spelled(chance)
        road = road_to(hands, text)
        if road is not None:
            found.append((text, road.number))
    assert [row for row in found if not row[1].startswith(("+1555", "+34"))] == []
    assert all(number.removeprefix("+").isdigit() for _, number in found)


def test_what_is_denied_is_denied_however_it_is_spelled_and_wherever_it_is_allowed() -> None:
    deny = ("+1900", "+1976", "+447", "+212", "0900", "900", "1900", "1976", "447", "212", "9")
    hands = world_with(trunk("world", "+", "0", "1", "4", "2", deny=deny)).frontend.hands
    chance = Random(2)
    for _ in range(SPELLINGS):
        road = road_to(hands, spelled(chance))
        assert road is None or not road.number.startswith(deny), road


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("+15551234", True),
        ("+19001234", False),
        ("+19011234", True),
        ("+1900", False),
        ("+441", False),
    ],
)
def test_the_longest_beginning_decides(number: str, may: bool) -> None:
    hands = world_with(trunk("t", "+1", deny=("+1900",))).frontend.hands
    assert isinstance(road_to(hands, number), Road) == may


def test_what_is_dialled_is_written_in_digits_alone() -> None:
    hands = world_with(trunk("t", "+1555")).frontend.hands
    road = road_to(hands, "+1 (555) 010-0199")
    assert road is not None
    assert road.number == "+15550100199"


ALLOWED = "+34"
"""What agents may call: everything that the canary is sent must begin so."""


def center_that_dials(*agents: str) -> World:
    """Agents who may call `ALLOWED`, by a trunk that would dial anything."""
    world, _ = talking(*agents)
    may_dial(world, rule=DialRule(name="office", allow=(ALLOWED,)))
    canary = trunk("canary", "+", "0", "1", "2", "4", "9")
    world.frontend.hands.config = world.frontend.hands.config._replace(trunks=(canary,))
    return world


def paid_for(world: World) -> list[bytes]:
    """What the canary was sent, but for the numbers that may be called."""
    lines = (data.split(b"\r\n", 1)[0] for data in world.packets.get(CANARY.remote[0], ()))
    return [line for line in lines if f" sip:{ALLOWED}".encode() not in line]


def as_user(text: str) -> str:
    """A spelling as it can stand in a request at all."""
    return "".join(c for c in text if c.isascii() and c.isprintable() and c not in ' "<>')


def test_no_spelling_dialled_at_a_phone_reaches_the_canary() -> None:
    world, chance = center_that_dials("ana", "ben"), Random(3)
    ben = world.agents["ben"]
    for _ in range(DIALLED):
        ben.dial(as_user(spelled(chance)))
    assert paid_for(world) == []
    assert ben.story[-1].startswith("rejected")


def test_no_spelling_in_a_refer_reaches_the_canary() -> None:
    world, chance = center_that_dials("ana"), Random(4)
    ana = world.agents["ana"]
    for _ in range(REFERRED):
        number = spelled(chance)
        to = chance.choice(("<sip:{}@callcenter>", "<sip:{}@203.0.113.66:5060>", "<tel:{}>", "sip:{}",
                            "<sip:{}@evil.test;method=INVITE>", "<sips:{}@callcenter>"))  # fmt: skip
        refer(world, ana, to.format("".join(c for c in number if c not in "\r\n\0")))
    assert sum(line.startswith("REFER ") for line in ana.story) == REFERRED
    assert paid_for(world) == []
    assert ana.call is not None


def test_no_spelling_in_a_redirection_reaches_the_canary() -> None:
    """The provider answers 302 and names a number: nobody follows it."""
    world, chance = (
        may_dial(World("ana"), rule=DialRule(name="office", allow=("+1555",))),
        Random(5),
    )
    canary = trunk("canary", "+", "0", "1", "2", "4", "9")
    trunks = (*world.frontend.hands.config.trunks, canary)
    world.frontend.hands.config = world.frontend.hands.config._replace(trunks=trunks)
    provider, ana = world.trunk("is busy"), world.agents["ana"]
    for _ in range(REDIRECTED):
        provider.redirects = f"<sip:{as_user(spelled(chance))}@203.0.113.66:5060>"
        ana.dial("+15550777")
        assert ana.story[-1] == "rejected 503"
    assert world.packets.get(CANARY.remote[0], []) == []
