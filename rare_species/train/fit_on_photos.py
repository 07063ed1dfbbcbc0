"""Fit networks to packed photos: the baseline from scratch, or a backbone with its head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from rare_species.augmentation.augment import build_augmenter, mix_batches
from rare_species.data.photo_batches import PHOTO_BATCH, photo_batches
from rare_species.data.shards import Packed
from rare_species.fitting.batches import Shuffle, shuffled_photo_batches
from rare_species.fitting.callbacks import DivergedError, Fit, OnEpoch
from rare_species.fitting.optimizers import build_optimizer
from rare_species.fitting.training_loop import fit_model, training_data
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference_rewriting import for_inference, with_dtype_policy, with_network
from rare_species.params.train import FineTuneParams, TrainParams
from rare_species.train.baseline_cnn import build_cnn
from rare_species.train.fine_tuning_optimizer import build_fine_tuning_optimizer
from rare_species.train.layer_groups import learning_shares, unfreeze

SHOWN_PHOTOS = 12


@dataclass(frozen=True)
class PhotoTask:
    """The input of a fit to photos.

    Attributes:
        packed: the photos, with their splits and class ids.
        n_classes: number of classes.
        params: section `train`.
        seed: seed of the weights, the order, the augmentation and dropout.
        on_epoch: called after each epoch with its number, from 0, and its metrics.
        checkpoint: file of the checkpoint; a killed fit continues from it.
    """

    packed: Packed
    n_classes: int
    params: TrainParams
    seed: int
    on_epoch: OnEpoch
    checkpoint: Path

    def fit(
        self,
        network: keras.Model,
        params: TrainParams,
        optimizer: Callable[[int], keras.optimizers.Optimizer],
        *,
        steps_per_execution: int = 1,
        before: Fit | None = None,
    ) -> Fit:
        """Fit a network to the training photos, with augmentation.

        Args:
            network: a model from RGB in [0, 255] to logits.
            params: `self.params` with the number of epochs of this fit.
            optimizer: makes the optimizer, given the batches per epoch.
            steps_per_execution: batches per call of TensorFlow's graph.
            before: an earlier fit to continue.
        """
        packed, photos = self.packed, {split: self.packed.rows(split) for split in ("train", "val")}
        labels = {split: rows["class_id"].to_numpy(dtype=np.int64) for split, rows in photos.items()}
        augmenter = build_augmenter(params.augmentation, self.seed)

        def batches(shuffle: Shuffle) -> tf.data.Dataset:
            pairs = shuffled_photo_batches(packed, photos["train"], self.n_classes, shuffle)
            return mix_batches(pairs, params.augmentation, self.seed, shuffle.epoch)

        scored = {split: (labels[split], photo_batches(packed, photos[split], PHOTO_BATCH)) for split in photos}
        data = training_data(labels["train"], self.n_classes, params, self.seed, batches=batches, scored=scored)
        model = keras.Sequential([keras.Input(network.input_shape[1:]), augmenter, network])
        model.compile(
            optimizer(data.shuffle.steps), data.loss, steps_per_execution=steps_per_execution, jit_compile=False
        )
        return fit_model(model, data, params, self.on_epoch, checkpoint=self.checkpoint, before=before)


def fit_cnn(task: PhotoTask) -> tuple[keras.Model, Fit]:
    """Fit the baseline network from scratch; it takes RGB in [0, 255] and gives logits."""
    make_reproducible(task.seed)
    cnn = build_cnn(task.packed.preprocessing.image_size, task.n_classes, task.params.cnn)
    return cnn, task.fit(cnn, task.params, lambda steps: build_optimizer(task.params, steps))


def fine_tune(task: PhotoTask, backbone: keras.Model, head: keras.Model, before: Fit) -> tuple[keras.Model, Fit]:
    """Train a backbone and a head further, end to end.

    The head must have been fitted on the features of the frozen backbone before; otherwise its large first gradients
    would distort them (Kumar et al., 2022, "Fine-Tuning can Distort Pretrained Features and Underperform
    Out-of-Distribution").

    Frozen layer groups keep their weights; their dropout and stochastic depth stay active.

    Args:
        task: the fit; `task.params.fine_tune` has its parameters.
        backbone: a model from `build.build_backbone`.
        head: a model from features to logits.
        before: the fit of the head, whose best epoch is kept if no later epoch is better.

    Returns:
        A model from RGB in [0, 255] to logits, with the weights of the best epoch, and the fit.
    """
    make_reproducible(task.seed)
    tune = task.params.fine_tune
    network, policy = backbone.operations[-1], dtype_policy(tune)
    learning, learning_head = (with_dtype_policy(part, policy) if policy else part for part in (network, head))
    unfreeze(learning, tune.layer_groups, tune.freeze_batch_norm)
    photos_to_features = with_network(backbone, learning)
    logits = learning_head(photos_to_features.output)
    model = keras.Model(photos_to_features.input, keras.layers.Activation("linear", dtype="float32")(logits))

    def optimizer(steps: int) -> keras.optimizers.Optimizer:
        shares = learning_shares(learning, tune.layer_decay)
        built = build_fine_tuning_optimizer(task.params, steps, shares)
        return keras.optimizers.LossScaleOptimizer(built) if policy else built

    try:
        fit = task.fit(
            model,
            task.params.model_copy(update={"epochs": tune.epochs}),
            optimizer,
            steps_per_execution=tune.steps_per_execution,
            before=before,
        )
    except DivergedError as error:
        error.parameter = "fine_tune.learning_rate"
        raise
    if policy:
        network.set_weights(learning.get_weights())
        head.set_weights(learning_head.get_weights())
    tuned = for_inference(backbone)
    return keras.Model(tuned.input, head(tuned.output, training=False)), fit


def show_augmentation(packed: Packed, n_classes: int, params: TrainParams) -> tuple[list[Image.Image], list[str]]:
    """Return a batch of training photos before and after augmentation, with captions."""
    make_reproducible(params.seed)
    rows = packed.rows("train")
    rows = rows.iloc[:: max(1, len(rows) // SHOWN_PHOTOS)].head(SHOWN_PHOTOS)
    targets = tf.one_hot(rows["class_id"], n_classes)
    photos = next(iter(photo_batches(packed, rows, SHOWN_PHOTOS)))
    mixed = mix_batches(tf.data.Dataset.from_tensors((photos, targets)), params.augmentation, params.seed)
    changed = build_augmenter(params.augmentation, params.seed)(next(iter(mixed))[0], training=True)
    both = np.concatenate([photos.numpy(), keras.ops.convert_to_numpy(changed)]).clip(0, 255).astype(np.uint8)
    return [Image.fromarray(photo) for photo in both], ["before"] * len(rows) + ["after"] * len(rows)


def dtype_policy(tune: FineTuneParams) -> str:
    """Return Keras' dtype policy for fine-tuning; "" keeps that of the weights. `auto` depends on the machine."""
    wished = bool(tf.config.list_physical_devices("GPU")) if tune.mixed_precision == "auto" else tune.mixed_precision
    return "mixed_float16" if wished else ""
