"""A chat between a visitor's page and us: what is said, by whom, and how much of it.

    visitor → {"type": "hello"}                                     or with contact, key and after
    server  → {"type": "welcome", "open": true, "title": …, …}
    visitor → {"type": "start", "id": …, "name": …, "email": …, "text": …}
    server  → {"type": "started", "contact": …, "key": …}
    server  → {"type": "said", "messages": [{"seq": 1, "id": …, "by": "visitor", …}]}
    server  → {"type": "state", "state": "waiting" | "talking" | "ended", …}
    visitor → {"type": "say", "id": …, "text": …}
    server  → {"type": "kept", "id": …, "seq": 7}                   it is on the disk
    visitor → {"type": "typing"} | {"type": "end"} | {"type": "copy"}
    visitor → {"type": "leave", "id": …, …}                         the form, while nobody is there
    server  → {"type": "taken", "id": …}
    server  → {"type": "refused", "id": …, "code": …, "words": …}

Why: every line to a visitor breaks one day, in the middle of a message or of its answer. So whoever
says something gives it a name of its own and says it again until it is `kept`; the same name again
is the same message. What was kept has its place in the conversation, counted from 1 without a hole,
and whoever connects again names the last place that she has. Nothing is lost and nothing is doubled.

Whoever knows a contact's key is its visitor: a random page cannot be, and neither can whoever only
knows its id.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from callcenter.domain.units import MINUTE, SECOND, Micros

TEXT_MAX = 4_000
"""Characters of a message."""
NAME_MAX = 80
EMAIL_MAX = 254
MESSAGE_BYTES_MAX = 24_000
"""Of a message of the protocol: the longest text, each character escaped, and what is around it."""
_ID = re.compile(r"[A-Za-z0-9-]{16,64}")
_EMAIL = re.compile(
    r"^[^@\s<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
KEY_CHARACTERS = 32
CONTACT_CHARACTERS = 24


class By(StrEnum):
    """Who said it."""

    VISITOR = "visitor"
    AGENT = "agent"
    NOTE = "note"
    """Ourselves, for whoever reads it here: it goes nowhere."""


class ChatFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was sent: kept by its hash, its type by what it is and not by what it says."""

    blob: str
    name: str
    type: str
    size: int


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message, as it is kept. Its place is its position in the conversation, from 1."""

    id: str
    by: By
    at: Micros
    name: str = ""
    """Of whoever said it, as the other side reads it."""
    agent: str = ""
    text: str = ""
    file: ChatFile | None = None


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="hello"):
    contact: str = ""
    key: str = ""
    after: int = 0
    """The last place that she has."""


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="start"):
    id: str
    """Known to nobody else: who says it again gets the same chat."""
    text: str
    name: str = ""
    email: str = ""
    page: str = ""
    language: str = ""


class Leave(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="leave"):
    """A word left while nobody is there: what it becomes is read and answered like a mail."""

    id: str
    text: str
    email: str
    name: str = ""
    page: str = ""
    language: str = ""


class Say(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="say"):
    id: str
    text: str


class Typing(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="typing"):
    pass


class Copy(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="copy"):
    """She wants the conversation by mail when it is over."""


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="end"):
    pass


FromVisitor: TypeAlias = Hello | Start | Leave | Say | Typing | Copy | End


class BadMessage(ValueError):
    """What a visitor sent is not taken: `code` for her page, words for her."""

    def __init__(self, code: str, words: str, name: str = "") -> None:
        super().__init__(words)
        self.code, self.words, self.name = code, words, name


class ChatOver(Exception):
    """Nothing more can be said in it."""


class ChatFull(Exception):
    """It holds as many messages as one may."""


class ChatsAway(ConnectionError):
    """Where conversations are kept cannot be reached, or its disk is full: nothing is sure, and
    the same may be said again."""


_decoder: msgspec.json.Decoder[FromVisitor] = msgspec.json.Decoder(FromVisitor)


def read_message(data: str | bytes) -> FromVisitor:
    """What a visitor's page sent, cleaned and within the limits. Raises `BadMessage`."""
    try:
        found = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as wrong:
        raise BadMessage("unreadable", "The page sent something that is not understood.") from wrong
    name = str(getattr(found, "id", ""))
    if not isinstance(found, Hello | Typing | Copy | End) and not is_id(name):
        raise BadMessage("unnamed", "The page sent a message without a proper name.")
    if isinstance(found, Say):
        return msgspec.structs.replace(found, text=text_of(found.text, name))
    if isinstance(found, Start | Leave):
        return _form(found)
    return found


