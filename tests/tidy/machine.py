"""Was the machine there while a test ran? The host may take the processors, and so may others.

Why: what our own processes use is never an excuse, or a server that spins would excuse the test
that it fails. So the processor time of this process, of every child that was waited for and of
every living descendant is taken from what the machine was busy with; the rest was used by others.

A descendant whose parent was killed goes on being ours by its session. What such an orphan used
before it died is not known to anybody and counts as used by others; it is seconds, and the limit
is far above it.

Where the tests are played by several workers, whatever any of them uses is ours.

Sources: proc(5) `/proc/stat`, `/proc/PID/stat`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

STOLEN_SHARE = 0.05
"""Taken by the host: more of all processors than this is a machine that was not there."""
OTHERS_SHARE = 0.40
"""Used by other people's processes: of two processors, nearly one."""
VOID_TESTS_MAX = 12
"""More void tests than this are a run that proved nothing."""

_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class Reading(NamedTuple):
    """Processor seconds since the machine began, over all processors."""

    total: float
    idle: float
    stolen: float
    ours: float


def why_away(before: Reading, after: Reading) -> str:
    """Why the machine was not there in between, in words; empty if it was."""
    total = after.total - before.total
    if total <= 0:
        return ""
    stolen = after.stolen - before.stolen
    ours = max(0.0, after.ours - before.ours)
    others = total - (after.idle - before.idle) - stolen - ours
    if stolen / total > STOLEN_SHARE:
        return f"the host took {stolen / total:.0%} of the processors"
    if others / total > OTHERS_SHARE:
        return f"other processes used {others / total:.0%} of the processors"
    return ""


def too_many_void(tests: Iterable[str]) -> str:
    """Why a run with these void tests fails, in words; empty if it need not."""
    count = len(set(tests))
    if count <= VOID_TESTS_MAX:
        return ""
    return f"{count} tests were void, at most {VOID_TESTS_MAX} may be: run again on a quiet machine"


class Process(NamedTuple):
    """One line of `/proc/PID/stat`."""

    pid: int
    parent: int
    session: int
    seconds: float
    """User and system time, its own and that of children it waited for."""


def process_of(stat: str) -> Process:
    """Read a `/proc/PID/stat`. The name in brackets may hold anything."""
    pid, _, rest = stat.partition(" ")
    fields = rest.rpartition(")")[2].split()
    ticks = sum(int(field) for field in fields[11:15])
    return Process(int(pid), int(fields[1]), int(fields[3]), ticks * _TICK_SECONDS)


def family(processes: Iterable[Process], root: int, sessions: set[int]) -> list[Process]:
    """Descendants of `root`, and whoever is in a session that one of them began.

    `sessions` are those known so far; new ones are added.
    """
    all_of_them = {process.pid: process for process in processes}
    alien = all_of_them[root].session if root in all_of_them else 0
    ours: dict[int, Process] = {}
    grew = True
    while grew:
        found = {
            pid: p
            for pid, p in all_of_them.items()
            if pid != root and (p.parent == root or p.parent in ours or p.session in sessions)
        }
        grew = len(found) > len(ours)
        ours = found
        sessions |= {p.session for p in ours.values() if p.session != alien}
    return list(ours.values())


_sessions: set[int] = set()


def reading() -> Reading:
    """The machine now."""
    fields = [int(n) for n in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    root, processes = root_of(os.environ), _processes()
    ours = sum(process.seconds for process in family(processes, root, _sessions))
    ours += sum(process.seconds for process in processes if process.pid == root)
    idle, stolen = fields[3] + fields[4], fields[7]
    return Reading(sum(fields) * _TICK_SECONDS, idle * _TICK_SECONDS, stolen * _TICK_SECONDS, ours)


def root_of(environment: Mapping[str, str]) -> int:
    """The process that plays the tests; of a worker the one that began it and those beside it."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in environment else os.getpid()


def _processes() -> list[Process]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found.append(process_of(path.read_text("utf-8", "replace")))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
