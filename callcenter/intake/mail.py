"""A mail as a document: its words, its files, what it answers, and whether a machine wrote it.

What happens here: the standard library takes the bytes apart (its oldest policy, which changes
nothing), and everything is read from the parts with our own hands, because what reads headers and
charsets there raises on real mail. Parts are walked with a list, not with recursion.

Why: nothing that arrives may be lost because it is malformed. Every limit has a name in `oddities`
and the mail is shown nevertheless; what breaks even the parser is shown as it came.

Limits: nesting 20, parts 500, files 50, text 1 MB, HTML 1 MB.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import collapse_rfc2231_value

import msgspec

from callcenter.intake.arrival import HEADER_BYTES_MAX, split, unfolded
from callcenter.intake.document import TEXT_SHOWN_MAX, Document, safe_name
from callcenter.intake.markup import text_of_html
from callcenter.intake.quotes import new_and_quoted
from callcenter.intake.reading import File, Reading
from callcenter.intake.sorts import sort_of, trusted
from callcenter.intake.threads import ids_in
from callcenter.intake.words import addresses, clean, header_text, text_of

DEPTH_MAX = 20
PARTS_MAX = 500
FILES_MAX = 50
TEXT_BYTES_MAX = 1024 * 1024
FIELDS_MAX = 2000
"""Header fields that are looked at; some mails have 200,000."""
DANGEROUS = (
    "exe",
    "scr",
    "js",
    "vbs",
    "bat",
    "cmd",
    "com",
    "pif",
    "jar",
    "ps1",
    "lnk",
    "hta",
    "msi",
)

RETURNED_MAX = 5
_ACTION = re.compile(rb"^action:([^\r\n]{1,40})", re.IGNORECASE | re.MULTILINE)
_RETURNED = re.compile(rb"<c\.[A-Za-z0-9_.-]{4,120}@[A-Za-z0-9.-]{1,120}>")

Mail = Message


class Found:
    """What the walk gathers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.pages: list[str] = []
        self.files: list[File] = []
        self.odd: dict[str, None] = {}
        self.report = ""
        """Of which sort, when a machine reports on a mail."""


def read_mail(data: bytes, blank: Document) -> Reading:
    """Everything there is to see in a mail. Never raises for what is written in it."""
    found = Found()
    data = data.lstrip(b"\xef\xbb\xbf\r\n")
    fields = fields_of(data, found)
    try:
        message: Mail = message_from_bytes(data)
        content_type, found.report = _type(message), _report(message)
        _walk(message, found)
    except Exception:  # noqa: BLE001 whatever is wrong with it, it is shown
        found.odd["unreadable"] = None
        content_type = ""
    document = _document(blank, fields, found, content_type)
    if document.sort == "bounce" and (returned := returned_ids(data)):
        facts = {**document.facts, "returned": " ".join(returned)}
        document = msgspec.structs.replace(document, facts=facts)
    return Reading(document=document, files=tuple(found.files))


def returned_ids(data: bytes) -> list[str]:
    """Ids of letters of ours that a delivery report gives up for good. One that only tells of a
    delay, or that it arrived, gives up none (RFC 3464 2.3.3)."""
    body = split(data)[1][:TEXT_BYTES_MAX]
    actions = {action.strip().lower() for action in _ACTION.findall(body)}
    if actions and b"failed" not in actions:
        return []
    named = dict.fromkeys(one.decode("ascii") for one in _RETURNED.findall(body))
    return list(named)[:RETURNED_MAX]


def fields_of(data: bytes, found: Found) -> list[tuple[str, str]]:
    """Names (small letters) and values of the header, read by ourselves."""
    header, _ = split(data)
    pairs: list[tuple[str, str]] = []
    if len(header) >= HEADER_BYTES_MAX:
        found.odd["header_too_long"] = None
    for number, line in enumerate(unfolded(header)):
        if number >= FIELDS_MAX:
            found.odd["too_many_fields"] = None
            break
        name, colon, value = line.partition(b":")
        if colon and name and name.strip().isascii() and b" " not in name.strip():
            pairs.append(
                (name.strip().decode("ascii", "replace").lower(),
                 value.decode("utf-8", "surrogateescape").strip())
            )  # fmt: skip
    return pairs


def _document(
    blank: Document, pairs: list[tuple[str, str]], found: Found, content_type: str
) -> Document:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if not fields.get(name):
            fields[name] = value
    senders = addresses(fields.get("from", "")) or addresses(fields.get("sender", ""))
    name, sender = senders[0] if senders else ("", "")
    subject = header_text(fields.get("subject", ""))
    whole = "\n\n".join(text for text in found.texts if text.strip())
    if not whole.strip() and found.pages:
        whole = text_of_html("\n".join(found.pages)[:TEXT_BYTES_MAX])
    text, quoted = new_and_quoted(whole)
    if len(text) > TEXT_SHOWN_MAX:
        found.odd["text_cut"] = None
        found.files.append(
            File(data=whole.encode(), name="text.txt", type="text/plain", role="text")
        )
    if found.pages:
        page = "\n".join(found.pages).encode()[:TEXT_BYTES_MAX]
        found.files.append(File(data=page, name="message.html", type="text/html", role="html"))
    results = [value for name, value in pairs if name == "authentication-results"]
    return msgspec.structs.replace(
        blank,
        subject=subject,
        sender=sender,
        name=name,
        text=text[:TEXT_SHOWN_MAX],
        quoted=quoted[:TEXT_SHOWN_MAX],
        sort=sort_of(fields, content_type, found.report, sender, subject),
        trust={
            **trusted(results, blank.facts.get("authserv", "")),
            **({"spam": "yes"} if _spam(fields) else {}),
        },
        message_id=_first(ids_in(fields.get("message-id", ""))),
        in_reply_to=_first(ids_in(fields.get("in-reply-to", ""))),
        references=tuple(ids_in(fields.get("references", ""))[-12:]),
        language=fields.get("content-language", "").partition(",")[0].strip().lower()[:10],
        oddities=tuple(found.odd),
        facts={**blank.facts, **_shown_fields(fields)},
    )


