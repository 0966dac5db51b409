"""What this web process knows of living chats, and their limits.

What happens here: the words stand in the store; here is only how many there are, when the last one
was said, who is typing and whose page is open. Whoever looks at a chat (her visitor's page, an
agent's desk) is woken when it changed, and reads what she does not have.

Every few seconds the chats are looked through: one in which nobody writes any more ends, and so does
one that waits while its visitor's page is gone. Several web processes do the same; the second end
of a contact changes nothing.

Why: the numbers are made anew from the store when this process begins, or could not listen for a
while; so nothing depends on its having heard everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import Presence
from callcenter.domain.errors import CallcenterError
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, ContactId, Micros, QueueId
from callcenter.intake.arrival import Arrival
from callcenter.intake.chat import Buckets, ChatsAway, Conversation, Ends, Said, ends
from callcenter.intake.chat_door import ChatDoor
from callcenter.intake.messenger import Messenger
from callcenter.records.live_state import LiveContact, Stage
from callcenter.web.document_views import ChatRow
from callcenter.web.picture import Picture
from callcenter.web.ports import CommandPort

if TYPE_CHECKING:
    from callcenter.web.chat_socket import Visitor

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
REST_SECONDS = 0.3
TYPING_SECONDS = 5.0
"""Somebody who typed is typing for so long."""
APPEND_SECONDS = 5.0
TALKS = frozenset({Presence.READY, Presence.RESERVED, Presence.TALKING, Presence.WRAP_UP})


class ChatPort(Protocol):
    """Where conversations are kept. Everything raises `ChatsAway` when nothing is sure."""

    async def say(
        self, contact: str, said: Said, most: int, *, begins: bool = False
    ) -> tuple[int, bool]: ...

    async def read(self, contact: str, after: int = 0) -> list[Said]: ...

    async def conversation(self, contact: str) -> Conversation: ...

    async def last(self, contact: str) -> tuple[int, Micros]: ...

    async def over(self, contact: str) -> str | None: ...

    async def want_copy(self, contact: str) -> None: ...

    async def typing(self, contact: str, who: str) -> None: ...

    async def see(self, contacts: list[str]) -> None: ...

    async def seen(self, contact: str) -> int: ...

    async def keep_file(self, data: bytes) -> str: ...

    async def file(self, blob: str) -> bytes: ...

    async def news(
        self, told: Callable[[str, str, str], None], missed: Callable[[], None]
    ) -> None: ...


class ArrivalPort(Protocol):
    """The way in for what visitors begin."""

    async def arrive(
        self, arrival: Arrival, form: bytes, contact: str = ""
    ) -> tuple[str, bool]: ...


class SendersPort(Protocol):
    """Whose chat is whose. Everything raises `ChatsAway`."""

    async def living(self, messenger: str, sender: str) -> str: ...

    async def have(self, contact: str, messenger: str, sender: str) -> None: ...

    async def known(self, name: str) -> str: ...

    async def remember(self, name: str, contact: str) -> None: ...


@dataclass(frozen=True)
class ChatWorld:
    """What chats need from outside."""

    doors: Mapping[str, ChatDoor]
    store: ChatPort
    arrivals: ArrivalPort
    secret: Callable[[], bytes]
    messengers: Mapping[str, Messenger] = field(default_factory=dict)
    senders: SendersPort | None = None
    """Whose chat is whose, where there are messengers."""


@dataclass
class LiveChat:
    """What is known of one chat."""

    last: int = 0
    said: Micros = 0
    fresh: bool = False
    """Whether the two are as the store has them."""
    typing_until: float = 0.0
    """Its visitor (monotonic)."""
    visitors: set[Visitor] = field(default_factory=set)
    """Her pages that are connected here."""
    seen: Micros = 0
    ending: bool = False
    over: str = ""
    """Why it ended, once the journal says that it has."""


class Chats:
    """The chats of this process."""

    def __init__(
        self, picture: Picture, commands: CommandPort, world: ChatWorld, wake: Callable[[], None]
    ) -> None:
        self.world = world
        self.store = world.store
        self.buckets = Buckets()
        self.sockets: Counter[str] = Counter()
        """Open ones by address."""
        self.counts: Counter[str] = Counter()
        """What visitors did, and what was refused, by name."""
        self._picture = picture
        self._commands = commands
        self._wake = wake
        self._chats: dict[str, LiveChat] = {}
        self._began = picture.now()
        self._look = asyncio.Event()
        """Set when the chats should be looked through soon."""
        picture.listeners.append(self._fold)

    def now(self) -> Micros:
        """Center time."""
        return self._picture.now()

    def contact(self, contact: str) -> LiveContact | None:
        """The living chat of this name."""
        found = self._picture.live.data.contacts.get(ContactId(contact))
        return found if found is not None and found.channel is Channel.CHAT else None

    def person(self, agent: str) -> str:
        """What an agent is called."""
        people = self._picture.live.people
        found = next((one for one in people.values() if one.id == agent), None)
        return found.name if found else agent

    # --- what is known ------------------------------------------------------------------------

    def chat(self, contact: str) -> LiveChat:
        """What is known of a chat; made when it is asked for."""
        found = self._chats.get(contact)
        if found is None:
            found = self._chats[contact] = LiveChat()
        return found

    def heard(self, what: str, contact: str, more: str) -> None:
        """Something was said, typed or ended somewhere."""
        chat = self.chat(contact)
        if what == "said":
            chat.last = max(chat.last, int(more) if more.isdigit() else 0)
            chat.said = max(chat.said, self.now())
            chat.typing_until = 0.0
        elif what == "typing" and more == "visitor":
            chat.typing_until = time.monotonic() + TYPING_SECONDS
        elif what == "typing":
            for visitor in chat.visitors:
                visitor.typed(more.removeprefix("agent "))
            return
        self._changed(chat)

    def missed(self) -> None:
        """Something may have happened that we did not hear: everybody looks for herself."""
        for chat in self._chats.values():
            chat.fresh = False
            self._changed(chat)
        self._look.set()

    def _changed(self, chat: LiveChat) -> None:
        for visitor in chat.visitors:
            visitor.wake()
        self._picture.changes += 1
        self._wake()

    def _fold(self, event: e.Event) -> None:
        """The journal tells a visitor where she stands."""
        chat = self._chats.get(getattr(event, "contact", ""))
        if chat is None:
            return
        if isinstance(event, e.SegmentStarted):
            chat.said = max(chat.said, event.at)
        elif isinstance(event, e.ContactEnded):
            chat.over = event.termination.reason.value
        for visitor in chat.visitors:
            visitor.wake()

    def row(self, contact: LiveContact) -> ChatRow:
        """What a desk shows of a chat beside its document."""
        chat = self.chat(contact.id)
        if not chat.fresh:
            self._look.set()
        return ChatRow(
            said=chat.last,
            typing=chat.typing_until > time.monotonic(),
            here=bool(chat.visitors) or self._is_near(chat),
        )

    def _is_near(self, chat: LiveChat) -> bool:
        """Her page was there a moment ago, perhaps at another process."""
        return self.now() - chat.seen < 3 * SWEEP_SECONDS * SECOND

    def is_open(self, door: ChatDoor) -> bool:
        """Would a chat that begins now be taken?"""
        live, queue = self._picture.live, self._picture.live.config.get(QueueId(door.queue))
        if queue is None or not live.is_open(queue, self.now()):
            return False
        if len(live.in_queue.get(queue.id, {})) >= queue.waiting_max:
            return False
        if not door.staffed_only:
            return True
        agents = (live.data.agents.get(name) for name in live.able[queue.id])
        return any(a is not None and a.presence in TALKS and bool(a.reachable_by) for a in agents)

    # --- what is done -------------------------------------------------------------------------

    async def end(self, contact: str, reason: Reason) -> None:
        """It is over, for its visitor or by its limits."""
        command = c.ContactEndReported(contact=ContactId(contact), termination=ended(reason))
        try:
            async with asyncio.timeout(APPEND_SECONDS):
                await self._commands.append((command,))
        except (TimeoutError, CallcenterError) as away:
            raise ChatsAway("the store is away") from away

    async def run(self) -> None:
        """Listen, and look through the chats, until cancelled."""
        listening = asyncio.create_task(self.store.news(self.heard, self.missed), name="chats")
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP_SECONDS):
                        await self._look.wait()
                self._look.clear()
                with contextlib.suppress(ChatsAway):
                    await self.sweep()
                await asyncio.sleep(REST_SECONDS)
                if listening.done():
                    listening.result()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def sweep(self) -> None:
        """Look through the living chats once."""
        living = [
            contact
            for contact in self._picture.live.data.contacts.values()
            if contact.channel is Channel.CHAT and contact.dialled in self.world.doors
        ]
        names = {contact.id for contact in living}
        for gone in [n for n, chat in self._chats.items() if n not in names and not chat.visitors]:
            del self._chats[gone]
        await self.store.see([c.id for c in living if self.chat(c.id).visitors])
        for contact in living:
            await self._look_at(contact)

    async def _look_at(self, contact: LiveContact) -> None:
        chat = self.chat(contact.id)
        if not chat.fresh:
            before = chat.last
            chat.last, chat.said = await self.store.last(contact.id)
            chat.fresh = True
            if chat.last != before:
                self._changed(chat)
        now = self.now()
        seen = now if chat.visitors else await self.store.seen(contact.id) * SECOND
        chat.seen = max(seen, self._began)
        talking = contact.stage is Stage.TALKING
        said = max(chat.said, contact.arrived, contact.stage_since if talking else 0)
        door = self.world.doors[contact.dialled]
        if not door.pages:
            chat.seen = now
        found = ends(door.limits, talking=talking, said=said, seen=chat.seen, now=now)
        if found is not None and not chat.ending:
            chat.ending = True
            idle = found is Ends.IDLE
            try:
                await self.end(
                    contact.id, Reason.CHAT_IDLE if idle else Reason.CALLER_LEFT_IN_QUEUE
                )
            except ChatsAway:
                chat.ending = False  # the next time
                raise
            self.counts[found.value] += 1
