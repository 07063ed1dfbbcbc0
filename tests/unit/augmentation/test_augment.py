"""Random changes to photos: each parameter has its effect, repeats with its seed and keeps to pixels and labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rare_species.augmentation.augment import build_augmenter, mix_batches
from rare_species.augmentation.augmentation_params import AugmentationParams, TrainAugmentationParams
from tests.unit.tf_fixtures import AUGMENTATION, MIXED, STILL

CHANGES = {
    "flip": True,
    "rotation": 0.2,
    "zoom": 0.3,
    "translation": 0.2,
    "brightness": 0.3,
    "contrast": 0.5,
    "rand_augment": 0.8,
    "random_erasing": 1.0,
}


@pytest.fixture(scope="module")
def photos():
    """Four photos of four blocks of colour each."""
    blocks = np.random.default_rng(0).uniform(30, 220, (4, 2, 2, 3)).astype(np.float32)
    return blocks.repeat(16, axis=1).repeat(16, axis=2)


def only(**changes):
    return AugmentationParams(**STILL | changes)


def changed(augmentation, seed, photos):
    return keras.ops.convert_to_numpy(build_augmenter(augmentation, seed)(photos, training=True))


def test_every_parameter_is_tried_here():
    assert set(CHANGES) == set(AugmentationParams.model_fields)


@pytest.mark.parametrize("augmentation", [*({name: value} for name, value in CHANGES.items()), CHANGES], ids=str)
def test_photos_change_in_training_only_and_repeat_with_the_seed(augmentation, photos):
    parameters = only(**augmentation)
    augmenter = build_augmenter(parameters, 1)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(augmenter(photos, training=False)), photos)
    first, second = (keras.ops.convert_to_numpy(augmenter(photos, training=True)) for _ in range(2))
    assert (first != photos).any() or (second != photos).any()
    np.testing.assert_array_equal(first, changed(parameters, 1, photos))
    others = [changed(parameters, seed, photos) for seed in (3, 4, 5)]
    assert any((first != other).any() for other in others)
    assert first.shape == photos.shape
    assert first.min() >= 0
    assert first.max() <= 255


def test_flip_mirrors_left_and_right(photos):
    augmenter = build_augmenter(only(flip=True), 0)
    seen = [keras.ops.convert_to_numpy(augmenter(photos, training=True)) for _ in range(8)]
    for batch in seen:
        for photo, original in zip(batch, photos, strict=True):
            assert (photo == original).all() or (photo == original[:, ::-1]).all()
    assert any((batch != photos).any() for batch in seen)


@pytest.mark.parametrize(("probability", "erased"), [(1.0, 4), (1e-6, 0)])
def test_random_erasing_is_a_probability(photos, probability, erased):
    found = changed(only(random_erasing=probability), 0, photos)
    assert sum((photo != original).any() for photo, original in zip(found, photos, strict=True)) == erased


def test_nothing_wished_changes_nothing(photos):
    np.testing.assert_array_equal(changed(only(), 1, photos), photos)


def batches(photos):
    return tf.data.Dataset.from_tensors((photos, np.eye(4, dtype=np.float32)))


def mixed(photos, seed=0, **mixes):
    parameters = TrainAugmentationParams(**MIXED | mixes)
    ((images, targets),) = mix_batches(batches(photos), parameters, seed)
    return images.numpy(), targets.numpy()


def test_without_mixing_batches_stay_as_they_are(photos):
    images, targets = mixed(photos)
    np.testing.assert_array_equal(images, photos)
    np.testing.assert_array_equal(targets, np.eye(4))


def test_mixup_blends_targets_as_it_blends_photos(photos):
    images, targets = mixed(photos, mixup=1.0)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    assert (targets.max(axis=1) < 0.999).any()
    np.testing.assert_allclose(images, np.einsum("ab,bhwc->ahwc", targets, photos), rtol=1e-3)


def test_cutmix_pastes_patches_and_shares_the_target_by_their_area(photos):
    images, targets = mixed(photos, cutmix=1.0)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    kept = (images == photos).all(axis=3).mean(axis=(1, 2))
    assert (kept < 1).any()
    np.testing.assert_allclose(np.diagonal(targets), kept, atol=0.07)


@pytest.mark.parametrize("mixes", [{"mixup": 0.5}, {"cutmix": 1.0}, {"mixup": 0.5, "cutmix": 1.0}], ids=str)
def test_mixing_repeats_with_the_seed_and_differs_with_another(photos, mixes):
    first, same, other = (mixed(photos, seed, **mixes) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], same[0])
    np.testing.assert_array_equal(first[1], same[1])
    assert (first[1] != other[1]).any()


@pytest.mark.parametrize("mixes", [{"mixup": 0.5}, {"cutmix": 1.0}], ids=str)
def test_mixing_depends_on_the_epoch_and_the_batch_and_on_nothing_before(photos, mixes):
    parameters = TrainAugmentationParams(**MIXED | mixes)
    epoch = tf.Variable(0, dtype=tf.int64)
    dataset = mix_batches(batches(photos).repeat(3), parameters, 1, epoch)

    def targets(number):
        epoch.assign(number)
        return [found.numpy() for _, found in dataset]

    first, second, again = targets(0), targets(1), targets(0)
    np.testing.assert_array_equal(first, again)
    different = [*first, *second]
    assert all((one != two).any() for number, one in enumerate(different) for two in different[:number])


def test_augmentation_of_the_fixtures_is_a_real_one(photos):
    assert (changed(AUGMENTATION, 0, photos) != photos).any()
