"""Whether a phone's audio is encrypted: what is asked of it, and what of its offer is taken.

    policy      off        optional                          required
    it offers
    (a browser) refused    taken                             taken
    SAVP        refused    taken                             taken
    AVP + keys  plain      taken                             taken
    AVP         plain      plain                             refused
    we offer    AVP        AVP + keys, over TLS; else AVP    SAVP, over TLS; else not registered
                           SAVP to a phone that answers 488

A browser speaks DTLS-SRTP and nothing else (`UDP/TLS/RTP/SAVPF`, with ICE); it is known by its road,
WSS. The fingerprint of its keys comes by that road too, so the same holds for it.

Why: keys by SDES are as secret as the road they come by. So where that is not TLS (or WSS), no key
of ours is ever sent and none of the phone's is used: `required` is refused there, and what the phone
offers beside is plain. Who refuses says why, with a `Warning`, so that the setting is found that has
to be changed.

Sources: RFC 4568 3 and 7 (security of the signalling), RFC 8643 (keys beside plain audio), RFC 3264 6
(each line is answered; one that is refused has port 0).
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from callcenter.domain.termination import Reason
from callcenter.sip.flow import Flow
from callcenter.sip.sdp import PLAIN_PROTOCOLS, SECURE_PROTOCOLS, WEB_PROTOCOLS, Media, Sdp

SECRET_ROADS = ("tls", "wss")
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32")
"""What is good enough to be offered to a phone."""
PLAIN, SECURE, WEB = PLAIN_PROTOCOLS[0], SECURE_PROTOCOLS[0], WEB_PROTOCOLS[0]


class Policy(StrEnum):
    """What is asked of a phone or a trunk."""

    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Rule(NamedTuple):
    """What holds for the peer at the other end of one road."""

    policy: Policy = Policy.OFF
    is_secret: bool = False
    """Whether keys may be sent on that road."""

    @property
    def allows(self) -> bool:
        """Whether its audio may be encrypted."""
        return self.is_secret and self.policy is not Policy.OFF

    @property
    def forbids_call(self) -> bool:
        """Whether it cannot be called at all: encryption is required, and has no secret road."""
        return self.policy is Policy.REQUIRED and not self.is_secret

    @property
    def offered(self) -> str:
        """The protocol of our offers to it."""
        return SECURE if self.policy is Policy.REQUIRED else PLAIN


def rule_of(policy: str, flow: Flow) -> Rule:
    """The rule for who is at the other end of `flow`."""
    return Rule(Policy(policy), flow.transport in SECRET_ROADS)


class Taken(NamedTuple):
    """A description of which one audio line is left, the others refused; or why none can be."""

    sdp: Sdp
    is_encrypted: bool = False
    refusal: Reason | None = None


def take(sdp: Sdp, rule: Rule) -> Taken:
    """Choose among the audio lines of a phone's description: encrypted if it may be, else plain."""
    living = [m for m in sdp.media if m.kind == "audio" and m.port]
    keyed = [m for m in living if m.attribute("crypto") is not None]
    web = [m for m in living if m.protocol in WEB_PROTOCOLS]
    secure = [m for m in keyed if m.protocol in SECURE_PROTOCOLS]
    beside = [m for m in keyed if m.protocol in PLAIN_PROTOCOLS]
    plain = [m for m in living if m.protocol in PLAIN_PROTOCOLS]
    encrypted = web or secure or beside
    if rule.allows and encrypted:
        return Taken(_only(sdp, encrypted[0]), is_encrypted=True)
    if rule.policy is Policy.REQUIRED:
        return Taken(sdp, refusal=Reason.ENCRYPTION_REQUIRED)
    if plain:
        return Taken(_without_keys(_only(sdp, plain[0])))
    wants = any(m.protocol not in PLAIN_PROTOCOLS for m in living)
    refusal = Reason.ENCRYPTION_REFUSED if wants else Reason.NOT_ACCEPTABLE_MEDIA
    return Taken(sdp, refusal=refusal)


def _without_keys(sdp: Sdp) -> Sdp:
    """Keys that nobody will use need not be kept."""
    if all(m.attribute("crypto") is None for m in sdp.media):
        return sdp
    media = tuple(
        msgspec.structs.replace(m, attributes=tuple(a for a in m.attributes if a[0] != "crypto"))
        for m in sdp.media
    )
    return msgspec.structs.replace(sdp, media=media)


def _only(sdp: Sdp, wanted: Media) -> Sdp:
    """The same with every other audio line refused; itself when there is no other."""
    others = [m for m in sdp.media if m.kind == "audio" and m.port and m is not wanted]
    if not others:
        return sdp
    media = tuple(
        msgspec.structs.replace(m, port=0) if any(m is other for other in others) else m
        for m in sdp.media
    )
    return msgspec.structs.replace(sdp, media=media)
