"""Convert photos of any Pillow mode to RGB or grey, a strip at a time to save memory."""

from __future__ import annotations

from typing import Literal

from PIL import Image

from rare_species.common.photo_status import Guess
from rare_species.images.bit_depth import is_deep, to_8_bits
from rare_species.images.row_strips import strips

WHITE = (255, 255, 255)


def flat(image: Image.Image, mode: Literal["RGB", "L"] = "RGB") -> Image.Image:
    """Do what `flatten` does, and ignore how the image was interpreted."""
    return flatten(image, mode)[0]


def flatten(image: Image.Image, mode: Literal["RGB", "L"]) -> tuple[Image.Image, Guess | None]:
    """Convert a decoded image of any mode to RGB or grey, with transparency over white.

    An alpha channel that hides the whole picture is ignored: whoever wrote the file made a mistake.

    Args:
        image: a decoded image, as Pillow opened it.
        mode: "RGB" or "L".

    Returns:
        The image in that mode and the same size (the same object if it already has the mode), and how it was
        interpreted, None where it means what it says.
    """
    if is_deep(image):
        grey, stretched = to_8_bits(image)
        return grey.convert(mode), Guess.STRETCHED if stretched else None
    if image.mode == mode and not image.has_transparency_data:
        return image, None
    canvas, invisible = Image.new(mode, image.size), _is_invisible(image)
    for box in strips(image):
        part = image.crop(box)
        if invisible:
            part = part.convert("RGBA")
        elif part.has_transparency_data:
            part = Image.alpha_composite(Image.new("RGBA", part.size, (*WHITE, 255)), part.convert("RGBA"))
        canvas.paste(part.convert("RGB").convert(mode), box)
    return canvas, Guess.OPAQUE if invisible else None


def one_colour(image: Image.Image) -> bool:
    """Return whether an image of mode RGB or L has one colour everywhere."""
    return all(channel.getextrema()[0] == channel.getextrema()[1] for channel in image.split())


def _is_invisible(image: Image.Image) -> bool:
    return image.has_transparency_data and all(
        image.crop(box).convert("RGBA").getchannel("A").getextrema() == (0, 0) for box in strips(image)
    )
