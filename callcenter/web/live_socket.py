"""`/ws`: one WebSocket per tab.

    screen  → {"subscribe": ["wall"], "resume": {"server": "…", "wall": 41}}
    server  → {"type": "hello", "server": "…", "at": …}
            → {"type": "snapshot", "topic": "wall", "seq": 41, "state": {…}}
            → {"type": "delta", "topic": "wall", "seq": 42, "set": {…}, "put": {…}, "drop": {…}}
            → {"type": "ping", "at": …, "stale_since": null}

Why: browsers open six connections per origin; six tabs with an event stream each would leave none
for the seventh. One socket carries every topic, and says of itself when it is behind.

Sources: RFC 6455; the Origin check is what keeps foreign pages out (10.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from callcenter.records.day import as_time
from callcenter.web.access import Doorkeeper, Need, authorize
from callcenter.web.hub import Hub, Screen
from callcenter.web.picture import Picture
from callcenter.web.problems import Refused
from callcenter.web.routes import check_origin

MESSAGE_BYTES_MAX = 4096
TOPICS_MAX = 8
HEARTBEAT_SECONDS = 20.0
CLOSE_SECONDS = 2.0


class Subscribe(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen asks for. `resume` names the server and the last sequence of each topic."""

    subscribe: list[str]
    resume: dict[str, str | int] = {}


_subscribe = msgspec.json.Decoder(Subscribe)


class LiveSocket:
    """The handler of `/ws`."""

    def __init__(
        self, picture: Picture, doors: Doorkeeper, hub: Hub, origins: Sequence[str]
    ) -> None:
        self._picture = picture
        self._doors = doors
        self._hub = hub
        self._origins = origins

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Open, serve, close. Raises `Refused` before the upgrade."""
        check_origin(request, self._origins)
        principal = await self._doors.principal(request)
        authorize(principal, Need.WALL)
        assert principal is not None
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_SECONDS,
            max_msg_size=MESSAGE_BYTES_MAX,
            timeout=CLOSE_SECONDS,
            compress=False,
        )
        await socket.prepare(request)
        screen = Screen(principal)
        self._hub.add(screen)
        screen.tell(self._hello())
        sender = asyncio.create_task(_send(socket, screen), name="screen out")
        listener = asyncio.create_task(self._listen(socket, screen), name="screen in")
        try:
            await asyncio.wait(
                (sender, listener, screen.closing), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            self._hub.remove(screen)
            sender.cancel()
            await _close(socket, screen)
            listener.cancel()
            await asyncio.gather(sender, listener, return_exceptions=True)
        return socket

    def _hello(self) -> bytes:
        hello: dict[str, Any] = {
            "type": "hello",
            "server": self._hub.server,
            "at": as_time(self._picture.now()),
        }
        return msgspec.json.encode(hello)

    async def _listen(self, socket: web.WebSocketResponse, screen: Screen) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                await socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text only")
                return
            try:
                asked = _subscribe.decode(message.data)
                await self._subscribe(screen, asked)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
                screen.tell(_error(400, str(wrong)))
            except Refused as refused:
                screen.tell(_error(refused.document.status, str(refused)))

    async def _subscribe(self, screen: Screen, asked: Subscribe) -> None:
        if len(asked.subscribe) > TOPICS_MAX:
            raise Refused(400, f"at most {TOPICS_MAX} topics")
        resumed = asked.resume.get("server") == self._hub.server
        for name in asked.subscribe:
            topic = self._topic(screen, name)
            after = asked.resume.get(name) if resumed else None
            await self._hub.subscribe(screen, topic, after if isinstance(after, int) else None)

    def _topic(self, screen: Screen, name: str) -> str:
        """The topic by its full name: `desk` is one's own, `desk:ID` a supervisor's choice."""
        principal = screen.principal
        if name == "wall":
            return name
        if name == "desk" or name.startswith("desk:"):
            agent = name.partition(":")[2] or principal.agent
            authorize(principal, Need.DESK, agent)
            if not agent:
                raise Refused(403, "this login is no agent's; ask for desk:AGENT")
            return f"desk:{agent}"
        raise Refused(404, f"there is no topic {name!r}; there are wall and desk")


async def _send(socket: web.WebSocketResponse, screen: Screen) -> None:
    """Everything in its outbox, in order."""
    while True:
        message = await screen.outbox.get()
        try:
            await socket.send_frame(message, WSMsgType.TEXT)
        except (ConnectionError, RuntimeError):
            return  # it is gone


async def _close(socket: web.WebSocketResponse, screen: Screen) -> None:
    """Say why, if it still listens; one that does not is cut off."""
    code, reason = WSCloseCode.OK.value, ""
    if screen.closing.done():
        code, reason = screen.closing.result()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.close(code=code, message=reason.encode())
    except (TimeoutError, ConnectionError, RuntimeError):
        pass  # the connection ends with the handler


def _error(status: int, detail: str) -> bytes:
    return msgspec.json.encode({"type": "error", "status": status, "detail": detail})
