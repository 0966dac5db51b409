"""Letters go out: only those that the journal says are due, and each once.

    `due` is read ─► kept in the outbox ─► tried: marked ─► handed over ─► `LetterReported`

    dies before the mark       tried again by the next life
    dies after the mark        nobody knows whether it went out: `unsure`, and a person decides
    the server says 4xx, or is not there      tried again, later and later, for two days
    the server says 5xx        `failed`, with what it said
    the answer is lost         `unsure`

Why: a mail that was sent twice is as wrong as one that was not sent. Between the last byte and the
server's answer there is a moment in which nobody can know; that state has a name, and the letter
keeps its Message-ID, so that trying again is at worst a second copy of the same letter.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiosmtplib
import msgspec
import structlog

from callcenter.adapters.blobs import Blobs, NoSuchBlob
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.resp import StoreError
from callcenter.domain.commands import Command, LetterReported, LetterStage
from callcenter.domain.events import Event, LetterChanged
from callcenter.domain.units import LetterId

log = structlog.get_logger()

PAUSES_SECONDS = (5, 30, 120, 600, 1800, 3600)
"""From one attempt to the next; the last one for the rest."""
GIVE_UP_SECONDS = 2 * 86_400
CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 300.0
LOOK_SECONDS = 0.5


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """Where letters of a mailbox are handed over."""

    host: str
    port: int
    tls: bool = False
    start_tls: bool = False
    username: str = ""
    password: str = ""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """A letter in the outbox."""

    letter: LetterId
    blob: str
    since: float
    tries: int = 0
    again: float = 0.0
    tried: bool = False
    """Perhaps handed over: its bytes were on their way."""


class Writer(Protocol):
    """The way into the journal."""

    def append(self, commands: Sequence[Command]) -> Awaitable[None]: ...


class Sender:
    """Sends what is due. `posts` by the address that letters come from."""

    def __init__(
        self,
        call: Callable[..., Awaitable[Any]],
        outbox: str,
        writer: Writer,
        blobs: Blobs,
        posts: Mapping[str, Post],
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._call = call
        self._outbox = outbox
        self._writer = writer
        self._blobs = blobs
        self._posts = posts
        self._left: dict[str, Out] = {}
        self._reported: set[str] = set()

    async def resume(self) -> None:
        """Take up what an earlier life left; what it may have handed over is nobody's to repeat."""
        for value in await self._call("HVALS", self._outbox):
            out = msgspec.json.decode(bytes(value), type=Out)
            self._left[out.letter] = out

    async def see(self, events: Sequence[Event]) -> None:
        """What the journal says of letters."""
        for event in events:
            if not isinstance(event, LetterChanged):
                continue
            if event.stage is LetterStage.DUE and event.letter not in self._left:
                await self._keep(Out(letter=event.letter, blob=event.blob, since=time.time()))
            elif event.stage is not LetterStage.DUE and event.letter in self._left:
                await self._call("HDEL", self._outbox, event.letter)
                self._left.pop(event.letter, None)
                self._reported.discard(event.letter)

    async def _keep(self, out: Out) -> None:
        await self._call("HSET", self._outbox, out.letter, msgspec.json.encode(out))
        self._left[out.letter] = out

    async def work(self) -> None:
        """Send what is left and due, for ever."""
        while True:
            for out in list(self._left.values()):
                if out.letter not in self._reported and out.again <= time.time():
                    try:
                        await self._one(out)
                    except (StoreError, StoreUnavailable, OSError) as away:
                        log.warning("a letter waits", reason=type(away).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _one(self, out: Out) -> None:
        if out.tried:
            await self._report(out, LetterStage.UNSURE, "we stopped while it was being handed over")
            return
        try:
            data = await asyncio.to_thread(self._blobs.read, out.blob)
        except NoSuchBlob:
            await self._report(out, LetterStage.FAILED, "the letter is gone from the disk")
            return
        sender, to = envelope_of(data)
        post = self._posts.get(sender)
        if post is None:
            await self._report(out, LetterStage.FAILED, "no mail server is configured for it")
            return
        await self._hand_over(out, post, sender, to, data)

    async def _hand_over(self, out: Out, post: Post, sender: str, to: str, data: bytes) -> None:
        try:
            server = await _connected(post)
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as away:
            await self._again(out, type(away).__name__)
            return
        marked = msgspec.structs.replace(out, tried=True)
        await self._keep(marked)
        try:
            await server.sendmail(sender, [to], data, timeout=ANSWER_SECONDS)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as said:
            code, words = _answer(said)
            if 400 <= code < 500:
                await self._again(out, f"{code} {words}")
            else:
                await self._report(marked, LetterStage.FAILED, f"{code} {words}"[:200])
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as lost:
            await self._report(marked, LetterStage.UNSURE, type(lost).__name__)
        else:
            await self._report(marked, LetterStage.SENT, "")
        finally:
            server.close()

    async def _again(self, out: Out, why: str) -> None:
        if time.time() - out.since > GIVE_UP_SECONDS:
            await self._report(out, LetterStage.FAILED, f"given up after two days: {why}"[:200])
            return
        self.counts["again"] += 1
        pause = PAUSES_SECONDS[min(out.tries, len(PAUSES_SECONDS) - 1)]
        later = time.time() + pause
        await self._keep(msgspec.structs.replace(out, tries=out.tries + 1, again=later))

    async def _report(self, out: Out, stage: LetterStage, reason: str) -> None:
        self.counts[stage.value] += 1
        self._reported.add(out.letter)
        await self._writer.append((LetterReported(letter=out.letter, stage=stage, reason=reason),))


async def _connected(post: Post) -> aiosmtplib.SMTP:
    server = aiosmtplib.SMTP(
        hostname=post.host, port=post.port, timeout=CONNECT_SECONDS, use_tls=post.tls,
        start_tls=post.start_tls,
    )  # fmt: skip
    await server.connect()
    if post.username:
        await server.login(post.username, post.password)
    return server


def _answer(said: Exception) -> tuple[int, str]:
    """Code and words of a refusal, without an address."""
    if isinstance(said, aiosmtplib.SMTPRecipientsRefused):
        found = said.recipients[0] if said.recipients else said
        return int(getattr(found, "code", 550)), "the recipient was refused"
    return int(getattr(said, "code", 550)), "the mail server refused it"


def envelope_of(letter: bytes) -> tuple[str, str]:
    """From whom and to whom: the fields that we wrote ourselves."""
    found = {"from": "", "to": ""}
    for line in letter.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n"):
        name, _, value = line.partition(b":")
        key = name.decode("ascii", "replace").lower()
        if key in found and not found[key]:
            text = value.decode("utf-8", "replace").strip()
            found[key] = text.rpartition("<")[2].rstrip(">").strip()
    return found["from"], found["to"]
