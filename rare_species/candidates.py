"""Candidates for the champion: fit one and save it whole; what saved ones predict is in `split_predictions`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rare_species.backbone_document import DOCUMENT, NETWORK, Backbone, FeaturesDocument
from rare_species.callbacks import DivergedError, Fit, OnEpoch
from rare_species.checksums import LIST_NAME, check_files, file_digest
from rare_species.classes import classes_digest
from rare_species.datasets import Features, as_batches, load_features, load_photos, photo_batches
from rare_species.errors import UserError
from rare_species.manifest import SPLITS
from rare_species.models import (
    assemble,
    average_probabilities,
    load_keras,
    predict,
)
from rare_species.photo_training import PHOTO_BATCH, PhotoTask, fine_tune, fit_cnn, number_format
from rare_species.phyla import one_hot_phyla
from rare_species.rewriting import for_inference
from rare_species.saved_networks import save_model
from rare_species.schema import read_document
from rare_species.scores import epoch_scores
from rare_species.shards import INDEX_NAME, Packed
from rare_species.stage import available_cores
from rare_species.training import fit_head
from rare_species.training_params import TrainParams, TuneParams

BACKBONE = "backbone"  # the part of a saved model that gives the cached features, where it was kept frozen


@dataclass(frozen=True)
class Data:
    """All that a candidate is fitted to and scored on.

    Attributes:
        packed: the photos.
        classes: family and phylum by class id.
        description: of the backbone.
        features: the folder of their features; these are of width 0 for a model that learns from photos.
        phyla: what the last numbers of a feature vector stand for; none for classifiers that see the image alone.
    """

    packed: Packed
    classes: Sequence[dict[str, Any]]
    description: Backbone
    features: Path
    phyla: Sequence[str]

    @property
    def has_features(self) -> bool:
        """Whether there is a backbone, and so a head to fit."""
        return bool(self.description.feature_size)

    @cached_property
    def fitted(self) -> dict[str, Features]:
        """Features of the splits that fitting may see, held in memory from the first time on."""
        return {split: self.load(split) for split in ("train", "val")}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of photos, features, this code and its libraries.

        Of photos and features it is that of their checksums, which are compared whenever one of them is read.
        """
        code = sorted(path for path in Path(__file__).parent.iterdir() if path.is_file())
        files = [self.packed.folder / LIST_NAME, self.features / LIST_NAME, *code]
        needs = [keras.version(), tf.__version__, *map(file_digest, files)]
        return hashlib.sha256(" ".join(needs).encode()).hexdigest()

    def load(self, split: str) -> Features:
        """Read a split's features.

        Raises:
            UserError: when they are not as stage embed wrote them.
        """
        check_files(self.features, f"{split}.npz")
        features = load_features(self.features, split)
        width = self.description.feature_size + len(self.phyla)
        if features.values.shape[1] != width:
            raise UserError(
                f"Expected vectors of {width} numbers in {self.features / split}.npz, as its {DOCUMENT} says. "
                f"Received: {features.values.shape[1]}. Embed again: dvc repro --force embed."
            )
        return features

    def backbone(self) -> keras.Model:
        """The network that made the features, as fast as can be; not to be trained further."""
        return for_inference(self.trainable_backbone())

    def trainable_backbone(self) -> keras.Model:
        """The network before batch normalisation was folded away."""
        return load_keras(self.features / NETWORK)


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


def open_data(features: Path, packed: Packed, classes: Sequence[dict[str, Any]]) -> Data:
    """Open features, and see that they are of these photos and classes; nothing large is read yet.

    Raises:
        UserError: when they are not, or a file is not as its stage wrote it.
    """
    packed.check_classes(len(classes))
    check_files(features, DOCUMENT)
    document = read_document(features / DOCUMENT, FeaturesDocument)
    if document.feature_size:
        check_files(features, NETWORK)
    made_of = (document.index_sha256, document.classes_sha256)
    is_of_these = made_of == (file_digest(packed.folder / INDEX_NAME), classes_digest(classes))
    others = [] if is_of_these else [features / DOCUMENT]
    others += [features / f"{split}.npz" for split in SPLITS if not _are_of(features, packed, split)]
    if others:
        raise UserError(
            f"Expected {others[0]} to be of the photos in {packed.folder}. Received: others. Run dvc repro."
        )
    backbone = Backbone.model_validate(document.model_dump(include=set(Backbone.model_fields)))
    return Data(packed, classes, backbone, features, list(document.phyla))


def _are_of(features: Path, packed: Packed, split: str) -> bool:
    """Whether a split's features are of its photos, in their order and with their labels."""
    (paths, labels), rows = load_photos(features, split), packed.rows(split)
    return np.array_equal(paths, rows["file_path"].to_numpy(dtype=str)) and np.array_equal(labels, rows["class_id"])


