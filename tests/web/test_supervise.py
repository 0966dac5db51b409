"""What supervisors do over HTTP, what it changes on the screens, and how it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import Center as CenterConfig
from callcenter.domain.commands import Presence
from callcenter.domain.units import SECOND
from callcenter.records.day import as_time
from tests.control.house import agent, queue
from tests.web.center import Center, events_of, within

DAY_SECONDS = 86_400


async def put(found: Center, path: str, headers: dict[str, str], **body: Any) -> int:
    return (await found.client.put(f"/api/v1{path}", json=body, headers=headers)).status


async def post(found: Center, path: str, headers: dict[str, str], **body: Any) -> int:
    return (await found.client.post(f"/api/v1{path}", json=body, headers=headers)).status


async def refusal(found: Center, path: str, headers: dict[str, str], **body: Any) -> str:
    """Why control refused it, in words."""
    answer = await found.client.post(f"/api/v1{path}", json=body, headers=headers)
    document = await answer.json(content_type="application/problem+json")
    assert (answer.status, document["type"]) == (409, "urn:callcenter:refused"), document
    return str(document["detail"])


async def tile(found: Center, name: str, headers: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = (await found.get(f"/queues/{name}", **headers))["queue"]
    return row


def test_a_waiting_contact_is_moved_assigned_and_ranked_by_a_person(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("sue")
        found.house.presence("ann", Presence.READY)
        await found.call("c0")
        found.house.accept("c0")
        await found.call("c1")
        await found.call("c2")
        assert await post(found, "/contacts/c2/priority", csrf, priority=9) == 200
        assert await post(found, "/contacts/c1/move", csrf, queue="help") == 200
        assert await post(found, "/contacts/c1/assign", csrf, agent="ann", seconds=30) == 200
        (ranked,) = events_of(found, e.PriorityChanged)
        (moved,) = events_of(found, e.ContactMoved)
        (assigned,) = events_of(found, e.ContactAssigned)
        assert (ranked.contact, ranked.priority, ranked.by) == ("c2", 9, "sue")
        assert (moved.contact, moved.left, moved.queue, moved.by) == ("c1", "sales", "help", "sue")
        assert (assigned.agent, assigned.by) == ("ann", "sue")
        assert assigned.until == found.house.now + 30 * SECOND

    within(tmp_path, story)


ACTS: list[tuple[str, dict[str, Any]]] = [
    ("move", {"queue": "help"}),
    ("assign", {"agent": "ann"}),
    ("priority", {"priority": 1}),
]


def test_what_may_not_be_is_refused_in_words(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        await found.call("c1")
        assert await refusal(found, "/contacts/c1/move", sue, queue="none") == (
            "there is no queue 'none'"
        )
        assert "waits in 'sales' already" in await refusal(
            found, "/contacts/c1/move", sue, queue="sales"
        )
        assert "there is no agent 'none'" in await refusal(
            found, "/contacts/c1/assign", sue, agent="none"
        )
        assert "not on duty" in await refusal(found, "/contacts/c1/assign", sue, agent="ben")
        found.house.presence("ann", Presence.READY)
        found.house.accept("c1")
        await found.catch_up()
        for act, body in ACTS:
            words = await refusal(found, f"/contacts/c1/{act}", sue, **body)
            assert words == "contact 'c1' does not wait in a queue"
        found.house.hang_up("c1")
        await found.catch_up()
        for act, body in ACTS:
            assert await post(found, f"/contacts/c1/{act}", sue, **body) == 404

    within(tmp_path, story)


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("/contacts/c1/move", {}),
    ("/contacts/c1/move", {"queue": "x" * 65}),
    ("/contacts/c1/move", {"queue": "help", "more": 1}),
    ("/contacts/c1/assign", {"agent": "ann", "seconds": 0}),
    ("/contacts/c1/assign", {"agent": "ann", "seconds": 3601}),
    ("/contacts/c1/priority", {"priority": 11}),
    ("/contacts/c1/priority", {"priority": -1}),
    ("/announcement", {}),
    ("/announcement", {"announcement": "x" * 101}),
    ("/queues/sales/announcement", {"announcement": None}),
    ("/queues/sales/close", {"dismiss": "perhaps"}),
    ("/agents/ann/trainings", {"course": "a b", "date": "2026-11-28", "passed": True, "trainer": "t"}),
    ("/agents/ann/trainings", {"course": "a", "date": "yesterday", "passed": True, "trainer": "t"}),
    ("/agents/ann/trainings", {"course": "a", "date": "2026-11-28", "passed": True,
                               "trainer": "Tom Jones", "skill": "english", "level": 5}),
    ("/agents/ann/trainings", {"course": "a", "date": "2026-11-28", "passed": True, "trainer": "t",
                               "skill": "english", "level": 5, "expires": "2030-01-01T00:00:00"}),
]  # fmt: skip


def test_malformed_bodies_reach_nobody(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        await found.call("c1")
        for path, body in MALFORMED:
            assert await post(found, path, sue, **body) == 422, (path, body)
        many = {f"s{n}": 1 for n in range(201)}
        for skills in ({"english": 11}, {"": 1}, {"x" * 65: 1}, many):
            assert await put(found, "/agents/ann/skills", sue, skills=skills) == 422
        assert found.commands.seen == []

    within(tmp_path, story)


def test_a_queue_is_closed_and_opened_by_hand_and_left_to_its_calendar(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("sue")
        assert await post(found, "/queues/sales/close", csrf) == 200
        closed = await tile(found, "sales", {})
        assert (closed["open"], closed["door"], closed["door_by"]) == (False, "closed", "sue")
        assert await post(found, "/queues/sales/open", csrf) == 200
        assert (await tile(found, "sales", {}))["door"] == "open"
        assert await post(found, "/queues/sales/open", csrf, follow_calendar=True) == 200
        assert (await tile(found, "sales", {}))["door"] == ""
        assert await post(found, "/queues/none/close", csrf) == 404

    within(tmp_path, story)


def test_closing_keeps_those_who_wait_unless_they_are_dismissed(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        await found.call("c1")
        assert await post(found, "/queues/sales/close", sue) == 200
        assert (await tile(found, "sales", sue))["waiting"] == 1
        assert await post(found, "/queues/sales/close", sue, dismiss=True) == 200
        left = await tile(found, "sales", sue)
        assert (left["waiting"], left["flowed_out"]) == (0, 1)

    within(tmp_path, story)


def test_an_announcement_is_shown_for_its_queue_and_for_all(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        assert (await found.get("/prompts", **sue))["prompts"] == ["outage", "storm"]
        words = await refusal(found, "/announcement", sue, announcement="flood")
        assert words == "no flow has audio for that prompt; known: outage, storm"
        assert await post(found, "/announcement", sue, announcement="storm") == 200
        assert await post(found, "/queues/sales/announcement", sue, announcement="outage") == 200
        wall = await found.get("/wall", **sue)
        assert wall["announcement"] == "storm"
        assert [row["announcement"] for row in wall["queues"]] == ["outage", "storm"]
        assert await post(found, "/queues/sales/announcement", sue, announcement="") == 200
        assert await post(found, "/announcement", sue, announcement="") == 200
        wall = await found.get("/wall", **sue)
        assert [wall["announcement"], *(r["announcement"] for r in wall["queues"])] == ["", "", ""]

    within(tmp_path, story)


def test_skills_changed_live_show_everywhere(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("sue")
        assert await put(found, "/agents/ann/skills", csrf, skills={"english": 0}) == 200
        row = await found.get("/agents/ann")
        assert (row["skills"], row["by_hand"]) == ({}, {"english": 0})
        assert (await found.get("/agents/ann/desk"))["queues"] == []
        assert (await tile(found, "sales", {}))["agents"]["logged_out"] == 1
        (changed,) = events_of(found, e.SkillsChanged)
        assert changed.by == "sue"
        assert await put(found, "/agents/ann/skills", csrf, skills={}) == 200
        assert (await found.get("/agents/ann"))["skills"] == {"english": 5}
        answer = await found.client.put(
            "/api/v1/agents/ann/skills", json={"skills": {"fax": 1}}, headers=csrf
        )
        assert answer.status == 409
        assert "skill 'fax' is not known" in (await answer.json(content_type=None))["detail"]
        assert await put(found, "/agents/none/skills", csrf, skills={}) == 404

    within(tmp_path, story)


def test_a_training_is_recorded_and_its_certificate_runs_out(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        expires = as_time(found.house.now + 40 * DAY_SECONDS * SECOND).isoformat()
        body = {
            "course": "en-5", "date": "2026-11-28", "passed": True, "trainer": "t7",
            "skill": "english", "level": 9, "expires": expires,
        }  # fmt: skip
        assert await post(found, "/agents/ann/trainings", sue, **body) == 200
        failed = {"course": "en-6", "date": "2026-11-29", "passed": False, "trainer": "t7"}
        assert await post(found, "/agents/ann/trainings", sue, **failed) == 200
        told = (await found.get("/agents/ann/trainings", **sue))["trainings"]
        assert [(one["course"], one["passed"]) for one in told] == [("en-6", False), ("en-5", True)]
        for days, state, level in ((0, "valid", 9), (10, "expiring", 9), (30, "expired", None)):
            found.house.wait(days * DAY_SECONDS)
            await found.catch_up()
            answer = await found.get("/agents/ann/certificates", **sue)
            assert [one["state"] for one in answer["certificates"]] == [state]
            row = await found.get("/agents/ann", **sue)
            assert row["skills"].get("english") == level
            assert row["certificates"] == answer["certificates"]
            text = await (await found.client.get("/metrics")).text()
            assert f'callcenter_certificates{{state="{state}"}} 1.0' in text
        assert "level 0 is not within" in await refusal(
            found, "/agents/ann/trainings", sue, **(body | {"level": 0})
        )

    within(tmp_path, story)


def test_an_agent_reads_her_own_training_and_acts_on_nothing(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        assert (await found.get("/agents/ann/certificates"))["certificates"] == []
        assert (await found.client.get("/api/v1/agents/ben/trainings")).status == 403
        assert await put(found, "/agents/ann/skills", csrf, skills={"english": 10}) == 403
        assert await post(found, "/queues/sales/close", csrf) == 403

    within(tmp_path, story)


def test_a_supervisor_sets_the_state_of_an_agent(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("sue")
        body = {"presence": "not_ready", "reason": "training"}
        assert await post(found, "/agents/ann/presence", csrf, **body) == 200
        assert (await found.get("/agents/ann"))["reason"] == "training"
        assert "needs a reason" in await refusal(
            found, "/agents/ann/presence", csrf, presence="not_ready"
        )

    within(tmp_path, story)


def two_skills() -> CenterConfig:
    return CenterConfig(
        skills=("english", "telugu"),
        queues=(queue("sales", skills={"english": 3}), queue("help", skills={"telugu": 5})),
        agents=(agent("ann", english=5), agent("ben", english=2, telugu=4), agent("cy")),
    )


def test_who_could_take_a_contact_if_trained_comes_nearest_first(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        found.house.configure(two_skills(), "2")
        await found.call("c1")
        told = await found.get("/contacts/c1/if-trained", **sue)
        assert told["needs"] == {"english": 3}
        assert [(one["agent"], one["presence"]) for one in told["able"]] == [("ann", "logged_out")]
        assert [(one["agent"], one["missing"], one["steps"]) for one in told["candidates"]] == [
            ("ben", {"english": 3}, 1), ("cy", {"english": 3}, 3),
        ]  # fmt: skip
        answer = await found.client.get("/api/v1/contacts/none/if-trained", headers=sue)
        assert answer.status == 404

    within(tmp_path, story)


def test_the_gap_report_tells_what_nobody_can_serve_and_whom_to_train(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        found.house.configure(two_skills(), "2")
        for name in ("c1", "c2"):
            await found.call(name, queue="help")
        await found.call("c3")
        report = await found.get("/reports/skill-gaps", **sue)
        sales, helped = report["queues"]
        assert (helped["queue"], helped["visits"]) == ("help", 2)
        (gap,) = helped["gaps"]
        assert (gap["skill"], gap["level"], gap["amount"], gap["unserved"]) == ("telugu", 5, 2, 2)
        assert (gap["able"], gap["trainees"][0], gap["opened"]) == ([], "ben", 2)
        assert (sales["gaps"][0]["able"], sales["gaps"][0]["unserved"]) == (["ann"], 0)
        here = await found.get("/reports/skill-gaps?queue=sales&here=true", **sue)
        assert [one["queue"] for one in here["queues"]] == ["sales"]
        assert here["queues"][0]["gaps"][0]["able"] == []
        answer = await found.client.get("/api/v1/reports/skill-gaps?queue=none", headers=sue)
        assert answer.status == 404

    within(tmp_path, story)


@pytest.mark.parametrize("scope", ["wall", "agent"])
def test_who_may_not_act_asks_control_for_nothing(tmp_path: Path, scope: str) -> None:
    async def story(found: Center) -> None:
        headers = await found.token(scope)
        await found.call("c1")
        for path, body in (
            ("/contacts/c1/move", {"queue": "help"}),
            ("/queues/sales/close", {}),
            ("/announcement", {"announcement": "storm"}),
        ):
            assert await post(found, path, headers, **body) == 403
        assert not [one for one in found.commands.seen if isinstance(one, c.MoveRequested)]
        assert found.commands.seen == []

    within(tmp_path, story)
