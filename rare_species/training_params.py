"""The knobs of fitting: what sections `train` and `tune` hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from rare_species.search_space import Distribution, Layers, Range, flatten_space
from rare_species.section import SEEDS, Fraction, Section, Seed, reason

Dropout = Annotated[float, Field(ge=0, lt=1)]
Dropouts = Annotated[
    Annotated[Dropout, Tag("number")] | Annotated[tuple[Dropout, ...], Tag("list")],
    Discriminator(lambda given: "list" if isinstance(given, list | tuple) else "number"),
]
LearningRate = Annotated[float, Field(gt=0, le=1)]
ImbalanceName = Literal["none", "class_weight", "oversample", "focal", "balanced_softmax", "class_balanced"]


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


class HeadParams(Section):
    """The classifier on top of the features: dense layers, each with batch norm, activation and dropout."""

    units: tuple[PositiveInt, ...]
    activation: Literal["relu", "gelu", "silu", "tanh"]
    batch_norm: bool
    dropout: Dropouts
    input_batch_norm: bool
    input_dropout: Dropout

    @model_validator(mode="after")
    def _a_dropout_for_each_layer(self) -> HeadParams:
        if isinstance(self.dropout, tuple) and len(self.dropout) != len(self.units):
            raise ValueError(
                f"dropout must be one number or as many as units. Received: {len(self.dropout)} for {len(self.units)}"
            )
        return self

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Behind each dense layer; of the features when there is none."""
        return self.dropout if isinstance(self.dropout, tuple) else (self.dropout,) * max(1, len(self.units))


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


def _check_blocks(blocks: Any) -> Any:
    if blocks != "all" and (not isinstance(blocks, int) or isinstance(blocks, bool) or blocks < 1):
        raise ValueError("Input should be all or a whole number of at least 1")
    return blocks


def _check_switch(switch: Any) -> Any:
    if switch != "auto" and not isinstance(switch, bool):
        raise ValueError("Input should be auto, true or false")
    return switch


class FineTuneParams(Section):
    """How the backbone is trained further from the photos, after the head was fitted (Kumar et al., 2022)."""

    epochs: NonNegativeInt
    blocks: Annotated[int | str, BeforeValidator(_check_blocks)]
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


class PruningParams(Section):
    """Hyperband (Li et al., 2018): after `min_epochs`, and `factor` times as many each time, the worse trials end."""

    name: Literal["hyperband", "none"]
    min_epochs: PositiveInt
    factor: Annotated[int, Field(ge=2)]


class TuneParams(Section):
    """Section `tune`: the search space over `base`, how it is searched and what trials are judged by."""

    trials: NonNegativeInt
    concurrent_trials: PositiveInt
    objective: Literal["val_macro_f1", "val_accuracy", "val_auc", "val_loss"]
    sampler: Literal["tpe", "random", "grid", "cmaes"]
    pruning: PruningParams
    base: FitParams
    space: Annotated[dict[str, Distribution], Field(min_length=1)]
    seed: Seed

    @field_validator("space", mode="before")
    @classmethod
    def _flatten(cls, space: Any) -> Any:
        return flatten_space(space) if isinstance(space, dict) else space

    @model_validator(mode="after")
    def _space_fits_base(self) -> TuneParams:
        for knob in self.space:
            for value in self._examples(knob):
                try:
                    with_knobs(self.base, {knob: value} | self._others(knob, value))
                except ValidationError as error:
                    problem = error.errors()[0]
                    if problem["type"] == "extra_forbidden":
                        raise ValueError(
                            f"tune.space must name knobs of tune.base. Received: {knob}, which is none of these. "
                            "Remove it or mend its name."
                        ) from error
                    raise ValueError(f"tune.space.{knob}: {reason(problem)}. Received: {value!r}") from error
        return self

    def _examples(self, knob: str) -> list[Any]:
        """What a knob may have; of one that follows another, with as many layers as that may have."""
        distribution = self.space[knob]
        if not isinstance(distribution, Layers):
            return list(distribution.examples())
        leader = self.space.get(distribution.as_many_as or knob)
        if not isinstance(leader, Layers):  # `_others` says so
            return list(distribution.examples())
        lengths = {len(value) for value in leader.examples()}
        return [value for value in distribution.examples() if len(value) in lengths]

    def _others(self, knob: str, value: Any) -> dict[str, Any]:
        """The knobs that have as many layers as `value`, of the same length."""
        distribution = self.space[knob]
        if not isinstance(distribution, Layers):
            return {}
        leader = distribution.as_many_as or knob
        if not isinstance(self.space.get(leader), Layers):
            raise ValueError(f"tune.space.{knob}.as_many_as must name a knob of type layers. Received: {leader}")
        others = {
            name: other
            for name, other in self.space.items()
            if isinstance(other, Layers) and leader in (name, other.as_many_as)
        }
        fitting = {name: [one for one in other.examples() if len(one) == len(value)] for name, other in others.items()}
        for name, found in fitting.items():
            if not found and distribution.as_many_as is None:
                raise ValueError(f"tune.space.{name}.each must have as many layers as {leader}. Received: fewer")
        return {name: found[0] for name, found in fitting.items() if found and name != knob}

    @model_validator(mode="after")
    def _sampler_fits_space(self) -> TuneParams:
        if self.sampler == "grid":
            for knob, distribution in self.space.items():
                if not distribution.is_finite:
                    raise ValueError(
                        f"tune.sampler=grid needs a step or choices for each knob. Received: none for {knob}"
                    )
        if self.sampler == "cmaes":  # Optuna would draw all that it can't take at random, and say nothing
            for knob, distribution in self.space.items():
                if not isinstance(distribution, Range):
                    raise ValueError(
                        "tune.sampler=cmaes needs a number, of type float or int, for each knob. "
                        f"Received: type {distribution.type} for {knob}"
                    )
        return self


def with_knobs(fit: FitParams, knobs: dict[str, Any]) -> FitParams:
    """Copy `fit` with some knobs replaced.

    Args:
        fit: the parameters to start from.
        knobs: values by dotted name, such as `{"head.dropout": 0.2}`.

    Returns:
        The validated copy.

    Raises:
        pydantic.ValidationError: when they do not go together.
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
