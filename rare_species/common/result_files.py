"""Checksums of what stages leave in git: those of a stage's plots and metrics lie in one list beside its plots."""

from __future__ import annotations

from pathlib import Path, PurePath

from rare_species.common.checksums import check_files, read_checksums, write_checksums
from rare_species.common.paths import Paths


def listed_metrics(stage: str) -> str:
    """How a stage's metrics are called in the list."""
    return f"../../{PurePath(Paths().metrics(stage)).as_posix()}"


def _list_folder(paths: Paths, stage: str) -> Path:
    """Where a stage's list lies; stage unzip has no plots."""
    return paths.labels if stage == "unzip" else paths.plots(stage)


def write_result_checksums(stage: str, metrics: Path, plots: Path, *folders: Path) -> None:
    """List a stage's results; call it when they are complete.

    Args:
        stage: its name.
        metrics: file of its metrics, where it is being written.
        plots: folder of its plots, likewise, or of its labels; the list there has the metrics too.
        folders: of what else it writes, which get a list each.
    """
    write_checksums(plots, beside={listed_metrics(stage): metrics})
    for folder in folders:
        write_checksums(folder)


def check_results(paths: Paths, stage: str, *names: str) -> None:
    """See that a stage's metrics, and tables or pictures among its plots, are as it wrote them.

    Args:
        paths: the repository.
        stage: its name.
        names: of files below the folder of its plots.

    Raises:
        UserError: when one is not, or is missing.
    """
    check_files(_list_folder(paths, stage), listed_metrics(stage), *names)


def is_result(paths: Paths, stage: str, name: str) -> bool:
    """Whether a stage wrote a plot of that name, or something of that name is there."""
    return (paths.plots(stage) / name).is_file() or name in read_checksums(paths.plots(stage))
