"""Where photos with their heatmaps go, and how they are written."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rare_species.common.errors import UserError
from rare_species.common.files import file_in_the_way, staged
from rare_species.common.locking import LOCK
from rare_species.evaluate.overlay import overlay
from rare_species.layouts.safe_names import MAX_PART_BYTES

if TYPE_CHECKING:
    pass
EXPLANATION, QUALITY = ".gradcam.jpg", 90  # how explanations end, and as what JPEG they are written


@dataclass(frozen=True)
class Overlays:
    """Where explanations go.

    Attributes:
        folder: of all of them.
        parent: the folder that holds all photos; below `folder` they are laid out as below this one.
    """

    folder: Path
    parent: Path

    @classmethod
    def beside(cls, folder: Path, files: Sequence[Path]) -> Overlays:
        """Choose names for the explanations of these photos.

        Raises:
            UserError: when it is a file, or photos lie in it, so that the next run would take explanations for photos.
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
        """Draw a photo, as the network saw it, under the heatmap of its likeliest family."""
        path = self.folder / f"{_normal(photo).relative_to(self.parent)}{EXPLANATION}"
        drawn = io.BytesIO()  # where Pillow itself writes a file, it does not see that a full disk took only a part
        overlay(pixels, heatmap).save(drawn, "JPEG", quality=QUALITY)
        with staged(path) as (partial,):
            partial.write_bytes(drawn.getvalue())


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))
