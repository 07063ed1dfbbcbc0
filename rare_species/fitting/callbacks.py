"""What happens between the epochs of a fit: metrics, early stopping, and checkpoints."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from tqdm import tqdm

from rare_species.common.array_types import Labels, Probabilities
from rare_species.common.staged_files import staged
from rare_species.data.npz import is_damage
from rare_species.fitting.fit_params import FitParams
from rare_species.metrics.registry import EPOCH_METRICS, epoch_metrics
from rare_species.networks.inference import inference

log = logging.getLogger(__name__)
OnEpoch = Callable[[int, dict[str, float]], None]
Scored = tuple[Labels, Iterable[tf.Tensor]]


class DivergedError(Exception):
    """The loss became NaN or infinite.

    Attributes:
        parameter: the parameter of section train that sets the learning rate.
    """

    parameter = "optimizer.learning_rate"

    def __init__(self, epoch: int, learning_rate: float) -> None:
        super().__init__(f"the loss became NaN or infinite in epoch {epoch + 1} at learning rate {learning_rate:g}")


@dataclass
class Fit:
    """The result of a fit.

    Attributes:
        history: one row per epoch, with columns such as `val_loss`.
        best_epoch: the epoch whose weights the model has, from 1.
        earlier_epochs: number of epochs of the fit that this one continued.
    """

    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int = 1
    earlier_epochs: int = 0

    @property
    def best(self) -> dict[str, float]:
        """Metrics of the best epoch."""
        return self.rows[self.best_epoch - 1]

    @property
    def rows(self) -> list[dict[str, float]]:
        """Metrics of every epoch."""
        return [{str(name): float(value) for name, value in row.items()} for _, row in self.history.iterrows()]


class EpochMetrics(keras.callbacks.Callback):
    """Compute metrics on splits after every epoch, without dropout, and pass them to the callbacks that follow.

    Args:
        network: a model that gives logits; traced once for the whole fit.
        scored: labels and ordered input batches, by split.
        on_epoch: called after each epoch with its number, from 0, and its metrics; the epochs of `before` count too.
        monitor: the metric that determines the best epoch.
        before: an earlier fit that this one continues.
        metrics: names of the metrics to compute, see `registry.epoch_metrics`.
    """

    def __init__(
        self,
        network: keras.Model,
        scored: dict[str, Scored],
        on_epoch: OnEpoch,
        monitor: str = "val_loss",
        *,
        before: Fit | None = None,
        metrics: Sequence[str] = EPOCH_METRICS,
    ) -> None:
        super().__init__()
        self._predict = inference(network)
        self._scored, self._on_epoch, self._monitor, self._metrics = scored, on_epoch, monitor, metrics
        self.rows: list[dict[str, float]] = before.rows if before else []
        self._earlier_epochs = len(self.rows)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compute the metrics, refuse a diverged model, report."""
        self._check_finite(epoch, (logs or {}).get("loss", 0.0))
        row: dict[str, float] = {}
        for split, (labels, batches) in self._scored.items():
            probabilities = np.concatenate([self._probabilities(epoch, batch) for batch in batches])
            values = epoch_metrics(labels, probabilities, self._metrics)
            row |= {f"{split}_{name}": value for name, value in values.items()}
        if logs is not None:
            logs |= row
        self.append(row)

    def _probabilities(self, epoch: int, batch: tf.Tensor) -> Probabilities:
        logits = self._predict(batch).numpy()
        self._check_finite(epoch, logits)
        return np.asarray(softmax(logits, axis=1))

    def _check_finite(self, epoch: int, numbers: ArrayLike) -> None:
        if not np.isfinite(numbers).all():
            raise DivergedError(epoch, float(self.model.optimizer.learning_rate))

    def append(self, row: dict[str, float]) -> None:
        """Add the metrics of one more epoch."""
        self._on_epoch(len(self.rows), row)
        self.rows.append(row)

    @property
    def fit(self) -> Fit:
        """The fit so far; its best epoch is the first with the best monitored metric."""
        history = pd.DataFrame(self.rows)
        # Keras compares values of this type to keep the best weights
        values = history[self._monitor].to_numpy(np.float32)
        best = values.argmin() if self._monitor.endswith("loss") else values.argmax()
        return Fit(history, 1 + int(best), self._earlier_epochs)


class BatchProgress(keras.callbacks.Callback):
    """Advance a progress bar per batch, for fits with long epochs.

    Args:
        bar: a bar over the batches of all epochs.
        steps: batches per epoch.
    """

    def __init__(self, bar: tqdm[Any], steps: int) -> None:
        super().__init__()
        self._bar, self._steps, self._before = bar, steps, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count the batches of earlier epochs."""
        del logs
        self._before = epoch * self._steps

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count one batch."""
        del logs
        self._bar.update(self._before + min(batch + 1, self._steps) - self._bar.n)


