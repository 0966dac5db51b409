"""Session descriptions: read leniently, answered by the book."""

import pytest

from callcenter.sip.errors import SipError
from callcenter.sip.sdp import (
    Direction,
    Sdp,
    answer_audio,
    build_audio,
    choose_codec,
    find_sdp,
    is_held,
    is_unicast,
    parse_sdp,
    ptime,
    remote_address,
    telephone_event,
)

OFFER = b"""v=0\r
o=alice 2890844526 2890844527 IN IP4 host.example.com\r
s=call\r
c=IN IP4 192.0.2.11\r
b=AS:84\r
t=0 0\r
m=audio 49170/1 RTP/AVP 9 8 0 96 101\r
a=rtpmap:96 opus/48000/2\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-16\r
a=ptime:30\r
a=rtcp:49171\r
a=sendrecv\r
m=video 51372 RTP/AVP 31\r
a=rtpmap:31 H261/90000\r
"""


def offer(media: str = "m=audio 4000 RTP/AVP 0 101", *lines: str, session: str = "") -> Sdp:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"]
    text = "\r\n".join([*head, *([session] if session else []), media, *lines])
    return parse_sdp(text.encode())


def test_an_offer_is_read_whole() -> None:
    sdp = parse_sdp(OFFER)
    assert (sdp.user, sdp.session_id, sdp.version, sdp.name) == (
        "alice",
        2890844526,
        2890844527,
        "call",
    )
    audio, video = sdp.media
    assert (audio.port, audio.formats) == (49170, ("9", "8", "0", "96", "101"))
    assert audio.rtpmap[0] == "PCMU/8000"
    assert audio.rtpmap[96] == "opus/48000/2"
    assert audio.fmtp == {101: "0-16"}
    assert audio.attribute("rtcp") == "49171"
    assert audio.attribute("none") is None
    assert ptime(audio) == 30
    assert video.kind == "video"
    assert remote_address(sdp) == ("192.0.2.11", 49170)


def test_the_peers_order_chooses_between_the_two_laws() -> None:
    assert choose_codec(parse_sdp(OFFER)) == (8, 101)
    assert choose_codec(offer("m=audio 4000 RTP/AVP 0 8")) == (0, None)


@pytest.mark.parametrize(
    "media",
    [
        "m=audio 4000 RTP/AVP 9 18",
        "m=audio 0 RTP/AVP 0",
        "m=audio 4000 TCP/TLS/RTP/SAVPF 0",
        "m=video 4000 RTP/AVP 0",
        "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 opus/48000",
    ],
)
def test_without_g711_over_plain_rtp_there_is_no_codec(media: str) -> None:
    assert choose_codec(offer(media)) is None
    with pytest.raises(SipError) as refused:
        answer_audio(offer(media), "192.0.2.9", 5000)
    assert refused.value.status == 488


def test_digits_are_counted_at_eight_kilohertz_only() -> None:
    sdp = offer(
        "m=audio 4000 RTP/AVP 0 97 98",
        "a=rtpmap:97 telephone-event/48000",
        "a=rtpmap:98 Telephone-Event/8000",
    )
    assert choose_codec(sdp) == (0, 98)


def test_each_side_names_its_own_number_for_digits() -> None:
    theirs = offer("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")
    ours = build_audio("192.0.2.9", 5000, telephone_event_pt=101)
    assert [telephone_event(sdp.media[0]) for sdp in (theirs, ours)] == [96, 101]


@pytest.mark.parametrize(
    "held",
    [
        offer("m=audio 4000 RTP/AVP 0", "a=sendonly"),
        offer("m=audio 4000 RTP/AVP 0", "a=inactive"),
        offer("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"),
        offer("m=audio 4000 RTP/AVP 0", "c=IN IP6 ::"),
        offer("m=audio 4000 RTP/AVP 0", session="a=sendonly"),
        parse_sdp(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0"),
    ],
)
def test_hold_is_known_in_all_its_forms(held: Sdp) -> None:
    assert is_held(held)


def test_talking_listening_and_refusing_are_no_hold() -> None:
    assert not is_held(offer())
    assert not is_held(offer("m=audio 4000 RTP/AVP 0", "a=recvonly"))
    assert not is_held(offer("m=audio 4000 RTP/AVP 0", "a=sendrecv", session="a=sendonly"))
    assert not is_held(offer("m=audio 0 RTP/AVP 0", "a=inactive"))


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_an_answer_mirrors_the_direction(offered: str, answered: str) -> None:
    answer = answer_audio(offer("m=audio 4000 RTP/AVP 0", f"a={offered}"), "192.0.2.9", 5000)
    assert answer.media[0].direction == answered


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("sendrecv", "sendonly"), ("recvonly", "sendonly"), ("sendonly", "inactive")],
)
def test_one_who_holds_does_not_listen(offered: Direction, answered: str) -> None:
    sdp = build_audio("192.0.2.1", 4000, direction=offered)
    answer = answer_audio(sdp, "192.0.2.9", 5000, listening=False)
    assert answer.media[0].direction == answered


