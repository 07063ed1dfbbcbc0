"""Curves, confusion matrices and metrics through dvclive; the only module that knows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from dvclive import Live
from numpy.typing import NDArray
from scmrepo.exceptions import SCMError

from rare_species.common.errors import UserError
from rare_species.common.files import DECIMALS, rounded, write_json


@contextmanager
def live_log(folder: Path) -> Iterator[Live]:
    """Open a log that leaves dvc.yaml and the experiment alone: the pipeline already describes them.

    Args:
        folder: dvclive writes its plots below `folder`/plots; its metrics.json is taken out, see `write_metrics`.

    Raises:
        UserError: in a git repository without a commit, where dvclive can't start.
    """
    logging.getLogger("dvclive").setLevel(logging.WARNING)
    try:
        opened = Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False)
    except SCMError as error:
        raise UserError(
            f"Expected a git repository with a commit. Received: {error}. Make one: git add --all; git commit -m start"
        ) from error
    with opened as live:
        yield live
    (folder / "metrics.json").unlink(missing_ok=True)


def log_epoch(live: Live, epoch: int, scores: Mapping[str, float]) -> None:
    """Add one point to each curve; `val_loss` goes to the file val/loss.tsv.

    Args:
        live: the log.
        epoch: counted from 0, as Keras does; the curves count from 1.
        scores: by name, such as `val_loss`.
    """
    live.step = epoch + 1
    for name, value in scores.items():
        split, metric = name.split("_", 1)
        live.log_metric(f"{split}/{metric}", round(value, DECIMALS))


def log_confusion(live: Live, name: str, actual: NDArray[np.str_], predicted: NDArray[np.str_]) -> None:
    """Write a confusion matrix as data for `dvc plots`: one row per photo, true and predicted family."""
    live.log_sklearn_plot("confusion_matrix", actual.tolist(), predicted.tolist(), name=name)


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics with few decimals; see `files.write_json`."""
    write_json(path, rounded(metrics))
