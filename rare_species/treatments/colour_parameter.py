"""The type of a colour in params.yaml: an opaque colour, as a name or a code."""

from __future__ import annotations

from typing import Annotated

from PIL import ImageColor
from pydantic import AfterValidator


def _check_colour(text: str) -> str:
    try:
        channels = len(ImageColor.getrgb(text))
    except ValueError:
        channels = 0
    if channels != 3:
        raise ValueError("Input should be an opaque colour: a name such as white, or a code such as '#7c7468'")
    return text


Colour = Annotated[str, AfterValidator(_check_colour)]
