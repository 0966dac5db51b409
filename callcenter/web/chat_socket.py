"""`/chat/{door}/ws`: a visitor's page talks with us; see `intake/chat.py` for what is said.

What happens here: one task hears what she says and answers when it is kept; another one tells her
what she does not have yet, whenever something changed. She is nobody to the rest of the web: no
cookie is read, and whatever she asks for is about the one chat whose key she has.

Why: her page belongs to somebody else. So the page must be one that the configuration names (a
browser says which page asks, and a page cannot make it say another), the sizes are small, and who
says too much is told to wait.

Sources: RFC 6455 (10.2: Origin).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from callcenter.domain.termination import Reason
from callcenter.domain.units import HOUR, MINUTE, SECOND, Micros
from callcenter.intake import chat as words
from callcenter.intake.chat import (
    BadMessage,
    By,
    ChatFull,
    ChatOver,
    ChatsAway,
    Copy,
    Hello,
    Leave,
    Said,
    Say,
    Start,
    Typing,
    contact_named,
    is_key,
    key_of,
    read_message,
)
from callcenter.intake.chat_door import ChatDoor, chat_arrival, form_of, word_arrival
from callcenter.records.day import as_time
from callcenter.records.live_state import LiveContact, Stage
from callcenter.web.access import LOOPBACK
from callcenter.web.chats import Chats
from callcenter.web.problems import Refused

log = structlog.get_logger()

HEARTBEAT_SECONDS = 20.0
CLOSE_SECONDS = 2.0
SOCKETS_PER_ADDRESS = 30
SOCKETS_MAX = 5000
BURST = 15
"""So many messages at once, then one a second."""
EVERY: Micros = SECOND
ACTS_BURST = 20
"""Greetings, beginnings and ends of one page at once, then one a second."""
AGAIN_BURST = 5
"""So often is a beginning said again at once, then once a minute."""
TYPING_EVERY: Micros = 2 * SECOND
AGAIN_SECONDS = 1.0
"""What could not be read from the store is asked for again after so long."""
AWAY = ("away", "We cannot be reached at the moment. Your page tries again by itself.")


def door_of(chats: Chats, request: web.Request) -> ChatDoor:
    """The door in the address. Raises `Refused`."""
    door = chats.world.doors.get(request.match_info["door"])
    if door is None or not door.pages:
        raise Refused(404, "there is no such chat")
    return door


def check_page(request: web.Request, door: ChatDoor) -> str:
    """Which page asks: one of ours, or one that the configuration names. Raises `Refused`."""
    origin = request.headers.get("Origin", "")
    if origin and (origin in door.origins or origin.partition("://")[2] == request.host):
        return origin
    raise Refused(403, f"the page {origin!r} may not show this chat", kind="origin")


def address_of(request: web.Request) -> str:
    """From where she comes: behind a web server of this machine, what that says."""
    peer = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return forwarded.rpartition(",")[2].strip()[:64] if peer in LOOPBACK and forwarded else peer


class ChatSocket:
    """The handler of the visitors' sockets."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, serve, close. Raises `Refused` before the upgrade."""
        door = door_of(self._chats, request)
        check_page(request, door)
        address = address_of(request)
        sockets = self._chats.sockets
        if sockets[address] >= SOCKETS_PER_ADDRESS or sockets.total() >= SOCKETS_MAX:
            self._chats.counts["too_many_pages"] += 1
            raise Refused(429, "too many pages are open", kind="slow-down")
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS, max_msg_size=words.MESSAGE_BYTES_MAX,
            timeout=CLOSE_SECONDS, compress=False,
        )  # fmt: skip
        await socket.prepare(request)
        visitor = Visitor(self._chats, door, address, socket)
        self._chats.sockets[address] += 1
        telling = asyncio.create_task(visitor.tell(), name="visitor out")
        try:
            await visitor.listen()
        finally:
            visitor.gone()
            self._chats.sockets[address] -= 1
            if not self._chats.sockets[address]:
                del self._chats.sockets[address]
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
                await socket.close()
        return socket


