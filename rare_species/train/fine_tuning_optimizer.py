"""The optimizer for fine-tuning: each layer learns at its own share of the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from rare_species.fitting.optimizers import KINDS, NOT_DECAYED, build_schedule, no_decay, own_parameters
from rare_species.params.train import TrainParams


class Layerwise:
    """Optimizer mixin: each variable learns, and decays, at its own share of the learning rate.

    Scaling the gradients instead would have no effect in Adam, which divides by their size.

    Attributes:
        shares: share of the learning rate by the variable's path; 1 for other variables.
        decay: decoupled weight decay; the optimizer's own must be off.
    """

    shares: Mapping[str, float] = {}
    decay = 0.0

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Store each variable's share and decay now: `update_step` gets TensorFlow variables, which have no path."""
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


def build_fine_tuning_optimizer(
    params: TrainParams, steps: int, shares: Mapping[str, float]
) -> keras.optimizers.Optimizer:
    """Build the optimizer for fine-tuning a whole network.

    Args:
        params: parameters of the fit; `fine_tune` has the rate, the warm-up, the clipping and the moving average.
        steps: batches per epoch.
        shares: share of the learning rate by the variable's path.
    """
    tune, parameters = params.fine_tune, params.optimizer
    rate = build_schedule(params.schedule.name, tune.learning_rate, tune.epochs * steps, tune.warmup_epochs * steps)
    kind = KINDS[parameters.name]
    optimizer = type(f"Layerwise{kind.__name__}", (Layerwise, kind), {})(
        rate,
        **own_parameters(parameters),
        weight_decay=no_decay(parameters),
        global_clipnorm=tune.clip_norm or None,
        use_ema=bool(tune.ema),
        ema_momentum=tune.ema,
    )
    optimizer.shares, optimizer.decay = dict(shares), parameters.weight_decay
    return optimizer
