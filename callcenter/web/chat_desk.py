"""An agent's side of her chats: read, write, send files, hand on.

What happens here: whoever has a chat on her desk may read it and, while she has it, write in it;
supervisors too. What she says bears a name of its own like what her visitor says: asked again, it is
the same message.

Why: everything that ends or moves a chat is a command in the journal; its words are not.
"""

from __future__ import annotations

from pydantic import Field

from callcenter.domain import commands as c
from callcenter.domain.center import Channel
from callcenter.domain.units import SECOND, AgentId, ContactId, QueueId
from callcenter.intake import chat as words
from callcenter.intake.chat import (
    BadMessage,
    By,
    ChatFull,
    ChatOver,
    ChatsAway,
    Said,
    text_of,
    transcript,
)
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact, Stage
from callcenter.web import views as v
from callcenter.web.access import Need, authorize
from callcenter.web.act import Asking, request_id
from callcenter.web.chat_files import file_in, keep_file, refusal_of
from callcenter.web.chats import Chats
from callcenter.web.document_views import ChatFileView, ChatKept, ChatMessage, ChatView
from callcenter.web.documents import Documents, to_be_saved
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.routes import Answer, Body, Call, Query, Route

COMMANDED = (200, 202)


class SayBody(Body):
    """What she says; the same `id` again is the same message."""

    id: str = Field(min_length=16, max_length=64, pattern=r"^[A-Za-z0-9-]+$")
    text: str = Field(min_length=1, max_length=2 * words.TEXT_MAX)


class TypingBody(Body):
    """Nothing: she types."""


class HandOnBody(Body):
    """To whom: a queue or an agent."""

    queue: str = Field("", max_length=64)
    agent: str = Field("", max_length=64)


class AfterQuery(Query):
    """What of it she has already."""

    after: int = Field(0, ge=0)


