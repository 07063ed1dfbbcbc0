"""Parameters that `train` and `tune.base` share: head, optimizer, schedule, stopping."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    model_validator,
)

from rare_species.common.validated_types import Parameters

Dropout = Annotated[float, Field(ge=0, lt=1)]
Dropouts = Annotated[
    Annotated[Dropout, Tag("number")] | Annotated[tuple[Dropout, ...], Tag("list")],
    Discriminator(lambda given: "list" if isinstance(given, list | tuple) else "number"),
]
LearningRate = Annotated[float, Field(gt=0, le=1)]
ImbalanceName = Literal["none", "class_weight", "oversample", "focal", "balanced_softmax", "class_balanced"]


class HeadParams(Parameters):
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
        """Dropout behind each dense layer; without dense layers, one value, for the features."""
        return self.dropout if isinstance(self.dropout, tuple) else (self.dropout,) * max(1, len(self.units))


class OptimizerParams(Parameters):
    """Which optimizer and its rates; weight decay is decoupled, as AdamW's (Loshchilov & Hutter, 2019)."""

    name: Literal["adamw", "adam", "sgd"]
    learning_rate: LearningRate
    weight_decay: Annotated[float, Field(ge=0, le=1)]
    momentum: Annotated[float, Field(ge=0, lt=1)]


class ScheduleParams(Parameters):
    """How the learning rate falls: along a cosine, by a factor when validation loss stalls, or not at all."""

    name: Literal["cosine", "plateau", "constant"]
    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: PositiveInt


class EarlyStoppingParams(Parameters):
    """When to stop; the weights of the best epoch are restored."""

    monitor: Literal["val_loss", "val_accuracy", "val_auc", "val_macro_f1"]
    patience: PositiveInt


class FitParams(Parameters):
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
