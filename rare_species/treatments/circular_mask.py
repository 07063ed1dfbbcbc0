"""Treatment circular_mask: one colour covers everything except a circle around the centre."""

from __future__ import annotations

from functools import partial

from PIL import Image, ImageColor

from rare_species.images.fit_to_square import Treat
from rare_species.treatments.circle_geometry import CircleParams, disc
from rare_species.treatments.colour_parameter import Colour
from rare_species.treatments.treatment import Treatment


class CircularMaskParams(CircleParams):
    """The circle of the photo that is kept, and the colour around it."""

    colour: Colour


def make_circular_mask(parameters: CircularMaskParams) -> Treat:
    """Make a function that paints one colour over everything except the circle."""
    return partial(_paint_around, parameters=parameters, colour=ImageColor.getrgb(parameters.colour))


def _paint_around(photo: Image.Image, parameters: CircularMaskParams, colour: tuple[int, ...]) -> Image.Image:
    painted = Image.new("RGB", photo.size, colour)
    return Image.composite(photo, painted, disc(photo.width, parameters.radius, parameters.edge))


TREATMENT = Treatment("circular_mask", make_circular_mask, CircularMaskParams)
