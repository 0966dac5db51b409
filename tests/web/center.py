"""A center behind a web server: control decides, the history remembers, nothing else is real."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from callcenter.adapters.history import History
from callcenter.app.data_commands import new_token
from callcenter.care.customer import Customer
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.access import Scope
from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, FrontendId, PartyId
from callcenter.intake.document import Document, Part
from callcenter.intake.fax_order import CannotFax, FaxOrder
from callcenter.intake.letter import Writer, compose
from callcenter.intake.threads import message_id
from callcenter.records.book import Book
from callcenter.web.chats import ChatWorld
from callcenter.web.document_views import Notes
from callcenter.web.picture import ControlView, Picture
from callcenter.web.server import Server, World
from callcenter.web.sessions import Person
from tests.control.house import F, House, agent, center, queue
from tests.records.stories import batches
from tests.web.why_of_house import WhyOfHouse

PEOPLE = {
    "ann": Person(AgentId("ann"), "Ann", SecretStr("ann's secret"), Scope.AGENT),
    "ben": Person(AgentId("ben"), "Ben", SecretStr("ben's secret"), Scope.AGENT),
    "sue": Person(AgentId("sue"), "Sue", SecretStr("sue's secret"), Scope.SUPERVISOR),
    "mute": Person(AgentId("mute"), "Mute", SecretStr(""), Scope.AGENT),
}


@dataclass
class Numbers:
    """Numbers behind parties."""

    known: dict[str, str] = field(default_factory=dict)

    async def values(self, parties: Sequence[str]) -> dict[str, str]:
        return {p: self.known[p] for p in parties if p in self.known}

    async def keep(self, party: str, number: str) -> None:
        self.known[party] = number

    async def forget(self, party: str) -> None:
        self.known.pop(party, None)


@dataclass
class Papers:
    """What was written, without a disk."""

    documents: dict[str, Document] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    noted: dict[str, Notes] = field(default_factory=dict)

    async def document(self, contact: str) -> Document:
        return self.documents[contact]

    async def file(self, blob: str) -> bytes:
        return self.files[blob]

    async def notes(self, contact: str) -> Notes:
        return self.noted.get(contact, Notes())

    async def keep_notes(self, contact: str, notes: Notes) -> None:
        self.noted[contact] = notes

    def templates(self, source: str) -> dict[str, str] | None:
        return {"thanks": "Thank you."} if source == "office" else None

    def undo_seconds(self, _source: str) -> int:
        return 10

    async def write(self, document: Document, text: str, now: int) -> tuple[str, str]:
        name = message_id(b"secret", document.contact, 7, "example.test")
        writer = Writer(address="office@example.test", signature="The office")
        letter = compose(document, writer, text, name, now)
        self.files["letter"] = letter
        return f"{document.contact}.7", "1" * 64


@dataclass
class FaxDesk:
    """How faxes are sent: numbers in Spain may be called."""

    attempts_max: int = 3
    retry_seconds: int = 60
    undo_seconds: int = 10
    orders: list[tuple[FaxOrder, bytes]] = field(default_factory=list)

    def caller(self, number: str) -> str:
        if not number.startswith("+34"):
            raise CannotFax("no line may dial that number")
        return "+4930"

    async def write(self, order: FaxOrder, pdf: bytes) -> tuple[str, int]:
        if not (order.text or order.cover or pdf):
            raise CannotFax("there is nothing to send")
        self.orders.append((order, pdf))
        return "2" * 64, 3


@dataclass
class Commands:
    """The way into the journal: control decides at once, unless it is `deaf` or `broken`."""

    house: House
    told: Callable[[], Awaitable[None]] | None = None
    deaf: bool = False
    broken: Exception | None = None
    seen: list[c.Command] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)

    async def append(
        self, commands: Sequence[c.Command], _records: Sequence[Any] = (),
        numbers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.numbers |= numbers
        self.seen += commands
        if self.broken is not None:
            raise self.broken
        if not self.deaf:
            for command in commands:
                self.house.tell(command)
            assert self.told is not None
            await self.told()


@dataclass
class Center:
    """Everything a story needs."""

    house: House
    history: History
    picture: Picture
    server: Server
    client: TestClient[Any, Any]
    commands: Commands
    numbers: Numbers
    papers: Papers
    machine: FaxDesk
    book: Book = field(default_factory=Book)
    folded: int = 0

    async def catch_up(self) -> None:
        """What control said since the last time reaches screens and history."""
        new = batches(self.house.journal[self.folded :], first=self.picture.seq + 1)
        self.folded = len(self.house.journal)
        self.picture.fold(new)
        for batch in new:
            self.book.apply(batch)
        await self.history.records.write(self.book.take())
        wanted = list(self.picture.callers.wanted)
        self.picture.callers.learned(wanted, await self.numbers.values(wanted))
        self.server.hub.wake()

    async def call(self, name: str, number: str = "+34600123456", queue: str = "sales") -> None:
        """A caller arrives and waits."""
        party = PartyId(f"party-{name}")
        self.numbers.known[party] = f'{{"number": "{number}"}}'
        self.house.tell(
            c.ContactReported(
                contact=ContactId(name),
                channel=Channel.VOICE,
                frontend=F,
                dialled="100",
                party=party,
            )
        )
        self.house.enqueue(name, queue)
        await self.catch_up()

    async def mail(self, name: str, text: str = "Where is my parcel?", queue: str = "sales",
                   reply_to: str = "") -> None:  # fmt: skip
        """A mail arrives, with a file and a page, and waits."""
        page, paper = b"<p>Where is <b>my</b> parcel?</p>", b"%PDF"
        for data in (page, paper):
            self.papers.files[hashlib.sha256(data).hexdigest()] = data
        self.papers.documents[name] = Document(
            contact=ContactId(name), channel=Channel.EMAIL, source="office",
            received=self.house.now, subject="Parcel", sender="cus@example.org", name="Cus", text=text,
            parts=(
                Part(blob=hashlib.sha256(page).hexdigest(), name="p", type="text/html",
                     size=len(page), role="html"),
                Part(blob=hashlib.sha256(paper).hexdigest(), name="bill \u2713.pdf",
                     type="application/pdf", size=len(paper)),
            ),
        )  # fmt: skip
        self.house.document(name, queue, reply_to=reply_to)
        await self.catch_up()

    async def fax(self, name: str, number: str = "+34600123456") -> None:
        """A fax arrives, is read and waits."""
        self.numbers.known[f"party-{name}"] = f'{{"number": "{number}"}}'
        self.papers.documents[name] = Document(
            contact=ContactId(name), channel=Channel.FAX, source="300", received=self.house.now,
            subject="Fax, 1 page", facts={"pages": "1"},
        )  # fmt: skip
        self.house.tell(
            c.ContactReported(
                contact=ContactId(name), channel=Channel.FAX, frontend=FrontendId(""),
                dialled="300", party=PartyId(f"party-{name}"), blob="3" * 64,
            )
        )  # fmt: skip
        self.house.enqueue(name, "sales")
        await self.catch_up()

    async def token(self, scope: str) -> dict[str, str]:
        """The header of a new token."""
        secret, token = new_token(scope, Scope(scope))
        await self.history.access.add_token(token)
        return {"Authorization": f"Bearer {secret}"}

    async def log_in(self, agent: str) -> dict[str, str]:
        """The headers that a change needs after logging in by cookie."""
        body = {"agent": agent, "password": f"{agent}'s secret"}
        answer = await self.client.post("/api/v1/session", json=body)
        assert answer.status == 200, await answer.text()
        return {"X-CSRF-Token": (await answer.json())["csrf"]}

    async def get(self, path: str, **headers: str) -> Any:
        """A document of the API."""
        answer = await self.client.get(f"/api/v1{path}", headers=headers)
        assert answer.status == 200, await answer.text()
        return await answer.json()


def _copy_of_an_empty_history(folder: Path) -> Path:
    """Tables are made once; each story gets a copy."""
    copy = folder / "history.db"
    if not _EMPTY:
        make = folder / "empty.db"

        async def made() -> None:
            await (await History.open(f"sqlite:///{make}")).close()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, made()).result()
        _EMPTY.append(make.read_bytes())
    copy.write_bytes(_EMPTY[0])
    return copy


_EMPTY: list[bytes] = []


@asynccontextmanager
async def opened(
    folder: Path, chats: ChatWorld | None = None, **settings: Any
) -> AsyncIterator[Center]:
    """A center with two agents in two queues, and a supervisor."""
    people = (agent("ann", english=5), agent("ben", english=4), agent("sue", english=1))
    needs = {"english": 3}
    queues = (
        queue("sales", skills=needs, dispositions=("resolved", "follow-up"), **settings),
        queue("help", skills=needs),
    )
    house = House().open(center(*people, queues=queues), ready=False)
    history = await History.open(f"sqlite:///{_copy_of_an_empty_history(folder)}")
    await history.customers.replace([Customer(number="1001", name="Anna", tier="gold")])
    picture, numbers, commands = Picture(clock=lambda: house.now), Numbers(), Commands(house)
    static = folder / "static"
    static.mkdir(exist_ok=True)
    for name in ("wall.html", "desk.html", "login.html", "page.mjs", "secret.key", ".hidden.html"):
        (static / name).write_text(f"<!doctype html>{name}")
    papers, machine = Papers(), FaxDesk()
    world = World(
        faxes=machine,
        documents=papers,
        chats=chats,
        commands=commands,
        records=history.records,
        customers=history.customers,
        parties=numbers,
        access=history.access,
        people=lambda: PEOPLE,
        why=lambda _tally: WhyOfHouse(house),
        static=static,
        prompts=lambda: ("outage", "storm"),
    )
    server = Server(picture, world)
    picture.ready, picture.control = True, ControlView(leader="control-0", alive=True)
    hub = asyncio.create_task(server.hub.run())
    async with TestClient(TestServer(server.application())) as client:
        found = Center(house, history, picture, server, client, commands, numbers, papers, machine)
        commands.told = found.catch_up
        await found.catch_up()
        try:
            yield found
        finally:
            hub.cancel()
            await history.close()


def within(folder: Path, story: Callable[[Center], Awaitable[None]], **settings: Any) -> None:
    """Tell a story with a center of its own."""

    async def told() -> None:
        async with opened(folder, **settings) as found:
            await story(found)

    asyncio.run(told())


async def hear(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of a kind, within two seconds."""
    async with asyncio.timeout(3):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if message["type"] == kind:
                return message


def events_of(found: Center, kind: type[e.Evt]) -> list[Any]:
    """What control said of one kind."""
    return found.house.all(kind)
