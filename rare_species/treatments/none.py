"""Treatment none: the photo stays as it is."""

from __future__ import annotations

from PIL import Image

from rare_species.images.fit_to_square import Treat
from rare_species.treatments.treatment import Treatment


def make_nothing() -> Treat:
    """Make a function that leaves a photo as it is."""
    return keep


def keep(photo: Image.Image) -> Image.Image:
    """Return the photo unchanged."""
    return photo


TREATMENT = Treatment("none", make_nothing)
