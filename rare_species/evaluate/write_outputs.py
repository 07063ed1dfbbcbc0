"""What stage evaluate writes of a classifier: tables and pictures, whose names and sizes are the same for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from rare_species.common.csv_tables import write_csv
from rare_species.evaluate.figures import FIGURES
from rare_species.evaluate.measured_classifier import MeasuredClassifier
from rare_species.figures.style import save_figure
from rare_species.metrics import family_tables
from rare_species.params.evaluate import EvaluateParams
from rare_species.tracking.live import live_log, log_confusion

TABLES: Mapping[str, Callable[[MeasuredClassifier], pd.DataFrame]] = {
    "predictions.csv": lambda measured: measured.table,
    "families.csv": lambda measured: measured.families,
    "pairs.csv": lambda measured: measured.pairs,
    "reliability.csv": lambda measured: pd.concat(measured.reliability, names=["probabilities"]).reset_index(
        "probabilities"
    ),
    "risk_coverage.csv": lambda measured: measured.risk_coverage,
    "conditions.csv": lambda measured: measured.conditions,
}


def write_plots(measured: MeasuredClassifier, folder: Path, params: EvaluateParams) -> None:
    """Write all tables and pictures but those that the network itself is needed for."""
    folder.mkdir(exist_ok=True)
    for name, table in TABLES.items():
        write_rounded(folder / name, table(measured))
    for name, draw in FIGURES.items():
        save_figure(draw(measured, params), folder / name)
    _log_confusion(measured, folder, params.confused_families)


def write_rounded(path: Path, table: pd.DataFrame) -> None:
    """Write a table for people and for `dvc plots`, numbers to six digits."""
    write_csv(path, table, index=False, float_format="%.6g")


def _log_confusion(measured: MeasuredClassifier, folder: Path, limit: int) -> None:
    """Let dvclive record the confusion matrix of all families, and that of the most confused."""
    table, worst = measured.table, measured.predictions.families[family_tables.most_confused(measured.confusion, limit)]
    inside = table[table["family"].isin(worst) & table["predicted"].isin(worst)]
    with live_log(folder) as live:
        for name, rows in {"confusion": table, "most_confused": inside}.items():
            log_confusion(live, name, rows["family"].to_numpy(), rows["predicted"].to_numpy())
