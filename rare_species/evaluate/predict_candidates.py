"""The predictions of saved candidates: from cached features where possible, and with test-time augmentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.augmentation.augment import build_augmenter
from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError
from rare_species.data.dataset import Data, photos_of
from rare_species.data.features import as_batches
from rare_species.evaluate.candidate_metrics import Predictions, make_predictions
from rare_species.networks.assembly import BACKBONE, CLASSIFIER
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference import each_input, inference, predict
from rare_species.params.evaluate import EvaluateParams
from rare_species.saved_models.metadata import SavedModel

CHECKED_PHOTOS = 16
# Allowed difference of a probability from cached features and from photos: batch shapes change the rounding.
TOLERANCE = 1e-3


def check_candidates(candidates: Iterable[SavedModel], data: Data) -> None:
    """Check that saved candidates were fitted to these photos and classes.

    Raises:
        UserError: when one was fitted to others.
    """
    wanted = (data.packed.preprocessing, list(data.classes), list(data.phyla))
    for saved in candidates:
        if (saved.preprocessing, list(saved.classes), list(saved.phyla)) != wanted:
            raise UserError(
                f"Expected {saved.folder} to take the photos in {data.packed.folder} and to know their classes. "
                f"Received: others. Train again: dvc repro --force {saved.folder.name}."
            )


def predict_candidate(model: keras.Model, data: Data, params: EvaluateParams) -> tuple[Predictions, Predictions]:
    """Compute a candidate's predictions, calibrated on the validation photos.

    Args:
        model: a network from `network_file.load_network`.
        data: photos and features.
        params: section `evaluate`.

    Returns:
        The predictions that are measured, which test-time augmentation averages, and those of the test photos as they
        are, which is what people get from the champion.
    """
    labels = {split: data.packed.rows(split)["class_id"].to_numpy() for split in SPLITS}
    plain = predict_splits(model, data)
    measured = make_predictions(labels, average_test_time_copies(model, data, plain, params), data.classes, params)
    own = make_predictions(labels, plain, data.classes, params) if params.test_time_copies else measured
    return measured, own.of_test()


def predict_splits(model: keras.Model, data: Data) -> dict[str, NDArray[np.float32]]:
    """Compute a saved candidate's probabilities on every split, without test-time augmentation.

    A classifier on frozen features uses the cached features; the whole model also runs on a few test photos and must
    agree. A network that learned from photos runs on photos.

    Args:
        model: a network from `network_file.load_network`.
        data: photos and features.

    Returns:
        float32 arrays of shape (n_photos, n_classes) by split, rows in the order of the features.

    Raises:
        UserError: when the saved model and the cached features do not belong together.
    """
    if not any(layer.name == BACKBONE for layer in model.layers):
        return {split: predict(model, photos_of(data, split)) for split in SPLITS}
    probabilities = {split: _predict_cached(model.get_layer(CLASSIFIER), data, split) for split in SPLITS}
    checked = photos_of(data, "test").unbatch().take(CHECKED_PHOTOS).batch(CHECKED_PHOTOS)
    _check_agreement(predict(model, checked), probabilities["test"])
    return probabilities


def _predict_cached(head: keras.Model, data: Data, split: str) -> NDArray[np.float32]:
    """Compute probabilities from the cached features of one split, and free them: all splits may exceed the memory."""
    return predict(head, as_batches(data.load(split).originals().tensor))


def average_test_time_copies(
    model: keras.Model, data: Data, plain: Mapping[str, NDArray[np.float32]], params: EvaluateParams
) -> dict[str, NDArray[np.float32]]:
    """Average the probabilities of each validation and test photo with those of its copies (test-time augmentation).

    The champion itself answers from the photo alone.

    Args:
        model: the network of the saved candidate.
        data: photos.
        plain: probabilities without augmentation, see `predict_splits`.
        params: section `evaluate`: the number of copies, and how they are augmented.
    """
    if not params.test_time_copies:
        return dict(plain)
    averaged = {
        split: _average_copies(model, photos_of(data, split), plain[split], params) for split in ("val", "test")
    }
    return {**plain, **averaged}


def _average_copies(
    model: keras.Model, photos: tf.data.Dataset, plain: NDArray[np.float32], params: EvaluateParams
) -> NDArray[np.float32]:
    make_reproducible(params.seed)
    augmenter = build_augmenter(params.augmentation, params.seed)
    call = inference(model)
    total = plain.astype(np.float64)
    for _ in range(params.test_time_copies):
        batches = map(each_input, photos)
        total += np.concatenate([call(augmenter(rgb, training=True), *phylum).numpy() for rgb, *phylum in batches])
    return (total / (1 + params.test_time_copies)).astype(np.float32)


def _check_agreement(whole: NDArray[np.float32], cached: NDArray[np.float32]) -> None:
    difference = float(np.abs(whole - cached[: len(whole)]).max())
    if not difference <= TOLERANCE:  # NaN too
        raise UserError(
            "Expected the saved model to give the same probabilities from photos as from data/features. "
            f"Received: a difference of {difference:.3g}. Embed and train again: dvc repro --force embed train tune."
        )
