"""Roles from the nursery: the holder's own children, quick, and independent of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callcenter.adapters.store.embedded import store_url
from callcenter.app.config import Settings
from callcenter.app.config_check import dump
from callcenter.app.holder import Child, Holder
from callcenter.app.nursery import Nursery, bury_orphans
from callcenter.app.roles.store import StoreProcess


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def words_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")


class Center:
    """Store and control under a holder with a nursery."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(state_directory=folder / "var")
        self.nursery = Nursery(["control"])
        self.control = Child("control", after=("store",))
        self.store = Child("store", program=StoreProcess(self.settings))

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            holder = Holder(
                [self.store, self.control],
                settings_json=dump(self.settings, secrets=True),
                store_url=store_url("embedded", self.settings.store_directory),
                state_directory=self.settings.state_directory,
                nursery=self.nursery,
            )
            held = asyncio.create_task(holder.run())
            try:
                async with asyncio.timeout(30):
                    await self.control.ready.wait()
                    await story()
            finally:
                holder.stopping.set()
                await held

        asyncio.run(whole())

    def pid(self) -> int:
        assert self.control.process is not None
        return self.control.process.pid

    async def killed(self) -> float:
        """Kill control; seconds until it serves again."""
        before = self.pid()
        os.kill(before, signal.SIGKILL)
        began = time.monotonic()
        while self.pid() == before or self.control.away_since is not None:
            await asyncio.sleep(0.005)
        return time.monotonic() - began


@pytest.fixture
def center(tmp_path: Path) -> Center:
    return Center(tmp_path)


def test_a_role_is_the_holders_own_child_and_looks_like_one(center: Center) -> None:
    async def story() -> None:
        assert parent_of(center.pid()) == os.getpid()
        assert words_of(center.pid()) == [
            sys.executable.encode(), b"-m", b"callcenter.app.child", b"control",
        ]  # fmt: skip
        assert os.getsid(center.pid()) == center.pid()

    center.run(story)


def test_a_killed_role_is_forked_again_without_importing_anything(center: Center) -> None:
    async def story() -> None:
        await center.killed()
        spent = os.times()
        away = await center.killed()
        assert away < 1.0
        assert os.times().children_user - spent.children_user < 0.3

    center.run(story)


def test_the_nursery_may_die_and_roles_live_on_and_are_forked_by_the_next(center: Center) -> None:
    async def story() -> None:
        before = center.pid()
        (nursery,) = center.nursery.pids
        os.kill(nursery, signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert center.pid() == before
        assert center.control.restarts == 0
        await center.killed()
        assert center.nursery.pids - {nursery}
        assert parent_of(center.pid()) == os.getpid()

    center.run(story)


def test_a_nursery_that_cannot_import_delays_a_role_only_as_long_as_that_lasts(
    center: Center, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "callcenter"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise SyntaxError('half an upgrade')")

    async def story() -> None:
        (nursery,) = center.nursery.pids
        with monkeypatch.context() as patched:
            patched.setenv("PYTHONPATH", str(tmp_path))
            os.kill(nursery, signal.SIGKILL)
            os.kill(center.pid(), signal.SIGKILL)
            await asyncio.sleep(0.3)
        while center.control.away_since is not None:
            await asyncio.sleep(0.01)

    center.run(story)


def test_what_ends_without_anybody_waiting_is_buried() -> None:
    orphan = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    waited = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(9)"])

    async def story() -> int:
        burying = asyncio.create_task(bury_orphans(lambda: {waited.pid}, 0.05))
        while Path(f"/proc/{orphan.pid}").exists():
            await asyncio.sleep(0.02)
        waited.kill()
        await asyncio.sleep(0.3)
        burying.cancel()
        orphan.returncode = 0
        return waited.wait()

    assert asyncio.run(story()) == -signal.SIGKILL
