"""The front end's process follows its files and its center without keeping a caller waiting."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from callcenter.adapters.seal import Seal
from callcenter.adapters.store.journal import JournalGap
from callcenter.app.config import load_settings
from callcenter.app.context import HolderLine, RoleContext
from callcenter.app.flow_watch import FlowWatch
from callcenter.app.roles.frontend import FrontendRole
from callcenter.domain.center import Center, Number
from callcenter.domain.events import Batch, ConfigurationChanged
from callcenter.frontend.turn import Configured
from callcenter.ivr.flow import load_flow
from callcenter.ivr.shape import Flow, Known

FLOW = """
flow: main
entry: greet
languages: [en]
prompts: { hello: { en: Hello. } }
nodes:
  greet: { say: hello, next: end }
  end: { hangup: normal }
"""
TO_NOWHERE = """
flow: main
entry: sales
languages: [en]
nodes:
  sales: { queue: none, answered: end, timeout: end, full: end, unstaffed: end, closed: end, left: end }
  end: { hangup: normal }
"""
MAIN = Center(numbers=(Number(number="100", flow="main"),))


class Heard:
    """Stands where the loop of the front end stands, and shows what it was fed."""

    def __init__(self) -> None:
        self.fed: asyncio.Queue[Configured] = asyncio.Queue()

    def feed(self, what: Any) -> None:
        self.fed.put_nowait(what)


class SlowReading:
    """Reads a flow once it is let; shows that it began."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.let = threading.Event()

    def __call__(self, text: str, file: str, known: Known | None) -> Flow:
        self.began.set()
        self.let.wait(20)
        return load_flow(text, file, known)


def role_in(folder: Path) -> tuple[FrontendRole, Heard]:
    file = folder / "callcenter.toml"
    file.write_text('flows_directory = "flows"\n[[number]]\nnumber = "100"\nflow = "main"\n')
    settings = load_settings(file, {})
    role = FrontendRole(
        RoleContext(
            role="frontend", index=0, settings=settings, sockets={}, addresses={}, store_url="",
            state_directory=folder, epoch=1, line=HolderLine(None), config_file=file,
        )
    )  # fmt: skip
    heard = Heard()
    role.loop = heard  # type: ignore[assignment]
    return role, heard


def new_center(center: Center) -> list[Any]:
    return [ConfigurationChanged(at=1, center=center, version="2", by="test")]


def flows_in(folder: Path, text: str) -> None:
    (folder / "flows").mkdir(exist_ok=True)
    (folder / "flows" / "main.yaml").write_text(text)


def test_while_a_flow_is_read_everything_else_goes_on(tmp_path: Path) -> None:
    flows_in(tmp_path, FLOW)
    role, heard = role_in(tmp_path)
    reading = SlowReading()
    role.flows = FlowWatch(tmp_path / "flows", tmp_path / "kept", reading)

    async def story() -> Configured:
        following = asyncio.create_task(role._follow_flows())
        role._center_changed(new_center(MAIN))
        while not reading.began.is_set():
            await asyncio.sleep(0)
        assert heard.fed.empty(), "the loop runs while the file is being read"
        reading.let.set()
        taken = await asyncio.wait_for(heard.fed.get(), 20)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        return taken

    taken = asyncio.run(story())
    assert set(taken.flows) == {"main"}
    assert taken.center == MAIN


def test_a_center_that_does_not_fit_its_flows_is_taken_without_changing_them(
    tmp_path: Path,
) -> None:
    flows_in(tmp_path, FLOW)
    role, heard = role_in(tmp_path)
    role.flows.load(MAIN)
    before = role.flows.library
    flows_in(tmp_path, TO_NOWHERE)

    async def story() -> Configured:
        following = asyncio.create_task(role._follow_flows())
        role._center_changed(new_center(Center(numbers=MAIN.numbers, name="renamed")))
        taken = await asyncio.wait_for(heard.fed.get(), 20)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        return taken

    taken = asyncio.run(story())
    assert taken.center.name == "renamed"
    assert taken.flows == before.flows
    assert role.flows.refused == {"wrong": 1}


class Journal:
    """Stands where the reader of events stands: two batches a read, some of them gone."""

    def __init__(self, after: int, last: int, first: int = 1) -> None:
        self.after, self.last, self.first = after, last, first

    async def reads(self) -> AsyncGenerator[list[Batch], None]:
        if self.after + 1 < self.first:
            raise JournalGap(self.after + 1, self.first)
        while self.after < self.last:
            found = range(self.after + 1, min(self.after + 2, self.last) + 1)
            self.after = found[-1]
            changed = tuple(new_center(MAIN))
            yield [Batch(n, 1, n, "0-0", {}, (), "", "", changed) for n in found]


def test_what_was_committed_since_the_last_life_is_read_before_the_next_begins(
    tmp_path: Path,
) -> None:
    flows_in(tmp_path, FLOW)
    role, _ = role_in(tmp_path)
    role.reader = Journal(after=3, last=8)  # type: ignore[assignment]
    unread = asyncio.run(role._unread(7))
    assert [seen.seq for seen in unread] == [4, 5, 6, 7]
    assert role.reader.after == 7, "what comes later is followed as it comes"
    assert role.center == MAIN
    assert asyncio.run(role._unread(7)) == []


def test_events_that_are_gone_do_not_keep_the_front_end_from_beginning(tmp_path: Path) -> None:
    flows_in(tmp_path, FLOW)
    role, _ = role_in(tmp_path)
    role.reader = Journal(after=3, last=12, first=9)  # type: ignore[assignment]
    assert [seen.seq for seen in asyncio.run(role._unread(11))] == [9, 10, 11, 12]


def test_a_record_that_another_secret_sealed_costs_no_other(tmp_path: Path) -> None:
    flows_in(tmp_path, FLOW)
    role, _ = role_in(tmp_path)
    ours = role.seal.close(b"a=crypto:1 x inline:ours")
    theirs = Seal(bytes(32)).close(b"a=crypto:1 x inline:theirs")
    found = role._opened({"call:1": ours, "call:2": theirs, "cursor": b"7"})
    assert found == {"call:1": b"a=crypto:1 x inline:ours", "call:2": b"", "cursor": b"7"}
