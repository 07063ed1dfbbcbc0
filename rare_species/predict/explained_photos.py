"""Write photos under their heatmaps, and choose where they go."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rare_species.common.errors import UserError
from rare_species.common.locking import LOCK
from rare_species.common.staged_files import file_in_the_way, staged
from rare_species.evaluate.heatmap_overlay import overlay
from rare_species.layouts.safe_names import MAX_PART_BYTES

EXPLANATION, QUALITY = ".gradcam.jpg", 90  # suffix and JPEG quality of the explanations


@dataclass(frozen=True)
class Overlays:
    """The folder for explanations, which are photos under their heatmaps.

    Attributes:
        folder: folder for all explanations.
        parent: deepest folder that holds all photos. Explanations lie below `folder` as the photos lie below `parent`.
    """

    folder: Path
    parent: Path

    @classmethod
    def beside(cls, folder: Path, files: Sequence[Path]) -> Overlays:
        """Lay out the explanations of these photos in a folder.

        Raises:
            UserError: if `folder` is a file, if it holds some of the photos (the next run would take explanations for
                photos), or if a photo's name is too long to add the suffix.
        """
        if blocking := file_in_the_way(folder):
            raise UserError(
                f"Expected --explain to name a folder. Received: {folder}, and {blocking} is a file. "
                "Name another folder."
            )
        places = [_normal(file) for file in files]
        inside = [file for file, place in zip(files, places, strict=True) if place.is_relative_to(_normal(folder))]
        if inside:
            raise UserError(
                "Expected --explain to name a folder without the photos, or the next run would take explanations for "
                f"photos. Received: {folder}, which holds {inside[0]}. Name a folder that holds none of the photos."
            )
        longest = max(files, key=lambda file: len(os.fsencode(file.name)))
        if len(os.fsencode(longest.name + EXPLANATION + LOCK)) > MAX_PART_BYTES:
            raise UserError(
                f"Expected names that leave room for {EXPLANATION} with --explain. Received: {longest.name}, of "
                f"{len(os.fsencode(longest.name))} bytes. Shorten it."
            )
        return cls(folder, Path(os.path.commonpath([place.parent for place in places])))

    def write(self, photo: Path, pixels: NDArray[np.uint8], heatmap: NDArray[np.float32]) -> None:
        """Write a photo under the heatmap of its likeliest family.

        Args:
            photo: path of the photo, which decides the name of the explanation.
            pixels: the photo as the network saw it, uint8 array of shape (side, side, 3), RGB.
            heatmap: float32 array of shape (side, side) in [0, 1].
        """
        path = self.folder / f"{_normal(photo).relative_to(self.parent)}{EXPLANATION}"
        drawn = io.BytesIO()  # when Pillow writes a file itself, it misses that a full disk cut it off
        overlay(pixels, heatmap).save(drawn, "JPEG", quality=QUALITY)
        with staged(path) as (partial,):
            partial.write_bytes(drawn.getvalue())


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))
