"""What the engine agrees on with phones that want their audio encrypted, and with those on IPv6."""

import pytest

from callcenter.media.leg import Leg
from callcenter.media.ng import Body
from callcenter.media.sdes import SUITES, Crypto, read
from tests.media.house import NOBODY_PORT, House, PlainGuard, PlainWeb, describe

SUITE = "AES_CM_128_HMAC_SHA1_80"
WEAK = "AES_CM_128_HMAC_SHA1_32"
TOWARDS_PHONE = {"transport_protocol": "RTP/SAVP"}


def key(number: int, suite: str = SUITE, tag: int = 1) -> Crypto:
    return Crypto(tag, suite, bytes([number]) * SUITES[suite])


def secure(port: int, *keys: Crypto, profile: str = "RTP/SAVP") -> str:
    """A phone's SDP with these keys."""
    lines = "".join(f"a={crypto.value}\r\n" for crypto in keys)
    return describe(port).replace("RTP/AVP", profile) + lines


def keys_in(reply: Body) -> list[Crypto]:
    lines = [line for line in str(reply["sdp"]).splitlines() if line.startswith("a=crypto:")]
    found = [read(line.removeprefix("a=crypto:")) for line in lines]
    assert None not in found
    return [crypto for crypto in found if crypto is not None]


def guard(leg: Leg) -> PlainGuard:
    assert isinstance(leg.phone.guard, PlainGuard)
    return leg.phone.guard


def calls_in(house: House, sdp: str, **more: object) -> Body:
    """A phone calls; the answer for it."""
    offered = house.ask("offer", "L1", from_tag="leg", sdp=sdp, **more)
    assert offered["result"] == "ok", offered
    assert "RTP/AVP" in offered["sdp"]
    assert "crypto" not in offered["sdp"]
    return house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(NOBODY_PORT))


def test_a_phone_that_wants_it_is_answered_with_its_protocol_its_tag_and_a_key_of_ours() -> None:
    house = House()
    reply = calls_in(house, secure(4000, key(1, tag=5), key(2, WEAK, tag=6)))
    assert "RTP/SAVP 0" in reply["sdp"]
    [ours] = keys_in(reply)
    assert (ours.tag, ours.suite) == (5, SUITE)
    assert ours.key != key(1).key
    assert guard(house.engine.legs["L1"]).keys == [(ours, key(1, tag=5))]


def test_only_what_the_phones_key_opens_is_heard() -> None:
    house = House()
    calls_in(house, secure(4000, key(1)))
    leg = house.engine.legs["L1"]
    assert house.say(leg, 1) == b""
    assert (house.engine.drops.unauthentic, leg.phone.latch.source) == (1, None)
    other = house.agent(far=leg.inner.port)
    house.connect(leg, far=other.inner.port)
    plain = b"\x20" * 160
    heard = house.say(leg, 2, plain + key(1).key)
    assert heard.endswith(plain)
    assert house.engine.drops.as_dict()["unauthentic"] == 1


def test_a_phone_without_a_suite_that_we_know_is_refused() -> None:
    house = House()
    refused = house.ask("offer", from_tag="leg", sdp=describe(4000).replace("/AVP", "/SAVP"))
    assert refused["error-reason"] == "The SDP holds no crypto suite that we know"
    assert house.engine.legs == {}


def test_keys_beside_plain_audio_are_taken_only_where_the_message_says_so() -> None:
    house = House()
    reply = calls_in(house, secure(4000, key(1), profile="RTP/AVP"))
    assert keys_in(reply) == []
    assert house.engine.legs["L1"].phone.guard is None
    calls_in(house, secure(4000, key(1), profile="RTP/AVP"), OSRTP=["accept"])
    assert house.engine.legs["L1"].phone.guard is not None


def test_an_offer_of_ours_names_every_suite_and_the_answer_chooses() -> None:
    house = House()
    offered = house.ask("offer", from_tag="in", sdp=describe(NOBODY_PORT), **TOWARDS_PHONE)
    assert [crypto.suite for crypto in keys_in(offered)] == list(SUITES)
    chosen = key(7, WEAK, tag=3)
    answered = house.ask("answer", from_tag="in", to_tag="leg", sdp=secure(5000, chosen))
    assert answered["result"] == "ok"
    [(ours, theirs)] = guard(house.engine.legs["L1"]).keys
    assert theirs == chosen
    assert ours in keys_in(offered)


