"""Pictures of stage preprocess: a contact sheet of packed photos for each split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from rare_species.common.csv_tables import SPLITS
from rare_species.common.terminal import count
from rare_species.data.shards import Packed
from rare_species.figures.contact_sheet import SHEET_PHOTOS, contact_sheet
from rare_species.figures.style import save_jpeg


def draw_packed(packed: Packed, families: Mapping[str, str], folder: Path) -> None:
    """Draw train.jpg, val.jpg and test.jpg: photos of as many families as fit on a sheet.

    Args:
        packed: the packed photos of all splits.
        families: family of each photo, by `file_path`.
        folder: folder to write the pictures to.
    """
    for split in SPLITS:
        rows = packed.rows(split)
        shown = _spread(rows)
        photos = list(packed.photos(shown))
        captions = [families[path] for path in shown["file_path"]]
        sheet = contact_sheet(photos, captions, f"{split}: {count(len(rows), 'photo')}, {len(shown)} shown")
        save_jpeg(sheet, folder / f"{split}.jpg")


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    """Choose at most `SHEET_PHOTOS` photos: one of each class, then a second of each, and so on; sorted by class."""
    rows = rows.sort_values(["class_id", "file_path"])
    turn = rows.groupby("class_id").cumcount()
    in_turn = rows.loc[turn.sort_values(kind="stable").index]
    pool = in_turn.head(max(SHEET_PHOTOS, int((turn == 0).sum())))
    places = np.unique(np.linspace(0, len(pool) - 1, min(SHEET_PHOTOS, len(pool))).astype(int))
    return pool.iloc[places].sort_values(["class_id", "file_path"])
