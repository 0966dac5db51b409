"""Pages, headers, metrics and health."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from callcenter.domain.commands import Presence
from callcenter.domain.termination import Reason
from callcenter.records.published import Family, Published, decode_published, encode_published
from callcenter.web.callers import TRIES_MAX, Callers, masked, number_in
from callcenter.web.pages import HEADERS, PAGES, STATIC, TYPES
from callcenter.web.picture import ControlView
from tests.web.center import Center, within


def test_every_answer_carries_the_headers(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for path in ("/", "/desk", "/login", "/static/page.mjs", "/api/v1/queues", "/nothing",
                     "/metrics", "/livez", "/openapi.json", "/?t=x"):  # fmt: skip
            answer = await found.client.get(path, allow_redirects=False)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
            assert "unsafe" not in answer.headers["Content-Security-Policy"]
            assert "aiohttp" not in answer.headers["Server"]

    within(tmp_path, story)


def test_files_are_served_with_the_type_of_our_table(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        page = await found.client.get("/")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        module = await found.client.get("/static/page.mjs")
        assert module.headers["Content-Type"] == "text/javascript; charset=utf-8"

    within(tmp_path, story)


def test_nothing_but_the_screens_files_is_served(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        for name in ("none.mjs", "secret.key", ".hidden.html", "../history.db", "/etc/passwd",
                     "%2e%2e/history.db", "..%2fx.html", "page.mjs/", "a%00.html"):  # fmt: skip
            answer = await found.client.get(f"/static/{name}")
            assert answer.status in (400, 404), name

    within(tmp_path, story)


def test_every_shipped_file_has_a_type() -> None:
    unknown = [
        path.name
        for path in STATIC.rglob("*")
        if path.is_file() and path.suffix not in TYPES and path.parent.name != "vendor"
    ]
    assert unknown == []
    assert all((STATIC / name).is_file() for name in PAGES.values())


def test_metrics_tell_the_queues_in_a_form_prometheus_reads(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        house = found.house
        house.presence("ann", Presence.READY)
        await found.call("c1")
        house.wait(3)
        house.accept("c1")
        await found.call("c2")
        house.wait(2)
        house.hang_up("c2", Reason.CALLER_LEFT_IN_QUEUE)
        await found.call("c3")
        await found.catch_up()
        text = await (await found.client.get("/metrics")).text()
        samples = {
            (sample.name, sample.labels.get("queue", ""), sample.labels.get("short", "")): sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        for name, short, value in (
            ("callcenter_contacts_offered_total", "", 3),
            ("callcenter_contacts_answered_total", "", 1),
            ("callcenter_contacts_answered_within_target_total", "", 1),
            ("callcenter_contacts_abandoned_total", "true", 1),
            ("callcenter_contacts_abandoned_total", "false", 0),
            ("callcenter_queue_waiting", "", 1),
            ("callcenter_queue_target_seconds", "", 20),
            ("callcenter_queue_open", "", 1),
            ("callcenter_wait_seconds_count", "", 1),
        ):
            assert samples[(name, "sales", short)].value == value, name
        assert "callcenter_agents" in text
        assert "34600123456" not in text

    within(tmp_path, story)


def test_what_roles_publish_stands_on_the_page_with_their_name(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        requests = Family(
            name="callcenter_sip_requests_total",
            kind="counter",
            help="Requests.",
            labels=("method",),
            samples=[(("INVITE",), 7.0), (("a", "b"), 1.0)],
        )
        now = time.time_ns() // 1000
        fresh = Published(role="frontend-0", at=now, families=[requests])
        other = Published(
            role="frontend-1",
            at=now,
            families=[Family(name=requests.name, kind="gauge", help="", samples=[((), 1.0)])],
        )
        stale = Published(role="frontend-2", at=now - 3600_000_000, families=[requests])
        assert decode_published(encode_published(fresh)) == fresh
        found.server.metrics.published = [fresh, other, stale]
        text = await (await found.client.get("/metrics")).text()
        line = 'callcenter_sip_requests_total{method="INVITE",role="frontend-0"} 7.0'
        assert line in text
        assert "frontend-1" not in text
        assert "frontend-2" not in text

    within(tmp_path, story)


def test_wrong_tokens_wrong_logins_and_refused_requests_are_counted(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        client = found.client
        await client.get("/api/v1/queues", headers={"Authorization": "Bearer cct_wrong"})
        await client.get("/api/v1/queues")
        await client.get("/nowhere")
        await client.get("/?t=cct_wrong", allow_redirects=False)
        insecure = {"Host": "callcenter.example"}
        await client.get("/?t=cct_wrong", headers=insecure, allow_redirects=False)
        for _ in range(6):
            body = {"agent": "ann", "password": "guessed"}
            await client.post("/api/v1/session", json=body)
        await found.log_in("ben")
        found.picture.control_counts = {"decided": 7, "failed": 1}
        text = await (await client.get("/metrics")).text()
        for line in (
            "callcenter_web_tokens_rejected_total 2.0",
            'callcenter_web_requests_refused_total{kind="unknown",status="401"} 2.0',
            'callcenter_web_requests_refused_total{kind="",status="404"} 1.0',
            'callcenter_web_requests_refused_total{kind="login",status="401"} 5.0',
            'callcenter_web_requests_refused_total{kind="slow-down",status="429"} 1.0',
            'callcenter_web_logins_total{result="wrong"} 6.0',
            'callcenter_web_logins_total{result="slow_down"} 1.0',
            'callcenter_web_logins_total{result="insecure"} 1.0',
            'callcenter_web_logins_total{result="accepted"} 1.0',
            'callcenter_control_commands_total{outcome="failed"} 1.0',
        ):
            assert line in text, line

    within(tmp_path, story)


def test_metrics_from_elsewhere_need_a_token(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        proxied = {"X-Forwarded-For": "203.0.113.9"}
        assert (await found.client.get("/metrics", headers=proxied)).status == 401
        wall = await found.token("wall")
        assert (await found.client.get("/metrics", headers={**proxied, **wall})).status == 200

    within(tmp_path, story)


def test_ready_means_read_to_the_end_with_a_store_and_a_leader(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        assert (await found.client.get("/readyz")).status == 200
        found.picture.control = ControlView(alive=False)
        answer = await found.client.get("/readyz")
        assert answer.status == 503
        assert (await answer.json())["checks"] == {
            "journal": True, "store": True, "control": False,
        }  # fmt: skip
        found.picture.control = ControlView(alive=True)
        found.picture.store_away()
        assert (await found.client.get("/readyz")).status == 503
        found.picture.store_back()
        found.picture.ready = False
        assert (await found.client.get("/readyz")).status == 503
        assert (await found.client.get("/livez")).status == 200

    within(tmp_path, story)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+34 600 123 456", "••• 456"),
        ("100", "•••"),
        ("12345", "•••"),
        ("ann@example.org", "•••"),
        ("Ann 600123456", "•••"),
        ("", ""),
    ],
)
def test_a_masked_number_keeps_its_end_and_a_masked_name_nothing(number: str, shown: str) -> None:
    assert masked(number) == shown


def test_a_partys_value_may_be_json_or_plain() -> None:
    assert number_in('{"number": "100", "name": "x"}') == "100"
    assert number_in("+34600") == "+34600"
    assert number_in("100") == "100"
    assert number_in("{}") == ""


def test_a_caller_written_after_the_event_is_asked_for_again() -> None:
    callers = Callers()
    callers.want("p1")
    callers.learned(["p1"], {})
    assert "p1" in callers.wanted
    callers.learned(["p1"], {"p1": '{"number": "+34600123456"}'})
    assert (callers.masked["p1"], callers.wanted) == ("••• 456", {})
    callers.forget("p1")
    callers.want("p2")
    for _ in range(TRIES_MAX):
        callers.learned(["p2"], {})
    assert callers.wanted == {}
