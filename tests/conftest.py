"""What holds for every test: nothing is skipped, and a run is void where the machine was not there.

Why: tests with real phones play in real time. On a shared machine the host, or somebody else's
processes, sometimes take the processors away for seconds; a phone that was stopped proves nothing
about the server. As in the benches, such a run is void: when a real-time test fails *and* the
processors were taken by others (`tidy/machine.py`; what our own processes use is no excuse), it is
played again, at most `ATTEMPTS_MAX` times, and the void runs are told at the end. A failure on a
machine that was there counts at once, and a run with too many void tests fails as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

from tests.tidy.machine import reading, too_many_void, why_away

ROOT = Path(__file__).resolve().parent
REAL_TIME = {"e2e", "package", "adapters", "app", "web", "bench"}
"""Folders whose tests start processes and play in real time."""
ATTEMPTS_MAX = 3

settings.register_profile("same", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

_void: list[tuple[str, str]] = []
"""Test and why, for each void run."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Play a real-time test again if it failed while the machine was away."""
    if item.path.relative_to(ROOT).parts[0] not in REAL_TIME:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports: list[pytest.TestReport] = []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        before = reading()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        why = why_away(before, reading()) if failed and attempt < ATTEMPTS_MAX else ""
        if not why:
            break
        _void.append((item.nodeid, why))
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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run with too many void tests is a failed run. A worker leaves that to who began it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["void"] = _void
        return
    if too_many_void(test for test, _ in _void):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Hear from a worker which runs were void there."""
    _void.extend((test, why) for test, why in getattr(node, "workeroutput", {}).get("void", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which runs were void, so that nobody takes them for never having been."""
    if _void:
        terminalreporter.section("void runs, played again")
        for test, why in _void:
            terminalreporter.write_line(f"{test}: {why}")
        terminalreporter.write_line(too_many_void(test for test, _ in _void))
