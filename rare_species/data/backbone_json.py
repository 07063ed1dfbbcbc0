"""backbone.json: which network made the features, and from which photos; saved models repeat its description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt

from rare_species.common.checksums import file_digest
from rare_species.common.class_labels import classes_digest
from rare_species.common.validated_json import JsonFile

BACKBONE_NAME, BACKBONE_NETWORK = "backbone.json", "backbone.keras"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BackboneDescription(JsonFile):
    """A backbone and where its weights came from.

    Attributes:
        name: value of `model.name`.
        weights: name of the file of the weights; "none" if they are random or there is no backbone.
        weights_file_sha256: SHA-256 of that file; "" without one.
        weights_sha256: SHA-256 of the weights' arrays; "" without a backbone.
        feature_size: length of a feature vector, 0 without a backbone.
        layer_groups: number of layer groups that fine-tuning can unfreeze, from the end.
        licence: licence of the weights; "" for random ones, "unknown" for a file that is not the published one.
        pretrained_on: data that the weights were trained on; "" and "unknown" as for `licence`.
    """

    name: Annotated[str, Field(min_length=1)]
    weights: Annotated[str, Field(min_length=1)]
    weights_file_sha256: Sha256 | Annotated[str, Field(max_length=0)]
    weights_sha256: Sha256 | Annotated[str, Field(max_length=0)]
    feature_size: NonNegativeInt
    layer_groups: NonNegativeInt
    licence: str
    pretrained_on: str


class FeaturesFile(BackboneDescription):
    """What stage embed says of its features.

    Attributes:
        phyla: phyla of the one-hot columns that end each feature vector; empty for classifiers that see only the image.
        index_sha256: SHA-256 of the index of the photos that the features were made from.
        classes_sha256: SHA-256 of the classes that these photos had, see `classes_digest`.
    """

    phyla: tuple[str, ...]
    index_sha256: Sha256
    classes_sha256: Sha256

    @classmethod
    def of(
        cls, backbone: BackboneDescription, phyla: Sequence[str], index: Path, classes: Sequence[Mapping[str, Any]]
    ) -> FeaturesFile:
        """Describe the features that a backbone gave.

        Args:
            backbone: the network.
            phyla: phyla of the one-hot columns that end each feature vector.
            index: file with the index of the photos.
            classes: class_id, family and phylum of each class.
        """
        return cls(
            **backbone.model_dump(include=set(BackboneDescription.model_fields)),
            phyla=tuple(phyla),
            index_sha256=file_digest(index),
            classes_sha256=classes_digest(classes),
        )
