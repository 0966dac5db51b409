"""What a trace shows, and what it must not."""

from struct import unpack_from

import pytest

from callcenter.sip.flow import Flow
from callcenter.sip.hep import hep3
from callcenter.sip.ladder import Seen, Step, draw, label, steps
from callcenter.sip.mask import masked

CALLER, AGENT = ("192.0.2.7", 5060), ("192.0.2.9", 5060)
INVITE = (
    b"INVITE sip:100@cc SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n%bContent-Type: application/sdp\r\n\r\n%b"
)
OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
)
PROOF = (
    b'Authorization: Digest username="ana", realm="cc", nonce="n0nce", uri="sip:cc",\r\n'
    b' response="0123456789abcdef", cnonce="c0", nc=00000001\r\n'
)


def test_a_ladder_has_a_rail_for_each_peer_and_a_rung_for_each_message() -> None:
    seen = [
        Seen(10.4, AGENT, "tls", True, INVITE % (b"", b"v=0\r\n")),
        Seen(10.0, CALLER, "udp", False, INVITE % (b"", b"v=0\r\n")),
        Seen(10.9, AGENT, "tls", False, OK),
        Seen(11.0, CALLER, "udp", True, OK),
    ]
    assert draw(steps(seen)) == [
        "               udp 192.0.2.7:5060              callcenter              tls 192.0.2.9:5060",
        "   0.000                │ INVITE +sdp ─────────────►│                           │",
        "   0.400                │                           │ INVITE +sdp ─────────────►│",
        "   0.900                │                           │◄────────────── 200 INVITE │",
        "   1.000                │◄────────────── 200 INVITE │                           │",
    ]


def test_no_messages_no_ladder_and_rubbish_is_named() -> None:
    assert draw([]) == []
    assert label(b"rubbish") == "malformed"


def test_peers_beyond_the_picture_do_not_break_it() -> None:
    many = [Step(0.0, f"udp 192.0.2.{n}:5060", False, "OPTIONS" * 9) for n in range(20)]
    assert len({len(line) for line in draw(many)[1:]}) == 1


def test_what_proves_a_password_is_covered_and_who_asked_is_not() -> None:
    shown = masked(INVITE % (PROOF, b""))
    assert b"0123456789abcdef" not in shown
    assert b"n0nce" not in shown
    assert b'"c0"' not in shown
    assert b'username="ana"' in shown
    assert b"nc=00000001" in shown
    assert masked(b"REGISTER x\r\nPROXY-AUTHORIZATION: Basic c2VjcmV0\r\n\r\n").endswith(
        b"Basic ***\r\n\r\n"
    )


def test_keys_of_audio_and_typed_digits_are_covered() -> None:
    sdp = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
    assert b"d0Rmdm" not in masked(INVITE % (b"", sdp))
    assert b"d0Rmdm" not in masked((INVITE % (b"", sdp)).replace(b"\r\n", b"\n"))
    web = b"v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:kJuhbtdH4zLkAVgw3bZF5bRG6F\r\na=mid:0\r\n"
    assert masked(INVITE % (b"", web)).endswith(b"a=ice-pwd:***\r\na=mid:0\r\n")
    info = b"INFO x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=7\r\nDuration=160"
    assert masked(info).endswith(b"Signal=*\r\nDuration=160")
    assert masked(b"INFO x\r\nc: application/dtmf\r\n\r\n7").endswith(b"\r\n\r\n*")


def test_a_message_without_secrets_is_shown_as_it_came() -> None:
    assert masked(INVITE % (b"", b"v=0\r\n")) == INVITE % (b"", b"v=0\r\n")


def chunks(packet: bytes) -> dict[int, bytes]:
    """Read as the specification says, by somebody else than the writer."""
    assert packet[:4] == b"HEP3"
    (total,) = unpack_from("!H", packet, 4)
    assert total == len(packet)
    found, at = {}, 6
    while at < total:
        vendor, kind, length = unpack_from("!HHH", packet, at)
        assert vendor == 0
        found[kind] = packet[at + 6 : at + length]
        at += length
    return found


def test_a_hep3_packet_says_who_sent_what_to_whom_and_when() -> None:
    flow = Flow("udp", ("192.0.2.1", 5060), CALLER)
    came = chunks(hep3(b"hello", flow, 12_000_345, sent=False, agent=7, call_id="x@y"))
    assert came == {
        1: b"\x02", 2: b"\x11", 3: b"\xc0\x00\x02\x07", 4: b"\xc0\x00\x02\x01",
        7: b"\x13\xc4", 8: b"\x13\xc4", 9: b"\0\0\0\x0c", 10: b"\0\0\x01\x59", 11: b"\x01",
        12: b"\0\0\0\x07", 15: b"hello", 17: b"x@y",
    }  # fmt: skip
    went = chunks(hep3(b"hello", flow, 0, sent=True, agent=7))
    assert (went[3], went[4]) == (came[4], came[3])


@pytest.mark.parametrize(("transport", "protocol"), [("tcp", 6), ("tls", 6), ("wss", 6)])
def test_connections_are_tcp_and_ipv6_has_chunks_of_its_own(
    transport: object, protocol: int
) -> None:
    flow = Flow(transport, ("2001:db8::1", 5060), ("2001:db8::2", 5060), 3)  # type: ignore[arg-type]
    found = chunks(hep3(b"x" * 70_000, flow, 0, sent=True, agent=1))
    assert found[1] == b"\x0a"
    assert found[2] == bytes([protocol])
    assert len(found[5]) == len(found[6]) == 16
    assert len(found[15]) == 65_000
