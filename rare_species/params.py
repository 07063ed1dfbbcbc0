"""The knobs of params.yaml: one model per section, so that a typo or a wrong value is one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from rare_species.errors import UserError

T = TypeVar("T")
Fraction = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, le=1)]
Layout = Literal["auto", "metadata", "phylum_family", "class_folders"]
Resize = Literal["crop", "pad", "stretch"]


class Section(BaseModel):
    """Base of all sections: unknown keys, NaN and infinity are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class UnzipParams(Section):
    """Section `unzip`: which archive, how it is laid out, and the limits that stop a zip bomb."""

    archive: Path
    layout: Layout
    max_files: PositiveInt
    max_bytes: PositiveInt
    max_ratio: PositiveFloat


class CleanParams(Section):
    """Section `clean`: when an image is rejected, and when that is too often."""

    exclude: Path
    min_side_px: PositiveInt
    max_pixels: PositiveInt
    documents: Literal["keep", "flag", "reject"]
    max_rejected_fraction: Fraction


class SplitParams(Section):
    """Section `split`: shares of the three splits, and what counts as the same moment."""

    method: Literal["grouped", "stratified"]
    train: Annotated[float, Field(gt=0, lt=1)]
    val: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    burst_gap: NonNegativeInt
    near_duplicate_bits: Annotated[int, Field(ge=0, le=15)]
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> SplitParams:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            shares = f"{self.train:g} + {self.val:g} + {self.test:g} = {total:g}"
            raise ValueError(f"split.train + split.val + split.test must be 1. Received: {shares}")
        return self


class PreprocessParams(Section):
    """Section `preprocess`: the packed images' side, how photos are fitted to it, and JPEG quality."""

    image_size: Annotated[int, Field(ge=16, le=1024)]
    resize: Resize
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    shard_images: PositiveInt


class ModelParams(Section):
    """Section `model`: which backbone, and where its weights come from."""

    name: Literal["efficientnetlite0", "mobilenetv2", "cnn"]
    weights: str


class AugmentationParams(Section):
    """Random changes to training images; a rotation of 0.05 is up to 18 degrees either way."""

    flip: bool
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    zoom: Annotated[float, Field(ge=0, lt=1)]


class EmbedParams(Section):
    """Section `embed`: batch size, and augmented copies of each training image."""

    batch_size: PositiveInt
    views: NonNegativeInt
    augmentation: AugmentationParams
    seed: NonNegativeInt


class HeadParams(Section):
    """The classifier on top of the features: dense layers, each with batch norm, activation and dropout."""

    units: tuple[PositiveInt, ...]
    activation: Literal["relu", "gelu", "silu", "tanh"]
    batch_norm: bool
    dropout: Dropout


class OptimizerParams(Section):
    """Which optimizer and its rates; weight decay is decoupled, as AdamW's (Loshchilov & Hutter, 2019)."""

    name: Literal["adamw", "adam", "sgd"]
    learning_rate: LearningRate
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    momentum: Annotated[float, Field(ge=0, lt=1)]


class ScheduleParams(Section):
    """How the learning rate falls: along a cosine, by a factor when validation loss stalls, or not at all."""

    name: Literal["cosine", "plateau", "constant"]
    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: PositiveInt


class EarlyStoppingParams(Section):
    """When to stop; the weights of the best epoch are restored."""

    monitor: Literal["val_loss", "val_accuracy", "val_auc", "val_macro_f1"]
    patience: PositiveInt


class FitParams(Section):
    """What `train` and every trial of `tune` share: head, optimizer, schedule and stopping."""

    epochs: PositiveInt
    batch_size: PositiveInt
    imbalance: Literal["none", "class_weight"]
    label_smoothing: Dropout
    head: HeadParams
    optimizer: OptimizerParams
    schedule: ScheduleParams
    early_stopping: EarlyStoppingParams


class CnnParams(Section):
    """The baseline from scratch: convolution blocks, one dense layer, dropout; augmentation while training."""

    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    dense: PositiveInt
    dropout: Dropout
    augmentation: AugmentationParams


class TrainParams(FitParams):
    """Section `train`."""

    cnn: CnnParams
    seed: NonNegativeInt