def test_an_answer_takes_the_audio_and_refuses_the_rest_in_order() -> None:
    answer = answer_audio(parse_sdp(OFFER), "192.0.2.9", 5000, session_id=7, version=3)
    assert answer.encode() == (
        b"v=0\r\no=- 7 3 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        b"m=audio 5000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
        b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        b"m=video 0 RTP/AVP 31\r\n"
    )


def test_our_offer_puts_mu_law_first_and_reads_as_it_was_meant() -> None:
    ours = build_audio("2001:db8::9", 5000, session_id=5, version=6)
    text = ours.encode()
    assert b"c=IN IP6 2001:db8::9\r\n" in text
    assert b"m=audio 5000 RTP/AVP 0 8 101\r\n" in text
    again = parse_sdp(text)
    assert again == ours
    assert choose_codec(again) == (0, 101)


def test_a_description_of_a_peer_survives_being_written() -> None:
    sdp = parse_sdp(OFFER)
    assert parse_sdp(sdp.encode()) == sdp


@pytest.mark.parametrize(
    "body",
    [
        b"v=0\nm=audio 4000 RTP/AVP 0",
        b"v=0\rm=audio 4000 RTP/AVP 0\r",
        b"v = 0\r\nm =audio 4000 RTP/AVP 0\r\n",
        b"rubbish\r\nv=0\r\n\xff=\xfe\r\na=rtpmap:x y\r\na=\r\nc=IN\r\nm=audio 4000 RTP/AVP 0\r\n",
    ],
)
def test_careless_writing_is_understood(body: bytes) -> None:
    assert choose_codec(parse_sdp(body)) == (0, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"hello", 400),
        (b"v=0\r\nm=audio\r\n", 400),
        (b"v=0\r\nm=audio -1 RTP/AVP 0\r\n", 400),
        (b"v=0\r\nm=audio 99999 RTP/AVP 0\r\n", 400),
        (b"v=0\r\n" + b"m=audio 9 RTP/AVP 0\r\n" * 9, 400),
        (b"v=0\r\n" + b"a=x\r\n" * 65, 400),
        (b"v=0\r\nm=audio 9 RTP/AVP" + b" 0" * 33, 400),
        (b"v=0\r\n" + b"x" * 16_384, 413),
    ],
)
def test_what_is_no_description_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(SipError) as refused:
        parse_sdp(body)
    assert refused.value.status == status


@pytest.mark.parametrize(("text", "expected"), [("20", 20), ("20.5", 20), ("0", None), ("x", None)])
def test_a_packet_time_counts_if_it_makes_sense(text: str, expected: int | None) -> None:
    assert ptime(offer("m=audio 4000 RTP/AVP 0", f"a=ptime:{text}").media[0]) == expected


def test_no_phone_may_name_a_crowd_or_ourselves_as_its_address() -> None:
    assert is_unicast("192.0.2.1", loopback=False)
    assert is_unicast("phone.example.com", loopback=False)
    assert is_unicast("127.0.0.1", loopback=True)
    for address in ("127.0.0.1", "::1", "224.0.0.1", "255.255.255.255"):
        assert not is_unicast(address, loopback=False)
    assert not is_unicast("224.0.0.1", loopback=True)


def test_a_description_is_found_in_a_body_of_many_parts() -> None:
    body = (
        b"--b1\r\nContent-Type: application/isup\r\n\r\n\x01\x00\r\n"
        b"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1--\r\n"
    )
    assert find_sdp('multipart/mixed;boundary="b1"', body) == b"v=0\r\n"
    assert find_sdp("multipart/mixed", body) is None
    assert find_sdp("multipart/mixed;;", body) is None
    assert find_sdp("Application/SDP; charset=x", b"v=0") == b"v=0"
    assert find_sdp("", b"v=0") == b"v=0"
    assert find_sdp("text/plain", b"v=0") is None
    assert find_sdp("application/sdp", b"") is None
