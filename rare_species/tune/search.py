"""Search the parameters of head and optimizer on cached features with Optuna."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import keras
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError
from tqdm import tqdm

from rare_species.common.cores import available_cores
from rare_species.common.errors import UserError
from rare_species.common.validated_types import reason
from rare_species.data.features import Features
from rare_species.fitting.callbacks import DivergedError, Fit, OnEpoch
from rare_species.fitting.fit_params import FitParams
from rare_species.fitting.training_loop import fit_head
from rare_species.params.tune import TuneParams, with_parameters
from rare_species.tune.trials import EPOCHS, NUMBER, Journal, finished, make_study, parameters_of, propose

log = logging.getLogger(__name__)
# hides a warning that each trial is traced again, which is necessary: each is another model
logging.getLogger("tensorflow").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Search:
    """The result of a search.

    Attributes:
        study: the trials, in order.
        trials: one row per trial: number, state, epochs, value and every parameter.
        best: parameters of the best trial, by dotted name.
        params: `tune.base` with the best parameters.
        head: a head that was fitted with these.
        fit: the fit of that head.
    """

    study: optuna.Study
    trials: pd.DataFrame
    best: dict[str, Any]
    params: FitParams
    head: keras.Model
    fit: Fit


def search(splits: dict[str, Features], n_classes: int, params: TuneParams, on_epoch: OnEpoch, journal: Path) -> Search:
    """Search, by default with TPE (Bergstra et al., 2011) and Hyperband pruning (Li et al., 2018).

    Trials run in threads that share the features. Nearly all of their time is spent in TensorFlow, which releases
    Python's lock.

    Args:
        splits: features of "train" and "val".
        n_classes: number of classes.
        params: section `tune`.
        on_epoch: called after each epoch of the final fit with its number, from 0, and its metrics.
        journal: file to which finished trials are written; a killed search continues from it.

    Returns:
        The search; the same arguments give the same result on any number of cores.

    Raises:
        UserError: when no trial was completed.
    """
    with TrialRunner(splits, n_classes, params, Journal(journal, params)) as runner:
        trials = runner.run()
    study = make_study(params)
    study.add_trials(trials)
    if not any(trial.state is TrialState.COMPLETE for trial in study.trials):
        journal.unlink()  # continuing from it would not help
        raise UserError(
            f"Expected at least one of {params.trials} trials to complete. Received: in each, the loss became NaN or "
            "infinite, or its parameters do not go together; the log says which. Lower "
            "tune.space.optimizer.learning_rate.high, or mend tune.space, in params.yaml."
        )
    best = parameters_of(study.best_trial, params.space)
    chosen = with_parameters(params.base, best)
    head, fit = fit_head(splits, n_classes, chosen, params.seed, on_epoch)
    return Search(study, _table(study.trials, params), best, chosen, head, fit)


class TrialRunner:
    """Runs the trials of a search in threads; leaving its context ends them all.

    Args:
        splits: features of "train" and "val".
        n_classes: number of classes.
        params: section `tune`.
        journal: the journal of finished trials.
    """

    def __init__(self, splits: dict[str, Features], n_classes: int, params: TuneParams, journal: Journal) -> None:
        self._splits, self._n_classes, self._params, self._journal = splits, n_classes, params, journal
        self._threads = ThreadPoolExecutor(min(params.concurrent_trials, available_cores()))
        self._stopped, self._writing = threading.Event(), threading.Lock()
        self._proposed: list[FrozenTrial] = []
        self._futures: list[Future[FrozenTrial]] = []

    def __enter__(self) -> TrialRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._threads.shutdown(cancel_futures=True)

    def run(self) -> list[FrozenTrial]:
        """Run the trials that the journal lacks, and return all; stop early when a grid is exhausted."""
        known = self._journal.read()
        if known:
            log.info("going on after %d of %d trials", len(known), self._params.trials)
        with closing(tqdm(total=self._params.trials, desc="tune", unit="trial", mininterval=1.0)) as bar:
            for number in range(self._params.trials):
                earlier = self._earlier_trials(number)
                trial = propose(earlier, self._params)
                frozen = trial.study.trials[number]
                if self._params.sampler == "grid" and any(frozen.params == one.params for one in self._proposed):
                    log.info("all %d points of the grid are tried", number)
                    break
                self._proposed.append(frozen)
                twins = (one for one in earlier if one.state is TrialState.COMPLETE and one.params == frozen.params)
                self._futures.append(self._start(trial, known.get(number), next(twins, None)))
                self._futures[-1].add_done_callback(lambda _: bar.update())
            return [future.result() for future in self._futures]

    def _earlier_trials(self, number: int) -> list[FrozenTrial]:
        """Return the earlier trials: as they ended, or only as proposed where this trial must not know the result."""
        known = max(0, number + 1 - self._params.concurrent_trials)
        return [future.result() for future in self._futures[:known]] + self._proposed[known:]

    def _start(self, trial: optuna.Trial, known: FrozenTrial | None, twin: FrozenTrial | None) -> Future[FrozenTrial]:
        if known is None or known.params != trial.params:
            return self._threads.submit(self._run_trial, trial, twin)
        future: Future[FrozenTrial] = Future()
        future.set_result(known)
        return future

    def _run_trial(self, trial: optuna.Trial, twin: FrozenTrial | None) -> FrozenTrial:
        """Run a trial; one with the parameters of an earlier trial takes over its metrics: all share one seed."""
        started, objective = datetime.now(), self._params.objective

        def follow(epoch: int, metrics: Mapping[str, float]) -> None:
            if self._stopped.is_set():
                raise _StoppedError
            trial.report(metrics[objective], epoch + 1)
            if trial.should_prune():
                raise optuna.TrialPruned

        try:
            value = self._replay(trial, twin, follow) if twin else self._fit(trial, follow)
            ended = finished(trial, started, TrialState.COMPLETE, value)
        except optuna.TrialPruned:
            reports = trial.study.trials[trial.number].intermediate_values
            ended = finished(trial, started, TrialState.PRUNED, reports[max(reports)])
        except (DivergedError, ValidationError) as error:
            why = reason(error.errors()[0]) if isinstance(error, ValidationError) else error
            log.warning("trial %d: %s", trial.number, why)
            ended = finished(trial, started, TrialState.FAIL, None)
        with self._writing:
            self._journal.add(ended)
        _report(ended)
        return ended

    def _replay(self, trial: optuna.Trial, twin: FrozenTrial, follow: OnEpoch) -> float:
        log.info("trial %d has the parameters of trial %d", trial.number, twin.user_attrs[NUMBER])
        for epochs, value in twin.intermediate_values.items():
            follow(epochs - 1, {self._params.objective: value})
        return float(twin.values[0])

    def _fit(self, trial: optuna.Trial, follow: OnEpoch) -> float:
        """Return the objective at the epoch whose weights the trial keeps."""
        objective, base = self._params.objective, self._params.base
        metrics = {name.removeprefix("val_") for name in (objective, base.early_stopping.monitor, "val_loss")}
        _, fit = fit_head(
            self._splits,
            self._n_classes,
            with_parameters(base, parameters_of(trial.study.trials[trial.number], self._params.space)),
            self._params.seed,
            follow,
            scored=["val"],
            metrics=sorted(metrics),
            show_progress=False,
        )
        return fit.best[objective]


class _StoppedError(Exception):
    """Raised in trials when the search ends."""


def _table(trials: Sequence[FrozenTrial], params: TuneParams) -> pd.DataFrame:
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "epochs": trial.user_attrs[EPOCHS],
            params.objective: trial.value,
            **parameters_of(trial, params.space),
        }
        for trial in trials
    ]
    return pd.DataFrame(rows)


def _report(trial: FrozenTrial) -> None:
    value = "-" if trial.value is None else f"{trial.value:.4f}"
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    log.info(
        "trial %d %s after %d epochs, %.1f s: %s",
        trial.user_attrs[NUMBER],
        trial.state.name.lower(),
        trial.user_attrs[EPOCHS],
        seconds,
        value,
    )
