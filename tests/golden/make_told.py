"""What the control center decided and told on seeded days, for comparison:
`python -m tests.golden.make_told`.

Writes `tests/golden/told/told.bin`. Of every input: what was decided. At moments spread over a day:
what is remembered, the scene from which one looks ahead, what a look ahead found for everybody who
waits and for who would come now, and what `why` says of contacts and agents. On the hard days
(`tests/simulation/hard_day.py`) a center has everything that it may have.

Why: the parts that explain and estimate decide nothing, so no journal shows when they change. To be
written anew by whoever changes what is decided or told, and looked at: `git diff --stat` says
nothing here, the failing test names the first difference.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from callcenter.control.explained import Explaining
from callcenter.control.replay import feed
from callcenter.control.scene import Sketch
from callcenter.control.why import Lens
from callcenter.control.world import World
from callcenter.domain.events import Event, Input
from callcenter.domain.units import Micros
from callcenter.routing.lookahead import Handling, Scene, look_ahead
from tests.simulation.day import Day
from tests.simulation.hard_day import HardDay

PATH = Path(__file__).parent / "told" / "told.bin"
CONTACTS = 240
EVERY = 31
"""Inputs between two looks."""
LOOKED_AT = 5
"""Contacts and agents, each time; others the next time."""

Told = dict[str, Any]
"""What was told on a day, by a name that says when and of whom."""

_encoder = msgspec.msgpack.Encoder()


def told_on(name: str, day: Day) -> Iterator[tuple[str, Any]]:
    """Everything that is decided and told while this day is decided again. After each look what was
    found is told to those who wait, as a standby would have it told."""
    day.run()
    control = Explaining()
    for number, (epoch, given, command) in enumerate(day.fed):
        control.epoch = epoch
        decided = feed(control, given, iter([("", command)] if command else []))
        yield f"{name} {number} decided", in_short(decided)
        if number % EVERY == 0:
            where = f"{name} {number}"
            yield from looked(where, control._world, given.now, number // EVERY)
            report = control.waits(given.now)
            yield f"{where} report", report
            told = [("", report)] if report else []
            heard = feed(control, Input(given.now), iter(told)) if report else []
            yield f"{where} heard", in_short(heard)
    for offer, choice in control.seen.choices.items():
        yield f"{name} {offer}", choice
    for contact, refusal in control.seen.refusals.items():
        yield f"{name} {contact} refused", refusal
    yield f"{name} tolerated", dict(sorted(control.counters.items()))


def in_short(events: list[Event]) -> list[object]:
    """Names of events, and a sum over all that they say."""
    names = [type(event).__name__ for event in events]
    return [*names, zlib.crc32(_encoder.encode(events))]


def looked(name: str, world: World, now: Micros, turn: int) -> Iterator[tuple[str, Any]]:
    """At one moment."""
    for part in world.state.__struct_fields__:
        if part != "center":
            yield f"{name} state {part}", zlib.crc32(_encoder.encode(getattr(world.state, part)))
    sketch = Sketch(world, now)
    scene = sketch.scene()
    for subject, value in parts_of(scene, sketch):
        yield f"{name} scene {subject}", value
    outlooks = look_ahead(scene)
    subjects = [*(x.id for x in sketch.contacts), *(q.id for q in sketch.queues)]
    for subject, found in zip(subjects, outlooks, strict=True):
        yield (
            f"{name} outlook {subject}",
            [found.position, in_ms(found.expected), in_ms(found.promised)],
        )
    lens = Lens(world, now)
    contacts = list(world.state.contacts.values())
    for contact in contacts[turn % 3 :: max(1, len(contacts) // LOOKED_AT)]:
        if (waiting := lens.waiting(contact)) is not None:
            yield f"{name} waiting {contact.id}", waiting
    agents = lens.agents()
    for agent in agents[turn % 3 :: max(1, len(agents) // LOOKED_AT)]:
        yield f"{name} desk {agent.id}", lens.desk(agent)


def parts_of(scene: Scene, sketch: Sketch) -> Iterator[tuple[str, Any]]:
    """What one looks ahead from, with as much of each spread as tells it from others."""
    yield "paths", [scene.paths, sketch.is_too_large]
    for number, desk in enumerate(scene.desks):
        yield f"desk {number}", plainly(desk)
    for number, caller in enumerate(scene.callers):
        yield f"caller {number}", plainly(caller)
    yield "streams", plainly(scene.streams)
    yield "reserves", plainly(scene.reserves)


def plainly(value: Any) -> Any:
    """Spans in milliseconds; of equally likely ones three."""
    if isinstance(value, float):
        return in_ms(value)
    if isinstance(value, Handling):
        return [plainly(spans) for spans in value]
    if isinstance(value, tuple):
        if value and all(isinstance(one, float) for one in value):
            return [in_ms(value[at]) for at in (0, len(value) // 2, -1)]
        return [plainly(one) for one in value]
    return value


def in_ms(span: float | None) -> int | None:
    """Coarse enough for another machine's arithmetic."""
    return None if span is None or span == float("inf") else round(span / 1000)


def days() -> dict[str, Day]:
    return {"day": Day(4, CONTACTS), "hard 1": HardDay(1, CONTACTS), "hard 2": HardDay(2, CONTACTS)}


def told(name: str) -> Iterator[tuple[str, Any]]:
    """What today's code decides and tells on one of the days, as it can be read again."""
    for what, found in told_on(name, days()[name]):
        yield what, msgspec.msgpack.decode(msgspec.msgpack.encode(found))


def read(data: bytes) -> dict[str, Told]:
    """What was told on each day."""
    return msgspec.msgpack.decode(zlib.decompress(data))  # type: ignore[no-any-return]


def main() -> None:
    """Write it and say how large it is."""
    PATH.parent.mkdir(exist_ok=True)
    found = {name: dict(told(name)) for name in days()}
    PATH.write_bytes(zlib.compress(msgspec.msgpack.encode(found), 9))
    sys.stdout.write(
        f"{PATH}: {sum(map(len, found.values()))} things told, {PATH.stat().st_size} bytes\n"
    )


if __name__ == "__main__":
    main()
