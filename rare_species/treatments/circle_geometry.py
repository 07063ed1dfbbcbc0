"""The circle around a photo's centre; two treatments change the photo outside it."""

from __future__ import annotations

import functools
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import Field

from rare_species.common.validated_types import Parameters


class CircleParams(Parameters):
    """A circle around the photo's centre.

    The unit is half the side of the photo, so a radius of 1.42 reaches the corners.
    """

    radius: Annotated[float, Field(gt=0, le=1.5)]
    edge: Annotated[float, Field(ge=0, le=1.5)]


@functools.lru_cache(maxsize=2)
def disc(side_px: int, radius: float, edge: float) -> Image.Image:
    """Draw a mask of the circle: 255 inside, falling to 0 over a soft edge.

    Args:
        side_px: side of the photo, in pixels.
        radius: radius of the circle, in halves of the side.
        edge: width of the soft edge, in halves of the side; 0 for a hard edge.

    Returns:
        A square grey image (mode L) with sides of `side_px`.
    """
    offsets = (np.arange(side_px) + 0.5) * 2 / side_px - 1
    beyond = np.hypot(*np.meshgrid(offsets, offsets)) - radius
    weights = np.clip(1 - beyond / edge, 0, 1) if edge else beyond <= 0
    return Image.fromarray(np.rint(weights * 255.0).astype(np.uint8))
