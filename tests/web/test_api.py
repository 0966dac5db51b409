"""What can be read and done over HTTP, and what is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.domain.commands import OfferOutcome, Presence
from callcenter.domain.termination import Reason
from callcenter.web import act
from tests.web.center import Center, within


async def a_day(found: Center) -> None:
    """c1 answered by ann and still talking, c2 abandoned, c3 and c4 waiting."""
    house = found.house
    house.presence("ann", Presence.READY)
    await found.call("c1")
    house.wait(3)
    house.accept("c1")
    await found.call("c2")
    house.wait(10)
    house.hang_up("c2", Reason.CALLER_LEFT_IN_QUEUE)
    await found.call("c3", "+14155550100")
    house.wait(1)
    await found.call("c4", "anonymous@unknown")
    await found.catch_up()


def test_the_openapi_document_is_valid_and_names_every_route(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        document = await (await found.client.get("/openapi.json")).json()
        OpenAPIV31SpecValidator(document).validate()
        operations = [op for path in document["paths"].values() for op in path.values()]
        assert len(operations) == len(found.server.routes)
        assert len({op["operationId"] for op in operations}) == len(operations)

    within(tmp_path, story)


def test_the_queues_tell_now_and_today(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall = await found.token("wall")
        sales = (await found.get("/queues", **wall))["queues"][0]
        counts = ("offered", "answered", "abandoned", "waiting", "short_abandoned")
        assert [sales[name] for name in counts] == [4, 1, 1, 2, 0]
        assert (sales["service_level"], sales["asa_seconds"]) == (0.5, 3.0)
        assert sales["agents"]["talking"] == 1
        detail = await found.get("/queues/sales", **wall)
        figures = {f["name"]: f["value"] for f in detail["figures"]}
        assert figures["service_level.answered_only"] == 1.0
        assert [row["contact"] for row in detail["waiting"]] == ["c3", "c4"]

    within(tmp_path, story)


BEHIND: dict[str, set[str]] = {
    "waiting": {"c3", "c4"},
    "offered": {"c1", "c2", "c3", "c4"},
    "answered": {"c1"},
    "answered_in_target": {"c1"},
    "abandoned": {"c2"},
    "short_abandoned": set(),
    "flowed_out": set(),
    "callbacks": set(),
    "lost": set(),
    "handled": set(),
}


def test_every_number_of_a_tile_opens_to_the_contacts_behind_it(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall = await found.token("wall")
        tile = (await found.get("/queues", **wall))["queues"][0]
        for counted, behind in BEHIND.items():
            listed = await found.get(f"/contacts?queue=sales&counted={counted}", **wall)
            assert {row["contact"] for row in listed["contacts"]} == behind, counted
            assert tile[counted] == len(behind), counted

    within(tmp_path, story)


def test_contacts_are_listed_by_state_queue_and_agent(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall = await found.token("wall")

        async def names(query: str) -> list[str]:
            rows = (await found.get(f"/contacts?{query}", **wall))["contacts"]
            return [row["contact"] for row in rows]

        assert await names("state=waiting") == ["c4", "c3"]
        assert set(await names("state=active")) == {"c1", "c3", "c4"}
        assert await names("state=ended") == ["c2"]
        assert await names("agent=ann") == ["c1"]
        assert await names("queue=help") == []
        assert len(await names("limit=2")) == 2

    within(tmp_path, story)


def test_a_contact_tells_its_story_in_words_while_it_lives_and_after(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall = await found.token("wall")
        for contact, state, last in (("c1", "talking", "answered"), ("c2", "ended", "Ended")):
            detail = await found.get(f"/contacts/{contact}", **wall)
            assert detail["contact"]["state"] == state
            assert any(last in line["words"] for line in detail["timeline"])
            assert len(detail["visits"]) == 1
        assert (await found.client.get("/api/v1/contacts/none", headers=wall)).status == 404

    within(tmp_path, story)


def test_numbers_are_masked_but_for_a_supervisor_who_asks(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall, sue = await found.token("wall"), await found.token("supervisor")
        text = await (await found.client.get("/api/v1/wall", headers=sue)).text()
        assert "600123456" not in text
        rows = json.loads(text)["waiting"]
        assert [row["caller"] for row in rows] == ["••• 100", "•••"]
        for path in ("/contacts", "/contacts/c1", "/contacts/c2"):
            masked = await (await found.client.get(f"/api/v1{path}", headers=sue)).text()
            assert "4600123456" not in masked
        seen = await found.get("/contacts/c2?reveal=true", **sue)
        assert seen["contact"]["caller"] == "+34600123456"
        refused = await found.client.get("/api/v1/contacts/c2?reveal=true", headers=wall)
        assert refused.status == 403

    within(tmp_path, story)


def test_the_desk_shows_her_contact_with_number_and_customer(tmp_path: Path) -> None:
    from callcenter.domain.commands import CustomerReported
    from callcenter.domain.units import ContactId, CustomerId

    async def story(found: Center) -> None:
        house = found.house
        house.presence("ann", Presence.READY)
        await found.call("c1")
        house.tell(CustomerReported(contact=ContactId("c1"), customer=CustomerId("1001")))
        await found.catch_up()
        await found.log_in("ann")
        found.picture.sip = "192.0.2.7:5070"
        desk = await found.get("/agents/ann/desk")
        assert desk["sip"] == "192.0.2.7:5070"
        assert desk["offer"]["caller"] == "+34600123456"
        assert desk["contact"] is None
        house.accept("c1")
        await found.catch_up()
        desk = await found.get("/agents/ann/desk")
        assert desk["contact"]["customer"]["tier"] == "gold"
        assert desk["contact"]["dispositions"] == ["resolved", "follow-up"]
        house.hang_up("c1")
        await found.catch_up()
        desk = await found.get("/agents/ann/desk")
        assert (desk["contact"], desk["wrap_up"]["open"]) == (None, True)

    within(tmp_path, story)


def test_an_agent_changes_her_state_files_the_contact_and_ends_her_wrap_up(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        csrf = await found.log_in("ann")
        post = found.client.post

        async def do(path: str, **body: str) -> int:
            return (await post(f"/api/v1{path}", json=body, headers=csrf)).status

        assert await do("/agents/ann/presence", presence="ready") == 200
        await found.call("c1")
        found.house.accept("c1")
        await found.catch_up()
        segment = (await found.get("/agents/ann/desk"))["contact"]["segment"]
        assert await do(f"/segments/{segment}/disposition", disposition="nonsense") == 409
        assert await do(f"/segments/{segment}/disposition", disposition="resolved") == 200
        assert await do("/agents/ann/presence", presence="not_ready", reason="lunch") == 200
        assert (await found.get("/agents/ann"))["next_presence"] == "not_ready"
        found.house.hang_up("c1")
        await found.catch_up()
        assert (await found.get("/agents/ann/desk"))["wrap_up"]["disposition"] == "resolved"
        assert await do("/agents/ann/wrap-up/end") == 200
        agent = await found.get("/agents/ann")
        assert (agent["presence"], agent["reason"]) == ("not_ready", "lunch")
        assert await do("/agents/ann/wrap-up/end") == 409
        assert await do("/segments/none/disposition", disposition="resolved") == 404

    within(tmp_path, story)


def test_a_command_nobody_answers_is_accepted_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "ANSWER_SECONDS", 0.05)

    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        found.commands.deaf = True
        body = {"presence": "ready"}
        answer = await found.client.post("/api/v1/agents/ann/presence", json=body, headers=sue)
        assert answer.status == 202
        assert (await answer.json())["accepted"] is None
        found.commands.broken = StoreUnavailable("the store is away")
        answer = await found.client.post("/api/v1/agents/ann/presence", json=body, headers=sue)
        assert answer.status == 503

    within(tmp_path, story)


MALFORMED: list[tuple[bytes, str, int]] = [
    (b'{"presence": "ready"}', "text/plain", 415),
    (b"{", "application/json", 400),
    (b'{"presence": "asleep"}', "application/json", 422),
    (b'{"presence": "ready", "more": 1}', "application/json", 422),
    (b"[]", "application/json", 422),
    (b"[" * 20_000, "application/json", 400),
    (b"x" * 70_000, "application/json", 413),
    (b"\xff\xfe", "application/json", 400),
]


def test_a_malformed_body_is_told_what_is_wrong(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        sue = await found.token("supervisor")
        for body, kind, status in MALFORMED:
            answer = await found.client.post(
                "/api/v1/agents/ann/presence", data=body, headers={**sue, "Content-Type": kind}
            )
            assert (answer.status, answer.content_type) == (status, "application/problem+json"), (
                body[:40]
            )
        assert found.commands.seen == []

    within(tmp_path, story)


WRONG: dict[str, int] = {
    "/contacts?state=asleep": 422,
    "/contacts?unknown=1": 422,
    "/contacts?counted=answered": 404,
    "/contacts?counted=answered&queue=none": 404,
    "/contacts?limit=x": 422,
    "/queues/none": 404,
    "/agents/none": 404,
    "/nothing": 404,
    "/reports/intervals?since=2026-01-01&until=2025-01-01": 422,
    "/reports/intervals?since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z": 422,
    "/reports/intervals?since=0001-01-01T00:00:00&until=9999-12-31T23:59:59": 422,
}


def test_a_wrong_question_gets_a_problem_document(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        wall = await found.token("wall")
        for path, status in WRONG.items():
            answer = await found.client.get(f"/api/v1{path}", headers=wall)
            document = await answer.json(content_type="application/problem+json")
            assert (answer.status, document["status"]) == (status, status), path

    within(tmp_path, story)


def test_a_wrong_method_is_told_which_ones_there_are(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        answer = await found.client.put("/api/v1/queues")
        assert (answer.status, answer.content_type) == (405, "application/problem+json")
        assert "GET" in answer.headers["Allow"]

    within(tmp_path, story)


def test_intervals_are_reported_with_their_figures(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await a_day(found)
        wall = await found.token("wall")
        path = (
            "/reports/intervals?since=2027-01-15T00:00:00Z&until=2027-01-16T00:00:00Z&queue=sales"
        )
        rows = (await found.get(path, **wall))["intervals"]
        assert sum(row["counters"].get("offered", 0) for row in rows) == 2
        assert sum(row["arrived"] for row in rows) == 4

    within(tmp_path, story)


def test_our_own_mistakes_show_no_traceback(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.commands.broken = RuntimeError("boom")
        answer = await found.client.post(
            "/api/v1/agents/ann/presence",
            json={"presence": "ready"},
            headers=await found.token("supervisor"),
        )
        text = await answer.text()
        assert answer.status == 500
        assert "boom" not in text

    within(tmp_path, story)


def test_a_declined_and_an_unanswered_offer_stand_in_the_agents_row(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        found.house.presence("ann", Presence.READY)
        await found.call("c1")
        found.house.report("c1", OfferOutcome.EXPIRED)
        await found.catch_up()
        row = await found.get("/agents/ann", **await found.token("wall"))
        assert (row["missed"], row["presence"]) == (1, "not_ready")
        await asyncio.sleep(0)

    within(tmp_path, story)
