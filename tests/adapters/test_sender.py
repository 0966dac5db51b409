"""Letters go out once, and what nobody knows is said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.intake.sender import Post, Sender, envelope_of
from callcenter.domain.center import Channel
from callcenter.domain.commands import LetterReported, LetterStage
from callcenter.domain.events import LetterChanged
from callcenter.domain.units import ContactId, LetterId
from callcenter.intake.document import Document
from callcenter.intake.letter import Writer, compose

CAME = Document(
    contact=ContactId("m1"), channel=Channel.EMAIL, source="office", received=0, sender="cus@example.org"
)  # fmt: skip
LETTER = compose(
    CAME, Writer(address="office@example.test", name="The, office"), "Hello.", "<c.m1.1.x@y>", 0
)


class MailServer:
    """Takes mails, or says what it is told to."""

    def __init__(self, answer: str = "250 ok") -> None:
        self.answer = answer
        self.taken: list[bytes] = []

    async def handle_DATA(  # noqa: N802 the library calls it so
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        if self.answer == "silence":
            assert session.peer
            raise ConnectionResetError
        return self.answer


class House:
    """A sender with a store that is a dict."""

    def __init__(self, tmp_path: Path, port: int) -> None:
        self.hash: dict[str, bytes] = {}
        self.told: list[LetterReported] = []
        self.blobs = Blobs(tmp_path)
        self.blobs.prepare()
        self.blob = self.blobs.keep(LETTER)
        self.sender = Sender(
            self.call, "outbox", self, self.blobs,
            {"office@example.test": Post(host="127.0.0.1", port=port)},
        )  # fmt: skip

    async def call(self, *words: Any) -> Any:
        if words[0] == "HVALS":
            return list(self.hash.values())
        if words[0] == "HSET":
            self.hash[words[2]] = words[3]
        else:
            self.hash.pop(words[2], None)
        return 1

    async def append(self, commands: Any) -> None:
        self.told += commands

    def event(self, stage: LetterStage) -> LetterChanged:
        return LetterChanged(
            at=0, letter=LetterId("m1.1"), contact=ContactId("m1"), stage=stage, blob=self.blob
        )


@contextlib.asynccontextmanager
async def listening(server: MailServer) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(server, hostname="mx")

    listener = await loop.create_server(session, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


def told_by(tmp_path: Path, server: MailServer, story: Callable[[House], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with listening(server) as port:
            house = House(tmp_path, port)
            work = asyncio.create_task(house.sender.work())
            try:
                async with asyncio.timeout(20):
                    await story(house)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    asyncio.run(whole())


async def answered(house: House) -> LetterReported:
    while not house.told:
        await asyncio.sleep(0.01)
    return house.told[0]


@pytest.mark.parametrize(
    ("says", "stage"),
    [
        ("250 ok", LetterStage.SENT),
        ("554 no", LetterStage.FAILED),
        ("silence", LetterStage.FAILED),
    ],
)
def test_a_due_letter_is_handed_over_and_what_became_of_it_is_told(
    tmp_path: Path, says: str, stage: LetterStage
) -> None:
    server = MailServer(says)

    async def story(house: House) -> None:
        await house.sender.see([house.event(LetterStage.DUE), house.event(LetterStage.DUE)])
        assert (await answered(house)).stage is stage or says == "silence"
        await asyncio.sleep(1)
        assert len(server.taken) == 1, "handed over once"
        assert server.taken[0] == LETTER
        await house.sender.see([house.event(stage)])
        assert not house.hash

    told_by(tmp_path, server, story)


def test_a_refusal_for_now_is_tried_again_later(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.sender.see([house.event(LetterStage.DUE)])
        while not house.sender.counts["again"]:
            await asyncio.sleep(0.01)
        assert not house.told
        assert b'"tried":false' in house.hash["m1.1"]

    told_by(tmp_path, MailServer("451 later"), story)


def test_a_server_that_is_not_there_is_tried_again_later(tmp_path: Path) -> None:
    async def whole() -> None:
        house = House(tmp_path, 1)
        work = asyncio.create_task(house.sender.work())
        await house.sender.see([house.event(LetterStage.DUE)])
        while not house.sender.counts["again"]:
            await asyncio.sleep(0.01)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(whole())


def test_what_was_being_handed_over_when_we_died_is_nobodys_to_repeat(tmp_path: Path) -> None:
    server = MailServer()

    async def story(house: House) -> None:
        house.hash["m1.1"] = (
            b'{"letter":"m1.1","blob":"%s","since":0,"tried":true}' % house.blob.encode()
        )
        await house.sender.resume()
        assert (await answered(house)).stage is LetterStage.UNSURE
        assert server.taken == []

    told_by(tmp_path, server, story)


def test_what_was_not_handed_over_yet_is_by_the_next_life(tmp_path: Path) -> None:
    server = MailServer()

    async def story(house: House) -> None:
        house.hash["m1.1"] = b'{"letter":"m1.1","blob":"%s","since":0}' % house.blob.encode()
        await house.sender.resume()
        assert (await answered(house)).stage is LetterStage.SENT

    told_by(tmp_path, server, story)


def test_a_letter_says_from_whom_and_to_whom() -> None:
    assert envelope_of(LETTER) == ("office@example.test", "cus@example.org")
