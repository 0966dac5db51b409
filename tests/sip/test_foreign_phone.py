"""What pyVoIP 1.6 writes, we read; what we write, it reads. No socket is opened.

Its habits (`uri` with a parameter of its own, no qop, an unquoted algorithm, no `;rport` in an
INVITE) are those of the `legacy` profile.
"""

from typing import Any

import pytest
import pyVoIP.VoIP  # noqa: F401 it must come first: its modules import each other
from pyVoIP.RTP import PayloadType, TransmitType
from pyVoIP.SIP import SIPClient, SIPMessage

from callcenter.sip.digest import Nonces, challenges, find_authorization, ha1, verify
from callcenter.sip.message import Request, parse_message, response_to, validate_request
from callcenter.sip.sdp import audio_media, build_audio, choose_codec, parse_sdp
from callcenter.sip.uri import parse_uri

REALM = "192.0.2.1"
NOW = 5_000_000


class _Account:
    """As much of a phone as the client asks for when it is made."""


@pytest.fixture
def phone() -> Any:
    return SIPClient(REALM, 5060, "agent1", "secret", phone=_Account(), myIP="192.0.2.7")


def request_of(text: str) -> Request:
    message = parse_message(text.encode())
    assert isinstance(message, Request)
    validate_request(message)
    return message


def test_its_first_register_is_read(phone: Any) -> None:
    register = request_of(phone.gen_first_response())
    assert register.method == "REGISTER"
    assert parse_uri(register.to.uri).address_of_record == f"agent1@{REALM}"
    contact = register.contacts[0]
    assert (
        contact.param(
            "+sip.instance",
        )
        is not None
    )
    assert parse_uri(contact.uri).params == {"transport": "UDP"}
    assert register.vias[0].rport == ""
    assert register.expires == 120


def test_it_reads_our_challenge_and_answers_it_as_a_legacy_phone(phone: Any) -> None:
    first = request_of(phone.gen_first_response())
    nonces = Nonces(b"secret of this process")
    refusal = response_to(first, 401, to_tag="ours")
    for line in challenges(REALM, nonces.make(NOW), ["MD5"]):
        refusal.headers.add("WWW-Authenticate", line)

    register = request_of(phone.gen_register(SIPMessage(refusal.encode())))
    auth = find_authorization(register.headers.get_all("Authorization"), REALM)
    assert auth is not None
    stored = ha1("agent1", REALM, "secret", "MD5")
    assert verify(auth, "REGISTER", stored, "", register.uri, "legacy")
    assert not verify(auth, "REGISTER", stored, "", register.uri, "standard")
    assert not verify(auth, "INVITE", stored, "", register.uri, "legacy")
    assert nonces.check(auth.nonce, auth.nc, NOW) == "ok"
    assert nonces.check(auth.nonce, auth.nc, NOW) == "replay"


def test_its_invite_and_offer_are_read(phone: Any) -> None:
    codecs = {20_000: {0: PayloadType.PCMU, 8: PayloadType.PCMA, 101: PayloadType.EVENT}}
    text = phone.gen_invite(
        "100", "1", codecs, TransmitType.SENDRECV, "z9hG4bK123", "abc@192.0.2.7:5060"
    )
    invite = request_of(text)
    assert parse_uri(invite.uri).user == "100"
    assert invite.vias[0].rport is None
    offer = parse_sdp(invite.body)
    assert choose_codec(offer) == (0, 101)
    media = audio_media(offer)
    assert media is not None
    assert media.attribute("maxptime") == "150"


def test_it_reads_our_invite_and_answers_it(phone: Any) -> None:
    invite = Request(
        "INVITE",
        "sip:agent1@192.0.2.7:5060",
        response_to(request_of(phone.gen_first_response()), 100).headers,
    )
    invite.headers.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport")
    invite.headers.set("From", '"Ann (sales)" <sip:+49301@192.0.2.1>;tag=f')
    invite.headers.set("CSeq", "1 INVITE")
    invite.headers.set("Contact", "<sip:cc@192.0.2.1:5060>")
    invite.headers.set("Content-Type", "application/sdp")
    invite.body = build_audio("192.0.2.1", 30_000).encode()
    theirs = SIPMessage(invite.encode())
    assert theirs.headers["CSeq"]["method"] == "INVITE"
    assert theirs.body["m"][0]["methods"] == ["0", "8", "101"]
    phone.tagLibrary[theirs.headers["Call-ID"]] = "theirs"
    ringing = parse_message(phone.gen_ringing(theirs).encode())
    assert ringing.vias[0].branch == "z9hG4bKours"
    assert ringing.from_.display == "Ann (sales)"
