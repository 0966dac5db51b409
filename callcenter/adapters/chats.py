"""Conversations of living chats, in the store: said once, told to everybody who listens.

    a message ─► one script: known name? over? full? ─► appended, its place counted, told
                                                        └─► kept by the store's own log, then answered

Why: words are worth what a contact is worth. They stand in the store until the chat is over, so the
web process may die at any moment, and the store too: what was answered with a place is on its disk
(`appendfsync always`), what was not is said again under its name. Several web processes may serve
one chat: each hears by the store's channel that something was said, and reads what it does not have.
What it did not hear of it finds when its channel is back.

None of this is in the journal: that knows that a chat arrived, waits, was answered and is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.intake.claims import Claims
from callcenter.adapters.intake.pipeline import new_id
from callcenter.adapters.store import scripts
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.keys import CHAT_DAYS, Keys
from callcenter.adapters.store.resp import StoreError
from callcenter.domain.termination import Reason
from callcenter.domain.units import ContactId, PartyId
from callcenter.intake.arrival import Arrival, Note
from callcenter.intake.chat import (
    ChatFull,
    ChatOver,
    ChatsAway,
    Conversation,
    Said,
    decode_conversation,
    decode_said,
    encode,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

CHAT_SECONDS = CHAT_DAYS * 86_400
OVER_SECONDS = 86_400
"""A conversation that is over and on the disk stays in the store for whoever reloads her page."""
RECONNECT_SECONDS = 0.5
CONVERSATION = "chat"
"""What the conversation is called beside its document on the disk."""

Call = Callable[..., Awaitable[Any]]


class ChatStore:
    """The conversations of a center. Everything raises `ChatsAway` when nothing is sure."""

    def __init__(self, url: str, call: Call, keys: Keys, directory: Path) -> None:
        self._url = url
        self._ask = call
        self.keys = keys
        self.blobs = Blobs(directory)

    async def call(self, *arguments: bytes | str | int) -> Any:
        """One command of the store."""
        try:
            return await self._ask(*arguments)
        except (StoreUnavailable, StoreError, OSError) as away:
            raise ChatsAway("the store is away") from away

    async def keep_file(self, data: bytes) -> str:
        """Its bytes on the disk; their name."""
        try:
            return await asyncio.to_thread(self.blobs.keep, data)
        except OSError as full:
            raise ChatsAway("the disk takes nothing more") from full

    async def say(
        self, contact: str, said: Said, most: int, *, begins: bool = False
    ) -> tuple[int, bool]:
        """Have it kept: its place, and whether it is new. Raises `ChatOver`, `ChatFull`. Only what
        `begins` one makes a conversation: whoever comes back after days finds hers over."""
        keys = self.keys
        state, place = await self.call(
            "EVAL", scripts.SAY, 2, keys.chat_said(contact), keys.chat_names(contact),
            said.id, encode(said), most, CHAT_SECONDS, keys.chats, contact,
            int(begins),
        )  # fmt: skip
        if state == -1:
            raise ChatOver(contact)
        if state == -2:
            raise ChatFull(contact)
        return int(place), bool(state)

    async def file(self, blob: str) -> bytes:
        """The bytes of a file that was sent. Raises `LookupError`."""
        return await asyncio.to_thread(self.blobs.read, blob)

    async def read(self, contact: str, after: int = 0) -> list[Said]:
        """What was said after this place; from the disk when the store has it no more."""
        found = await self.call("LRANGE", self.keys.chat_said(contact), after, -1)
        if found or after:
            return [decode_said(bytes(one)) for one in found]
        return list((await self.conversation(contact)).said)

    async def conversation(self, contact: str) -> Conversation:
        """One that is over, from the disk; an empty one where there is none."""
        try:
            data = await asyncio.to_thread(self.blobs.read_document, contact, CONVERSATION)
        except LookupError:
            return Conversation(contact=contact)
        except OSError as wrong:
            raise ChatsAway("the disk is away") from wrong
        return decode_conversation(data)

    async def last(self, contact: str) -> tuple[int, int]:
        """How much was said, and when the last of it."""
        places = int(await self.call("LLEN", self.keys.chat_said(contact)))
        found = await self.call("LINDEX", self.keys.chat_said(contact), -1) if places else None
        return places, decode_said(bytes(found)).at if found else 0

    async def over(self, contact: str) -> str | None:
        """Why it ended; None while it lives. What the store has forgotten ended long ago."""
        names = self.keys.chat_names(contact)
        found = await self.call("HGET", names, ".over")
        if found:
            return bytes(found).decode()
        return None if await self.call("EXISTS", names) else Reason.RESOLVED.value

    async def want_copy(self, contact: str) -> None:
        """Its visitor wants it by mail when it is over."""
        await self.call("HSET", self.keys.chat_names(contact), ".copy", "1")

    async def wants_copy(self, contact: str) -> bool:
        """Does she?"""
        return await self.call("HGET", self.keys.chat_names(contact), ".copy") is not None

    async def end(self, contact: str, reason: str) -> list[Said]:
        """Nothing more is said in it; what was, on the disk. The same again changes nothing."""
        names, said = self.keys.chat_names(contact), self.keys.chat_said(contact)
        await self.call("HSETNX", names, ".over", reason)
        found = await self.read(contact)
        kept = encode(Conversation(contact=contact, said=tuple(found)))
        try:
            await asyncio.to_thread(self.blobs.keep_document, contact, kept, CONVERSATION)
        except OSError as full:
            raise ChatsAway("the disk takes nothing more") from full
        for key in (names, said):
            await self.call("EXPIRE", key, OVER_SECONDS)
        await self.call("ZREM", self.keys.chats_seen, contact)
        await self.call("PUBLISH", self.keys.chats, f"over {contact}")
        return found

    async def copied(self, contact: str) -> bool:
        """Was it sent to her already?"""
        return await self.call("HGET", self.keys.chat_names(contact), ".copied") is not None

    async def have_copied(self, contact: str) -> None:
        """It was."""
        await self.call("HSET", self.keys.chat_names(contact), ".copied", "1")

    async def typing(self, contact: str, who: str) -> None:
        """Tell whoever listens; it is forgotten at once."""
        await self.call("PUBLISH", self.keys.chats, f"typing {contact} {who}")

    async def see(self, contacts: Sequence[str]) -> None:
        """Their visitors' pages are there now."""
        now = int(time.time())
        if contacts:
            pairs = [part for contact in contacts for part in (now, contact)]
            await self.call("ZADD", self.keys.chats_seen, *pairs)

    async def seen(self, contact: str) -> int:
        """When its visitor's page was last there: UTC, seconds; 0 for never."""
        found = await self.call("ZSCORE", self.keys.chats_seen, contact)
        return int(float(bytes(found))) if found else 0

    async def news(self, told: Callable[[str, str, str], None], missed: Callable[[], None]) -> None:
        """Hear what happens in all chats, for ever: `told(what, contact, more)`. `missed` says that
        something may have happened unheard."""
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        while True:
            client: Redis = Redis.from_url(self._url, client_name="callcenter-chats")
            try:
                await self._listen(client, told, missed)
            except (RedisError, OSError) as away:
                log.debug("the chats' channel is away", reason=type(away).__name__)
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(
        self, client: Redis, told: Callable[[str, str, str], None], missed: Callable[[], None]
    ) -> None:
        channel = client.pubsub()
        await channel.subscribe(self.keys.chats)
        async for message in channel.listen():
            if message["type"] == "subscribe":
                missed()
            elif message["type"] == "message":
                what, _, rest = bytes(message["data"]).decode("utf-8", "replace").partition(" ")
                contact, _, more = rest.partition(" ")
                told(what, contact, more)


