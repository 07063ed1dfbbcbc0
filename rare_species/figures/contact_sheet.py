"""Sheets of photos with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from rare_species.figures.fonts import legible
from rare_species.figures.style import INK

SHEET_COLUMNS = 6
SHEET_PHOTOS = 36  # at most, on one sheet


def contact_sheet(
    photos: Sequence[Image.Image | None], captions: Sequence[str], title: str, columns: int = SHEET_COLUMNS
) -> Figure:
    """Draw a grid of photos with a caption below each.

    Args:
        photos: photos; None draws an empty frame, for a file that is no image.
        captions: one caption per photo.
        title: title of the figure, which is all it shows when there are no photos.
        columns: photos per row.
    """
    rows = max(1, -(-len(photos) // columns))
    figure = Figure(figsize=(2.0 * columns, 2.4 * rows + 0.5), layout="constrained")
    figure.suptitle(title, fontsize=12, color=INK)
    captions, fonts = legible(captions)
    for number, (photo, caption) in enumerate(zip(photos, captions, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.set(xticks=[], yticks=[], frame_on=False)
        axes.set_xlabel(caption, fontsize=7, fontfamily=fonts, color=INK, labelpad=2, parse_math=False)
        if photo is None:
            axes.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=9, color=INK, transform=axes.transAxes)
        axes.imshow(np.full((8, 8, 3), 235, np.uint8) if photo is None else np.asarray(photo))
    return figure
