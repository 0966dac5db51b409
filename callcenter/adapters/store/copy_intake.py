"""What the intake keeps in the store, read out beside the journal and put back with it.

    claims    by which what was handed over once is known again      one line each: digest, contact, ms
    notes     what arrived and does not wait in a queue yet
    marks     up to which mail of a mailbox everything was taken

Why: without the claims, mail servers and mailboxes would hand over to a restored center what it has
already; without the notes, what was acknowledged would never be queued. All three have to be of the
journal's moment: whatever was claimed after it is not in that journal, so its claim must not be in
the copy either, or the next one to hand it over would be told "known" for something nobody has.
Which those are, the commands tell that the journal had not read.

A letter that was going out at that moment may have gone out since: it comes back as one of which
nobody knows, for a person to decide.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from callcenter.adapters.intake.sender import Out
from callcenter.adapters.store.health import stream_id
from callcenter.adapters.store.keys import Keys
from callcenter.adapters.store.resp import Connection, StoreError, pack
from callcenter.control.state import LetterState
from callcenter.domain.commands import ContactReported, LetterStage, decode_envelope
from callcenter.domain.units import LetterId
from callcenter.intake.arrival import Note

PAGE = 500


class IntakeCopy(msgspec.Struct, frozen=True):
    """What is small of it; the claims have a file of their own."""

    notes: dict[str, bytes] = {}
    """Contact to note, as they stand in the store."""
    marks: dict[str, bytes] = {}
    unread: tuple[str, ...] = ()
    """Contacts that the journal did not have yet: nothing of them is put back."""


class IntakeReader:
    """Reads it on both sides of the journal's end: `early` before that is asked for, `late` after."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self._notes: dict[str, bytes] = {}
        self._marks: dict[str, bytes] = {}
        self._until = (0, 0)
        """Commands up to here were there when the marks were read."""

    def early(self) -> None:
        """Marks, and notes that may be settled before the second look."""
        self._marks = _hash(self._connection.call("HGETALL", self._keys.marks))
        self._notes = _hash(self._connection.call("HGETALL", self._keys.pending))
        last = self._connection.call("XREVRANGE", self._keys.cmds, "+", "-", "COUNT", 1)
        self._until = stream_id(bytes(last[0][0]).decode()) if last else (0, 0)

    def late(self, cursor: str, claims: BinaryIO) -> IntakeCopy:
        """The rest of it, for a journal that ends at `cursor`; claims are written as lines."""
        self._notes |= _hash(self._connection.call("HGETALL", self._keys.pending))
        claims.writelines(self._claims())
        unread = list(self._unread(cursor))
        missed = any(at <= self._until for at, _ in unread)
        marks = {
            name: mark
            for name, mark in self._marks.items()
            if not (missed and name.startswith("imap:"))  # fetched again, and known by its claim
        }
        return IntakeCopy(self._notes, marks, tuple(contact for _, contact in unread))

    def _claims(self) -> Iterable[bytes]:
        pattern, place = self._keys.claim("*"), b"0"
        prefix = len(self._keys.claim(""))
        while True:
            place, names = self._connection.call("SCAN", place, "MATCH", pattern, "COUNT", PAGE)
            if names:
                values = self._connection.call("MGET", *names)
                left = self._connection.calls([pack("PTTL", name) for name in names])
                now = time.time_ns() // 1_000_000
                for name, value, ms in zip(names, values, left, strict=True):
                    if value is not None and isinstance(ms, int) and ms > 0:
                        digest = bytes(name)[prefix:]
                        yield b"%s %s %d\n" % (digest, bytes(value), now + ms)
            if bytes(place) == b"0":
                return

    def _unread(self, cursor: str) -> Iterable[tuple[tuple[int, int], str]]:
        """Contacts in commands behind the cursor."""
        after = cursor
        while True:
            found = self._connection.call(
                "XRANGE", self._keys.cmds, f"({after}", "+", "COUNT", PAGE
            )  # fmt: skip
            for entry in found or ():
                after = bytes(entry[0]).decode()
                try:
                    envelope = decode_envelope(bytes(entry[1][1]))
                except msgspec.DecodeError:
                    continue
                for command in envelope.commands:
                    if isinstance(command, ContactReported) and not command.frontend:
                        yield stream_id(after), command.contact
            if not found:
                return


def write_intake(
    connection: Connection, keys: Keys, copy: IntakeCopy, claims: Path,
    letters: Mapping[LetterId, LetterState],
) -> None:  # fmt: skip
    """Put it into a store whose journal is there. Raises `StoreError`."""
    unread = frozenset(copy.unread)
    turn: list[bytes] = [
        pack("HSET", keys.pending, contact, note)
        for contact, note in copy.notes.items()
        if contact not in unread
    ]
    turn += [pack("HSET", keys.marks, name, mark) for name, mark in copy.marks.items()]
    for name, letter in letters.items():
        if letter.stage is LetterStage.DUE:
            out = Out(letter=name, blob=letter.blob, since=time.time(), tried=True)
            turn.append(pack("HSET", keys.outbox, name, msgspec.json.encode(out)))
    _all(connection, turn)
    turn = []
    with claims.open("rb") as file:
        for line in file:
            digest, contact, until = line.split(b" ")
            left = int(until) - time.time_ns() // 1_000_000
            if left > 0 and contact.decode() not in unread:
                key = keys.claim(digest.decode("ascii"))
                turn.append(pack("SET", key, contact, "PX", left))
            if len(turn) >= PAGE:
                _all(connection, turn)
                turn = []
    _all(connection, turn)


def blobs_of_notes(copy: IntakeCopy) -> dict[str, str]:
    """Contact to the file that its note names."""
    unread = frozenset(copy.unread)
    return {
        contact: msgspec.json.decode(note, type=Note).blob
        for contact, note in copy.notes.items()
        if contact not in unread
    }


def _all(connection: Connection, commands: list[bytes]) -> None:
    for reply in connection.calls(commands) if commands else ():
        if isinstance(reply, StoreError):
            raise reply


def _hash(flat: list[bytes] | None) -> dict[str, bytes]:
    pairs = zip((flat or [])[::2], (flat or [])[1::2], strict=True)
    return {bytes(name).decode(): bytes(value) for name, value in pairs}
