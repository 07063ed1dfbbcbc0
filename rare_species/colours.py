"""Colours of photos as Pillow decodes them, in whatever mode, become RGB or grey, a strip at a time to save memory."""

from __future__ import annotations

from typing import Literal

from PIL import Image

from rare_species.depth import is_deep, is_stretched, to_8_bits
from rare_species.status import Guess
from rare_species.strips import strips

WHITE = (255, 255, 255)


def flat(image: Image.Image, mode: Literal["RGB", "L"] = "RGB") -> Image.Image:
    """Turn an image of any mode into colour or grey, with transparency over white.

    An alpha that hides all of it is ignored: it is a mistake of who wrote the file.

    Args:
        image: one that is decoded, as Pillow opened it.
        mode: "RGB" or "L".

    Returns:
        An image of that mode and the same size; the same one if it already is.
    """
    if is_deep(image):
        return to_8_bits(image).convert(mode)
    if image.mode == mode and not image.has_transparency_data:
        return image
    canvas, invisible = Image.new(mode, image.size), _is_invisible(image)
    for box in strips(image):
        part = image.crop(box)
        if invisible:
            part = part.convert("RGBA")
        elif part.has_transparency_data:
            part = Image.alpha_composite(Image.new("RGBA", part.size, (*WHITE, 255)), part.convert("RGBA"))
        canvas.paste(part.convert("RGB").convert(mode), box)
    return canvas


def one_colour(image: Image.Image) -> bool:
    """Whether an image of mode RGB or L is one colour everywhere."""
    return all(channel.getextrema()[0] == channel.getextrema()[1] for channel in image.split())


def guessed(image: Image.Image) -> Guess | None:
    """What `flat` guesses of an image, which may be of a JPEG that is not decoded: there is nothing to guess."""
    if is_stretched(image):
        return Guess.STRETCHED
    return Guess.OPAQUE if not is_deep(image) and _is_invisible(image) else None


def _is_invisible(image: Image.Image) -> bool:
    return image.has_transparency_data and all(
        image.crop(box).convert("RGBA").getchannel("A").getextrema() == (0, 0) for box in strips(image)
    )
