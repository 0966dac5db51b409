"""Pushes to every open screen what changed, at most four times a second.

What happens here: `wake` says that something happened; the hub refreshes the topics that anybody
looks at and hands each screen its message. A screen that cannot keep up is closed by name and
connects again; it must not slow down the others.

Why: one refresh serves every screen of a topic, so a hundred walls cost what one does.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import msgspec
import structlog

from callcenter.domain.units import AgentId
from callcenter.records.day import as_time
from callcenter.web.access import Doorkeeper, Principal
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.states import desk_state, wall_state
from callcenter.web.topics import Topic

PUSH_SECONDS = 0.25
IDLE_SECONDS = 1.0
"""Without any event: figures that follow from the clock, and a sign of life."""
SCREEN_MESSAGES_MAX = 32
SCREENS_MAX = 2000

CLOSE_TOO_SLOW = 4008
CLOSE_SESSION_ENDED = 4401
CLOSE_GOING_AWAY = 1001
CLOSE_TOO_MANY = 4429

log = structlog.get_logger()


class Screen:
    """One open WebSocket: what it looks at and what waits to be sent."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.topics: set[str] = set()
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue(SCREEN_MESSAGES_MAX)
        self.closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self.told = time.monotonic()

    def tell(self, message: bytes) -> None:
        """Send it as soon as may be; a screen with too much waiting is closed."""
        try:
            self.outbox.put_nowait(message)
            self.told = time.monotonic()
        except asyncio.QueueFull:
            self.close(CLOSE_TOO_SLOW, "too slow: connect again")

    def close(self, code: int, reason: str) -> None:
        """End it, with a name for the reason."""
        if not self.closing.done():
            self.closing.set_result((code, reason))


class Hub:
    """All screens and topics."""

    def __init__(self, picture: Picture, doors: Doorkeeper) -> None:
        self.server = secrets.token_hex(6)
        """Names this life of the role: sequence numbers of another are worth nothing."""
        self.screens: set[Screen] = set()
        self._picture = picture
        self._doors = doors
        self._topics: dict[str, Topic] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something happened."""
        self._woken.set()

    def add(self, screen: Screen) -> None:
        """A screen opened."""
        if len(self.screens) >= SCREENS_MAX:
            screen.close(CLOSE_TOO_MANY, "too many screens")
        self.screens.add(screen)

    def remove(self, screen: Screen) -> None:
        """A screen closed; topics nobody looks at are forgotten."""
        self.screens.discard(screen)
        seen = {name for other in self.screens for name in other.topics}
        for name in set(self._topics) - seen - {"wall"}:
            del self._topics[name]

    async def subscribe(self, screen: Screen, name: str, after: int | None) -> None:
        """Show it a topic: what it missed since `after`, or everything."""
        topic = await self._fresh(name)
        missed = topic.since(after) if after is not None else None
        for message in missed if missed is not None else [topic.snapshot()]:
            screen.tell(message)
        screen.topics.add(name)

    async def _fresh(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name)
        await self._refresh(topic)
        return topic

    async def _refresh(self, topic: Topic) -> None:
        """Bring a topic up to date and tell everybody who looks at it."""
        document = await self._document(topic.name)
        message = topic.refresh(document)
        if message is not None:
            for screen in self.screens:
                if topic.name in screen.topics:
                    screen.tell(message)

    async def _document(self, name: str) -> msgspec.Struct:
        if name == "wall":
            return wall_state(self._picture)
        return await desk_state(self._picture, AgentId(name.partition(":")[2]))

    async def run(self) -> None:
        """Push until cancelled."""
        seen, checked = -1, 0.0
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            now = time.monotonic()
            if self.screens:
                self._picture.live.roll(self._picture.now())
                await self._push(seen != self._picture.changes, now)
                seen = self._picture.changes
                if now - checked >= IDLE_SECONDS:
                    checked = now
                    await self._check_rights()
            await asyncio.sleep(max(0.0, PUSH_SECONDS - (time.monotonic() - now)))

    async def _push(self, changed: bool, now: float) -> None:
        for name in {name for screen in self.screens for name in screen.topics}:
            topic = self._topics.get(name)
            if topic is not None and (changed or self._picture.live.in_queue or name == "wall"):
                try:
                    await self._refresh(topic)
                except Refused:
                    self._drop(name)
        quiet = [screen for screen in self.screens if now - screen.told >= IDLE_SECONDS]
        if quiet:
            message = self.ping()
            for screen in quiet:
                screen.tell(message)

    def _drop(self, name: str) -> None:
        """The agent of a desk is no longer configured."""
        for screen in self.screens:
            if name in screen.topics:
                screen.close(CLOSE_SESSION_ENDED, "this desk is gone")

    def ping(self) -> bytes:
        """A sign of life: without one for three seconds, a screen says that it is stale."""
        message: dict[str, Any] = {
            "type": "ping",
            "at": as_time(self._picture.now()),
            "stale_since": self._picture.stale_since,
        }
        return msgspec.json.encode(message)

    async def _check_rights(self) -> None:
        """Who was logged out sees nothing more."""
        for screen in list(self.screens):
            if not await self._doors.again(screen.principal):
                screen.close(CLOSE_SESSION_ENDED, "log in again")

    def close_all(self) -> None:
        """The role ends; screens connect again."""
        for screen in self.screens:
            screen.close(CLOSE_GOING_AWAY, "the server restarts")
