"""The fit loop on features: losses, stopping, and one step worked out in NumPy."""

import gc
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax
from tensorflow.python.framework.func_graph import FuncGraph

from rare_species.data.features import Features, as_batches
from rare_species.fitting import training_loop
from rare_species.fitting.batches import Shuffle
from rare_species.fitting.callbacks import DivergedError
from rare_species.fitting.heads import build_head
from rare_species.fitting.losses import build_loss
from rare_species.fitting.optimizers import build_optimizer
from rare_species.fitting.training_loop import TrainingData, fit_head
from rare_species.metrics.registry import epoch_metrics
from rare_species.networks.determinism import make_reproducible
from tests.unit.tf_fixtures import clusters, fit_params, ignore_epoch, splits, train_params

PLAIN = {"head__dropout": 0.0, "optimizer__momentum": 0.0, "optimizer__weight_decay": 0.0}


def logits_of(model, values):
    return keras.ops.convert_to_numpy(model(values, training=False))


def loss_of(imbalance, logits, targets, **parameters):
    labels = np.array([0, 0, 0, 1])  # three to one
    loss = build_loss(fit_params(imbalance=imbalance, **parameters), labels, 2)
    return float(loss(np.array(targets, np.float32), np.array(logits, np.float32)))


@pytest.mark.parametrize("imbalance", ["none", "class_weight", "class_balanced", "oversample"])
def test_loss_is_cross_entropy(imbalance):
    assert loss_of(imbalance, [[0, np.log(3)]], [[1, 0]]) == pytest.approx(np.log(4))


@pytest.mark.parametrize(("gamma", "factor"), [(0.0, 1.0), (1.0, 3 / 4), (2.0, 9 / 16)])
def test_focal_loss_by_hand(gamma, factor):
    """The true class has probability 1/4: cross-entropy is log 4, times (1 - 1/4) to the power of gamma."""
    found = loss_of("focal", [[0, np.log(3)]], [[1, 0]], focal_gamma=gamma)
    assert found == pytest.approx(factor * np.log(4), rel=1e-4)


def test_balanced_softmax_by_hand():
    """Logits 0 and 0 become log 3 and log 1: probabilities 3/4 and 1/4."""
    assert loss_of("balanced_softmax", [[0, 0]], [[1, 0]]) == pytest.approx(-np.log(3 / 4))
    assert loss_of("balanced_softmax", [[0, 0]], [[0, 1]]) == pytest.approx(-np.log(1 / 4))


@pytest.mark.parametrize("imbalance", ["none", "focal", "balanced_softmax"])
def test_every_loss_smooths_labels(imbalance):
    smooth = loss_of(imbalance, [[0, 2]], [[0, 1]], label_smoothing=0.2, focal_gamma=0.0)
    shift = np.log([3, 1]) if imbalance == "balanced_softmax" else np.zeros(2)
    expected = -np.array([0.1, 0.9]) @ log_softmax(np.array([0, 2]) + shift)
    assert smooth == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("imbalance", ["class_weight", "oversample", "focal", "balanced_softmax", "class_balanced"])
def test_every_way_leads_to_another_classifier(imbalance):
    uneven = {name: clusters((12, 4, 4), spread=2.0, seed=seed) for seed, name in enumerate(("train", "val"), start=1)}
    plain, _ = fit_head(uneven, 3, fit_params(**PLAIN), 0, ignore_epoch)
    other, _ = fit_head(uneven, 3, fit_params(imbalance=imbalance, **PLAIN), 0, ignore_epoch)
    assert np.abs(logits_of(plain, uneven["val"].values) - logits_of(other, uneven["val"].values)).max() > 1e-3


def test_batches_keep_the_order_and_can_be_read_again():
    values = np.arange(14, dtype=np.float32).reshape(7, 2)
    batches = as_batches(values, batch_size=3)
    for _ in range(2):
        pieces = [batch.numpy() for batch in batches]
        assert [len(piece) for piece in pieces] == [3, 3, 1]
        np.testing.assert_array_equal(np.concatenate(pieces), values)


