"""Pages that are drawn, faxed and compared bit by bit."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

WIDTH, HEIGHT = 1728, 700


def draw(seed: int, height: int = HEIGHT) -> Image.Image:
    """A page of lines, boxes and words, the same for the same seed."""
    page = Image.new("1", (WIDTH, height), 1)
    pen, chance = ImageDraw.Draw(page), random.Random(seed)
    pen.text((100, 60), f"Page {seed}", fill=0)
    for _ in range(50):
        x, y = chance.randrange(WIDTH - 100), chance.randrange(60, height - 40)
        pen.rectangle((x, y, x + chance.randrange(90), y + chance.randrange(30)), outline=0)
    return page


def write(file: Path, seeds: Sequence[int], height: int = HEIGHT) -> Path:
    """A fine Group 4 TIFF of those pages."""
    first, *others = [draw(seed, height) for seed in seeds]
    first.save(
        file, save_all=True, append_images=others, compression="group4", dpi=(204, 196)
    )  # fmt: skip
    return file


def count(file: Path) -> int:
    """Readable pages of a TIFF; none when there is no file, or one without its first page."""
    try:
        image = Image.open(file)
    except (FileNotFoundError, UnidentifiedImageError):
        return 0
    with image:
        pages = getattr(image, "n_frames", 1)
        for number in range(pages):
            image.seek(number)
            image.load()
        return pages


def differing(file: Path, seeds: Sequence[int], height: int = HEIGHT) -> list[int]:
    """Pixels that differ on each page; -1 where the size does."""
    found = []
    with Image.open(file) as image:
        for number, seed in enumerate(seeds):
            image.seek(number)
            got, drawn = np.array(image.convert("1")), np.array(draw(seed, height))
            found.append(int((got != drawn).sum()) if got.shape == drawn.shape else -1)
    return found
