"""A running center for the stories, and the search for what they left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import AGENTS, Center, eventually

LIVE_GAUGES = (
    "callcenter_frontend_calls",
    "callcenter_media_legs",
    "callcenter_media_ports",
)
"""What must be nothing when nobody is on the phone. Transactions linger by RFC 3261 17 and are
looked for once, after the last test."""


@pytest.fixture(scope="session")
def shared_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """One server for all stories that need no configuration of their own."""
    center = Center(tmp_path_factory.mktemp("center"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


@pytest.fixture
def center(shared_center: Center) -> Iterator[Center]:
    """The shared center, empty before and after."""
    yield shared_center
    leave_nothing_behind(shared_center)


def leave_nothing_behind(center: Center) -> None:
    """No call, leg, port or queue entry may outlive the people; everybody logs out."""
    center.log_out(*AGENTS)

    def leftovers() -> dict[str, float]:
        metrics = center.metrics()
        found = {
            name: value
            for name, value in metrics.items()
            if name.partition("{")[0] in LIVE_GAUGES and value
        }
        waiting = {q["id"]: q["waiting"] for q in center.api("queues")["queues"] if q["waiting"]}
        active = center.api("contacts?state=active&limit=50")["contacts"]
        return {**found, **waiting, **{c["contact"]: 1 for c in active}}

    eventually(lambda: not leftovers(), 15, f"left behind: {leftovers()}")


@pytest.fixture(scope="module")
def mortal_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """One server for the tests of a file that kill its parts one after the other."""
    center = Center(tmp_path_factory.mktemp("mortal"))
    center.start()
    yield center
    center.stop()


@pytest.fixture
def killed_center(mortal_center: Center) -> Iterator[Center]:
    """The server whose parts are killed: whole and empty before, and again after.

    A test that left it broken has failed; the next one gets it started anew.
    """
    if not mortal_center.is_whole():
        mortal_center.kill_server()
        mortal_center.start()
    yield mortal_center
    eventually(mortal_center.is_whole, 20, "a part did not come back")
    leave_nothing_behind(mortal_center)


@pytest.fixture
def own_center(tmp_path: Path) -> Iterator[Center]:
    """A server of its own, for tests that kill its parts."""
    center = Center(tmp_path)
    center.start()
    yield center
    center.stop()