def overfit(**parameters):
    """A fit whose validation labels do not follow from the features: its best epoch is an early one."""
    data = splits(counts=(8, 8, 8), spread=2.0)
    rng = np.random.default_rng(0)
    val = data["val"]
    labels = np.where(rng.random(24) < 0.5, rng.integers(0, 3, 24), val.labels)
    data["val"] = Features(val.file_paths, labels, val.values, val.photos)
    epochs = []
    params = fit_params(epochs=30, optimizer__learning_rate=0.3, head__dropout=0.0, **parameters)
    model, fit = fit_head(data, 3, params, 0, lambda epoch, scores: epochs.append((epoch, scores)))
    return data, model, fit, epochs


@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_f1"])
def test_stopping_restores_the_best_epoch(monitor):
    data, model, fit, epochs = overfit(early_stopping__monitor=monitor, early_stopping__patience=4)
    seen = [scores[monitor] for _, scores in epochs]
    best = seen.index(min(seen) if monitor == "val_loss" else max(seen))
    assert [epoch for epoch, _ in epochs] == list(range(best + 1 + 4))  # it stopped, after so many epochs without gain
    assert len(epochs) < 30
    assert fit.best_epoch == best + 1
    assert fit.best == epochs[best][1]
    val = data["val"]
    found = epoch_metrics(val.labels, softmax(logits_of(model, val.values), axis=1))
    assert {f"val_{name}": value for name, value in found.items()} == pytest.approx(
        {name: value for name, value in fit.best.items() if name.startswith("val_")}, rel=1e-5
    )


def test_best_epoch_is_restored_when_the_epochs_run_out():
    data, model, fit, epochs = overfit(early_stopping__patience=100)
    assert len(epochs) == 30
    assert fit.best_epoch < 29
    found = epoch_metrics(data["val"].labels, softmax(logits_of(model, data["val"].values), axis=1))
    assert found["loss"] == pytest.approx(fit.best["val_loss"], rel=1e-5)
    assert found["loss"] < epochs[-1][1]["val_loss"]


@pytest.mark.parametrize("scored", [("train", "val"), ("val",)])
def test_only_the_splits_asked_for_are_scored(scored):
    _, fit = fit_head(splits(), 3, fit_params(epochs=1), 0, ignore_epoch, scored=scored)
    assert list(fit.history) == [
        f"{split}_{name}" for split in scored for name in ("loss", "accuracy", "auc", "macro_f1")
    ]


def test_a_head_learns():
    model, fit = fit_head(splits(spread=0.3), 3, fit_params(epochs=15, optimizer__learning_rate=0.05), 0, ignore_epoch)
    assert fit.best["train_accuracy"] == fit.best["val_accuracy"] == 1
    assert fit.best["val_loss"] < 0.3
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))


@pytest.mark.parametrize("factor", [1e30, float("nan")], ids=["learning rate absurd for the features", "features NaN"])
def test_diverged_fit_says_at_what_learning_rate(factor):
    data = {
        name: Features(split.file_paths, split.labels, split.values * np.float32(factor), split.photos)
        for name, split in splits().items()
    }
    params = fit_params(schedule__name="cosine", optimizer__learning_rate=1.0)
    with pytest.raises(DivergedError, match=r"in epoch 1 at learning rate (0\.|1)"):
        fit_head(data, 3, params, 0, ignore_epoch)


