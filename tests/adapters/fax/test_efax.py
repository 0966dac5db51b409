"""Faxes with a T.30 that is none of ours: Debian's efax, both ways, bit by bit."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from callcenter.adapters.fax.terminal import AudioFax
from tests.adapters.fax import pages
from tests.adapters.fax.efax import Efax
from tests.adapters.fax.line import RECEIVER, SENDER

HEIGHT = 2200
ITS_HEADER = 20
"""Lines that efax sends above each page, an empty header included."""


def dots(file: Path, above: int = 0) -> NDArray[np.bool_]:
    """A page as it came, without so many lines above it."""
    with Image.open(file) as image:
        return np.array(image.convert("1"), np.bool_)[above : above + HEIGHT]


def test_efax_sends_and_every_dot_arrives(tmp_path: Path) -> None:
    source = tmp_path / "page.tif"
    pages.draw(1, HEIGHT).save(
        source, compression="group3", dpi=(204, 196), tiffinfo={278: HEIGHT}
    )  # fmt: skip
    end = AudioFax(RECEIVER, receive=tmp_path / "got.tif")
    efax = Efax(tmp_path, "-t", "T100", str(source))
    try:
        code = efax.fax(end)
    finally:
        efax.close()
    report = end.hang_up()
    end.close()
    assert code == 0, efax.words
    assert (report.code, report.pages, report.bad_rows) == (0, 1, 0), efax.words
    assert (dots(tmp_path / "got.tif", ITS_HEADER) == np.array(pages.draw(1, HEIGHT))).all()


def test_efax_receives_every_dot_of_ours(tmp_path: Path) -> None:
    source = pages.write(tmp_path / "sent.tif", [2], HEIGHT)
    end = AudioFax(SENDER, send=source)
    efax = Efax(tmp_path, "-r", "got")
    try:
        code = efax.fax(end)
    finally:
        efax.close()
    report = end.hang_up()
    end.close()
    assert code == 0, efax.words
    assert (report.code, report.pages) == (0, 1), efax.words
    assert (dots(tmp_path / "got.001") == np.array(pages.draw(2, HEIGHT))).all()
