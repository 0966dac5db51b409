"""`python -m tests.mutation [--count N] [--seed S]`: which mistakes do the tests notice?

Each mutant is a fork of a process that has the test tools imported: the changed module is put in
place of its own, and the tests of the rooms run until the first fails, quick ones first. One that
runs for ever, or takes all memory, is noticed too. Those in `equivalent.toml` change nothing that
anybody could see, each with its reason, and are not counted.

Prints the survivors and the score; exits with 1 below 95 %.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutation.mutants import ROOT, Mutant, sample

SCORE_MIN = 95.0
QUICK = (
    "tests/control/test_offers.py", "tests/control/test_contacts.py", "tests/control/test_people.py",
    "tests/control/test_plans.py", "tests/control/test_acts.py", "tests/control/test_choices.py",
    "tests/control/test_configuration.py", "tests/control/test_frontends.py",
    "tests/control/test_golden_journal.py", "tests/agents",
)  # fmt: skip
"""Most mistakes are noticed here, in a second."""
THOROUGH = ("tests/routing", "tests/control", "tests/simulation/test_day.py")
CPU_SECONDS_MAX = 90
MEMORY_MAX = 3 << 30
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
WARM = ("hypothesis", "hypothesis.stateful", "msgspec", "callcenter.domain.events")


class Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant's source for the mutant's module."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        self.module = mutant.file.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(ROOT / self.mutant.file))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.mutant.source, self.mutant.file, "exec"), module.__dict__)


def begin(mutant: Mutant) -> int:
    """The process in which the tests meet the mutant."""
    pid = os.fork()
    if pid:
        return pid
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, Planted(mutant))
    code = 1
    try:
        for tests in (QUICK, THOROUGH):
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
            if code:
                break
    finally:
        os._exit(code)


def try_all(mutants: Sequence[Mutant], workers: int, until: float) -> dict[Mutant, bool]:
    """Whether each was noticed; those not begun by `until` are left out."""
    waiting, running = list(reversed(mutants)), dict[int, Mutant]()
    noticed: dict[Mutant, bool] = {}
    while running or (waiting and time.monotonic() < until):
        while waiting and len(running) < workers and time.monotonic() < until:
            mutant = waiting.pop()
            running[begin(mutant)] = mutant
        pid, status = os.wait()
        mutant = running.pop(pid)
        noticed[mutant] = status != 0
        if status == 0:
            sys.stdout.write(f"survived: {mutant}: {text_of(mutant)}\n")
            sys.stdout.flush()
    return noticed


def text_of(mutant: Mutant) -> str:
    return (ROOT / mutant.file).read_text("utf-8").splitlines()[mutant.line - 1].strip()


def equivalents() -> set[tuple[str, str, str]]:
    """File, text of the line and kind of those that change nothing."""
    listed = tomllib.loads(EQUIVALENT.read_text("utf-8")).get("mutant", [])
    return {(one["file"], one["text"], one["what"]) for one in listed}


def main(arguments: Sequence[str]) -> int:
    """Try a sample and print what survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0, help="begin none after so long")
    asked = parser.parse_args(arguments)
    for name in WARM:
        importlib.import_module(name)
    gc.freeze()
    same = equivalents()
    chosen = [
        mutant
        for mutant in sample(asked.count, asked.seed)
        if (mutant.file, text_of(mutant), mutant.what) not in same
    ]
    noticed = try_all(chosen, asked.workers, time.monotonic() + 60 * asked.minutes)
    killed = sum(noticed.values())
    score = 100 * killed / max(1, len(noticed))
    sys.stdout.write(
        f"{killed} of {len(noticed)} mutants noticed: {score:.1f} % (seed {asked.seed}, "
        f"{asked.count - len(chosen)} equivalent, {len(chosen) - len(noticed)} not tried)\n"
    )
    return 0 if score >= SCORE_MIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
