"""One visitor after the other on a web page, and the agent who chats with them, in a process of its
own.

Why: what is said in a chat can be proved word by word. The visitor speaks the widget's WebSocket and
counts: each word of hers stands once and in its place, and each is answered once. The agent works by
the API, as her desk would; her phone is registered, or she would be offered nothing. Speaks the same
lines as `load.py`: orders in as one JSON document, `ready` and `result` out.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import sys
from typing import Any

import aiohttp
import msgspec

from callcenter.app.demo.load import say
from callcenter.app.phones.line import Line

LOOK_SECONDS = 0.4
ANSWER_SECONDS = (0.3, 1.5)
PAUSE_SECONDS = (4.0, 10.0)
"""From one visitor to the next."""
WORDS = ("Hello, I have a question.", "My order has not come.", "Number {n}.", "Thank you!")
REPLY_SECONDS = 20.0
"""So long a visitor waits for an answer."""
DRAIN_SECONDS = 8.0


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What this process is to do. Addresses are of the server."""

    server: tuple[str, int]
    domain: str
    web: str
    """Base of every address."""
    chat: str
    """Name of the chat."""
    user: str
    password: str
    seed: int


class Clerk:
    """The agent: takes what is offered to her and answers each word of a visitor once."""

    def __init__(self, orders: Orders, dice: random.Random) -> None:
        self._orders = orders
        self._dice = dice
        self._answered: dict[str, int] = {}
        self._web: aiohttp.ClientSession
        self._headers: dict[str, str] = {}
        self.talks: set[str] = set()

    async def work(self, web: aiohttp.ClientSession) -> None:
        """Log in, be ready, and serve until cancelled; a server that restarts is asked again."""
        self._web = web
        while True:
            try:
                if not self._headers:
                    await self._log_in()
                await self._look()
            except aiohttp.ClientResponseError as refused:
                self._headers = {} if refused.status in (401, 403) else self._headers
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(LOOK_SECONDS)

    async def _log_in(self) -> None:
        who = {"agent": self._orders.user, "password": self._orders.password}
        async with self._web.post("/api/v1/session", json=who) as answer:
            answer.raise_for_status()
            self._headers = {"X-CSRF-Token": (await answer.json())["csrf"]}
        await self._post(f"agents/{self._orders.user}/presence", {"presence": "ready"})

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with self._web.post(f"/api/v1/{path}", json=body, headers=self._headers) as answer:
            if answer.status != 409:  # over meanwhile
                answer.raise_for_status()

    async def _get(self, path: str) -> Any:
        async with self._web.get(f"/api/v1/{path}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _look(self) -> None:
        desk = await self._get(f"agents/{self._orders.user}/desk")
        self.talks = {row["contact"] for row in desk["documents"] if row["state"] == "talking"}
        for row in desk["documents"]:
            if row["state"] == "ringing" and row["offer"]:
                await self._post(f"offers/{row['offer']}/answer", {"accept": True})
            elif row["state"] == "talking":
                await self._answer(row["contact"])

    async def _answer(self, contact: str) -> None:
        after = self._answered.get(contact, 0)
        for message in (await self._get(f"contacts/{contact}/chat?after={after}"))["messages"]:
            if message["by"] == "visitor":
                await asyncio.sleep(self._dice.uniform(*ANSWER_SECONDS))
                words = {"id": f"to-{message['id']}"[:64], "text": f"You say: {message['text']}"}
                await self._post(f"contacts/{contact}/chat", words)
            self._answered[contact] = message["seq"]


class Visitor:
    """One visitor: says her words, one after the other, and leaves."""

    def __init__(self, orders: Orders, number: int, dice: random.Random) -> None:
        self._orders = orders
        self._dice = dice
        self.words = [words.format(n=number) for words in WORDS]
        self.names = [secrets.token_hex(16) for _ in self.words]
        self.contact = self._key = ""
        self.heard: dict[int, dict[str, Any]] = {}
        self.state = ""
        self.leaving = asyncio.Event()

    async def live(self, web: aiohttp.ClientSession) -> dict[str, Any]:
        """Her visit; what she tells of it."""
        outcome = "left"
        try:
            async with asyncio.timeout(len(self.words) * REPLY_SECONDS + 60):
                while not self.contact or self.state != "ended":
                    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                        await self._talk(web)
                    await asyncio.sleep(0.3)
            outcome = "talked" if self._was_served() else "left"
        except TimeoutError:
            outcome = "given up"
        mine = [m["text"] for m in self._in_order() if m["by"] == "visitor"]
        return {
            "contact": self.contact, "outcome": outcome, "said": len(mine),
            "whole": self._is_whole(mine),
        }  # fmt: skip

    def _in_order(self) -> list[dict[str, Any]]:
        return [self.heard[place] for place in sorted(self.heard)]

    def _is_whole(self, mine: list[str]) -> bool:
        """Places without a hole, each word of hers once, and at most one answer to each."""
        told = self._in_order()
        answers = [m["text"] for m in told if m["by"] == "agent"]
        return (
            sorted(self.heard) == list(range(1, len(told) + 1))
            and mine == self.words[: len(mine)]
            and answers == [f"You say: {words}" for words in mine[: len(answers)]]
        )

    def _was_served(self) -> bool:
        return any(m["by"] == "agent" for m in self.heard.values())

    async def _talk(self, web: aiohttp.ClientSession) -> None:
        """One connection, from greeting to its end."""
        path, origin = f"/chat/{self._orders.chat}/ws", {"Origin": self._orders.web}
        async with web.ws_connect(path, headers=origin) as socket:
            await socket.send_json(
                {
                    "type": "hello",
                    "contact": self.contact,
                    "key": self._key,
                    "after": len(self.heard),
                }
            )
            await self._next(socket)
            while self.state != "ended":
                try:
                    message = await socket.receive_json(timeout=1.0)
                except TimeoutError:
                    await self._next(socket)
                    continue
                except (TypeError, ValueError):
                    return  # the link is lost
                self._take(message)
                if message["type"] in ("said", "state", "started", "refused"):
                    await self._next(socket)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "started":
            self.contact, self._key = message["contact"], message["key"]
        elif message["type"] == "said":
            self.heard |= {one["seq"]: one for one in message["messages"]}
        elif message["type"] == "state":
            self.state = message["state"]

    async def _next(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """What she does now: the same again until it stands, then the next."""
        mine = sum(m["by"] == "visitor" for m in self.heard.values())
        answers = len(self.heard) - mine
        if not self.contact:
            await socket.send_json(
                {"type": "start", "id": self.names[0], "text": self.words[0], "name": "Vivian"}
            )
        elif self.leaving.is_set() or (mine == len(self.words) and answers >= mine):
            await socket.send_json({"type": "end"})
        elif mine and answers >= mine:
            await socket.send_json(
                {"type": "say", "id": self.names[mine], "text": self.words[mine]}
            )


class Page:
    """Visitors as they come."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.dice = random.Random(orders.seed)
        self.line = Line(orders.server, orders.domain, seed=orders.seed + 7)
        self.told: list[dict[str, Any]] = []
        self.failures: list[str] = []

    async def run(self, drained: asyncio.Event) -> None:
        """Register, serve and visit until told to stop."""
        await self.line.start()
        phone = self.line.phone(self.orders.user, self.orders.password)
        if not await phone.register():
            self.failures.append(f"{self.orders.user} could not register")
        limit = aiohttp.ClientTimeout(total=10)
        jar = aiohttp.CookieJar(unsafe=True)
        async with (
            aiohttp.ClientSession(self.orders.web, timeout=limit, cookie_jar=jar) as desk,
            aiohttp.ClientSession(self.orders.web) as web,
        ):
            clerk = Clerk(self.orders, self.dice)
            working = asyncio.create_task(clerk.work(desk))
            say("ready", agents=1)
            while not drained.is_set():
                await self._visit(web, drained)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(drained.wait(), self.dice.uniform(*PAUSE_SECONDS))
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        await self.line.stop()

    async def _visit(self, web: aiohttp.ClientSession, drained: asyncio.Event) -> None:
        visitor = Visitor(self.orders, len(self.told), self.dice)
        living = asyncio.create_task(visitor.live(web))
        stopping = asyncio.create_task(drained.wait())
        await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        visitor.leaving.set()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                told = await living
        except TimeoutError:
            told = {"contact": visitor.contact, "outcome": "unfinished", "said": 0, "whole": False}
        if visitor.contact:
            self.told.append(told)

    def result(self) -> dict[str, Any]:
        """What the visitors tell."""
        return {"chats": self.told, "failures": self.failures}


async def main() -> None:
    """Orders in, visitors, a result out."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    page = Page(msgspec.json.decode(await reader.readline(), type=Orders))
    drained = asyncio.Event()

    async def listen() -> None:
        await reader.readline()
        drained.set()

    listening = asyncio.create_task(listen())
    await page.run(drained)
    say("result", **page.result())
    listening.cancel()


if __name__ == "__main__":
    asyncio.run(main())
