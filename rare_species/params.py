"""The knobs of params.yaml: one model per section, so that a typo or a wrong value is one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from PIL import ImageColor
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from rare_species.search_space import Distribution, flatten_space
from rare_species.section import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
LearningRate = Annotated[float, Field(gt=0, le=1)]
Layout = Literal["auto", "metadata", "phylum_family", "class_folders"]
Resize = Literal["crop", "pad", "stretch"]
EfficientNet = Literal["efficientnetlite0", "efficientnetb0", "efficientnetv2b0", "efficientnetv2b3", "efficientnetv2s"]
ConvNeXt = Literal["convnexttiny", "convnextsmall", "convnextbase"]
ModelName = Literal[
    EfficientNet, "mobilenetv2", "mobilenetv3large", "resnet50", "densenet121", "vgg16", ConvNeXt, "cnn"
]
ImbalanceName = Literal["none", "class_weight", "oversample", "focal", "balanced_softmax", "class_balanced"]
TreatmentName = Literal["none", "grayscale", "circular_mask", "peripheral_blur", "remove_background"]


def _check_colour(text: str) -> str:
    try:
        channels = len(ImageColor.getrgb(text))
    except ValueError:
        channels = 0
    if channels != 3:
        raise ValueError("Input should be an opaque colour: a name such as white, or a code such as '#7c7468'")
    return text


Colour = Annotated[str, AfterValidator(_check_colour)]


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
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)]  # what Pillow itself refuses to decode
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


class CircleParams(Section):
    """A circle around the centre; 1 is half the side of the photo, so that a radius of 1.42 reaches the corners."""

    radius: Annotated[float, Field(gt=0, le=1.5)]
    edge: Annotated[float, Field(ge=0, le=1.5)]


class CircularMaskParams(CircleParams):
    """What stays of a photo, and the colour around it."""

    colour: Colour


class PeripheralBlurParams(CircleParams):
    """What stays sharp, and the standard deviation of the blur around it as a share of the side."""

    sigma: Annotated[float, Field(gt=0, le=0.5)]


class RemoveBackgroundParams(Section):
    """Which of rembg's networks finds the animal, where its weights come from, and the colour behind it."""

    model: Literal["u2netp", "u2net", "silueta", "isnet-general-use"]
    weights: str
    colour: Colour


class PreprocessParams(Section):
    """Section `preprocess`: the packed images' side, how photos are fitted to it and treated, and JPEG quality."""

    image_size: Annotated[int, Field(ge=16, le=1024)]
    resize: Resize
    treatment: TreatmentName
    circular_mask: CircularMaskParams
    peripheral_blur: PeripheralBlurParams
    remove_background: RemoveBackgroundParams
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    shard_images: PositiveInt


class ModelParams(Section):
    """Section `model`: which backbone, and where its weights come from."""

    name: ModelName
    weights: str


class AugmentationParams(Section):
    """Random changes to photos; a rotation of 0.05 is up to 18 degrees either way."""

    flip: bool
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    translation: Annotated[float, Field(ge=0, lt=1)]
    brightness: Fraction
    contrast: Annotated[float, Field(ge=0, lt=1)]
    rand_augment: Fraction
    random_erasing: Fraction


class TrainAugmentationParams(AugmentationParams):
    """Those that training can use besides, as it knows the labels."""

    mixup: Annotated[float, Field(ge=0, le=10)]
    cutmix: Fraction


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
    imbalance: ImbalanceName
    focal_gamma: Annotated[float, Field(ge=0, le=10)]
    effective_beta: Annotated[float, Field(ge=0, lt=1)]
    label_smoothing: Dropout
    head: HeadParams
    optimizer: OptimizerParams
    schedule: ScheduleParams
    early_stopping: EarlyStoppingParams


class CnnParams(Section):
    """The baseline from scratch: convolution blocks, one dense layer, dropout."""

    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    dense: PositiveInt
    dropout: Dropout


class TrainParams(FitParams):
    """Section `train`."""

    members: PositiveInt
    augmentation: TrainAugmentationParams
    cnn: CnnParams
    seed: NonNegativeInt


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
    views: NonNegativeInt
    augmentation: AugmentationParams
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
