"""The leader dies or hangs under load: the standby leads, and every command is decided once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from callcenter.adapters.store.embedded import StoreUnavailable, store_url
from callcenter.adapters.store.health import Health, decode_health
from callcenter.adapters.store.journal import CommandWriter, EventReader
from callcenter.adapters.store.keys import Keys
from callcenter.app.config import Settings
from callcenter.app.config_check import dump
from callcenter.app.holder import Child, Holder
from callcenter.app.roles import STOP_ORDER
from callcenter.app.roles.store import StoreProcess
from callcenter.domain.commands import FrontendReported
from callcenter.domain.events import ContactArrived
from tests.adapters.store_server import FRONTEND, arrival


class Center:
    """Store, control and standby under a holder, a writer that asks and a reader that hears."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(state_directory=folder / "var")
        self.keys = Keys()
        self.url = store_url("embedded", self.settings.store_directory)
        self.control = Child("control", after=("store",))
        self.standby = Child("standby", after=("control",))
        self.store = Child("store", program=StoreProcess(self.settings))
        self.heard: list[str] = []
        self.asked = 0

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            holder = Holder(
                [self.store, self.control, self.standby],
                settings_json=dump(self.settings, secrets=True),
                store_url=self.url,
                state_directory=self.settings.state_directory,
                stop_order=STOP_ORDER,
            )
            held = asyncio.create_task(holder.run())
            try:
                async with asyncio.timeout(60):
                    await self.standby.ready.wait()
                    await self._with_load(story)
            finally:
                holder.stopping.set()
                await held

        asyncio.run(whole())

    async def _with_load(self, story: Callable[[], Awaitable[None]]) -> None:
        self.writer = CommandWriter(self.url, self.keys, source="frontend-0", epoch=1)
        await self.writer.start()
        await self.writer.append([FrontendReported(frontend=FRONTEND, epoch=1)])
        load = asyncio.create_task(self._ask())
        hear = asyncio.create_task(self._hear())
        try:
            await story()
            load.cancel()
            await self.writer.drain()
            while len(self.heard) < self.asked:
                await asyncio.sleep(0.01)
        finally:
            for task in (load, hear):
                task.cancel()
            await asyncio.gather(load, hear, return_exceptions=True)
            await self.writer.close()
        assert sorted(self.heard) == sorted(f"c{n}" for n in range(1, self.asked + 1))

    async def _ask(self) -> None:
        while True:
            self.asked += 1
            self.writer.append([arrival(self.asked)])
            await asyncio.sleep(0.004)

    async def _hear(self) -> None:
        async for batch in EventReader(self.url, self.keys, 0):
            self.heard += [e.contact for e in batch.events if isinstance(e, ContactArrived)]

    async def health(self) -> Health | None:
        try:
            return decode_health(await self.writer.call("GET", self.keys.lag))
        except StoreUnavailable:
            return None

    async def leader(self, *, other_than: str = "") -> str:
        """Who leads, once it is not `other_than`: `control-0`."""
        while True:
            health = await self.health()
            name = health.leader.partition(":")[0] if health else ""
            if name and name != other_than:
                return name
            await asyncio.sleep(0.02)

    def send(self, name: str, number: signal.Signals) -> None:
        child = self.control if name == "control-0" else self.standby
        assert child.process is not None
        child.process.send_signal(number)


def test_a_killed_leader_is_replaced_at_once_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    center = Center(tmp_path)

    async def story() -> None:
        for _ in range(3):
            leader = await center.leader()
            await asyncio.sleep(0.3)
            center.send(leader, signal.SIGKILL)
            before = len(center.heard)
            await center.leader(other_than=leader)
            while len(center.heard) < before + 50:
                await asyncio.sleep(0.01)

    center.run(story)


def test_a_leader_that_hangs_is_fenced_when_it_wakes(tmp_path: Path) -> None:
    center = Center(tmp_path)

    async def story() -> None:
        leader = await center.leader()
        center.send(leader, signal.SIGSTOP)
        await center.leader(other_than=leader)
        center.send(leader, signal.SIGCONT)
        await asyncio.sleep(0.5)
        assert await center.leader() != leader

    center.run(story)
