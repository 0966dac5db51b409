"""A real store for a test: started, killed and started again as the test tells it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from callcenter.adapters.store import embedded
from callcenter.adapters.store.clock import wall_clock
from callcenter.adapters.store.follower import acquire, connect
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.leader import Fenced, Leader
from callcenter.adapters.store.replica import recover
from callcenter.adapters.store.resp import Connection, StoreError
from callcenter.domain.center import Agent, Center, Channel, Number, Queue
from callcenter.domain.commands import (
    Command,
    ConfigurationRequested,
    ContactReported,
    Envelope,
    FrontendReported,
    encode_envelope,
)
from callcenter.domain.units import AgentId, ContactId, FrontendId, Micros, QueueId

FRONTEND = FrontendId("frontend-0")

CENTER = Center(
    skills=("sales",),
    queues=(Queue(id=QueueId("sales"), title="Sales", skills={"sales": 1}),),
    agents=(Agent(id=AgentId("ana"), name="Ana", skills={"sales": 5}),),
    numbers=(Number(number="100", flow="main"),),
)


class StoreServer:
    """The embedded store in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = Keys()
        self.url = embedded.store_url("embedded", directory)
        self.process: asyncio.subprocess.Process | None = None
        self._runner = asyncio.Runner()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.process = self._runner.run(self._start())

    async def _start(self) -> asyncio.subprocess.Process:
        process = await embedded.start_server(self.directory)
        path = embedded.socket_path(self.directory)
        await embedded.wait_ready(process, path, self.directory / "server.log")
        return process

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            self._runner.run(self.process.wait())
            self.process = None

    def close(self) -> None:
        """The test is over."""
        self.kill()
        self._runner.close()

    def connect(self) -> Connection:
        """A connection with the scripts loaded."""
        deadline = time.monotonic() + 5
        while True:
            try:
                return connect(self.url)
            except (OSError, StoreError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def envelope(source: str, epoch: int, first: int, *commands: Command) -> bytes:
    """What a source appends in one turn."""
    return encode_envelope(Envelope(source, epoch, first, 0, commands))


def seed() -> bytes:
    """The first command: a center, and a frontend that owns what follows."""
    return envelope(
        "files", 1, 1,
        ConfigurationRequested(center=CENTER, version="file:1", by="test"),
        FrontendReported(frontend=FRONTEND, epoch=1),
    )  # fmt: skip


def arrival(number: int) -> ContactReported:
    """A contact of its own."""
    contact = ContactId(f"c{number}")
    return ContactReported(contact=contact, channel=Channel.VOICE, frontend=FRONTEND, dialled="100")


class Led:
    """A leader in a thread of its own, on a store of the test."""

    def __init__(
        self,
        store: StoreServer,
        owner: str = "one",
        *,
        wall: Callable[[], Micros] = wall_clock,
        start: Micros | None = None,
    ) -> None:
        self.store = store
        connection = store.connect()
        replica = recover(connection, store.keys, store.directory / "archive")
        self.stop = threading.Event()
        self.fenced = threading.Event()
        self.ready = threading.Event()
        self.leader = Leader(
            connection,
            store.keys,
            replica,
            owner=owner,
            epoch=acquire(connection, store.keys, owner),
            reconnect=store.connect,
            stopping=self.stop.is_set,
            on_ready=self.ready.set,
            wall=wall,
            start=start,
        )
        self._thread = threading.Thread(target=self._lead, daemon=True)
        self._thread.start()

    def _lead(self) -> None:
        try:
            self.leader.lead()
        except Fenced:
            self.fenced.set()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for something another thread or process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)
