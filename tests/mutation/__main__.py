"""`python -m tests.mutation [--count N] [--seed S] [--skip N]`: which mistakes do the tests notice?

The tests of the rooms are collected and run once, each with the lines that it reaches. Then every
mutant is a fork of that warm process: the changed code is put into the living functions, and the
tests that reach its line run, quick ones first, until one fails. A mutant outside of any function
is met by a fresh import instead. What runs for ever, or takes all memory, is noticed too. Those in
`equivalent.toml` change nothing that anybody could see, each with its reason, and are not counted.

Prints the survivors and the score; exits with 1 below 95 %.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.mutation.mutants import ROOT, Mutant, sample
from tests.mutation.warm import Warm

SCORE_MIN = 95.0
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
Meet = Callable[[Mutant], None]
"""Meets a mutant in a process of its own, and ends it: 0 where nobody noticed."""


def try_all(
    mutants: Sequence[Mutant], meet: Meet, workers: int, until: float
) -> Iterator[tuple[Mutant, bool]]:
    """Each with whether it was noticed; those not begun by `until` are left out."""
    waiting, running = list(reversed(mutants)), dict[int, Mutant]()
    while running or (waiting and time.monotonic() < until):
        while waiting and len(running) < workers and time.monotonic() < until:
            mutant = waiting.pop()
            running[in_a_fork(meet, mutant)] = mutant
        pid, status = os.wait()
        yield running.pop(pid), status != 0


def in_a_fork(meet: Meet, mutant: Mutant) -> int:
    """The process in which the tests meet it."""
    pid = os.fork()
    if pid:
        return pid
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        meet(mutant)
    finally:
        os._exit(1)


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
    parser.add_argument("--skip", type=int, default=0, help="go on where a run ended")
    parser.add_argument("--file", default="", help="only those whose file has this in its name")
    asked = parser.parse_args(arguments)
    same = equivalents()
    sampled = sample(asked.count, asked.seed, asked.file)
    chosen = [one for one in sampled if (one.file, text_of(one), one.what) not in same]
    same_count = len(sampled) - len(chosen)
    chosen = chosen[asked.skip :]
    until = time.monotonic() + 60 * asked.minutes
    noticed: dict[Mutant, bool] = {}

    def tell(results: Iterator[tuple[Mutant, bool]]) -> None:
        for mutant, was in results:
            noticed[mutant] = was
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{len(noticed)} of {len(chosen)} ")
            if not was:
                sys.stdout.write(f"survived: {mutant}: {text_of(mutant)}\n")
                sys.stdout.flush()

    Warm(lambda meet: tell(try_all(chosen, meet, asked.workers, until))).run()
    killed = sum(noticed.values())
    score = 100 * killed / max(1, len(noticed))
    sys.stdout.write(
        f"{killed} of {len(noticed)} mutants noticed: {score:.1f} % (seed {asked.seed}, "
        f"{same_count} equivalent, {len(chosen) - len(noticed)} not tried)\n"
    )
    return 0 if score >= SCORE_MIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
