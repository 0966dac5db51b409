"""Defects that are planted on purpose, and whether a named test notices each.

Why: a test that cannot fail proves nothing. Each defect of `defects.toml` undoes one promise of the
shipped code; it is planted in a copy of the tree, never where one works, and the tests it names are
run there. They must fail with it, and all of them must pass without any.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("defects.toml")
HUNG_SECONDS = 120
SURROUNDINGS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
PLUGINS = ("-p", "no:cacheprovider", "-p", "pytest_timeout")
"""Of what is installed only what our configuration names: the rest costs a second per run."""
LEFT_OUT = ("__pycache__", "build", "dist", "var", "*.egg-info")
"""What a copy of the tree does without, beside names that begin with a dot."""


class Defect(NamedTuple):
    """One planted defect: in `file`, `find` (which stands there once) becomes `put`."""

    name: str
    breaks: str
    file: str
    find: str
    put: str
    tests: list[str]


class Verdict(StrEnum):
    """What became of a defect."""

    CAUGHT = "caught"
    SURVIVED = "NOT CAUGHT"
    HUNG = "NOT CAUGHT (hung)"
    BROKEN = "NOT CAUGHT (the tests did not run)"


class Outcome(NamedTuple):
    """A run of tests: which of the named failed, and whether they ran at all."""

    failed: set[str]
    ran: set[str]
    hung: bool
    output: str


def defects(path: Path = LIST) -> list[Defect]:
    """Every defect of the list, in its order."""
    with path.open("rb") as file:
        return [Defect(**entry) for entry in tomllib.load(file)["defect"]]


def planted(defect: Defect, root: Path) -> str:
    """The text of the file with the defect in it.

    Raises:
        LookupError: `find` does not stand there exactly once: the code has moved on.
    """
    text = (root / defect.file).read_text("utf-8")
    if text.count(defect.find) != 1:
        raise LookupError(
            f"{defect.name}: found {text.count(defect.find)} times in {defect.file}, not once:\n"
            f"{defect.find}"
        )
    return text.replace(defect.find, defect.put)


@contextmanager
def plant(defect: Defect, tree: Path) -> Iterator[None]:
    """The defect is in the tree, and afterwards it is not."""
    path = tree / defect.file
    sound, spoilt = path.read_text("utf-8"), planted(defect, tree)
    _write(path, spoilt)
    try:
        yield
    finally:
        _write(path, sound)


def _write(path: Path, text: str) -> None:
    """Compiled files of the text that stood there before must not be believed."""
    path.write_text(text, "utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def copy_tree(root: Path, into: Path) -> Path:
    """A copy of what is tested and of its tests."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith(".")}
        return hidden | shutil.ignore_patterns(*LEFT_OUT)(folder, names)

    return shutil.copytree(root, into / "tree", ignore=left_out)


def run_tests(tree: Path, tests: list[str]) -> Outcome:
    """Run tests within the tree, whatever else is installed."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-q", "--no-header", *PLUGINS,
        f"--junitxml={report}", *tests,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=tree, env={**os.environ, **SURROUNDINGS, "PYTHONPATH": str(tree)},
            capture_output=True, text=True, timeout=HUNG_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(set(), set(), True, f"no end within {HUNG_SECONDS} s")
    failed, ran = _read(report, tests) if report.is_file() else (set(), set())
    return Outcome(failed, ran, False, done.stdout + done.stderr)


def _read(report: Path, tests: list[str]) -> tuple[set[str], set[str]]:
    """Which of the named tests failed, in any of their cases, and which ran.

    An error outside a test (of collecting, of a fixture) is no failure: nothing was noticed.
    """
    by_place = {test.replace(".py::", "::"): test for test in tests}
    failed, ran = set(), set()
    for case in ET.parse(report).iter("testcase"):
        place = f"{case.get('classname', '').replace('.', '/')}::{case.get('name', '')}"
        test = by_place.get(place.partition("[")[0])
        if test is not None and case.find("error") is None:
            ran.add(test)
            if case.find("failure") is not None:
                failed.add(test)
    return failed, ran


def judge(defect: Defect, outcome: Outcome) -> Verdict:
    """Every test that a defect names must have run, and failed."""
    if outcome.hung:
        return Verdict.HUNG
    if outcome.ran != set(defect.tests):
        return Verdict.BROKEN
    return Verdict.CAUGHT if outcome.failed == outcome.ran else Verdict.SURVIVED


def try_defect(defect: Defect, tree: Path) -> tuple[Verdict, float, str]:
    """Plant one defect and run what it names; the verdict, seconds, and what pytest said."""
    begin = time.monotonic()
    with plant(defect, tree):
        outcome = run_tests(tree, defect.tests)
    return judge(defect, outcome), time.monotonic() - begin, outcome.output
