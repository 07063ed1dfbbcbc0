"""Grad-CAM heatmaps of the mistakes that a classifier is most certain of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from rare_species.data.phylum_encoding import one_hot_phyla
from rare_species.evaluate.figures import captions
from rare_species.evaluate.gradcam import class_heatmaps
from rare_species.evaluate.heatmap_overlay import overlay
from rare_species.evaluate.measured_classifier import MeasuredClassifier
from rare_species.figures.contact_sheet import contact_sheet
from rare_species.figures.fonts import legible
from rare_species.figures.style import save_jpeg

COLUMNS = 6  # three photos in a row, each with its heatmap beside it
BATCH = 16  # photos whose activations are held at once


def draw_explanations(
    measured: MeasuredClassifier, model: keras.Model, phyla: Sequence[str], path: Path, limit: int
) -> None:
    """Draw the most certain mistakes, each beside a heatmap of what spoke for the predicted family.

    Args:
        measured: predictions and photos of the classifier.
        model: the saved network.
        phyla: phyla in the order of the second input; empty for a network that sees only the image.
        path: path of the picture.
        limit: largest number of photos.
    """
    # warns of missing fonts here, because the process that draws the other pictures has no log
    legible(measured.predictions.families.tolist())
    wrong = measured.mistakes.head(limit)
    pictures: list[Image.Image | None] = []
    names: list[str] = []
    for start in range(0, len(wrong), BATCH):
        rows = wrong.iloc[start : start + BATCH]
        photos, heatmaps = _explain(measured, model, phyla, rows)
        for photo, heatmap, caption in zip(photos, heatmaps, captions(rows), strict=True):
            pictures += [Image.fromarray(photo), overlay(photo, heatmap)]
            names += [caption, "what spoke for it"]
    title = f"{measured.name}: what spoke for the {len(wrong)} surest mistakes (Grad-CAM)"
    path.parent.mkdir(exist_ok=True)
    save_jpeg(contact_sheet(pictures, names, title, COLUMNS), path)


def _explain(
    measured: MeasuredClassifier, model: keras.Model, phyla: Sequence[str], rows: pd.DataFrame
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the photos of a table of predictions, and heatmaps of the predicted families."""
    predictions = measured.predictions
    packed = measured.packed.photos(measured.rows.loc[rows.index])
    photos = np.stack([np.asarray(photo) for photo in packed])
    one_hot = one_hot_phyla(predictions.labels["test"][rows.index], predictions.classes, phyla) if phyla else None
    families = predictions.families.tolist()
    answered = np.array([families.index(name) for name in rows["predicted"]])
    return photos, class_heatmaps(model, photos, answered, one_hot)
