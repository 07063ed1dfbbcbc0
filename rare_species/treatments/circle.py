"""The circle around a photo's centre, outside of which two of the treatments change it."""

from __future__ import annotations

import functools
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import Field

from rare_species.common.validation import Parameters


class CircleParams(Parameters):
    """A circle around the centre; 1 is half the side of the photo, so that a radius of 1.42 reaches the corners."""

    radius: Annotated[float, Field(gt=0, le=1.5)]
    edge: Annotated[float, Field(ge=0, le=1.5)]


@functools.lru_cache(maxsize=2)
def disc(side_px: int, radius: float, edge: float) -> Image.Image:
    """Draw the weight of each pixel: 255 inside the circle, falling to 0 over `edge`.

    Args:
        side_px: side of the photo, in pixels.
        radius: of the circle, in halves of the side.
        edge: width of the fall, in halves of the side.

    Returns:
        A grey image (mode L) of that side.
    """
    offsets = (np.arange(side_px) + 0.5) * 2 / side_px - 1
    beyond = np.hypot(*np.meshgrid(offsets, offsets)) - radius
    weights = np.clip(1 - beyond / edge, 0, 1) if edge else beyond <= 0
    return Image.fromarray(np.rint(weights * 255.0).astype(np.uint8))