class Visitor:
    """One open page of one visitor."""

    def __init__(
        self, chats: Chats, door: ChatDoor, address: str, socket: web.WebSocketResponse
    ) -> None:
        self._chats = chats
        self._door = door
        self._address = address
        self._socket = socket
        self._contact = ""
        self._place = 0
        """The last place she has."""
        self._state: dict[str, Any] = {}
        self._typist = ""
        self._woken = asyncio.Event()
        self._acts = words.Bucket()

    # --- what others do -----------------------------------------------------------------------

    def wake(self) -> None:
        """Something of her chat changed."""
        self._woken.set()

    def typed(self, who: str) -> None:
        """An agent is typing."""
        self._typist = who
        self._woken.set()

    def gone(self) -> None:
        """Her page is closed."""
        if self._contact:
            self._chats.chat(self._contact).visitors.discard(self)
            self._chats.chat(self._contact).seen = self._chats.now()

    # --- what she says ------------------------------------------------------------------------

    async def listen(self) -> None:
        """Everything she says, one after the other."""
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
                return
            name = ""
            try:
                said = read_message(message.data)
                name = getattr(said, "id", "")
                await self._hear(said)
            except BadMessage as bad:
                await self._refuse(bad.name or name, bad.code, bad.words)
            except ChatsAway:
                await self._refuse(name, *AWAY)
            except ChatOver:
                await self._refuse(name, "over", "This chat is over.")
            except ChatFull:
                await self._refuse(name, "full", "This chat holds no more messages.")

    async def _refuse(self, name: str, code: str, why: str) -> None:
        self._chats.counts[code] += 1
        await self._send({"type": "refused", "id": name, "code": code, "words": why})

    async def _hear(self, said: words.FromVisitor) -> None:
        if not isinstance(said, Say | Typing) and not self._acts.take(
            ACTS_BURST, EVERY, self._chats.now()
        ):
            raise BadMessage("slow_down", "That was too fast.", getattr(said, "id", ""))
        match said:
            case Hello():
                await self._greet(said)
            case Start():
                await self._begin(said)
            case Leave():
                await self._leave_word(said)
            case Say():
                await self._say(said)
            case Typing():
                if self._contact and self._may("typing", 2, TYPING_EVERY):
                    await self._chats.store.typing(self._contact, "visitor")
            case Copy():
                if self._contact:
                    await self._chats.store.want_copy(self._contact)
                    await self._send({"type": "copied"})
            case _:
                if self._contact and self._may("end", 3, 10 * SECOND):
                    await self._chats.end(self._contact, Reason.VISITOR_LEFT)

    def _may(self, what: str, most: int = BURST, every: Micros = EVERY) -> bool:
        source = f"{what} {self._contact or self._address}"
        return self._chats.buckets.take(source, most, every, self._chats.now())

    async def _greet(self, hello: Hello) -> None:
        door = self._door
        known = bool(hello.contact) and is_key(self._chats.world.secret(), hello.contact, hello.key)
        await self._send(
            {
                "type": "welcome", "title": door.title, "greeting": door.greeting,
                "open": self._chats.is_open(door), "email_required": door.email_required,
                "copies": bool(door.mailbox), "known": known,
                "file_types": door.limits.file_types,
                "file_bytes_max": door.limits.file_bytes_max,
            }
        )  # fmt: skip
        if self._contact and self._contact != hello.contact:
            self.gone()
            self._contact = ""
        if known:
            self._place, self._state = max(0, hello.after), {}
            self._join(hello.contact)

    def _join(self, contact: str) -> None:
        self._contact = contact
        self._chats.chat(contact).visitors.add(self)
        self._woken.set()

    async def _begin(self, start: Start) -> None:
        """A chat begins; said again, it is the same one."""
        door, chats = self._door, self._chats
        if door.email_required and not start.email:
            raise BadMessage("email", "Please give your mail address.", start.id)
        secret = chats.world.secret()
        contact = contact_named(secret, door.name, start.id)
        place, _ = await chats.store.last(contact)
        if not place:
            if not chats.is_open(door):
                raise BadMessage("closed", "Nobody is there at the moment.", start.id)
            if not chats.buckets.take(
                f"start {self._address}", door.starts_per_hour, HOUR // door.starts_per_hour,
                chats.now(),
            ):  # fmt: skip
                raise BadMessage("too_many_chats", "Too many chats were begun from here.", start.id)
        elif not chats.buckets.take(f"again {contact}", AGAIN_BURST, MINUTE, chats.now()):
            raise BadMessage("slow_down", "That was too fast.", start.id)
        first = Said(
            id=f"first-{contact}", by=By.VISITOR, at=chats.now(), name=start.name, text=start.text
        )
        try:
            await chats.store.say(contact, first, door.limits.messages_max, begins=True)
        except ChatOver:
            pass  # it was begun, and is over: she is shown that
        _, new = await chats.world.arrivals.arrive(
            chat_arrival(door, start), form_of(start), contact
        )
        chats.counts["begun" if new else "begun_again"] += 1
        await self._send(
            {"type": "started", "id": start.id, "contact": contact, "key": key_of(secret, contact)}
        )
        self._place = 0
        self._join(contact)

    async def _leave_word(self, word: Leave) -> None:
        """What she leaves while nobody is there is taken in like a mail."""
        most = self._door.starts_per_hour
        if not self._chats.buckets.take(
            f"start {self._address}", most, HOUR // most, self._chats.now()
        ):
            raise BadMessage("too_many_chats", "Too much was left from here.", word.id)
        arrival = word_arrival(self._door, word)
        _, new = await self._chats.world.arrivals.arrive(arrival, form_of(word))
        self._chats.counts["word_left" if new else "word_left_again"] += 1
        await self._send({"type": "taken", "id": word.id})

    async def _say(self, say: Say) -> None:
        if not self._contact:
            raise BadMessage("nobody", "This page has no chat.", say.id)
        if not self._may("say"):
            raise BadMessage("slow_down", "That was too fast.", say.id)
        if self._chats.chat(self._contact).over:
            raise ChatOver(self._contact)
        said = Said(id=say.id, by=By.VISITOR, at=self._chats.now(), text=say.text)
        limits = self._door.limits
        place, _ = await self._chats.store.say(self._contact, said, limits.messages_max)
        self._chats.counts["said"] += 1
        await self._send({"type": "kept", "id": say.id, "seq": place})

    # --- what she is told ---------------------------------------------------------------------

    async def tell(self) -> None:
        """What she does not have, whenever something changed, until her page is gone."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if not self._contact:
                continue
            try:
                await self._tell_news()
            except ChatsAway:
                await asyncio.sleep(AGAIN_SECONDS)
                self._woken.set()
            except (ConnectionError, RuntimeError):
                return

    async def _tell_news(self) -> None:
        contact = self._contact
        news = await self._chats.store.read(contact, self._place)
        for begin in range(0, len(news), 50):
            part = news[begin : begin + 50]
            shown = [shown_to_visitor(self._place + n + 1, one) for n, one in enumerate(part)]
            self._place += len(part)
            await self._send({"type": "said", "messages": shown})
        state = await self._state_of(contact)
        if state != self._state:
            self._state = state
            await self._send({"type": "state", **state})
        if self._typist:
            who, self._typist = self._typist, ""
            await self._send({"type": "typing", "name": who})

    async def _state_of(self, contact: str) -> dict[str, Any]:
        living = self._chats.contact(contact)
        if living is not None:
            return self._living(living)
        over = self._chats.chat(contact).over or await self._chats.store.over(contact)
        if over:
            return {"state": "ended", "reason": over}
        return self._state or {"state": "waiting"}  # on its way in, or out

    def _living(self, contact: LiveContact) -> dict[str, Any]:
        if contact.stage is Stage.TALKING:
            return {"state": "talking", "agent": self._chats.person(contact.agent)}
        return {"state": "waiting"}

    async def _send(self, document: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.send_str(msgspec.json.encode(document).decode())


def shown_to_visitor(place: int, said: Said) -> dict[str, Any]:
    """A message as her page gets it."""
    shown: dict[str, Any] = {
        "seq": place, "id": said.id, "by": said.by.value, "at": as_time(said.at),
        "name": said.name, "text": said.text,
    }  # fmt: skip
    if said.file is not None:
        shown["file"] = said.file
    return shown
