"""What holds for every test: nothing is skipped, and a run is void where the machine was not there.

Why: tests with real phones play in real time. On a shared machine the host sometimes takes the
processors away for seconds; a phone that was stopped proves nothing about the server. As in the
benches, such a run is void: when a real-time test fails *and* the kernel says that the processors
were taken (stolen by the host, or without one idle moment), it is played again, at most
`ATTEMPTS_MAX` times, and the void runs are told at the end. A failure on a machine that was there
counts at once.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

ROOT = Path(__file__).resolve().parent
REAL_TIME = {"e2e", "package", "adapters", "app", "web", "bench"}
"""Folders whose tests start processes and play in real time."""
ATTEMPTS_MAX = 3
STOLEN_SHARE = 0.05
IDLE_SHARE = 0.08

settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

_void: list[str] = []


def _ticks() -> tuple[int, int, int]:
    """All ticks of the processors so far, the idle ones, the stolen ones (proc(5))."""
    fields = [int(n) for n in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4], fields[7]


def _was_away(before: tuple[int, int, int], after: tuple[int, int, int]) -> str:
    """Why the machine was not there in between, in words; empty if it was."""
    total = max(1, after[0] - before[0])
    idle, stolen = (after[1] - before[1]) / total, (after[2] - before[2]) / total
    if stolen > STOLEN_SHARE:
        return f"the host took {stolen:.0%} of the processors"
    if idle < IDLE_SHARE:
        return f"the processors were idle for only {idle:.0%}"
    return ""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Play a real-time test again if it failed while the machine was away."""
    if item.path.relative_to(ROOT).parts[0] not in REAL_TIME:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports: list[pytest.TestReport] = []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        before = _ticks()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        why = _was_away(before, _ticks()) if failed and attempt < ATTEMPTS_MAX else ""
        if not why:
            break
        _void.append(f"{item.nodeid}: {why}")
        if hasattr(item, "_initrequest"):
            item._initrequest()
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, None]:
    """A skipped test is a failed test: what cannot run must not look green."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped; a test here runs or is removed"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which runs were void, so that nobody takes them for never having been."""
    if _void:
        terminalreporter.section("void runs, played again")
        for line in _void:
            terminalreporter.write_line(line)
