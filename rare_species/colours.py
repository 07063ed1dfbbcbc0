"""Colours of photos as Pillow decodes them, in whatever mode, become RGB or grey, a strip at a time to save memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from PIL import Image

from rare_species.depth import is_deep, to_8_bits

WHITE = (255, 255, 255)
STRIP_PIXELS = 1_000_000


def flat(image: Image.Image, mode: Literal["RGB", "L"] = "RGB") -> Image.Image:
    """Turn an image of any mode into colour or grey, with transparency over white.

    An alpha that hides all of it is ignored: it is a mistake of who wrote the file.

    Args:
        image: one that is decoded, as Pillow opened it.
        mode: "RGB" or "L".

    Returns:
        An image of that mode and the same size; the same one if it already is.
    """
    if image.mode == mode and not image.has_transparency_data and not is_deep(image):
        return image
    if is_deep(image):
        return to_8_bits(image).convert(mode)
    canvas, transparent = Image.new(mode, image.size), image.has_transparency_data and _is_invisible(image)
    for box in _strips(image):
        part = image.crop(box)
        if part.has_transparency_data and not transparent:
            part = Image.alpha_composite(Image.new("RGBA", part.size, (*WHITE, 255)), part.convert("RGBA"))
        elif transparent:
            part = part.convert("RGBA")
        canvas.paste(part.convert("RGB").convert(mode), box)
    return canvas


def one_colour(image: Image.Image) -> bool:
    """Whether an image of mode RGB or L is one colour everywhere."""
    return all(channel.getextrema()[0] == channel.getextrema()[1] for channel in image.split())


def _is_invisible(image: Image.Image) -> bool:
    return all(image.crop(box).convert("RGBA").getchannel("A").getextrema() == (0, 0) for box in _strips(image))


def _strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)
