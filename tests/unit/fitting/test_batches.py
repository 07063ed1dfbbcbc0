"""rare_species.fitting.batches: every row once an epoch, in an order of its own, with its target."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rare_species.data.photo_batches import photo_batches
from rare_species.fitting.batches import LookUp, Shuffle, shuffled_photo_batches, shuffled_rows

LABELS = np.arange(10)[::-1].copy()
TARGETS = np.eye(10, dtype=np.float32)[LABELS]


def epochs_of(batches, shuffle, epochs):
    """(inputs, targets) of whole epochs of one dataset, as a fit reads them."""
    for epoch in epochs:
        shuffle.epoch.assign(epoch)
        yield epoch_of(batches)


def read_rows(seed, epochs=1):
    shuffle = Shuffle(np.arange(10), 4, seed)
    return list(epochs_of(shuffled_rows(LABELS, 10, shuffle), shuffle, range(epochs)))


def epoch_of(batches):
    inputs, targets = zip(*((given.numpy(), target.numpy()) for given, target in batches), strict=True)
    assert [len(batch) for batch in inputs][:-1] == [len(inputs[0])] * (len(inputs) - 1)
    return np.concatenate(inputs), np.concatenate(targets)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_row_comes_once_an_epoch_with_its_target(seed):
    for rows, targets in read_rows(seed, epochs=3):
        np.testing.assert_array_equal(np.sort(rows), np.arange(10))
        np.testing.assert_array_equal(targets, TARGETS[rows])
        assert targets.dtype == np.float32


def test_an_epoch_shows_the_rows_it_is_told_to():
    rows = np.array([7, 7, 2, 9])
    batches = shuffled_rows(LABELS, 10, Shuffle(rows, 3, seed=0))
    assert len(batches) == Shuffle(rows, 3, seed=0).steps == 2
    found, targets = epoch_of(batches)
    assert sorted(found.tolist()) == [2, 7, 7, 9]
    np.testing.assert_array_equal(targets, TARGETS[found])


@pytest.mark.parametrize("seed", [0, 1])
def test_order_follows_the_seed_and_the_epoch(seed):
    first, second = (rows for rows, _ in read_rows(seed, epochs=2))
    again, second_again = (rows for rows, _ in read_rows(seed, epochs=2))
    ((other, _),) = read_rows(seed + 5)
    assert (first != np.arange(10)).any()
    assert (first != second).any()
    assert (first != other).any()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(second, second_again)


@pytest.mark.parametrize("seed", [0, 2**40])
def test_order_of_an_epoch_does_not_depend_on_those_before(seed):
    def order(*epochs):
        shuffle = Shuffle(np.arange(10), 4, seed)
        return list(epochs_of(shuffled_rows(LABELS, 10, shuffle), shuffle, epochs))[-1][0]

    np.testing.assert_array_equal(order(0, 1, 2), order(2))
    np.testing.assert_array_equal(order(2, 2), order(2))
    assert (order(2) != order(3)).any()


def read_photos(packed, seed, epochs=2):
    rows, shuffle = packed.rows("train").assign(class_id=range(12)), Shuffle(np.arange(12), 5, seed)
    batches = shuffled_photo_batches(packed, rows, 12, shuffle)
    return list(epochs_of(batches, shuffle, range(epochs)))


@pytest.mark.usefixtures("devices")
def test_every_photo_comes_once_an_epoch_with_its_target(packed):
    expected = next(iter(photo_batches(packed, packed.rows("train"), 12))).numpy()
    for photos, targets in read_photos(packed, seed=0):
        order = targets.argmax(axis=1)
        np.testing.assert_array_equal(np.sort(order), np.arange(12))
        np.testing.assert_array_equal(photos, expected[order])


def test_photo_order_follows_the_seed_and_the_epoch(packed):
    (_, first), (_, second) = read_photos(packed, seed=0)
    (_, again), (_, second_again) = read_photos(packed, seed=0)
    (_, other), _ = read_photos(packed, seed=1)
    assert (first != np.eye(12)).any()
    assert (first != second).any()
    assert (first != other).any()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(second, second_again)


def test_rows_are_looked_up():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    model = keras.Sequential([keras.Input((), dtype="int64"), LookUp(values)])
    assert model.output_shape == (None, 2)
    np.testing.assert_array_equal(model(tf.constant([2, 0, 2], tf.int64)), [[5, 6], [1, 2], [5, 6]])
