"""Random changes to photos, built from Keras layers."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

from rare_species.augmentation.augmentation_params import AugmentationParams, TrainAugmentationParams


def build_augmenter(augmentation: AugmentationParams, seed: int) -> keras.Sequential:
    """Build a model that changes photos in [0, 255] at random; with `training=False` it returns them unchanged.

    Args:
        augmentation: the changes and their strengths.
        seed: seed of all changes.
    """
    pixels = {"value_range": (0, 255)}
    # Given a single number, Keras would draw the probability at random
    erasing = (augmentation.random_erasing, augmentation.random_erasing)
    steps = [
        augmentation.flip and layers.RandomFlip("horizontal", seed=seed),
        augmentation.rotation and layers.RandomRotation(augmentation.rotation, fill_mode="reflect", seed=seed + 1),
        augmentation.zoom and layers.RandomZoom(augmentation.zoom, fill_mode="reflect", seed=seed + 2),
        augmentation.translation
        and layers.RandomTranslation(
            augmentation.translation, augmentation.translation, fill_mode="reflect", seed=seed + 3
        ),
        augmentation.brightness and layers.RandomBrightness(augmentation.brightness, seed=seed + 4, **pixels),
        augmentation.contrast and layers.RandomContrast(augmentation.contrast, seed=seed + 5, **pixels),
        augmentation.rand_augment and layers.RandAugment(factor=augmentation.rand_augment, seed=seed + 6, **pixels),
        augmentation.random_erasing and layers.RandomErasing(erasing, seed=seed + 7, **pixels),
    ]
    wished = [step for step in steps if step]
    return keras.Sequential(wished or [layers.Identity()], name="augmenter")


def mix_batches(
    batches: tf.data.Dataset, augmentation: TrainAugmentationParams, seed: int, epoch: tf.Variable | int = 0
) -> tf.data.Dataset:
    """Blend the photos of each batch with each other, and their targets in the same proportion.

    Args:
        batches: (photos, targets) of shapes (n, side, side, 3) and (n, n_classes).
        augmentation: `mixup` is the alpha of Zhang et al., 2018, "mixup: Beyond Empirical Risk Minimization",
            `cutmix` the largest factor of Yun et al., 2019, "CutMix"; 0 leaves either out.
        seed: seed of both.
        epoch: the current epoch; with the seed and the batch's number it determines the blends.

    Returns:
        A dataset of (photos, targets) of the same shapes.
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
