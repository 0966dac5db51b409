"""Faxes that we send: who may, what is told at once, and that a number stays where it belongs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.commands import FaxOutcome, LetterStage, Presence
from callcenter.domain.units import ContactId
from tests.web.center import Center, within
from tests.web.test_documents import desk, post

NUMBER = "+34600123456"


async def at_work(found: Center) -> dict[str, str]:
    """Ann works on a fax that came from a known number."""
    found.house.presence("ann", Presence.READY)
    await found.fax("f1", NUMBER)
    found.house.take("f1")
    await found.catch_up()
    return await found.log_in("ann")


def placed(found: Center) -> e.FaxPlaced:
    one: e.FaxPlaced = found.house.all(e.FaxPlaced)[-1]
    return one


async def came_to(found: Center, outcome: FaxOutcome, confirmed: int) -> None:
    found.house.wait(10)
    fax = placed(found).contact
    attempt = found.house.control.state.faxes[fax].attempt
    found.house.tell(
        c.FaxReported(fax=fax, attempt=attempt, outcome=outcome, confirmed=confirmed)
    )  # fmt: skip
    await found.catch_up()


def test_a_fax_is_answered_by_fax_and_its_way_is_shown(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await at_work(found)
        shown = await found.get("/contacts/f1/document")
        assert (shown["sender"], shown["faxable"], shown["answerable"]) == (NUMBER, True, False)
        status, result = await post(found, "/contacts/f1/faxes", headers, text="Thank you.")
        assert (status, result["accepted"]) == (200, True)
        fax = placed(found)
        assert (fax.origin, fax.agent, fax.pages, fax.caller) == ("f1", "ann", 3, "+4930")
        assert found.commands.numbers == {fax.party: NUMBER}
        told = msgspec.json.encode([found.house.journal, found.commands.seen]).decode()
        assert NUMBER not in told
        (row,) = (await desk(found))["faxes"]
        assert (row["stage"], row["confirmed"], row["pages"]) == ("waiting", 0, 3)
        await came_to(found, FaxOutcome.CUT_OFF, 2)
        (row,) = (await desk(found))["faxes"]
        assert (row["stage"], row["confirmed"], row["outcome"]) == ("waiting", 2, "cut_off")
        found.house.wait(60)
        await came_to(found, FaxOutcome.SENT, 3)
        (row,) = (await desk(found))["faxes"]
        assert (row["stage"], row["confirmed"], row["attempt"]) == ("sent", 3, 2)
        detail = await found.get(f"/contacts/{fax.contact}")
        assert detail["contact"]["reason"] == "fax_sent"
        words = [str(step) for step in detail["timeline"]]
        assert any("3 of 3 pages there" in text for text in words), words

    within(tmp_path, story)


def test_a_new_fax_goes_to_a_typed_number_once_for_each_name_of_a_job(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await found.log_in("ann")
        pdf = base64.b64encode(b"%PDF").decode()
        job = {
            "to": "0034 600 12-34",
            "pdf_base64": pdf,
            "cover": True,
            "subject": "Hi",
            "id": "j1",
        }
        for _ in range(2):
            status, result = await post(found, "/faxes", headers, **job)
            assert (status, result["request"]) == (200, "fax-j1")
        assert len(found.house.all(e.FaxPlaced)) == 1
        assert found.commands.numbers == {"party-fax-j1": "+346001234"}
        ((order, data),) = found.machine.orders
        assert data == b"%PDF"
        assert order.cover is not None
        assert order.cover.subject == "Hi"

    within(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"to": "+4930123", "text": "x"}, 409, "no line may dial that number"),
        ({"to": "+34600", "text": ""}, 409, "there is nothing to send"),
        ({"to": "ann@example.org", "text": "x"}, 422, "to: a number of 3 to 15 digits"),
        ({"to": "", "text": "x"}, 422, "to: a number of 3 to 15 digits"),
        ({"to": "+34600", "pdf_base64": "%%%"}, 422, "pdf_base64: is no base64"),
        ({"to": "+34600", "id": "a/b"}, 422, "see `errors`"),
        ({"to": "+34600", "text": "x", "send_at": "2099-01-01T00:00:00Z"}, 409, "not_before"),
    ],
)
def test_what_cannot_be_sent_is_told_at_once(
    tmp_path: Path, body: dict[str, Any], status: int, words: str
) -> None:
    async def story(found: Center) -> None:
        headers = await found.log_in("ann")
        answered, problem = await post(found, "/faxes", headers, **body)
        assert answered == status, problem
        assert words in problem["detail"]
        assert not found.house.all(e.FaxPlaced)

    within(tmp_path, story)


def test_it_is_taken_back_by_her_or_a_supervisor_and_by_nobody_else(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await found.log_in("ann")
        await post(found, "/faxes", headers, to=NUMBER, text="x", id="j1")
        path = "/api/v1/faxes/fax-j1"
        ben = await found.log_in("ben")
        for method in (found.client.get, found.client.delete):
            assert (await method(path, headers=ben)).status == 403
        assert (await found.get("/faxes"))["faxes"] == []
        sue = await found.log_in("sue")
        assert len((await found.get("/faxes"))["faxes"]) == 1
        assert (await found.client.delete(path, headers=sue)).status == 200
        assert (await found.client.delete(path, headers=sue)).status == 409
        assert (await found.get("/faxes/fax-j1"))["stage"] == "cancelled"
        missing = await found.client.get("/api/v1/faxes/none", headers=sue)
        assert missing.status == 404

    within(tmp_path, story)


def test_what_is_not_there_for_certain_is_sent_again_as_a_fax_of_its_own(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await found.log_in("ann")
        await post(found, "/faxes", headers, to=NUMBER, text="x", id="j1")
        found.numbers.known["party-fax-j1"] = f'{{"number": "{NUMBER}"}}'
        assert (await post(found, "/faxes/fax-j1/again", headers))[0] == 409
        await came_to(found, FaxOutcome.UNSURE, 1)
        assert (await found.get("/faxes/fax-j1"))["stage"] == LetterStage.UNSURE
        status, result = await post(found, "/faxes/fax-j1/again", headers)
        assert status == 200
        again = placed(found)
        assert (again.contact, again.first, again.blob) == (result["request"], 1, "2" * 64)
        assert found.house.control.state.faxes[ContactId(result["request"])].confirmed == 1

    within(tmp_path, story)


def test_a_large_pdf_is_taken_and_a_larger_one_refused(tmp_path: Path) -> None:
    async def story(found: Center) -> None:
        headers = await found.log_in("ann")
        pdf = base64.b64encode(b"x" * 2_000_000).decode()
        assert (await post(found, "/faxes", headers, to=NUMBER, pdf_base64=pdf))[0] == 200
        pdf = base64.b64encode(b"x" * (10 * 1024 * 1024 + 1)).decode()
        assert (await post(found, "/faxes", headers, to=NUMBER, pdf_base64=pdf))[0] == 413
        body = {"notes": "x" * 70_000}
        answer = await found.client.put("/api/v1/contacts/f1/notes", json=body, headers=headers)
        assert answer.status == 413, "all other bodies stay small"

    within(tmp_path, story)
