"""Whose audio is encrypted: what phones are offered, what is taken of them, and who is told no."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from callcenter.domain.termination import Reason
from callcenter.frontend.endings import ending
from callcenter.frontend.media_leg import lines_in
from callcenter.frontend.secrecy import Policy, Rule, rule_of, take
from callcenter.sip.flow import Flow, Transport
from callcenter.sip.sdp import Media, Sdp, audio_media, build_audio, is_held, parse_sdp
from tests.frontend.test_outside import OUTSIDE, may_dial
from tests.frontend.world import (
    OUR_KEYS,
    OUR_WEB,
    SERVER,
    THEIR_KEY,
    TRUNK,
    TRUNK_HOST,
    Phone,
    World,
)

NUMBER = "+15550100"
SAVP, AVP = "RTP/SAVP", "RTP/AVP"
ALLOWED = Rule(Policy.OPTIONAL, is_secret=True)


def calls(world: World, transport: Transport, protocol: str, *keys: str, host: str = "") -> Phone:
    """A caller dials in."""
    caller = world.phone("caller", transport=transport, host=host)
    caller.protocol, caller.keys = protocol, keys
    caller.dial(NUMBER)
    return caller


def audio(sdp: bytes | None) -> Media:
    """The audio line of a description."""
    found = audio_media(parse_sdp(sdp or b""))
    assert found is not None
    return found


def keys_of(media: Media) -> list[str]:
    return [f"{name}:{value}" for name, value in media.attributes if name == "crypto"]


def told(phone: Phone) -> Media:
    """What the phone was told last."""
    assert phone.call
    return audio(phone.call.remote_sdp)


def refusal(world: World) -> tuple[str, str]:
    """Status and Warning of the last refusal."""
    last = next(m.decode() for m in reversed(world.sent) if m.startswith(b"SIP/2.0 488"))
    warning = next((li for li in last.split("\r\n") if li.startswith("Warning: ")), "")
    return last.split(" ", 2)[1], warning.removeprefix("Warning: ")


# ---- callers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["optional", "required"])
@pytest.mark.parametrize("protocol", [SAVP, AVP])
@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_keys_that_came_by_a_secret_road_are_answered_with_ours(
    policy: str, protocol: str, transport: Transport
) -> None:
    world = World(rules={"srtp": policy})
    caller = calls(world, transport, protocol, THEIR_KEY)
    assert "answered" in caller.story
    assert told(caller).protocol == protocol
    assert keys_of(told(caller)) == [OUR_KEYS[0]]
    offered = world.media.asked[0]
    assert (offered["transport-protocol"], offered["OSRTP"]) == (AVP, ["accept"])


@pytest.mark.parametrize(
    ("policy", "transport", "protocol", "keys", "reason"),
    [
        ("required", "tls", AVP, (), Reason.ENCRYPTION_REQUIRED),
        ("required", "udp", SAVP, (THEIR_KEY,), Reason.ENCRYPTION_REQUIRED),
        ("required", "tcp", AVP, (THEIR_KEY,), Reason.ENCRYPTION_REQUIRED),
        ("optional", "udp", SAVP, (THEIR_KEY,), Reason.ENCRYPTION_REFUSED),
        ("off", "tls", SAVP, (THEIR_KEY,), Reason.ENCRYPTION_REFUSED),
        ("optional", "tls", SAVP, (), Reason.ENCRYPTION_REFUSED),
    ],
)
def test_who_cannot_be_served_is_told_why(
    policy: str, transport: Transport, protocol: str, keys: tuple[str, ...], reason: Reason
) -> None:
    world = World(rules={"srtp": policy})
    caller = calls(world, transport, protocol, *keys)
    row = ending(reason)
    status, warning = refusal(world)
    assert caller.story[-1] == "rejected 488"
    assert (status, warning) == ("488", f'302 callcenter "{row.warning[4:]}"')
    assert world.ended[-1].label == row.label
    assert OUR_KEYS[0].encode() not in b"".join(world.sent)
    assert world.leaks() == []


@pytest.mark.parametrize(("policy", "transport"), [("off", "tls"), ("optional", "udp")])
def test_where_keys_may_not_be_used_plain_audio_is_taken_and_the_keys_are_not_even_kept(
    policy: str, transport: Transport
) -> None:
    world = World(rules={"srtp": policy})
    caller = calls(world, transport, AVP, THEIR_KEY)
    assert "answered" in caller.story
    assert keys_of(told(caller)) == []
    assert THEIR_KEY not in str(world.media.asked)
    assert "transport-protocol" not in world.media.asked[0]


def test_an_offer_is_left_to_us_and_holds_keys_where_they_are_safe() -> None:
    for transport, expected in (("tls", list(OUR_KEYS)), ("udp", [])):
        world = World()
        caller = world.phone("caller", transport=transport)  # type: ignore[arg-type]
        caller.dial(NUMBER, sdp=None)
        assert keys_of(told(caller)) == expected


# ---- agents --------------------------------------------------------------------------------------


def rings(world: World) -> Phone:
    """A caller waits, and the agent's phone rings."""
    caller = calls(world, "tls", SAVP, THEIR_KEY)
    world.said(caller)
    caller.press("1")
    return caller


