"""Networks fitted to 3 families of photos at 32 px: what learns, what is kept, and going on after a kill."""

import itertools

import keras
import numpy as np
import pandas as pd
import pytest

from rare_species.data.photo_batches import photo_batches
from rare_species.fitting import callbacks
from rare_species.fitting.callbacks import DivergedError, EpochMetrics, Fit
from rare_species.fitting.heads import build_head
from rare_species.metrics.registry import epoch_metrics
from rare_species.networks.inference import predict
from rare_species.train import fit_on_photos
from rare_species.train.fit_on_photos import PhotoTask, fine_tune, fit_cnn
from tests.damage import list_damages
from tests.unit.tf_fixtures import FINE_TUNE, head_params, ignore_epoch, small_backbone, train_params

TUNE = FINE_TUNE | {"epochs": 2, "learning_rate": 0.05}
HEAD = head_params(units=(4,), dropout=0.3, input_dropout=0.1)


@pytest.fixture
def tune(packed, tmp_path):
    """Fine-tune a small backbone and a head of random weights."""
    numbers = itertools.count()

    def run(fine=None, *, before=None, on_epoch=ignore_epoch, seed=3, file=None, **parameters):
        params = train_params(seed, fine_tune=TUNE | (fine or {}), **parameters)
        backbone = small_backbone()
        head = build_head(6, 3, HEAD)
        start = [array.copy() for model in (backbone, head) for array in model.get_weights()]
        task = PhotoTask(packed, 3, params, seed, on_epoch, tmp_path / (file or f"{next(numbers)}.npz"))
        model, fit = fine_tune(task, backbone, head, before or Fit())
        end = [*backbone.get_weights(), *head.get_weights()]
        names = [weight.path for part in (backbone, head) for weight in part.weights]
        changed = {name for name, old, new in zip(names, start, end, strict=True) if (old != new).any()}
        return model, fit, changed

    return run


def probabilities(model, packed, split="val"):
    logits = predict(model, photo_batches(packed, packed.rows(split), 5))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def same(one, two):
    return all((a == b).all() for a, b in zip(one.get_weights(), two.get_weights(), strict=True))


def test_last_block_and_head_learn_and_the_rest_stays(tune):
    _, fit, changed = tune()
    assert {"block_2_conv/kernel", "top_conv/kernel", "dense1/kernel", "logits/bias"} <= {
        name.removeprefix("head/") for name in changed
    }
    assert not [name for name in changed if name.startswith(("stem", "block_1")) or "_bn/" in name]
    assert len(fit.history) == 2


def test_the_same_learns_in_half_precision(tune):
    assert tune({"mixed_precision": True})[2] == tune()[2]


def test_batch_norms_learn_if_so_wished(tune):
    _, _, changed = tune({"freeze_batch_norm": False, "layer_groups": "all"})
    assert {f"{name}_bn/{array}" for name in ("stem", "top") for array in ("gamma", "moving_mean")} <= changed


def test_the_model_takes_photos_and_has_the_scores_of_its_best_epoch(tune, packed):
    model, fit, _ = tune({"epochs": 3})
    assert (model.input_shape, model.output_shape) == ((None, 32, 32, 3), (None, 3))
    labels = packed.rows("val")["class_id"].to_numpy()
    found = epoch_metrics(labels, probabilities(model, packed))
    assert found["loss"] == pytest.approx(fit.best["val_loss"], rel=1e-4)


