"""The fit loop: weights of classes, scores per epoch, stopping, schedules, and one step worked out in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax, softmax

from rare_species.datasets import Features, as_batches, one_hot
from rare_species.determinism import make_reproducible
from rare_species.models import build_head
from rare_species.scores import epoch_scores
from rare_species.training import DivergedError, EpochScores, build_loss, build_optimizer, fit_head
from tests.unit.tf_fixtures import HEAD, clusters, fit_params, ignore_epoch, splits

PLAIN = {"head__dropout": 0.0, "optimizer__momentum": 0.0, "optimizer__weight_decay": 0.0}


def logits_of(model, values):
    return keras.ops.convert_to_numpy(model(values, training=False))


def loss_of(imbalance, logits, targets, **knobs):
    labels = np.array([0, 0, 0, 1])  # three to one
    loss = build_loss(fit_params(imbalance=imbalance, **knobs), labels, 2)
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


@pytest.fixture
def scoring():
    """EpochScores of a model that gives back its inputs: what it is scored on are hand-made logits."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    model.compile(keras.optimizers.SGD(0.25))

    def build(logits, monitor="val_loss", on_epoch=ignore_epoch):
        callback = EpochScores({"val": (np.arange(3), as_batches(logits))}, on_epoch, monitor)
        callback.set_model(model)
        return callback

    return build


GOOD = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3]], dtype=np.float32)


def test_scores_of_an_epoch_are_reported_kept_and_handed_on(scoring):
    reported, logs = [], {"loss": 1.0}
    logits = np.array([[2, 1, 0], [0, 3, 1], [1, 0.5, 0]], dtype=np.float32)
    callback = scoring(logits, on_epoch=lambda epoch, scores: reported.append((epoch, scores)))
    callback.on_epoch_end(4, logs)
    expected = {f"val_{name}": value for name, value in epoch_scores(np.arange(3), softmax(logits, axis=1)).items()}
    assert set(expected) == {"val_loss", "val_accuracy", "val_auc", "val_macro_f1"}
    assert expected["val_accuracy"] == pytest.approx(2 / 3)
    assert reported == [(4, pytest.approx(expected))]
    assert logs == pytest.approx({"loss": 1.0, **expected})
    assert callback.fit.best == pytest.approx(expected)


@pytest.mark.parametrize(
    ("monitor", "values", "best"),
    [
        ("val_loss", [3.0, 1.0, 2.0, 1.0], 1),
        ("val_accuracy", [0.1, 0.5, 0.7, 0.7], 2),
        ("val_macro_f1", [0.9, 0.5, 0.7, 0.7], 0),
    ],
)
def test_best_epoch_is_the_first_with_the_best_score(scoring, monkeypatch, monitor, values, best):
    rows = iter(values)
    monkeypatch.setattr("rare_species.training.epoch_scores", lambda *_: {monitor.removeprefix("val_"): next(rows)})
    callback = scoring(GOOD, monitor)
    for epoch in range(len(values)):
        callback.on_epoch_end(epoch, {})
    assert callback.fit.best_epoch == best + 1
    assert callback.fit.best == {monitor: values[best]}
    assert callback.fit.history[monitor].tolist() == values


@pytest.mark.parametrize(
    ("logits", "loss"),
    [(GOOD * np.nan, 1.0), (GOOD + np.float32(np.inf), 1.0), (GOOD, float("nan")), (GOOD, float("inf"))],
    ids=["logits NaN", "logits infinite", "loss NaN", "loss infinite"],
)
def test_diverged_epoch_is_refused_and_not_reported(scoring, logits, loss):
    reported = []
    callback = scoring(logits, on_epoch=lambda *_: reported.append(1))
    with pytest.raises(DivergedError, match=r"NaN or infinite in epoch 3 at learning rate 0\.25"):
        callback.on_epoch_end(2, {"loss": loss})
    assert not reported


