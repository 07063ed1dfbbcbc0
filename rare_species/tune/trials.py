"""Trials of a search: what the next one tries, when it is pruned, and a journal of those that are over.

Trial n is chosen, and pruned, by what trials 0 to n - `tune.concurrent_trials` came to; of those after them it is known
only what they try. So a search comes to the same with one thread or many, and so does one that was killed and goes on.
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
STUDY_NAME = "tune"  # Hyperband assigns brackets from this name: another name, another search
NUMBER = "number"  # under which a trial's number is kept in the journal, where trials stand as they ended
EPOCHS = "epochs"
optuna.logging.set_verbosity(optuna.logging.ERROR)  # it tells of every study, and of diverged trials with a traceback


def propose(earlier: Sequence[FrozenTrial], params: TuneParams) -> optuna.Trial:
    """Choose the parameters of the next trial.

    Args:
        earlier: all trials before it; of those that it may not know, as they were proposed.
        params: space, sampler and seed.

    Returns:
        The trial; its `should_prune` too knows only the earlier ones.
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
    """An empty study in memory, with the sampler and the pruner that `params` name."""
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
    """Values by dotted name, as `tune.with_parameters` takes them."""
    found = {}
    for parameter, distribution in space.items():
        if isinstance(distribution, Layers):
            layers = distribution.layers(parameter)
            found[parameter] = [_value(each, trial.params[name]) for name, each in layers if name in trial.params]
        else:
            found[parameter] = _value(distribution, trial.params[parameter])
    return found


def finished(trial: optuna.Trial, started: datetime, state: TrialState, value: float | None) -> FrozenTrial:
    """The trial as it ended.

    Args:
        trial: as proposed, with its reports.
        started: when a thread took it up.
        state: complete, pruned or fail.
        value: of the objective; None of one that failed.
    """
    frozen = trial.study.trials[trial.number]
    frozen.state, frozen.datetime_start, frozen.datetime_complete = state, started, datetime.now()
    frozen.values = None if value is None else [value]
    frozen.user_attrs = {NUMBER: trial.number, EPOCHS: len(frozen.intermediate_values)}
    return frozen


class Journal:
    """The trials of one search that are over, on disk; another process of the same search reads them.

    Args:
        file: made if it is not there.
        params: of the search.
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
        """Trials by number."""
        return {trial.user_attrs[NUMBER]: trial for trial in self._study.trials}

    def add(self, trial: FrozenTrial) -> None:
        """Write one that is over."""
        self._study.add_trial(trial)


class _CheckedLines(BaseJournalBackend):
    """Optuna's operations, one a line, each behind a CRC-32 of the file's name and of all lines up to it.

    So what was changed, lost or moved is seen, and what is whole before it can be used. Optuna's own backend would
    stop at a damaged line, take over a changed one, and wait without end for the lock that a killed process left
    (https://github.com/optuna/optuna/pull/5971); here one thread of one process writes at a time.

    Args:
        file: made if it is not there; what is damaged is cut off.
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
        if b"\n" in data[whole:]:  # else it is what a process was writing when it was killed
            lines = len(self._operations)
            log.warning("%s is damaged on line %d: the search goes on from what is before it", file, lines + 1)
        with file.open("ab") as stream:
            stream.truncate(whole)

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Operations from that number on."""
        return self._operations[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations, and see that they are on the disk."""
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
            return optuna.samplers.BruteForceSampler(seed=seed)  # a grid for conditional parameters too
    if name == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return optuna.samplers.RandomSampler(seed=seed)


def _suggest(trial: optuna.Trial, parameter: str, distribution: Distribution, counts: Mapping[str, int]) -> int:
    """Draw one parameter; of layers, return how many there are."""
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
