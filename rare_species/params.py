"""The knobs of params.yaml: one model per section, so that a typo or a wrong value is one clear error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from PIL import ImageColor
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from rare_species.section import Fraction, Section, Seed
from rare_species.training_params import AugmentationParams, TrainParams, TuneParams

Layout = Literal["auto", "metadata", "phylum_family", "class_folders"]
ClassFolder = Literal["auto", "first", "last"]
Resize = Literal["crop", "pad", "stretch"]
EfficientNet = Literal["efficientnetlite0", "efficientnetb0", "efficientnetv2b0", "efficientnetv2b3", "efficientnetv2s"]
ConvNeXt = Literal["convnexttiny", "convnextsmall", "convnextbase"]
ModelName = Literal[
    EfficientNet, "mobilenetv2", "mobilenetv3large", "resnet50", "densenet121", "vgg16", ConvNeXt, "vitbase16", "cnn"
]
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


def _check_encoding(name: str) -> str:
    try:
        b"a".decode("ascii" if name == "auto" else name)  # refuses codecs that do not give text
    except (LookupError, ValueError):
        raise ValueError("Input should be auto, or an encoding that Python knows, such as cp437 or shift_jis") from None
    return name


Encoding = Annotated[str, AfterValidator(_check_encoding)]


class UnzipParams(Section):
    """Section `unzip`: which archive, how it is laid out, and the limits that stop a zip bomb."""

    archive: Path
    layout: Layout
    class_folder: ClassFolder
    join_labels: bool
    names: Encoding
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
    holdout_species: bool
    seed: Seed

    @model_validator(mode="after")
    def _species_are_held_out_in_groups(self) -> SplitParams:
        if self.holdout_species and self.method != "grouped":
            raise ValueError(
                "split.method must be grouped with split.holdout_species=true, which keeps bursts and near-duplicates "
                f"together. Received: {self.method}"
            )
        return self

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


TREATMENT_KNOBS: Mapping[str, type[Section]] = {
    "circular_mask": CircularMaskParams,
    "peripheral_blur": PeripheralBlurParams,
    "remove_background": RemoveBackgroundParams,
}


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
    """Section `model`: which backbone, where its weights come from, and what the classifier is told."""

    name: ModelName
    weights: str
    inputs: tuple[Literal["image", "phylum"], ...]

    @field_validator("inputs")
    @classmethod
    def _image_once(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        if "image" not in inputs or len(set(inputs)) < len(inputs):
            raise ValueError("Input should be [image] or [image, phylum]")
        return inputs

    @model_validator(mode="after")
    def _network_learns_from_photos(self) -> ModelParams:
        if self.name == "cnn" and "phylum" in self.inputs:
            raise ValueError(
                "model.inputs must be [image] with model.name=cnn, which learns from photos alone. "
                f"Received: [{', '.join(self.inputs)}]"
            )
        return self


class EmbedParams(Section):
    """Section `embed`: batch size, and augmented copies of each training image."""

    batch_size: PositiveInt
    views: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed


class EvaluateParams(Section):
    """Section `evaluate`: what the pictures show, how intervals are found and when a family is sure."""

    top_k: PositiveInt
    wanted_precision: Annotated[float, Field(gt=0, le=1)]
    confused_families: Annotated[int, Field(ge=2)]
    worst_photos: PositiveInt
    explained_photos: NonNegativeInt
    resamples: Annotated[int, Field(ge=100)]
    views: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed


class ScoreRule(Section):
    """When a metric in [0, 1] regressed: lost more than the floor, or fell below the minimum."""

    floor: Fraction
    minimum: Fraction


class LossRule(Section):
    """When the loss regressed: grew by more than the floor, or beyond the maximum."""

    floor: Annotated[float, Field(ge=0)]
    maximum: PositiveFloat


class CompareParams(Section):
    """Section `compare`: when a change made the model worse; no stage reads it."""

    resamples: Annotated[int, Field(ge=100)]
    macro_f1: ScoreRule
    accuracy: ScoreRule
    top_k_accuracy: ScoreRule
    loss: LossRule
    seed: Seed


def check_together(model: ModelParams, train: TrainParams) -> None:
    """Refuse knobs that are right by themselves and do not go with those of another section.

    Raises:
        ValueError: what was expected, and what was received.
    """
    tune = train.fine_tune
    if model.name == "cnn" and (tune.epochs or not train.epochs):
        raise ValueError(
            "train.epochs must be above 0 and train.fine_tune.epochs 0 with model.name=cnn, which has no backbone. "
            f"Received: {train.epochs} and {tune.epochs}"
        )
    if "phylum" in model.inputs and tune.epochs:
        raise ValueError(
            "train.fine_tune.epochs must be 0 with model.inputs=[image, phylum], as a backbone is fine-tuned from "
            f"photos alone. Received: {tune.epochs}"
        )


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
    "compare": CompareParams,
}
