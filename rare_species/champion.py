"""The champion: the better of the two models, with what its answers need besides; no TensorFlow."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from rare_species.assessment import Predictions
from rare_species.files import read_json, write_json
from rare_species.reporting import rounded
from rare_species.scores import score


def save_champion(folder: Path, candidate: Path, predictions: Predictions, top_k: int) -> None:
    """Copy a saved candidate, and add to its metadata how sure its answers are and how right on the test split.

    Args:
        folder: an empty folder.
        candidate: where it was saved.
        predictions: its own, without augmented views.
        top_k: of the top-k accuracy.
    """
    for name in ("model.keras", "classes.json"):
        shutil.copyfile(candidate / name, folder / name)
    test = score(predictions.labels["test"], predictions.probabilities["test"], top_k, predictions.phyla)
    added = {"champion": candidate.name, "calibration": asdict(predictions.calibration), "test": rounded(test)}
    write_json(folder / "metadata.json", read_json(candidate / "metadata.json") | added)
