"""The writer's process: text or a PDF become the pages of one fax, with little time and memory.

    parent ── order as one line, then the PDF ──► writes ── the TIFF, or one line of what is wrong

Why: a PDF is a program that a stranger may have written. A process of its own can run out of time
or memory, or die, and nobody else notices. What it makes is what machines take: 204 by 196 dots to
the inch, 1728 wide, one bit, Group 4.

Dots are black or white by a threshold and not by a raster, which would make each page ten times as
long on the line; photographs suffer, letters do not.

Run as `python -m callcenter.adapters.fax.writer`.

Sources: ITU-T T.4 2 (dots), T.6 in TIFF (TIFF 6.0 section 11).
"""

from __future__ import annotations

import ctypes
import io
import json
import resource
import signal
import sys
from typing import Any

import msgspec
from PIL import Image, ImageDraw, ImageFont

from callcenter.intake.fax_order import CannotFax, Cover, FaxOrder

WIDTH, HEIGHT = 1728, 2287
"""A4 in fine resolution."""
DPI = (204, 196)
STRETCH = DPI[1] / DPI[0]
MARGIN = 110
THRESHOLD = 160
PAGES_MAX = 200
TEXT_MAX = 40_000
LETTERS, SMALL, LARGE = 34, 28, 96
"""Heights in dots."""
MEMORY_BYTES_MAX = 1024 * 1024 * 1024
CPU_SECONDS_MAX = 60
_PR_SET_PDEATHSIG = 1


def write_fax(order: FaxOrder, pdf: bytes) -> tuple[bytes, int]:
    """The TIFF, and how many pages it has. Raises `CannotFax`."""
    if len(order.text) > TEXT_MAX:
        raise CannotFax(f"text: at most {TEXT_MAX} letters; send a PDF")
    pages = _text_pages(order.text) if order.text.strip() else []
    pages += _pdf_pages(pdf) if pdf else []
    if order.cover is not None:
        pages.insert(0, _cover_page(order.cover, len(pages) + 1))
    if not pages:
        raise CannotFax("there is nothing to send: give a text or a PDF")
    if len(pages) > PAGES_MAX:
        raise CannotFax(f"a fax of ours has at most {PAGES_MAX} pages, this one {len(pages)}")
    made = io.BytesIO()
    pages[0].save(
        made, "TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=DPI
    )  # fmt: skip
    return made.getvalue(), len(pages)


# ---- text -------------------------------------------------------------------------------------


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise CannotFax("Pillow was built without FreeType: send a PDF")
    return font


def _require_letters(text: str, font: ImageFont.FreeTypeFont) -> None:
    """Better refused than faxed as empty boxes."""
    empty = bytes(font.getmask("\U0010fffe"))
    strange = sorted(
        {c for c in text if not c.isspace() and c != "?" and bytes(font.getmask(c)) == empty}
    )
    if strange:
        shown = " ".join(strange[:10])
        raise CannotFax(f"our letters have no {shown}: send a PDF")