@pytest.mark.parametrize(("policy", "protocol"), [("optional", AVP), ("required", SAVP)])
def test_a_phone_on_tls_is_offered_what_the_policy_says(policy: str, protocol: str) -> None:
    world = World("anna", rules={"srtp": policy}, transport="tls")
    anna = world.agents["anna"]
    anna.protocol, anna.keys = protocol, (THEIR_KEY,)
    caller = rings(world)
    assert told(anna).protocol == protocol
    assert keys_of(told(anna)) == list(OUR_KEYS)
    anna.answer()
    assert world.hears(caller) == world.leg_of(anna)
    assert world.story_of(caller).talk.media.record.encrypted


def test_a_phone_that_may_not_be_sent_keys_is_offered_none() -> None:
    world = World("anna")
    rings(world)
    assert told(world.agents["anna"]).protocol == AVP
    assert keys_of(told(world.agents["anna"])) == []


def test_a_phone_that_insists_is_asked_once_more_and_talks_encrypted() -> None:
    world = World("anna", transport="tls")
    anna = world.agents["anna"]
    anna.mood = "insists"
    caller = rings(world)
    assert anna.story[-2:] == ["rings", "rings"]
    assert told(anna).protocol == SAVP
    anna.protocol, anna.keys = SAVP, (THEIR_KEY,)
    anna.answer()
    assert world.hears(caller) == world.leg_of(anna)


def test_a_phone_that_refuses_twice_is_not_asked_again() -> None:
    world = World("anna", transport="tls")
    world.agents["anna"].mood = "rejects:488"
    rings(world)
    assert world.agents["anna"].story.count("rings") == 2


def test_where_it_is_required_a_phone_that_answers_plain_has_not_answered() -> None:
    world = World("anna", rules={"srtp": "required"}, transport="tls")
    caller = rings(world)
    anna = world.agents["anna"]
    anna.answer()
    assert anna.story[-1] == "hung up on"
    assert world.hears(caller) == "default"


def test_where_it_is_required_a_phone_without_tls_cannot_register_and_never_rings() -> None:
    world = World("anna", rules={"srtp": "required"})
    anna = world.agents["anna"]
    assert anna.story == ["REGISTER 403"]
    refused = next(m.decode() for m in world.sent if b"403" in m.split(b"\r\n")[0])
    assert "\r\nWarning: 302 callcenter" in refused
    assert world.frontend.phones.rejected["unencrypted"] == 1
    rings(world)
    world.wait(10)
    assert "rings" not in anna.story


def test_a_phone_that_registered_before_it_was_required_does_not_ring() -> None:
    world = World("anna")
    world._rules = {"srtp": "required"}
    world.restart()
    rings(world)
    assert "rings" not in world.agents["anna"].story


# ---- the call goes on ----------------------------------------------------------------------------


def encrypted_call() -> tuple[World, Phone]:
    world = World(rules={"srtp": "required"})
    caller = calls(world, "tls", SAVP, THEIR_KEY)
    world.run()
    return world, caller


def test_after_a_restart_the_phone_is_told_the_same_keys_again() -> None:
    world, caller = encrypted_call()
    world.restart()
    caller.hold()
    assert caller.story[-1] == "reinvited"
    assert keys_of(told(caller)) == [OUR_KEYS[0]]
    again = next(asked for asked in reversed(world.media.asked) if asked["command"] == "answer")
    assert again["transport-protocol"] == SAVP


def test_a_call_that_must_be_encrypted_cannot_be_made_plain() -> None:
    world, caller = encrypted_call()
    caller.protocol, caller.keys = AVP, ()
    caller.hold("sendrecv")
    assert caller.story[-1] == "reinvite 488"
    assert refusal(world)[1].startswith("302 callcenter")


def test_an_engine_that_knows_none_of_the_suites_is_no_fault_of_ours() -> None:
    world, caller = encrypted_call()
    world.media.refuses, world.media.why = "offer", "The SDP holds no crypto suite that we know"
    caller.hold()
    assert caller.story[-1] == "reinvite 488"


# ---- IPv6 ----------------------------------------------------------------------------------------


def test_a_phone_on_ipv6_is_told_an_address_there() -> None:
    world = World(rules={"media_v6": True})
    caller = calls(world, "udp", AVP, host="2001:db8::5")
    assert told(caller).connection == "2001:db8::9"
    assert world.media.asked[0]["address-family"] == "IP4"
    assert world.media.asked[1]["address-family"] == "IP6"


