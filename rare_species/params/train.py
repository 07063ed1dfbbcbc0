"""Section `train` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from rare_species.augmentation.augmentation_params import TrainAugmentationParams
from rare_species.common.validated_types import SEEDS, Parameters, Seed
from rare_species.fitting.fit_params import Dropout, FitParams, LearningRate


class CnnParams(Parameters):
    """The baseline CNN: convolution blocks, a dense layer, dropout."""

    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    dense: PositiveInt
    dropout: Dropout


def _check_layer_groups(groups: Any) -> Any:
    if groups != "all" and (not isinstance(groups, int) or isinstance(groups, bool) or groups < 1):
        raise ValueError("Input should be all or a whole number of at least 1")
    return groups


def _check_switch(switch: Any) -> Any:
    if switch != "auto" and not isinstance(switch, bool):
        raise ValueError("Input should be auto, true or false")
    return switch


class FineTuneParams(Parameters):
    """Fine-tuning of the backbone on the photos, after the head was fitted (Kumar et al., 2022)."""

    epochs: NonNegativeInt
    layer_groups: Annotated[int | str, BeforeValidator(_check_layer_groups)]
    learning_rate: LearningRate
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    warmup_epochs: NonNegativeInt
    freeze_batch_norm: bool
    clip_norm: Annotated[float, Field(ge=0)]
    ema: Dropout
    mixed_precision: Annotated[bool | str, BeforeValidator(_check_switch)]
    steps_per_execution: PositiveInt


class TrainParams(FitParams):
    """Section `train`."""

    epochs: NonNegativeInt
    fine_tune: FineTuneParams
    members: PositiveInt
    augmentation: TrainAugmentationParams
    cnn: CnnParams
    seed: Seed

    @model_validator(mode="after")
    def _each_member_has_a_seed(self) -> TrainParams:
        if self.seed + self.members > SEEDS:
            raise ValueError(
                f"train.seed must be at most {SEEDS - self.members} with train.members={self.members}, each of which "
                f"takes the next one. Received: {self.seed}"
            )
        return self

    @model_validator(mode="after")
    def _phases_fit(self) -> TrainParams:
        tune = self.fine_tune
        if not self.epochs and not tune.epochs:
            raise ValueError("train.epochs and train.fine_tune.epochs must not both be 0. Received: 0 and 0")
        if tune.epochs and tune.warmup_epochs and self.schedule.name == "plateau":
            raise ValueError(
                "train.fine_tune.warmup_epochs must be 0 with train.schedule.name=plateau, which sets the rate itself. "
                f"Received: {tune.warmup_epochs}"
            )
        if tune.epochs and tune.warmup_epochs >= tune.epochs:
            raise ValueError(
                "train.fine_tune.warmup_epochs must be less than train.fine_tune.epochs. "
                f"Received: {tune.warmup_epochs} of {tune.epochs}"
            )
        return self
