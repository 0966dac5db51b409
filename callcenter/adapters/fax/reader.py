"""The pages of a fax as a person reads them: a PDF, a picture of each page, a small one of the first.

Why: fax dots are not square (204 by 98 or 196 to the inch), so a page shown as it came is flat. The
PDF keeps the dots as they are and says how large they are; pictures are stretched.

Whoever sends a TIFF chooses what it says of itself: a picture of four hundred million dots is a
file of 25 kB. Pages are counted and measured before anything is unpacked; what is over the limits
is shown as it came, by name.

Sources: TIFF 6.0; ITU-T T.4 2 (dots).
"""

import io

import msgspec
from PIL import Image

from callcenter.intake.document import Document
from callcenter.intake.reading import File, Reading

PAGES_MAX = 500
DOTS_MAX = 40_000_000
"""Of one page: A3 in 400 dots to the inch has 31 million."""
DPI_MAX = 1200
DPI = (204.0, 196.0)
"""Of a page that does not say."""
THUMBNAIL_WIDTH = 240
PDF_NAME = "fax.pdf"


class FaxTooLarge(ValueError):
    """More pages or dots than a fax has."""


def read_fax(data: bytes, blank: Document) -> Reading:
    """PDF, pictures and facts. Raises `FaxTooLarge`, `OSError`, `ValueError` for what is no fax."""
    count = int(blank.facts.get("pages", "0") or 0)
    pages = _pages(data, count)
    files = [File(data=_pdf(pages), name=PDF_NAME, type="application/pdf", role="attachment")]
    shown = [_square(page, dpi) for page, dpi in pages]
    files += [
        File(data=_png(page), name=f"page-{number}.png", type="image/png", role="pages")
        for number, page in enumerate(shown, 1)
    ]
    files.append(
        File(data=_png(_small(shown[0])), name="first.png", type="image/png", role="thumbnail")
    )
    facts = {**blank.facts, "pages": str(len(pages))}
    subject = "Fax, 1 page" if len(pages) == 1 else f"Fax, {len(pages)} pages"
    document = msgspec.structs.replace(blank, subject=subject, facts=facts)
    return Reading(document=document, files=tuple(files))


def _pages(data: bytes, count: int) -> list[tuple[Image.Image, tuple[float, float]]]:
    """The first `count` pages (all, when 0), each with its dots to the inch."""
    found = []
    with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
        there = int(getattr(image, "n_frames", 1))
        if there > PAGES_MAX:
            raise FaxTooLarge(f"{there} pages")
        for number in range(min(there, count) if count else there):
            image.seek(number)
            width, height = image.size
            if width * height > DOTS_MAX:
                raise FaxTooLarge(f"a page of {width} by {height} dots")
            found.append((image.convert("1"), _resolution(image)))
    return found


def _resolution(image: Image.Image) -> tuple[float, float]:
    across, down = (float(x) for x in image.info.get("dpi", DPI))
    if not 1 < across <= DPI_MAX or not 1 < down <= DPI_MAX:
        return DPI
    return across, down


def _pdf(pages: list[tuple[Image.Image, tuple[float, float]]]) -> bytes:
    """One page after the other, in the size of the paper."""
    made = io.BytesIO()
    for number, (page, dpi) in enumerate(pages):
        made.seek(0)
        page.save(made, "PDF", append=number > 0, dpi=dpi)
    return made.getvalue()


def _square(page: Image.Image, dpi: tuple[float, float]) -> Image.Image:
    """With dots as high as they are wide."""
    height = max(1, round(page.height * dpi[0] / dpi[1]))
    if page.width * height > DOTS_MAX:
        raise FaxTooLarge(f"a page of {page.width} by {height} dots")
    return page if height == page.height else page.resize((page.width, height))


def _small(page: Image.Image) -> Image.Image:
    height = max(1, round(page.height * THUMBNAIL_WIDTH / page.width))
    return page.convert("L").resize((THUMBNAIL_WIDTH, height), Image.Resampling.BOX)


def _png(page: Image.Image) -> bytes:
    made = io.BytesIO()
    page.save(made, "PNG")
    return made.getvalue()
