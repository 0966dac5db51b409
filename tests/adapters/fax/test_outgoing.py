"""A fax that we send: no confirmed page is sent again, whenever we die; none is given up for sent."""

import asyncio
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from callcenter.adapters.fax.outgoing import LOST, FaxJob, Outgoing, Sending
from callcenter.adapters.fax.terminal import AudioFax, FaxTerms, ImageFax
from callcenter.adapters.fax.worker import FaxConfig, FaxWorker
from tests.adapters.fax import pages
from tests.adapters.fax.efax import Efax
from tests.adapters.fax.line import RECEIVER, SENDER, Line
from tests.adapters.fax.test_worker import office

HEIGHT = 300
HEADED = FaxTerms(ident="+49301234567", header="Office of tests", timezone="Europe/Berlin")


def without_header(file: Path, number: int) -> tuple[int, "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]"]:  # fmt: skip
    """How many rows were put above a page, and the page."""
    with Image.open(file) as image:
        image.seek(number)
        got = np.array(image.convert("1"))
    return got.shape[0] - HEIGHT, got[got.shape[0] - HEIGHT :]


@pytest.mark.parametrize("kind", [AudioFax, ImageFax])
def test_a_fax_goes_on_at_a_page_with_a_header_that_counts_on(
    kind: type[AudioFax], tmp_path: Path
) -> None:
    source = pages.write(tmp_path / "sent.tif", [1, 2, 3], height=HEIGHT)
    whole, rest = tmp_path / "whole.tif", tmp_path / "rest.tif"
    done = Line(kind(HEADED, send=source), kind(RECEIVER, receive=whole)).run()
    assert (done.sent.code, done.sent.pages) == (0, 3)
    done = Line(kind(HEADED, send=source, first=1), kind(RECEIVER, receive=rest)).run()
    assert (done.sent.code, done.sent.pages, pages.count(rest)) == (0, 2, 2)
    for number in (1, 2):
        above, page = without_header(rest, number - 1)
        assert above > 0
        assert (page == np.array(pages.draw(number + 1, HEIGHT))).all()
        with Image.open(rest) as one, Image.open(whole) as other:
            one.seek(number - 1)
            other.seek(number)
            heads = [np.array(x.convert("1"))[:above, 1200:] for x in (one, other)]
        assert (heads[0] == heads[1]).all(), "the same number of the page"


def test_no_confirmed_page_is_sent_again_after_a_death_at_any_step(tmp_path: Path) -> None:
    """Each life dies somewhere; the next one begins at the first page that is not confirmed."""
    source = pages.write(tmp_path / "sent.tif", [1, 2, 3, 4], height=HEIGHT)
    chance = random.Random(11)
    for story in range(12):
        there = Outgoing(tmp_path / f"out-{story}")
        confirmed, lives, got = 0, 0, []
        while confirmed < 4:
            lives += 1
            name, first = f"fax.{lives}", confirmed
            sending = there.open(name, FaxJob(fax="f", attempt=lives, blob="", first=first), source)
            target = tmp_path / f"got-{story}-{lives}.tif"

            def keep(page: int, _file: Path, one: Sending = sending) -> None:
                one.keep(page)

            def goes_on(step: int, last: int) -> bool:
                return step < last

            sender = ImageFax(SENDER, send=source, first=first, keep=keep, begun=sending.begin)
            receiver = ImageFax(RECEIVER, receive=target)
            dies = chance.randrange(100, 1500) if lives < 6 else 10**6
            Line(sender, receiver).run(partial(goes_on, last=dies))
            found = there.find(name)
            assert found is not None
            told = found.told()
            assert told.code == LOST, "nobody wrote a report"
            assert found.sent.begun or told.pages == 0
            confirmed = first + told.pages
            got.append((first, told.pages, pages.count(target)))
        seen = [first + n for first, sure, _ in got for n in range(sure)]
        assert seen == [0, 1, 2, 3], "each once"
        assert all(sure <= there_too for _, sure, there_too in got), "what is confirmed is there"


