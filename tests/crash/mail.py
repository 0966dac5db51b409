"""The intake dies at every step, the store too: no mail is lost, none is taken twice.

    python -m tests.crash.mail --mails 5000 --seed 1
    python -m tests.crash.mail --dies 0        how long from 250 to the queue, when nobody dies

A mail server hands mails over by LMTP, one in ten of them a second time, and again whenever it heard
no 250. The intake is killed at each of its steps with a probability of three in a hundred, and the
store twice in between. In the end the journal is counted: each letter is one contact, each contact
waits in its queue, and nothing is left to do.

Why fork: a life costs 10 ms when everything is imported already, so thousands of deaths cost a
minute. The process that forks has no thread and no loop.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import smtplib
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from callcenter.adapters.intake import reader
from callcenter.adapters.intake.lmtp import Handler, Mailbox, Server
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.replica import read_batches
from callcenter.adapters.store.resp import Connection
from callcenter.adapters.store.wire import read_batch
from callcenter.domain import events as e
from callcenter.domain.events import Batch
from callcenter.intake.arrival import Note
from callcenter.intake.document import Document, decode_document
from tests.adapters.intake_house import OFFICE, Intake, letter
from tests.adapters.store_server import Led, StoreServer, seed

DIES = 0.03
CRASHED = 77
STEPS = ("keep", "claim", "answer", "document", "remember", "queue", "settle")
"""Where it may die: after each of these."""


class ReadsItself:
    """A reader in our own process: what is tried here is not the reading."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs

    async def read(self, note: Note, path: Path) -> Document:
        order = {
            "kind": note.kind, "path": str(path), "blob": note.blob, "contact": note.contact,
            "channel": note.channel.value, "source": note.source, "received": note.received,
            "facts": note.facts,
        }  # fmt: skip
        return reader.read(self._blobs, order)

    async def close(self) -> None:
        """Nothing to end."""


def mortal(what: Any, name: str, step: str, chance: random.Random, often: float) -> None:
    """Let the process die after `what.name` has done its work, sometimes."""
    does = getattr(what, name)

    def maybe_die() -> None:
        if chance.random() < often:
            os.write(2, f"{step}\n".encode())
            os._exit(CRASHED)

    if asyncio.iscoroutinefunction(does):

        async def wait(*arguments: Any) -> Any:
            done = await does(*arguments)
            maybe_die()
            return done

        setattr(what, name, wait)
        return

    def call(*arguments: Any) -> Any:
        done = does(*arguments)
        if asyncio.isfuture(done):
            done.add_done_callback(lambda _: maybe_die())
        else:
            maybe_die()
        return done

    setattr(what, name, call)


class Plan(NamedTuple):
    """What is tried."""

    mails: int
    seed: int
    dies: float = DIES


