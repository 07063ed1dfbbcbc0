"""rare_species.evaluate.predict_candidates: the saved model on cached features and on photos."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from rare_species.augmentation.augmentation_params import AugmentationParams
from rare_species.common.errors import UserError
from rare_species.data.photo_batches import photo_batches
from rare_species.evaluate.predict_candidates import _check_agreement, average_test_time_copies, predict_splits
from tests.unit.candidates import EVALUATE, PHYLA, SPLITS, load, predict_photos, save_changed, tell
from tests.unit.tf_fixtures import STILL


def test_head_predicts_from_features_what_the_saved_model_does_from_photos(fitted, data, packed):
    _, folder = fitted
    probabilities, expected = predict_splits(load(folder), data), predict_photos(folder, packed)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):  # copies are not predicted
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split].sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(probabilities[split], expected[split], atol=1e-4)
    assert np.ptp(probabilities["test"]) > 0.1


def test_network_predicts_every_photo(fitted_cnn, photos_only, packed):
    candidate, folder = fitted_cnn
    probabilities, expected = predict_splits(load(folder), photos_only), predict_photos(folder, packed)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split].sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(probabilities[split], expected[split], atol=1e-5)
    assert len(candidate.classifier.layers) == 3  # inputs, network, softmax: augmentation is not saved
    assert len(candidate.fit.history) == 1


def test_model_that_does_not_belong_to_the_features_is_refused(fitted, data, tmp_path):
    others = save_changed(data, tmp_path, lambda _, one: replace(one, values=np.roll(one.values, 2, axis=0)))
    with pytest.raises(UserError, match=r"Expected the saved model to give the same .*dvc repro --force"):
        predict_splits(load(fitted[1]), others)


def test_nan_is_no_agreement():
    with pytest.raises(UserError, match="a difference of nan"):
        _check_agreement(np.full((2, 3), np.nan, np.float32), np.full((2, 3), 1 / 3, np.float32))


@pytest.mark.parametrize(("difference", "agrees"), [(0.0, True), (9e-4, True), (1.1e-3, False), (-1.1e-3, False)])
def test_agreement_allows_for_rounding_only(difference, agrees):
    cached = np.full((20, 3), 1 / 3, np.float32)
    whole = cached[:16].copy()
    whole[15, 2] += difference
    if agrees:
        _check_agreement(whole, cached)
    else:
        with pytest.raises(UserError, match=r"a difference of 0\.0011\."):
            _check_agreement(whole, cached)


@pytest.mark.parametrize("kind", ["head", "cnn"])
def test_copies_are_averaged_with_the_plain_photos_and_repeat(request, kind):
    (_, folder), data = (
        request.getfixturevalue(name)
        for name in (("fitted", "data") if kind == "head" else ("fitted_cnn", "photos_only"))
    )
    model = load(folder)
    plain = predict_splits(model, data)
    parameters = EVALUATE.model_copy(update={"test_time_copies": 2})
    copies, again = (average_test_time_copies(model, data, plain, parameters) for _ in range(2))
    np.testing.assert_array_equal(copies["train"], plain["train"])
    for split in ("val", "test"):
        np.testing.assert_array_equal(copies[split], again[split])
        np.testing.assert_allclose(copies[split].sum(axis=1), 1, rtol=1e-5)
        assert np.abs(copies[split] - plain[split]).max() > 1e-6
    still = parameters.model_copy(update={"augmentation": AugmentationParams(**STILL)})
    np.testing.assert_allclose(average_test_time_copies(model, data, plain, still)["test"], plain["test"], atol=1e-4)
    other = average_test_time_copies(model, data, plain, parameters.model_copy(update={"seed": 1}))
    assert np.abs(other["test"] - copies["test"]).max() > 1e-6


def test_conditioned_head_predicts_from_features_what_the_saved_model_does_from_photos(
    fitted_conditioned, conditioned, packed
):
    model = load(fitted_conditioned)
    probabilities = predict_splits(model, conditioned)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):
        rows = packed.rows(split)
        (photos,) = photo_batches(packed, rows, 100)
        chordata = rows["class_id"].isin([0, 2]).to_numpy()
        phylum = np.column_stack([~chordata, chordata]).astype(np.float32)
        expected = keras.ops.convert_to_numpy(model({"rgb": photos.numpy(), "phylum": phylum}, training=False))
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split], expected, atol=1e-4)


def test_copies_change_the_photo_and_not_the_phylum(fitted_conditioned, conditioned):
    model = load(fitted_conditioned)
    plain = predict_splits(model, conditioned)
    parameters = EVALUATE.model_copy(update={"test_time_copies": 2})
    copies = average_test_time_copies(model, conditioned, plain, parameters)
    for split in ("val", "test"):
        np.testing.assert_allclose(copies[split].sum(axis=1), 1, rtol=1e-5)
        assert np.abs(copies[split] - plain[split]).max() > 1e-6
    still = parameters.model_copy(update={"augmentation": AugmentationParams(**STILL)})
    np.testing.assert_allclose(
        average_test_time_copies(model, conditioned, plain, still)["test"], plain["test"], atol=1e-4
    )


def test_features_that_tell_the_phyla_in_another_order_are_refused(fitted_conditioned, data, tmp_path):
    others = replace(tell(data, tmp_path, PHYLA[::-1]), phyla=PHYLA)
    with pytest.raises(UserError, match=r"Expected the saved model to give the same .*dvc repro --force"):
        predict_splits(load(fitted_conditioned), others)
