"""Everything of a dialog that a new process must know to go on with it.

A record is stored before the message leaves that makes the peer rely on it. What can be resumed:

    state at the time            what the new process does
    server, not yet answered     sends the last provisional again, goes on
    server, 200 not yet ACKed    sends the 200 again until the ACK comes
    client, not yet answered     sends the INVITE again unless it was heard; can CANCEL or ACK it
    client, being cancelled      sends the CANCEL again, never the INVITE: it might ring once more
    established                  counts its CSeq 100 on, so that no number is ever used twice
    BYE sent                     sends another BYE

Why bytes: a peer may write any octets into its From, its Call-ID or its tag, and they go back to
it as they came; text in a record would have to be UTF-8.

Sources: RFC 3261 12 (state of a dialog), 17.2.3 and 9.1 (what a CANCEL needs).
"""

from typing import Literal

import msgspec

from callcenter.sip.flow import Flow

NUMBERS_SKIPPED = 100
"""How far CSeq jumps: more than the requests that one lost write can have hidden."""


class DialogRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One dialog, as stored. Texts of the peer are octets (UTF-8 with surrogateescape undone).

    Attributes:
        invite: the first INVITE as it was received or sent, until it is done with.
        answer: the last response that we sent to it.
        ack: our ACK of its 2xx, to be sent again when the 2xx comes again.
        reinvite: a re-INVITE of theirs that we owe an answer (an UPDATE comes again by itself).
        cancelling: our side wants the INVITE cancelled.
        reason: of our CANCEL or BYE, to be said again with it (RFC 3326).
        timer_seconds: of the session timer that was agreed; 0 for none.
        timer_refresher: who refreshes it.
        takes_update: whether they take UPDATE.
    """

    id: str
    role: Literal["uas", "uac"]
    state: str
    call_id: bytes
    local_tag: str
    remote_tag: bytes = b""
    local: bytes = b""
    remote: bytes = b""
    target: bytes = b""
    routes: list[bytes] = []
    local_number: int = 0
    remote_number: int = -1
    flow: Flow
    local_sdp: bytes | None = None
    remote_sdp: bytes | None = None
    invite: bytes = b""
    answer: bytes = b""
    ack: bytes = b""
    reinvite: bytes = b""
    cancelling: bool = False
    reason: bytes = b""
    timer_seconds: int = 0
    timer_refresher: Literal["", "us", "them"] = ""
    takes_update: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(DialogRecord)


def encode_record(record: DialogRecord) -> bytes:
    """The record as it is stored."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> DialogRecord:
    """Read a record. Raises `msgspec.DecodeError` or `ValidationError` for anything else."""
    return _decoder.decode(data)


def octets(text: str) -> bytes:
    """A peer's text as it stood on the wire."""
    return text.encode("utf-8", "surrogateescape")


def text(data: bytes) -> str:
    """The inverse of `octets`."""
    return data.decode("utf-8", "surrogateescape")