def test_suites_can_be_left_out_but_not_all_of_them() -> None:
    house = House()
    offer = {"from_tag": "in", "sdp": describe(NOBODY_PORT), **TOWARDS_PHONE}
    reply = house.ask("offer", **offer, SDES=[f"no-{WEAK}"])
    assert WEAK not in reply["sdp"]
    refused = house.ask("offer", **offer, SDES=["off"])
    assert refused["error-reason"] == "No way to encrypt is left"


def test_the_same_description_again_changes_no_key() -> None:
    house = House()
    [ours] = keys_in(calls_in(house, secure(4000, key(1))))
    leg = house.engine.legs["L1"]
    house.connect(leg, far=NOBODY_PORT)
    [again] = keys_in(calls_in(house, secure(4000, key(1))))
    assert ours == again
    assert len(guard(leg).keys) == 1


def test_another_key_of_the_phones_is_used_from_then_on_and_ours_stays() -> None:
    house = House()
    [ours] = keys_in(calls_in(house, secure(4000, key(1))))
    [again] = keys_in(calls_in(house, secure(4000, key(2))))
    assert ours == again
    assert guard(house.engine.legs["L1"]).keys[-1] == (ours, key(2))


def test_a_phone_that_stops_encrypting_gets_another_key_when_it_begins_again() -> None:
    house = House()
    draws = iter(range(1, 9))
    house.engine._draw = lambda bits: next(draws)
    [first] = keys_in(calls_in(house, secure(4000, key(1))))
    calls_in(house, describe(4000))
    assert house.engine.legs["L1"].phone.guard is None
    [second] = keys_in(calls_in(house, secure(4000, key(1))))
    assert first.key != second.key


@pytest.mark.parametrize("family", ["IP4", "IP6"])
def test_a_phone_on_ipv6_is_told_our_address_there_and_the_inner_side_stays(family: str) -> None:
    house = House()
    phone = describe(4000).replace("IP4 192.0.2.1", "IP6 2001:DB8::0:7")
    offered = house.ask("offer", from_tag="leg", sdp=phone, address_family=family)
    assert "c=IN IP4 10.0.0.1" in offered["sdp"]
    answered = house.ask("answer", from_tag="leg", to_tag="in", sdp=describe(NOBODY_PORT))
    assert "c=IN IP6 2001:db8::1\r\n" in answered["sdp"]
    leg = house.engine.legs["L1"]
    assert leg.phone.latch.advertised == ("2001:db8::7", 4000)
    assert house.open6 == {leg.phone.port}


def test_an_offer_of_ours_is_on_ipv6_where_it_is_asked_for() -> None:
    house = House()
    offer = {"from_tag": "in", "sdp": describe(NOBODY_PORT)}
    assert "c=IN IP6 2001:db8::1" in house.ask("offer", **offer, address_family="IP6")["sdp"]
    assert "c=IN IP4 10.0.0.1" in house.ask("offer", **offer, address_family="IP4")["sdp"]
    assert len(house.open6) == 1


def test_without_an_address_on_ipv6_such_a_phone_is_refused() -> None:
    house = House()
    house.engine.address6 = ""
    phone = describe(4000).replace("IP4 192.0.2.1", "IP6 2001:db8::7")
    refused = house.ask("offer", from_tag="leg", sdp=phone)
    assert refused["error-reason"] == "The SDP's address is IPv6, and the engine has none"


@pytest.mark.parametrize(
    "host", ["ff02::1", "::ffff:192.0.2.1", "fe80::1%eth0", "2001:db8::x", "1" * 60]
)
def test_an_ipv6_address_that_is_not_one_host_is_refused(host: str) -> None:
    sdp = describe(4000).replace("IP4 192.0.2.1", f"IP6 {host}")
    assert House().ask("offer", from_tag="leg", sdp=sdp)["result"] == "error"


def test_address_zero_of_ipv6_is_a_hold() -> None:
    house = House()
    calls_in(house, describe(4000).replace("IP4 192.0.2.1", "IP6 ::"))
    assert house.engine.legs["L1"].phone.address is None


def test_a_phone_at_its_own_port_on_either_family_is_refused() -> None:
    house = House()
    calls_in(house, describe(4000))
    port = house.engine.legs["L1"].phone.port
    loop = describe(port).replace("IP4 192.0.2.1", "IP6 2001:db8::1")
    assert "port of ours" in house.ask("offer", from_tag="leg", sdp=loop)["error-reason"]


