"""Overlays of heatmaps on photos."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

COLOURS = "inferno"
STRONGEST = 0.65  # opacity of the hottest spot


def overlay(photo: NDArray[Any], heatmap: NDArray[np.float32]) -> Image.Image:
    """Lay a heatmap over a photo; hotter places are brighter and more opaque.

    Args:
        photo: array of shape (side, side, 3), RGB in [0, 255].
        heatmap: array of shape (side, side) in [0, 1].
    """
    colours = colormaps[COLOURS](heatmap)[..., :3] * 255
    share = STRONGEST * heatmap[..., None]
    return Image.fromarray(np.rint((1 - share) * photo + share * colours).astype(np.uint8))
