"""Treatment peripheral_blur: everything is blurred except a circle around the centre."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from PIL import Image, ImageFilter
from pydantic import Field

from rare_species.images.fit_to_square import Treat
from rare_species.treatments.circle_geometry import CircleParams, disc
from rare_species.treatments.treatment import Treatment


class PeripheralBlurParams(CircleParams):
    """The circle that stays sharp, and the blur around it; `sigma` is the blur's standard deviation in photo sides."""

    sigma: Annotated[float, Field(gt=0, le=0.5)]


def make_peripheral_blur(parameters: PeripheralBlurParams) -> Treat:
    """Make a function that blurs everything except the circle."""
    return partial(_blur_around, parameters=parameters)


def _blur_around(photo: Image.Image, parameters: PeripheralBlurParams) -> Image.Image:
    blurred = photo.filter(ImageFilter.GaussianBlur(parameters.sigma * photo.width))
    return Image.composite(photo, blurred, disc(photo.width, parameters.radius, parameters.edge))


TREATMENT = Treatment("peripheral_blur", make_peripheral_blur, PeripheralBlurParams)
