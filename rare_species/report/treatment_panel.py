"""Draw the same photos under every treatment, side by side."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from rare_species.common.csv_tables import read_checked
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.figures.contact_sheet import contact_sheet
from rare_species.images.fit_to_square import Treat, fit_square
from rare_species.params.preprocess import PreprocessParams
from rare_species.treatments.registry import TREATMENTS, make_treatment

PHOTOS = 5  # number of photos, each of a different family; the families are spread over the alphabet
log = logging.getLogger(__name__)


def available_treatments(params: PreprocessParams) -> dict[str, Treat]:
    """Make all treatments, by name; one that can't be made is left out, and the log says why."""
    treatments = {}
    for name in TREATMENTS:
        try:
            treatments[name] = make_treatment(params.recipe(name))
        except UserError as error:
            log.warning("%s is left out. %s", name, error)
    return treatments


def draw_panel(photos: Sequence[Image.Image], treatments: dict[str, Treat]) -> Figure:
    """Draw a row of photos for each treatment.

    Args:
        photos: fitted photos, all of the same side.
        treatments: functions that treat a photo, by name of the treatment.
    """
    treated = [treat(photo) for treat in treatments.values() for photo in photos]
    captions = [name for name in treatments for _ in photos]
    return contact_sheet(treated, captions, "preprocess.treatment", columns=len(photos))


def choose_photos(paths: Paths, params: PreprocessParams) -> list[Image.Image]:
    """Choose one photo from each of a few families, and fit it as stage preprocess does."""
    first = read_checked(paths.assignments, ("file_path", "family")).drop_duplicates("family").sort_values("family")
    places = np.linspace(0, len(first) - 1, min(PHOTOS, len(first))).astype(int)
    files = [paths.images / path for path in first["file_path"].iloc[places]]
    return [fit_square(file.read_bytes(), params.image_size, params.resize) for file in files]