async def live(url: str, directory: Path, epoch: int, listening: socket.socket, plan: Plan) -> None:
    """One life of the intake, to its death or SIGTERM."""
    intake = Intake(url, directory, epoch=epoch)
    pipeline = intake.pipeline
    if plan.dies:
        pipeline._readers = ReadsItself(pipeline.blobs)  # type: ignore[assignment]
    chance = random.Random(plan.seed * 1_000_003 + epoch)
    for what, name, step in (
        (pipeline.blobs, "keep", "keep"), (pipeline._claims, "claim", "claim"),
        (pipeline, "receive", "answer"), (pipeline.blobs, "keep_document", "document"),
        (pipeline._claims, "remember", "remember"), (intake.writer, "append", "queue"),
        (pipeline._claims, "settled", "settle"),
    ):  # fmt: skip
        mortal(what, name, step, chance, plan.dies)
    handler = Handler(pipeline, {OFFICE: Mailbox("office")}, lambda: False)
    intake.server = Server(handler, 1_000_000)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pipeline.blobs.prepare()
    await intake.writer.start()
    await pipeline.resume()
    await intake.server.start(listening)
    tasks = [asyncio.create_task(intake.follow()), asyncio.create_task(pipeline.work())]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def keep_alive(url: str, directory: Path, listening: socket.socket, plan: Plan, log: int) -> None:
    """Fork one life after the other, until told to stop. Runs in a process of its own."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    os.dup2(log, 2)
    epoch = 0
    while not stopped:
        epoch += 1
        born = os.fork()
        if born == 0:
            code = 1
            try:
                asyncio.run(live(url, directory, epoch, listening, plan))
                code = 0
            finally:
                os._exit(code)
        while True:
            try:
                pid, _ = os.waitpid(born, os.WNOHANG)
            except InterruptedError:
                continue
            if pid or stopped:
                break
            time.sleep(0.005)
        if stopped:
            os.kill(born, signal.SIGKILL)
            os.waitpid(born, 0)
    os._exit(0)


def hand_over(port: int, mail: bytes, patience: float = 60) -> int:
    """Until it is acknowledged, as a mail server would; how often it had to be tried."""
    end = time.monotonic() + patience
    tries = 0
    while True:
        tries += 1
        try:
            with smtplib.LMTP("127.0.0.1", port, timeout=10) as server:
                if not server.sendmail("customer@example.org", [OFFICE], mail):
                    return tries
        except (OSError, smtplib.SMTPException):
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


class Outcome:
    """What the journal says in the end."""

    def __init__(self, mails: int, tries: int, deaths: Counter[str], seconds: float) -> None:
        self.mails, self.tries, self.deaths, self.seconds = mails, tries, deaths, seconds
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.unqueued: list[str] = []
        self.waits: list[float] = []
        """Seconds from the claim, which is just before the 250, to the queue."""

    def count(self, batches: list[Batch], directory: Path) -> None:
        """Lay what arrived beside what was handed over."""
        events = [event for batch in batches for event in batch.events]
        arrived = [one for one in events if isinstance(one, e.ContactArrived)]
        queued = {one.contact: one.at for one in events if isinstance(one, e.ContactQueued)}
        seen: Counter[str] = Counter()
        for one in arrived:
            text = (directory / "blobs" / one.blob[:2] / one.blob).read_text("utf-8")
            seen[text.partition("<letter-")[2].partition("@")[0]] += 1
            if one.contact not in queued:
                self.unqueued.append(one.contact)
            path = directory / "documents" / f"{one.contact}.json"
            document = decode_document(path.read_bytes())
            self.waits.append((queued.get(one.contact, 0) - document.received) / 1_000_000)
        self.lost = [str(n) for n in range(self.mails) if not seen[str(n)]]
        self.doubled = [name for name, times in seen.items() if times > 1]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.unqueued)

    def __str__(self) -> str:
        died = ", ".join(f"{step} {self.deaths[step]}" for step in STEPS)
        return (
            f"{self.mails} mails in {self.tries} attempts, {sum(self.deaths.values())} deaths "
            f"({died}), {self.seconds:.0f} s: lost {len(self.lost)}, doubled {len(self.doubled)}, "
            f"not queued {len(self.unqueued)}; from 250 to the queue p50 {self.wait(50):.3f} s, "
            f"p95 {self.wait(95):.3f} s"
        )

    def wait(self, percent: int) -> float:
        """So many of a hundred waited no longer."""
        ordered = sorted(self.waits) or [0.0]
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def tried(directory: Path, plan: Plan, say: Callable[[str], None] = print) -> Outcome:
    """The whole story in `directory`."""
    begun, mails = time.monotonic(), plan.mails
    store = StoreServer(directory / "store")
    store.start()
    listening = socket.create_server(("127.0.0.1", 0), backlog=200)
    listening.setblocking(False)
    port = listening.getsockname()[1]
    log = (directory / "deaths.log").open("wb+")
    nurse = os.fork()
    if nurse == 0:
        keep_alive(store.url, directory / "state", listening, plan, log.fileno())
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)
    chance, tries = random.Random(plan.seed), 0
    try:
        for one in range(mails):
            tries += hand_over(port, letter(one))
            if chance.random() < 0.1:
                copy = b"Received: by another way\r\n" + letter(chance.randrange(one + 1))
                tries += hand_over(port, copy)
            if plan.dies and one in (mails // 3, 2 * mails // 3):
                store.kill()
                store.start()
        batches = _settled(store, mails)
    finally:
        os.kill(nurse, signal.SIGTERM)
        os.waitpid(nurse, 0)
        led.end()
        listening.close()
        store.close()
    log.seek(0)
    deaths = Counter(
        step for step in log.read().decode("utf-8", "replace").split("\n") if step in STEPS
    )
    outcome = Outcome(mails, tries, deaths, time.monotonic() - begun)
    outcome.count(batches, directory / "state")
    say(str(outcome))
    return outcome


def all_batches(connection: Connection, keys: Keys) -> list[Batch]:
    """The whole journal, which is short enough to stand in the store."""
    batches: list[Batch] = []
    while found := read_batches(connection, keys, batches[-1].seq if batches else 0):
        batches += [read_batch(data) for _, data in found]
    return batches


def _settled(store: StoreServer, mails: int, patience: float = 90) -> list[Batch]:
    """The journal, when everybody waits in a queue and nothing is left to do."""
    keys, end = Keys(), time.monotonic() + patience
    while True:
        connection = store.connect()
        batches = all_batches(connection, keys)
        queued = {x.contact for b in batches for x in b.events if isinstance(x, e.ContactQueued)}
        if len(queued) >= mails and not connection.call("HLEN", keys.pending):
            return batches
        if time.monotonic() > end:
            return batches
        time.sleep(0.1)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mails", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dies", type=float, default=DIES)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callcenter-mail-") as directory:
        return (
            0 if tried(Path(directory), Plan(asked.mails, asked.seed, asked.dies)).is_clean else 1
        )


if __name__ == "__main__":
    raise SystemExit(main())