def overfit(**knobs):
    """A fit whose validation labels do not follow from the features: its best epoch is an early one."""
    data = splits(counts=(8, 8, 8), spread=2.0)
    rng = np.random.default_rng(0)
    val = data["val"]
    labels = np.where(rng.random(24) < 0.5, rng.integers(0, 3, 24), val.labels)
    data["val"] = Features(val.file_paths, labels, val.values, val.photos)
    epochs = []
    params = fit_params(epochs=30, optimizer__learning_rate=0.3, head__dropout=0.0, **knobs)
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
    found = epoch_scores(val.labels, softmax(logits_of(model, val.values), axis=1))
    assert {f"val_{name}": value for name, value in found.items()} == pytest.approx(
        {name: value for name, value in fit.best.items() if name.startswith("val_")}, rel=1e-5
    )


def test_best_epoch_is_restored_when_the_epochs_run_out():
    data, model, fit, epochs = overfit(early_stopping__patience=100)
    assert len(epochs) == 30
    assert fit.best_epoch < 29
    found = epoch_scores(data["val"].labels, softmax(logits_of(model, data["val"].values), axis=1))
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
    targets = one_hot(train.labels, 3) * (1 - smoothing) + smoothing / 3
    slope = weight * (softmax(train.values @ kernel + bias, axis=1) - targets) / 9
    np.testing.assert_allclose(model.get_weights()[0], kernel - rate * train.values.T @ slope, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias - rate * slope.sum(axis=0), rtol=1e-4, atol=1e-6)


def idle(optimizer, model, steps):
    """Apply gradients of zero: what moves is moved by weight decay alone."""
    for _ in range(steps):
        optimizer.apply([tf.zeros_like(variable) for variable in model.trainable_variables], model.trainable_variables)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_weight_decay_shrinks_kernels_only(name, decay):
    params = fit_params(optimizer__name=name, optimizer__weight_decay=decay, optimizer__learning_rate=0.1)
    model = build_head(4, 3, HEAD)
    model.set_weights([np.ones_like(array) for array in model.get_weights()])
    idle(build_optimizer(params, 1), model, 1)
    found = {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.trainable_variables}
    assert {path.removeprefix("head/") for path in found} == {
        "dense1/kernel",
        "batch_norm1/gamma",
        "batch_norm1/beta",
        "logits/kernel",
        "logits/bias",
    }
    for path, values in found.items():
        np.testing.assert_allclose(values, 1 - 0.1 * decay if path.endswith("kernel") else 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adamw", keras.optimizers.AdamW), ("adam", keras.optimizers.Adam), ("sgd", keras.optimizers.SGD)],
)
def test_optimizer_is_the_one_named(name, kind):
    optimizer = build_optimizer(fit_params(optimizer__name=name, optimizer__momentum=0.7), 1)
    assert type(optimizer) is kind
    assert name != "sgd" or optimizer.momentum == 0.7


@pytest.mark.parametrize(
    ("schedule", "expected"), [("cosine", [0.1, 0.05, 0.0]), ("constant", [0.1] * 3), ("plateau", [0.1] * 3)]
)
def test_learning_rate_at_the_start_halfway_and_at_the_end(schedule, expected):
    params = fit_params(epochs=4, schedule__name=schedule, optimizer__learning_rate=0.1)
    optimizer, model = build_optimizer(params, steps=5), build_head(4, 3, HEAD)
    rates = []
    for _ in range(3):
        rates.append(float(optimizer.learning_rate))
        idle(optimizer, model, steps=10)
    assert rates == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("schedule", "falls"), [("plateau", 2), ("constant", 0)])
def test_plateau_lowers_the_learning_rate_when_the_loss_stalls(schedule, falls):
    params = fit_params(
        **PLAIN,
        epochs=5,
        schedule__name=schedule,
        schedule__factor=0.25,
        schedule__patience=2,
        early_stopping__patience=9,
        optimizer__learning_rate=1e-6,  # too low for the loss to move
    )
    model, _ = fit_head(splits(), 3, params, 0, ignore_epoch)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-6 * 0.25**falls)


@pytest.mark.parametrize(("units", "layers"), [((), ["dropout", "logits"]), ((5,), ["dense1", "batch_norm1"])])
def test_head_is_the_one_wished(units, layers):
    model, _ = fit_head(splits(), 3, fit_params(epochs=1, head__units=units), 0, ignore_epoch)
    assert [layer.name for layer in model.layers][:2] == layers
