"""People who write by a messaging service: which chat is theirs, and our answers on their way.

    an answer stands in the conversation ─► tried: noted ─► posted ─► its place is noted as sent

    dies before it is tried      posted by the next life
    dies while it is tried       generic: posted again under its name, which the service knows;
                                 whatsapp: nobody knows, and the conversation says so
    not connected, 429, 5xx      tried again, later and later, for a day, in order
    4xx                          the conversation says so, and why

Why: the conversation in the store is the outbox: what an agent said stands in it, and one number says
how far it was sent. Where to send it is kept beside it, in the erasable place, and forgotten with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Mapping

import aiohttp
import msgspec
import structlog

from callcenter.adapters.chats import ChatStore
from callcenter.adapters.intake.claims import CLAIM_SECONDS, digest_of
from callcenter.intake.chat import By, ChatOver, ChatsAway, Said
from callcenter.intake.messenger import Messenger, outgoing

log = structlog.get_logger(__name__)

PAUSES_SECONDS = (1, 5, 30, 120, 600)
GIVE_UP_SECONDS = 86_400
POST_SECONDS = 20.0
LOOK_SECONDS = 10.0
NOTES_MAX = 100_000
"""Notes of ours stand in a conversation however full it is."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end of a chat."""

    messenger: str
    to: str


class MessengerStore:
    """Beside the conversations: whose they are. Everything raises `ChatsAway`."""

    def __init__(self, chats: ChatStore) -> None:
        self.chats = chats

    async def living(self, messenger: str, sender: str) -> str:
        """The chat that somebody has; empty when she has none."""
        found = await self.chats.call("HGET", self.chats.keys.chats_of, _who(messenger, sender))
        contact = bytes(found).decode() if found else ""
        return contact if contact and await self.chats.over(contact) is None else ""

    async def have(self, contact: str, messenger: str, sender: str) -> None:
        """From now on that one is hers."""
        party = msgspec.json.encode(Party(messenger=messenger, to=sender))
        keys = self.chats.keys
        await self.chats.call("HSET", keys.chats_to, contact, party)
        await self.chats.call("HSET", keys.chats_of, _who(messenger, sender), contact)

    async def known(self, name: str) -> str:
        """The chat that a message was taken into; empty when it was not yet."""
        found = await self.chats.call("GET", self.chats.keys.claim(digest_of(name)))
        return bytes(found).decode() if found else ""

    async def remember(self, name: str, contact: str) -> None:
        """It was taken into this one."""
        key = self.chats.keys.claim(digest_of(name))
        await self.chats.call("SET", key, contact, "EX", CLAIM_SECONDS)

    async def parties(self) -> dict[str, Party]:
        """Every chat that has somebody to be answered."""
        flat = await self.chats.call("HGETALL", self.chats.keys.chats_to)
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return {
            bytes(name).decode(): msgspec.json.decode(bytes(value), type=Party)
            for name, value in pairs
        }

    async def forget(self, contact: str, party: Party) -> None:
        """It is over, and everything was sent."""
        keys, who = self.chats.keys, _who(party.messenger, party.to)
        found = await self.chats.call("HGET", keys.chats_of, who)
        if found and bytes(found).decode() == contact:
            await self.chats.call("HDEL", keys.chats_of, who)
        await self.chats.call("HDEL", keys.chats_to, contact)

    async def note(self, contact: str, name: str, value: int) -> None:
        """How far it was sent (`.sent`), or tried (`.tried`)."""
        await self.chats.call("HSET", self.chats.keys.chat_names(contact), name, value)

    async def noted(self, contact: str, name: str) -> int:
        """The same, read."""
        found = await self.chats.call("HGET", self.chats.keys.chat_names(contact), name)
        return int(found) if found else 0


def _who(messenger: str, sender: str) -> str:
    return hashlib.sha256(f"{messenger}:{sender}".encode("utf-8", "replace")).hexdigest()[:40]