def is_id(name: str) -> bool:
    """Is it a proper name of a message?"""
    return _ID.fullmatch(name) is not None


def _form(form: Start | Leave) -> Start | Leave:
    email = form.email.strip()
    if len(email) > EMAIL_MAX or (email and not _EMAIL.match(email)):
        raise BadMessage("email", "That is no mail address.", form.id)
    if isinstance(form, Leave) and not email:
        raise BadMessage("email", "Without a mail address nobody can answer.", form.id)
    return msgspec.structs.replace(
        form, text=text_of(form.text, form.id), email=email, name=line_of(form.name, NAME_MAX),
        page=line_of(form.page, 500), language=line_of(form.language, 20),
    )  # fmt: skip


def text_of(text: str, name: str = "") -> str:
    """Words without what no reader shows. Raises `BadMessage` for none and for too many."""
    cleaned = _CONTROL.sub("", text.replace("\r\n", "\n")).strip()
    if not cleaned:
        raise BadMessage("empty", "There is nothing in it.", name)
    if len(cleaned) > TEXT_MAX:
        raise BadMessage("too_long", f"A message has at most {TEXT_MAX} characters.", name)
    return cleaned


def line_of(text: str, most: int) -> str:
    """The beginning of it, on one line."""
    return " ".join(_CONTROL.sub(" ", text).split())[:most]


# --- names and keys -------------------------------------------------------------------------------


def contact_named(secret: bytes, door: str, start: str) -> str:
    """The contact that a `Start` becomes: the same however often it is said."""
    return _signed(secret, f"chat:{door}:{start}")[:CONTACT_CHARACTERS]


def key_of(secret: bytes, contact: str) -> str:
    """What proves that somebody is the visitor of a contact."""
    return _signed(secret, f"chat-key:{contact}")[:KEY_CHARACTERS]


def is_key(secret: bytes, contact: str, key: str) -> bool:
    """Is it hers?"""
    return hmac.compare_digest(key_of(secret, contact).encode(), key.encode("utf-8", "replace"))