def _shown_fields(fields: dict[str, str]) -> dict[str, str]:
    wanted = {"to": "header_to", "cc": "header_cc", "reply-to": "reply_to", "date": "date"}
    shown = {}
    for name, as_name in wanted.items():
        value = fields.get(name, "")
        found = ", ".join(address for _, address in addresses(value)) if name != "date" else ""
        if value:
            shown[as_name] = found or header_text(value)[:200]
    return shown


def _first(ids: list[str]) -> str:
    return ids[0] if ids else ""


def _spam(fields: dict[str, str]) -> bool:
    flag = fields.get("x-spam-flag", "") or fields.get("x-spam", "")
    status = fields.get("x-spam-status", "")
    return flag.strip().lower() in ("yes", "true") or status.lower().startswith("yes")


# ---- parts --------------------------------------------------------------------------------------


def _walk(message: Mail, found: Found) -> None:
    preamble = getattr(message, "preamble", None)
    if _type(message) == "multipart/report" and preamble:
        found.texts.append(clean(str(preamble))[:TEXT_BYTES_MAX])
    for number, (part, depth) in enumerate(_parts(message)):
        if number >= PARTS_MAX:
            found.odd["too_many_parts"] = None
            return
        if depth > DEPTH_MAX:
            found.odd["too_deep"] = None
            continue
        _take(part, found)


def _parts(message: Mail) -> Iterator[tuple[Mail, int]]:
    """The leaves in their order, without recursion. Of alternatives all are given; a mail inside a
    mail is a leaf: a file to be opened."""
    left: list[tuple[Mail, int]] = [(message, 0)]
    while left:
        part, depth = left.pop()
        inside = part.get_payload()
        if isinstance(inside, list) and _type(part) != "message/rfc822" and depth <= DEPTH_MAX:
            left += [(child, depth + 1) for child in reversed(inside) if isinstance(child, Message)]
        else:
            yield part, depth


def _type(part: Mail) -> str:
    try:
        return str(part.get_content_type()).lower()
    except Exception:  # noqa: BLE001 the parser's own mistakes with broken fields
        return "text/plain"


def _parameter(part: Mail, name: str, header: str = "content-type") -> str:
    try:
        value = part.get_param(name, "", header)
        text = collapse_rfc2231_value(value) if value else ""
    except Exception:  # noqa: BLE001 the same
        return ""
    return header_text(str(text))


def _report(message: Mail) -> str:
    return (
        _parameter(message, "report-type").lower() if _type(message) == "multipart/report" else ""
    )


def _take(part: Mail, found: Found) -> None:
    """One leaf: words to read, or a file."""
    kind = _type(part)
    name = _parameter(part, "filename", "content-disposition") or _parameter(part, "name")
    told = str(part.get("content-disposition", "")).strip().lower()
    attached = told.startswith("attachment")
    if kind.startswith("multipart/"):
        kind = "text/plain"  # it says so, and has no parts
    if kind in ("text/plain", "text/html") and not attached and not name:
        _take_words(part, kind, found)
        return
    if kind.startswith(("message/delivery-status", "message/disposition-notification",
                        "message/feedback-report")):  # fmt: skip
        found.texts.append(text_of(_data(part))[0][:TEXT_BYTES_MAX])
        return
    if len(found.files) >= FILES_MAX:
        found.odd["too_many_files"] = None
        return
    instead = "message.eml" if kind.startswith("message/") else f"file-{len(found.files) + 1}"
    name = safe_name(name, instead)
    if name.rpartition(".")[2].lower() in DANGEROUS:
        found.odd["dangerous_file"] = None
    returned = found.report and kind in ("message/rfc822", "text/rfc822-headers")
    role = "returned" if returned else "attachment"
    found.files.append(File(data=_data(part), name=name, type=kind[:100], role=role))


def _take_words(part: Mail, kind: str, found: Found) -> None:
    data = _data(part)
    if len(data) > TEXT_BYTES_MAX:
        found.odd["text_too_long"] = None
        data = data[:TEXT_BYTES_MAX]
    text, wrong = text_of(data, _parameter(part, "charset"))
    if wrong:
        found.odd[wrong] = None
    (found.pages if kind == "text/html" else found.texts).append(text)


def _data(part: Mail) -> bytes:
    """The bytes of a leaf, whatever was said of their encoding."""
    inside = part.get_payload()
    if isinstance(inside, list):
        try:
            return b"\n".join(child.as_bytes() for child in inside if isinstance(child, Message))
        except Exception:  # noqa: BLE001 what cannot be written again is lost in this view only
            return b""
    try:
        data = part.get_payload(decode=True)
    except Exception:  # noqa: BLE001 as above
        data = None
    if isinstance(data, bytes):
        return data
    return str(inside or "").encode("utf-8", "surrogateescape")
