"""Section `preprocess` of params.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from PIL import ImageColor
from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
)

from rare_species.common.image_formats import Resize
from rare_species.common.validation import Section

TreatmentName = Literal["none", "grayscale", "circular_mask", "peripheral_blur", "remove_background"]


def _check_colour(text: str) -> str:
    try:
        channels = len(ImageColor.getrgb(text))
    except ValueError:
        channels = 0
    if channels != 3:
        raise ValueError("Input should be an opaque colour: a name such as white, or a code such as '#7c7468'")
    return text


Colour = Annotated[str, AfterValidator(_check_colour)]


class CircleParams(Section):
    """A circle around the centre; 1 is half the side of the photo, so that a radius of 1.42 reaches the corners."""

    radius: Annotated[float, Field(gt=0, le=1.5)]
    edge: Annotated[float, Field(ge=0, le=1.5)]


class CircularMaskParams(CircleParams):
    """What stays of a photo, and the colour around it."""

    colour: Colour


class PeripheralBlurParams(CircleParams):
    """What stays sharp, and the standard deviation of the blur around it as a share of the side."""

    sigma: Annotated[float, Field(gt=0, le=0.5)]


class RemoveBackgroundParams(Section):
    """Which of rembg's networks finds the animal, where its weights come from, and the colour behind it."""

    model: Literal["u2netp", "u2net", "silueta", "isnet-general-use"]
    weights: str
    colour: Colour


TREATMENT_KNOBS: Mapping[str, type[Section]] = {
    "circular_mask": CircularMaskParams,
    "peripheral_blur": PeripheralBlurParams,
    "remove_background": RemoveBackgroundParams,
}


class PreprocessParams(Section):
    """Section `preprocess`: the packed images' side, how photos are fitted to it and treated, and JPEG quality."""

    image_size: Annotated[int, Field(ge=16, le=1024)]
    resize: Resize
    treatment: TreatmentName
    circular_mask: CircularMaskParams
    peripheral_blur: PeripheralBlurParams
    remove_background: RemoveBackgroundParams
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    shard_images: PositiveInt
