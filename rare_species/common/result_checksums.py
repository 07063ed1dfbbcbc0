"""Checksums of metrics and plots: each stage has one list, beside its plots."""

from __future__ import annotations

from pathlib import Path, PurePath

from rare_species.common.checksums import check_files, read_checksums, write_checksums
from rare_species.common.paths import Paths


def listed_metrics(stage: str) -> str:
    """Return the name of a stage's metrics in its list."""
    return f"../../{PurePath(Paths().metrics(stage)).as_posix()}"


def _list_folder(paths: Paths, stage: str) -> Path:
    """Return the folder of a stage's list; stage unzip has no plots and keeps it with its labels."""
    return paths.labels if stage == "unzip" else paths.plots(stage)


def write_result_checksums(stage: str, metrics: Path, plots: Path, *folders: Path) -> None:
    """Write the checksums of a stage's results; call it when they are complete.

    Args:
        stage: name of the stage.
        metrics: temporary place of its metrics file.
        plots: temporary folder of its plots, or of its labels; the list there includes the metrics.
        folders: other folders that it writes; each gets a list of its own.
    """
    write_checksums(plots, beside={listed_metrics(stage): metrics})
    for folder in folders:
        write_checksums(folder)


def check_results(paths: Paths, stage: str, *names: str) -> None:
    """Check that a stage's metrics, and some of its plots, have the bytes that it wrote.

    Args:
        paths: paths of the repository.
        stage: name of the stage.
        names: files to check, relative to the folder of its plots.

    Raises:
        UserError: when one is missing or changed.
    """
    check_files(_list_folder(paths, stage), listed_metrics(stage), *names)


def is_result(paths: Paths, stage: str, name: str) -> bool:
    """Return whether a stage wrote a plot of that name, or a file of that name exists."""
    return (paths.plots(stage) / name).is_file() or name in read_checksums(paths.plots(stage))
