"""Candidates for the champion: fit one, save it whole, load it again and see what it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from rare_species.arrays import Labels
from rare_species.augmentation import build_augmenter, mix_batches
from rare_species.datasets import Features, as_batches, load_features, one_hot, photo_batches, shuffled_photo_batches
from rare_species.determinism import make_reproducible
from rare_species.errors import UserError
from rare_species.files import read_json
from rare_species.manifest import SPLITS
from rare_species.models import (
    CLASSIFIER,
    assemble,
    average_probabilities,
    build_cnn,
    each_input,
    inference,
    load_model,
    predict,
    save_model,
)
from rare_species.params import EvaluateParams
from rare_species.phyla import one_hot_phyla, refuse_fine_tuning
from rare_species.rewriting import for_inference
from rare_species.scores import epoch_scores
from rare_species.shards import Packed, open_packed
from rare_species.training import Fit, OnEpoch, fit_head, fit_model, training_data
from rare_species.training_params import TrainParams

PHOTO_BATCH = 64
CHECKED_PHOTOS = 16
SHOWN_PHOTOS = 12
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
        phyla: what the last numbers of a feature vector stand for; none for classifiers that see the image alone.
    """

    splits: dict[str, Features]
    packed: Packed
    classes: Sequence[dict[str, Any]]
    description: dict[str, Any]
    features: Path
    phyla: Sequence[str]

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
    """A fitted classifier.

    Attributes:
        backbone: from RGB in [0, 255] to the features that members take, before the phylum if they are told that;
            None for members that take photos.
        members: models that give logits; their probabilities are averaged.
        fit: how the first member was fitted.
    """

    backbone: keras.Model | None
    members: Sequence[keras.Model]
    fit: Fit

    @cached_property
    def classifier(self) -> keras.Model:
        """From what members take to probabilities."""
        return average_probabilities(self.members)


def open_data(features: Path, processed: Path, classes: Sequence[dict[str, Any]]) -> Data:
    """Read features, photos and classes; only the features are held in memory."""
    splits, packed = {split: load_features(features, split) for split in SPLITS}, open_packed(processed)
    if any(list(splits[split].originals().file_paths) != list(packed.rows(split)["file_path"]) for split in SPLITS):
        raise UserError(f"Expected {features} to be of the photos in {processed}. Received: others. Run dvc repro.")
    description = read_json(features / "backbone.json")
    phyla = description.pop("phyla")
    return Data(splits, packed, classes, description, features, phyla)


def fit_members(data: Data, params: TrainParams, on_epoch: OnEpoch) -> Candidate:
    """Fit `train.members` classifiers that differ in their seeds alone.

    A deep ensemble (Lakshminarayanan et al., 2017, "Simple and Scalable Predictive Uncertainty Estimation").

    Args:
        data: what to fit to: the features of a frozen backbone, or for the baseline network the photos.
        params: of the fit.
        on_epoch: called with each epoch of the first member, from 0, and its scores.
    """
    refuse_fine_tuning(data.phyla, params.fine_tune.epochs)
    fitted = []
    for member in range(params.members):
        seed, follow = params.seed + member, on_epoch if member == 0 else _ignore_epoch
        if data.has_features:
            fitted.append(fit_head(data.fitted, len(data.classes), params, seed, follow))
        else:
            fitted.append(_fit_cnn(data, params, seed, follow))
    members, fits = zip(*fitted, strict=True)
    return Candidate(data.backbone() if data.has_features else None, members, fits[0])


