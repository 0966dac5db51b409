"""Text and PDFs become pages that machines take, or are refused in words."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from callcenter.adapters.fax.pages import Pages
from callcenter.adapters.fax.writer import DPI, HEIGHT, PAGES_MAX, WIDTH, write_fax
from callcenter.intake.fax_order import CannotFax, Cover, FaxOrder
from tests.adapters.fax import pages as drawn


def read(tiff: bytes) -> list[Image.Image]:
    found = []
    with Image.open(io.BytesIO(tiff)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            assert image.size == (WIDTH, HEIGHT)
            assert image.mode == "1"
            assert image.tag_v2[259] == 4, "Group 4"  # type: ignore[attr-defined]
            assert tuple(map(float, image.info["dpi"])) == DPI
            found.append(image.copy())
    return found


def pdf(count: int = 1, size: tuple[int, int] = (1654, 2339)) -> bytes:
    made = io.BytesIO()
    sheets = [Image.new("L", size, 255) for _ in range(count)]
    for number, sheet in enumerate(sheets):
        sheet.paste(drawn.draw(number, 700).convert("L").crop((0, 0, 1200, 600)), (100, 100))
    sheets[0].save(made, "PDF", save_all=True, append_images=sheets[1:], resolution=200)
    return made.getvalue()


def ink(page: Image.Image) -> float:
    return 1 - float(np.array(page).mean())


def test_text_becomes_pages_that_are_not_empty_and_break_where_they_must() -> None:
    long = "\n".join(f"Line {number}: " + "word " * 30 for number in range(60))
    tiff, count = write_fax(FaxOrder(text=long + "\n" + "x" * 500), b"")
    found = read(tiff)
    assert count == len(found) > 1
    for page in found:
        assert ink(page) > 0.001
        dark = ~np.array(page)
        assert not dark[:, -50:].any(), "nothing runs over the edge"


def test_a_cover_comes_first_and_counts_itself() -> None:
    cover = Cover(to="Ms Jones", sender="The office", date="2026-11-29", subject="Order 4711")
    tiff, count = write_fax(FaxOrder(cover=cover, text="Hello"), b"")
    assert count == 2
    assert ink(read(tiff)[0]) > ink(read(tiff)[1])
    assert write_fax(FaxOrder(cover=cover), b"")[1] == 1


def test_a_pdf_is_drawn_as_large_as_it_fits_and_turned_when_it_lies() -> None:
    tiff, count = write_fax(FaxOrder(text="before"), pdf(2))
    assert count == 3
    assert ink(read(tiff)[1]) > 0.001
    lying = read(write_fax(FaxOrder(), pdf(size=(2339, 1654)))[0])[0]
    rows = np.flatnonzero((~np.array(lying)).any(axis=1))
    assert rows[-1] > HEIGHT // 4


@pytest.mark.parametrize(
    ("order", "document", "words"),
    [
        (FaxOrder(), b"", "there is nothing to send"),
        (FaxOrder(text=" \n "), b"", "there is nothing to send"),
        (FaxOrder(text="x" * 40_001), b"", "text: at most 40000 letters"),
        (FaxOrder(text="注文"), b"", "our letters have no 文 注: send a PDF"),
        (FaxOrder(), b"%PDF-1.7 and no more", "pdf: it cannot be read"),
        (FaxOrder(), b"GIF89a", "pdf: it cannot be read"),
        (FaxOrder(cover=Cover(message="line\n" * 90)), b"", "too long for the cover"),
    ],
)
def test_what_cannot_be_written_is_told(order: FaxOrder, document: bytes, words: str) -> None:
    with pytest.raises(CannotFax, match=words.replace("(", r"\(")):
        write_fax(order, document)


def test_too_many_pages_are_refused_before_they_are_drawn() -> None:
    with pytest.raises(CannotFax, match=f"at most {PAGES_MAX} pages"):
        write_fax(FaxOrder(), pdf(PAGES_MAX + 1, (20, 20)))


def test_a_process_of_its_own_writes_them_and_says_what_is_wrong() -> None:
    async def story() -> None:
        writers = Pages()
        tiff, count = await writers.write(FaxOrder(text="Hello"), pdf())
        assert (count, len(read(tiff))) == (2, 2)
        with pytest.raises(CannotFax, match="cannot be read"):
            await writers.write(FaxOrder(), b"%PDF nothing")
        slow = Pages(seconds=0.01)
        with pytest.raises(CannotFax, match="took too long"):
            await slow.write(FaxOrder(text="Hello"), b"")
        assert (writers.counts["written"], writers.counts["refused"]) == (1, 1)
        assert slow.counts["too_slow"] == 1

    asyncio.run(story())