class ChatArrivals:
    """What visitors begin becomes contacts, by the claim that mails and faxes go through."""

    def __init__(
        self, store: ChatStore, claims: Claims, full: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._claims = claims
        self._full = full
        """Whether the store has no room for more."""

    async def begin(self) -> None:
        """Make what is needed."""
        await asyncio.to_thread(self._store.blobs.prepare)
        await self._claims.forget_earlier_lives()

    async def arrive(self, arrival: Arrival, form: bytes, contact: str = "") -> tuple[str, bool]:
        """Have it for good, under this name if one is given: which contact, and whether it is new."""
        if self._full():
            raise ChatsAway("the store is nearly full")
        blob = await self._store.keep_file(form)
        note = Note(
            contact=ContactId(contact or new_id()), channel=arrival.channel, kind=arrival.kind,
            source=arrival.source, blob=blob, received=time.time_ns() // 1000,
            party=PartyId(new_id()) if arrival.address else PartyId(""), facts=arrival.facts,
        )  # fmt: skip
        value = json.dumps({"number": arrival.address, "name": ""})
        try:
            receipt = await self._claims.claim(arrival.keys, note, value)
        except (StoreUnavailable, StoreError, OSError) as away:
            raise ChatsAway("the store is away") from away
        return receipt.contact, receipt.new
