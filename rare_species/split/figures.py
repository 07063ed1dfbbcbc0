"""Pictures of stage split: number of images of each family in each split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rare_species.common.csv_tables import SPLITS
from rare_species.figures.bars import family_counts
from rare_species.figures.style import save_png


def draw_split(photos: pd.DataFrame, folder: Path) -> None:
    """Draw families.png: the number of images of each family in each split."""
    counts = pd.crosstab(photos["family"], photos["split"]).reindex(columns=list(SPLITS), fill_value=0)
    save_png(family_counts(counts, "images per family and split"), folder / "families.png")
