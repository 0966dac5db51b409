"""The records role and the web role on a real store with a real leader, stopped and started again."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callcenter.adapters.history import History
from callcenter.app.config import Settings
from callcenter.app.context import HolderLine, RoleContext
from callcenter.app.data_commands import create_token
from callcenter.app.roles import records as records_role
from callcenter.app.roles import web as web_role
from callcenter.domain import commands as c
from callcenter.domain.access import Scope
from callcenter.domain.center import Channel
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import ContactId, CustomerId, PartyId, QueueId
from callcenter.records.book import Book
from tests.adapters.store_server import FRONTEND, Led, StoreServer, envelope, seed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreServer]:
    server = StoreServer(tmp_path / "store")
    server.start()
    yield server
    server.close()


class Running:
    """Both roles, with a door to knock at."""

    def __init__(self, store: StoreServer, folder: Path) -> None:
        self.store = store
        self.settings = Settings.model_validate({
            "state_directory": folder,
            "agent": [{"id": "ana", "web_password": "ana's secret", "skills": {"sales": 5}}],
        })  # fmt: skip
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.web = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.sequence = 0
        self.epoch = 1
        self._connection = store.connect()

    def tell(self, *commands: c.Command) -> None:
        """What a front end reports."""
        data = envelope("frontend-0", 1, self.sequence + 1, *commands)
        self.sequence += len(commands)
        self._connection.call("XADD", self.store.keys.cmds, "*", "e", data)

    def call(self, name: str, number: str) -> None:
        """A caller arrives and waits; her number stands in the erasable place."""
        party, contact = PartyId(f"party-{name}"), ContactId(name)
        value = json.dumps({"number": number})
        self._connection.call("HSET", self.store.keys.parties, party, value)
        self.tell(
            c.ContactReported(
                contact=contact,
                channel=Channel.VOICE,
                frontend=FRONTEND,
                dialled="100",
                party=party,
            ),
            c.QueueRequested(contact=contact, queue=QueueId("sales")),
        )

    def numbers_in_store(self) -> int:
        return int(self._connection.call("HLEN", self.store.keys.parties))

    def context(self, role: str) -> RoleContext:
        self.epoch += 1
        return RoleContext(
            role=role,
            index=0,
            settings=self.settings,
            sockets={"web": self.listening.dup()},
            addresses={},
            store_url=self.store.url,
            state_directory=self.settings.state_directory,
            epoch=self.epoch,
            line=HolderLine(None),
        )

    async def told(self, story: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
        """Start both roles, tell the story, stop both."""
        stopping = asyncio.Event()
        _, token = await self._token()
        roles = [
            asyncio.create_task(role.serve(self.context(name), stopping))
            for name, role in (("records", records_role), ("web", web_role))
        ]
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(self.web, headers=headers) as client:
            try:
                await eventually(lambda: ready(client))
                await story(client)
            finally:
                stopping.set()
                await asyncio.gather(*roles)

    async def _token(self) -> tuple[str, str]:
        secret, token = await create_token(self.settings.history_url, "test", Scope.SUPERVISOR)
        return token.id, secret


async def ready(client: aiohttp.ClientSession) -> bool:
    try:
        async with client.get("/readyz") as answer:
            checks = (await answer.json())["checks"]
    except aiohttp.ClientError:
        return False
    return bool(checks["journal"] and checks["store"])


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 8) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def tile(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/v1/queues") as answer:
        queues: Sequence[dict[str, Any]] = (await answer.json())["queues"]
    return queues[0] if queues else {}


def counts(*names_and_values: object) -> Callable[[dict[str, Any]], bool]:
    pairs = list(zip(names_and_values[::2], names_and_values[1::2], strict=True))
    return lambda found: bool(found) and all(found[str(n)] == v for n, v in pairs)


def test_counters_records_and_numbers_survive_the_roles(store: StoreServer, tmp_path: Path) -> None:
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    running = Running(store, tmp_path / "var")

    async def first(client: aiohttp.ClientSession) -> None:
        async with client.post(
            "/api/v1/agents/ana/presence", json={"presence": "not_ready", "reason": "lunch"}
        ) as answer:
            assert (answer.status, (await answer.json())["accepted"]) == (200, True)
        running.call("c1", "+34600123456")
        running.call("c2", "+14155550100")
        await eventually(lambda: shows(client, counts("waiting", 2, "offered", 2)))
        await eventually(lambda: callers(client, {"••• 456", "••• 100"}))
        gone = ended(Reason.CALLER_LEFT_IN_QUEUE)
        running.tell(c.ContactEndReported(contact=ContactId("c1"), termination=gone))
        await eventually(lambda: shows(client, counts("waiting", 1, "abandoned", 1)))

    async def abandoned(client: aiohttp.ClientSession) -> bool:
        """The history has her, about a second after she left."""
        async with client.get("/api/v1/contacts?queue=sales&counted=abandoned") as answer:
            rows = (await answer.json())["contacts"]
        return [(row["contact"], row["caller"]) for row in rows] == [("c1", "••• 456")]

    async def second(client: aiohttp.ClientSession) -> None:
        await eventually(lambda: shows(client, counts("offered", 2, "abandoned", 1, "waiting", 1)))
        await eventually(lambda: abandoned(client))
        running.call("c3", "+34600123457")
        await eventually(lambda: shows(client, counts("offered", 3, "waiting", 2)))

    async def both() -> None:
        await running.told(first)
        running.tell(c.CustomerReported(contact=ContactId("c2"), customer=CustomerId("1001")))
        await running.told(second)
        history = await History.open(running.settings.history_url)
        assert [r.contact for r in await history.records.ended()] == ["c1"]
        assert set(await history.parties.values(["party-c1", "party-c2"])) == {"party-c1"}
        await history.close()

    asyncio.run(both())
    assert running.numbers_in_store() == 2
    led.end()


async def shows(client: aiohttp.ClientSession, holds: Callable[[dict[str, Any]], bool]) -> bool:
    return holds(await tile(client))


async def callers(client: aiohttp.ClientSession, wanted: set[str]) -> bool:
    async with client.get("/api/v1/wall") as answer:
        return {row["caller"] for row in (await answer.json())["waiting"]} == wanted


def test_a_screen_is_told_that_the_store_went_away_and_came_back(
    store: StoreServer, tmp_path: Path
) -> None:
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    running = Running(store, tmp_path / "var")

    async def story(client: aiohttp.ClientSession) -> None:
        async def stale() -> bool:
            async with client.get("/api/v1/wall") as answer:
                wall = await answer.json()
            return wall["stale_since"] is not None and not wall["control"]["store"]

        async def fresh() -> bool:
            return not await stale()

        async def decided() -> bool:
            url = "/api/v1/agents/ana/presence"
            async with client.post(url, json={"presence": "logged_out"}) as answer:
                return answer.status == 200

        assert await fresh()
        process = store.process
        assert process is not None
        process.kill()
        await eventually(stale)
        async with client.post("/api/v1/agents/ana/presence", json={"presence": "ready"}) as answer:
            assert answer.status in (202, 503)
        await asyncio.to_thread(restart, store)
        await eventually(fresh)
        await eventually(decided)
        await asyncio.to_thread(led.end)  # the store dies with the thread that started it

    asyncio.run(running.told(story))


def restart(store: StoreServer) -> None:
    """The store's holder does this in a running center."""
    store.kill()
    store.start()


def test_another_journal_is_begun_anew_and_said_so(store: StoreServer, tmp_path: Path) -> None:
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    running = Running(store, tmp_path / "var")

    async def story() -> None:
        history = await History.open(running.settings.history_url)
        book = Book()
        book.skip_to(10_000)
        await history.records.write(book.take())
        await history.close()

        async def told(client: aiohttp.ClientSession) -> None:
            running.call("c1", "+34600123456")
            await eventually(lambda: shows(client, counts("waiting", 1)))

        await running.told(told)

    asyncio.run(story())
    led.end()


@pytest.mark.parametrize(
    ("sip", "address"),
    [
        ({"listen": "127.0.0.1:5070"}, "127.0.0.1:5070"),
        ({"listen": "0.0.0.0:5070"}, ":5070"),
        ({"listen": "0.0.0.0:5070", "advertised_address": "192.0.2.7"}, "192.0.2.7:5070"),
        ({"listen": "[::1]:5060"}, "[::1]:5060"),
    ],
)
def test_the_desk_names_the_server_at_which_phones_register(
    sip: dict[str, str], address: str
) -> None:
    settings = Settings.model_validate({"sip": sip})
    assert web_role.phones_address(settings.sip) == address
