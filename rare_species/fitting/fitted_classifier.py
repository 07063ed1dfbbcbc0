"""A fitted classifier: its metrics, and how it is saved whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from rare_species.common.cores import available_cores
from rare_species.common.csv_tables import SPLITS
from rare_species.data.backbone_json import BACKBONE_NETWORK
from rare_species.data.dataset import Data, photos_of
from rare_species.data.features import as_batches
from rare_species.fitting.callbacks import Fit
from rare_species.metrics.registry import epoch_metrics
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.inference import predict
from rare_species.networks.inference_rewriting import for_inference
from rare_species.networks.keras_files import load_keras
from rare_species.saved_models.network_file import save_model


@dataclass(frozen=True)
class FittedClassifier:
    """A fitted classifier.

    Attributes:
        backbone: model from RGB in [0, 255] to the features that members take (a one-hot phylum may follow them); None
            for members that take photos.
        members: models that give logits; their probabilities are averaged.
        fit: the fit of the first member.
    """

    backbone: keras.Model | None
    members: Sequence[keras.Model]
    fit: Fit

    @cached_property
    def classifier(self) -> keras.Model:
        """One model from the members' input to the mean of their probabilities."""
        return average_probabilities(self.members)


def load_backbone(data: Data) -> keras.Model:
    """Load the network that made the features, rewritten to be fast; it must not be trained further."""
    return for_inference(load_trainable_backbone(data))


def load_trainable_backbone(data: Data) -> keras.Model:
    """Load the network that made the features, with its batch normalisation."""
    return load_keras(data.features / BACKBONE_NETWORK)


def measure_classifier(candidate: FittedClassifier, data: Data) -> dict[str, float]:
    """Compute metrics such as `val_loss` of the classifier; for a single member, return those of its best epoch.

    Metrics of a fit in half precision were computed in half precision; the saved model's differ by about 0.001.
    """
    if len(candidate.members) == 1:
        return candidate.fit.best
    metrics: dict[str, float] = {}
    for split, features in data.fitted.items():
        photos = features.originals()
        batches = as_batches(photos.tensor) if candidate.backbone else photos_of(data, split)
        found = epoch_metrics(photos.labels, predict(candidate.classifier, batches))
        metrics |= {f"{split}_{name}": value for name, value in found.items()}
    return metrics


def save_classifier(folder: Path, candidate: FittedClassifier, data: Data, params: dict[str, Any]) -> None:
    """Save the whole model with its classes and the record of its fit.

    Args:
        folder: an empty folder.
        candidate: the fitted classifier.
        data: the data that it was fitted to.
        params: the parameters that it was fitted with, for the record.
    """
    shape = data.packed.preprocessing
    phylum = "; phylum, one-hot in the order of phyla" if data.phyla else ""
    metadata = {
        "input": shape.model_dump() | {"values": f"RGB, 0 to 255{phylum}", "phyla": data.phyla},
        "backbone": data.description.model_dump(),
        "images": {split: len(data.packed.rows(split)) for split in SPLITS},
        "best_epoch": candidate.fit.best_epoch,
        "params": params,
        "cores": None if candidate.backbone else available_cores(),
    }
    parts = [candidate.backbone, candidate.classifier] if candidate.backbone else [candidate.classifier]
    save_model(folder, assemble(shape.image_size, parts, len(data.phyla)), data.classes, metadata)
