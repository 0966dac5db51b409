"""A fax that is over becomes a contact, exactly once.

    pages ─► one TIFF ─► blob by its hash ─► claim (key, note, command: one step) ─► ledger forgets

Why: the worker may die between any two of these, and then does all of them again: the same bytes
are the same blob, and the call's id is the key by which the claim knows the fax. From there on a
fax is like whatever else is read: the intake makes a document of it and queues it.

Sources: TIFF 6.0, section 11 (T.6 in TIFF).
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path

import structlog
from PIL import Image

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.fax.ledger import Fax
from callcenter.adapters.intake.claims import Call, Claims
from callcenter.adapters.intake.pipeline import new_id
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import StoreError
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId, PartyId
from callcenter.intake.arrival import Note

log = structlog.get_logger(__name__)

KIND = "fax"


class Delivery:
    """The way of received faxes to the queue."""

    def __init__(self, directory: Path, call: Call, keys: Keys, source: str, epoch: int) -> None:
        self._blobs = Blobs(directory)
        self._claims = Claims(call, keys, f"{source}-claims", epoch)

    async def begin(self) -> None:
        """Make what is needed."""
        await asyncio.to_thread(self._blobs.prepare)

    async def deliver(self, fax: Fax) -> bool:
        """Have it be a contact. False when store or disk are away: try again."""
        try:
            blob = await asyncio.to_thread(lambda: self._blobs.keep(one_file(fax)))
            caller = fax.call.caller or fax.report.ident
            note = note_of(fax, blob)
            value = json.dumps({"number": caller, "name": ""})
            receipt = await self._claims.claim((key_of(fax),), note, value)
        except (StoreUnavailable, StoreError, OSError) as away:
            log.warning("a fax waits to be handed on", reason=type(away).__name__)
            return False
        log.info("fax handed on", contact=receipt.contact, new=receipt.new, call=fax.call.id)
        return True


def key_of(fax: Fax) -> str:
    """By which it is known again."""
    return f"fax:{fax.call.id}"


def note_of(fax: Fax, blob: str) -> Note:
    """What the intake needs to know of it. No number: those go to the erasable place."""
    sub_address = fax.report.sub_address
    named = sub_address if sub_address in fax.call.sub_addresses else ""
    return Note(
        contact=ContactId(new_id()),
        channel=Channel.FAX,
        kind=KIND,
        source=f"{fax.call.dialled}/{named}" if named else fax.call.dialled,
        blob=blob,
        party=PartyId(new_id()) if fax.call.caller or fax.report.ident else PartyId(""),
        received=time.time_ns() // 1000,
        facts={
            "pages": str(sum(count for _, count in fax.pages)),
            "partial": "yes" if fax.is_partial else "",
            "rate": str(fax.report.bit_rate),
            "ecm": "yes" if fax.report.ecm else "",
            "bad_rows": str(fax.report.bad_rows),
            "why": fax.report.text if fax.is_partial else "",
        },
    )


def one_file(fax: Fax) -> bytes:
    """All confirmed pages as one TIFF; a file that holds just those is left as it is."""
    if len(fax.pages) == 1:
        file, count = fax.pages[0]
        with Image.open(file) as image:
            if getattr(image, "n_frames", 1) == count:
                return file.read_bytes()
    pages = [page for file, count in fax.pages for page in pages_of(file, count)]
    made = io.BytesIO()
    pages[0].save(
        made, "TIFF", save_all=True, append_images=pages[1:], compression="group4",
    )  # fmt: skip
    return made.getvalue()


def pages_of(file: Path, count: int) -> list[Image.Image]:
    """The first pages of a file, each with the resolution it was sent in."""
    found = []
    with Image.open(file) as image:
        for number in range(count):
            image.seek(number)
            page = image.convert("1")
            page.info["dpi"] = image.info.get("dpi", (204, 196))
            page.encoderinfo = {"dpi": page.info["dpi"]}
            found.append(page)
    return found
