"""Which contact a letter continues: by an id of ours that nobody can forge, never by its subject.

    <c.CONTACT.SEQ.HMAC@domain>     the Message-ID of everything we send

Why: subjects repeat, are translated and are guessed by strangers. An id that we signed says that
whoever answers has our letter; ids that we have seen before are known too, but weigh less.
"""

import hashlib
import hmac
import re

MARK_CHARACTERS = 12
IDS_MAX = 12
"""Of a long chain of references the newest."""
_ID = re.compile(r"<[^<>\s]{3,250}>")
_OURS = re.compile(r"^<c\.([A-Za-z0-9_-]{1,64})\.(\d{1,9})\.([0-9a-f]{12})@")


def message_id(secret: bytes, contact: str, sequence: int, domain: str) -> str:
    """The id of our `sequence`-th letter about a contact: the same each time it is asked for."""
    return f"<c.{contact}.{sequence}.{mark(secret, contact, sequence)}@{domain}>"


def mark(secret: bytes, contact: str, sequence: int) -> str:
    said = f"{contact}.{sequence}".encode()
    return hmac.new(secret, said, hashlib.sha256).hexdigest()[:MARK_CHARACTERS]


def ids_in(value: str) -> list[str]:
    """The message ids of a header field, in its order."""
    return _ID.findall(value[:100_000])[:1000]


def answered(in_reply_to: str, references: str) -> tuple[str, ...]:
    """What a letter answers, the likeliest first: what it names, then its references backwards."""
    named = ids_in(in_reply_to)
    before = list(reversed(ids_in(references)))
    return tuple(dict.fromkeys((*named, *before)))[:IDS_MAX]


def letter_of(secret: bytes, ids: tuple[str, ...]) -> tuple[str, str]:
    """The contact and the name of the first of these letters that is really ours; empty when none
    is."""
    for one in ids:
        found = _OURS.match(one)
        if found and contact_of(secret, (one,)):
            return found.group(1), f"{found.group(1)}.{int(found.group(2))}"
    return "", ""


def contact_of(secret: bytes, ids: tuple[str, ...]) -> str:
    """The contact of the first id that is really ours; empty when none is."""
    for one in ids:
        found = _OURS.match(one)
        if found and hmac.compare_digest(
            found.group(3), mark(secret, found.group(1), int(found.group(2)))
        ):
            return found.group(1)
    return ""
