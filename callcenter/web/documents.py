"""Mails, faxes and messages at the desk: what there is to read, and what is done with it.

What happens here: whoever holds a document (it is offered to her, she works on it, she put it aside)
or supervises may read it and act on it; nobody else. Files are handed out to be saved, never shown
by the browser as what they claim to be; a mail's page is shown in a frame that can do nothing.

Why: what strangers write is the most dangerous thing on the page. The page was made harmless when it
was read, its frame may run and load nothing, and its answer says so once more.

Sources: CSP Level 3 (`sandbox`), RFC 6266 and RFC 8187 (file names), OWASP file download.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web
from pydantic import AwareDatetime, Field

from callcenter.domain import commands as c
from callcenter.domain.center import Channel
from callcenter.domain.commands import LetterStage
from callcenter.domain.units import SECOND, AgentId, ContactId, LetterId, Micros, OfferId
from callcenter.intake.document import Document
from callcenter.intake.letter import CannotWrite
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveAgent, LiveContact, Stage
from callcenter.web.access import Need, Principal, authorize
from callcenter.web.act import Asking, request_id
from callcenter.web.document_views import (
    ChatRow,
    DeskDocument,
    DocumentView,
    FileView,
    LetterView,
    Notes,
)
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call

TEXT_MAX = 40_000
KNOWN_MAX = 2_000
"""Documents whose head is remembered for the desks."""
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


DRAWN = ("pages", "thumbnail")
"""Roles of pictures that our own reader made; nothing that came in has one of them."""
PICTURE = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=600",
}


class DocumentsPort(Protocol):
    """Where documents are kept. Raises `LookupError` for what is not there."""

    async def document(self, contact: str) -> Document: ...

    async def file(self, blob: str) -> bytes: ...

    async def notes(self, contact: str) -> Notes: ...

    async def keep_notes(self, contact: str, notes: Notes) -> None: ...

    def templates(self, source: str) -> dict[str, str] | None:
        """Answers to begin with; None where nothing can be answered."""

    def undo_seconds(self, source: str) -> int:
        """So long an answer may be taken back."""

    async def write(self, document: Document, text: str, now: Micros) -> tuple[str, str]:
        """The whole answer, kept: its name and its blob. Raises `CannotWrite`."""


class OfferBody(Body):
    """Does she take it?"""

    accept: bool


class AsideBody(Body):
    """Until when it rests; null until its customer writes again."""

    until: AwareDatetime | None = None


class DoneBody(Body):
    """What it was, in the words of the queue; may be empty."""

    disposition: str = Field("", max_length=100)


class LetterBody(Body):
    """What is answered, and when it goes out; at once (less the time for second thoughts) if null."""

    text: str = Field(min_length=1, max_length=TEXT_MAX)
    send_at: AwareDatetime | None = None


class AgainBody(Body):
    """Nothing: the letter is what it was."""


class NotesBody(Body):
    """Replaces what is noted."""

    notes: str = Field("", max_length=TEXT_MAX)
    draft: str = Field("", max_length=TEXT_MAX)


class Documents:
    """The handlers, and the part of a desk that is about documents."""

    def __init__(self, picture: Picture, asking: Asking, port: DocumentsPort | None) -> None:
        self._picture = picture
        self._asking = asking
        self._port = port
        self._known: OrderedDict[str, Document] = OrderedDict()
        self.faxable: Callable[[LiveContact], bool] = lambda _contact: False
        self.chat_row: Callable[[LiveContact], ChatRow] | None = None
        """What a desk shows of a chat."""

    # --- who may ------------------------------------------------------------------------------

    def held(self, call: Call) -> LiveContact:
        """The document in the address, for those who hold it. Raises `Refused`."""
        contact = self._picture.live.data.contacts.get(ContactId(call.path("id")))
        if contact is None or not contact.document:
            authorize(call.who, Need.DESK)
            raise Refused(404, f"there is no document {call.path('id')!r}")
        self._authorize(call.who, contact)
        return contact

    @staticmethod
    def _authorize(who: Principal, contact: LiveContact) -> None:
        holders = {contact.agent, contact.put_by, *contact.also.values()}
        mine = who.agent if who.agent in holders else AgentId(contact.agent or "nobody")
        authorize(who, Need.DESK, mine)

    @property
    def files(self) -> DocumentsPort:
        if self._port is None:
            raise Refused(503, "this center keeps no documents")
        return self._port

    # --- reading ------------------------------------------------------------------------------

    async def read(self, call: Call) -> DocumentView:
        """What there is to read."""
        contact = self.held(call)
        notes = await self.files.notes(contact.id)
        replies = [await self._view(reply, contact) for reply in contact.replies]
        view = await self._view(contact.id, contact)
        templates = self.files.templates(contact.dialled)
        return msgspec.structs.replace(
            view, replies=replies, notes=notes.notes, draft=notes.draft,
            answerable=templates is not None and bool(view.sender), templates=templates or {},
            faxable=self.faxable(contact),
        )  # fmt: skip

    async def _view(self, name: str, contact: LiveContact) -> DocumentView:
        document = await self.document(name) or Document(
            contact=ContactId(name), channel=contact.channel, source=contact.dialled,
            received=contact.arrived, oddities=("not_read_yet",),
        )  # fmt: skip
        return DocumentView(
            contact=name,
            channel=document.channel.value,
            subject=document.subject,
            sender=document.sender or self._number(name, contact),
            name=document.name,
            received=as_time(document.received),
            text=document.text,
            quoted=document.quoted,
            sort=document.sort,
            trust=document.trust,
            oddities=list(document.oddities),
            facts=document.facts,
            files=[
                FileView(blob=p.blob, name=p.name, type=p.type, size=p.size, role=p.role)
                for p in document.parts
                if p.role != "html"
            ],
            page=any(p.role == "html" for p in document.parts),
        )

    def _number(self, name: str, contact: LiveContact) -> str:
        """Whoever reads a fax may know who sent it."""
        is_fax = contact.channel is Channel.FAX and name == contact.id
        return self._picture.callers.numbers.get(contact.party, "") if is_fax else ""

    async def document(self, contact: str) -> Document | None:
        found = self._known.get(contact)
        if found is None and self._port is not None:
            try:
                found = await self._port.document(contact)
            except (LookupError, msgspec.MsgspecError):
                return None
            self._known[contact] = found
            while len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return found

    async def page(self, call: Call) -> web.Response:
        """A mail's page, for a frame that can do nothing."""
        contact = self.held(call)
        part = call.path("part")
        if part != contact.id and part not in contact.replies:
            raise Refused(404, "that is no part of this document")
        document = await self.document(part)
        for found in document.parts if document else ():
            if found.role == "html":
                text = await self._bytes(found.blob)
                headers = {"Content-Security-Policy": PAGE_POLICY, "X-Frame-Options": "SAMEORIGIN"}
                head = b'<!doctype html><meta charset="utf-8"><base target="_blank">'
                return web.Response(body=head + text, content_type="text/html", headers=headers)
        raise Refused(404, "it has no page")

    async def file(self, call: Call) -> web.Response:
        """One of its files, to be saved."""
        contact = self.held(call)
        wanted = call.path("blob")
        for name in (contact.id, *contact.replies):
            document = await self.document(name)
            for part in document.parts if document else ():
                if part.blob == wanted and part.role == "recording":
                    return _to_be_heard(await self._bytes(wanted))
                if part.blob == wanted and part.role != "html":
                    return to_be_saved(await self._bytes(wanted), part.name)
        raise Refused(404, "that file is no part of this document")

    async def picture(self, call: Call) -> web.Response:
        """A page of a fax, as our own reader drew it: the only file that is shown as it is."""
        contact = self.held(call)
        wanted = call.path("blob")
        for name in (contact.id, *contact.replies):
            document = await self.document(name)
            for part in document.parts if document else ():
                if part.blob == wanted and part.role in DRAWN:
                    data = await self._bytes(wanted)
                    return web.Response(body=data, content_type="image/png", headers=PICTURE)
        raise Refused(404, "that picture is no part of this document")

    async def _bytes(self, blob: str) -> bytes:
        try:
            return await self.files.file(blob)
        except LookupError as missing:
            raise Refused(404, "that file is gone") from missing

    # --- doing --------------------------------------------------------------------------------

    async def answer(self, call: Call) -> Answer:
        """She takes what is offered to her, or declines it: a document, or a call."""
        body: OfferBody = call.body
        offer = OfferId(call.path("id"))
        agents = self._picture.live.data.agents.values()
        agent = next((one.id for one in agents if offer in one.offers), AgentId(""))
        authorize(call.who, Need.DESK, agent or call.who.agent)
        return await self._asking.ask(
            c.OfferAnswerRequested(
                offer=offer, agent=agent or call.who.agent, accept=body.accept,
                by=call.who.name, request=request_id(),
            )
        )  # fmt: skip

    async def put_aside(self, call: Call) -> Answer:
        """Let it rest until a time or a reply."""
        body: AsideBody = call.body
        contact = self.held(call)
        until: Micros = int(body.until.timestamp() * 1_000_000) if body.until else 0
        return await self._asking.ask(
            c.PutAsideRequested(
                contact=contact.id, agent=contact.agent, until=until, request=request_id()
            )
        )

    async def done(self, call: Call) -> Answer:
        """It is resolved."""
        body: DoneBody = call.body
        contact = self.held(call)
        return await self._asking.ask(
            c.DoneRequested(
                contact=contact.id, agent=contact.agent, disposition=body.disposition,
                request=request_id(),
            )
        )  # fmt: skip

    async def write(self, call: Call) -> Answer:
        """Answer the customer."""
        body: LetterBody = call.body
        contact = self.held(call)
        document = await self.document(contact.id)
        if document is None or self.files.templates(document.source) is None:
            raise Refused(409, "this cannot be answered from here", kind="refused")
        latest = await self.document(contact.replies[-1]) if contact.replies else None
        now = self._picture.now()
        undo = self.files.undo_seconds(document.source) * SECOND
        later = int(body.send_at.timestamp() * SECOND) if body.send_at else 0
        named = msgspec.structs.replace(latest or document, contact=contact.id)
        try:
            letter, blob = await self.files.write(named, body.text, now)
        except CannotWrite as wrong:
            raise Refused(409, str(wrong), kind="refused") from wrong
        return await self._asking.ask(
            c.LetterRequested(
                letter=LetterId(letter), contact=contact.id, blob=blob, agent=contact.agent,
                not_before=max(now + undo, later), request=request_id(),
            )
        )  # fmt: skip

    async def take_back(self, call: Call) -> Answer:
        """Not to be sent after all."""
        contact = self.held(call)
        letter = LetterId(call.path("letter"))
        if letter not in contact.letters:
            raise Refused(404, f"there is no letter {letter!r}")
        return await self._asking.ask(
            c.LetterCancelRequested(letter=letter, agent=contact.agent, request=request_id())
        )

    async def again(self, call: Call) -> Answer:
        """The same letter once more, under the same name: it failed, or nobody knows."""
        contact = self.held(call)
        letter = LetterId(call.path("letter"))
        found = contact.letters.get(letter)
        if found is None:
            raise Refused(404, f"there is no letter {letter!r}")
        if found.stage not in (LetterStage.UNSURE, LetterStage.FAILED, LetterStage.RETURNED):
            raise Refused(409, f"that letter is {found.stage}", kind="refused")
        return await self._asking.ask(
            c.LetterRequested(
                letter=letter, contact=contact.id, blob=found.blob, agent=contact.agent,
                request=request_id(),
            )
        )  # fmt: skip

    async def keep_notes(self, call: Call) -> Notes:
        """What she wrote beside it."""
        body: NotesBody = call.body
        contact = self.held(call)
        kept = Notes(notes=body.notes, draft=body.draft)
        try:
            await self.files.keep_notes(contact.id, kept)
        except OSError as full:
            raise Refused(503, f"the notes could not be kept: {full.strerror}") from full
        return kept

    # --- the desk -----------------------------------------------------------------------------

    async def on_desk(self, agent: LiveAgent) -> list[DeskDocument]:
        """What is offered to her, what she works on, what she put aside; the oldest first."""
        contacts = self._picture.live.data.contacts
        hers = {*agent.offers.values(), *agent.segments.values()}
        found = [contacts[one] for one in hers if one in contacts and contacts[one].document]
        found += [c for c in contacts.values() if c.put_by == agent.id and c.id not in hers]
        offers = {contact: offer for offer, contact in agent.offers.items()}
        order = (Stage.RINGING, Stage.TALKING, Stage.WAITING, Stage.ASIDE, Stage.FLOW)
        found.sort(key=lambda one: (order.index(one.stage), one.stage_since, one.id))
        return list(
            await asyncio.gather(*(self._row(one, offers.get(one.id, "")) for one in found))
        )

    async def _row(self, contact: LiveContact, offer: str) -> DeskDocument:
        picture = self._picture
        document = await self.document(contact.id)
        queue = picture.live.config.get(contact.queue)
        due: Micros = contact.due
        if offer and queue is not None:
            due = contact.stage_since + queue.ring_seconds * 1_000_000
        in_line = contact.stage in (Stage.RINGING, Stage.WAITING)
        waited = picture.now() - contact.since if in_line else contact.waited
        return DeskDocument(
            contact=contact.id,
            state=contact.stage.value,
            offer=offer,
            segment=contact.segment,
            channel=contact.channel.value,
            queue=contact.queue,
            queue_title=queue.title if queue else contact.queue,
            subject=document.subject if document else "",
            sender=((document.name or document.sender) if document else "")
            or self._number(contact.id, contact),
            preview=document.preview if document else "",
            since=as_time(contact.stage_since),
            due=as_time(due) if due else None,
            waited_seconds=0 if in_line else waited // 1_000_000,
            held=contact.held,
            replies=len(contact.replies),
            letters=[
                LetterView(
                    letter=name,
                    stage=one.stage.value,
                    reason=one.reason,
                    until=as_time(one.not_before) if one.not_before else None,
                )
                for name, one in contact.letters.items()
            ],
            attributes=contact.attributes,
            dispositions=list(queue.dispositions) if queue else [],
            disposition=contact.disposition,
            chat=self.chat_row(contact)
            if self.chat_row is not None and contact.channel is Channel.CHAT
            else None,
        )


def _to_be_heard(data: bytes) -> web.Response:
    """A recording of our own making: the browser may play it."""
    headers = {"Content-Disposition": "inline", "Cache-Control": "no-store"}
    return web.Response(body=data, content_type="audio/wav", headers=headers)


def to_be_saved(data: bytes, name: str) -> web.Response:
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    told = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {
        "Content-Disposition": told,
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return web.Response(body=data, content_type="application/octet-stream", headers=headers)
