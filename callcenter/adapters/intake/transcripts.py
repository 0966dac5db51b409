"""What becomes of a chat's words when it is over: onto the disk, and by mail to whoever wanted it.

    the journal says that it is over ─► nothing more is said in it ─► its words on the disk
                                        ─► the letter, if it is wanted ─► noted that it was

Why: the journal is followed by a place that outlives us, so each step is done again by the next life
until the last one is. Doing one again changes nothing: the same words in the same file; a letter has
its Message-ID from the beginning, so at worst its server sees the same letter twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from callcenter.adapters.chats import ChatStore
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.domain.commands import Command, LetterRequested
from callcenter.domain.units import ContactId, LetterId
from callcenter.intake.chat import By, Said, transcript
from callcenter.intake.document import Document, decode_document
from callcenter.intake.letter import CannotWrite, compose
from callcenter.intake.letter import Writer as Author
from callcenter.intake.threads import message_id

log = structlog.get_logger()


class Writer(Protocol):
    """The way into the journal."""

    def append(self, commands: Sequence[Command]) -> Awaitable[None]: ...


class Transcripts:
    """The end of every chat. `authors` by the name of the door: in whose name mails go out."""

    def __init__(
        self, store: ChatStore, writer: Writer, authors: Mapping[str, Author], secret: bytes
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._writer = writer
        self._authors = authors
        self._secret = secret

    async def see(self, events: Sequence[e.Event]) -> None:
        """What the journal says. Raises `ChatsAway`: then the same is to be seen again."""
        for event in events:
            if isinstance(event, e.ContactEnded) and event.channel is Channel.CHAT:
                said = await self._store.end(event.contact, event.termination.reason.value)
                if said:
                    self.counts["kept"] += 1
                    await self._send(event.contact, said)

    async def _send(self, contact: ContactId, said: Sequence[Said]) -> None:
        if not await self._store.wants_copy(contact) or await self._store.copied(contact):
            return
        if not any(one.by is By.AGENT for one in said):
            return  # nobody of ours spoke: a stranger's words go to no address that she names
        try:
            found = await asyncio.to_thread(self._store.blobs.read_document, contact)
            letter = self._letter(decode_document(found), said)
        except (LookupError, msgspec.MsgspecError, CannotWrite) as wrong:
            log.warning("a transcript cannot be sent", contact=contact, reason=type(wrong).__name__)
            self.counts["unsent"] += 1
            return
        blob = await self._store.keep_file(letter)
        name = LetterId(f"{contact}.0")
        await self._writer.append((LetterRequested(letter=name, contact=contact, blob=blob),))
        await self._store.have_copied(contact)
        self.counts["sent"] += 1

    def _letter(self, document: Document, said: Sequence[Said]) -> bytes:
        author = self._authors.get(document.source)
        if author is None:
            raise CannotWrite("the chat names no mailbox")
        name = message_id(self._secret, document.contact, 0, author.address.rpartition("@")[2])
        text = transcript(tuple(said), document.name or "You")
        return compose(document, author, text, name, time.time_ns() // 1000, by_itself=True)