class Range(Section):
    """A number searched between `low` and `high`, both included, on a log scale if so wished."""

    type: Literal["float", "int"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _low_below_high(self) -> Range:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError("expected low < high, and low > 0 when log is true")
        return self

    def examples(self) -> list[float | int]:
        """Both ends, in the knob's own type."""
        return [int(end) if self.type == "int" else end for end in (self.low, self.high)]


class Choices(Section):
    """A knob that takes one of the listed values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    def examples(self) -> list[Any]:
        """Every choice."""
        return list(self.choices)


Distribution = Annotated[Range | Choices, Field(discriminator="type")]


class TuneParams(Section):
    """Section `tune`: the search space over `base`, the number of trials and what they are judged by."""

    trials: NonNegativeInt
    objective: Literal["val_macro_f1", "val_accuracy", "val_auc", "val_loss"]
    base: FitParams
    space: Annotated[dict[str, Distribution], Field(min_length=1)]
    seed: NonNegativeInt

    @field_validator("space", mode="before")
    @classmethod
    def _flatten(cls, space: Any) -> Any:
        return flatten_space(space) if isinstance(space, dict) else space

    @model_validator(mode="after")
    def _space_fits_base(self) -> TuneParams:
        for knob, distribution in self.space.items():
            for value in distribution.examples():
                try:
                    with_knobs(self.base, {knob: value})
                except ValidationError as error:
                    message = error.errors()[0]["msg"]
                    raise ValueError(f"tune.space.{knob}: {message}. Received: {value!r}") from error
        return self


class EvaluateParams(Section):
    """Section `evaluate`: what the pictures show and how intervals are found."""

    top_k: PositiveInt
    confused_families: Annotated[int, Field(ge=2)]
    worst_photos: PositiveInt
    resamples: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt


SECTIONS: dict[str, type[Section]] = {
    "unzip": UnzipParams,
    "clean": CleanParams,
    "split": SplitParams,
    "preprocess": PreprocessParams,
    "model": ModelParams,
    "embed": EmbedParams,
    "train": TrainParams,
    "tune": TuneParams,
    "evaluate": EvaluateParams,
}


def load_params(file: Path, kind: type[T]) -> T:
    """Read the sections of params.yaml that a stage uses.

    Args:
        file: the YAML file.
        kind: a dataclass with one field per section, named as in `SECTIONS` and typed with its model.

    Returns:
        An instance of `kind`.

    Raises:
        UserError: when the file is missing or not YAML, or any of those sections has a wrong, unknown or missing key.
    """
    document = _read_yaml(file)
    unknown = sorted(str(name) for name in document if name not in SECTIONS)
    if unknown:
        raise UserError(f"{file} must hold the sections {', '.join(SECTIONS)}. Received also: {', '.join(unknown)}.")
    sections, problems = {}, []
    for name, model in get_type_hints(kind).items():
        try:
            sections[name] = model.model_validate(document.get(name, {}))
        except ValidationError as error:
            problems += [_describe(name, problem, file) for problem in error.errors()]
    if problems:
        raise UserError("\n".join(problems))
    return kind(**sections)


def with_knobs(fit: FitParams, knobs: dict[str, Any]) -> FitParams:
    """Copy `fit` with some knobs replaced.

    Args:
        fit: the parameters to start from.
        knobs: values by dotted name, such as `{"head.dropout": 0.2}`.

    Returns:
        The validated copy.
    """
    document = fit.model_dump()
    for knob, value in knobs.items():
        *sections, name = knob.split(".")
        place = document
        for section in sections:
            if not isinstance(place.get(section), dict):
                place[section] = {}  # validation says what belongs there
            place = place[section]
        place[name] = value
    return FitParams.model_validate(document)


def flatten_space(space: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn a search space nested like `train` into dotted names; a mapping with a `type` is a distribution.

    Args:
        space: for instance `{"head": {"dropout": {"type": "float", "low": 0, "high": 0.6}}}`.
        prefix: dotted name of `space` itself, with a final dot.

    Returns:
        For instance `{"head.dropout": {"type": "float", "low": 0, "high": 0.6}}`.
    """
    flat: dict[str, Any] = {}
    for name, value in space.items():
        if isinstance(value, dict) and "type" not in value:
            flat |= flatten_space(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"Expected {file} in {Path.cwd()}. Run the stage from the repository's root.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} must be YAML. Received: {error}. Mend the line it names.") from error
    if not isinstance(document, dict):
        raise UserError(f"{file} must be a mapping of sections. Received: {type(document).__name__}.")
    return document


def _describe(section: str, problem: Any, file: Path) -> str:
    place = problem["loc"]
    if place[:1] == ("space",):
        place = place[:2] + place[3:]  # without the kind of distribution, which is no key
    key = ".".join([section, *(str(part) for part in place)])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and not place:  # of several knobs: the message names them
        return f"{message}. Set it in {file} or with dvc exp run -S KEY=VALUE."
    if problem["type"] == "missing":
        return f"{key} is missing. Add it to {file}."
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a knob. Received: {problem['input']!r}. Remove it from {file} or mend its name."
    return f"{key}: {message}. Received: {problem['input']!r}. Set it in {file} or with dvc exp run -S {key}=VALUE."
