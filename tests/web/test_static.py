"""The pure parts of the screens, run where they will run: in a browser, without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from callcenter.web.pages import POLICY, STATIC, TYPES
from tests.e2e.browser import chromium

pytestmark = pytest.mark.browser

SITE = "http://screens.test"
NOW = 1_800_000_000_000
"""Milliseconds."""
QUEUE: dict[str, Any] = {
    "id": "sales", "title": "Sales", "waiting": 0, "oldest_since": None, "answered": 0,
    "abandoned": 0, "short_abandoned": 0, "service_level": None, "target_percent": 80,
    "target_seconds": 20, "agents": {
        "logged_out": 1, "not_ready": 0, "ready": 1, "reserved": 0, "talking": 1, "wrap_up": 0,
        "available": 1, "unreachable": 0,
    },
    "thresholds": {
        "longest_wait_warn_seconds": 60, "longest_wait_critical_seconds": 120,
        "waiting_warn": 5, "waiting_critical": 10,
    },
}  # fmt: skip


def serve(route: Route) -> None:
    """A file of `static/`, or an empty page, under the server's own policy."""
    name = route.request.url.removeprefix(f"{SITE}/static/")
    headers = {"Content-Security-Policy": POLICY}
    if not name.endswith((".mjs", ".css")):
        route.fulfill(body="<!doctype html>", content_type="text/html", headers=headers)
        return
    path = STATIC / name
    route.fulfill(body=path.read_bytes(), content_type=TYPES[path.suffix], headers=headers)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        shown = browser.new_page()
        shown.route("**/*", serve)
        shown.goto(SITE)
        yield shown


def run(page: Page, module: str, name: str, *args: object) -> Any:
    """Call an exported function of a module."""
    return page.evaluate(
        "async ([module, name, args]) => (await import(`/static/${module}`))[name](...args)",
        [module, name, list(args)],
    )


def alarms(page: Page, **changes: Any) -> list[tuple[str, str]]:
    """The alarms of a queue as (figure, level), worst first."""
    found = run(page, "alarms.mjs", "alarmsOf", {**QUEUE, **changes}, NOW)
    return [(alarm["figure"], alarm["level"]) for alarm in found]


def since(seconds: int) -> str:
    """The time that many seconds before `NOW`, as the server writes it."""
    return datetime.fromtimestamp(NOW / 1000 - seconds, UTC).isoformat().replace("+00:00", "Z")


def test_a_queue_within_its_thresholds_has_no_alarm(page: Page) -> None:
    assert alarms(page) == []
    assert alarms(page, waiting=4, oldest_since=since(59)) == []


def test_each_threshold_warns_when_reached_and_is_critical_at_the_second(page: Page) -> None:
    assert alarms(page, waiting=1, oldest_since=since(60)) == [("wait", "warn")]
    assert alarms(page, waiting=1, oldest_since=since(120)) == [("wait", "bad")]
    assert alarms(page, waiting=5, oldest_since=since(1)) == [("waiting", "warn")]
    assert alarms(page, waiting=10, oldest_since=since(1)) == [("waiting", "bad")]


def test_the_worst_alarm_is_told_first(page: Page) -> None:
    found = alarms(page, waiting=10, oldest_since=since(61))
    assert found == [("waiting", "bad"), ("wait", "warn")]


def test_a_missed_service_level_is_critical_only_while_somebody_waits(page: Page) -> None:
    day = {"answered": 10, "service_level": 0.5}
    assert alarms(page, **day) == [("service", "warn")]
    assert alarms(page, **day, waiting=1, oldest_since=since(1)) == [("service", "bad")]
    assert alarms(page, answered=10, service_level=0.79) == [("service", "warn")]
    assert alarms(page, answered=10, service_level=0.8) == []


def test_few_calls_make_no_alarm_of_a_service_level(page: Page) -> None:
    assert alarms(page, answered=4, service_level=0.0) == []
    assert alarms(page, answered=5, abandoned=1, short_abandoned=2, service_level=0.0) == []
    assert alarms(page, answered=5, service_level=None) == []


def test_a_caller_for_whom_nobody_can_come_is_critical(page: Page) -> None:
    nobody = dict.fromkeys(QUEUE["agents"], 0)
    waits = {"waiting": 1, "oldest_since": since(1)}
    assert alarms(page, **waits, agents=nobody) == [("staff", "bad")]
    assert alarms(page, **waits, agents={**nobody, "not_ready": 3}) == [("staff", "bad")]
    assert alarms(page, **waits, agents={**nobody, "ready": 1, "unreachable": 1}) == [
        ("staff", "bad")
    ]
    assert alarms(page, **waits, agents={**nobody, "wrap_up": 1}) == []
    assert alarms(page, agents=nobody) == [], "an empty queue may be unattended"


