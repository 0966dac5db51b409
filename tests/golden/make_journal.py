"""A journal of today's engine, for ever: `python -m tests.golden.make_journal`.

Writes `tests/golden/journal-<engine>/journal.bin`: a simulated day, input by input, with what was
decided, a snapshot from its middle and the state at its end. To be run once whenever `ENGINE` is
raised; the journals of earlier engines stay as they are.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import msgspec

from callcenter.control.center import ENGINE, Control
from callcenter.control.replay import feed
from callcenter.domain.commands import Command
from callcenter.domain.events import Event, Input
from tests.simulation.day import Day

GOLDEN = Path(__file__).parent
SEED = 1
CONTACTS = 200


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One input, by a leader of `epoch`, and the events it gave."""

    epoch: int
    given: Input
    command: Command | None
    events: tuple[Event, ...]


class Recorded(msgspec.Struct, frozen=True, array_like=True):
    """A whole journal. `snapshot` is `Control.snapshot()` after the first `snapshot_after` steps,
    `final` the same after all of them."""

    engine: str
    steps: tuple[Step, ...]
    snapshot_after: int
    snapshot: bytes
    final: bytes


def path_of(engine: str) -> Path:
    return GOLDEN / f"journal-{engine}" / "journal.bin"


def recorded(seed: int, contacts: int) -> Recorded:
    """A day, decided by today's engine."""
    day = Day(seed, contacts)
    day.run()
    control, steps, middle = Control(), list[Step](), b""
    for epoch, given, command in day.fed:
        control.epoch = epoch
        events = feed(control, given, iter([("", command)] if command else []))
        steps.append(Step(epoch, given, command, tuple(events)))
        if len(steps) == len(day.fed) // 2:
            middle = control.snapshot()
    return Recorded(ENGINE, tuple(steps), len(steps) // 2, middle, control.snapshot())


def write(journal: Recorded) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(journal), 9)


def read(data: bytes) -> Recorded:
    return msgspec.msgpack.decode(zlib.decompress(data), type=Recorded)


def main() -> None:
    """Record it and say how large it is."""
    path = path_of(ENGINE)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write(recorded(SEED, CONTACTS)))
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
