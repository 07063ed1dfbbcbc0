"""What each data stage draws: which photos and numbers go into which figure and file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from rare_species import plots
from rare_species.images import decode_rgb, fit_square
from rare_species.manifest import SPLITS
from rare_species.status import Status
from rare_species.terminal import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rare_species.shards import Packed

SHEET_PHOTOS = 36
THUMBNAIL_PX = 160


def draw_clean(manifest: pd.DataFrame, documents: pd.DataFrame | None, images: Path, folder: Path) -> None:
    """Draw families.png, sizes.png, rejected.jpg and documents.jpg.

    Args:
        manifest: one row per image.
        documents: its rows that look like pages, maps or diagrams, likeliest first; None if nobody looked.
        images: folder that `file_path` is relative to.
        folder: where the pictures go.
    """
    kept = manifest[manifest["status"] == Status.KEPT]
    rejected = manifest[manifest["status"] == Status.REJECTED]
    counts = pd.crosstab(manifest["family"], manifest["status"]).rename_axis(columns=None)
    plots.save_png(plots.family_counts(counts[counts.index != ""], "images per family"), folder / "families.png")
    sizes = plots.size_distribution(kept["width"].to_numpy(dtype=int), kept["height"].to_numpy(dtype=int))
    plots.save_png(sizes, folder / "sizes.png")
    shown = rejected.sort_values(["reason", "file_path"]).groupby("reason").head(SHEET_PHOTOS // 6).head(SHEET_PHOTOS)
    thumbnails = [
        _thumbnail(images / path) if phash else None  # without one it is missing, unreadable, or too large to decode
        for path, phash in zip(shown["file_path"], shown["phash"], strict=True)
    ]
    captions = [f"{reason}\n{_shorten(path)}" for reason, path in zip(shown["reason"], shown["file_path"], strict=True)]
    title = f"{len(rejected)} of {len(manifest)} rejected; up to {SHEET_PHOTOS // 6} of each reason"
    plots.save_jpeg(plots.contact_sheet(thumbnails, captions, title), folder / "rejected.jpg")
    plots.save_jpeg(_document_sheet(documents, images), folder / "documents.jpg")


def draw_split(photos: pd.DataFrame, folder: Path) -> None:
    """Draw families.png: each family's images by split."""
    counts = pd.crosstab(photos["family"], photos["split"]).reindex(columns=list(SPLITS), fill_value=0)
    plots.save_png(plots.family_counts(counts, "images per family and split"), folder / "families.png")


def draw_packed(packed: Packed, families: Mapping[str, str], folder: Path) -> None:
    """Draw train.jpg, val.jpg and test.jpg: photos of as many families as fit.

    Args:
        packed: the photos.
        families: each photo's family, by `file_path`.
        folder: where the pictures go.
    """
    for split in SPLITS:
        rows = packed.rows(split)
        shown = _spread(rows)
        photos = [decode_rgb(jpeg) for jpeg in packed.read(shown)]
        captions = [families[path] for path in shown["file_path"]]
        sheet = plots.contact_sheet(photos, captions, f"{split}: {count(len(rows), 'photo')}, {len(shown)} shown")
        plots.save_jpeg(sheet, folder / f"{split}.jpg")


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    """At most `SHEET_PHOTOS` photos in order of class: one of each, then a second of each, as far as they go."""
    rows = rows.sort_values(["class_id", "file_path"])
    turn = rows.groupby("class_id").cumcount()
    in_turn = rows.loc[turn.sort_values(kind="stable").index]
    pool = in_turn.head(max(SHEET_PHOTOS, int((turn == 0).sum())))
    places = np.unique(np.linspace(0, len(pool) - 1, min(SHEET_PHOTOS, len(pool))).astype(int))
    return pool.iloc[places].sort_values(["class_id", "file_path"])


def _document_sheet(documents: pd.DataFrame | None, images: Path) -> Figure:
    if documents is None:
        return plots.contact_sheet([], [], "documents: nobody looked for any (clean.documents: keep)")
    shown = documents.head(SHEET_PHOTOS)
    thumbnails = [_thumbnail(images / path) for path in shown["file_path"]]
    captions = [
        f"{status}, {score:.3f}\n{_shorten(path)}"
        for status, score, path in zip(shown["status"], shown["document_score"], shown["file_path"], strict=True)
    ]
    found = count(len(documents), "image looks", "images look")
    title = f"documents: {found} like pages, maps or diagrams, the likeliest {len(shown)} shown"
    return plots.contact_sheet(thumbnails, captions, title)


def _thumbnail(path: Path) -> Image.Image:
    return fit_square(path.read_bytes(), THUMBNAIL_PX, "pad")


def _shorten(file_path: str, length: int = 34) -> str:
    return file_path if len(file_path) <= length else "…" + file_path[1 - length :]
