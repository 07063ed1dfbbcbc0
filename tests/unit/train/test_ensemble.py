"""rare_species.train.ensemble: which classifiers are fitted, to what, and from which seed."""

import numpy as np
import pytest
from scipy.special import softmax

from rare_species.common.errors import UserError
from rare_species.data.features import load_features
from rare_species.data.photo_batches import photo_batches
from rare_species.evaluate.predict_candidates import predict_splits
from rare_species.fitting.callbacks import Fit
from rare_species.networks.inference import predict
from tests.unit.candidates import SPLITS, fit, load, predict_photos, save_changed
from tests.unit.tf_fixtures import SIDE_PX, train_params


def test_network_repeats_with_the_seed_and_differs_with_another(fitted_cnn, photos_only):
    def weights(seed):
        return fit(photos_only, train_params(seed, epochs=1)).members[0].get_weights()

    first = fitted_cnn[0].members[0].get_weights()
    assert all((one == two).all() for one, two in zip(first, weights(3), strict=True))
    assert not all((one == two).all() for one, two in zip(first, weights(4), strict=True))


@pytest.fixture
def seen(monkeypatch):
    """What reaches the fit of the network, which is not run."""
    given = []

    monkeypatch.setattr(
        "rare_species.train.fit_on_photos.fit_model",
        lambda model, training, *_, **__: given.append((model, training)) or Fit(),
    )
    return given


@pytest.mark.parametrize(("imbalance", "expected"), [("none", None), ("class_weight", {0: 1.0, 1: 1.0, 2: 1.0})])
def test_network_is_fitted_to_changed_photos_in_batches_with_the_class_weights_wished(
    photos_only, seen, imbalance, expected
):
    fit(photos_only, train_params(imbalance=imbalance, batch_size=5))
    ((model, training),) = seen
    changes = [type(layer).__name__ for layer in model.get_layer("augmenter").layers]
    assert changes == ["RandomFlip", "RandomRotation", "RandomZoom"]
    assert training.class_weight == expected
    assert training.shuffle.steps == 3
    assert list(training.scored) == ["train", "val"]
    assert training.scored["val"][0].tolist() == [0, 0, 1, 1, 2, 2]
    photos, targets = next(iter(training.batches))
    assert (photos.shape, targets.shape) == ((5, SIDE_PX, SIDE_PX, 3), (5, 3))


def test_augmented_copies_are_fitted_to(data, fitted, tmp_path):
    """Without the augmented copies of the training photos another head comes out."""
    assert load_features(data.features, "train").photos == 12
    candidate = fit(save_changed(data, tmp_path, lambda _, one: one.originals()), train_params(epochs=5))
    assert (candidate.members[0].get_weights()[0] != fitted[0].members[0].get_weights()[0]).any()


def test_members_differ_in_their_seed_and_the_first_is_the_single_classifier(ensemble, data):
    candidate, _, epochs = ensemble
    first, second = candidate.members
    alone = fit(data, train_params(epochs=3)).members[0]
    other = fit(data, train_params(seed=4, epochs=3)).members[0]
    for member, same in ((first, alone), (second, other)):
        assert all((a == b).all() for a, b in zip(member.get_weights(), same.get_weights(), strict=True))
    assert epochs == [0, 1, 2]  # of the first member


def test_more_layer_groups_than_the_backbone_has_are_refused_before_anything_is_fitted(data, monkeypatch):
    monkeypatch.setattr("rare_species.train.ensemble.fit_head", lambda *_: pytest.fail("fitted"))
    expected = r"fine_tune\.layer_groups of at most 16 for efficientnetlite0\. Received: 17\. To train all its layers"
    with pytest.raises(UserError, match=expected):
        fit(data, train_params(fine_tune={"epochs": 2, "layer_groups": 17}))


def test_as_many_layer_groups_as_the_backbone_has_may_learn(data, monkeypatch):
    monkeypatch.setattr("rare_species.train.ensemble.fit_head", lambda *_: pytest.fail("fitted"))
    for epochs, groups in ((2, 16), (2, "all"), (0, 17)):
        with pytest.raises(pytest.fail.Exception, match="fitted"):
            fit(data, train_params(fine_tune={"epochs": epochs, "layer_groups": groups}))


def test_fine_tuned_network_goes_on_from_the_head_and_is_saved_whole(tuned, data, packed):
    candidate, folder, epochs = tuned
    assert epochs == [0, 1, 2]
    assert len(candidate.fit.history) == 3
    found, expected = predict_splits(load(folder), data), predict_photos(folder, packed)
    for split in SPLITS:
        np.testing.assert_allclose(found[split], expected[split], atol=1e-6)
    first, second = (predict_rows(member, packed) for member in candidate.members)
    np.testing.assert_allclose(found["test"], (first + second) / 2, atol=1e-5)
    assert np.abs(first - second).max() > 1e-4


def predict_rows(member, packed):
    return softmax(predict(member, photo_batches(packed, packed.rows("test"), 100)), axis=1)
