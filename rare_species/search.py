"""Search the head's knobs on cached features with Optuna, and keep what every trial gave."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import keras
import optuna
import pandas as pd

from rare_species.callbacks import DivergedError, Fit, OnEpoch
from rare_species.datasets import Features
from rare_species.errors import UserError
from rare_species.search_space import Choices, Distribution
from rare_species.training import fit_head
from rare_species.training_params import FitParams, TuneParams, with_knobs

STUDY_NAME = "tune"  # Hyperband assigns brackets from this name: another name, another search
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """What came of a search.

    Attributes:
        trials: one row per trial: number, state, epochs, value and every knob.
        best: knobs of the best trial, by dotted name.
        params: `tune.base` with those knobs.
        head: the best trial's head, fitted again.
        fit: its fit.
    """

    trials: pd.DataFrame
    best: dict[str, Any]
    params: FitParams
    head: keras.Model
    fit: Fit


def search(splits: dict[str, Features], n_classes: int, params: TuneParams, on_epoch: OnEpoch) -> Search:
    """Search with TPE (Bergstra et al., 2011) and Hyperband pruning (Li et al., 2018).

    Args:
        splits: "train" and "val".
        n_classes: families.
        params: space, base, trials and objective.
        on_epoch: called with each epoch of the final fit and its scores.

    Returns:
        The search; the same arguments give the same one.

    Raises:
        UserError: when no trial came to an end.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it warns of a diverged trial with a traceback; _report has it
    study = optuna.create_study(
        study_name=STUDY_NAME,
        sampler=optuna.samplers.TPESampler(seed=params.seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=2, max_resource=params.base.epochs),
        direction="minimize" if params.objective.endswith("loss") else "maximize",
    )
    study.optimize(
        lambda trial: _try(trial, splits, n_classes, params),
        n_trials=params.trials,
        catch=(DivergedError,),
        callbacks=[_report],
    )
    if not any(trial.state is optuna.trial.TrialState.COMPLETE for trial in study.trials):
        raise UserError(
            f"Expected one of {params.trials} trials to come to an end. Received: the loss became NaN or infinite in "
            "all. Lower tune.space.optimizer.learning_rate.high in params.yaml."
        )
    best = {knob: _choice(params.space[knob], value) for knob, value in study.best_params.items()}
    chosen = with_knobs(params.base, best)
    head, fit = fit_head(splits, n_classes, chosen, params.seed, on_epoch)
    return Search(_table(study, params), best, chosen, head, fit)


def _try(trial: optuna.Trial, splits: dict[str, Features], n_classes: int, params: TuneParams) -> float:
    """Fit one head; a trial is judged at the epoch whose weights it would keep."""
    knobs = {name: _suggest(trial, name, distribution) for name, distribution in params.space.items()}

    def follow(epoch: int, scores: dict[str, float]) -> None:
        trial.report(scores[params.objective], epoch + 1)
        trial.set_user_attr("epochs", epoch + 1)
        if trial.should_prune():
            raise optuna.TrialPruned

    keras.backend.clear_session()
    _, fit = fit_head(splits, n_classes, with_knobs(params.base, knobs), params.seed, follow, scored=["val"])
    return fit.best[params.objective]


def _suggest(trial: optuna.Trial, name: str, distribution: Distribution) -> Any:
    if isinstance(distribution, Choices):
        return _choice(distribution, trial.suggest_categorical(name, range(len(distribution.choices))))
    if distribution.type == "int":
        return trial.suggest_int(name, int(distribution.low), int(distribution.high), log=distribution.log)
    return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def _choice(distribution: Distribution, value: Any) -> Any:
    """Optuna stores choices by position, as a list is none of its own types."""
    return distribution.choices[value] if isinstance(distribution, Choices) else value


def _table(study: optuna.Study, params: TuneParams) -> pd.DataFrame:
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "epochs": trial.user_attrs.get("epochs", 0),
            params.objective: trial.value,
            **{knob: _choice(params.space[knob], value) for knob, value in trial.params.items()},
        }
        for trial in study.trials
    ]
    return pd.DataFrame(rows)


def _report(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    value = "-" if trial.value is None else f"{trial.value:.4f}"
    log.info(
        "trial %d %s after %d epochs, %s",
        trial.number,
        trial.state.name.lower(),
        trial.user_attrs.get("epochs", 0),
        value,
    )
    del study
