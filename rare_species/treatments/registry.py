"""Treatments of a fitted photo, which change how much a network sees of what surrounds the animal.

Photos are of their final side when they are treated: a network that finds the animal need not look at more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageColor, ImageFilter

from rare_species.images.fit import Treatment
from rare_species.params.preprocess import (
    TREATMENT_KNOBS,
    CircularMaskParams,
    PeripheralBlurParams,
    PreprocessParams,
    TreatmentName,
)
from rare_species.treatments.remove_background import remove_background


def treatment_recipe(name: TreatmentName, knobs: PreprocessParams) -> dict[str, Any]:
    """Say how to treat photos, in words for a JSON file.

    Args:
        name: of the treatment.
        knobs: those of all treatments.

    Returns:
        The name and the knobs of that treatment alone, such as `{"name": "circular_mask", "radius": 1.0, ...}`.
    """
    return {"name": name} | (getattr(knobs, name).model_dump() if name in TREATMENT_KNOBS else {})


def make_treatment(recipe: Mapping[str, Any]) -> Treatment:
    """Make the function that a recipe describes.

    Args:
        recipe: from `treatment_recipe`.

    Returns:
        A picklable function from a square RGB image to another of the same side. Like the photo, its result depends
        on nothing but its argument.

    Raises:
        UserError: when it is to remove backgrounds and has no network for it.
    """
    name = recipe["name"]
    if name in PLAIN:
        return PLAIN[name]
    knobs = {knob: value for knob, value in recipe.items() if knob != "name"}
    return FACTORIES[name](TREATMENT_KNOBS[name].model_validate(knobs))


def keep(photo: Image.Image) -> Image.Image:
    """Leave a photo as it is."""
    return photo


def grayscale(photo: Image.Image) -> Image.Image:
    """Replace all three channels by the luma of ITU-R BT.601-7, section 2.5.1."""
    return photo.convert("L").convert("RGB")


def circular_mask(knobs: CircularMaskParams) -> Treatment:
    """Make a function that paints one colour over all but a circle around the centre."""
    return partial(_paint_around, knobs=knobs, colour=ImageColor.getrgb(knobs.colour))


def peripheral_blur(knobs: PeripheralBlurParams) -> Treatment:
    """Make a function that blurs all but a circle around the centre."""
    return partial(_blur_around, knobs=knobs)


PLAIN: Mapping[str, Treatment] = {"none": keep, "grayscale": grayscale}
FACTORIES: Mapping[TreatmentName, Callable[[Any], Treatment]] = {
    "circular_mask": circular_mask,
    "peripheral_blur": peripheral_blur,
    "remove_background": remove_background,
}


def _paint_around(photo: Image.Image, knobs: CircularMaskParams, colour: tuple[int, ...]) -> Image.Image:
    return Image.composite(photo, Image.new("RGB", photo.size, colour), _disc(photo.width, knobs.radius, knobs.edge))


def _blur_around(photo: Image.Image, knobs: PeripheralBlurParams) -> Image.Image:
    blurred = photo.filter(ImageFilter.GaussianBlur(knobs.sigma * photo.width))
    return Image.composite(photo, blurred, _disc(photo.width, knobs.radius, knobs.edge))


@functools.lru_cache(maxsize=2)
def _disc(side_px: int, radius: float, edge: float) -> Image.Image:
    """Weight of each pixel in a circle: 255 inside, falling to 0 over `edge`; lengths in halves of the side."""
    offsets = (np.arange(side_px) + 0.5) * 2 / side_px - 1
    beyond = np.hypot(*np.meshgrid(offsets, offsets)) - radius
    weights = np.clip(1 - beyond / edge, 0, 1) if edge else beyond <= 0
    return Image.fromarray(np.rint(weights * 255.0).astype(np.uint8))
