"""Optimizers one step at a time: what decays, at which rate each variable moves, and how the rate changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rare_species.fitting.heads import build_head
from rare_species.fitting.optimizers import build_optimizer
from rare_species.train.fine_tuning_optimizer import build_fine_tuning_optimizer
from tests.unit.tf_fixtures import HEAD, fit_params, train_params


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
    assert isinstance(optimizer, kind)
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


SHARES = {"logits/kernel": 0.5, "dense1/kernel": 0.25}


def moved(optimizer, gradient=0.0):
    """A head of ones after one step along a gradient of one number, by the variables' paths."""
    model = build_head(4, 3, HEAD)
    model.set_weights([np.ones_like(array) for array in model.get_weights()])
    variables = model.trainable_variables
    optimizer.apply([tf.fill(variable.shape, gradient) for variable in variables], variables)
    values = {variable.path.removeprefix("head/"): keras.ops.convert_to_numpy(variable) for variable in variables}
    assert all(np.ptp(array) == 0 for array in values.values())
    return {path: float(array.flat[0]) for path, array in values.items()}


def fine_tuner(shares=SHARES, steps=10, fine_tune=None, **parameters):
    params = train_params(fine_tune={"epochs": 4, "learning_rate": 0.1} | (fine_tune or {}), **parameters)
    prefixed = {f"head/{path}": share for path, share in shares.items()} | shares
    return build_fine_tuning_optimizer(params, steps, prefixed)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_each_variable_moves_at_its_share_of_the_rate(name):
    """The first step of Adam is the learning rate itself, that of gradient descent the rate times the gradient."""
    found = moved(fine_tuner(optimizer__name=name, optimizer__weight_decay=0.0), gradient=1.0)
    steps = {path: 1 - value for path, value in found.items()}
    assert steps == pytest.approx(
        {
            "dense1/kernel": 0.025,
            "batch_norm1/gamma": 0.1,
            "batch_norm1/beta": 0.1,
            "logits/kernel": 0.05,
            "logits/bias": 0.1,
        },
        rel=1e-4,
    )


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_each_kernel_decays_at_its_share_of_the_rate(name):
    found = moved(fine_tuner(optimizer__name=name, optimizer__weight_decay=0.5))
    assert found == pytest.approx(
        {
            "dense1/kernel": 1 - 0.025 * 0.5,
            "batch_norm1/gamma": 1,
            "batch_norm1/beta": 1,
            "logits/kernel": 1 - 0.05 * 0.5,
            "logits/bias": 1,
        },
        rel=1e-6,
    )


def test_long_gradients_are_shortened_together():
    """47 ones have the length of the root of 47."""
    parameters = {"optimizer__name": "sgd", "optimizer__weight_decay": 0.0, "optimizer__momentum": 0.0}
    found = moved(fine_tuner({}, fine_tune={"clip_norm": 0.5}, **parameters), gradient=1.0)
    n = sum(array.size for array in build_head(4, 3, HEAD).get_weights()) - 16  # without the statistics
    assert 1 - found["logits/bias"] == pytest.approx(0.1 * 0.5 / np.sqrt(n), rel=1e-4)
    short = moved(fine_tuner({}, fine_tune={"clip_norm": 100.0}, **parameters), gradient=1.0)
    assert 1 - short["logits/bias"] == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("cosine", [0.0, 0.05, 0.1, 0.05, 0.0]), ("constant", [0.0, 0.05, 0.1, 0.1, 0.1])],
)
def test_warm_up_climbs_to_the_rate_and_the_schedule_goes_on(schedule, expected):
    fine_tune = {"epochs": 12, "warmup_epochs": 4}
    optimizer = fine_tuner({}, steps=5, fine_tune=fine_tune, schedule__name=schedule)
    model, rates = build_head(4, 3, HEAD), []
    for step in range(61):
        if step in (0, 10, 20, 40, 60):
            rates.append(float(optimizer.learning_rate))
        idle(optimizer, model, steps=1)
    assert rates == pytest.approx(expected, abs=1e-6)


def test_moving_average_is_asked_for():
    assert not fine_tuner().use_ema
    averaging = fine_tuner(fine_tune={"ema": 0.9})
    assert (averaging.use_ema, averaging.ema_momentum) == (True, 0.9)
