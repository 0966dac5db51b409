"""`POST /messages/{name}`: a messaging service hands over what people wrote.

What happens here: signature first, over the very bytes; then each message goes into its sender's
living chat, or begins one. It is acknowledged (200) when all of it is kept; anything else, and the
service hands it over again, and what was kept already is known by its id.

Why: such chats are the chats of web pages, but for the line: nobody waits at a page. So a queue that
is closed does not send them away, and they wait as long as a mail does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from weakref import WeakValueDictionary

from aiohttp import web

from callcenter.domain.units import SECOND
from callcenter.intake.chat import By, ChatFull, ChatOver, ChatsAway, Said, contact_named
from callcenter.intake.messenger import (
    BODY_BYTES_MAX,
    Incoming,
    Messenger,
    Unreadable,
    Unsigned,
    check,
    form_of_message,
    is_equal,
    message_arrival,
    messages_in,
    said_name,
)
from callcenter.web.chats import Chats, SendersPort
from callcenter.web.problems import Refused

BURST = 60
"""Messages of one sender at once; then one a second."""


class Messengers:
    """The handlers of webhooks."""

    def __init__(
        self, chats: Chats, messengers: Mapping[str, Messenger], senders: SendersPort
    ) -> None:
        self._chats = chats
        self._messengers = messengers
        self._senders = senders
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One sender's messages are taken one after the other."""

    def _messenger(self, request: web.Request) -> Messenger:
        found = self._messengers.get(request.match_info["name"])
        if found is None:
            raise Refused(404, "there is no such messenger")
        return found

    async def verify(self, request: web.Request) -> web.Response:
        """Meta asks once, when the webhook is set up."""
        messenger = self._messenger(request)
        asked = request.query
        right = bool(messenger.verify_token) and (
            asked.get("hub.mode") == "subscribe"
            and is_equal(asked.get("hub.verify_token", ""), messenger.verify_token)
        )
        if not right:
            raise Refused(403, "that is not the verify token")
        return web.Response(text=asked.get("hub.challenge", "")[:200], content_type="text/plain")

    async def receive(self, request: web.Request) -> web.Response:
        """Messages of people."""
        messenger = self._messenger(request)
        body = await self._body(request)
        now = self._chats.now()
        try:
            check(messenger, request.headers, body, now)
            found = messages_in(messenger, body, now)
        except Unsigned as wrong:
            self._chats.counts[f"unsigned_{wrong}"] += 1
            raise Refused(401, f"not signed as agreed: {wrong}", kind="unsigned") from wrong
        except Unreadable as wrong:
            self._chats.counts["unreadable"] += 1
            raise Refused(400, str(wrong)) from wrong
        try:
            for one in found:
                lock = self._locks.setdefault(f"{messenger.name} {one.sender}", asyncio.Lock())
                async with lock:
                    await self._take(messenger, one)
        except ChatsAway as away:
            raise Refused(503, str(away), kind="store-unavailable") from away
        return web.json_response({"taken": len(found)})

    async def _body(self, request: web.Request) -> bytes:
        read = bytearray()
        async for part in request.content.iter_chunked(65_536):
            read += part
            if len(read) > BODY_BYTES_MAX:
                raise Refused(413, f"at most {BODY_BYTES_MAX} bytes")
        return bytes(read)

    async def _take(self, messenger: Messenger, one: Incoming) -> None:
        """Into her living chat; where she has none, a new one begins with it."""
        chats, (key,) = self._chats, message_arrival(messenger, one).keys
        known = await self._senders.known(key)
        if known:
            chats.counts["said_again"] += 1
            if await chats.store.over(known) is None:  # we died before we noted whose it is
                await self._senders.have(known, messenger.name, one.sender)
            return
        source = f"{messenger.name} {one.sender}"
        if not chats.buckets.take(source, BURST, SECOND, chats.now()):
            raise Refused(429, "too many messages of one sender", kind="slow-down")
        said = Said(
            id=said_name(messenger, one), by=By.VISITOR, at=chats.now(), name=one.name,
            text=one.text,
        )  # fmt: skip
        most = chats.world.doors[messenger.name].limits.messages_max
        contact = await self._senders.living(messenger.name, one.sender)
        if contact and not chats.chat(contact).over:
            try:
                _, new = await chats.store.say(contact, said, most)
            except (ChatOver, ChatFull):
                pass  # a new one, then
            else:
                chats.counts["said" if new else "said_again"] += 1
                await self._senders.remember(key, contact)
                return
        contact = contact_named(chats.world.secret(), messenger.name, one.id)
        try:
            await chats.store.say(contact, said, most, begins=True)
        except ChatOver:
            chats.counts["said_again"] += 1
            return  # it began a chat that is over: handed over again
        arrival = message_arrival(messenger, one)
        _, new = await chats.world.arrivals.arrive(arrival, form_of_message(one), contact)
        await self._senders.have(contact, messenger.name, one.sender)
        chats.counts["begun" if new else "begun_again"] += 1
