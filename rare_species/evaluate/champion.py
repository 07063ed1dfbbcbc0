"""Save the champion: the better of the two models, with its calibration; no TensorFlow."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

from rare_species.common.class_labels import CLASSES
from rare_species.common.staged_files import rounded
from rare_species.common.validated_json import write_json_file
from rare_species.evaluate.candidate_metrics import Predictions
from rare_species.evaluate.champion_file import ChampionMetadata
from rare_species.metrics.registry import compute_metrics
from rare_species.saved_models.metadata import METADATA, NETWORK, SavedModel


def save_champion(folder: Path, candidate: SavedModel, predictions: Predictions, top_k: int) -> None:
    """Copy a saved candidate, and add its calibration and its test metrics to the metadata.

    Args:
        folder: an empty folder.
        candidate: the saved candidate.
        predictions: its predictions, without test-time augmentation.
        top_k: the k of the top-k accuracy.
    """
    for name in (NETWORK, CLASSES):
        shutil.copyfile(candidate.folder / name, folder / name)
    test = compute_metrics(predictions.labels["test"], predictions.probabilities["test"], top_k, predictions.phyla)
    added = {
        "champion": candidate.folder.name,
        "calibration": asdict(predictions.calibration),
        "test": rounded(test),
    }
    write_json_file(folder / METADATA, candidate.metadata.model_dump(mode="json") | added, ChampionMetadata)
