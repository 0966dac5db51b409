"""A failed real-time test is void only if the host or other people's processes took the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.tidy.machine import (
    VOID_TESTS_MAX,
    Process,
    Reading,
    family,
    process_of,
    reading,
    root_of,
    too_many_void,
    why_away,
)

BEGIN = Reading(total=1000.0, idle=400.0, stolen=20.0, ours=100.0)


def after(*, idle: float, stolen: float = 0.0, ours: float = 0.0) -> Reading:
    """Ten seconds of two processors later; the rest was used by others."""
    return Reading(BEGIN.total + 20, BEGIN.idle + idle, BEGIN.stolen + stolen, BEGIN.ours + ours)


@pytest.mark.parametrize(
    ("then", "why"),
    [
        (after(idle=20.0), ""),
        (after(idle=15.0, stolen=0.9, ours=4.0), ""),
        (after(idle=15.0, stolen=1.1, ours=4.0), "the host took 6% of the processors"),
        (after(idle=8.0, ours=4.1), ""),
        (after(idle=8.0, ours=3.0), "other processes used 45% of the processors"),
        (after(idle=0.0, ours=1.0), "other processes used 95% of the processors"),
    ],
    ids=["idle", "little stolen", "stolen", "others under the limit", "others", "only others"],
)
def test_a_run_is_void_only_if_others_had_the_processors(then: Reading, why: str) -> None:
    assert why_away(BEGIN, then) == why


def test_a_server_that_spins_does_not_excuse_itself() -> None:
    assert why_away(BEGIN, after(idle=0.0, ours=19.9)) == ""
    assert why_away(BEGIN, after(idle=0.0, ours=12.5)) == ""


def test_readings_that_say_nothing_excuse_nothing() -> None:
    assert why_away(BEGIN, BEGIN) == ""
    assert why_away(BEGIN, after(idle=19.0, ours=-50.0)) == "", "a lost process is no negative use"
    assert why_away(BEGIN, after(idle=0.0, ours=30.0)) == "", "ticks are coarser than rusage"


def test_a_run_of_void_tests_fails() -> None:
    names = [f"test {n}" for n in range(VOID_TESTS_MAX)]
    assert too_many_void([]) == ""
    assert too_many_void([*names, *names]) == "", "a test that was void twice is one test"
    assert too_many_void([*names, "one more"]) == (
        "13 tests were void, at most 12 may be: run again on a quiet machine"
    )


def test_a_process_is_read_whatever_its_name() -> None:
    line = "42 (a) b (c)) S 7 42 41 0 -1 4194304 9 9 9 9 100 50 30 20 20 0 1 0 5 0 0"
    second = os.sysconf("SC_CLK_TCK")
    read = process_of(line)
    assert read[:3] == (42, 7, 41)
    assert read.seconds == pytest.approx(200 / second)


def test_our_family_is_every_descendant_and_every_orphan_of_its_sessions() -> None:
    root, stranger = Process(10, 1, 5, 0), Process(11, 1, 5, 0)
    child, grandchild = Process(20, 10, 20, 1.0), Process(30, 20, 30, 2.0)
    sessions: set[int] = set()
    here = family([root, stranger, child, grandchild], 10, sessions)
    assert {p.pid for p in here} == {20, 30}
    orphan, hers = grandchild._replace(parent=1), Process(31, 1, 30, 0.5)
    here = family([root, stranger, orphan, hers], 10, sessions)
    assert {p.pid for p in here} == {30, 31}, "the holder was killed, its children live on"
    same_session = Process(21, 10, 5, 0.1)
    here = family([root, stranger, same_session], 10, sessions)
    assert {p.pid for p in here} == {21}, "whoever started us is a stranger"


def test_what_the_workers_beside_us_use_is_ours() -> None:
    assert root_of({"PYTEST_XDIST_WORKER": "gw1"}) == os.getppid()
    assert root_of({}) == os.getpid()


def test_what_a_living_or_a_reaped_child_uses_is_ours() -> None:
    spin = "import time\nwhile time.process_time() < 0.4: pass\nprint('done', flush=True)\ninput()"
    before = reading()
    child = subprocess.Popen(
        [sys.executable, "-c", spin],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"done\n"
    alive = reading()
    child.communicate(b"\n")
    reaped = reading()
    assert alive.ours - before.ours >= 0.35
    assert reaped.ours - before.ours >= 0.35
    assert reaped.total >= alive.total >= before.total
