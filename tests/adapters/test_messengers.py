"""Answers to messaging services: in order, once where it can be known, and told where it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from callcenter.adapters.messengers import Courier, MessengerStore
from callcenter.intake.chat import By, Said
from callcenter.intake.messenger import Messenger
from tests.adapters.store_server import StoreServer
from tests.adapters.test_chats import NOW, Side, side, soon


def answer(number: int) -> Said:
    return Said(id=f"answer-{number:032}", by=By.AGENT, at=NOW, name="Ann", text=f"Answer {number}")


@dataclass
class Service:
    """The service: what it was told, and how it answers next."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    next: list[int] = field(default_factory=list)
    """Statuses of the next answers; 0 breaks the line after it has read. Then 200."""

    async def post(self, request: web.Request) -> web.Response:
        self.told.append((request.headers.get("webhook-id", ""), await request.json()))
        status = self.next.pop(0) if self.next else 200
        if not status:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=status or 200)

    def texts(self) -> list[str]:
        return [body.get("text") for _, body in self.told]  # type: ignore[misc]


def within(
    server: StoreServer, folder: Path, kind: str,
    story: Callable[[Side, MessengerStore, Courier, Service, aiohttp.ClientSession], Awaitable[None]],
) -> None:  # fmt: skip
    async def told() -> None:
        service = Service()
        app = web.Application()
        app.router.add_post("/send", service.post)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        messenger = Messenger(
            name="m", format=kind, secret=b"s", url=f"http://127.0.0.1:{port}/send", token="t"
        )
        async with side(server, folder) as one, aiohttp.ClientSession() as http:
            store = MessengerStore(one.store)
            await one.store.say(
                "c", Said(id="q" * 32, by=By.VISITOR, at=NOW, text="Hi"), 100, begins=True
            )
            await store.have("c", "m", "+1")
            try:
                await story(one, store, Courier(store, {"m": messenger}), service, http)
            finally:
                await runner.cleanup()

    asyncio.run(told())


def test_answers_go_out_once_and_in_order_and_it_is_forgotten_in_the_end(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(
        one: Side, senders: MessengerStore, courier: Courier, service: Service,
        _http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        working = asyncio.create_task(courier.work())
        for number in (1, 2, 3):
            await one.store.say("c", answer(number), 100, begins=True)
        await soon(lambda: len(service.told) == 3)
        assert service.texts() == ["Answer 1", "Answer 2", "Answer 3"]
        assert [name for name, _ in service.told] == ["c.2", "c.3", "c.4"]
        assert await senders.living("m", "+1") == "c"
        await one.store.end("c", "resolved")
        assert await senders.living("m", "+1") == ""
        async with asyncio.timeout(10):
            while await senders.parties():
                await asyncio.sleep(0.02)
        assert courier.counts["sent"] == 3
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    within(store, tmp_path, "generic", story)


def test_what_the_service_cannot_take_now_is_tried_again_under_its_name(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(
        one: Side, _senders: MessengerStore, courier: Courier, service: Service,
        http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        service.next = [503, 429, 0]
        for number in (1, 2):
            await one.store.say("c", answer(number), 100, begins=True)
        for _ in range(4):
            courier._again.clear()
            await courier.round(http)
        assert service.texts() == ["Answer 1"] * 4 + ["Answer 2"]
        assert {name for name, _ in service.told[:4]} == {"c.2"}
        assert (courier.counts["again"], courier.counts["sent"]) == (3, 2)

    within(store, tmp_path, "generic", story)


def test_what_the_service_refuses_is_told_in_the_conversation_and_the_next_goes_on(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(
        one: Side, _senders: MessengerStore, courier: Courier, service: Service,
        http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        service.next = [400]
        for number in (1, 2):
            await one.store.say("c", answer(number), 100, begins=True)
        for _ in range(2):
            await courier.round(http)
        assert len(service.told) == 2
        last = (await one.store.read("c"))[-1]
        assert (last.by, last.text) == (
            By.NOTE, "The message above was not sent: the service refused it (400)",
        )  # fmt: skip
        assert courier.counts == {"failed": 1, "sent": 1}

    within(store, tmp_path, "whatsapp", story)


def test_whatsapp_gets_nothing_twice_where_nobody_knows_whether_it_was_sent(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(
        one: Side, senders: MessengerStore, courier: Courier, service: Service,
        http: aiohttp.ClientSession,
    ) -> None:  # fmt: skip
        service.next = [0]
        await one.store.say("c", answer(1), 100, begins=True)
        await courier.round(http)
        await courier.round(http)
        await one.store.say("c", answer(2), 100, begins=True)
        place = (await one.store.last("c"))[0]
        await senders.note("c", ".tried", place)  # we die here
        await courier.round(http)
        assert len(service.told) == 1
        notes = [said.text for said in await one.store.read("c") if said.by is By.NOTE]
        assert notes == [
            "The message above was sent perhaps: the answer of the service was lost",
            "The message above was sent perhaps: we stopped while it was being sent",
        ]
        assert courier.counts["unsure"] == 2

    within(store, tmp_path, "whatsapp", story)
