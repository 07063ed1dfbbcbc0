"""Process a picture a few rows at a time, so that the memory never holds a second copy of a large one."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

STRIP_PIXELS = 1_000_000


def strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes for `Image.crop`, as wide as the picture, from top to bottom."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)
