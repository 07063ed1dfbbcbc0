"""Random changes to training photos, from Keras' own layers."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from rare_species.augmentation.parameters import AugmentationParams, TrainAugmentationParams


def build_augmenter(augmentation: AugmentationParams, seed: int) -> keras.Sequential:
    """Build random changes to photos in [0, 255]; with `training=False` they pass unchanged.

    Args:
        augmentation: which changes, and how strong.
        seed: of all of them.
    """
    knobs, pixels = augmentation, {"value_range": (0, 255)}
    erasing = (knobs.random_erasing, knobs.random_erasing)  # of a single number Keras would draw the probability
    steps = [
        knobs.flip and layers.RandomFlip("horizontal", seed=seed),
        knobs.rotation and layers.RandomRotation(knobs.rotation, fill_mode="reflect", seed=seed + 1),
        knobs.zoom and layers.RandomZoom(knobs.zoom, fill_mode="reflect", seed=seed + 2),
        knobs.translation
        and layers.RandomTranslation(knobs.translation, knobs.translation, fill_mode="reflect", seed=seed + 3),
        knobs.brightness and layers.RandomBrightness(knobs.brightness, seed=seed + 4, **pixels),
        knobs.contrast and layers.RandomContrast(knobs.contrast, seed=seed + 5, **pixels),
        knobs.rand_augment and layers.RandAugment(factor=knobs.rand_augment, seed=seed + 6, **pixels),
        knobs.random_erasing and layers.RandomErasing(erasing, seed=seed + 7, **pixels),
    ]
    wished = [step for step in steps if step]
    return keras.Sequential(wished or [layers.Identity()], name="augmenter")


def mix_batches(
    batches: tf.data.Dataset, augmentation: TrainAugmentationParams, seed: int, epoch: tf.Variable | int = 0
) -> tf.data.Dataset:
    """Blend the photos of a batch with each other, and their targets in the same measure.

    Args:
        batches: (photos, targets) of shapes (n, side, side, 3) and (n, n_classes).
        augmentation: `mixup` is the alpha of Zhang et al., 2018, "mixup: Beyond Empirical Risk Minimization",
            `cutmix` the largest factor of Yun et al., 2019, "CutMix"; 0 leaves either out.
        seed: of both.
        epoch: the present one; with the seed and the batch's number in the epoch it decides what is drawn.

    Returns:
        A dataset of the same.
    """
    steps = []
    if augmentation.mixup:
        steps.append(layers.MixUp(augmentation.mixup, seed=seed))
    if augmentation.cutmix:
        steps.append(layers.CutMix(augmentation.cutmix, seed=seed + 1))

    def mix(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        mixed = {"images": batch[0], "labels": batch[1]}
        for step in steps:
            drawn = tf.random.experimental.stateless_fold_in(
                tf.stack([tf.constant(step.seed, tf.int64), epoch]), number
            )
            step.generator.state.assign(tf.cast(drawn, step.generator.state.dtype))
            mixed = step(mixed, training=True)
        return mixed["images"], mixed["labels"]

    return batches.enumerate().map(mix) if steps else batches
