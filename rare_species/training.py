"""Fit a model: loss, optimizer, schedule, scores after every epoch, early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax
from tqdm import tqdm

from rare_species.arrays import Labels
from rare_species.datasets import Features, as_batches, one_hot, shuffled_feature_batches
from rare_species.determinism import make_reproducible
from rare_species.imbalance import balanced_softmax_bias, class_weights, rows_of_an_epoch
from rare_species.models import build_head, inference
from rare_species.scores import epoch_scores
from rare_species.training_params import FitParams, OptimizerParams

OnEpoch = Callable[[int, dict[str, float]], None]
Scored = tuple[Labels, tf.data.Dataset]
NOT_DECAYED = ["bias", "gamma", "beta"]  # weight decay is for kernels


class DivergedError(Exception):
    """The loss became NaN or infinite."""

    def __init__(self, epoch: int, learning_rate: float) -> None:
        super().__init__(f"the loss became NaN or infinite in epoch {epoch + 1} at learning rate {learning_rate:g}")


@dataclass(frozen=True)
class TrainingData:
    """What one fit learns from and is scored on.

    Attributes:
        batches: shuffled (inputs, one-hot targets) of the training split.
        steps: batches per epoch.
        loss: of (one-hot targets, logits).
        class_weight: weight of each class in the loss, by class id; None for all alike.
        scored: by split, the labels and a dataset of input batches in their order.
    """

    batches: tf.data.Dataset
    steps: int
    loss: keras.losses.Loss
    class_weight: dict[int, float] | None
    scored: dict[str, Scored]


@dataclass
class Fit:
    """What came of a fit.

    Attributes:
        history: one row per epoch, columns such as `val_loss`.
        best_epoch: whose weights the model holds, counted from 1.
    """

    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int = 1

    @property
    def best(self) -> dict[str, float]:
        """Scores of the best epoch."""
        return {str(name): float(value) for name, value in self.history.iloc[self.best_epoch - 1].items()}


def fit_head(
    splits: dict[str, Features],
    n_classes: int,
    params: FitParams,
    seed: int,
    on_epoch: OnEpoch,
    *,
    scored: Sequence[str] = ("train", "val"),
) -> tuple[keras.Model, Fit]:
    """Fit a head on cached features.

    Args:
        splits: "train" and "val".
        n_classes: families.
        params: head, optimizer and so on.
        seed: of the weights, the order and dropout.
        on_epoch: called with the epoch, from 0, and its scores.
        scored: splits to score after every epoch.

    Returns:
        The head, from features to logits, with the weights of its best epoch, and the fit.
    """
    make_reproducible(seed)
    train = splits["train"]
    model = build_head(train.values.shape[1], n_classes, params.head)

    def batches(rows: Labels, targets: NDArray[np.float32]) -> tf.data.Dataset:
        return shuffled_feature_batches(train.values, targets, rows, params.batch_size, seed)

    in_order = {name: _in_order(splits[name].originals()) for name in scored}
    data = training_data(train.labels, n_classes, params, batches, in_order)
    return model, fit_model(model, data, params, on_epoch)


def training_data(
    labels: Labels,
    n_classes: int,
    params: FitParams,
    batches: Callable[[Labels, NDArray[np.float32]], tf.data.Dataset],
    scored: dict[str, Scored],
) -> TrainingData:
    """Put together what a fit learns from, as `imbalance` asks for.

    Args:
        labels: int array of shape (n,), of the training photos.
        n_classes: families.
        params: of the fit.
        batches: makes them of the rows that an epoch shows and the one-hot targets of all, of shape (n, n_classes).
        scored: see `TrainingData`.
    """
    rows = rows_of_an_epoch(labels, params.imbalance)
    return TrainingData(
        batches=batches(rows, one_hot(labels, n_classes)),
        steps=math.ceil(len(rows) / params.batch_size),
        loss=build_loss(params, labels, n_classes),
        class_weight=class_weights(labels, n_classes, params.imbalance, params.effective_beta),
        scored=scored,
    )


def fit_model(model: keras.Model, data: TrainingData, params: FitParams, on_epoch: OnEpoch) -> Fit:
    """Fit any model that gives logits; it ends with the weights of its best epoch.

    Raises:
        DivergedError: when the loss becomes NaN or infinite.
    """
    model.compile(
        optimizer=build_optimizer(params, data.steps),
        loss=data.loss,
        jit_compile=False,
    )
    with tqdm(total=params.epochs, desc="fit", unit="epoch", delay=2.0, mininterval=1.0, leave=False) as progress:

        def follow(epoch: int, scores: dict[str, float]) -> None:
            progress.update()
            on_epoch(epoch, scores)

        scoring = EpochScores(data.scored, follow, params.early_stopping.monitor)
        model.fit(
            data.batches,
            epochs=params.epochs,
            class_weight=data.class_weight,
            callbacks=[scoring, *_stopping(params)],
            shuffle=False,
            verbose=0,
        )
    return scoring.fit


def build_loss(params: FitParams, labels: Labels, n_classes: int) -> keras.losses.Loss:
    """Build the loss of (one-hot targets, logits) that `imbalance` asks for.

    Args:
        params: of the fit; "focal" is the loss of Lin et al., 2017, "Focal Loss for Dense Object Detection".
        labels: int array of shape (n,), of the training photos.
        n_classes: families.
    """
    if params.imbalance == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=params.focal_gamma, from_logits=True, label_smoothing=params.label_smoothing
        )
    if params.imbalance == "balanced_softmax":
        return ShiftedCrossentropy(
            balanced_softmax_bias(np.bincount(labels, minlength=n_classes)), params.label_smoothing
        )
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=params.label_smoothing)


class ShiftedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits to which a bias is added while training; see `imbalance.balanced_softmax_bias`."""

    def __init__(self, bias: NDArray[np.float32], label_smoothing: float) -> None:
        super().__init__()
        self._bias = tf.constant(bias)
        self._label_smoothing = label_smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Loss of each row."""
        return keras.losses.categorical_crossentropy(
            y_true, y_pred + self._bias, from_logits=True, label_smoothing=self._label_smoothing
        )


def build_optimizer(params: FitParams, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer with its learning-rate schedule.

    Args:
        params: of the fit.
        steps: batches per epoch.
    """
    knobs = params.optimizer
    rate: Any = knobs.learning_rate
    if params.schedule.name == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(knobs.learning_rate, params.epochs * steps)
    optimizer = _optimizer(knobs, rate)
    if knobs.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def _in_order(features: Features) -> Scored:
    return features.labels, as_batches(features.values)


