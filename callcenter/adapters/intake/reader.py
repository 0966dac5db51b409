"""The reader's process: understands one file at a time, with little time and memory to do it in.

    parent ── {"kind", "path", "contact", …} one line ──► reads ── document as one line ──► parent

Why: whoever sends us something chooses what our parser chews on. A process of its own can run out
of time or memory, or die, and nobody else notices; what it cannot read is shown as it came. It
keeps the files it finds in the blob store itself, so that nothing large travels twice.

Run as `python -m callcenter.adapters.intake.reader DIRECTORY`.
"""

from __future__ import annotations

import ctypes
import json
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import nh3

from callcenter.adapters.blobs import Blobs
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.chat_door import read_form
from callcenter.intake.document import Document, Part, encode_document
from callcenter.intake.fax_hooks import KINDS
from callcenter.intake.fax_order import FaxOrder
from callcenter.intake.mail import read_mail
from callcenter.intake.reading import Reading

MEMORY_BYTES_MAX = 768 * 1024 * 1024
FILE_BYTES_MAX = 64 * 1024 * 1024
PAGE_BYTES_MAX = 1024 * 1024
ELEMENTS_MAX = 40_000
ATTRIBUTES = {
    "a": {"href", "title"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan"},
    "table": {"border", "cellpadding", "cellspacing"},
    "img": {"alt"},
    "ol": {"start"},
}
"""What elements may say of themselves: an image may say what it shows, not where it is."""
_PR_SET_PDEATHSIG = 1

Reader = Callable[[bytes, Document], Reading]


def plain(data: bytes, blank: Document) -> Reading:
    """Text as it is, for whoever has nothing better to say what it is."""
    text = data.decode("utf-8", "replace").replace("\x00", "")
    return Reading(document=msgspec.structs.replace(blank, text=text))


def harmless(page: bytes) -> bytes:
    """HTML with what cannot do anything: no script, no form, nothing loaded from anywhere.

    Deeply nested pages cost the cleaner seconds: those are shown as text alone.
    """
    text = page.decode("utf-8", "replace")
    if text.count("<") > ELEMENTS_MAX or len(page) > PAGE_BYTES_MAX:
        return b""
    return nh3.clean(
        text, attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer", strip_comments=True,
    ).encode()  # fmt: skip


_MAIL = ("message.eml", "message/rfc822")
RAW: dict[str, tuple[str, str]] = {
    "mail": _MAIL,
    "fax-mail": _MAIL,
    "form": ("form.json", "application/json"),
    "message": ("message.json", "application/json"),
}
"""What the file is called as it came, by its kind."""


def fax(data: bytes, blank: Document) -> Reading:
    """Pages of a fax, from a TIFF or a PDF. What draws them is loaded when the first one comes."""
    from callcenter.adapters.fax.reader import read_fax
    from callcenter.adapters.fax.writer import write_fax

    if data.startswith(b"%PDF"):
        facts = {**blank.facts, "pages": ""}  # however many it has
        return read_fax(write_fax(FaxOrder(), data)[0], msgspec.structs.replace(blank, facts=facts))
    return read_fax(data, blank)


def fax_mail(data: bytes, blank: Document) -> Reading:
    """A fax in a mail: its pages are the fax, its words stand beside. Raises `ValueError` when no
    file of it holds pages."""
    mail = read_mail(data, blank)
    for file in mail.files:
        if file.data[:4] in KINDS:
            found = fax(file.data, blank)
            text = mail.document.text
            return Reading(
                document=msgspec.structs.replace(found.document, text=text), files=found.files
            )
    raise ValueError("no pages in it")


READERS: dict[str, Reader] = {
    "mail": read_mail, "text": plain, "fax": fax, "fax-mail": fax_mail, "form": read_form,
    "message": read_form,
}  # fmt: skip
"""What understands which kind. Another channel adds its own."""


def read(blobs: Blobs, order: dict[str, Any]) -> Document:
    """The document of one arrival, its files kept."""
    data = Path(order["path"]).read_bytes()
    blank = Document(
        contact=ContactId(order["contact"]),
        channel=Channel(order["channel"]),
        source=order["source"],
        received=order["received"],
        facts=order["facts"],
    )
    reading = READERS[order["kind"]](data, blank)
    parts = []
    for file in reading.files:
        data_of = harmless(file.data) if file.role == "html" else file.data
        if data_of or file.role != "html":
            parts.append(
                Part(blob=blobs.keep(data_of), name=file.name, type=file.type,
                     size=len(data_of), role=file.role)
            )  # fmt: skip
    name, kind = RAW.get(order["kind"], ("received.bin", "application/octet-stream"))
    raw = Part(blob=order["blob"], name=name, type=kind, size=len(data), role="raw")
    return msgspec.structs.replace(reading.document, parts=(*parts, raw))


def main(directory: str) -> None:
    """Read what is ordered until the parent is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent says when it is over
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    blobs = Blobs(Path(directory))
    for line in sys.stdin.buffer:
        try:
            answer = {"document": json.loads(encode_document(read(blobs, json.loads(line))))}
        except (Exception, MemoryError) as failed:  # noqa: BLE001 shown as it came, and counted
            answer = {"failed": type(failed).__name__}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