def test_an_agents_phone_on_ipv6_is_offered_an_address_there_and_others_are_not() -> None:
    world = World("anna", rules={"media_v6": True})
    anna = world.phone("anna", host="2001:db8::6")
    world.agents["anna"] = anna
    anna.register()
    caller = rings(world)
    assert told(anna).connection == "2001:db8::9"
    anna.answer()
    assert world.hears(caller) == world.leg_of(anna)


def test_without_an_address_on_ipv6_phones_are_told_the_other() -> None:
    world = World("anna")
    anna = world.phone("anna", host="2001:db8::6")
    anna.register()
    rings(world)
    assert told(anna).connection == "192.0.2.9"


# ---- the table -----------------------------------------------------------------------------------


def lines(*each: tuple[str, bool]) -> Sdp:
    """Audio lines as (protocol, whether it has a key)."""
    media = tuple(
        build_audio("192.0.2.7", 4000 + 2 * n, protocol=p, lines=[THEIR_KEY] if k else []).media[0]
        for n, (p, k) in enumerate(each)
    )
    return Sdp(1, 1, "192.0.2.7", media)


def test_of_two_lines_the_encrypted_one_is_taken_where_it_may_be() -> None:
    both = lines((AVP, False), (SAVP, True))
    taken = take(both, ALLOWED)
    assert [m.port for m in taken.sdp.media] == [0, 4002]
    assert taken.is_encrypted
    plain = take(both, Rule(Policy.OFF, is_secret=True))
    assert [m.port for m in plain.sdp.media] == [4000, 0]
    assert not plain.is_encrypted
    assert keys_of(plain.sdp.media[1]) == []


def test_a_description_of_one_plain_line_is_left_as_it_is() -> None:
    one = lines((AVP, False))
    assert take(one, ALLOWED).sdp is one


@pytest.mark.parametrize(
    ("transport", "secret"), [("udp", False), ("tcp", False), ("tls", True), ("wss", True)]
)
def test_a_road_is_secret_by_its_transport(transport: Any, secret: bool) -> None:
    rule = rule_of("required", Flow(transport, SERVER, SERVER))
    assert rule.is_secret is rule.allows is secret
    assert rule.forbids_call is not secret


def test_a_wrong_policy_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="perhaps"):
        rule_of("perhaps", Flow("udp", SERVER, SERVER))


def test_no_ending_but_these_two_speaks_of_encryption() -> None:
    warned = {reason for reason in Reason if ending(reason).warning}
    assert warned == {Reason.ENCRYPTION_REQUIRED, Reason.ENCRYPTION_REFUSED}


# ---- browsers ------------------------------------------------------------------------------------

WEB = "UDP/TLS/RTP/SAVPF"
BROWSER = (
    "ice-ufrag:them",
    "ice-pwd:theirs",
    "fingerprint:sha-256 CC:DD",
    "setup:actpass",
    "mid:7",
)


def lines_of(media: Media) -> list[str]:
    return [f"{name}:{value}" if value else name for name, value in media.attributes]


def test_a_browser_that_calls_is_told_what_the_engine_wrote_and_the_one_way_to_it() -> None:
    world = World()
    caller = calls(world, "wss", WEB, *BROWSER)
    answer = told(caller)
    assert answer.protocol == WEB
    for line in (*OUR_WEB[:3], "rtcp-mux", "mid:7", "end-of-candidates"):
        assert line in lines_of(answer)
    assert f"candidate:1 1 udp 2130706431 192.0.2.9 {answer.port} typ host" in lines_of(answer)
    assert caller.call
    assert ("ice-lite", "") in parse_sdp(caller.call.remote_sdp or b"").attributes
    offered, answered = world.media.asked[:2]
    assert (offered["transport-protocol"], offered["ICE"]) == (AVP, "remove")
    assert (answered["transport-protocol"], answered["ICE"], answered["DTLS"]) == (
        WEB, "force", "passive",
    )  # fmt: skip


@pytest.mark.parametrize(("policy", "transport"), [("off", "wss"), ("optional", "udp")])
def test_a_browser_without_leave_or_without_tls_is_refused(
    policy: str, transport: Transport
) -> None:
    world = World(rules={"srtp": policy})
    caller = calls(world, transport, WEB, *BROWSER)
    assert caller.story[-1] == "rejected 488"
    assert refusal(world)[1].startswith("302 callcenter")


@pytest.mark.parametrize("policy", ["optional", "required"])
def test_an_agents_browser_is_offered_what_browsers_need(policy: str) -> None:
    world = World("anna", transport="wss", rules={"srtp": policy})
    anna = world.agents["anna"]
    caller = rings(world)
    assert told(anna).protocol == WEB
    assert set(OUR_WEB) <= set(lines_of(told(anna)))
    anna.protocol, anna.keys = WEB, BROWSER
    anna.answer()
    assert world.hears(caller) == world.leg_of(anna)


