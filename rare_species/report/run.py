"""What the report reads: metrics, tables, knobs and the champion's metadata; no photos and no TensorFlow."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rare_species.errors import UserError
from rare_species.files import read_json
from rare_species.params import SplitParams, UnzipParams
from rare_species.params_file import load_params
from rare_species.paths import Paths

STAGES = ("unzip", "clean", "split")  # whose metrics the page shows next to those of evaluate
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml that the page shows."""

    unzip: UnzipParams
    split: SplitParams


@dataclass(frozen=True)
class LastRun:
    """One run of the pipeline as it lies in the workspace.

    Attributes:
        evaluation: metrics/evaluate.json.
        metrics: metrics of the stages before training; empty where a stage's file is not there.
        params: from params.yaml.
        metadata: of the champion; empty where models/ is not there, as in a fresh clone.
        families: of the champion, one row per family with test photos, see `scores.family_table`; empty likewise.
        pairs: one row per pair of confused families, likewise.
        paths: where pictures are.
    """

    evaluation: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Any]]
    params: Params
    metadata: Mapping[str, Any]
    families: Rows
    pairs: Rows
    paths: Paths

    @property
    def champion(self) -> str:
        """Name of the better candidate, "train" or "tune"."""
        return str(self.evaluation["champion"])

    @property
    def scores(self) -> Mapping[str, Any]:
        """The champion's part of metrics/evaluate.json."""
        found: Mapping[str, Any] = self.evaluation[self.champion]
        return found

    @property
    def candidates(self) -> list[str]:
        """Names of all candidates, the champion first."""
        others = [name for name in self.evaluation if name not in ("champion", self.champion)]
        return [self.champion, *others]


def read_last_run(paths: Paths) -> LastRun:
    """Read the last run.

    Args:
        paths: the repository.

    Returns:
        The run; what is not there is left empty, but metrics/evaluate.json has to be.

    Raises:
        UserError: when evaluate has not run, or a file is not what the pipeline writes.
    """
    file = paths.metrics("evaluate")
    if not file.is_file():
        raise UserError(f"Expected {file}. Received: no such file. Run the pipeline first: make repro")
    evaluation = _read(file)
    champion = evaluation.get("champion") if isinstance(evaluation, dict) else None
    if not isinstance(champion, str) or champion not in evaluation:
        raise UserError(
            f"Expected {file} to name a champion and its scores. Received: champion {champion!r}. "
            "Run that stage again: dvc repro --force evaluate"
        )
    folder = paths.plots("evaluate") / champion
    return LastRun(
        evaluation=evaluation,
        metrics={stage: _read_if_there(paths.metrics(stage)) for stage in STAGES},
        params=load_params(paths.root / "params.yaml", Params),
        metadata=_read_if_there(paths.model("champion") / "metadata.json"),
        families=_read_rows(folder / "families.csv"),
        pairs=_read_rows(folder / "pairs.csv"),
        paths=paths,
    )


def _read_if_there(file: Path) -> Mapping[str, Any]:
    return _read(file) if file.is_file() else {}


def _read(file: Path) -> Any:
    try:
        return read_json(file)
    except ValueError as error:
        raise UserError(
            f"Expected JSON in {file}. Received: {error}. Bring it back: git checkout HEAD -- {file}; or run the "
            "stage that writes it: dvc repro"
        ) from error


def _read_rows(file: Path) -> Rows:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
