"""backbone.json: which network made the features, and of which photos; and the part of it that models hand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, NonNegativeInt

from rare_species.common.checksums import file_digest
from rare_species.common.class_labels import classes_digest
from rare_species.common.validated_json import JsonFile

BACKBONE_NAME, NETWORK = "backbone.json", "backbone.keras"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BackboneDescription(JsonFile):
    """A backbone and where its weights came from.

    Attributes:
        name: as in `model.name`.
        weights: name of their file, "none" where they are random or there is no backbone.
        weights_file_sha256: of that file, "" without one.
        weights_sha256: of the arrays, "" without a backbone.
        feature_size: length of a feature vector, 0 without a backbone.
        layer_groups: that can be trained further one by one.
        licence: of the weights, "" for random ones and "unknown" for a file that is not the published one.
        pretrained_on: likewise.
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
        phyla: what the last numbers of a feature vector stand for; none for classifiers that see the image alone.
        index_sha256: of the index of the photos that they were made from.
        classes_sha256: of the class ids that these photos had.
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
            phyla: see above.
            index: file of the photos' index.
            classes: class_id, family and phylum of each class.
        """
        return cls(
            **backbone.model_dump(include=set(BackboneDescription.model_fields)),
            phyla=tuple(phyla),
            index_sha256=file_digest(index),
            classes_sha256=classes_digest(classes),
        )
