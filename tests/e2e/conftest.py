"""A running center for the stories, and the search for what they left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.callback_line import LineCenter
from tests.e2e.harness import AGENTS, Center, eventually

LONGEST = (
    "test_demo", "test_callback", "test_callback_deaths", "test_killed_midway", "test_calls",
    "test_roles_killed", "test_wall_and_desk", "test_wall_acts", "test_message", "test_backup",
    "test_terminal", "test_foreign_phones", "test_secure", "test_strangers",
)  # fmt: skip
"""Files with a minute or more of stories, on a quiet machine half of that."""
LIVE_GAUGES = (
    "callcenter_frontend_calls",
    "callcenter_media_legs",
    "callcenter_media_ports",
)
"""What must be nothing when nobody is on the phone."""
LINGERING_GAUGES = (
    *LIVE_GAUGES,
    "callcenter_sip_transactions",
    "callcenter_sip_dialogs",
    "callcenter_media_bridged",
)
"""And what must be nothing after a silence: a SIP transaction lingers for 32 s after its end,
because a repeated message may still be on its way (RFC 3261 17, Timers H, J and K)."""
SILENCE_SECONDS = 39
"""So long, and two turns of the figures, which are written every two seconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: where several workers play, none of them shall begin when the others
    are nearly done."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else 99)


@pytest.fixture(scope="session")
def shared_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """One server for all stories that need no configuration of their own."""
    center = Center(tmp_path_factory.mktemp("center"))
    center.start()
    yield center
    nothing_is_kept(center)
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]


@pytest.fixture
def center(shared_center: Center) -> Iterator[Center]:
    """The shared center, empty before and after."""
    yield shared_center
    leave_nothing_behind(shared_center)


def lingering(center: Center) -> dict[str, float]:
    """What there still is of that which ends by itself."""
    found = center.metrics().items()
    return {name: n for name, n in found if name.partition("{")[0] in LINGERING_GAUGES and n}


def nothing_is_kept(center: Center) -> None:
    """The last word on a center, whatever stories it was in."""
    end = time.monotonic() + SILENCE_SECONDS
    while kept := lingering(center):
        assert time.monotonic() < end, f"kept after a silence: {kept}"
        time.sleep(0.5)


def leave_nothing_behind(center: Center) -> None:
    """No call, leg, port, queue entry or phone may outlive the people; everybody logs out."""
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
        phones = {a["id"]: 1 for a in center.api("agents")["agents"] if a["reachable"]}
        return {**found, **waiting, **phones, **{c["contact"]: 1 for c in active}}

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


@pytest.fixture(scope="module")
def whole_line_center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineCenter]:
    """One server with a line for the callbacks of a file."""
    center = LineCenter(tmp_path_factory.mktemp("line"))
    center.start()
    yield center
    center.stop()
    log = center.log.read_text("utf-8", "replace")
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]
    assert "+1555000" not in log, "a number is in the log"


@pytest.fixture
def line_center(whole_line_center: LineCenter) -> Iterator[LineCenter]:
    """It, whole and empty before and after."""
    if not whole_line_center.is_whole():
        whole_line_center.kill_server()
        whole_line_center.start()
    yield whole_line_center
    eventually(whole_line_center.is_whole, 20, "a part did not come back")
    if whole_line_center.queue("sales")["waiting"]:  # a promise outlives a test that failed
        whole_line_center.command("queue", "close", "sales", "--dismiss", "--yes")
        whole_line_center.command("queue", "open", "sales", "--follow-calendar")
    leave_nothing_behind(whole_line_center)
