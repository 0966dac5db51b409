"""What is told about waits and reasons is told as it was."""

from __future__ import annotations

from tests.golden.make_told import PATH, read, told


def test_two_days_are_told_as_they_were() -> None:
    """A deliberate change is written down by `python -m tests.golden.make_told`."""
    before, now = read(PATH.read_bytes()), told()
    for name, what in before.items():
        assert now.get(name) == what, name
    assert list(now) == list(before)


def test_the_two_days_tell_of_everything() -> None:
    kept = read(PATH.read_bytes())
    waits = [what for name, what in kept.items() if " outlook " in name]
    assert len([found for found in waits if found[2]]) > 500
    ahead = {due["what"] for name, what in kept.items() for due in what_next(what)}
    assert ahead >= {
        "ring_ends", "released", "step", "overflow", "leaves", "agent_free", "wrap_up_ends",
        "becomes_hers", "closes", "certificate",
    }  # fmt: skip


def what_next(what: object) -> list[dict[str, str]]:
    return what.get("next", []) if isinstance(what, dict) else []
