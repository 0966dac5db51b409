"""What arrived, and by which keys it is known again.

    receive ─► blob ─► claim of the keys, which is the command ─► acknowledge ─► parse ─► queue

Why: whoever hands us something (a mail server, a mailbox, a fax) hands it over again until it has
heard our answer, and every answer can be lost. So what arrived is known by keys that are the same
each time: its place at the source (mailbox, UIDVALIDITY and UID; a call's id) and what it says.
Whichever key was seen before, it is the same document, and it is acknowledged without a second one.

Two letters with one Message-ID but other words are two letters (clients repeat ids); the same
letter in two mailboxes is two as well, because each has its own people.
"""

import hashlib
import re
from collections.abc import Collection, Iterable

import msgspec

from callcenter.domain.center import Channel
from callcenter.domain.commands import ContactReported
from callcenter.domain.units import ContactId, FrontendId, PartyId
from callcenter.intake.threads import answered

TOLD = (b"message-id", b"date", b"from", b"sender", b"to", b"cc", b"subject")
"""Header fields that the writer made. Those that servers add on the way differ from copy to copy."""
PAGES = re.compile(
    rb"^content-type:\s*(image/tiff|application/pdf)\b", re.IGNORECASE | re.MULTILINE
)
NUMBER = re.compile(rb"\+?[0-9]{6,15}")
HEADER_BYTES_MAX = 262_144
"""So much of a header is looked at for the key."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Something to read, as it came, before anybody understood it."""

    channel: Channel
    kind: str
    """What parses it: `mail`, or what another room of the intake reads."""
    source: str
    """Where it came in: the name of a mailbox, a fax number. Ours, so no personal data."""
    keys: tuple[str, ...]
    """By each of which it is known again; at least one."""
    address: str = ""
    """Who sent it, as the envelope says: for the erasable place."""
    facts: dict[str, str] = {}
    """What only whoever received it knows, such as the pages of a fax."""
    thread: tuple[str, ...] = ()
    """Ids of messages that it answers, the likeliest first."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of an arrival until it waits in a queue."""

    contact: ContactId
    channel: Channel
    kind: str
    source: str
    blob: str
    party: PartyId
    received: int
    """UTC, microseconds."""
    facts: dict[str, str] = {}


def reported(note: Note, reply_to: ContactId = ContactId("")) -> ContactReported:
    """The command by which the arrival becomes a contact."""
    return ContactReported(
        contact=note.contact,
        channel=note.channel,
        frontend=FrontendId(""),
        dialled=note.source,
        party=note.party,
        blob=note.blob,
        reply_to=reply_to,
        lasting=note.kind == "message",
    )


def mail_arrival(
    source: str, mail: bytes, sender: str, to: str, *, place: str = "", authserv: str = ""
) -> Arrival:
    """A mail as it came in at a mailbox. `sender` is the envelope's; `place` a key of its own."""
    fields = {"in-reply-to": b"", "references": b""}
    for line in unfolded(split(mail)[0]):
        name, _, value = line.partition(b":")
        told = name.strip().lower().decode("ascii", "replace")
        if told in fields and not fields[told]:
            fields[told] = value
    named = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return Arrival(
        channel=Channel.EMAIL,
        kind="mail",
        source=source,
        keys=tuple(filter(None, (place, content_key(source, mail)))),
        address=sender,
        facts={"to": to, "authserv": authserv},
        thread=answered(named["in-reply-to"], named["references"]),
    )


def as_fax(arrival: Arrival, mail: bytes, gateways: Collection[str]) -> Arrival:
    """A mail from one of the `gateways` (addresses in small letters) with pages in it is a fax; any
    other is what it was. Who faxed stands in its subject, as those services write it."""
    fields = {"from": b"", "subject": b""}
    for line in unfolded(split(mail)[0]):
        name, _, value = line.partition(b":")
        told = name.strip().lower().decode("ascii", "replace")
        if told in fields and not fields[told]:
            fields[told] = value
    written = fields["from"].decode("utf-8", "replace").rpartition("<")[2].strip(" <>\r\n")
    sender = (arrival.address or written).lower()
    if sender not in gateways or not PAGES.search(mail):
        return arrival
    number = NUMBER.search(fields["subject"])
    return msgspec.structs.replace(
        arrival,
        channel=Channel.FAX,
        kind="fax-mail",
        address=number[0].decode() if number else "",
        thread=(),
    )


def content_key(source: str, mail: bytes) -> str:
    """What a mail says, for one mailbox: the fields its writer made, and the body."""
    header, body = split(mail)
    told = sorted(line for line in unfolded(header) if line.partition(b":")[0].lower() in TOLD)
    digest = hashlib.sha256()
    for part in (*told, b"", body):
        digest.update(part.strip() + b"\0")
    return f"mail:{source}:{digest.hexdigest()}"


def place_key(source: str, uidvalidity: int, uid: int) -> str:
    """Where a mail lies in a mailbox; a mailbox that is made anew has another UIDVALIDITY."""
    return f"imap:{source}:{uidvalidity}:{uid}"


def split(mail: bytes) -> tuple[bytes, bytes]:
    """Header and body, whichever line ends are used."""
    for gap in (b"\r\n\r\n", b"\n\n"):
        header, found, body = mail.partition(gap)
        if found and len(header) <= HEADER_BYTES_MAX:
            return header, body
    return mail[:HEADER_BYTES_MAX], mail


def unfolded(header: bytes) -> Iterable[bytes]:
    """The fields of a header, each on one line."""
    field = b""
    for line in header.replace(b"\r\n", b"\n").split(b"\n"):
        if line[:1] in (b" ", b"\t") and field:
            field += b" " + line.strip()
            continue
        if field:
            yield field
        field = line
    if field:
        yield field
