"""The claim: one step in the store by which an arrival becomes a contact, exactly once.

Why: between "I have it" and "it is in the journal" nobody may die. So the keys by which it is known
again, what remains to be done about it, the address of whoever sent it and the command itself are
written by one script: all of it is there, or none, and then the source hands it over again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from callcenter.adapters.store import scripts
from callcenter.adapters.store.keys import CLAIM_DAYS, Keys
from callcenter.domain.commands import encode_around_first
from callcenter.domain.units import ContactId
from callcenter.intake.arrival import Note, reported

Call = Callable[..., Awaitable[Any]]
CLAIM_SECONDS = CLAIM_DAYS * 86_400


class Receipt(NamedTuple):
    """What became of an arrival."""

    contact: ContactId
    new: bool
    """False: it was here before, and is not taken a second time."""


class Claims:
    """The claims of one process. Raises `StoreUnavailable` or `StoreError` when nothing is sure."""

    def __init__(self, call: Call, keys: Keys, source: str, epoch: int) -> None:
        self._call = call
        self._keys = keys
        self._source = source
        self._epoch = epoch
        self._life = f"{source}:{epoch}"

    async def forget_earlier_lives(self) -> None:
        """Numbers of processes of this name that are gone."""
        lives = [bytes(life).decode() for life in await self._call("HKEYS", self._keys.sequences)]
        gone = [x for x in lives if x.rpartition(":")[0] == self._source and x != self._life]
        if gone:
            await self._call("HDEL", self._keys.sequences, *gone)

    async def claim(
        self, known_by: Sequence[str], note: Note, value: str, reply_to: ContactId = ContactId("")
    ) -> Receipt:
        """Make it a contact, unless one of the keys it is `known_by` was seen before.

        `value` is what the erasable place keeps under the party of the note.
        """
        head, tail = encode_around_first(
            self._source, self._epoch, time.time_ns() // 1000, (reported(note, reply_to),)
        )
        keys = self._keys
        claims = [keys.claim(digest_of(key)) for key in known_by]
        new, contact = await self._call(
            "EVAL", scripts.CLAIM, 4 + len(claims),
            keys.cmds, keys.pending, keys.sequences, keys.parties, *claims,
            self._life, head, tail, note.contact, msgspec.json.encode(note),
            CLAIM_SECONDS, note.party, value,
        )  # fmt: skip
        return Receipt(ContactId(bytes(contact).decode()), bool(new))

    async def pending(self) -> list[Note]:
        """Everything that arrived and does not wait in a queue yet."""
        found = await self._call("HVALS", self._keys.pending)
        return [msgspec.json.decode(bytes(value), type=Note) for value in found]

    async def note(self, contact: str) -> Note | None:
        """What is left to be done about a contact that some process claimed."""
        found = await self._call("HGET", self._keys.pending, contact)
        return msgspec.json.decode(bytes(found), type=Note) if found else None

    async def settled(self, contacts: Sequence[str]) -> None:
        """These wait in a queue, or are over."""
        await self._call("HDEL", self._keys.pending, *contacts)

    async def thread(self, ids: Sequence[str]) -> ContactId:
        """The contact of the first of these message ids that is known; empty when none is."""
        if not ids:
            return ContactId("")
        found = await self._call("MGET", *(self._keys.claim(digest_of(f"id:{x}")) for x in ids))
        return ContactId(next((bytes(one).decode() for one in found if one), ""))

    async def first_today(self, whom: str) -> bool:
        """Is this the first time in a day that somebody is to be told something?"""
        key = self._keys.claim(digest_of(f"told:{whom}"))
        return await self._call("SET", key, "1", "NX", "EX", 86_400) is not None

    async def remember(self, message_id: str, contact: str) -> None:
        """Answers to this message id belong to that contact."""
        if message_id:
            key = self._keys.claim(digest_of(f"id:{message_id}"))
            await self._call("SET", key, contact, "EX", CLAIM_SECONDS)


def digest_of(key: str) -> str:
    """A key as it stands in the store: of one length, and telling nothing."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:40]
