"""What happens between the epochs of a fit: scores, stopping, and a state on disk from which it can go on."""

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

from rare_species.common.arrays import Labels, Probabilities
from rare_species.common.files import staged
from rare_species.data.npz import is_damage
from rare_species.fitting.parameters import FitParams
from rare_species.metrics.registry import EPOCH_METRICS, epoch_metrics
from rare_species.networks.inference import inference

log = logging.getLogger(__name__)
OnEpoch = Callable[[int, dict[str, float]], None]
Scored = tuple[Labels, Iterable[tf.Tensor]]


class DivergedError(Exception):
    """The loss became NaN or infinite.

    Attributes:
        knob: of train that set the rate.
    """

    knob = "optimizer.learning_rate"

    def __init__(self, epoch: int, learning_rate: float) -> None:
        super().__init__(f"the loss became NaN or infinite in epoch {epoch + 1} at learning rate {learning_rate:g}")


@dataclass
class Fit:
    """What came of a fit.

    Attributes:
        history: one row per epoch, columns such as `val_loss`.
        best_epoch: whose weights the model holds, counted from 1.
        earlier_epochs: those of the fit that this one went on from.
    """

    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    best_epoch: int = 1
    earlier_epochs: int = 0

    @property
    def best(self) -> dict[str, float]:
        """Scores of the best epoch."""
        return self.rows[self.best_epoch - 1]

    @property
    def rows(self) -> list[dict[str, float]]:
        """Scores of every epoch."""
        return [{str(name): float(value) for name, value in row.items()} for _, row in self.history.iterrows()]


class EpochScores(keras.callbacks.Callback):
    """Score splits after every epoch without dropout, and hand the scores to the callbacks that follow.

    Args:
        network: gives logits; traced once for the whole fit.
        scored: by split, the labels and input batches in their order.
        on_epoch: called with each epoch, from 0, and its scores; epochs of `before` come first.
        monitor: the score that tells the best epoch.
        before: an earlier fit that this one goes on from.
        metrics: to compute, see `registry.epoch_metrics`.
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
        """Score, refuse a diverged model, report."""
        self._check_finite(epoch, (logs or {}).get("loss", 0.0))
        row: dict[str, float] = {}
        for split, (labels, batches) in self._scored.items():
            probabilities = np.concatenate([self._probabilities(epoch, batch) for batch in batches])
            scores = epoch_metrics(labels, probabilities, self._metrics)
            row |= {f"{split}_{name}": value for name, value in scores.items()}
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
        """Take the scores of one more epoch."""
        self._on_epoch(len(self.rows), row)
        self.rows.append(row)

    @property
    def fit(self) -> Fit:
        """The history so far; its best epoch is the first with the best monitored score."""
        history = pd.DataFrame(self.rows)
        scores = history[self._monitor].to_numpy(np.float32)  # as Keras compares them when it keeps the best weights
        best = scores.argmin() if self._monitor.endswith("loss") else scores.argmax()
        return Fit(history, 1 + int(best), self._earlier_epochs)


class BatchProgress(keras.callbacks.Callback):
    """Move a bar from batch to batch, for fits whose epochs take long.

    Args:
        bar: counts batches of all epochs.
        steps: batches per epoch.
    """

    def __init__(self, bar: tqdm[Any], steps: int) -> None:
        super().__init__()
        self._bar, self._steps, self._before = bar, steps, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the batches of earlier epochs."""
        del logs
        self._before = epoch * self._steps

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move on."""
        del logs
        self._bar.update(self._before + min(batch + 1, self._steps) - self._bar.n)


class Checkpoint(keras.callbacks.Callback):
    """Write the whole state of a fit after every epoch that another one follows, and go on from the last one written.

    The state is that of the model, of its random layers and of its optimizer, the weights of the best epoch, and all
    scores. What stops a fit or lowers its rate is shown the scores again. So a fit that was killed ends as one that
    was not, if its batches depend on nothing but the epoch.

    Must come after the callbacks that change the model at an epoch's begin.

    Args:
        file: to write to and go on from; None to do neither.
        scoring: whose scores are kept.
        stopping: keeps the best weights.
        others: callbacks that look at scores besides.
        before: an earlier fit, whose best weights the model holds.
    """

    def __init__(
        self,
        file: Path | None,
        scoring: EpochScores,
        stopping: keras.callbacks.EarlyStopping,
        others: Sequence[keras.callbacks.Callback] = (),
        before: Fit | None = None,
    ) -> None:
        super().__init__()
        self._file, self._scoring, self._stopping, self._judges = file, scoring, stopping, [stopping, *others]
        self._judged = [before.best] if before and len(before.history) else []
        self._saved = _read_state(file) if file and file.is_file() else {}
        self._rows: list[dict[str, float]] = json.loads(str(self._saved["rows"])) if self._saved else []

    @property
    def first_epoch(self) -> int:
        """The epoch to go on with, from 0."""
        return len(self._rows)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Put everything back as it was."""
        del logs
        for epoch, row in [*((0, row) for row in self._judged), *enumerate(self._rows)]:
            for judge in self._judges:
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
        """Write what the epochs before this one have come to."""
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
    """Stop when the monitored score no longer improves; the weights of the best epoch are restored."""
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
    """The arrays of a checkpoint; none when it is not whole: it is set aside, and the fit starts anew."""
    try:
        with file.open("rb") as stream, np.load(stream) as stored:  # NumPy itself leaves a damaged file open
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
    """SHA-256 of all arrays, and of the file's name, which says what it is a state of."""
    digest = hashlib.sha256(name.encode())
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.array(digest.hexdigest())
