"""What is offered and answered for T.38, and what gateways really send."""

import pytest

from callcenter.sip.errors import SipError
from callcenter.sip.sdp import build_audio, parse_sdp
from callcenter.sip.sdp_fax import (
    answer_image,
    build_image,
    image_media,
    only_image,
    wants_image,
)

# As a gateway of a carrier offers it: flags without values, an own address, a dead audio beside.
GATEWAY = b"""v=0\r
o=gw 53655765 2353687638 IN IP4 192.0.2.7\r
s=-\r
t=0 0\r
m=audio 0 RTP/AVP 0\r
m=image 49170 udptl T38\r
c=IN IP4 192.0.2.8\r
a=T38FaxVersion:0\r
a=T38MaxBitRate:14400\r
a=T38FaxFillBitRemoval\r
a=T38FaxRateManagement:transferredTCF\r
a=T38FaxUdpEC:t38UDPRedundancy\r
"""


def test_an_offer_of_ours_says_what_every_gateway_has() -> None:
    text = build_image("192.0.2.1", 30_000, 5, 2).encode().decode()
    assert "m=image 30000 udptl t38\r\n" in text
    for line in ("T38FaxVersion:0", "T38FaxRateManagement:transferredTCF",
                 "T38FaxUdpEC:t38UDPRedundancy", "T38FaxMaxDatagram:400"):  # fmt: skip
        assert f"a={line}\r\n" in text
    assert "a=rtpmap" not in text


def test_a_gateways_offer_is_taken_and_what_stands_beside_it_refused() -> None:
    assert wants_image(GATEWAY)
    wanted = image_media(parse_sdp(GATEWAY))
    assert wanted is not None
    assert (wanted.connection, wanted.port) == ("192.0.2.8", 49170)
    answer = answer_image(parse_sdp(GATEWAY), "192.0.2.1", 30_000, 5, 3)
    assert [(m.kind, m.port) for m in answer.media] == [("audio", 0), ("image", 30_000)]
    assert wants_image(answer.encode())


def test_an_engine_is_shown_only_the_fax_of_both() -> None:
    both = build_audio("192.0.2.7", 4000).encode() + b"m=image 4002 udptl t38\r\n"
    shown = only_image(parse_sdp(both))
    assert [(m.kind, m.port) for m in shown.media] == [("audio", 0), ("image", 4002)]


@pytest.mark.parametrize(
    "other",
    [
        build_audio("192.0.2.7", 4000).encode(),
        GATEWAY.replace(b"49170", b"0"),
        GATEWAY.replace(b"udptl", b"tcp"),
        GATEWAY.replace(b"T38\r\nc", b"jbig\r\nc"),
        b"no description",
    ],
)
def test_what_is_no_t38_over_udptl_is_not_taken_for_it(other: bytes) -> None:
    assert not wants_image(other)


def test_an_answer_to_an_offer_without_t38_is_refused() -> None:
    with pytest.raises(SipError, match=r"no T\.38"):
        answer_image(build_audio("192.0.2.7", 4000), "192.0.2.1", 30_000, 1, 1)
