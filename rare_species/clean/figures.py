"""Pictures of stage clean: images per family, their sizes, rejected images, and images that look like documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from rare_species.common.photo_status import PhotoStatus
from rare_species.common.terminal import count
from rare_species.figures.bars import family_counts
from rare_species.figures.contact_sheet import SHEET_PHOTOS, contact_sheet
from rare_species.figures.style import ACCENT, save_jpeg, save_png
from rare_species.images.fit_to_square import fit_square

THUMBNAIL_PX = 160


def size_distribution(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> Figure:
    """Plot each photo's width against its height, and a histogram of the shorter side."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    scatter, histogram = figure.subplots(1, 2)
    scatter.scatter(widths, heights, s=6, alpha=0.4, color=ACCENT, linewidths=0)
    scatter.set(title="size of the photos", xlabel="width, pixels", ylabel="height, pixels", aspect="equal")
    histogram.hist(np.minimum(widths, heights), bins=40, color=ACCENT)
    histogram.set(title="shorter side", xlabel="pixels", ylabel="images")
    return figure


def draw_clean(manifest: pd.DataFrame, documents: pd.DataFrame | None, images: Path, folder: Path) -> None:
    """Draw families.png, sizes.png, rejected.jpg and documents.jpg.

    Args:
        manifest: one row per image.
        documents: rows of the manifest that look like pages, maps or diagrams, likeliest first; None if the search
            for documents is switched off (`clean.documents: keep`).
        images: folder that `file_path` is relative to.
        folder: folder to write the pictures to.
    """
    kept = manifest[manifest["status"] == PhotoStatus.KEPT]
    rejected = manifest[manifest["status"] == PhotoStatus.REJECTED]
    counts = pd.crosstab(manifest["family"], manifest["status"]).rename_axis(columns=None)
    save_png(family_counts(counts[counts.index != ""], "images per family"), folder / "families.png")
    sizes = size_distribution(kept["width"].to_numpy(dtype=int), kept["height"].to_numpy(dtype=int))
    save_png(sizes, folder / "sizes.png")
    shown = rejected.sort_values(["reason", "file_path"]).groupby("reason").head(SHEET_PHOTOS // 6).head(SHEET_PHOTOS)
    thumbnails = [
        _thumbnail(images / path) if phash else None  # no hash: the file is missing, unreadable, or too large to decode
        for path, phash in zip(shown["file_path"], shown["phash"], strict=True)
    ]
    captions = [f"{reason}\n{_shorten(path)}" for reason, path in zip(shown["reason"], shown["file_path"], strict=True)]
    title = f"{len(rejected)} of {len(manifest)} rejected; up to {SHEET_PHOTOS // 6} of each reason"
    save_jpeg(contact_sheet(thumbnails, captions, title), folder / "rejected.jpg")
    save_jpeg(_document_sheet(documents, images), folder / "documents.jpg")


def _document_sheet(documents: pd.DataFrame | None, images: Path) -> Figure:
    if documents is None:
        return contact_sheet([], [], "documents: nobody looked for any (clean.documents: keep)")
    shown = documents.head(SHEET_PHOTOS)
    thumbnails = [_thumbnail(images / path) for path in shown["file_path"]]
    captions = [
        f"{status}, {score:.3f}\n{_shorten(path)}"
        for status, score, path in zip(shown["status"], shown["document_score"], shown["file_path"], strict=True)
    ]
    found = count(len(documents), "image looks", "images look")
    title = f"documents: {found} like pages, maps or diagrams, the likeliest {len(shown)} shown"
    return contact_sheet(thumbnails, captions, title)


def _thumbnail(path: Path) -> Image.Image:
    return fit_square(path.read_bytes(), THUMBNAIL_PX, "pad")


def _shorten(file_path: str, length: int = 34) -> str:
    return file_path if len(file_path) <= length else "…" + file_path[1 - length :]
