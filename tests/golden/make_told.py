"""What the control center told on two seeded days, for comparison: `python -m tests.golden.make_told`.

Writes `tests/golden/told/told.bin`: at moments spread over a day, what a look ahead found for
everybody who waits and for who would come now, and what `why` says of contacts and agents. On the
second day contacts are chosen by what is used up of their queue's target, queues have calendars,
and much more is reserved.

Why: the parts that explain and estimate decide nothing, so no journal shows when they change. To be
written anew by whoever changes what is told, and looked at: `git diff --stat` says nothing here,
the failing test names the first difference.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from callcenter.control.center import Control
from callcenter.control.explained import Explaining
from callcenter.control.replay import feed
from callcenter.control.scene import Sketch
from callcenter.control.why import Lens
from callcenter.control.world import World
from callcenter.domain import commands as c
from callcenter.domain.center import Calendar, Center, ContactChoice, Period
from callcenter.domain.units import AgentId, Micros
from callcenter.routing.lookahead import look_ahead
from tests.simulation.day import Day

PATH = Path(__file__).parent / "told" / "told.bin"
SEED = 4
CONTACTS = 260
EVERY = 19
"""Inputs between two looks."""
LOOKED_AT = 5
"""Contacts and agents, each time; others the next time."""

Told = dict[str, Any]
"""What was told, by a name that says when and of whom."""


def busy(center: Center) -> Center:
    """The same center by another policy."""
    queues = tuple(
        msgspec.structs.replace(
            queue,
            calendar="office",
            target_seconds=20 + 15 * number,
            reserve=1 + number % 2,
            excluded=(AgentId(f"a{number:02}"),),
            preferred={"english": 3},
        )
        for number, queue in enumerate(center.queues)
    )
    hours = tuple(Period(weekday=day, opens=0, closes=12 * 60) for day in range(7))
    office = Calendar(name="office", periods=hours)
    return msgspec.structs.replace(
        center, queues=queues, calendars=(office,), contact_choice=ContactChoice.TARGET
    )


def otherwise(command: c.Command | None) -> c.Command | None:
    if isinstance(command, c.ConfigurationRequested):
        return msgspec.structs.replace(command, center=busy(command.center))
    return command


def told_on(name: str, control: Control, fed: Any) -> Iterator[tuple[str, Any]]:
    """Everything that is told while this is decided."""
    for number, (epoch, given, command) in enumerate(fed):
        control.epoch = epoch
        feed(control, given, iter([("", command)] if command else []))
        if number % EVERY == 0:
            yield from looked(f"{name} {number}", control._world, given.now, number // EVERY)
    if isinstance(control, Explaining):
        for offer, choice in control.seen.choices.items():
            yield f"{name} {offer}", choice
        for contact, refusal in control.seen.refusals.items():
            yield f"{name} {contact} refused", refusal


def looked(name: str, world: World, now: Micros, turn: int) -> Iterator[tuple[str, Any]]:
    """At one moment."""
    sketch = Sketch(world, now)
    outlooks = look_ahead(sketch.scene())
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


def in_ms(span: float | None) -> int | None:
    """Coarse enough for another machine's arithmetic."""
    return None if span is None else round(span / 1000)


def told() -> Told:
    """What today's code tells."""
    day = Day(SEED, CONTACTS)
    day.run()
    found: Told = dict(told_on("day", Explaining(), day.fed))
    again = [(epoch, given, otherwise(command)) for epoch, given, command in day.fed]
    found |= told_on("busy", Explaining(), again)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(found))  # type: ignore[no-any-return]


def read(data: bytes) -> Told:
    return msgspec.msgpack.decode(zlib.decompress(data))  # type: ignore[no-any-return]


def main() -> None:
    """Write it and say how large it is."""
    PATH.parent.mkdir(exist_ok=True)
    found = told()
    PATH.write_bytes(zlib.compress(msgspec.msgpack.encode(found), 9))
    sys.stdout.write(f"{PATH}: {len(found)} things told, {PATH.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
