"""Reading what another version may have written: envelopes and batches, part by part.

Why: structs only gain optional fields, so an older reader meets tags it does not know. One unknown
event must not hide the others of its batch (readers skip it), and one unknown command must be
refused by its name, not as noise. The whole is read at once when it can be, which is nearly always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from callcenter.domain.commands import Command, Envelope, decode_envelope
from callcenter.domain.events import Batch, Event, Input, decode_batch
from callcenter.domain.units import Micros


class _RawEnvelope(msgspec.Struct, frozen=True, array_like=True):
    source: str
    epoch: int
    first: int
    at: Micros
    commands: tuple[msgspec.Raw, ...]


class _RawBatch(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    epoch: int
    at: Micros
    cursor: str
    marks: dict[str, tuple[int, int]]
    inputs: tuple[Input, ...]
    engine: str
    configuration: str
    events: tuple[msgspec.Raw, ...]


class _Place(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    epoch: int
    at: Micros
    cursor: str


_places = msgspec.msgpack.Decoder(_Place)
_raw_envelopes = msgspec.msgpack.Decoder(_RawEnvelope)
_raw_batches = msgspec.msgpack.Decoder(_RawBatch)
_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def read_envelope(data: bytes) -> tuple[Envelope, dict[int, str]]:
    """An envelope and, by position, why a command of it cannot be read (its place is `None`d out
    of `commands` by the caller). Raises `msgspec.MsgspecError` when nothing of it can be read.
    """
    try:
        return decode_envelope(data), {}
    except msgspec.ValidationError:
        raw = _raw_envelopes.decode(data)
    commands: list[Any] = []
    refused: dict[int, str] = {}
    for position, part in enumerate(raw.commands):
        try:
            commands.append(_commands.decode(part))
        except msgspec.MsgspecError as wrong:
            refused[position] = f"{_tag(part)}: {wrong}"
            commands.append(None)
    return Envelope(raw.source, raw.epoch, raw.first, raw.at, tuple(commands)), refused


ONCE = "once:"
"""How the name of a source begins that asks for one thing and is gone: a command line."""
ONCE_KEPT = 256
"""Of so many of them it is remembered what they asked, the latest: longer than any repeats it."""


def forget_old_askers(marks: dict[str, tuple[int, int]]) -> None:
    """Each process that asks once has a name of its own; theirs are not kept for ever."""
    askers = [source for source in marks if source.startswith(ONCE)]
    for source in askers[: max(0, len(askers) - ONCE_KEPT)]:
        del marks[source]


def fresh(envelope: Envelope, marks: Mapping[str, tuple[int, int]]) -> list[tuple[int, Any]]:
    """The commands of an envelope that were not decided before, with their sequence. `marks` has
    per source the epoch and sequence of its last command."""
    epoch, done = marks.get(envelope.source, (-1, 0))
    if envelope.epoch < epoch:
        return []
    if envelope.epoch > epoch:
        done = 0
    numbered = enumerate(envelope.commands, envelope.first)
    return [(sequence, command) for sequence, command in numbered if sequence > done]


def read_batch(data: bytes) -> Batch:
    """A batch, without the events this version does not know. Raises `msgspec.MsgspecError`."""
    try:
        return decode_batch(data)
    except msgspec.ValidationError:
        raw = _raw_batches.decode(data)
    events: list[Event] = []
    for part in raw.events:
        try:
            events.append(_events.decode(part))
        except msgspec.ValidationError:
            continue
    return Batch(
        raw.seq, raw.epoch, raw.at, raw.cursor, raw.marks, raw.inputs, raw.engine,
        raw.configuration, tuple(events),
    )  # fmt: skip


def cursor_of(data: bytes) -> str:
    """The cursor of an encoded batch, without reading its events."""
    return _places.decode(data).cursor


def _tag(part: msgspec.Raw) -> str:
    try:
        return str(msgspec.msgpack.decode(part).get("type", "?"))
    except (msgspec.MsgspecError, AttributeError):
        return "?"
