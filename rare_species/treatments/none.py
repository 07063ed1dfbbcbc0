"""No treatment: the photo as it is."""

from __future__ import annotations

from PIL import Image

from rare_species.images.fit import Treat
from rare_species.treatments.treatment import Treatment


def make_nothing() -> Treat:
    """Make a function that leaves a photo as it is."""
    return keep


def keep(photo: Image.Image) -> Image.Image:
    """Leave a photo as it is."""
    return photo


TREATMENT = Treatment("none", make_nothing)