def test_the_ledger_knows_an_attempt_of_an_earlier_life(tmp_path: Path) -> None:
    there = Outgoing(tmp_path)
    assert there.find("a/c1") is None
    sending = there.open("a/c1", FaxJob(fax="f", attempt=1, blob="b"), tmp_path)
    sending.keep(2)
    found = Outgoing(tmp_path).find("a/c1")
    assert found is not None
    assert (found.told().code, found.told().pages, found.sent.begun) == (LOST, 2, True)
    with pytest.raises(FileExistsError):
        there.open("a/c1", FaxJob(fax="f", attempt=1, blob="b"), tmp_path)
    there.forget_old()
    assert there.find("a/c1") is not None, "it is asked for for days"


def test_the_worker_sends_tells_and_remembers(tmp_path: Path) -> None:
    """Asked by the front end; a worker that died over it says how far it came."""
    blob = pages.write(tmp_path / "blob.tif", [1], height=HEIGHT)
    job = {"fax": "f", "attempt": 1, "blob": "blob.tif", "pages": 1, "ident": "+4930"}

    async def story() -> None:
        async with office(tmp_path) as there:
            worker = there.worker
            assert (await there.ask("fax ready", blob="blob.tif"))["error-reason"] == (
                "No fax on this machine"
            )
            worker._outgoing, worker._file_of = Outgoing(tmp_path / "out"), lambda b: tmp_path / b
            assert (await there.ask("fax ready", blob="blob.tif"))["result"] == "ok"
            assert (await there.ask("fax ready", blob="no.tif"))["error-reason"] == "No such pages"
            wrong = await there.ask("fax send", peer="127.0.0.1:9", job={"fax": 1})
            assert wrong["error-reason"] == "The fax is not described"
            sent = await there.ask("fax send", peer="127.0.0.1:9", law=0, job=job)
            assert await there.ask("fax send", peer="127.0.0.1:9", law=0, job=job) == sent
            assert (await there.ask("fax state"))["over"] == 0
            (machine,) = worker.machines.values()
            assert machine.sends
            ended = await there.ask("fax end")
            assert (ended["pages"], ended["begun"], ended["code"]) == (0, 0, 49)
            assert await there.ask("fax end") == ended
            assert worker.counts["cut_off"] == 1
            await there.ask("fax send", "b/c", peer="127.0.0.1:9", law=0, job=job)
            worker.machines["b/c"].entry.keep(1)  # type: ignore[call-arg]
            lost = worker.machines.pop("b/c")  # as a kill does
            assert (await there.ask("fax state", "b/c"))["over"] == 1
            told = await there.ask("fax end", "b/c")
            assert (told["code"], told["pages"], told["begun"]) == (LOST, 1, 1)
            lost.hang_up()

    asyncio.run(story())
    assert blob.exists()


def test_a_machine_without_room_for_its_ledger_sends_nothing(tmp_path: Path) -> None:
    pages.write(tmp_path / "blob.tif", [1], height=HEIGHT)
    job = {"fax": "f", "attempt": 1, "blob": "blob.tif"}

    async def story() -> None:
        async with office(tmp_path) as there:
            out = Outgoing(tmp_path / "out")
            there.worker._outgoing, there.worker._file_of = out, lambda b: tmp_path / b
            out.place = tmp_path / "gone"
            reply = await there.ask("fax send", peer="127.0.0.1:9", law=0, job=job)
            assert reply["error-reason"] == "No room for a fax"
            assert there.worker.machines == {}

    asyncio.run(story())


def test_efax_reads_the_rest_of_a_fax_under_our_header(tmp_path: Path) -> None:
    """A T.30 that somebody else wrote takes the page, with the rows of its header."""
    source = pages.write(tmp_path / "sent.tif", [1, 2], height=1200)
    end = AudioFax(HEADED, send=source, first=1)
    efax = Efax(tmp_path, "-o", "1", "-r", "got")
    try:
        efax.fax(end)
    finally:
        efax.close()
    assert end.hang_up().is_complete, efax.words
    assert end.pages == 1
    assert "0 errors" in efax.words
    end.close()
    (got,) = sorted(tmp_path.glob("got*"))
    with Image.open(got) as image:
        page = np.array(image.convert("1"))
    drawn = np.array(pages.draw(2, 1200))
    assert (page[page.shape[0] - 1200 :] == drawn).all()


def test_the_header_and_number_of_a_worker_are_those_of_its_configuration() -> None:
    assert FaxConfig(header="We", timezone="UTC").header == "We"
    assert FaxWorker.__doc__
