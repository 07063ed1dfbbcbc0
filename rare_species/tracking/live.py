"""Record curves, confusion matrices and metrics with dvclive; the only module that imports it."""

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
from rare_species.common.staged_files import DECIMALS, rounded, write_json


@contextmanager
def live_log(folder: Path) -> Iterator[Live]:
    """Open a dvclive log that writes no dvc.yaml and saves no experiment: the pipeline already describes both.

    Args:
        folder: dvclive writes its plots below `folder`/plots. Its metrics.json is deleted when the log closes, because
            stages write their metrics with `write_metrics`.

    Raises:
        UserError: if the git repository has no commit; dvclive can't start then.
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


def log_epoch(live: Live, epoch: int, metrics: Mapping[str, float]) -> None:
    """Add one point to each curve; `val_loss` goes to the file val/loss.tsv.

    Args:
        live: the log.
        epoch: number of the epoch, counted from 0 as Keras does; the curves count from 1.
        metrics: value of each metric by name, such as `val_loss`.
    """
    live.step = epoch + 1
    for name, value in metrics.items():
        split, metric = name.split("_", 1)
        live.log_metric(f"{split}/{metric}", round(value, DECIMALS))


def log_confusion(live: Live, name: str, actual: NDArray[np.str_], predicted: NDArray[np.str_]) -> None:
    """Write a confusion matrix as data for `dvc plots`: one row per photo, with its true and its predicted family."""
    live.log_sklearn_plot("confusion_matrix", actual.tolist(), predicted.tolist(), name=name)


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics to a JSON file, rounded to a few decimals; see `staged_files.write_json`."""
    write_json(path, rounded(metrics))
