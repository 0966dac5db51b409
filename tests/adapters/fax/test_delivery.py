"""A fax that is over becomes one contact with pages to read, whatever dies on the way."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from callcenter.adapters.fax.delivery import Delivery, note_of, one_file
from callcenter.adapters.fax.ledger import Fax, FaxCall, Ledger
from callcenter.adapters.fax.terminal import FaxReport
from callcenter.adapters.store.embedded import StoreUnavailable
from callcenter.adapters.store.keys import Keys
from callcenter.app.config import FaxSourceSettings
from callcenter.app.roles.fax_hooks import FaxHooks
from callcenter.domain import events as e
from callcenter.domain.center import Channel
from callcenter.intake.document import decode_document
from callcenter.intake.fax_hooks import Posted
from tests.adapters.fax import pages
from tests.adapters.intake_house import Intake, running
from tests.adapters.store_server import Led, StoreServer, seed

CALLER = "+49301234567"
CALL = FaxCall(
    id="fax-f-1", dialled="300", queue="sales", caller=CALLER, sub_addresses={"4711": "claims"}
)


def received(place: Path, *attempts: int, **report: Any) -> Fax:
    """A fax in the ledger, with so many pages in each attempt."""
    entry = Ledger(place / "fax").open(CALL)
    seed_of_page = 0
    for number, count in enumerate(attempts, 1):
        pages.write(entry.file(number), range(seed_of_page, seed_of_page + count))
        entry.keep(number, count)
        seed_of_page += count
    known = {"code": 0, "text": "OK", "pages": sum(attempts), **report}
    fax = entry.close(FaxReport(**known))
    assert fax is not None
    return fax


def played(
    store: StoreServer, tmp_path: Path, story: Callable[[Intake, Delivery], Awaitable[None]]
) -> None:
    """A story with a store, a leader, an intake, and the fax worker's way to it."""
    store.connect().call("XADD", store.keys.cmds, "*", "e", seed())
    led = Led(store)

    async def whole() -> None:
        async with running(store.url, tmp_path / "state") as intake:
            delivery = Delivery(tmp_path / "state", intake.writer.call, Keys(), "fax-0", 1)
            await delivery.begin()
            await story(intake, delivery)

    try:
        asyncio.run(whole())
    finally:
        led.end()


async def soon(condition: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_fax_waits_in_its_queue_once_however_often_it_is_handed_on(
    store: StoreServer, tmp_path: Path
) -> None:
    fax = received(tmp_path, 2)

    async def story(intake: Intake, delivery: Delivery) -> None:
        for _ in range(3):
            assert await delivery.deliver(fax)
        await soon(lambda: bool(intake.all(e.ContactQueued)) and not intake.pipeline.left)
        (arrived,) = intake.all(e.ContactArrived)
        assert isinstance(arrived, e.ContactArrived)
        assert (arrived.channel, arrived.dialled, arrived.frontend) == (Channel.FAX, "300", "")
        assert CALLER not in str(intake.events)
        kept = await intake.writer.call("HGET", Keys().parties, arrived.party)
        assert json.loads(kept)["number"] == CALLER
        blobs = intake.pipeline.blobs
        assert blobs.read(arrived.blob) == fax.pages[0][0].read_bytes()
        document = decode_document(blobs.read_document(arrived.contact))
        assert document.facts["pages"] == "2"
        roles = [part.role for part in document.parts]
        assert roles == ["attachment", "pages", "pages", "thumbnail", "raw"]
        assert blobs.read(document.parts[0].blob).startswith(b"%PDF")
        assert await intake.writer.call("HLEN", Keys().pending) == 0

    played(store, tmp_path, story)


def test_a_fax_that_a_provider_posted_waits_once_with_its_pages(
    store: StoreServer, tmp_path: Path
) -> None:
    """A PDF; whoever claimed it, the intake reads it."""
    sheet = io.BytesIO()
    pages.draw(1).save(sheet, "PDF", save_all=True, append_images=[pages.draw(2)], resolution=204)
    posted = Posted("f-1", CALLER, "", sheet.getvalue())

    async def story(intake: Intake, _delivery: Delivery) -> None:
        source = FaxSourceSettings(name="office", queue="sales", password=SecretStr("x" * 16))
        settings = SimpleNamespace(store=SimpleNamespace(namespace="cc"), fax_sources=(source,))
        context = SimpleNamespace(
            state_directory=tmp_path / "state", settings=settings, name="web-0", epoch=1
        )
        hooks = FaxHooks(context, intake.writer.call)  # type: ignore[arg-type]
        await hooks.begin()
        assert hooks.source("none") is None
        first, new = await hooks.receive("office", posted)
        assert new
        assert await hooks.receive("office", posted) == (first, False)
        await soon(lambda: bool(intake.all(e.ContactQueued)) and not intake.pipeline.left)
        (arrived,) = intake.all(e.ContactArrived)
        assert isinstance(arrived, e.ContactArrived)
        document = decode_document(intake.pipeline.blobs.read_document(arrived.contact))
        roles = [part.role for part in document.parts]
        assert roles == ["attachment", "pages", "pages", "thumbnail", "raw"]
        assert document.facts["pages"] == "2"

    played(store, tmp_path, story)


def test_a_store_or_a_disk_that_is_away_is_tried_again(store: StoreServer, tmp_path: Path) -> None:
    fax = received(tmp_path, 1)

    async def story(intake: Intake, delivery: Delivery) -> None:
        async def away(*_: Any) -> None:
            raise StoreUnavailable("away")

        deaf = Delivery(tmp_path / "state", away, Keys(), "fax-0", 1)
        assert not await deaf.deliver(fax)
        nowhere = Delivery(tmp_path / "none", intake.writer.call, Keys(), "fax-0", 1)
        assert not await nowhere.deliver(fax)
        assert await delivery.deliver(fax)
        await soon(lambda: bool(intake.all(e.ContactQueued)))
        assert len(intake.all(e.ContactArrived)) == 1

    played(store, tmp_path, story)


def test_pages_from_before_and_after_the_change_to_t38_are_one_file(tmp_path: Path) -> None:
    made = tmp_path / "one.tif"
    made.write_bytes(one_file(received(tmp_path, 1, 2)))
    assert pages.count(made) == 3
    assert pages.differing(made, [0, 1, 2]) == [0, 0, 0]
    with Image.open(made) as image:
        assert [round(float(d)) for d in image.info["dpi"]] == [204, 196]


def test_a_page_that_was_begun_and_not_confirmed_is_left_out(tmp_path: Path) -> None:
    entry = Ledger(tmp_path / "fax").open(CALL)
    pages.write(entry.file(1), [1, 2])
    entry.keep(1, 1)
    fax = entry.close(FaxReport(code=49, text="The call dropped prematurely", pages=1))
    assert fax is not None
    with Image.open(io.BytesIO(one_file(fax))) as image:
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize(("sub", "source"), [("", "300"), ("4711", "300/4711"), ("99", "300")])
def test_the_door_is_the_number_and_a_sub_address_that_is_known(
    sub: str, source: str, tmp_path: Path
) -> None:
    note = note_of(received(tmp_path, 1, sub_address=sub), "b")
    assert note.source == source
    assert CALLER not in str(note)


def test_a_part_says_so_and_why(tmp_path: Path) -> None:
    fax = received(tmp_path, 1, code=49, text="The call dropped prematurely")
    facts = note_of(fax, "b").facts
    assert (facts["partial"], facts["why"]) == ("yes", "The call dropped prematurely")
