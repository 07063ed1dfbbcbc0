"""Optimizers and their learning-rate schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from rare_species.params.fitting import FitParams, OptimizerParams
from rare_species.params.train import TrainParams

NOT_DECAYED = ["bias", "gamma", "beta"]  # weight decay is for kernels


class OneDevice:
    """Mixed into an optimizer that no other device has gradients for: they need no sum.

    For that sum TensorFlow registers a gradient, for as long as the process lives, and with it the graph of the fit and
    its weights: a search would hold every head that it fits.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:  # a name of Keras
        return grads_and_vars


class Fused(OneDevice):
    """Mixed into Adam: TensorFlow's own kernel updates a weight and its two moments in one pass, not in a dozen.

    The formula is that of Keras. On a CPU the dozen passes cost a small head more than its arithmetic.
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
    """Adam with one kernel."""


class FusedAdamW(Fused, keras.optimizers.AdamW):
    """AdamW with one kernel."""


class OneDeviceSGD(OneDevice, keras.optimizers.SGD):
    """SGD for one device."""


KINDS: Mapping[str, type[keras.optimizers.Optimizer]] = {"adamw": FusedAdamW, "adam": FusedAdam, "sgd": OneDeviceSGD}


class Layerwise:
    """Mixed into an optimizer: each variable learns, and decays, at its own share of the learning rate.

    Scaled gradients would not do: Adam divides by their size.

    Attributes:
        shares: of the learning rate, by the variable's path; 1 for those that are not there.
        decay: of the weights, decoupled; the optimizer's own must be off.
    """

    shares: Mapping[str, float] = {}
    decay = 0.0

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Note each variable's share and decay; what is updated later is TensorFlow's own variable, without a path."""
        super().build(variables)  # type: ignore[misc]  # of the optimizer that this is mixed into
        self._shares = tuple(self.shares.get(variable.path, 1.0) for variable in variables)
        self._decays = tuple(0.0 if variable.name in NOT_DECAYED else self.decay for variable in variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable."""
        index = self._get_variable_index(variable)  # type: ignore[attr-defined]  # as Keras' own optimizers find it
        rate = learning_rate * self._shares[index]
        if self._decays[index]:
            self.assign_sub(variable, variable * (rate * self._decays[index]))  # type: ignore[attr-defined]
        super().update_step(gradient, variable, rate)  # type: ignore[misc]


def build_optimizer(params: FitParams, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of a head or a network from scratch, with its learning-rate schedule.

    Args:
        params: of the fit.
        steps: batches per epoch.
    """
    knobs = params.optimizer
    rate = _schedule(params.schedule.name, knobs.learning_rate, params.epochs * steps)
    optimizer = KINDS[knobs.name](rate, **_own(knobs), weight_decay=knobs.weight_decay or _no_decay(knobs))
    if knobs.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def build_fine_tuning_optimizer(
    params: TrainParams, steps: int, shares: Mapping[str, float]
) -> keras.optimizers.Optimizer:
    """Build the optimizer of a whole network that was trained before.

    Args:
        params: of the fit; `fine_tune` has the rate, the warm-up, the clipping and the moving average.
        steps: batches per epoch.
        shares: of the learning rate, by the variable's path.
    """
    tune, knobs = params.fine_tune, params.optimizer
    rate = _schedule(params.schedule.name, tune.learning_rate, tune.epochs * steps, tune.warmup_epochs * steps)
    kind = KINDS[knobs.name]
    optimizer = type(f"Layerwise{kind.__name__}", (Layerwise, kind), {})(
        rate,
        **_own(knobs),
        weight_decay=_no_decay(knobs),
        global_clipnorm=tune.clip_norm or None,
        use_ema=bool(tune.ema),
        ema_momentum=tune.ema,
    )
    optimizer.shares, optimizer.decay = dict(shares), knobs.weight_decay
    return optimizer


def _schedule(name: str, learning_rate: float, steps: int, warmup_steps: int = 0) -> Any:
    if name == "cosine":
        warmup = {"warmup_target": learning_rate, "warmup_steps": warmup_steps} if warmup_steps else {}
        start = 0.0 if warmup_steps else learning_rate
        return keras.optimizers.schedules.CosineDecay(start, steps - warmup_steps, **warmup)
    if warmup_steps:
        return keras.optimizers.schedules.PolynomialDecay(0.0, warmup_steps, learning_rate)  # up, and then constant
    return learning_rate


def _own(knobs: OptimizerParams) -> dict[str, float]:
    return {"momentum": knobs.momentum} if knobs.name == "sgd" else {}


def _no_decay(knobs: OptimizerParams) -> float | None:
    return 0.0 if knobs.name == "adamw" else None  # AdamW has no None
