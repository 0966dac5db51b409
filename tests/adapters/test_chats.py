"""Conversations in a real store: once each, in order, whatever is killed; on the disk when over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callcenter.adapters.chats import ChatArrivals, ChatStore
from callcenter.adapters.intake.claims import Claims
from callcenter.adapters.intake.transcripts import Transcripts
from callcenter.adapters.store.journal import CommandWriter
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import Command, LetterRequested, decode_envelope
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import SECOND, ContactId
from callcenter.intake.chat import By, ChatFull, ChatOver, ChatsAway, Said, Start, contact_named
from callcenter.intake.chat_door import ChatDoor, chat_arrival, form_of
from callcenter.intake.document import Document, encode_document
from callcenter.intake.letter import Writer as Author
from tests.adapters.store_server import StoreServer

NOW = 1_800_000_000 * SECOND
DOOR = ChatDoor(name="website", title="Chat", queue="sales", mailbox="office")


def said(number: int) -> Said:
    return Said(id=f"{number:032}", by=By.VISITOR, at=NOW + number, text=f"Message {number}")


@dataclass
class Side:
    """One web process."""

    store: ChatStore
    writer: CommandWriter
    server: StoreServer
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    missed: int = 0

    def miss(self) -> None:
        self.missed += 1

    def listen(self) -> asyncio.Task[None]:
        told = lambda *what: self.heard.append(what)  # noqa: E731
        return asyncio.create_task(self.store.news(told, self.miss))


@asynccontextmanager
async def side(server: StoreServer, folder: Path, name: str = "web-0") -> AsyncIterator[Side]:
    writer = CommandWriter(server.url, server.keys, name, 1)
    await writer.start()
    store = ChatStore(server.url, writer.call, server.keys, folder)
    store.blobs.prepare()
    try:
        yield Side(store, writer, server)
    finally:
        await writer.close()


def within(server: StoreServer, folder: Path, story: Callable[[Side], Awaitable[None]]) -> None:
    async def told() -> None:
        async with side(server, folder) as found:
            await story(found)

    asyncio.run(told())


def die(server: StoreServer) -> None:
    """kill -9, and a new life."""
    server.kill()
    server.start()


async def soon(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_messages_have_places_without_a_hole_and_each_name_one(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        async with side(store, tmp_path, "web-1") as other:
            for number in (1, 2, 1, 3, 2):
                await one.store.say("c", said(number), 10, begins=True)
            assert await other.store.say("c", said(2), 10, begins=True) == (2, False)
            assert await other.store.say("c", said(4), 10, begins=True) == (4, True)
            both = await asyncio.gather(
                *(
                    which.store.say("c", said(5), 10, begins=True)
                    for which in (one, other)
                    for _ in range(5)
                )
            )
            assert {place for place, _ in both} == {5}
            assert sum(new for _, new in both) == 1
            assert await one.store.read("c") == [said(n) for n in range(1, 6)]
            assert await one.store.read("c", 3) == [said(4), said(5)]
            assert await one.store.last("c") == (5, NOW + 5)

    within(store, tmp_path, story)


def test_what_was_answered_is_there_after_the_store_was_killed(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        kept = []
        for number in range(1, 30):
            if number in (10, 20):
                await asyncio.to_thread(die, store)
            while True:
                with contextlib.suppress(ChatsAway):
                    place, _ = await one.store.say("c", said(number), 100, begins=True)
                    kept.append(place)
                    break
                await asyncio.sleep(0.02)
        assert kept == list(range(1, 30))
        assert await one.store.read("c") == [said(n) for n in range(1, 30)]

    within(store, tmp_path, story)


def test_everybody_who_listens_hears_and_knows_when_she_did_not(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        listening = one.listen()
        await soon(lambda: one.missed == 1)
        await one.store.say("c", said(1), 10, begins=True)
        await one.store.typing("c", "agent Ann Ortiz")
        await soon(lambda: len(one.heard) == 2)
        assert one.heard == [("said", "c", "1"), ("typing", "c", "agent Ann Ortiz")]
        await asyncio.to_thread(die, store)
        await soon(lambda: one.missed >= 2)
        listening.cancel()

    within(store, tmp_path, story)


def test_a_full_chat_takes_no_more_and_one_that_is_over_neither(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        for number in (1, 2):
            await one.store.say("c", said(number), 2, begins=True)
        with pytest.raises(ChatFull):
            await one.store.say("c", said(3), 2, begins=True)
        assert await one.store.over("c") is None
        for _ in range(2):
            assert await one.store.end("c", "resolved") == [said(1), said(2)]
        assert await one.store.over("c") == "resolved"
        with pytest.raises(ChatOver):
            await one.store.say("c", said(3), 10, begins=True)
        assert await one.store.say("c", said(2), 10, begins=True) == (2, False)
        await one.writer.call("DEL", store.keys.chat_said("c"), store.keys.chat_names("c"))
        assert await one.store.read("c") == [said(1), said(2)], "it is on the disk"
        assert await one.store.read("nobody") == []
        assert await one.store.over("c") == "resolved", "whoever comes back late finds it over"
        with pytest.raises(ChatOver):
            await one.store.say("c", said(4), 10)
        assert await one.store.read("c") == [said(1), said(2)], "and nothing begins there anew"

    within(store, tmp_path, story)


def test_a_chat_begun_again_is_one_contact_and_no_word_of_it_is_in_the_journal(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        claims = Claims(one.writer.call, store.keys, "web-0-chats", 1)
        arrivals = ChatArrivals(one.store, claims)
        await arrivals.begin()
        start = Start(id="a" * 32, text="Very secret words", name="Cleo", email="c@example.org")
        name = contact_named(b"s" * 32, "website", start.id)
        arrival = chat_arrival(DOOR, start)
        assert await arrivals.arrive(arrival, form_of(start), name) == (name, True)
        assert await arrivals.arrive(arrival, form_of(start), name) == (name, False)
        with pytest.raises(ChatsAway):
            await ChatArrivals(one.store, claims, lambda: True).arrive(arrival, form_of(start))
        found = await one.writer.call("XRANGE", store.keys.cmds, "-", "+")
        ((_, fields),) = found
        (command,) = decode_envelope(bytes(fields[1])).commands
        assert (command.contact, command.channel) == (name, Channel.CHAT)  # type: ignore[union-attr]
        assert b"secret" not in bytes(fields[1])
        assert b"example" not in bytes(fields[1])
        assert b"Cleo" not in bytes(fields[1])
        assert b"secret" in one.store.blobs.read(command.blob)  # type: ignore[union-attr]

    within(store, tmp_path, story)


def ending(contact: str) -> e.ContactEnded:
    return e.ContactEnded(
        at=NOW, contact=ContactId(contact), channel=Channel.CHAT,
        termination=ended(Reason.RESOLVED),
    )  # fmt: skip


@dataclass
class Letters:
    """The way into the journal. `away` lets it break."""

    asked: list[LetterRequested] = field(default_factory=list)
    away: bool = False

    async def append(self, commands: Sequence[Command]) -> None:
        if self.away:
            raise ChatsAway("the store is away")
        self.asked += [one for one in commands if isinstance(one, LetterRequested)]


def test_who_wants_a_copy_gets_one_whatever_dies_in_between(
    store: StoreServer, tmp_path: Path
) -> None:
    async def story(one: Side) -> None:
        letters = Letters(away=True)
        author = Author(address="office@example.test", name="Office")
        transcripts = Transcripts(one.store, letters, {"website": author}, b"s" * 32)
        document = Document(
            contact=ContactId("c"), channel=Channel.CHAT, source="website", received=NOW,
            subject="Parcel", sender="cleo@example.org", name="Cleo",
        )  # fmt: skip
        one.store.blobs.keep_document("c", encode_document(document))
        await one.store.say("c", said(1), 10, begins=True)
        answer = Said(id="a" * 32, by=By.AGENT, at=NOW + 2, text="Thank you", name="Ben")
        await one.store.say("c", answer, 10)
        await one.store.want_copy("c")
        with pytest.raises(ChatsAway):
            await transcripts.see([ending("c")])
        letters.away = False
        for _ in range(2):
            await transcripts.see([ending("c")])
        (asked,) = letters.asked
        assert asked.letter == "c.0"
        letter = one.store.blobs.read(asked.blob)
        for line in (
            b"To: cleo@example.org",
            b"Subject: Re: Parcel",
            b"Auto-Submitted",
            b"Message 1",
        ):
            assert line in letter
        await one.store.say("d", said(1), 10, begins=True)
        await transcripts.see([ending("d")])
        assert len(letters.asked) == 1, "nobody asked for that one"
        await one.store.say("f", said(1), 10, begins=True)
        await one.store.want_copy("f")
        await transcripts.see([ending("f")])
        assert len(letters.asked) == 1, "a stranger's words alone go to no address she names"
        assert transcripts.counts == {"kept": 5, "sent": 1}

    within(store, tmp_path, story)
