"""What the benches of decisions share: needs made by chance, CPU figures, collector pauses.

Why: the engine alone and all of control are measured by the same yardstick.
"""

import gc
from collections.abc import Callable
from random import Random
from time import perf_counter_ns, thread_time_ns
from typing import Any, Self

DECISIONS = 2_000
SKILLS = tuple(f"skill{n}" for n in range(20))
PERCENT = 100

Skills = dict[str, int]


def figures(nanoseconds: list[int]) -> dict[str, float]:
    """p50 and p99 in microseconds."""
    ordered = sorted(nanoseconds)
    return {
        "p50_us": round(ordered[len(ordered) // 2] / 1_000, 1),
        "p99_us": round(ordered[len(ordered) * 99 // PERCENT] / 1_000, 1),
    }


def different(chance: Random, count: int, skills_max: int, level_max: int) -> list[Skills]:
    """`count` different sets of skills with levels."""
    found: dict[tuple[tuple[str, int], ...], Skills] = {}
    while len(found) < count:
        names = sorted(chance.sample(SKILLS, chance.randint(1, skills_max)))
        levels = {name: chance.randint(1, level_max) for name in names}
        found[tuple(levels.items())] = levels
    return list(found.values())


class Pauses:
    """The longest pause of the garbage collector within, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._begun = 0

    def _told(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._begun = perf_counter_ns()
        else:
            self.longest_ms = max(self.longest_ms, (perf_counter_ns() - self._begun) / 1e6)

    def __enter__(self) -> Self:
        gc.callbacks.append(self._told)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self._told)


def timed(decide: Callable[[], Any], count: int, between: Callable[[], Any]) -> dict[str, float]:
    """Run `decide` `count` times, `between` untimed after each."""
    spent = []
    for _ in range(count):
        begin = thread_time_ns()
        decide()
        spent.append(thread_time_ns() - begin)
        between()
    return figures(spent)