def _signed(secret: bytes, words: str) -> str:
    return hmac.new(secret, words.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


# --- limits ---------------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a chat ends by itself, and how much of it there may be."""

    idle: Micros = 10 * MINUTE
    """Nobody wrote for so long, while an agent has it."""
    away: Micros = 90 * SECOND
    """Its visitor's page is gone for so long, while it waits."""
    messages_max: int = 1_000
    files_max: int = 20
    file_bytes_max: int = 10_000_000
    file_types: tuple[str, ...] = ("png", "jpeg", "gif", "webp", "pdf", "txt")


class Ends(StrEnum):
    """Why a chat ends by itself."""

    IDLE = "idle"
    AWAY = "away"


def ends(limits: Limits, *, talking: bool, said: Micros, seen: Micros, now: Micros) -> Ends | None:
    """Is it over? `said` is the last word of anybody (an agent's coming counts as one), `seen`
    when her page was last there."""
    if talking:
        return Ends.IDLE if now - said >= limits.idle else None
    return Ends.AWAY if now - seen >= limits.away else None


class Bucket:
    """So many at once, and after that one more every `every`: for one source.

    It fills up by itself; `empty` tells that it holds nothing worth remembering.
    """

    __slots__ = ("_full_at",)

    def __init__(self) -> None:
        self._full_at: Micros = 0

    def take(self, most: int, every: Micros, now: Micros) -> bool:
        """May there be one more now?"""
        begun = max(self._full_at, now)
        if begun + every - now > most * every:
            return False
        self._full_at = begun + every
        return True

    def is_full(self, now: Micros) -> bool:
        return self._full_at <= now


class Buckets:
    """Buckets by source, at most `most` of them: then those that say nothing are forgotten, and if
    that is not enough, a stranger is refused."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[str, Bucket] = {}

    def take(self, source: str, most: int, every: Micros, now: Micros) -> bool:
        """May this source have one more now?"""
        found = self._known.get(source)
        if found is None:
            if len(self._known) >= self._most:
                left = {name: one for name, one in self._known.items() if not one.is_full(now)}
                self._known = left
            if len(self._known) >= self._most:
                return False
            found = self._known[source] = Bucket()
        return found.take(most, every, now)


# --- files ----------------------------------------------------------------------------------------

MAGIC: tuple[tuple[str, bytes, str], ...] = (
    ("png", b"\x89PNG\r\n\x1a\n", "image/png"),
    ("jpeg", b"\xff\xd8\xff", "image/jpeg"),
    ("gif", b"GIF87a", "image/gif"),
    ("gif", b"GIF89a", "image/gif"),
    ("pdf", b"%PDF-", "application/pdf"),
)
"""What files begin with."""
KNOWN_TYPES = ("png", "jpeg", "gif", "webp", "pdf", "txt")
ENDINGS = {
    "png": ("png",), "jpeg": ("jpg", "jpeg"), "gif": ("gif",), "webp": ("webp",), "pdf": ("pdf",),
    "txt": ("txt",),
}  # fmt: skip


def type_of(data: bytes, allowed: tuple[str, ...]) -> tuple[str, str]:
    """What a file is, and how that is called. Raises `BadMessage` unless it may be sent."""
    found = next(((kind, mime) for kind, head, mime in MAGIC if data.startswith(head)), None)
    if found is None and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = ("webp", "image/webp")
    if found is None and _is_text(data):
        found = ("txt", "text/plain")
    if found is None or found[0] not in allowed:
        words = f"Files of this kind cannot be sent; these can: {', '.join(allowed) or 'none'}."
        raise BadMessage("file_type", words)
    return found


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return bool(data) and not _CONTROL.search(text)


def with_ending(name: str, kind: str) -> str:
    """A name that ends as what the file is."""
    ending = name.rpartition(".")[2].lower()
    return name if ending in ENDINGS[kind] else f"{name}.{ENDINGS[kind][0]}"


# --- the whole conversation -----------------------------------------------------------------------


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A chat that is over, as it is kept."""

    contact: str
    said: tuple[Said, ...] = ()


def transcript(said: tuple[Said, ...], visitor: str) -> str:
    """It as text to be read: one block per message."""
    blocks = []
    for one in said:
        at = datetime.fromtimestamp(one.at / SECOND, UTC)
        who = one.name or {By.VISITOR: visitor, By.AGENT: "Agent", By.NOTE: "Note"}[one.by]
        words = one.text or (f"[{one.file.name}, {one.file.size} bytes]" if one.file else "")
        blocks.append(f"{line_of(who, NAME_MAX)}, {at:%Y-%m-%d %H:%M:%S} UTC\n{words}\n")
    return "\n".join(blocks)


_said = msgspec.json.Decoder(Said)
_conversation = msgspec.json.Decoder(Conversation)
encode = msgspec.json.encode


def decode_said(data: bytes) -> Said:
    """Raises `msgspec.MsgspecError`."""
    return _said.decode(data)


def decode_conversation(data: bytes) -> Conversation:
    """Raises `msgspec.MsgspecError`."""
    return _conversation.decode(data)
