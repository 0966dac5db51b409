"""Mail at the desk: who may read it, what is done with it, and that it can do nothing itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from callcenter.domain.commands import Presence
from callcenter.intake.document import Part
from tests.web.center import Center, within

PAGE = hashlib.sha256(b"<p>Where is <b>my</b> parcel?</p>").hexdigest()
PAPER = hashlib.sha256(b"%PDF").hexdigest()


async def at_work(found: Center) -> dict[str, str]:
    """Ann is ready and logged in at her desk; a mail is offered to her."""
    found.house.presence("ann", Presence.READY)
    await found.mail("m1")
    return await found.log_in("ann")


async def post(found: Center, path: str, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
    answer = await found.client.post(f"/api/v1{path}", json=body, headers=headers)
    return answer.status, await answer.json()


async def desk(found: Center, agent: str = "ann") -> Any:
    return await found.get(f"/agents/{agent}/desk")


def test_a_mail_is_offered_taken_read_and_done_at_the_desk(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        shown = await desk(found)
        assert (shown["offer"], shown["contact"]) == (None, None), "her phone does not ring"
        (offered,) = shown["documents"]
        assert (offered["state"], offered["subject"]) == ("ringing", "Parcel")
        assert offered["due"]
        answer = await post(found, f"/offers/{offered['offer']}/answer", headers, accept=True)
        assert answer[0] == 200
        (taken,) = (await desk(found))["documents"]
        assert taken["state"] == "talking"
        read = await found.get("/contacts/m1/document")
        assert read["text"] == "Where is my parcel?"
        assert [file["name"] for file in read["files"]] == ["bill ✓.pdf"]
        assert read["page"]
        status, _ = await post(found, "/contacts/m1/done", headers, disposition="resolved")
        assert status == 200
        assert (await desk(found))["documents"] == []

    within(tmp_path, story, wrap_up_seconds=0)


def test_who_declines_gets_it_no_more(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        (offered,) = (await desk(found))["documents"]
        await post(found, f"/offers/{offered['offer']}/answer", headers, accept=False)
        shown = await desk(found)
        assert shown["documents"] == []
        assert shown["agent"]["reason"] == "declined"
        again = await post(found, f"/offers/{offered['offer']}/answer", headers, accept=True)
        assert again[0] == 409

    within(tmp_path, story)


def test_put_aside_it_stays_on_her_desk_with_the_time_at_which_it_comes_back(
    tmp_path: Path,
) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        until = "2027-01-15T09:00:00Z"
        status, _ = await post(found, "/contacts/m1/put-aside", headers, until=until)
        assert status == 200
        (aside,) = (await desk(found))["documents"]
        assert (aside["state"], aside["due"]) == ("aside", until)
        assert (await found.get("/contacts/m1/document"))["subject"] == "Parcel"

    within(tmp_path, story)


def test_what_the_customer_wrote_since_is_shown_with_it(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.mail("m2", "It has come.", reply_to="m1")
        (shown,) = (await desk(found))["documents"]
        assert shown["replies"] == 1
        read = await found.get("/contacts/m1/document")
        assert [reply["text"] for reply in read["replies"]] == ["It has come."]

    within(tmp_path, story)


def test_a_call_comes_before_the_mail_and_the_mail_stays(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.call("c1")
        shown = await desk(found)
        assert shown["offer"]["contact"] == "c1"
        found.house.accept("c1")
        await found.catch_up()
        shown = await desk(found)
        assert shown["contact"]["contact"] == "c1"
        assert shown["documents"][0]["held"]

    within(tmp_path, story)


def test_notes_and_the_draft_are_kept_for_whoever_reads_it_next(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        body = {"notes": "calls back", "draft": "Dear " + "x" * 20_000}
        answer = await found.client.put("/api/v1/contacts/m1/notes", json=body, headers=headers)
        assert answer.status == 200
        read = await found.get("/contacts/m1/document")
        assert (read["notes"], read["draft"]) == (body["notes"], body["draft"])
        too_long = {"notes": "x" * 40_001}
        answer = await found.client.put("/api/v1/contacts/m1/notes", json=too_long, headers=headers)
        assert answer.status in (413, 422)

    within(tmp_path, story)


def test_nobody_reads_or_acts_on_what_another_has(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        await found.client.delete("/api/v1/session", headers=await found.log_in("ann"))
        headers = await found.log_in("ben")
        for path in ("document", "pages/m1", f"files/{PAPER}"):
            answer = await found.client.get(f"/api/v1/contacts/m1/{path}")
            assert answer.status == 403, path
        assert (await post(found, "/contacts/m1/done", headers))[0] == 403
        assert (await post(found, "/contacts/m1/put-aside", headers))[0] == 403
        sue = await found.token("supervisor")
        assert (await found.get("/contacts/m1/document", **sue))["subject"] == "Parcel"

    within(tmp_path, story)


def test_a_page_can_do_nothing_and_a_file_is_only_saved(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        page = await found.client.get("/api/v1/contacts/m1/pages/m1")
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert policy.endswith("sandbox")
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        paper = await found.client.get(f"/api/v1/contacts/m1/files/{PAPER}")
        assert paper.headers["Content-Type"] == "application/octet-stream"
        told = paper.headers["Content-Disposition"]
        assert told == "attachment; filename=\"bill _.pdf\"; filename*=UTF-8''bill%20%E2%9C%93.pdf"
        for other in (PAGE, "0" * 64, "..%2F..%2Fetc%2Fpasswd"):
            answer = await found.client.get(f"/api/v1/contacts/m1/files/{other}")
            assert answer.status == 404, other

    within(tmp_path, story)


def test_pages_of_a_fax_are_shown_and_nothing_else_is(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        drawn = hashlib.sha256(b"\x89PNG").hexdigest()
        found.papers.files[drawn] = b"\x89PNG"
        fax = found.papers.documents["m1"]
        page = Part(blob=drawn, name="page-1.png", type="image/png", size=4, role="pages")
        found.papers.documents["m1"] = msgspec.structs.replace(fax, parts=(*fax.parts, page))
        shown = await found.client.get(f"/api/v1/contacts/m1/pictures/{drawn}")
        assert (shown.status, shown.headers["Content-Type"]) == (200, "image/png")
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        for other in (PAPER, PAGE, "0" * 64):
            answer = await found.client.get(f"/api/v1/contacts/m1/pictures/{other}")
            assert answer.status == 404
        await found.client.delete("/api/v1/session", headers=await found.log_in("ann"))
        await found.log_in("ben")
        answer = await found.client.get(f"/api/v1/contacts/m1/pictures/{drawn}")
        assert answer.status == 403

    within(tmp_path, story)


def test_what_was_not_read_yet_is_shown_as_such(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        found.papers.documents.clear()
        found.server.documents._known.clear()
        read = await found.get("/contacts/m1/document")
        assert read["oddities"] == ["not_read_yet"]

    within(tmp_path, story)


def test_a_call_is_no_document(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        await found.call("c1")
        await found.log_in("ann")
        answer = await found.client.get("/api/v1/contacts/c1/document")
        assert answer.status == 404

    within(tmp_path, story)


def test_an_answer_goes_out_after_second_thoughts_and_may_be_taken_back(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        found.house.take("m1")
        await found.catch_up()
        read = await found.get("/contacts/m1/document")
        assert read["answerable"]
        assert read["templates"] == {"thanks": "Thank you."}
        status, _ = await post(found, "/contacts/m1/letters", headers, text="It is on its way.")
        assert status == 200
        letter = found.papers.files["letter"]
        for line in (b"To: cus@example.org", b"Subject: Re: Parcel", b"Message-ID: <c.m1.7."):
            assert line in letter
        (shown,) = (await desk(found))["documents"][0]["letters"]
        assert (shown["letter"], shown["stage"]) == ("m1.7", "waiting")
        back = await found.client.delete(
            "/api/v1/contacts/m1/letters/m1.7", json={}, headers=headers
        )
        assert back.status == 200
        (shown,) = (await desk(found))["documents"][0]["letters"]
        assert shown["stage"] == "cancelled"
        again = await post(found, "/contacts/m1/letters/m1.7/again", headers)
        assert again[0] == 409

    within(tmp_path, story)
