"""Candidates for the champion: fit one, save it whole, load it again and see what it predicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rare_species.datasets import Features, load_features, one_hot, photo_batches, shuffled_photo_batches
from rare_species.determinism import make_reproducible
from rare_species.errors import UserError
from rare_species.files import read_json
from rare_species.manifest import SPLITS
from rare_species.models import assemble, build_augmenter, build_cnn, load_model, predict, save_model
from rare_species.params import TrainParams
from rare_species.rewriting import for_inference
from rare_species.shards import Packed, open_packed
from rare_species.training import (
    Fit,
    OnEpoch,
    TrainingData,
    as_batches,
    class_weights,
    fit_head,
    fit_model,
)

PHOTO_BATCH = 64
CHECKED_PHOTOS = 16
TOLERANCE = 1e-3  # of a probability, between cached features and photos: other batch shapes, other rounding


@dataclass(frozen=True)
class Data:
    """All that a candidate is fitted to and scored on.

    Attributes:
        splits: features by split; of width 0 for a model that learns from photos.
        packed: the photos.
        classes: family and phylum by class id.
        description: of the backbone, see `embedding.Embedder`.
        features: the folder they were read from.
    """

    splits: dict[str, Features]
    packed: Packed
    classes: Sequence[dict[str, Any]]
    description: dict[str, Any]
    features: Path

    @property
    def has_features(self) -> bool:
        """Whether there is a backbone, and so a head to fit."""
        return bool(self.description["feature_size"])

    @property
    def fitted(self) -> dict[str, Features]:
        """The splits that fitting may see."""
        return {name: self.splits[name] for name in ("train", "val")}

    def backbone(self) -> keras.Model:
        """The network that made the features, as fast as can be; not to be trained further."""
        return for_inference(self.trainable_backbone())

    def trainable_backbone(self) -> keras.Model:
        """The network before batch normalisation was folded away."""
        return keras.models.load_model(self.features / "backbone.keras", compile=False)


@dataclass(frozen=True)
class Candidate:
    """A fitted model.

    Attributes:
        parts: models in a chain, from RGB in [0, 255] to logits.
        fit: how it was fitted.
    """

    parts: Sequence[keras.Model]
    fit: Fit


def open_data(features: Path, processed: Path, classes: Sequence[dict[str, Any]]) -> Data:
    """Read features, photos and classes; only the features are held in memory."""
    splits, packed = {split: load_features(features, split) for split in SPLITS}, open_packed(processed)
    if any(list(splits[split].originals().file_paths) != list(packed.rows(split)["file_path"]) for split in SPLITS):
        raise UserError(f"Expected {features} to be of the photos in {processed}. Received: others. Run dvc repro.")
    return Data(splits, packed, classes, read_json(features / "backbone.json"), features)


def fit_on_features(data: Data, params: TrainParams, on_epoch: OnEpoch) -> Candidate:
    """Fit a head on the features of a frozen backbone; see `training.fit_head`."""
    head, fit = fit_head(data.fitted, len(data.classes), params, params.seed, on_epoch)
    return Candidate([data.backbone(), head], fit)


def fit_cnn(data: Data, params: TrainParams, on_epoch: OnEpoch) -> Candidate:
    """Fit the baseline network on photos that change a little every time they are seen."""
    make_reproducible(params.seed)
    n_classes = len(data.classes)
    cnn = build_cnn(data.packed.shape.image_size, n_classes, params.cnn)
    augmenter = build_augmenter(params.cnn.augmentation, params.seed)
    augmented = keras.Sequential([keras.Input(cnn.input_shape[1:]), augmenter, cnn])
    rows = {split: data.packed.rows(split) for split in data.fitted}
    labels = {split: rows[split]["class_id"].to_numpy(dtype=np.int64) for split in rows}
    batches = shuffled_photo_batches(
        data.packed, rows["train"], one_hot(labels["train"], n_classes), params.batch_size, params.seed
    )
    training = TrainingData(
        batches=batches,
        steps=math.ceil(len(rows["train"]) / params.batch_size),
        class_weight=class_weights(labels["train"], n_classes, params.imbalance),
        scored={split: (labels[split], photo_batches(data.packed, rows[split], PHOTO_BATCH)) for split in rows},
    )
    return Candidate([cnn], fit_model(augmented, training, params, on_epoch))


def save_candidate(folder: Path, candidate: Candidate, data: Data, knobs: dict[str, Any]) -> None:
    """Save the whole model with its classes and what it was trained with.

    Args:
        folder: an empty folder.
        candidate: the fitted model.
        data: what it was fitted to.
        knobs: what it was fitted with, for the record.
    """
    shape = data.packed.shape
    metadata = {
        "input": asdict(shape) | {"values": "RGB, 0 to 255"},
        "backbone": data.description,
        "images": {split: data.splits[split].photos for split in SPLITS},
        "best_epoch": candidate.fit.best_epoch,
        "params": knobs,
    }
    save_model(folder, assemble(shape.image_size, candidate.parts), data.classes, metadata)


def predict_splits(folder: Path, data: Data) -> dict[str, NDArray[np.float32]]:
    """Probabilities of a saved candidate on every split's photos, without augmented views.

    A head runs on the cached features; on a few test photos the whole model is run too, and must agree.

    Returns:
        float32 arrays of shape (n_photos, n_classes) by split, rows in the order of the features.

    Raises:
        UserError: when the saved model and the cached features do not belong together.
    """
    model, _ = load_model(folder)
    photos = {split: photo_batches(data.packed, data.packed.rows(split), PHOTO_BATCH) for split in SPLITS}
    if not data.has_features:
        return {split: predict(model, batches) for split, batches in photos.items()}
    head = keras.Sequential([model.get_layer("head"), keras.layers.Softmax()])
    originals = {split: features.originals() for split, features in data.splits.items()}
    probabilities = {split: predict(head, as_batches(features.values)) for split, features in originals.items()}
    _check_agreement(
        folder,
        predict(model, photos["test"].unbatch().take(CHECKED_PHOTOS).batch(CHECKED_PHOTOS)),
        probabilities["test"],
    )
    return probabilities


def _check_agreement(folder: Path, whole: NDArray[np.float32], cached: NDArray[np.float32]) -> None:
    difference = float(np.abs(whole - cached[: len(whole)]).max())
    if not difference <= TOLERANCE:  # NaN too
        raise UserError(
            f"Expected {folder / 'model.keras'} to give the same probabilities from photos as from data/features. "
            f"Received: a difference of {difference:.3g}. Embed and train again: dvc repro --force embed train tune."
        )
