"""A letter of ours, whole and final: every byte is fixed before the first attempt to send it.

Why: whoever tries again must send the same letter, so that a server that has it already knows it.
And what strangers wrote goes into its fields: no line break of theirs may begin a field of ours.

Sources: RFC 5322 (fields, References), RFC 3834 (what answers by itself says so).
"""

from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

import msgspec

from callcenter.intake.document import Document
from callcenter.intake.sorts import OURS
from callcenter.intake.words import plain_address

SUBJECT_MAX = 250
REFERENCES_MAX = 11
"""Of the chain before it: the first, and the newest ten."""
PREFIXES = ("re:", "aw:", "antw:", "sv:", "rv:")


class Writer(msgspec.Struct, frozen=True, kw_only=True):
    """In whose name it goes out."""

    address: str
    name: str = ""
    signature: str = ""


class CannotWrite(ValueError):
    """Why no letter can be made, in words for the agent."""


def compose(
    document: Document,
    writer: Writer,
    text: str,
    message_id: str,
    now: int,
    *,
    by_itself: bool = False,
) -> bytes:
    """The answer to what a document says. Raises `CannotWrite`."""
    to = plain_address(document.facts.get("reply_to", "").partition(",")[0]) or document.sender
    if not to:
        raise CannotWrite("nobody knows whom to answer: it names no address")
    letter = EmailMessage(policy=SMTP if to.isascii() else SMTPUTF8)
    try:
        letter["From"] = _address(writer.name, writer.address)
        letter["To"] = _address("", to)
    except (ValueError, IndexError, HeaderParseError) as wrong:
        raise CannotWrite(f"{to!r} is no address that can be written to") from wrong
    letter["Subject"] = answer_subject(document.subject)
    letter["Date"] = format_datetime(datetime.fromtimestamp(now / 1_000_000, UTC))
    letter["Message-ID"] = message_id
    if document.message_id:
        letter["In-Reply-To"] = one_line(document.message_id)
        letter["References"] = " ".join(chain(document))
    letter[OURS] = "auto" if by_itself else "reply"
    if by_itself:
        letter["Auto-Submitted"] = "auto-replied"
        letter["X-Auto-Response-Suppress"] = "All"
    letter.set_content(_body(text, writer), cte="quoted-printable")
    return letter.as_bytes()


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(display_name=one_line(name), username=user, domain=domain)


def _body(text: str, writer: Writer) -> str:
    words = text.replace("\r\n", "\n").rstrip("\n")
    signature = f"\n\n-- \n{writer.signature.strip()}" if writer.signature.strip() else ""
    return f"{words}{signature}\n"


def one_line(text: str) -> str:
    """Without anything that could end a header field."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def answer_subject(subject: str) -> str:
    """`Re: …`, once."""
    plain = one_line(subject)[:SUBJECT_MAX] or "your message"
    return plain if plain.lower().startswith(PREFIXES) else f"Re: {plain}"


def chain(document: Document) -> list[str]:
    """What the answer refers to: the beginning of the talk, its newest letters, and this one."""
    before = [one_line(one) for one in document.references]
    kept = before if len(before) <= REFERENCES_MAX else [before[0], *before[-REFERENCES_MAX + 1 :]]
    return [*kept, one_line(document.message_id)]
