"""An intake on a real store with a real leader: what tests and the crash harness hand mails to."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from callcenter.adapters.intake.claims import Claims
from callcenter.adapters.intake.lmtp import Handler, Mailbox, Server
from callcenter.adapters.intake.pipeline import Pipeline
from callcenter.adapters.intake.readers import Readers
from callcenter.adapters.store.journal import CommandWriter, EventReader
from callcenter.adapters.store.keys import Keys
from callcenter.domain import events as e
from callcenter.intake.rules import Door

OFFICE = "office@example.test"
SECRET = b"s" * 32


def letter(number: int, subject: str = "", **fields: str) -> bytes:
    """A mail that is like no other."""
    head = {
        "From": f"Customer {number} <customer{number}@example.org>",
        "To": OFFICE,
        "Subject": subject or f"Letter {number}",
        "Message-ID": f"<letter-{number}@example.org>",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    lines = [f"{name}: {value}" for name, value in head.items()]
    return ("\r\n".join([*lines, "", f"Please look at matter {number}.", ""])).encode()


class Intake:
    """One life of an intake."""

    def __init__(self, url: str, directory: Path, epoch: int = 1, queue: str = "sales") -> None:
        keys = Keys()
        self.url, self.keys = url, keys
        self.writer = CommandWriter(url, keys, "intake-0", epoch)
        self.readers = Readers(directory, seconds=5)
        claims = Claims(self.writer.call, keys, "intake-0-claims", epoch)
        self.pipeline = Pipeline(
            directory, claims, self.writer, self.readers,
            {"office": Door(name="office", queue=queue)}, SECRET,
        )  # fmt: skip
        boxes = {OFFICE: Mailbox("office", "mx.example.test")}
        self.server = Server(Handler(self.pipeline, boxes, lambda: False), 1_000_000)
        self.events: list[e.Event] = []
        self.port = 0

    async def follow(self) -> None:
        async for batches in EventReader(self.url, self.keys, 0).reads():
            for batch in batches:
                self.events += batch.events
                await self.pipeline.see(batch.events)

    def all(self, kind: type[e.Evt]) -> list[e.Event]:
        return [event for event in self.events if isinstance(event, kind)]


@contextlib.asynccontextmanager
async def running(url: str, directory: Path, **settings: object) -> AsyncIterator[Intake]:
    """An intake that listens, reads and follows the journal."""
    intake = Intake(url, directory, **settings)  # type: ignore[arg-type]
    intake.pipeline.blobs.prepare()
    await intake.writer.start()
    await intake.pipeline.resume()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    intake.port = listening.getsockname()[1]
    await intake.server.start(listening)
    tasks = [asyncio.create_task(intake.follow()), asyncio.create_task(intake.pipeline.work())]
    try:
        yield intake
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await intake.server.close()
        await intake.readers.close()
        await intake.writer.close()


def hand_over(port: int, mail: bytes, *to: str) -> dict[str, tuple[int, bytes]]:
    """What a mail server does; the refusals by recipient."""
    with smtplib.LMTP("127.0.0.1", port, timeout=10) as server:
        return dict(server.sendmail("customer@example.org", to or (OFFICE,), mail))
