"""Saved models: the JSON files in their folders, and how they are read; no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from rare_species.common.checksums import check_files, read_checksums
from rare_species.common.class_labels import CLASSES, Classes
from rare_species.common.errors import UserError
from rare_species.common.validated_json import JsonFile, read_json_file
from rare_species.data.backbone_json import BackboneDescription
from rare_species.data.shards import Preprocessing

NETWORK, METADATA = "model.keras", "metadata.json"
FILES = (NETWORK, CLASSES, METADATA)
SKIPPED = "skipped.json"  # in place of a model: why there is none


class Input(Preprocessing):
    """The input of a network: how photos are preprocessed, and the phyla it is conditioned on.

    Attributes:
        values: description of the values, for readers.
        phyla: phyla in the order of the second input; empty when there is no such input.
    """

    values: str
    phyla: list[str]


class Images(JsonFile):
    """Number of photos in each split."""

    train: NonNegativeInt
    val: NonNegativeInt
    test: NonNegativeInt


class RecordedParameters(BaseModel):
    """Parameters that a model was fitted with. Others are allowed, because they come and go with versions."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)


class HeadParameters(RecordedParameters):
    """Parameters of the head that the report shows."""

    units: list[PositiveInt]
    dropout: float | list[float]


class OptimizerParameters(RecordedParameters):
    """Parameters of the optimizer that the report shows."""

    name: str
    learning_rate: float
    weight_decay: float


class ScheduleParameters(RecordedParameters):
    """Parameters of the schedule that the report shows."""

    name: str


class FittedParameters(RecordedParameters):
    """Parameters that a model was fitted with, as far as the report shows them."""

    epochs: NonNegativeInt
    batch_size: PositiveInt
    imbalance: str
    label_smoothing: float
    head: HeadParameters
    optimizer: OptimizerParameters
    schedule: ScheduleParameters


class Metadata(JsonFile):
    """metadata.json of a candidate.

    Attributes:
        input: input of the network.
        backbone: description of the backbone.
        images: number of photos in each split.
        best_epoch: epoch whose weights were kept, from 1.
        params: parameters of the fit.
        cores: number of cores that a fit to photos ran on, which changes its last digits; None for a head, whose bytes
            do not depend on it.
    """

    input: Input
    backbone: BackboneDescription
    images: Images
    best_epoch: PositiveInt
    params: FittedParameters
    cores: PositiveInt | None = None


class Skipped(JsonFile):
    """skipped.json of a search that had nothing to search."""

    reason: str


M = TypeVar("M", bound=Metadata)


@dataclass(frozen=True)
class SavedModel:
    """A saved model, whose files were compared with their checksums.

    Attributes:
        folder: folder with `FILES` and SHA256SUMS.
        classes: class_id, family and phylum by class id.
        metadata: content of metadata.json.
    """

    folder: Path
    classes: Sequence[Mapping[str, Any]]
    metadata: Metadata

    @property
    def preprocessing(self) -> Preprocessing:
        """How the model's photos are preprocessed."""
        return Preprocessing.model_validate(self.metadata.input.model_dump(include=set(Preprocessing.model_fields)))

    @property
    def phyla(self) -> Sequence[str]:
        """Phyla in the order of the second input; empty when there is no such input."""
        return self.metadata.input.phyla


def read_candidates(folders: Iterable[Path]) -> dict[str, SavedModel]:
    """Read everything but the networks of the candidates; a folder with skipped.json has no candidate.

    Returns:
        Saved models by the names of their folders.

    Raises:
        UserError: when files are missing, or have changed since stage train or tune wrote them.
    """
    return {folder.name: read_saved(folder) for folder in folders if not _is_skipped(folder)}


def read_saved(folder: Path) -> SavedModel:
    """Read everything but the network of a candidate.

    Raises:
        UserError: when files are missing, or have changed since stage train or tune wrote them.
    """
    return SavedModel(folder, *read_json_files(folder, Metadata))


def read_json_files(folder: Path, kind: type[M]) -> tuple[Sequence[Mapping[str, Any]], M]:
    """Check the files of a saved model, and read its classes and metadata.

    Args:
        folder: folder of the model.
        kind: schema of metadata.json.

    Returns:
        Classes by class id, and metadata.

    Raises:
        UserError: when a file has changed, or the files belong to different models.
    """
    check_files(folder, *FILES)
    metadata = read_json_file(folder / METADATA, kind)
    classes = read_json_file(folder / CLASSES, Classes).model_dump()
    phyla = metadata.input.phyla
    if phyla and phyla != sorted({entry["phylum"] for entry in classes}):
        raise UserError(
            f"Expected input.phyla of {folder / METADATA} to be the phyla of {folder / CLASSES}. Received: "
            f"{', '.join(phyla)}. Train again: dvc repro --force {folder.name}"
        )
    return classes, metadata


def _is_skipped(folder: Path) -> bool:
    if SKIPPED not in read_checksums(folder):
        return False
    check_files(folder, SKIPPED)
    return True
