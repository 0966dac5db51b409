"""What was decided once stays decided: recorded journals of every engine that there was.

The journal of today's engine is decided again bit by bit. Older ones are folded: whatever was
committed under them can be read, recovered from and led on from.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from callcenter.control.center import ENGINE, Control
from callcenter.control.replay import decide, same
from tests.control.invariants import check, plain
from tests.golden.make_journal import GOLDEN, Recorded, Step, path_of, read

SIZE_MAX = 300_000
JOURNALS = sorted(GOLDEN.glob("journal-*/journal.bin"))
MAKE = "run `python -m tests.golden.make_journal`"


def decided(control: Control, steps: tuple[Step, ...]) -> None:
    """Decide these again; each gives the events that are recorded, byte for byte."""
    for number, step in enumerate(steps):
        control.epoch = step.epoch
        commands = iter([("", step.command)] if step.command else [])
        events = decide(control, step.given, commands)
        what = type(step.command).__name__ if step.command else step.given.kind.name
        told = f"step {number}, {what}, is decided otherwise: raise ENGINE and {MAKE}"
        assert same(events, step.events), told


def folded(journal: Recorded) -> Control:
    control = Control()
    for step in journal.steps:
        for event in step.events:
            control.apply(event)
    return control


def remembered(snapshot: bytes) -> object:
    return msgspec.msgpack.decode(snapshot)["state"]


def contained(part: object, whole: object, where: str = "state") -> None:
    """Everything of `part` is in `whole`; later engines may remember more."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            assert key in whole, f"{where}.{key} is gone"
            contained(value, whole[key], f"{where}.{key}")
    elif isinstance(part, list) and isinstance(whole, list) and len(part) <= len(whole):
        for number, value in enumerate(part):
            contained(value, whole[number], f"{where}[{number}]")
    else:
        assert part == whole, where


def test_todays_engine_has_its_journal() -> None:
    assert path_of(ENGINE) in JOURNALS, f"ENGINE is {ENGINE}: {MAKE}"


def test_todays_journal_is_decided_again_bit_by_bit() -> None:
    journal = read(path_of(ENGINE).read_bytes())
    control = Control()
    decided(control, journal.steps)
    assert plain(control) == plain(Control.restore(journal.final))
    check(control, ringing_all=True)


def test_todays_journal_goes_on_from_its_snapshot_bit_by_bit() -> None:
    journal = read(path_of(ENGINE).read_bytes())
    control = Control.restore(journal.snapshot)
    decided(control, journal.steps[journal.snapshot_after :])
    assert plain(control) == plain(Control.restore(journal.final))


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.parent.name)
def test_every_journal_still_folds_to_the_state_it_had(path: Path) -> None:
    assert path.stat().st_size < SIZE_MAX
    journal = read(path.read_bytes())
    final = remembered(journal.final)
    contained(final, remembered(folded(journal).snapshot()))
    after = Control.restore(journal.snapshot)
    for step in journal.steps[journal.snapshot_after :]:
        for event in step.events:
            after.apply(event)
    contained(final, remembered(after.snapshot()))


def test_a_state_that_lost_something_is_told() -> None:
    contained({"a": [1]}, {"a": [1, 2], "b": 3})
    with pytest.raises(AssertionError, match=r"state\.a is gone"):
        contained({"a": 1}, {"b": 1})
    with pytest.raises(AssertionError, match=r"state\.a"):
        contained({"a": 1}, {"a": 2})
