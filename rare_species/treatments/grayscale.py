"""Treatment grayscale: photos without colour, which shows how much a model relies on colour."""

from __future__ import annotations

from PIL import Image

from rare_species.images.fit_to_square import Treat
from rare_species.treatments.treatment import Treatment


def make_grayscale() -> Treat:
    """Make a function that sets all three channels to the luma of ITU-R BT.601-7, section 2.5.1."""
    return _to_grey


def _to_grey(photo: Image.Image) -> Image.Image:
    return photo.convert("L").convert("RGB")


TREATMENT = Treatment("grayscale", make_grayscale)