def test_nothing_better_than_the_head_was_keeps_the_head(tune):
    rows = [dict.fromkeys(("train_loss", "val_loss"), loss) for loss in (2.0, 1e-9, 3.0)]
    before = Fit(pd.DataFrame(rows), best_epoch=2)
    epochs = []
    _, fit, changed = tune(before=before, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert changed == set()
    assert fit.best_epoch == 2
    assert epochs == [3, 4]
    assert fit.history["val_loss"].tolist()[:3] == [2.0, 1e-9, 3.0]


EFFECTS = {
    "learning_rate": 0.02,
    "layer_groups": 2,
    "layer_decay": 0.3,
    "freeze_batch_norm": False,
    "clip_norm": 0.01,
    "ema": 0.9,
    "mixed_precision": True,
    "warmup_epochs": 1,
}


@pytest.fixture(scope="module")
def kept():
    return {}


@pytest.mark.parametrize("parameter", EFFECTS)
def test_every_parameter_leads_to_another_model(tune, kept, parameter):
    if not kept:
        kept["plain"] = tune()[0]
    assert not same(tune({parameter: EFFECTS[parameter]})[0], kept["plain"])


def test_steps_per_execution_change_nothing_but_the_calls(tune, monkeypatch):
    asked = []
    compile_model = keras.Sequential.compile
    monkeypatch.setattr(
        keras.Sequential,
        "compile",
        lambda model, *given, **kwargs: (
            asked.append(kwargs["steps_per_execution"]) or compile_model(model, *given, **kwargs)
        ),
    )
    one, two = tune()[0], tune({"steps_per_execution": 2, "mixed_precision": False})[0]
    assert asked == [1, 2]
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_half_precision_computes_in_16_bits_and_saves_32(tune, monkeypatch):
    seen = []
    monkeypatch.setattr(
        fit_on_photos,
        "unfreeze",
        lambda network, *_: seen.extend(layer.compute_dtype for layer in network.layers[1:]),
    )
    model, _, _ = tune({"mixed_precision": True, "epochs": 1})
    assert set(seen) == {"float16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.compute_dtype == "float32"


@pytest.mark.parametrize(("gpus", "policy"), [([], ""), (["a GPU"], "mixed_float16")])
def test_auto_is_half_precision_on_a_gpu(monkeypatch, gpus, policy):
    monkeypatch.setattr(fit_on_photos.tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
    assert fit_on_photos.dtype_policy(train_params(fine_tune={"mixed_precision": "auto"}).fine_tune) == policy


def test_moving_average_is_what_is_scored(tune, monkeypatch):
    """One step an epoch: the average starts as the first one's weights, and goes a quarter of the way on."""
    parameters = {"batch_size": 12, "optimizer__weight_decay": 0.0}
    monkeypatch.setattr(EpochMetrics, "on_epoch_end", keep_weights(kept := []))
    tune({"epochs": 2}, **parameters)
    tune({"epochs": 2, "ema": 0.75}, **parameters)
    first, second, average_of_one, average_of_two = (weights[-2:] for weights in kept)  # logits have no statistics
    for one, two, start, average in zip(first, second, average_of_one, average_of_two, strict=True):
        np.testing.assert_array_equal(start, one)
        np.testing.assert_allclose(average, 0.75 * one + 0.25 * two, rtol=1e-4, atol=1e-6)


def keep_weights(kept):
    """An `on_epoch_end` that also keeps the weights that it scores."""
    score = EpochMetrics.on_epoch_end

    def on_epoch_end(scoring, epoch, logs=None):
        kept.append(scoring.model.get_weights())
        score(scoring, epoch, logs)

    return on_epoch_end


def test_kept_average_has_the_scores_of_its_best_epoch(tune, packed):
    model, fit, _ = tune({"ema": 0.99, "epochs": 2})
    labels = packed.rows("val")["class_id"].to_numpy()
    found = epoch_metrics(labels, probabilities(model, packed))
    assert found["loss"] == pytest.approx(fit.best["val_loss"], rel=1e-4)


def test_divergence_names_the_parameter_of_fine_tuning(tune, monkeypatch):
    def diverge(*_, **__):
        raise DivergedError(0, 0.05)

    monkeypatch.setattr(fit_on_photos, "fit_model", diverge)
    with pytest.raises(DivergedError) as caught:
        tune()
    assert caught.value.parameter == "fine_tune.learning_rate"


GOOD_HEAD = Fit(pd.DataFrame([dict.fromkeys(("train_loss", "val_loss"), 1e-9)]))
RECIPES = {
    "plain": ({}, {}),
    "adam, plateau": (
        {"learning_rate": 1e-3},
        {"optimizer__name": "adam", "schedule__name": "plateau", "schedule__patience": 1},
    ),
    "cosine, warm-up, decay": (
        {"warmup_epochs": 1, "layer_decay": 0.5, "layer_groups": "all"},
        {"optimizer__name": "adamw", "schedule__name": "cosine"},
    ),
    "moving average": ({"ema": 0.9, "freeze_batch_norm": False}, {"imbalance": "oversample"}),
    "half precision": ({"mixed_precision": True}, {}),
    "little patience after a good head": ({}, {"early_stopping__patience": 1, "before": GOOD_HEAD}),
}


class KilledError(Exception):
    """Stands for a kill: nothing after it runs."""


def killer(epoch_to_die, epochs):
    def on_epoch(epoch, scores):
        if epoch == epoch_to_die:
            raise KilledError
        epochs.append((epoch, scores))

    return on_epoch


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_fit_goes_on_as_if_nothing_had_happened(tune, tmp_path, recipe, caplog):
    fine, parameters = RECIPES[recipe]
    fine = {"epochs": 4} | fine
    whole_epochs, killed_epochs, epochs = [], [], []
    whole, fit, _ = tune(fine, on_epoch=lambda *row: whole_epochs.append(row), **parameters)
    with pytest.raises(KilledError):
        tune(fine, file="state.npz", on_epoch=killer(2, killed_epochs), **parameters)
    assert (tmp_path / "state.npz").is_file()
    n_before = len(parameters["before"].history) if "before" in parameters else 0
    assert [epoch for epoch, _ in killed_epochs] == list(range(n_before, 2))
    assert not caplog.records
    with caplog.at_level("INFO"):
        again, fit_again, _ = tune(fine, file="state.npz", on_epoch=lambda *row: epochs.append(row), **parameters)
    assert caplog.messages == [f"going on after epoch {2 - n_before} of 4, from {tmp_path / 'state.npz'}"]
    assert epochs == whole_epochs
    assert fit_again.history.equals(fit.history)
    assert fit_again.best_epoch == fit.best_epoch
    assert fit_again.earlier_epochs == fit.earlier_epochs == n_before
    assert same(whole, again)


def test_a_killed_fit_of_the_baseline_goes_on_too(packed, tmp_path, monkeypatch):
    augmented = train_params().augmentation.model_copy(update={"mixup": 0.4, "cutmix": 0.5, "rand_augment": 0.3})
    params = train_params(epochs=4, optimizer__name="adam").model_copy(update={"augmentation": augmented})

    def fit(file, on_epoch):
        return fit_cnn(PhotoTask(packed, 3, params, 5, on_epoch, tmp_path / file))

    whole, history = fit("whole.npz", ignore_epoch)
    with pytest.raises(KilledError):
        fit("state.npz", killer(3, []))
    trained = []
    monkeypatch.setattr(keras.callbacks.CallbackList, "on_train_batch_begin", lambda *_: trained.append(1))
    again, history_again = fit("state.npz", ignore_epoch)
    assert len(trained) == 2  # batches: the one epoch that was missing
    assert same(whole, again)
    assert history_again.history.equals(history.history)


def test_a_fit_that_was_to_stop_early_stops_all_the_same(tune):
    fine = {"epochs": 9, "learning_rate": 1e-9}
    parameters = {
        "early_stopping__patience": 3,
        "early_stopping__monitor": "val_macro_f1",
    }  # which does not move at all
    again = []
    with pytest.raises(KilledError):
        tune(fine, file="state.npz", on_epoch=killer(2, []), **parameters)
    _, fit, _ = tune(fine, file="state.npz", on_epoch=lambda epoch, _: again.append(epoch), **parameters)
    assert again == [0, 1, 2, 3]
    assert len(fit.history) == 4


def test_damaged_checkpoint_is_set_aside_and_the_fit_starts_anew(packed, tmp_path, caplog):
    params, file = train_params(epochs=2, optimizer__name="adam"), tmp_path / "state.npz"

    def fit(on_epoch=ignore_epoch):
        return fit_cnn(PhotoTask(packed, 3, params, 5, on_epoch, file))

    whole, history = fit()
    file.unlink()
    with pytest.raises(KilledError):
        fit(killer(1, []))
    data = file.read_bytes()
    damages = list_damages(data, ".npz")
    numbers = next(name for name in damages if name.startswith("state") and name.endswith(" NaN"))
    chosen = ["empty", "rows missing", numbers, "best0 in another order"]  # each is a fit
    for name in chosen:
        caplog.clear()
        file.write_bytes(damages[name])
        again, history_again = fit()
        assert caplog.messages == [
            f"{file} is damaged: it is set aside as state.npz.damaged, and the fit starts anew"
        ], name
        assert (tmp_path / "state.npz.damaged").read_bytes() == damages[name]
        assert history_again.history.equals(history.history)
        assert same(whole, again)


def test_every_damage_to_a_checkpoint_is_seen(tmp_path):
    file, arrays = tmp_path / "state.npz", {"state0": np.arange(6.0), "rows": np.array("[{}]")}
    np.savez(file, sha256=callbacks._state_digest(file.name, arrays), **arrays)
    whole = file.read_bytes()
    assert callbacks._read_state(file).keys() == arrays.keys()
    for name, damaged in list_damages(whole, ".npz").items():
        file.write_bytes(damaged)
        found = callbacks._read_state(file)
        assert not found or all((found[key] == arrays[key]).all() for key in arrays), name
    (tmp_path / "other.npz").write_bytes(whole)
    assert callbacks._read_state(tmp_path / "other.npz") == {}
