"""What a candidate looked at in the photos it errs on most certainly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from rare_species import plots
from rare_species.assessment_pictures import Candidate, captions, list_mistakes
from rare_species.gradcam import class_heatmaps, overlay
from rare_species.images import decode_rgb
from rare_species.models import load_model
from rare_species.phyla import one_hot_phyla

COLUMNS = 6  # three photos in a row, each beside its explanation


def draw_explanations(candidate: Candidate, model_folder: Path, path: Path, limit: int) -> None:
    """Draw the surest mistakes, each beside what spoke for the family that was answered.

    Args:
        candidate: its predictions and photos.
        model_folder: where the candidate was saved.
        path: of the picture.
        limit: photos at most.
    """
    wrong = list_mistakes(candidate.table()).head(limit)
    pictures: list[Image.Image | None] = []
    names: list[str] = []
    if len(wrong):
        jpegs = candidate.packed.read(candidate.rows.loc[wrong.index])
        photos = np.stack([np.asarray(decode_rgb(jpeg)) for jpeg in jpegs])
        classes, families = candidate.predictions.classes, candidate.predictions.families.tolist()
        model, metadata = load_model(model_folder)
        labels = candidate.predictions.labels["test"][wrong.index]
        phyla = one_hot_phyla(labels, classes, metadata["input"]["phyla"]) if metadata["input"]["phyla"] else None
        answered = np.array([families.index(name) for name in wrong["predicted"]])
        heatmaps = class_heatmaps(model, photos, answered, phyla)
        for photo, heatmap, caption in zip(photos, heatmaps, captions(wrong), strict=True):
            pictures += [Image.fromarray(photo), overlay(photo, heatmap)]
            names += [caption, "what spoke for it"]
    title = f"{candidate.name}: what spoke for the {len(wrong)} surest mistakes (Grad-CAM)"
    plots.save_jpeg(plots.contact_sheet(pictures, names, title, COLUMNS), path)