def _lines(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Broken at spaces, or within a word that is too long for a line."""
    width = WIDTH - 2 * MARGIN
    found: list[str] = []
    for paragraph in text.replace("\r\n", "\n").expandtabs(4).split("\n"):
        line = ""
        for word in paragraph.split(" "):
            tried = f"{line} {word}" if line else word
            if font.getlength(tried) <= width:
                line = tried
                continue
            if line:
                found.append(line)
            line = word
            while font.getlength(line) > width:
                fits = len(line)
                while fits > 1 and font.getlength(line[:fits]) > width:
                    fits -= max(1, fits // 8)
                found.append(line[:fits])
                line = line[fits:]
        found.append(line)
    return found


def _text_pages(text: str) -> list[Image.Image]:
    font = _font(LETTERS)
    _require_letters(text, font)
    lines = _lines(text.strip("\n"), font)
    each = (HEIGHT - 2 * MARGIN) // (LETTERS * 4 // 3)
    return [_page(lines[at : at + each], font) for at in range(0, len(lines), each)]


def _page(lines: list[str], font: ImageFont.FreeTypeFont) -> Image.Image:
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + number * (LETTERS * 4 // 3)), line, fill=0, font=font)
    return _black_and_white(page)


def _cover_page(cover: Cover, pages: int) -> Image.Image:
    page = Image.new("L", (WIDTH, HEIGHT), 255)
    pen = ImageDraw.Draw(page)
    pen.text((MARGIN, MARGIN), "Fax", fill=0, font=_font(LARGE))
    font, small = _font(LETTERS), _font(SMALL)
    rows = [
        ("To", cover.to), ("From", cover.sender), ("Date", cover.date),
        ("Pages", f"{pages}, with this one"), ("Subject", cover.subject),
    ]  # fmt: skip
    down = MARGIN + 2 * LARGE
    for name, value in rows:
        if value:
            _require_letters(value, font)
            pen.text((MARGIN, down + 4), name, fill=0, font=small)
            pen.text((MARGIN + 220, down), _lines(value, font)[0][:70], fill=0, font=font)
            down += LETTERS * 2
    pen.line((MARGIN, down, WIDTH - MARGIN, down), fill=0, width=3)
    down += LETTERS
    _require_letters(cover.message, font)
    room = (HEIGHT - MARGIN - down) // (LETTERS * 4 // 3)
    lines = _lines(cover.message, font) if cover.message.strip() else []
    if len(lines) > room:
        raise CannotFax("the message is too long for the cover page: give it as text")
    for line in lines:
        pen.text((MARGIN, down), line, fill=0, font=font)
        down += LETTERS * 4 // 3
    return _black_and_white(page)


# ---- PDF --------------------------------------------------------------------------------------


def _pdf_pages(pdf: bytes) -> list[Image.Image]:
    """Each page as large as it fits, at the top."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(pdf)
    except pypdfium2.PdfiumError as wrong:
        raise CannotFax(f"pdf: it cannot be read, or asks for a password ({wrong})") from wrong
    count = len(document)
    if count > PAGES_MAX:
        raise CannotFax(f"pdf: at most {PAGES_MAX} pages, this one has {count}")
    return [_pdf_page(document[number]) for number in range(count)]


def _pdf_page(page: Any) -> Image.Image:
    width, height = page.get_size()
    if not 0 < width < 20_000 or not 0 < height < 20_000:
        raise CannotFax(f"pdf: a page of {width:.0f} by {height:.0f} points")
    turned = width > height  # a page that lies is turned, as it would be put into a machine
    if turned:
        width, height = height, width
    scale = min(WIDTH / width, HEIGHT / STRETCH / height)
    drawn = page.render(scale=scale, rotation=90 if turned else 0, grayscale=True).to_pil()
    drawn = drawn.convert("L").resize((drawn.width, max(1, round(drawn.height * STRETCH))))
    whole = Image.new("L", (WIDTH, HEIGHT), 255)
    whole.paste(drawn, (max(0, (WIDTH - drawn.width) // 2), 0))
    return _black_and_white(whole)


def _black_and_white(page: Image.Image) -> Image.Image:
    return page.point(lambda level: 255 if level > THRESHOLD else 0).convert(
        "1", dither=Image.Dither.NONE
    )


def main() -> None:
    """Write one fax and end."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=FaxOrder)
    pdf = sys.stdin.buffer.read(order.pdf_bytes)
    try:
        tiff, pages = write_fax(order, pdf)
        head = {"pages": pages, "bytes": len(tiff)}
    except CannotFax as wrong:
        tiff, head = b"", {"wrong": str(wrong)}  # type: ignore[dict-item]
    except (Exception, MemoryError) as failed:  # noqa: BLE001 told as what it is, and no more
        name = type(failed).__name__
        tiff, head = b"", {"wrong": f"no pages can be made of it ({name})"}  # type: ignore[dict-item]
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + tiff)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
