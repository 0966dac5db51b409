"""A contact that is read: what it says, for the one who reads it.

Why: a mail, a fax and a voice message are shown, searched and erased alike. A document is made
anew from its blob at any time, so it is no truth of its own; it holds what people wrote, so it is
kept in the erasable place and never in the journal.
"""

import re

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId, Micros

NAME_MAX = 120
TEXT_SHOWN_MAX = 200_000
"""Characters of text that are shown; the rest is in the blob."""
PREVIEW_MAX = 200


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a document."""

    blob: str
    name: str
    type: str
    size: int
    role: str = "attachment"
    """`raw` as it came, `attachment`, `html` made harmless, `text` whole, `pages`, `recording`."""


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is to read."""

    contact: ContactId
    channel: Channel
    source: str
    received: Micros
    subject: str = ""
    sender: str = ""
    """Address of whoever wrote it."""
    name: str = ""
    """How she calls herself: anybody may call himself anything."""
    text: str = ""
    """Without what is quoted."""
    quoted: str = ""
    """What was cut off `text`."""
    language: str = ""
    sort: str = "normal"
    """`normal`, or what no person is answered: `bounce`, `auto-reply`, `list`, `report`, `loop`."""
    trust: dict[str, str] = {}
    """What our own mail server found: `dkim`, `spf`, `dmarc`, `spam`."""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    oddities: tuple[str, ...] = ()
    """What was wrong with it, by name."""
    facts: dict[str, str] = {}

    @property
    def preview(self) -> str:
        """The beginning, on one line."""
        return " ".join(self.text.split())[:PREVIEW_MAX]


def raw_view(
    contact: ContactId, channel: Channel, source: str, received: Micros, blob: str, size: int,
    why: str,
) -> Document:  # fmt: skip
    """What is shown of something that could not be read: the file as it came."""
    kind = "message/rfc822" if channel is Channel.EMAIL else "application/octet-stream"
    name = "message.eml" if channel is Channel.EMAIL else "received.bin"
    return Document(
        contact=contact, channel=channel, source=source, received=received, oddities=(why,),
        parts=(Part(blob=blob, name=name, type=kind, size=size, role="raw"),),
    )  # fmt: skip


_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u202a-\u202e\u2066-\u2069\u200e\u200f]')


def safe_name(name: str, instead: str) -> str:
    """A file name that no file system, shell or reader is fooled by: no path, no control character,
    nothing that turns the direction of writing."""
    cleaned = _UNSAFE.sub("_", name.replace("\ufffd", "_")).strip(" .")
    if len(cleaned) > NAME_MAX:
        stem, dot, ending = cleaned.rpartition(".")
        keep = ending[:10] if dot else ""
        cleaned = (stem or cleaned)[: NAME_MAX - len(keep) - 1] + dot + keep
    return cleaned or instead


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Document)


def encode_document(document: Document) -> bytes:
    """The document as it is kept."""
    return _encoder.encode(document)


def decode_document(data: bytes) -> Document:
    """Read a document. Raises `msgspec.DecodeError` or `ValidationError` for anything else."""
    return _decoder.decode(data)
