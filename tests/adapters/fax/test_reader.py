"""Pages of a fax as a person reads them, and files that only say that they are a fax."""

import io
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from PIL import Image, UnidentifiedImageError

from callcenter.adapters.fax.reader import FaxTooLarge, read_fax
from callcenter.domain.center import Channel
from callcenter.domain.units import ContactId
from callcenter.intake.document import Document
from tests.adapters.fax import pages


def blank(**facts: str) -> Document:
    return Document(
        contact=ContactId("c"), channel=Channel.FAX, source="300", received=1, facts=facts
    )


def tiff(size: tuple[int, int], dpi: tuple[int, int] = (204, 196), count: int = 1) -> bytes:
    made = io.BytesIO()
    page = Image.new("1", size, 1)
    others = [page] * (count - 1)
    page.save(
        made, "TIFF", compression="group4", dpi=dpi, save_all=count > 1, append_images=others
    )  # fmt: skip
    return made.getvalue()


def test_a_fax_is_a_pdf_a_picture_of_each_page_and_a_small_one(tmp_path: Path) -> None:
    file = pages.write(tmp_path / "fax.tif", [1, 2, 3])
    reading = read_fax(file.read_bytes(), blank(pages="3"))
    assert [f.role for f in reading.files] == ["attachment", "pages", "pages", "pages", "thumbnail"]
    pdf, first, *_, small = reading.files
    with pdfium.PdfDocument(pdf.data) as printed:
        assert len(printed) == 3
        width, height = printed[2].get_size()
        assert round(width / 72, 1) == round(pages.WIDTH / 204, 1)
        assert round(height / 72, 1) == round(pages.HEIGHT / 196, 1)
    shown = Image.open(io.BytesIO(first.data))
    assert shown.size == (pages.WIDTH, round(pages.HEIGHT * 204 / 196))
    assert Image.open(io.BytesIO(small.data)).width == 240
    assert reading.document.facts["pages"] == "3"
    assert reading.document.subject == "Fax, 3 pages"


def test_only_confirmed_pages_are_shown(tmp_path: Path) -> None:
    file = pages.write(tmp_path / "fax.tif", [1, 2, 3])
    reading = read_fax(file.read_bytes(), blank(pages="2"))
    assert [f.role for f in reading.files].count("pages") == 2


def test_flat_dots_are_shown_as_high_as_they_are() -> None:
    reading = read_fax(tiff((1728, 1143), (204, 98)), blank())
    assert Image.open(io.BytesIO(reading.files[1].data)).size == (1728, 2379)


def test_a_page_that_says_nonsense_of_its_dots_is_taken_for_a_fine_one() -> None:
    reading = read_fax(tiff((1728, 100), (60_000, 1)), blank())
    assert Image.open(io.BytesIO(reading.files[1].data)).size == (1728, 104)


@pytest.mark.parametrize(("size", "count"), [((20_000, 20_000), 1), ((100, 20), 501)])
def test_a_file_that_unpacks_to_more_than_a_fax_is_refused(
    size: tuple[int, int], count: int
) -> None:
    bomb = tiff(size, count=count)
    assert len(bomb) < 200_000
    with pytest.raises((FaxTooLarge, Image.DecompressionBombError)):
        read_fax(bomb, blank())


def test_pages_that_only_become_too_large_when_stretched_are_refused() -> None:
    with pytest.raises(FaxTooLarge):
        read_fax(tiff((1728, 20_000), (1200, 60)), blank())


@pytest.mark.parametrize("wrong", [b"", b"II*\0", b"%PDF-1.4", tiff((100, 100))[:60]])
def test_what_is_no_fax_is_named_so(wrong: bytes) -> None:
    with pytest.raises((UnidentifiedImageError, OSError, ValueError)):
        read_fax(wrong, blank())