def test_what_is_wrong_with_the_center_is_said(page: Page) -> None:
    good = {"stale_since": None, "control": {"alive": True}, "control_lag_seconds": 0.0}
    lost = {"id": "f1", "alive": False, "contacts": 2}
    assert (
        run(page, "alarms.mjs", "troubles", {**good, "frontends": [{**lost, "alive": True}]}) == []
    )
    assert run(page, "alarms.mjs", "troubles", {**good, "frontends": [lost]}) == [
        "Front end f1 is lost with 2 calls"
    ]
    for change in (
        {"control": {"alive": False}},
        {"control_lag_seconds": 0.6},
        {"stale_since": since(1)},
    ):
        assert len(run(page, "alarms.mjs", "troubles", {**good, **change})) == 1


def test_a_delta_puts_changes_and_drops_rows_and_leaves_the_others(page: Page) -> None:
    state = {"at": "1", "center": "old", "queues": [{"id": "a", "n": 1}, {"id": "b", "n": 1}],
             "waiting": [{"contact": "x"}, {"contact": "y"}]}  # fmt: skip
    delta = {"type": "delta", "at": "2", "set": {"center": "new"},
             "put": {"queues": [{"id": "b", "n": 2}, {"id": "c", "n": 3}]},
             "drop": {"waiting": ["x"]}}  # fmt: skip
    assert run(page, "live.mjs", "changed", state, delta) == {
        "at": "2",
        "center": "new",
        "queues": [{"id": "a", "n": 1}, {"id": "b", "n": 2}, {"id": "c", "n": 3}],
        "waiting": [{"contact": "y"}],
    }
    assert run(page, "live.mjs", "changed", state, {"at": "3"}) == {**state, "at": "3"}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (4.9, "0:04"), (125, "2:05"), (3723, "1:02:03")]
)
def test_a_running_time_reads_as_a_clock(page: Page, seconds: float, words: str) -> None:
    assert run(page, "words.mjs", "span", seconds) == words


def test_a_share_is_never_rounded_up_to_its_goal(page: Page) -> None:
    assert run(page, "words.mjs", "percent", 0.7999) == "79 %"
    assert run(page, "words.mjs", "percent", 0.29) == "29 %"
    assert run(page, "words.mjs", "percent", None) == "–"


def certificate(state: str, days: int) -> dict[str, Any]:
    """Of sales 7; it ends that many days after `NOW`."""
    return {"skill": "sales", "level": 7, "state": state, "expires": since(-86_400 * days)}


def test_certificates_that_end_are_an_alarm_and_those_that_have_ended_a_louder_one(
    page: Page,
) -> None:
    def alarm(*certificates: dict[str, Any]) -> Any:
        people = [{"id": "ann", "certificates": list(certificates)}]
        return run(page, "certificates.mjs", "certificateAlarm", people)

    soon, gone = certificate("expiring", 12), certificate("expired", -3)
    assert alarm(certificate("valid", 90)) is None
    assert alarm(soon) == {"level": "note", "words": "1 expires within 30 days"}
    assert alarm(soon, soon, gone) == {
        "level": "warn",
        "words": "1 expired, 2 expire within 30 days",
    }


@pytest.mark.parametrize(
    ("level", "by_hand", "certificates", "words"),
    [
        (5, {}, [], "as configured"),
        (0, {}, [], ""),
        (3, {"sales": 3}, [], "by hand"),
        (0, {"sales": 0}, [], "taken away by hand"),
        (0, {"sales": 4}, [], "by hand 4, does not count without a certificate"),
        (7, {}, [certificate("expiring", 12)], "trained; expires in 12 days, "),
        (0, {}, [certificate("expired", -3)], "certificate expired "),
        (9, {"sales": 9}, [certificate("expiring", 1)], "by hand; trained; expires in 1 day, "),
    ],
)
def test_a_skill_says_why_it_counts(
    page: Page,
    level: int,
    by_hand: dict[str, int],
    certificates: list[dict[str, Any]],
    words: str,
) -> None:
    agent = {
        "skills": {"sales": level} if level else {},
        "by_hand": by_hand,
        "certificates": certificates,
    }
    found = run(page, "certificates.mjs", "skillOf", agent, "sales", NOW)
    assert found["level"] == level
    assert found["words"].startswith(words)


def test_every_module_and_style_that_a_page_names_exists() -> None:
    for file in (*STATIC.glob("*.html"), *STATIC.glob("*.mjs")):
        text = file.read_text("utf-8")
        named = re.findall(r'(?:from |src=|href=)"(?:\./|/static/)([^"]+)"', text)
        for name in named:
            assert (STATIC / name).is_file(), f"{file.name} names {name}"


def test_pages_hold_no_script_or_style_of_their_own() -> None:
    for file in STATIC.glob("*.html"):
        text = file.read_text("utf-8")
        assert "<style" not in text
        assert "style=" not in text
        assert text.count("<script") == text.count('<script type="module" src="/static/') == 1
