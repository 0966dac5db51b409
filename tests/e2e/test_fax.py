"""Faxes over real SIP, RTP and UDPTL, from a machine that is none of ours, into a contact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adapters.fax import pages
from tests.e2e.fax_phone import FaxPhone
from tests.e2e.harness import Center, run

pytestmark = pytest.mark.e2e

NUMBERS = """
[[number]]
number = "300"
fax = "reception"
guests = true
[[number]]
number = "301"
flow = "main-line"
fax = "reception"
guests = true
[fax]
ident = "+49 30 7654321"
t38_delay_seconds = 2
sub_addresses = { 4711 = "billing" }
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A center with a fax number, and a voice number that faxes may call."""
    center = Center(tmp_path_factory.mktemp("fax"), NUMBERS)
    center.start()
    yield center
    center.stop()


def waiting(center: Center, queue: str) -> int:
    """Contacts in a queue."""
    return int(next(q["waiting"] for q in center.api("queues")["queues"] if q["id"] == queue))


async def becomes_true(what: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(what):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.2)
    return True


def received(center: Center) -> list[Path]:
    """The TIFF files that faxes left among the blobs."""
    blobs = center.directory / "state" / "blobs"
    return [f for f in blobs.glob("*/*") if f.read_bytes()[:4] in (b"II*\0", b"MM\0*")]


def test_faxes_in_sound_and_t38_to_fax_and_voice_numbers_become_contacts(
    office: Center, tmp_path: Path
) -> None:
    """Four at once: T.38 asked by us, asked by them, refused; and a voice number that hears CNG."""
    stories = {
        "asked": ("300", {}, "T.38"),
        "asks": ("300", {"asks_image_after": 0.5, "sub_address": "4711"}, "T.38"),
        "refuses": ("300", {"image_status": 488}, "asked for T.38"),
        "beeps": ("301", {}, "T.38"),
    }

    async def story() -> None:
        phones: dict[str, FaxPhone] = {}
        calls = []
        for seed, (name, (number, script, _)) in enumerate(stories.items()):
            source = pages.write(tmp_path / f"{name}.tif", [seed])
            phones[name] = FaxPhone(office.sip, source, **script)  # type: ignore[arg-type]
            calls.append(phones[name].send(number))
        await asyncio.gather(*calls)
        for name, phone in phones.items():
            assert stories[name][2] in phone.story, (name, phone.story)
            assert phone.report is not None, (name, phone.story)
            assert phone.report.is_complete, (name, phone.report, phone.story)
            assert phone.story[-1] == "over"
            assert phone.report.ident == "+49 30 7654321"
        assert phones["refuses"].story.count("asked for T.38") == 1
        assert await becomes_true(lambda: waiting(office, "reception") == 3)
        assert await becomes_true(lambda: waiting(office, "billing") == 1)
        files = received(office)
        for seed in range(len(stories)):
            assert [pages.differing(file, [seed]) for file in files].count([0]) == 1

    run(story(), 180)
