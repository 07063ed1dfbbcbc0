"""Optimizers and their learning-rate schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from rare_species.fitting.fit_params import FitParams, OptimizerParams

NOT_DECAYED = ["bias", "gamma", "beta"]  # only kernels get weight decay


class OneDevice:
    """Mixin for optimizers on a single device, which skips the sum of gradients over devices.

    For this sum TensorFlow registers a gradient that lives as long as the process, and with it the graph and weights of
    the fit: a search would keep every head in memory.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:  # overrides a method of Keras
        return grads_and_vars


class Fused(OneDevice):
    """Mixin for Adam that updates a weight and its two moments with one TensorFlow kernel, not with a dozen operations.

    The formula is that of Keras. On a CPU, a dozen operations cost more than the arithmetic of a small head.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Update one variable."""
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]  # as Keras' own optimizers find it
        first, second = self._momentums[index].value, self._velocities[index].value  # type: ignore[attr-defined]
        step = tf.cast(self.iterations.value + 1, variable.dtype)  # type: ignore[attr-defined]
        beta_1, beta_2 = (tf.constant(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))  # type: ignore[attr-defined]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first.handle,
            v=second.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=self.epsilon,  # type: ignore[attr-defined]
            grad=gradient,
        )


class FusedAdam(Fused, keras.optimizers.Adam):
    """Adam with the fused kernel."""


class FusedAdamW(Fused, keras.optimizers.AdamW):
    """AdamW with the fused kernel."""


class OneDeviceSGD(OneDevice, keras.optimizers.SGD):
    """SGD on a single device."""


KINDS: Mapping[str, type[keras.optimizers.Optimizer]] = {"adamw": FusedAdamW, "adam": FusedAdam, "sgd": OneDeviceSGD}


def build_optimizer(params: FitParams, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of a head or a network from scratch, with its learning-rate schedule.

    Args:
        params: parameters of the fit.
        steps: batches per epoch.
    """
    chosen = params.optimizer
    rate = build_schedule(params.schedule.name, chosen.learning_rate, params.epochs * steps)
    optimizer = KINDS[chosen.name](rate, **own_parameters(chosen), weight_decay=chosen.weight_decay or no_decay(chosen))
    if chosen.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def build_schedule(name: str, learning_rate: float, steps: int, warmup_steps: int = 0) -> Any:
    """Make the learning rate of each step.

    Args:
        name: "cosine", "constant", or "plateau", which `callbacks.rate_lowering` lowers and this function does not.
        learning_rate: in (0, 1]; the highest.
        steps: batches of the whole fit.
        warmup_steps: batches in which the rate first rises from 0.

    Returns:
        A Keras schedule, or the rate itself where it does not change.
    """
    if name == "cosine":
        warmup = {"warmup_target": learning_rate, "warmup_steps": warmup_steps} if warmup_steps else {}
        start = 0.0 if warmup_steps else learning_rate
        return keras.optimizers.schedules.CosineDecay(start, steps - warmup_steps, **warmup)
    if warmup_steps:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup_steps, learning_rate)  # up, and then constant
    return learning_rate


def own_parameters(chosen: OptimizerParams) -> dict[str, float]:
    """List the arguments that only this kind of optimizer has."""
    return {"momentum": chosen.momentum} if chosen.name == "sgd" else {}


def no_decay(chosen: OptimizerParams) -> float | None:
    """Return the `weight_decay` that switches weight decay off in this kind of optimizer."""
    return 0.0 if chosen.name == "adamw" else None  # AdamW refuses None
