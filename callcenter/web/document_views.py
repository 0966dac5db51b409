"""Mails, faxes and messages as the API shows them."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent wrote beside a document: for colleagues, and the answer she has not sent."""

    notes: str = ""
    draft: str = ""


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a document."""

    blob: str
    name: str
    type: str
    size: int
    role: str


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to read of a contact, what its customer wrote since, and what is noted."""

    contact: str
    channel: str
    subject: str
    sender: str
    name: str
    received: datetime
    text: str
    quoted: str
    sort: str
    trust: dict[str, str]
    oddities: list[str]
    facts: dict[str, str]
    files: list[FileView]
    page: bool
    """Whether there is a page to be shown in a frame."""
    replies: list[DocumentView] = []
    answerable: bool = False
    """Whether it can be answered from here."""
    faxable: bool = False
    """Whether a fax can be sent to whoever sent it."""
    templates: dict[str, str] = {}
    notes: str = ""
    draft: str = ""


class LetterView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was written to the customer: `waiting` until it goes out, and may be taken back
    until then; `due`, `sent`, `failed`, `cancelled`; `unsure` when nobody knows."""

    letter: str
    stage: str
    until: datetime | None
    reason: str = ""


class FaxView(msgspec.Struct, frozen=True, kw_only=True):
    """A fax of ours: `waiting` until somebody is called and between attempts, `due` while one is;
    `sent`, `failed`, `cancelled`; `unsure` when nobody knows whether the rest arrived."""

    fax: str
    stage: str
    to: str
    """The number, masked, while it is not over."""
    pages: int
    confirmed: int
    """So many the other machine has for certain."""
    attempt: int
    outcome: str
    """What the last attempt came to."""
    until: datetime | None
    """When somebody is called."""
    origin: str
    """The contact that it answers."""
    placed: datetime
    changed: datetime


class FaxList(msgspec.Struct, frozen=True, kw_only=True):
    """Faxes of ours, the newest first."""

    faxes: list[FaxView]


class ChatRow(msgspec.Struct, frozen=True, kw_only=True):
    """A chat in her hands: how much was said in it, whether its visitor types, and is there."""

    said: int
    typing: bool
    here: bool


class ChatFileView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was sent in a chat."""

    blob: str
    name: str
    type: str
    size: int


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message; `seq` is its place, from 1 without a hole."""

    seq: int
    id: str
    by: str
    """`visitor` or `agent`."""
    name: str
    at: datetime
    text: str
    file: ChatFileView | None = None


class ChatView(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation after a place, and what there is beside it."""

    contact: str
    messages: list[ChatMessage]
    name: str
    """How its visitor calls herself."""
    email: str
    page: str
    """Where she was when she began."""
    language: str
    templates: dict[str, str]
    notes: str
    draft: str


class ChatKept(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message stands now."""

    seq: int


class DeskDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document in her hands."""

    contact: str
    state: str
    """`ringing` offered to her, `talking` worked on, `aside` put aside by her, `waiting` for her."""
    offer: str
    segment: str
    channel: str
    queue: str
    queue_title: str
    subject: str
    sender: str
    preview: str
    since: datetime
    due: datetime | None
    """When it comes back, or when its offer ends."""
    waited_seconds: float
    held: bool
    replies: int
    letters: list[LetterView]
    attributes: dict[str, str]
    dispositions: list[str]
    disposition: str
    chat: ChatRow | None = None