class EpochScores(keras.callbacks.Callback):
    """Score splits after every epoch without dropout, and hand the scores to the callbacks that follow."""

    def __init__(self, scored: dict[str, Scored], on_epoch: OnEpoch, monitor: str = "val_loss") -> None:
        super().__init__()
        self._scored, self._on_epoch, self._monitor = scored, on_epoch, monitor
        self._rows: list[dict[str, float]] = []

    def set_model(self, model: keras.Model) -> None:
        """Trace the prediction once for the whole fit."""
        super().set_model(model)
        self._predict = inference(model)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score, refuse a diverged model, report."""
        row: dict[str, float] = {}
        for split, (labels, batches) in self._scored.items():
            logits = np.concatenate([self._predict(batch).numpy() for batch in batches])
            if not np.isfinite(logits).all() or not math.isfinite((logs or {}).get("loss", 0.0)):
                raise DivergedError(epoch, float(self.model.optimizer.learning_rate))
            scores = epoch_scores(labels, softmax(logits, axis=1))
            row |= {f"{split}_{name}": value for name, value in scores.items()}
        self._rows.append(row)
        if logs is not None:
            logs |= row
        self._on_epoch(epoch, row)

    @property
    def fit(self) -> Fit:
        """The history so far; its best epoch is the first with the best monitored score."""
        history = pd.DataFrame(self._rows)
        scores = history[self._monitor]
        best = scores.to_numpy().argmin() if self._monitor.endswith("loss") else scores.to_numpy().argmax()
        return Fit(history, 1 + int(best))


def _stopping(params: FitParams) -> list[keras.callbacks.Callback]:
    monitor = params.early_stopping.monitor
    mode = "min" if monitor.endswith("loss") else "max"
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping(
            monitor=monitor, mode=mode, patience=params.early_stopping.patience, restore_best_weights=True
        )
    ]
    if params.schedule.name == "plateau":
        schedule = params.schedule
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=schedule.factor, patience=schedule.patience)
        )
    return callbacks


def _optimizer(knobs: OptimizerParams, rate: Any) -> keras.optimizers.Optimizer:
    decay = knobs.weight_decay or None
    if knobs.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=knobs.momentum, weight_decay=decay)
    if knobs.name == "adam":
        return keras.optimizers.Adam(rate, weight_decay=decay)
    return keras.optimizers.AdamW(rate, weight_decay=decay or 0.0)