class Checkpoint(keras.callbacks.Callback):
    """Write a checkpoint after every epoch but the last, and continue from the last one written.

    A checkpoint holds the state of the model, its random layers and its optimizer, the weights of the best epoch, and
    all metrics, which are replayed to the callbacks for early stopping and for the learning rate. A killed fit
    therefore ends with the same bytes as an uninterrupted one on as many cores, provided its batches depend only on the
    epoch.

    It must come after the callbacks that change the model at the start of an epoch.

    Args:
        file: file of the checkpoint; None for no checkpoints.
        scoring: the callback with the metrics so far.
        stopping: the callback with the best weights.
        others: other callbacks that react to metrics.
        before: an earlier fit, whose best weights the model has.
    """

    def __init__(
        self,
        file: Path | None,
        scoring: EpochMetrics,
        stopping: keras.callbacks.EarlyStopping,
        others: Sequence[keras.callbacks.Callback] = (),
        before: Fit | None = None,
    ) -> None:
        super().__init__()
        self._file, self._scoring, self._stopping, self._reacting = file, scoring, stopping, [stopping, *others]
        self._earlier_best = [before.best] if before and len(before.history) else []
        self._saved = _read_state(file) if file and file.is_file() else {}
        self._rows: list[dict[str, float]] = json.loads(str(self._saved["rows"])) if self._saved else []

    @property
    def first_epoch(self) -> int:
        """The epoch to continue with, from 0."""
        return len(self._rows)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the state of the checkpoint."""
        del logs
        for epoch, row in [*((0, row) for row in self._earlier_best), *enumerate(self._rows)]:
            for judge in self._reacting:
                judge.on_epoch_end(epoch, dict(row))
        for row in self._rows:
            self._scoring.append(row)
        if self._saved:
            for number, variable in enumerate(self._variables()):
                variable.assign(self._saved[f"state{number}"])
            self._stopping.best_weights = [
                self._saved[f"best{number}"] for number in range(len(self.model.get_weights()))
            ]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the state after the epochs before this one."""
        del logs
        if self._file and epoch > self.first_epoch:
            rows = self._scoring.rows[-epoch:]
            arrays = {f"state{number}": np.asarray(variable) for number, variable in enumerate(self._variables())}
            arrays |= {f"best{number}": array for number, array in enumerate(self._stopping.best_weights)}
            arrays["rows"] = np.array(json.dumps(rows))
            with staged(self._file) as (partial,), partial.open("wb") as stream:
                np.savez(stream, allow_pickle=False, sha256=_state_digest(self._file.name, arrays), **arrays)

    def _variables(self) -> list[keras.Variable]:
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        return [*self.model.variables, *self.model.optimizer.variables]


def stopping(params: FitParams) -> keras.callbacks.EarlyStopping:
    """Stop when the monitored metric no longer improves; the weights of the best epoch are restored."""
    monitor = params.early_stopping.monitor
    return keras.callbacks.EarlyStopping(
        monitor=monitor,
        mode="min" if monitor.endswith("loss") else "max",
        patience=params.early_stopping.patience,
        restore_best_weights=True,
    )


def rate_lowering(params: FitParams) -> list[keras.callbacks.Callback]:
    """Lower the learning rate when validation loss stalls, if the schedule says so."""
    schedule = params.schedule
    if schedule.name != "plateau":
        return []
    return [keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=schedule.factor, patience=schedule.patience)]


def _read_state(file: Path) -> dict[str, Any]:
    """Read the arrays of a checkpoint; a damaged one is set aside and gives none, so that the fit starts anew."""
    try:
        # Opened here, because NumPy leaves damaged files open
        with file.open("rb") as stream, np.load(stream) as stored:
            arrays = dict(stored)
        whole = str(arrays.pop("sha256")) == str(_state_digest(file.name, arrays))
    except Exception as error:
        if not is_damage(error, file):
            raise
        whole = False
    if whole:
        return arrays
    aside = file.rename(file.with_name(f"{file.name}.damaged"))
    log.warning("%s is damaged: it is set aside as %s, and the fit starts anew", file, aside.name)
    return {}


def _state_digest(name: str, arrays: Mapping[str, Any]) -> NDArray[np.str_]:
    """Return the SHA-256 of all arrays and of the file's name, which identifies the fit."""
    digest = hashlib.sha256(name.encode())
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.array(digest.hexdigest())
