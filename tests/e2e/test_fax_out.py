"""Faxes that we send, over real SIP, RTP and UDPTL, to machines that are none of ours."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.adapters.fax import pages
from tests.e2e.browser import chromium, screen
from tests.e2e.fax_phone import FaxMachine
from tests.e2e.harness import PASSWORD, Center, eventually, eventually_async, run

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


class Office:
    """A center, and two fax machines behind a line each."""

    def __init__(self, place: Path) -> None:
        self.image = FaxMachine(place / "image", asks_image_after=1.0, hangs_up_after=1)
        self.sound = FaxMachine(place / "sound", busy=1)
        lines = "".join(
            f'[[trunk]]\nname = "{name}"\naddress = "127.0.0.1:{one.address[1]}"\ndial = ["{dial}"]\n'
            for name, one, dial in (("a", self.image, "+491"), ("b", self.sound, "+492"))
        )
        fax = (
            '[fax]\nident = "+49 30 7654321"\nheader = "Office of tests"\nundo_seconds = 0\n'
            "retry_seconds = 2\n"
        )
        number = '[[number]]\nnumber = "300"\nfax = "reception"\nguests = true\n'
        self.center = Center(place, number + fax + lines)

    def blob(self) -> list[Path]:
        """The pages that were made."""
        blobs = self.center.directory / "state" / "blobs"
        return [f for f in blobs.glob("*/*") if f.read_bytes()[:4] in (b"II*\0", b"MM\0*")]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    made.center.start()
    yield made
    made.center.stop()


def a_pdf(*seeds: int) -> str:
    first, *others = [pages.draw(seed, 1200) for seed in seeds]
    made = io.BytesIO()
    first.save(made, "PDF", save_all=True, append_images=others, resolution=204)
    return base64.b64encode(made.getvalue()).decode()


def dots(file: Path) -> list[Any]:
    found = []
    with Image.open(file) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.array(image.convert("1")))
    return found


def without_header(page: Any, like: Any) -> Any:
    """A line of letters was put above it."""
    above = page.shape[0] - like.shape[0]
    assert 0 < above <= 64
    assert not page[:above].all(), "there is a header"
    return page[above:]


def test_faxes_are_sent_resumed_and_reported(office: Office) -> None:
    """One machine changes to T.38 and hangs up after a page; one is busy first and stays in the
    sound. Before that an agent writes one at her desk."""
    at_the_desk(office)
    center = office.center
    over: list[bool] = []

    def stage(fax: str) -> dict[str, Any]:
        found: dict[str, Any] = center.api(f"faxes/{fax}")
        assert found["stage"] != "failed", (found, office.image.story, office.sound.story)
        return found

    machines: list[asyncio.Task[None]] = []

    def is_sent(fax: str) -> bool:
        for machine in machines:
            assert not machine.done() or machine.result()
        return bool(stage(fax)["stage"] == "sent")

    async def story() -> None:
        machines.extend(
            asyncio.create_task(one.serve(lambda: bool(over)))
            for one in (office.image, office.sound)
        )
        try:
            one = await asyncio.to_thread(
                center.api, "faxes", {"to": "+49 1 555", "pdf_base64": a_pdf(1, 2), "id": "job-1"}
            )
            two = await asyncio.to_thread(
                center.api, "faxes", {"to": "0049 2 555", "text": "Dear reader"}
            )
            again = await asyncio.to_thread(
                center.api, "faxes", {"to": "+49 1 555", "pdf_base64": a_pdf(1, 2), "id": "job-1"}
            )
            assert again["request"] == one["request"] == "fax-job-1"
            for fax in (one["request"], two["request"]):
                await eventually_async(partial(is_sent, fax), 150, "it is not sent")
            assert [stage(fax["request"])["confirmed"] for fax in (one, two)] == [2, 1]
        finally:
            over.append(True)
            await asyncio.gather(*machines)

    run(story(), 200)
    made = {len(dots(file)): file for file in office.blob()}
    sent = dots(made[2])
    came = [page for file in office.image.files() for page in dots(file)]
    assert len(came) == len(sent) == 2, "the confirmed page was not sent again"
    for page, like in zip(came, sent, strict=True):
        assert (without_header(page, like) == like).all()
    (text,) = dots(office.sound.file(1))
    assert (without_header(text, dots(made[1])[0]) == dots(made[1])[0]).all()
    assert office.sound.shown == ["+49307654321", "+49307654321"]
    assert office.image.reports[-1].ident == "+49 30 7654321"
    wanted_ends = ["fax_sent", "fax_sent", "fax_taken_back"]
    eventually(lambda: ends(center) == wanted_ends, 20, "the history differs")
    named = 'callcenter_fax_attempts_total{outcome="%s",role="frontend-0"}'
    wanted = {named % "busy": 1, named % "sent": 2, named % "cut_off": 1}
    eventually(lambda: wanted.items() <= center.metrics().items(), 20, "the figures differ")


def ends(center: Center) -> list[str]:
    """How contacts ended, as the history has it."""
    rows = center.api("contacts?state=ended&limit=50")["contacts"]
    return sorted(row["reason"] for row in rows)


def at_the_desk(office: Office) -> None:
    """An agent writes a fax to a number that no line may dial, then one for tomorrow, and takes it
    back."""
    with chromium() as browser, screen(browser, office.center) as shown:
        shown.sign_in("anna", PASSWORD)
        page = shown.page
        page.click("text=New fax")
        page.fill("[name=fax-to]", "+44 20 123")
        page.fill("[name=fax-text]", "Dear reader")
        page.click(".send-fax")
        expect(page.locator("#trouble")).to_contain_text("o line may dial that number")
        page.fill("[name=fax-to]", "+49 1 555")
        page.click("#faxes >> text=Send tomorrow 9:00")
        row = page.locator("#faxes [data-stage=waiting]")
        expect(row).to_contain_text("0 of 1 pages there")
        row.locator("text=Undo").click()
        expect(page.locator("#faxes [data-stage=cancelled]")).to_contain_text("Taken back")
        shown.forgive("409", "Conflict")