class ChatDesk:
    """The handlers. Without `chats` no chat can ever be held."""

    def __init__(
        self, picture: Picture, asking: Asking, documents: Documents, chats: Chats | None
    ) -> None:
        self._picture = picture
        self._asking = asking
        self._documents = documents
        self._maybe = chats

    @property
    def _chats(self) -> Chats:
        if self._maybe is None:
            raise Refused(503, "this center takes no chats")
        return self._maybe

    def _held(self, call: Call) -> LiveContact:
        """The chat in the address, for those who hold it."""
        contact = self._documents.held(call)
        if contact.channel is not Channel.CHAT:
            raise Refused(404, f"{call.path('id')!r} is no chat")
        return contact

    def _had(self, call: Call) -> LiveContact:
        """The same while somebody has it: then it may be written in."""
        contact = self._held(call)
        if contact.stage is not Stage.TALKING:
            raise Refused(409, "nobody has this chat now", kind="refused")
        return contact

    async def read(self, call: Call) -> ChatView:
        """What was said after a place."""
        contact, query = self._held(call), call.query
        assert isinstance(query, AfterQuery)
        said = await self._said(contact.id, query.after)
        document = await self._documents.document(contact.id)
        notes = await self._documents.files.notes(contact.id)
        door = self._chats.world.doors.get(contact.dialled)
        return ChatView(
            contact=contact.id,
            messages=[shown(query.after + n + 1, one) for n, one in enumerate(said)],
            name=document.name if document else "",
            email=document.sender if document else "",
            page=document.facts.get("page", "") if document else "",
            language=document.language if document else "",
            templates=door.templates if door else {},
            notes=notes.notes,
            draft=notes.draft,
        )

    async def _said(self, contact: str, after: int = 0) -> list[Said]:
        try:
            return await self._chats.store.read(contact, after)
        except ChatsAway as away:
            raise refusal_of(away) from away

    async def say(self, call: Call) -> ChatKept:
        """She writes."""
        body: SayBody = call.body
        contact = self._had(call)
        door = self._chats.world.doors.get(contact.dialled)
        most = door.limits.messages_max if door else words.Limits().messages_max
        try:
            said = Said(
                id=body.id, by=By.AGENT, at=self._chats.now(), agent=contact.agent,
                name=self._chats.person(contact.agent), text=text_of(body.text),
            )  # fmt: skip
            place, _ = await self._chats.store.say(contact.id, said, most)
        except ChatOver as over:
            raise Refused(409, "this chat is over", kind="refused") from over
        except ChatFull as full:
            raise Refused(409, "this chat holds no more messages", kind="refused") from full
        except (BadMessage, ChatsAway) as wrong:
            raise refusal_of(wrong) from wrong
        return ChatKept(seq=place)

    async def typing(self, call: Call) -> ChatKept:
        """Her visitor is shown that she types."""
        contact = self._had(call)
        source = f"typing agent {contact.id}"
        if self._chats.buckets.take(source, 2, 2 * SECOND, self._chats.now()):
            try:
                name = self._chats.person(contact.agent)
                await self._chats.store.typing(contact.id, f"agent {name}")
            except ChatsAway as away:
                raise refusal_of(away) from away
        return ChatKept(seq=0)

    async def send_file(self, call: Call) -> ChatKept:
        """She sends a file: the body is its bytes, its name stands in `X-Chat-File`."""
        contact = self._had(call)
        door = self._chats.world.doors.get(contact.dialled)
        limits = door.limits if door else words.Limits()
        try:
            place = await keep_file(
                self._chats, call.request, contact.id, limits, By.AGENT, contact.agent
            )
        except (BadMessage, ChatsAway) as wrong:
            raise refusal_of(wrong) from wrong
        return ChatKept(seq=place)

    async def file(self, call: Call) -> object:
        """A file of the conversation, to be saved."""
        contact = self._held(call)
        try:
            found = await file_in(self._chats, contact.id, call.path("blob"))
            data = await self._chats.store.file(found.blob)
        except (LookupError, ChatsAway) as wrong:
            raise refusal_of(wrong) from wrong
        return to_be_saved(data, found.name)

    async def transcript(self, call: Call) -> object:
        """The conversation as text, to be saved; of one that is over, too."""
        name = call.path("id")
        contact = self._picture.live.data.contacts.get(ContactId(name))
        if contact is not None:
            self._held(call)
        else:
            mine = call.who.agent if call.who.agent in self._had_last(name) else AgentId("nobody")
            authorize(call.who, Need.DESK, mine)
        said = await self._said(name)
        if not said:
            raise Refused(404, f"there is no chat {name!r}")
        document = await self._documents.document(name)
        text = transcript(tuple(said), (document.name if document else "") or "Visitor")
        return to_be_saved(text.encode(), f"chat-{name}.txt")

    def _had_last(self, contact: str) -> set[AgentId]:
        """Whose last work it was."""
        return {
            agent.id
            for agent in self._picture.live.data.agents.values()
            for work in (*agent.wrap_ups.values(), agent.last)
            if work is not None and work.contact == contact
        }

    async def hand_on(self, call: Call) -> Answer:
        """To a queue or an agent; the conversation goes along."""
        body: HandOnBody = call.body
        contact = self._had(call)
        return await self._asking.ask(
            c.TransferRequested(
                contact=contact.id, agent=contact.agent, queue=QueueId(body.queue),
                to=AgentId(body.agent), by=call.who.name, request=request_id(),
            )
        )  # fmt: skip


def shown(place: int, said: Said) -> ChatMessage:
    """A message as a desk gets it."""
    file = said.file
    return ChatMessage(
        seq=place, id=said.id, by=said.by.value, name=said.name, at=as_time(said.at), text=said.text,
        file=ChatFileView(blob=file.blob, name=file.name, type=file.type, size=file.size)
        if file is not None
        else None,
    )  # fmt: skip


def chat_routes(does: ChatDesk) -> list[Route]:
    """Chats: for whoever holds one, and for supervisors."""
    need = Need.DESK
    return [
        Route("GET", "/contacts/{id}/chat", need, "What was said in a chat", ChatView, does.read,
              query=AfterQuery),
        Route("POST", "/contacts/{id}/chat", need, "Say something in a chat", ChatKept, does.say,
              body=SayBody),
        Route("POST", "/contacts/{id}/chat/typing", need, "Show that somebody types", ChatKept,
              does.typing, body=TypingBody),
        Route("POST", "/contacts/{id}/chat/files", need,
              "Send a file in a chat: its bytes, named by X-Chat-Id and X-Chat-File", ChatKept,
              does.send_file),
        Route("GET", "/contacts/{id}/chat/files/{blob}", need, "A file of a chat, to be saved",
              bytes, does.file),
        Route("GET", "/contacts/{id}/transcript", need, "A chat as text, to be saved", bytes,
              does.transcript),
        Route("POST", "/contacts/{id}/transfer", need, "Hand a chat on to a queue or an agent",
              v.CommandResult, does.hand_on, body=HandOnBody, statuses=COMMANDED),
    ]  # fmt: skip