def show_augmentation(data: Data, params: TrainParams) -> tuple[list[Image.Image], list[str]]:
    """A batch of training photos as they are, and as one epoch shows them, with captions."""
    make_reproducible(params.seed)
    rows = data.packed.rows("train").iloc[:: max(1, len(data.packed.rows("train")) // SHOWN_PHOTOS)].head(SHOWN_PHOTOS)
    targets = one_hot(rows["class_id"].to_numpy(dtype=np.int64), len(data.classes))
    photos = next(iter(photo_batches(data.packed, rows, SHOWN_PHOTOS)))
    mixed = mix_batches(tf.data.Dataset.from_tensors((photos, targets)), params.augmentation, params.seed)
    changed = build_augmenter(params.augmentation, params.seed)(next(iter(mixed))[0], training=True)
    both = np.concatenate([photos.numpy(), keras.ops.convert_to_numpy(changed)]).clip(0, 255).astype(np.uint8)
    return [Image.fromarray(photo) for photo in both], ["before"] * len(rows) + ["after"] * len(rows)


def score_candidate(candidate: Candidate, data: Data) -> dict[str, float]:
    """Scores such as `val_loss` of the candidate as it is saved; of a single member those of its best epoch."""
    if len(candidate.members) == 1:
        return candidate.fit.best
    scores: dict[str, float] = {}
    for split, features in data.fitted.items():
        photos = features.originals()
        batches = as_batches(photos.values) if data.has_features else _photos(data, split)
        found = epoch_scores(photos.labels, predict(candidate.classifier, batches))
        scores |= {f"{split}_{name}": value for name, value in found.items()}
    return scores


def save_candidate(folder: Path, candidate: Candidate, data: Data, knobs: dict[str, Any]) -> None:
    """Save the whole model with its classes and what it was trained with.

    Args:
        folder: an empty folder.
        candidate: the fitted model.
        data: what it was fitted to.
        knobs: what it was fitted with, for the record.
    """
    shape = data.packed.shape
    told = "; phylum, one-hot in the order of phyla" if data.phyla else ""
    metadata = {
        "input": asdict(shape) | {"values": f"RGB, 0 to 255{told}", "phyla": data.phyla},
        "backbone": data.description,
        "images": {split: data.splits[split].photos for split in SPLITS},
        "best_epoch": candidate.fit.best_epoch,
        "params": knobs,
    }
    parts = [candidate.backbone, candidate.classifier] if candidate.backbone else [candidate.classifier]
    save_model(folder, assemble(shape.image_size, parts, len(data.phyla)), data.classes, metadata)


def predict_splits(folder: Path, data: Data, params: EvaluateParams) -> dict[str, NDArray[np.float32]]:
    """Probabilities of a saved candidate on every split's photos, without augmented views.

    A head runs on the cached features; on a few test photos the whole model is run too, and must agree. With
    `evaluate.views`, validation and test photos are also changed at random so many times, and their probabilities
    averaged (test-time augmentation).

    Returns:
        float32 arrays of shape (n_photos, n_classes) by split, rows in the order of the features.

    Raises:
        UserError: when the saved model and the cached features do not belong together.
    """
    model, _ = load_model(folder)
    if data.has_features:
        head = model.get_layer(CLASSIFIER)
        values = {split: features.originals().values for split, features in data.splits.items()}
        probabilities = {split: predict(head, as_batches(values[split])) for split in SPLITS}
        checked = _photos(data, "test").unbatch().take(CHECKED_PHOTOS).batch(CHECKED_PHOTOS)
        _check_agreement(folder, predict(model, checked), probabilities["test"])
    else:
        probabilities = {split: predict(model, _photos(data, split)) for split in SPLITS}
    if params.views:
        for split in ("val", "test"):
            probabilities[split] = _with_views(model, _photos(data, split), probabilities[split], params)
    return probabilities


def _with_views(
    model: keras.Model, photos: tf.data.Dataset, plain: NDArray[np.float32], params: EvaluateParams
) -> NDArray[np.float32]:
    make_reproducible(params.seed)
    augmenter = build_augmenter(params.augmentation, params.seed)
    call = inference(model)
    total = plain.astype(np.float64)
    for _ in range(params.views):
        batches = map(each_input, photos)
        total += np.concatenate([call(augmenter(rgb, training=True), *told).numpy() for rgb, *told in batches])
    return (total / (1 + params.views)).astype(np.float32)


def _fit_cnn(data: Data, params: TrainParams, seed: int, on_epoch: OnEpoch) -> tuple[keras.Model, Fit]:
    """Fit the baseline network on photos that change a little every time they are seen."""
    make_reproducible(seed)
    n_classes = len(data.classes)
    cnn = build_cnn(data.packed.shape.image_size, n_classes, params.cnn)
    augmenter = build_augmenter(params.augmentation, seed)
    augmented = keras.Sequential([keras.Input(cnn.input_shape[1:]), augmenter, cnn])
    labels = {split: features.labels for split, features in data.fitted.items()}

    def batches(rows: Labels, targets: NDArray[np.float32]) -> tf.data.Dataset:
        photos = data.packed.rows("train").iloc[rows]
        shuffled = shuffled_photo_batches(data.packed, photos, targets[rows], params.batch_size, seed)
        return mix_batches(shuffled, params.augmentation, seed)

    scored = {split: (labels[split], _photos(data, split)) for split in labels}
    training = training_data(labels["train"], n_classes, params, batches, scored)
    return cnn, fit_model(augmented, training, params, on_epoch)


def _photos(data: Data, split: str) -> tf.data.Dataset:
    """What the whole model takes: photos in order, with their phylum if it is told that."""
    rows = data.packed.rows(split)
    photos = photo_batches(data.packed, rows, PHOTO_BATCH)
    if not data.phyla:
        return photos
    phyla = one_hot_phyla(rows["class_id"].to_numpy(), data.classes, data.phyla)
    return tf.data.Dataset.zip(photos, as_batches(phyla, PHOTO_BATCH))


def _ignore_epoch(_epoch: int, _scores: dict[str, float]) -> None:
    """The members after the first are not followed."""


def _check_agreement(folder: Path, whole: NDArray[np.float32], cached: NDArray[np.float32]) -> None:
    difference = float(np.abs(whole - cached[: len(whole)]).max())
    if not difference <= TOLERANCE:  # NaN too
        raise UserError(
            f"Expected {folder / 'model.keras'} to give the same probabilities from photos as from data/features. "
            f"Received: a difference of {difference:.3g}. Embed and train again: dvc repro --force embed train tune."
        )