# ---- browsers ------------------------------------------------------------------------------------

WEB = {"transport_protocol": "UDP/TLS/RTP/SAVPF", "ICE": "force", "DTLS": "passive"}
FINGERPRINT = "fingerprint:sha-256 " + ":".join(["AB"] * 32)


def browser(*more: str, setup: str = "actpass") -> str:
    """A browser's SDP, on a line that names no address."""
    lines = ["ice-ufrag:theirs", "ice-pwd:secret", FINGERPRINT, f"setup:{setup}", *more]
    sdp = describe(9, host="0.0.0.0").replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
    return sdp + "".join(f"a={line}\r\n" for line in lines)


def web_of(leg: Leg) -> PlainWeb:
    assert isinstance(leg.phone.web, PlainWeb)
    return leg.phone.web


def test_a_browser_is_answered_with_what_it_must_know_and_begins_the_handshake() -> None:
    house = House()
    reply = calls_in(house, browser())
    assert "UDP/TLS/RTP/SAVPF 0" in reply["sdp"]
    assert "a=ice-ufrag:ours\r\na=setup:passive\r\na=rtcp-mux\r\n" in reply["sdp"]
    leg = house.engine.legs["L1"]
    assert [told.ufrag for told in web_of(leg).told] == ["theirs"]
    assert leg.phone.description is not None
    assert leg.phone.description.listens
    assert leg.phone.description.speaks


def test_a_browser_that_we_call_is_offered_the_same_and_either_end_of_the_handshake() -> None:
    house = House()
    offered = house.ask("offer", from_tag="in", sdp=describe(NOBODY_PORT), **WEB)
    assert "UDP/TLS/RTP/SAVPF" in offered["sdp"]
    assert "a=setup:actpass" in offered["sdp"]
    answer = browser(setup="active")
    assert house.ask("answer", from_tag="in", to_tag="leg", sdp=answer)["result"] == "ok"
    assert len(web_of(house.engine.legs["L1"]).told) == 1


def test_a_phone_that_is_no_browser_after_all_is_none() -> None:
    house = House()
    house.ask("offer", from_tag="in", sdp=describe(NOBODY_PORT), **WEB)
    house.ask("answer", from_tag="in", to_tag="leg", sdp=describe(5000))
    assert house.engine.legs["L1"].phone.web is None


def test_a_browser_is_heard_once_its_keys_are_there_and_stays_who_it_is() -> None:
    house = House()
    calls_in(house, browser())
    leg = house.engine.legs["L1"]
    assert leg.phone.guard is None
    web_of(leg).guard = PlainGuard(key(1), key(2))
    before = leg.phone.web
    calls_in(house, browser())
    assert leg.phone.web is before
    assert leg.phone.guard is web_of(leg).guard


@pytest.mark.parametrize(
    "wrong",
    [
        browser().replace("a=ice-ufrag:theirs\r\n", ""),
        browser().replace("ice-ufrag:theirs", "ice-ufrag:" + "x" * 300),
        browser().replace("sha-256", "sha-1"),
        browser().replace("AB:AB", "AB"),
        browser().replace("AB:AB", "XY:AB"),
        browser().replace(FINGERPRINT, "mid:0"),
        browser(setup="passive"),
        browser(setup="holdconn"),
    ],
)
def test_a_browser_that_cannot_be_known_is_refused(wrong: str) -> None:
    house = House()
    refused = house.ask("offer", from_tag="leg", sdp=wrong)
    assert refused["result"] == "error"
    assert "SDP" in refused["error-reason"]
    assert house.engine.legs == {}


def test_what_holds_for_the_whole_session_of_a_browser_counts_too() -> None:
    sdp = (
        browser().replace(f"a={FINGERPRINT}\r\n", "").replace("t=0 0", f"t=0 0\r\na={FINGERPRINT}")
    )
    assert calls_in(House(), sdp)["result"] == "ok"


def test_a_browser_on_ipv6_is_told_our_address_there_though_it_names_none() -> None:
    house = House()
    house.ask("offer", from_tag="leg", sdp=browser(), address_family="IP4")
    reply = house.ask(
        "answer",
        from_tag="leg",
        to_tag="in",
        sdp=describe(NOBODY_PORT),
        address_family="IP6",
        **WEB,
    )
    assert "c=IN IP6 2001:db8::1" in reply["sdp"]