def fit_members(data: Data, params: TrainParams, on_epoch: OnEpoch, checkpoints: Path) -> Candidate:
    """Fit `train.members` classifiers that differ in their seeds alone.

    A deep ensemble (Lakshminarayanan et al., 2017, "Simple and Scalable Predictive Uncertainty Estimation").

    Args:
        data: what to fit to: the features of a frozen backbone, and its photos for a network that learns from them.
        params: of the fit.
        on_epoch: called with each epoch of the first member, from 0, and its scores.
        checkpoints: folder for the state of a fit to photos while it runs; one that was killed goes on from there.

    Raises:
        UserError: when more blocks are to learn than the backbone has, or the loss is not finite.
    """
    _check_blocks(data, params)
    seeds = range(params.seed, params.seed + params.members)
    followers = [on_epoch] + [_ignore_epoch] * (params.members - 1)
    try:
        fitted = [_fit_member(data, params, *given, checkpoints) for given in zip(seeds, followers, strict=True)]
    except DivergedError as error:
        raise UserError(
            f"Expected a finite loss. Received: {error}. Lower train.{error.knob}, for instance "
            f"with dvc exp run -S train.{error.knob}=0.0001"
        ) from error
    members, fits = zip(*fitted, strict=True)
    from_features = data.has_features and not params.fine_tune.epochs
    return Candidate(data.backbone() if from_features else None, members, fits[0])


def search_name(data: Data, params: TuneParams) -> str:
    """Of a search: after all that its trials depend on, so that no other goes on from them; not after their number."""
    needs = [data.digest, params.model_dump_json(exclude={"trials"})]
    return hashlib.sha256(" ".join(needs).encode()).hexdigest()


def _fit_member(
    data: Data, params: TrainParams, seed: int, on_epoch: OnEpoch, checkpoints: Path
) -> tuple[keras.Model, Fit]:
    if not data.has_features:
        return fit_cnn(_photo_task(data, params, seed, on_epoch, checkpoints))
    head, fit = fit_head(data.fitted, len(data.classes), params, seed, on_epoch)
    if not params.fine_tune.epochs:
        return head, fit
    return fine_tune(_photo_task(data, params, seed, on_epoch, checkpoints), data.trainable_backbone(), head, fit)


def _photo_task(data: Data, params: TrainParams, seed: int, on_epoch: OnEpoch, checkpoints: Path) -> PhotoTask:
    """The fit to photos; its checkpoint is named after all that it depends on, so that no other takes it up."""
    needs = [data.digest, params.model_dump_json(), str(seed), number_format(params.fine_tune)]
    file = checkpoints / f"{hashlib.sha256(' '.join(needs).encode()).hexdigest()}.npz"
    return PhotoTask(data.packed, len(data.classes), params, seed, on_epoch, file)


def _check_blocks(data: Data, params: TrainParams) -> None:
    tune, there_are = params.fine_tune, data.description.blocks
    if tune.epochs and tune.blocks != "all" and int(tune.blocks) > there_are:
        raise UserError(
            f"Expected train.fine_tune.blocks of at most {there_are} for {data.description.name}. "
            f"Received: {tune.blocks}. Say all to let its stem learn too: dvc exp run -S train.fine_tune.blocks=all"
        )


def score_candidate(candidate: Candidate, data: Data) -> dict[str, float]:
    """Scores such as `val_loss` of the candidate as it is saved; of a single member those of its best epoch.

    What was fitted in half precision was scored in it too: they differ from the saved model's by a thousandth or so.
    """
    if len(candidate.members) == 1:
        return candidate.fit.best
    scores: dict[str, float] = {}
    for split, features in data.fitted.items():
        photos = features.originals()
        batches = as_batches(photos.tensor) if candidate.backbone else photos_of(data, split)
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
        "input": shape.model_dump() | {"values": f"RGB, 0 to 255{told}", "phyla": data.phyla},
        "backbone": data.description.model_dump(),
        "images": {split: len(data.packed.rows(split)) for split in SPLITS},
        "best_epoch": candidate.fit.best_epoch,
        "params": knobs,
        "cores": None if candidate.backbone else available_cores(),
    }
    parts = [candidate.backbone, candidate.classifier] if candidate.backbone else [candidate.classifier]
    save_model(folder, assemble(shape.image_size, parts, len(data.phyla)), data.classes, metadata)


def photos_of(data: Data, split: str) -> tf.data.Dataset:
    """What the whole model takes: photos in order, with their phylum if it is told that."""
    rows = data.packed.rows(split)
    photos = photo_batches(data.packed, rows, PHOTO_BATCH)
    if not data.phyla:
        return photos
    phyla = one_hot_phyla(rows["class_id"].to_numpy(), data.classes, data.phyla)
    return tf.data.Dataset.zip(photos, tf.data.Dataset.from_tensor_slices(phyla).batch(PHOTO_BATCH))


def _ignore_epoch(_epoch: int, _scores: dict[str, float]) -> None:
    """The members after the first are not followed."""
