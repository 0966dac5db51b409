"""The one way in for everything that is read: kept, claimed, acknowledged, read, queued.

    receive   blob on the disk ─► claim (keys, note, command: one step) ─► the source is told
    work      notes that are left ─► a reader's process ─► document on the disk ─► `QueueRequested`
    follow    the journal says that it waits, or is over ─► its note is dropped

    dies after the blob       nothing of ours; handed over again, same hash
    dies after the claim      handed over again, known by its key: told once more, no second one
    dies before the queue     its note is left: read again by the next life
    the queue is gone         the refusal is read in the journal: the door's own queue instead

Why: what was acknowledged is never lost, and what is handed over twice is one contact; whatever
dies in between, it is the note that says what remains to be done, and the journal that says it is.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from callcenter.adapters.blobs import Blobs
from callcenter.adapters.intake.claims import Claims, Receipt
from callcenter.adapters.intake.readers import Readers
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.resp import StoreError
from callcenter.domain import events as e
from callcenter.domain.commands import Command, LetterRequested, LetterReturned
from callcenter.domain.units import ContactId, LetterId, PartyId, QueueId
from callcenter.intake.arrival import Arrival, Note
from callcenter.intake.document import Document, encode_document
from callcenter.intake.letter import CannotWrite, compose
from callcenter.intake.letter import Writer as Author
from callcenter.intake.rules import Door, acknowledged, wish
from callcenter.intake.sorts import may_be_answered
from callcenter.intake.threads import contact_of, letter_of, message_id

log = structlog.get_logger()

AGAIN_SECONDS = 30.0
"""A note that is still left after so long is worked on again."""


class Writer(Protocol):
    """The way into the journal."""

    def append(self, commands: Sequence[Command]) -> Awaitable[None]: ...


class Refused(Exception):
    """Not taken, and the source must try again later; in words without a secret."""


class Pipeline:
    """The intake of one process. `counts` has what came and what became of it."""

    def __init__(
        self,
        directory: Path,
        claims: Claims,
        writer: Writer,
        readers: Readers,
        doors: Mapping[str, Door],
        secret: bytes,
    ) -> None:
        self.blobs = Blobs(directory)
        self.counts: Counter[str] = Counter()
        self.waited: Counter[str] = Counter()
        """Seconds from acknowledged to queued, all together, by channel."""
        self._claims = claims
        self._writer = writer
        self._readers = readers
        self._doors = doors
        self._secret = secret
        self._notes: dict[str, Note] = {}
        self._wake = asyncio.Event()
        self._worked: dict[str, float] = {}
        """When a note was worked on last."""
        self._elsewhere: set[str] = set()
        """Whose queue refused them."""

    async def receive(self, arrival: Arrival, data: bytes) -> Receipt:
        """Have it for good. When this returns the source may be told so; raises `Refused`."""
        try:
            blob = await asyncio.to_thread(self.blobs.keep, data)
        except OSError as failed:
            self.counts["disk"] += 1
            log.error("the disk takes nothing more", reason=str(failed.strerror))
            raise Refused("the disk is full") from failed
        note = Note(
            contact=ContactId(new_id()),
            channel=arrival.channel,
            kind=arrival.kind,
            source=arrival.source,
            blob=blob,
            party=PartyId(new_id()) if arrival.address else PartyId(""),
            received=time.time_ns() // 1000,
            facts=arrival.facts,
        )
        value = json.dumps({"number": arrival.address, "name": ""})
        try:
            before = ContactId(contact_of(self._secret, arrival.thread))
            before = before or await self._claims.thread(arrival.thread)
            receipt = await self._claims.claim(arrival.keys, note, value, before)
        except (StoreUnavailable, StoreError, OSError) as away:
            self.counts["store"] += 1
            raise Refused("the store is away") from away
        self.counts["new" if receipt.new else "known"] += 1
        if receipt.new:
            self._notes[note.contact] = note
            self._wake.set()
        return receipt

    async def resume(self) -> None:
        """Take up what an earlier life left."""
        await self._claims.forget_earlier_lives()
        for note in await self._claims.pending():
            self._notes[note.contact] = note
        self.counts["taken_up"] += len(self._notes)
        self._wake.set()

    async def work(self) -> None:
        """Read and queue what is left, for ever."""
        while True:
            due = [n for n in self._notes.values() if self._is_due(n)]
            if not due:
                self._wake.clear()
                try:
                    async with asyncio.timeout(1.0):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            await asyncio.gather(*(self._one(note) for note in due[:16]))

    def _is_due(self, note: Note) -> bool:
        return time.monotonic() - self._worked.get(note.contact, -AGAIN_SECONDS) >= AGAIN_SECONDS

    async def _one(self, note: Note) -> None:
        self._worked[note.contact] = time.monotonic()
        try:
            document = await self._readers.read(note, self.blobs.path(note.blob))
            data = encode_document(document)
            await asyncio.to_thread(self.blobs.keep_document, note.contact, data)
            await self._claims.remember(document.message_id, note.contact)
            letter = await self._acknowledgement(note, document)
            returned = self._returned(document)
            await self._writer.append((self._wish(note, document), *letter, *returned))
        except (StoreUnavailable, StoreError, OSError) as away:
            log.warning("a document waits to be read again", reason=type(away).__name__)
            self._worked[note.contact] = time.monotonic() - AGAIN_SECONDS + 1

    async def _acknowledgement(self, note: Note, document: Document) -> list[Command]:
        """Whoever writes is told that it came: once a day, never a machine, never ourselves."""
        door = self._doors.get(note.source)
        if door is None or not door.acknowledge:
            return []
        ours = [one.address for one in self._doors.values()]
        if not may_be_answered(document.sort, document.sender, ours):
            return []
        if not await self._claims.first_today(f"{note.source}:{document.sender}"):
            return []
        name = message_id(self._secret, note.contact, 0, door.address.rpartition("@")[2])
        writer = Author(address=door.address, name=door.from_name, signature=door.signature)
        try:
            letter = compose(
                document, writer, acknowledged(door, note.received), name,
                time.time_ns() // 1000, by_itself=True,
            )  # fmt: skip
        except CannotWrite:
            return []
        blob = await asyncio.to_thread(self.blobs.keep, letter)
        return [
            LetterRequested(letter=LetterId(f"{note.contact}.0"), contact=note.contact, blob=blob)
        ]

    def _returned(self, document: Document) -> list[Command]:
        """A delivery report names a letter of ours, by an id that nobody else can make."""
        ids = tuple(document.facts.get("returned", "").split())
        contact, letter = letter_of(self._secret, ids)
        if not letter:
            return []
        self.counts["letters_returned"] += 1
        return [LetterReturned(letter=LetterId(letter), contact=ContactId(contact))]

    def _wish(self, note: Note, document: Document) -> Command:
        door = self._doors.get(note.source) or next(iter(self._doors.values()))
        asked = wish(door, document)
        if note.contact in self._elsewhere:
            return type(asked)(contact=asked.contact, queue=QueueId(door.queue))
        return asked

    async def see(self, events: Sequence[e.Event]) -> None:
        """What the journal says of ours."""
        done: list[str] = []
        for event in events:
            contact = getattr(event, "contact", "")
            if isinstance(event, e.ContactArrived) and event.blob:
                await self._take_up(contact)
            elif isinstance(event, e.ReplyArrived):
                done += await self._merged(event)
            elif contact not in self._notes:
                continue
            elif isinstance(event, e.ContactQueued | e.ContactEnded):
                done.append(contact)
            elif isinstance(event, e.QueueRefused):
                self._elsewhere.add(contact)
                self._worked.pop(contact, None)
                self._wake.set()
        if done:
            await self._settle(done)

    async def _take_up(self, contact: str) -> None:
        """Another process claimed it (a fax): from here on it is ours like what came in here."""
        note = None if contact in self._notes else await self._claims.note(contact)
        if note is not None:
            self.counts["taken_over"] += 1
            self._notes[contact] = note
            self._wake.set()

    async def _merged(self, event: e.ReplyArrived) -> list[str]:
        """It became part of another contact: it is read all the same, and waits in no queue."""
        note = self._notes.get(event.reply)
        if note is None:
            return []
        document = await self._readers.read(note, self.blobs.path(note.blob))
        await asyncio.to_thread(self.blobs.keep_document, note.contact, encode_document(document))
        await self._claims.remember(document.message_id, event.contact)
        returned = self._returned(document)
        if returned:
            await self._writer.append(returned)
        return [event.reply]

    async def _settle(self, contacts: Sequence[str]) -> None:
        await self._claims.settled(contacts)
        for contact in contacts:
            note = self._notes.pop(contact, None)
            self._worked.pop(contact, None)
            self._elsewhere.discard(contact)
            if note is not None:
                self.counts["queued"] += 1
                waited = max(0, time.time_ns() // 1000 - note.received)
                self.waited[note.channel.value] += round(waited / 1e6, 3)  # type: ignore[assignment]

    @property
    def left(self) -> int:
        """What arrived and does not wait in a queue yet."""
        return len(self._notes)


def new_id() -> str:
    """A name nobody can guess."""
    return secrets.token_hex(12)
