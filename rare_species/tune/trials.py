"""Trials of a search: how the next is chosen, when one is pruned, and the journal of finished trials.

Trial n is chosen and pruned by the results of trials 0 to n - `tune.concurrent_trials`; of later trials only the
parameters are used. A search therefore gives the same result with one thread or many, and after being killed.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.storages.journal import BaseJournalBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from rare_species.params.search_space import Choices, Distribution, Layers, Range
from rare_species.params.tune import TuneParams

log = logging.getLogger(__name__)
STUDY_NAME = "tune"  # Hyperband derives brackets from this name: another name gives another search
NUMBER = "number"  # key of a trial's number in the journal, which lists trials in the order of their ends
EPOCHS = "epochs"
optuna.logging.set_verbosity(optuna.logging.ERROR)  # it would log every study, and diverged trials with a traceback


def propose(earlier: Sequence[FrozenTrial], params: TuneParams) -> optuna.Trial:
    """Choose the parameters of the next trial.

    Args:
        earlier: all earlier trials: as they ended, or only as proposed where their results must not be used.
        params: section `tune`.

    Returns:
        The trial; its `should_prune`, too, uses only these earlier trials.
    """
    study = make_study(params, np.random.SeedSequence([params.seed, len(earlier)]).generate_state(1)[0])
    study.add_trials(earlier)
    trial = study.ask()
    counts: dict[str, int] = {}
    leaders_first = sorted(
        params.space, key=lambda parameter: getattr(params.space[parameter], "as_many_as", None) is not None
    )
    for parameter in leaders_first:
        counts[parameter] = _suggest(trial, parameter, params.space[parameter], counts)
    return trial


def make_study(params: TuneParams, seed: int = 0) -> optuna.Study:
    """Make an empty study in memory, with the chosen sampler and pruner."""
    pruning = params.pruning
    pruner = optuna.pruners.HyperbandPruner(
        min_resource=min(pruning.min_epochs, params.base.epochs),
        max_resource=params.base.epochs,
        reduction_factor=pruning.factor,
    )
    return optuna.create_study(
        study_name=STUDY_NAME,
        sampler=_sampler(params.sampler, int(seed)),
        pruner=pruner if pruning.name == "hyperband" else optuna.pruners.NopPruner(),
        direction=_direction(params),
    )


def _direction(params: TuneParams) -> str:
    return "minimize" if params.objective.endswith("loss") else "maximize"


def parameters_of(trial: FrozenTrial, space: Mapping[str, Distribution]) -> dict[str, Any]:
    """Return the values of a trial by dotted name, for `params.tune.with_parameters`."""
    found = {}
    for parameter, distribution in space.items():
        if isinstance(distribution, Layers):
            layers = distribution.layers(parameter)
            found[parameter] = [_value(each, trial.params[name]) for name, each in layers if name in trial.params]
        else:
            found[parameter] = _value(distribution, trial.params[parameter])
    return found


def finished(trial: optuna.Trial, started: datetime, state: TrialState, value: float | None) -> FrozenTrial:
    """Return a finished trial.

    Args:
        trial: the proposed trial, with its reports.
        started: time at which it started.
        state: complete, pruned or fail.
        value: value of the objective; None for a failed trial.
    """
    frozen = trial.study.trials[trial.number]
    frozen.state, frozen.datetime_start, frozen.datetime_complete = state, started, datetime.now()
    frozen.values = None if value is None else [value]
    frozen.user_attrs = {NUMBER: trial.number, EPOCHS: len(frozen.intermediate_values)}
    return frozen


class Journal:
    """The finished trials of a search, on disk, from which another process can continue the search.

    Args:
        file: the journal, which is created if it does not exist.
        params: section `tune`.
    """

    def __init__(self, file: Path, params: TuneParams) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._study = optuna.create_study(
            study_name=STUDY_NAME,
            storage=JournalStorage(_CheckedLines(file)),
            direction=_direction(params),
            load_if_exists=True,
        )

    def read(self) -> dict[int, FrozenTrial]:
        """Return the trials by number."""
        return {trial.user_attrs[NUMBER]: trial for trial in self._study.trials}

    def add(self, trial: FrozenTrial) -> None:
        """Write a finished trial."""
        self._study.add_trial(trial)


class _CheckedLines(BaseJournalBackend):
    """A journal backend with one operation of Optuna per line, after a CRC-32 of the file's name and all lines so far.

    The checksums reveal changed, lost and moved lines, and the intact lines before them can still be used. Optuna's own
    backend fails at a damaged line, accepts a changed one, and waits forever for the lock of a killed process
    (https://github.com/optuna/optuna/pull/5971). Only one thread of one process writes at a time here.

    Args:
        file: the journal, which is created if it does not exist; it is cut at the first damaged line.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._crc32 = file, zlib.crc32(file.name.encode())
        self._operations: list[dict[str, Any]] = []
        data = file.read_bytes() if file.is_file() else b""
        whole = 0
        for line in data.splitlines(keepends=True):
            checksum, _, text = line.partition(b" ")
            if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text, self._crc32):
                break
            self._crc32, whole = zlib.crc32(text, self._crc32), whole + len(line)
            self._operations.append(json.loads(text))
        if b"\n" in data[whole:]:  # otherwise it is just the line that a killed process was writing
            lines = len(self._operations)
            log.warning("%s is damaged on line %d: the search goes on from what is before it", file, lines + 1)
        with file.open("ab") as stream:
            stream.truncate(whole)

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Return the operations from this number on."""
        return self._operations[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations and flush them to the disk."""
        with self._file.open("ab") as stream:
            for operation in logs:
                text = json.dumps(operation, separators=(",", ":")).encode() + b"\n"
                self._crc32 = zlib.crc32(text, self._crc32)
                stream.write(b"%08x " % self._crc32 + text)
                self._operations.append(operation)
            stream.flush()
            os.fsync(stream.fileno())


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    if name == "grid":
        with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
            return optuna.samplers.BruteForceSampler(seed=seed)  # a grid that allows conditional parameters
    if name == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return optuna.samplers.RandomSampler(seed=seed)


def _suggest(trial: optuna.Trial, parameter: str, distribution: Distribution, counts: Mapping[str, int]) -> int:
    """Draw one parameter, and return how many layers it has; 1 if it is no list of layers."""
    if isinstance(distribution, Layers):
        count = counts[distribution.as_many_as] if distribution.as_many_as else len(distribution.each)
        for name, depth in distribution.depth(parameter):
            count = trial.suggest_int(name, int(depth.low), int(depth.high))
        for name, each in distribution.layers(parameter)[:count]:
            _suggest_one(trial, name, each)
        return count
    _suggest_one(trial, parameter, distribution)
    return 1


def _suggest_one(trial: optuna.Trial, name: str, distribution: Range | Choices) -> None:
    if isinstance(distribution, Choices):
        trial.suggest_categorical(name, distribution.texts)
    elif distribution.type == "int":
        low, high, step = int(distribution.low), int(distribution.high), int(distribution.step or 1)
        trial.suggest_int(name, low, high, step=step, log=distribution.log)
    else:
        trial.suggest_float(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


def _value(distribution: Range | Choices, value: Any) -> Any:
    return distribution.choices[distribution.texts.index(value)] if isinstance(distribution, Choices) else value
