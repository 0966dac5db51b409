"""Faxes that we send: asked for at the desk or over the API, taken back, sent again, looked at.

What happens here: text or a PDF become pages before anything is asked for; the number goes into the
erasable place in the same step as the command. Whoever holds a fax may answer it, any agent may
write a new one, and each sees her own; supervisors see all.

Why: a number that no line may dial is told at once, to the one who typed it; nobody is called for
it in any case (`frontend/dialling.py`). A job that brings its own `id` is the same job each time it
is asked for, so a program that did not hear our answer may ask again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import Protocol

from pydantic import AwareDatetime, Field

from callcenter.domain import commands as c
from callcenter.domain.commands import LetterStage
from callcenter.domain.units import HOUR, SECOND, AgentId, ContactId, PartyId
from callcenter.intake.fax_order import CannotFax, Cover, FaxOrder
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact, LiveFax
from callcenter.web import views as v
from callcenter.web.access import Need, authorize
from callcenter.web.act import Asking, request_id
from callcenter.web.callers import number_in
from callcenter.web.document_views import FaxList, FaxView
from callcenter.web.documents import Documents
from callcenter.web.picture import Picture
from callcenter.web.ports import PartiesPort
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call

PDF_BYTES_MAX = 10 * 1024 * 1024
BODY_BYTES_MAX = PDF_BYTES_MAX * 4 // 3 + 128 * 1024
TEXT_MAX = 40_000
ON_DESK_MAX = 20
ON_DESK_HOURS = 12
"""A fax that is over stays on the desk of its writer for so long."""
SEPARATORS = re.compile(r"[\s()./-]")
NUMBER = re.compile(r"\+?[0-9]{3,15}")


class FaxTerms(Protocol):
    """What the configuration says of sending. Raises `CannotFax` with the reason."""

    attempts_max: int
    retry_seconds: int
    undo_seconds: int

    def caller(self, number: str) -> str:
        """The number of ours that is shown, when this one is called; `CannotFax` when it may not."""

    async def write(self, order: FaxOrder, pdf: bytes) -> tuple[str, int]:
        """The pages, kept: their blob, and how many they are."""


class FaxBody(Body):
    """What is sent: a text, a PDF, or both, in this order; with a cover before them, if one is
    wanted. `send_at` is when; at once (less the time for second thoughts) if null."""

    to: str = Field("", max_length=40)
    """Empty in an answer: whoever sent the fax."""
    text: str = Field("", max_length=TEXT_MAX)
    pdf_base64: str = Field("", max_length=BODY_BYTES_MAX)
    cover: bool = False
    cover_to: str = Field("", max_length=100)
    subject: str = Field("", max_length=150)
    message: str = Field("", max_length=2000)
    """On the cover."""
    send_at: AwareDatetime | None = None
    id: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    """A name of yours for this job: asked for again under it, it is not sent again."""


class AgainBody(Body):
    """Nothing: what is not there yet is sent once more."""


class Faxes:
    """The handlers, and the part of a desk that is about faxes of ours."""

    def __init__(
        self, picture: Picture, asking: Asking, documents: Documents, terms: FaxTerms | None,
        parties: PartiesPort,
    ) -> None:  # fmt: skip
        self._picture = picture
        self._asking = asking
        self._documents = documents
        self._known = terms
        self._parties = parties

    @property
    def _terms(self) -> FaxTerms:
        if self._known is None:
            raise Refused(503, "this center sends no faxes: see [fax] in the configuration")
        return self._known

    # --- asking for one -----------------------------------------------------------------------

    async def new(self, call: Call) -> Answer:
        """To a number that is typed."""
        authorize(call.who, Need.DESK, call.who.agent)
        return await self._send(call, call.body, call.body.to, ContactId(""))

    async def reply(self, call: Call) -> Answer:
        """To whoever sent the fax that she has on her desk."""
        contact = self._documents.held(call)
        body: FaxBody = call.body
        to = body.to or await self._number(contact.party)
        if not to:
            raise Refused(409, "nobody knows the number of its sender: type one", kind="refused")
        return await self._send(call, body, to, contact.id)

    async def _number(self, party: str) -> str:
        found = await self._parties.values([party]) if party else {}
        return number_in(found[party]) if party in found else ""

    async def _send(self, call: Call, body: FaxBody, to: str, origin: ContactId) -> Answer:
        terms = self._terms
        fax = ContactId(f"fax-{body.id or secrets.token_hex(12)}")
        if fax in self._picture.live.data.faxes:
            return Answer(v.CommandResult(request=fax, accepted=True))
        number = plain(to)
        try:
            caller = terms.caller(number)
            blob, pages = await terms.write(self._order(body), _pdf(body))
        except CannotFax as wrong:
            raise Refused(409, str(wrong), kind="refused") from wrong
        now = self._picture.now()
        later = int(body.send_at.timestamp() * SECOND) if body.send_at else 0
        asked = c.FaxRequested(
            fax=fax, blob=blob, pages=pages, party=PartyId(f"party-{fax}"), origin=origin,
            caller=caller, agent=call.who.agent, by=call.who.name,
            not_before=max(now + terms.undo_seconds * SECOND, later),
            attempts_max=terms.attempts_max, retry_seconds=terms.retry_seconds,
            request=request_id(),
        )  # fmt: skip
        answer = await self._asking.ask(asked, {asked.party: number})
        result: v.CommandResult = answer.value
        return Answer(v.CommandResult(request=fax, accepted=result.accepted), status=answer.status)

    def _order(self, body: FaxBody) -> FaxOrder:
        if not body.cover:
            return FaxOrder(text=body.text)
        now = datetime.fromtimestamp(self._picture.now() / SECOND, UTC)
        center = self._picture.live.data.center
        return FaxOrder(
            text=body.text,
            cover=Cover(
                to=body.cover_to, sender=center.name, subject=body.subject, message=body.message,
                date=f"{now:%Y-%m-%d %H:%M} UTC",
            ),
        )  # fmt: skip

    # --- what is done with it -----------------------------------------------------------------

    def _hers(self, call: Call) -> LiveFax:
        fax = self._picture.live.data.faxes.get(ContactId(call.path("id")))
        if fax is None:
            authorize(call.who, Need.DESK)
            raise Refused(404, f"no fax {call.path('id')!r} is or was lately sent")
        authorize(call.who, Need.DESK, fax.agent or AgentId("nobody"))
        return fax

    async def take_back(self, call: Call) -> Answer:
        """Not to be sent after all: as long as nobody is being called."""
        fax = self._hers(call)
        return await self._asking.ask(
            c.FaxCancelRequested(fax=fax.id, by=call.who.name, request=request_id())
        )

    async def again(self, call: Call) -> Answer:
        """What is not there for certain, once more, as a fax of its own."""
        fax, terms = self._hers(call), self._terms
        if fax.stage not in (LetterStage.UNSURE, LetterStage.FAILED):
            raise Refused(409, f"that fax is {fax.stage.value}", kind="refused")
        number = await self._number(fax.party)
        try:
            caller = terms.caller(number)
        except CannotFax as wrong:
            raise Refused(409, str(wrong), kind="refused") from wrong
        name = ContactId(f"fax-{hashlib.sha256(fax.id.encode()).hexdigest()[:24]}")  # once only
        origin = fax.origin if fax.origin in self._picture.live.data.contacts else ContactId("")
        asked = c.FaxRequested(
            fax=name, blob=fax.blob, pages=fax.pages, party=PartyId(f"party-{name}"),
            origin=origin, caller=caller, agent=fax.agent, by=call.who.name,
            first=fax.confirmed if fax.confirmed < fax.pages else 0,
            attempts_max=terms.attempts_max, retry_seconds=terms.retry_seconds,
            request=request_id(),
        )  # fmt: skip
        answer = await self._asking.ask(asked, {asked.party: number})
        return Answer(v.CommandResult(request=name, accepted=True), status=answer.status)

    # --- looking ------------------------------------------------------------------------------

    async def read(self, call: Call) -> FaxView:
        """Where it is, and what its last attempt came to."""
        return self._view(self._hers(call))

    async def recent(self, call: Call) -> FaxList:
        """Hers, or all for who supervises; the newest first, those that are over among them."""
        found = self._picture.live.data.faxes.values()
        shown = [fax for fax in found if call.who.supervises or fax.agent == call.who.agent]
        return FaxList(faxes=[self._view(fax) for fax in reversed(shown)])

    def on_desk(self, agent: AgentId) -> list[FaxView]:
        """What she sends, and how what she sent ended; the newest first."""
        since = self._picture.now() - ON_DESK_HOURS * HOUR
        hers = [
            fax
            for fax in self._picture.live.data.faxes.values()
            if fax.agent == agent and (not fax.over or fax.changed > since)
        ]
        return [self._view(fax) for fax in reversed(hers[-ON_DESK_MAX:])]

    def _view(self, fax: LiveFax) -> FaxView:
        return FaxView(
            fax=fax.id,
            stage=fax.stage.value,
            to=self._picture.callers.masked.get(fax.party, ""),
            pages=fax.pages,
            confirmed=fax.confirmed,
            attempt=fax.attempt,
            outcome=fax.outcome.value if fax.outcome else "",
            until=as_time(fax.until) if fax.until else None,
            origin=fax.origin,
            placed=as_time(fax.placed),
            changed=as_time(fax.changed),
        )

    def answerable(self, contact: LiveContact) -> bool:
        """Whether a fax can be answered by one."""
        known = contact.party in self._picture.callers.numbers
        return self._known is not None and known


def plain(number: str) -> str:
    """A number as it is dialled. Raises `Refused` for what is none."""
    bare = SEPARATORS.sub("", number)
    bare = f"+{bare[2:]}" if bare.startswith("00") else bare
    if not NUMBER.fullmatch(bare):
        raise Refused(422, "to: a number of 3 to 15 digits, such as +49301234567", kind="invalid")
    return bare


def _pdf(body: FaxBody) -> bytes:
    try:
        data = base64.b64decode(body.pdf_base64, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise Refused(422, "pdf_base64: is no base64", kind="invalid") from wrong
    if len(data) > PDF_BYTES_MAX:
        raise Refused(413, f"pdf_base64: a PDF of at most {PDF_BYTES_MAX} bytes")
    return data