def test_a_browser_and_a_desk_phone_of_one_agent_ring_each_in_its_own_way() -> None:
    world = World("anna", transport="wss")
    browser, desk = world.agents["anna"], world.phone("anna")
    desk.register()
    caller = rings(world)
    assert (told(browser).protocol, told(desk).protocol) == (WEB, AVP)
    assert lines_of(told(desk)) == ["ptime:20"]
    desk.answer()
    assert browser.story[-1] == "cancelled"
    assert world.hears(caller) == world.leg_of(desk)


def test_a_browser_that_names_no_address_is_not_on_hold() -> None:
    zero = build_audio("0.0.0.0", 9, protocol=WEB)
    assert not is_held(zero)
    assert is_held(build_audio("0.0.0.0", 9))
    assert is_held(build_audio("0.0.0.0", 9, protocol=WEB, direction="inactive"))


# ---- another engine ------------------------------------------------------------------------------

RTPENGINE_OFFER = """v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio 40068 RTP/SAVP 0 8 101\r
a=rtpmap:101 telephone-event/8000\r
a=sendrecv\r
a=rtcp:40069\r
a=crypto:1 AEAD_AES_256_GCM inline:A\r
a=crypto:2 AEAD_AES_128_GCM inline:B\r
a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:C\r
a=crypto:8 AES_CM_128_HMAC_SHA1_32 inline:D\r
a=crypto:9 F8_128_HMAC_SHA1_80 inline:E\r
a=crypto:11 NULL_HMAC_SHA1_80 inline:F\r
a=setup:actpass\r
a=fingerprint:sha-256 66:83:EC:45\r
"""
"""As rtpengine 10.5.3 writes it, shortened."""
RTPENGINE_WEB = """v=0\r
c=IN IP4 127.0.0.1\r
m=audio 40016 UDP/TLS/RTP/SAVPF 0 8 101\r
a=rtcp-mux\r
a=setup:actpass\r
a=fingerprint:sha-256 66:83:EC:45\r
a=ice-ufrag:nezqKY9L\r
a=ice-pwd:kJuhbtdH4zLkAVgw3bZF5bRG6F\r
a=candidate:U9vgyK5Nuyhg2iNM 1 UDP 2130706431 127.0.0.1 40016 typ host\r
"""


def test_of_what_rtpengine_offers_only_what_encrypts_well_is_passed_on() -> None:
    keys, web = lines_in({"result": "ok", "sdp": RTPENGINE_OFFER})
    assert [key.split()[0] for key in keys] == ["crypto:7", "crypto:2", "crypto:8"]
    assert web == []


def test_what_rtpengine_writes_for_a_browser_is_passed_on() -> None:
    keys, web = lines_in({"result": "ok", "sdp": RTPENGINE_WEB})
    assert keys == []
    assert [line.partition(":")[0] for line in web] == [
        "setup", "fingerprint", "ice-ufrag", "ice-pwd",
    ]  # fmt: skip


# ---- trunks that we call by ----------------------------------------------------------------------


def dials_out(transport: Transport, policy: str) -> tuple[World, Phone]:
    """An agent dials a number outside; the trunk's phone."""
    world = may_dial(World("ana"))
    trunk = Phone(world, "trunk", TRUNK_HOST, transport=transport)
    world.phones[trunk.flow.local] = trunk
    road = trunk.flow._replace(local=trunk.flow.remote, remote=trunk.flow.local)
    ours = msgspec.structs.replace(TRUNK, transport=transport, flow=road, srtp=policy)
    hands = world.frontend.hands
    hands.config = hands.config._replace(trunks=(ours,))
    world.agents["ana"].dial(OUTSIDE)
    return world, trunk


@pytest.mark.parametrize(
    ("transport", "policy", "protocol", "keys"),
    [
        ("tls", "optional", AVP, True),
        ("tls", "required", SAVP, True),
        ("tls", "off", AVP, False),
        ("udp", "optional", AVP, False),
    ],
)
def test_a_trunk_that_we_call_by_is_offered_what_its_own_policy_says(
    transport: Transport, policy: str, protocol: str, keys: bool
) -> None:
    _, trunk = dials_out(transport, policy)
    assert told(trunk).protocol == protocol
    assert keys_of(told(trunk)) == (list(OUR_KEYS) if keys else [])


def test_by_a_trunk_that_must_be_encrypted_and_is_not_on_tls_nothing_is_dialled() -> None:
    world, trunk = dials_out("udp", "required")
    assert trunk.call is None
    assert not any(data.startswith(b"INVITE") for data in world.sent)
