"""Saved models: their folder, what they say of themselves, and how that is read; no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from rare_species.common.checksums import check_files, read_checksums
from rare_species.common.classes import CLASSES, Classes
from rare_species.common.errors import UserError
from rare_species.common.schema import JsonFile, read_json_file
from rare_species.data.backbone_file import BackboneDescription
from rare_species.data.shards import Preprocessing

NETWORK, METADATA = "model.keras", "metadata.json"
FILES = (NETWORK, CLASSES, METADATA)
SKIPPED = "skipped.json"  # why there is no model


class Input(Preprocessing):
    """What a network takes: photos of that shape, and the phylum if it is told that.

    Attributes:
        values: what the numbers are, for people.
        phyla: those it can be told, in the order of its second input; none where it has no such input.
    """

    values: str
    phyla: list[str]


class Images(JsonFile):
    """Photos of each split."""

    train: NonNegativeInt
    val: NonNegativeInt
    test: NonNegativeInt


class RecordedParameters(BaseModel):
    """A group of the knobs that a model was fitted with; others may be there, as they come and go with versions."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)


class HeadParameters(RecordedParameters):
    """Those of the head that the report shows."""

    units: list[PositiveInt]
    dropout: float | list[float]


class OptimizerParameters(RecordedParameters):
    """Those of the optimizer that the report shows."""

    name: str
    learning_rate: float
    weight_decay: float


class ScheduleParameters(RecordedParameters):
    """Those of the schedule that the report shows."""

    name: str


class FittedParameters(RecordedParameters):
    """What a model was fitted with; fields are the knobs that the report shows."""

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
        input: what it takes.
        backbone: what its features come from.
        images: photos of each split.
        best_epoch: whose weights were kept.
        params: the knobs it was fitted with.
        cores: that a fit to photos ran on, as its last digits depend on them; None for a head, which does not.
    """

    input: Input
    backbone: BackboneDescription
    images: Images
    best_epoch: NonNegativeInt
    params: FittedParameters
    cores: PositiveInt | None = None


class Skipped(JsonFile):
    """skipped.json of a search that had nothing to search."""

    reason: str


M = TypeVar("M", bound=Metadata)


@dataclass(frozen=True)
class Saved:
    """A folder with a model that is as its stage wrote it.

    Attributes:
        folder: with `FILES` and their checksums.
        classes: class_id, family and phylum by class id.
        metadata: all of metadata.json.
    """

    folder: Path
    classes: Sequence[Mapping[str, Any]]
    metadata: Metadata

    @property
    def preprocessing(self) -> Preprocessing:
        """Of the photos that it takes."""
        return Preprocessing.model_validate(self.metadata.input.model_dump(include=set(Preprocessing.model_fields)))

    @property
    def phyla(self) -> Sequence[str]:
        """Those it can be told, in the order of its second input; none where it has no such input."""
        return self.metadata.input.phyla


def read_candidates(folders: Iterable[Path]) -> dict[str, Saved]:
    """Read all but the networks of the candidates, by name, but for one whose stage says that there is none.

    Raises:
        UserError: when files are missing or are not as stage train or tune wrote them.
    """
    return {folder.name: read_saved(folder) for folder in folders if not _is_skipped(folder)}


def read_saved(folder: Path) -> Saved:
    """Read all but the network of a candidate.

    Raises:
        UserError: when files are missing or are not as stage train or tune wrote them.
    """
    return Saved(folder, *read_json_files(folder, Metadata))


def read_json_files(folder: Path, kind: type[M]) -> tuple[Sequence[Mapping[str, Any]], M]:
    """Classes and metadata, once all `FILES` are seen to be as they were written.

    Args:
        folder: with a model.
        kind: of metadata.json.

    Raises:
        UserError: when they are not, or belong to several models.
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
