"""Conversations without a store, and a visitor's page without a browser."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientWebSocketResponse

from callcenter.domain import commands as c
from callcenter.domain.commands import Presence
from callcenter.domain.units import ContactId, FrontendId, Micros
from callcenter.intake.arrival import Arrival
from callcenter.intake.chat import ChatFull, ChatOver, ChatsAway, Conversation, Limits, Said
from callcenter.intake.chat_door import ChatDoor
from callcenter.intake.document import Document
from callcenter.intake.messenger import Messenger
from callcenter.web.chats import Chats, ChatWorld
from tests.web.center import Center, opened

SHOP = "https://shop.example"
SECRET = b"s" * 32
DOOR = ChatDoor(
    name="website", title="Ask us", queue="sales", origins=(SHOP,), mailbox="office",
    starts_per_hour=3, templates={"hi": "Hello."}, limits=Limits(messages_max=40, files_max=2, file_bytes_max=100),
)  # fmt: skip


SMS_DOOR = ChatDoor(name="sms", title="sms", queue="sales", pages=False)
MESSENGERS = {
    "sms": Messenger(name="sms", format="generic", secret=b"secret"),
    "whatsapp": Messenger(
        name="whatsapp", format="whatsapp", secret=b"app secret", verify_token="shown"
    ),
}


@dataclass
class Senders:
    """Whose chat is whose, in memory."""

    theirs: dict[tuple[str, str], str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    break_once: bool = False

    async def living(self, messenger: str, sender: str) -> str:
        return self.theirs.get((messenger, sender), "")

    async def have(self, contact: str, messenger: str, sender: str) -> None:
        if self.break_once:
            self.break_once = False
            raise ChatsAway("the store is away")
        self.theirs[messenger, sender] = contact

    async def known(self, name: str) -> str:
        return self.taken.get(name, "")

    async def remember(self, name: str, contact: str) -> None:
        self.taken[name] = contact


@dataclass
class Words:
    """What was said, in memory. `away` makes it unreachable."""

    said: dict[str, list[Said]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    copies: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    away: bool = False
    told: Callable[[str, str, str], None] = lambda *_: None

    def _check(self) -> None:
        if self.away:
            raise ChatsAway("the store is away")

    async def say(
        self, contact: str, said: Said, most: int, *, begins: bool = False
    ) -> tuple[int, bool]:
        self._check()
        if not begins and contact not in self.said:
            raise ChatOver(contact)
        known = self.said.setdefault(contact, [])
        for place, one in enumerate(known, 1):
            if one.id == said.id:
                return place, False
        if contact in self.ended:
            raise ChatOver(contact)
        if len(known) >= most:
            raise ChatFull(contact)
        known.append(said)
        self.told("said", contact, str(len(known)))
        return len(known), True

    async def read(self, contact: str, after: int = 0) -> list[Said]:
        self._check()
        return self.said.get(contact, [])[after:]

    async def conversation(self, contact: str) -> Conversation:
        return Conversation(contact=contact, said=tuple(self.said.get(contact, ())))

    async def last(self, contact: str) -> tuple[int, Micros]:
        self._check()
        known = self.said.get(contact, [])
        return len(known), known[-1].at if known else 0

    async def over(self, contact: str) -> str | None:
        self._check()
        return self.ended.get(contact)

    async def want_copy(self, contact: str) -> None:
        self._check()
        self.copies.add(contact)

    async def typing(self, contact: str, who: str) -> None:
        self._check()
        self.told("typing", contact, who)

    async def see(self, contacts: list[str]) -> None:
        self._check()

    async def seen(self, contact: str) -> int:
        self._check()
        return self.there.get(contact, 0)

    async def keep_file(self, data: bytes) -> str:
        self._check()
        name = f"{len(self.files) + 1:064x}"
        self.files[name] = data
        return name

    async def file(self, blob: str) -> bytes:
        return self.files[blob]

    async def news(self, told: Callable[[str, str, str], None], missed: Callable[[], None]) -> None:
        self.told = told
        missed()
        await asyncio.Event().wait()


@dataclass
class Desk:
    """The way in: what arrives waits in the queue at once."""

    center: Center | None = None
    arrived: dict[tuple[str, ...], str] = field(default_factory=dict)
    arrivals: list[tuple[Arrival, bytes]] = field(default_factory=list)

    async def arrive(self, arrival: Arrival, form: bytes, contact: str = "") -> tuple[str, bool]:
        known = self.arrived.get(arrival.keys)
        if known is not None:
            return known, False
        name = contact or f"m{len(self.arrived)}"
        self.arrived[arrival.keys] = name
        if self.center is not None and self.center.server.chats is not None:
            senders = self.center.server.chats.world.senders
            if senders is not None and arrival.kind == "message":
                await senders.remember(arrival.keys[0], name)
        self.arrivals.append((arrival, form))
        center = self.center
        assert center is not None
        told = json.loads(form)
        center.papers.documents[name] = Document(
            contact=ContactId(name), channel=arrival.channel, source=arrival.source,
            received=center.house.now, sender=told["email"], name=told["name"], text=told["text"],
        )  # fmt: skip
        center.house.tell(
            c.ContactReported(
                contact=ContactId(name), channel=arrival.channel, frontend=FrontendId(""),
                dialled=arrival.source, blob="0" * 64, lasting=arrival.kind == "message",
            )
        )  # fmt: skip
        center.house.enqueue(name, "sales")
        await center.catch_up()
        return name, True


class Page:
    """A visitor's page that says and hears JSON."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of a kind."""
        async with asyncio.timeout(5):
            while True:
                message: dict[str, Any] = await self.socket.receive_json()
                self.heard.append(message)
                if message["type"] == kind:
                    return message

    async def state(self, wanted: str) -> dict[str, Any]:
        """Wait until her chat is there."""
        while True:
            found = await self.hear("state")
            if found["state"] == wanted:
                return found

    async def begin(
        self, text: str = "Hello", start: str = "a" * 32, **fields: str
    ) -> dict[str, Any]:
        """Greet, begin a chat; its contact and key."""
        await self.say("hello")
        await self.hear("welcome")
        await self.say(
            "start", id=start, text=text, name="Cleo", email="cleo@example.org", **fields
        )
        return await self.hear("started")


@asynccontextmanager
async def page(found: Center, origin: str = SHOP) -> AsyncIterator[Page]:
    """A visitor opens the shop's page."""
    async with found.client.ws_connect("/chat/website/ws", headers={"Origin": origin}) as socket:
        yield Page(socket)


@dataclass
class ChatStory:
    """Everything a story about chats needs."""

    center: Center
    words: Words
    desk: Desk

    @property
    def chats(self) -> Chats:
        found = self.center.server.chats
        assert found is not None
        return found


def chatting(
    folder: Path, story: Callable[[ChatStory], Awaitable[None]], door: ChatDoor = DOOR,
    **settings: Any,
) -> None:  # fmt: skip
    """Tell a story in which visitors chat; Ann is ready."""

    async def told() -> None:
        words, desk = Words(), Desk()
        doors = {"website": door, "sms": SMS_DOOR, "whatsapp": SMS_DOOR}
        world = ChatWorld(doors, words, desk, lambda: SECRET, MESSENGERS, Senders())
        async with opened(folder, world, **{"wrap_up_seconds": 0, **settings}) as found:
            desk.center = found
            found.house.presence("ann", Presence.READY)
            await found.catch_up()
            told = ChatStory(found, words, desk)
            running = asyncio.create_task(told.chats.run())
            await asyncio.sleep(0)
            try:
                await story(told)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    asyncio.run(told())
