"""Decide again what the journal says was decided.

Why: when the same snapshot, commands and times give the same events byte for byte, the journal
explains every decision, a standby may take over at any batch, and a changed rule can be judged by
what it would have done yesterday.
"""

from collections.abc import Iterable, Iterator

import msgspec

from callcenter.control.center import Control, DecisionFailed
from callcenter.domain.commands import Command
from callcenter.domain.events import Event, Input, InputKind
from callcenter.domain.units import FrontendId

_encoder = msgspec.msgpack.Encoder(order="deterministic")


def feed(control: Control, given: Input, commands: Iterator[tuple[str, Command]]) -> list[Event]:
    """Give control one recorded input. `commands` yields id and command of the stream, in order,
    repeats already skipped; the next one is taken when the input is a command."""
    try:
        return decide(control, given, commands)
    except DecisionFailed as failure:
        return failure.events


def decide(control: Control, given: Input, commands: Iterator[tuple[str, Command]]) -> list[Event]:
    """As `feed`. Raises `DecisionFailed` where the leader met it too."""
    if given.kind is InputKind.COMMAND:
        source, command = next(commands)
        return control.react(command, given.now, source=source)
    if given.kind is InputKind.LOST:
        return control.frontend_lost(FrontendId(given.name), given.now)
    return control.tick(given.now)


def decide_again(
    control: Control, inputs: Iterable[Input], commands: Iterable[tuple[str, Command]]
) -> list[Event]:
    """The events of a batch, decided anew from its inputs."""
    stream = iter(commands)
    return [event for given in inputs for event in feed(control, given, stream)]


def same(one: Iterable[Event], other: Iterable[Event]) -> bool:
    """Are these the same events, byte for byte?"""
    return _encoder.encode(list(one)) == _encoder.encode(list(other))
