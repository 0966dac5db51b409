"""What is decided, and told about waits and reasons, is decided and told as it was."""

from __future__ import annotations

import pytest

from tests.golden.make_told import PATH, days, read, told


@pytest.mark.parametrize("day", days())
def test_a_day_is_decided_and_told_as_it_was(day: str) -> None:
    """A deliberate change is written down by `python -m tests.golden.make_told`."""
    before = read(PATH.read_bytes())[day]
    names = iter(before)
    for name, what in told(day):
        assert name == next(names, None), name
        assert what == before[name], name
    assert next(names, None) is None


def test_the_days_tell_of_everything() -> None:
    kept = {name: what for day in read(PATH.read_bytes()).values() for name, what in day.items()}
    waits = [what for name, what in kept.items() if " outlook " in name]
    assert len([found for found in waits if found[2]]) > 500
    ahead = {due["what"] for name, what in kept.items() for due in what_next(what)}
    assert ahead >= {
        "ring_ends", "released", "step", "overflow", "leaves", "agent_free", "wrap_up_ends",
        "becomes_hers", "closes", "certificate",
    }  # fmt: skip


def what_next(what: object) -> list[dict[str, str]]:
    return what.get("next", []) if isinstance(what, dict) else []
