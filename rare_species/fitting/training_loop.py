"""Fit a model: training data and the training loop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf
from tqdm import tqdm

from rare_species.common.array_types import Labels
from rare_species.data.features import Features, as_batches
from rare_species.fitting.batches import LookUp, Shuffle, shuffled_rows
from rare_species.fitting.callbacks import (
    BatchProgress,
    Checkpoint,
    EpochMetrics,
    Fit,
    OnEpoch,
    Scored,
    rate_lowering,
    stopping,
)
from rare_species.fitting.class_imbalance import class_weights, rows_of_an_epoch
from rare_species.fitting.fit_params import FitParams
from rare_species.fitting.heads import build_head
from rare_species.fitting.losses import build_loss
from rare_species.fitting.optimizers import build_optimizer
from rare_species.metrics.registry import EPOCH_METRICS
from rare_species.networks.determinism import seed_new_layers

log = logging.getLogger(__name__)
SEEDED = threading.Lock()  # the seed for new layers is global, so threads build them one at a time


@dataclass(frozen=True)
class TrainingData:
    """The data of one fit.

    Attributes:
        batches: (inputs, one-hot targets) of the training split.
        shuffle: the order of the batches.
        loss: loss of (one-hot targets, logits).
        class_weight: weight of each class in the loss, by class id; None for equal weights.
        scored: labels and ordered input batches of the splits on which metrics are computed, by split.
    """

    batches: tf.data.Dataset
    shuffle: Shuffle
    loss: keras.losses.Loss
    class_weight: dict[int, float] | None
    scored: dict[str, Scored]

    def weighted_batches(self) -> tf.data.Dataset:
        """Return batches with a weight per row; a blend of classes has the mean of their weights, by their shares."""
        if self.class_weight is None:
            return self.batches
        weights = tf.constant(list(self.class_weight.values()), tf.float32)
        return self.batches.map(lambda inputs, targets: (inputs, targets, tf.linalg.matvec(targets, weights)))


def fit_head(
    splits: dict[str, Features],
    n_classes: int,
    params: FitParams,
    seed: int,
    on_epoch: OnEpoch,
    *,
    scored: Sequence[str] = ("train", "val"),
    metrics: Sequence[str] = EPOCH_METRICS,
    show_progress: bool = True,
) -> tuple[keras.Model, Fit]:
    """Fit a head on cached features; several threads may do so at the same time.

    One call of TensorFlow's graph runs a whole epoch, because a batch takes less time than a call from Python.

    Args:
        splits: features of "train" and "val".
        n_classes: number of classes.
        params: parameters of the fit; with 0 epochs the head keeps its initial weights.
        seed: seed of the weights, the order and dropout.
        on_epoch: called after each epoch with its number, from 0, and its metrics.
        scored: splits on which metrics are computed after every epoch.
        metrics: names of these metrics, see `registry.epoch_metrics`.
        show_progress: whether to show a progress bar when the fit takes long.

    Returns:
        The head, from features to logits, with the weights of its best epoch, and the fit.
    """
    train = splits["train"]
    with SEEDED:
        seed_new_layers(seed)
        model = build_head(train.values.shape[1], n_classes, params.head)
    if not params.epochs:
        return model, Fit()

    in_order = {name: _in_order(splits[name].originals()) for name in scored}
    batches = partial(shuffled_rows, train.labels, n_classes)
    data = training_data(train.labels, n_classes, params, seed, batches=batches, scored=in_order)
    learner = keras.Sequential([keras.Input((), dtype="int64"), LookUp(train.tensor), model])
    steps = data.shuffle.steps
    learner.compile(build_optimizer(params, steps), data.loss, jit_compile=False, steps_per_execution=steps)
    # Otherwise the first step would create the optimizer's variables, and be traced twice
    learner.optimizer.build(learner.trainable_variables)
    return model, fit_model(
        learner, data, params, on_epoch, scored_network=model, metrics=metrics, show_progress=show_progress
    )


def training_data(
    labels: Labels,
    n_classes: int,
    params: FitParams,
    seed: int,
    *,
    batches: Callable[[Shuffle], tf.data.Dataset],
    scored: dict[str, Scored],
) -> TrainingData:
    """Assemble the data of a fit, with the chosen treatment of class imbalance.

    Args:
        labels: int array of shape (n,), class ids of the training photos.
        n_classes: number of classes.
        params: parameters of the fit.
        seed: seed of the order.
        batches: makes a dataset of (inputs, one-hot targets) in a given order.
        scored: see `TrainingData`.
    """
    shuffle = Shuffle(rows_of_an_epoch(labels, params.imbalance), params.batch_size, seed)
    return TrainingData(
        batches=batches(shuffle),
        shuffle=shuffle,
        loss=build_loss(params, labels, n_classes),
        class_weight=class_weights(labels, n_classes, params.imbalance, params.effective_beta),
        scored=scored,
    )


def fit_model(
    model: keras.Model,
    data: TrainingData,
    params: FitParams,
    on_epoch: OnEpoch,
    *,
    scored_network: keras.Model | None = None,
    metrics: Sequence[str] = EPOCH_METRICS,
    show_progress: bool = True,
    checkpoint: Path | None = None,
    before: Fit | None = None,
) -> Fit:
    """Fit a compiled model that gives logits, and leave it with the weights of its best epoch.

    Args:
        model: a model compiled with `data.loss`. If its optimizer keeps a moving average of the weights, the average is
            measured and kept.
        data: the data of the fit.
        params: number of epochs, early stopping and schedule.
        on_epoch: called after each epoch with its number, from 0, and its metrics.
        scored_network: the part of the model that takes the inputs of `data.scored`; by default the whole model.
        metrics: names of the metrics to compute, see `registry.epoch_metrics`.
        show_progress: whether to show a progress bar when the fit takes long.
        checkpoint: file of the checkpoint; the fit continues from it when it exists.
        before: an earlier fit to continue, whose best weights the model has.

    Returns:
        The fit, whose history includes that of `before`.

    Raises:
        DivergedError: when the loss becomes NaN or infinite.
    """
    # Epochs on features are too short for a bar per batch
    steps, unit = (data.shuffle.steps, "batch") if checkpoint else (1, "epoch")
    bar_of = partial(tqdm, desc="fit", unit=unit, delay=2.0, mininterval=1.0, leave=False, disable=not show_progress)
    with bar_of(total=params.epochs * steps) as bar:

        def follow(epoch: int, values: dict[str, float]) -> None:
            bar.update(unit == "epoch")
            on_epoch(epoch, values)

        network = scored_network or model
        monitor = params.early_stopping.monitor
        scoring = EpochMetrics(network, data.scored, follow, monitor, before=before, metrics=metrics)
        stop, lower = stopping(params), rate_lowering(params)
        state = Checkpoint(checkpoint, scoring, stop, lower, before)
        if state.first_epoch:
            log.info("going on after epoch %d of %d, from %s", state.first_epoch, params.epochs, checkpoint)
        progress = [BatchProgress(bar, steps)] if unit == "batch" else []
        model.fit(
            data.weighted_batches(),
            initial_epoch=state.first_epoch,
            epochs=params.epochs,
            callbacks=[_set_epoch(data.shuffle), *progress, *_averaging(model), scoring, stop, *lower, state],
            shuffle=False,
            verbose=0,
        )
    return scoring.fit


def _in_order(features: Features) -> Scored:
    return features.labels, as_batches(features.tensor)


def _set_epoch(shuffle: Shuffle) -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _logs: shuffle.epoch.assign(epoch))


def _averaging(model: keras.Model) -> list[keras.callbacks.Callback]:
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # inside a LossScaleOptimizer
    return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if optimizer.use_ema else []