def test_weights_repeat_with_the_seed_and_differ_with_another():
    def fit(seed):
        model, fitted = fit_head(splits(), 3, fit_params(epochs=2), seed, ignore_epoch)
        return model.get_weights(), fitted.history

    (first, history), (same, history_again), (other, _) = fit(0), fit(0), fit(1)
    assert all((one == two).all() for one, two in zip(first, same, strict=True))
    assert history.equals(history_again)
    assert not all((one == two).all() for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("imbalance", ["none", "class_weight"])
def test_one_step_is_the_gradient_of_the_weighted_smoothed_loss(imbalance, smoothing):
    """One step of gradient descent on all photos at once, from the same weights, in NumPy."""
    train, rate = clusters((6, 2, 1), seed=1), 0.5
    params = fit_params(
        **PLAIN, epochs=1, batch_size=64, imbalance=imbalance, label_smoothing=smoothing, optimizer__learning_rate=rate
    )
    model, _ = fit_head({"train": train, "val": train}, 3, params, 6, ignore_epoch)
    make_reproducible(6)
    kernel, bias = build_head(4, 3, params.head).get_weights()
    weight = 1.0 if imbalance == "none" else np.array([9 / 6 / 3, 9 / 2 / 3, 9 / 1 / 3])[train.labels][:, None]
    targets = np.eye(3)[train.labels] * (1 - smoothing) + smoothing / 3
    slope = weight * (softmax(train.values @ kernel + bias, axis=1) - targets) / 9
    np.testing.assert_allclose(model.get_weights()[0], kernel - rate * train.values.T @ slope, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias - rate * slope.sum(axis=0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("schedule", "falls"), [("plateau", 2), ("constant", 0)])
def test_plateau_lowers_the_learning_rate_when_the_loss_stalls(schedule, falls, monkeypatch):
    built = []
    monkeypatch.setattr(
        training_loop, "build_optimizer", lambda *given: built.append(build_optimizer(*given)) or built[0]
    )
    params = fit_params(
        **PLAIN,
        epochs=5,
        schedule__name=schedule,
        schedule__factor=0.25,
        schedule__patience=2,
        early_stopping__patience=9,
        optimizer__learning_rate=1e-6,  # too low for the loss to move
    )
    fit_head(splits(), 3, params, 0, ignore_epoch)
    assert float(built[0].learning_rate) == pytest.approx(1e-6 * 0.25**falls)


def test_a_blend_weighs_what_its_classes_do():
    targets = np.array([[1, 0, 0], [0, 0.75, 0.25]], np.float32)
    batches = tf.data.Dataset.from_tensors((np.zeros((2, 4), np.float32), targets))
    data = TrainingData(batches, Shuffle(np.arange(2), 2, 0), None, {0: 5.0, 1: 2.0, 2: 10.0}, {})
    ((_, same, weights),) = data.weighted_batches()
    np.testing.assert_array_equal(same, targets)
    np.testing.assert_allclose(weights, [5.0, 0.75 * 2 + 0.25 * 10])
    assert replace(data, class_weight=None).weighted_batches() is batches


def test_without_epochs_the_head_stays_as_it_was_drawn():
    model, fit = fit_head(splits(), 3, train_params(epochs=0, fine_tune={"epochs": 1}), 6, ignore_epoch)
    make_reproducible(6)
    drawn = build_head(4, 3, train_params().head).get_weights()
    assert all((one == two).all() for one, two in zip(model.get_weights(), drawn, strict=True))
    assert fit.history.empty


@pytest.mark.parametrize(("units", "layers"), [((), ["dropout", "logits"]), ((5,), ["dense1", "batch_norm1"])])
def test_head_is_the_one_wished(units, layers):
    model, _ = fit_head(splits(), 3, fit_params(epochs=1, head__units=units), 0, ignore_epoch)
    assert [layer.name for layer in model.layers][:2] == layers


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_a_fit_that_is_over_leaves_no_graph(optimizer):
    """A graph holds the weights: a search of a hundred heads would end with all of them in memory."""

    def graphs():
        gc.collect()
        return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())

    params = fit_params(epochs=1, optimizer__name=optimizer)
    fit_head(splits(), 3, params, 0, ignore_epoch)
    before = graphs()
    fit_head(splits(), 3, params, 0, ignore_epoch)
    assert graphs() == before
