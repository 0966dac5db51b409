"""Session descriptions of a fax: T.38 over UDPTL instead of sound.

An `m=image` line that is alive asks for T.38; the sound beside it, if there is any, is ended. What
we offer and answer is version 0 with redundancy, which every gateway has.

Sources: ITU-T T.38 Annex D (SDP), RFC 3264, RFC 7345 2.
"""

import msgspec

from callcenter.sip.errors import SipError
from callcenter.sip.sdp import Media, Sdp, parse_sdp

FORMAT, PROTOCOL = "t38", "UDPTL"
DATAGRAM_MAX = 400
ATTRIBUTES = (
    ("T38FaxVersion", "0"),
    ("T38MaxBitRate", "14400"),
    ("T38FaxRateManagement", "transferredTCF"),
    ("T38FaxMaxBuffer", "1800"),
    ("T38FaxMaxDatagram", str(DATAGRAM_MAX)),
    ("T38FaxUdpEC", "t38UDPRedundancy"),
)


def image_media(sdp: Sdp) -> Media | None:
    """The first T.38 over UDPTL that is wanted (port not 0)."""
    return next(
        (
            media
            for media in sdp.media
            if media.kind == "image" and media.port and media.protocol == PROTOCOL
            and FORMAT in (form.lower() for form in media.formats)
        ),
        None,
    )  # fmt: skip


def wants_image(sdp: bytes) -> bool:
    """Whether a description asks for T.38."""
    try:
        return image_media(parse_sdp(sdp)) is not None
    except SipError:
        return False


def build_image(address: str, port: int, session_id: int = 1, version: int = 1) -> Sdp:
    """One T.38 stream of ours."""
    return Sdp(session_id, version, address, (_ours(address, port),))


def answer_image(offer: Sdp, address: str, port: int, session_id: int, version: int) -> Sdp:
    """T.38 taken, everything else in the offer refused (RFC 3264 6). Raises `SipError` 488."""
    wanted = image_media(offer)
    if wanted is None:
        raise SipError(488, "no T.38 in the offer")
    media = tuple(
        _ours(address, port) if theirs is wanted else _refused(theirs) for theirs in offer.media
    )
    return Sdp(session_id, version, address, media)


def only_image(sdp: Sdp) -> Sdp:
    """The same with everything but its T.38 refused: for an engine that would take the sound."""
    wanted = image_media(sdp)
    media = tuple(theirs if theirs is wanted else _refused(theirs) for theirs in sdp.media)
    return msgspec.structs.replace(sdp, media=media)


def _ours(address: str, port: int) -> Media:
    return Media(
        "image", port, "udptl", (FORMAT,), connection=address, attributes=ATTRIBUTES
    )  # fmt: skip


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats[:1])
