"""The data that models are fitted to and measured on: photos, features and classes, checked to belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from rare_species.common.checksums import check_files, file_digest
from rare_species.common.class_labels import classes_digest
from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError
from rare_species.common.validated_json import read_json_file
from rare_species.data.backbone_json import BACKBONE_NAME, BACKBONE_NETWORK, BackboneDescription, FeaturesFile
from rare_species.data.features import Features, load_features, load_photos
from rare_species.data.photo_batches import PHOTO_BATCH, photo_batches
from rare_species.data.phylum_encoding import one_hot_phyla
from rare_species.data.shards import INDEX_NAME, Packed


@dataclass(frozen=True)
class Data:
    """Everything that a classifier is fitted to and measured on.

    Attributes:
        packed: the photos.
        classes: family and phylum by class id.
        description: description of the backbone.
        features: folder of the features; they have width 0 for a network that learns from photos.
        phyla: phyla of the one-hot columns that end each feature vector; empty for classifiers that see only the image.
    """

    packed: Packed
    classes: Sequence[dict[str, Any]]
    description: BackboneDescription
    features: Path
    phyla: Sequence[str]

    @property
    def has_features(self) -> bool:
        """Whether there is a frozen backbone, whose features a head can be fitted to."""
        return bool(self.description.feature_size)

    @cached_property
    def fitted(self) -> dict[str, Features]:
        """Features of the training and validation photos, loaded once and kept in memory."""
        return {split: self.load(split) for split in ("train", "val")}

    def load(self, split: str) -> Features:
        """Read a split's features.

        Raises:
            UserError: when they have changed since stage embed wrote them.
        """
        check_files(self.features, f"{split}.npz")
        features = load_features(self.features, split)
        width = self.description.feature_size + len(self.phyla)
        if features.values.shape[1] != width:
            raise UserError(
                f"Expected vectors of {width} numbers in {self.features / split}.npz, as its {BACKBONE_NAME} says. "
                f"Received: {features.values.shape[1]}. Embed again: dvc repro --force embed."
            )
        return features


def open_data(features: Path, packed: Packed, classes: Sequence[dict[str, Any]]) -> Data:
    """Open features and check that they belong to these photos and classes; features are not loaded yet.

    Raises:
        UserError: when they do not, or a file has changed since its stage wrote it.
    """
    packed.check_classes(len(classes))
    check_files(features, BACKBONE_NAME)
    document = read_json_file(features / BACKBONE_NAME, FeaturesFile)
    if document.feature_size:
        check_files(features, BACKBONE_NETWORK)
    made_of = (document.index_sha256, document.classes_sha256)
    is_of_these = made_of == (file_digest(packed.folder / INDEX_NAME), classes_digest(classes))
    others = [] if is_of_these else [features / BACKBONE_NAME]
    others += [features / f"{split}.npz" for split in SPLITS if not _are_of(features, packed, split)]
    if others:
        raise UserError(
            f"Expected {others[0]} to be of the photos in {packed.folder}. Received: others. Run dvc repro."
        )
    backbone = BackboneDescription.model_validate(document.model_dump(include=set(BackboneDescription.model_fields)))
    return Data(packed, classes, backbone, features, list(document.phyla))


def _are_of(features: Path, packed: Packed, split: str) -> bool:
    """Return whether a split's features belong to its photos, in the same order and with the same labels."""
    (paths, labels), rows = load_photos(features, split), packed.rows(split)
    return np.array_equal(paths, rows["file_path"].to_numpy(dtype=str)) and np.array_equal(labels, rows["class_id"])


def photos_of(data: Data, split: str) -> tf.data.Dataset:
    """Make the input of the whole model: photos in order, with their phylum if it is conditioned on it."""
    rows = data.packed.rows(split)
    photos = photo_batches(data.packed, rows, PHOTO_BATCH)
    if not data.phyla:
        return photos
    phyla = one_hot_phyla(rows["class_id"].to_numpy(), data.classes, data.phyla)
    return tf.data.Dataset.zip(photos, tf.data.Dataset.from_tensor_slices(phyla).batch(PHOTO_BATCH))