class Courier:
    """Takes our answers to the services. One per center."""

    def __init__(self, store: MessengerStore, messengers: Mapping[str, Messenger]) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._messengers = messengers
        self._look = asyncio.Event()
        self._again: dict[str, tuple[float, int, float]] = {}
        """Chat to when its next answer is tried again, how often it was, and since when."""

    def heard(self, what: str, _contact: str, _more: str) -> None:
        """Something was said, or is over."""
        if what in ("said", "over"):
            self._look.set()

    async def work(self) -> None:
        """Send what is left, for ever."""
        listening = asyncio.create_task(self._store.chats.news(self.heard, self._look.set))
        try:
            async with aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=POST_SECONDS)
            ) as http:
                while True:
                    self._look.clear()
                    with contextlib.suppress(ChatsAway):
                        await self.round(http)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._pause()):
                            await self._look.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _pause(self) -> float:
        due = min((when for when, *_ in self._again.values()), default=0.0)
        return min(LOOK_SECONDS, max(0.05, due - time.monotonic())) if due else LOOK_SECONDS

    async def round(self, http: aiohttp.ClientSession) -> None:
        """Every chat once, side by side; within one, its answers in order."""
        found = await self._store.parties()
        due = [
            (contact, party)
            for contact, party in found.items()
            if party.messenger in self._messengers
            and self._again.get(contact, (0.0,))[0] <= time.monotonic()
        ]
        for begin in range(0, len(due), 20):
            done = await asyncio.gather(
                *(self._one(http, *one) for one in due[begin : begin + 20]), return_exceptions=True
            )
            for wrong in done:
                if isinstance(wrong, BaseException):
                    raise wrong  # when all have ended, so that none is at work twice

    async def _one(self, http: aiohttp.ClientSession, contact: str, party: Party) -> None:
        chats = self._store.chats
        sent = await self._store.noted(contact, ".sent")
        over = await chats.over(contact) is not None
        for place, said in enumerate(await chats.read(contact, sent), sent + 1):
            if said.by is By.AGENT and not await self._send(http, contact, party, place, said):
                return
            await self._store.note(contact, ".sent", place)
        if over:
            await self._store.forget(contact, party)

    async def _send(
        self, http: aiohttp.ClientSession, contact: str, party: Party, place: int, said: Said
    ) -> bool:
        """Is this one done with?"""
        messenger = self._messengers[party.messenger]
        if not messenger.url:
            return await self._say(contact, place, "nothing is configured that would send it")
        again = messenger.format == "generic"
        if not again and await self._store.noted(contact, ".tried") >= place:
            return await self._say(contact, place, "perhaps: we stopped while it was being sent")
        text = said.text or (said.file.name if said.file else "")
        asked = outgoing(messenger, party.to, text, f"{contact}.{place}", time.time_ns() // 1000)
        await self._store.note(contact, ".tried", place)
        try:
            async with http.post(
                asked.url, data=asked.body, headers=asked.headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except aiohttp.ClientConnectorError as away:
            return await self._later(contact, place, type(away).__name__)
        except (aiohttp.ClientError, TimeoutError) as lost:
            if again:
                return await self._later(contact, place, type(lost).__name__)
            return await self._say(contact, place, "perhaps: the answer of the service was lost")
        if 200 <= status < 300:
            self._again.pop(contact, None)
            self.counts["sent"] += 1
            return True
        if status in (408, 425, 429) or status >= 500:
            return await self._later(contact, place, str(status))
        return await self._say(contact, place, f"the service refused it ({status})")

    async def _later(self, contact: str, place: int, why: str) -> bool:
        """Not now. `.tried` is taken back: it has not reached the service."""
        _, tries, since = self._again.get(contact, (0.0, 0, time.monotonic()))
        if time.monotonic() - since > GIVE_UP_SECONDS:
            return await self._say(contact, place, f"given up after a day ({why})")
        await self._store.note(contact, ".tried", place - 1)
        pause = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)]
        self._again[contact] = (time.monotonic() + pause, tries + 1, since)
        self.counts["again"] += 1
        return False

    async def _say(self, contact: str, place: int, why: str) -> bool:
        """It will not be tried again: whoever reads the conversation is told."""
        self._again.pop(contact, None)
        self.counts["unsure" if why.startswith("perhaps") else "failed"] += 1
        note = Said(
            id=f"not-sent-{contact}-{place}", by=By.NOTE, at=time.time_ns() // 1000,
            text=f"The message above was not sent: {why}"
            if not why.startswith("perhaps")
            else f"The message above was sent {why}",
        )  # fmt: skip
        with contextlib.suppress(ChatOver):
            await self._store.chats.say(contact, note, NOTES_MAX)
        return True
