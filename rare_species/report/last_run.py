"""Read the last run for the report: metrics, tables, parameters and the champion's metadata.

Needs no photos and no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rare_species.clean.metrics_file import CleanMetrics
from rare_species.common.csv_tables import read_table
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.read_params import PARAMS, load_params
from rare_species.common.result_checksums import check_results
from rare_species.common.validated_json import JsonFile, read_json_file
from rare_species.evaluate.champion_file import read_classifier
from rare_species.evaluate.metrics_file import read_evaluation
from rare_species.params.split import SplitParams
from rare_species.params.unzip import UnzipParams
from rare_species.split.metrics_file import SplitMetrics
from rare_species.unzip.metrics_file import UnzipMetrics

METRICS: Mapping[str, type[JsonFile]] = {  # stages whose metrics the page shows besides those of evaluate
    "unzip": UnzipMetrics,
    "clean": CleanMetrics,
    "split": SplitMetrics,
}
FAMILY_COLUMNS = ("family", "phylum", "train_images", "images", "precision", "recall", "f1", "confused_with")
PAIR_COLUMNS = ("family", "predicted", "images", "same_phylum")
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Params:
    """The sections of params.yaml that the page shows."""

    unzip: UnzipParams
    split: SplitParams


@dataclass(frozen=True)
class LastRun:
    """The last run of the pipeline, as read from the workspace.

    Attributes:
        evaluation: content of metrics/evaluate.json.
        metrics: metrics of the stages before training, by stage.
        params: the sections of params.yaml that the page shows.
        metadata: metadata of the champion; empty if models/ is missing, as in a fresh clone.
        families: the champion's metrics, one row per family with test photos, see `family_tables.family_table`.
        pairs: the families that the champion confuses, one row per pair.
        paths: the paths of the workspace, where pictures are found.
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
    def champion_metrics(self) -> Mapping[str, Any]:
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
        paths: the paths of the workspace.

    Returns:
        The run; its metadata is empty if models/ is missing.

    Raises:
        UserError: if stage evaluate has not run, or a file is missing or has changed since its stage wrote it.
    """
    evaluation = read_evaluation(paths)
    champion = evaluation["champion"]
    return LastRun(
        evaluation=evaluation,
        metrics={stage: _read_metrics(paths, stage) for stage in METRICS},
        params=load_params(paths.root / PARAMS, Params),
        metadata=_read_metadata(paths, champion),
        families=_read_rows(paths, f"{champion}/families.csv", FAMILY_COLUMNS),
        pairs=_read_rows(paths, f"{champion}/pairs.csv", PAIR_COLUMNS),
        paths=paths,
    )


def _read_metrics(paths: Paths, stage: str) -> Mapping[str, Any]:
    if stage != "unzip" or paths.labels.is_dir():  # unzip's list of checksums lies there; git does not track it
        check_results(paths, stage)
    return read_json_file(paths.metrics(stage), METRICS[stage]).model_dump(mode="json", exclude_unset=True)


def _read_metadata(paths: Paths, champion: str) -> Mapping[str, Any]:
    if not paths.champion.is_dir():
        return {}
    metadata = read_classifier(paths.champion).metadata
    if metadata.champion != champion:
        raise UserError(
            f"Expected {paths.champion} to be the champion of {paths.metrics('evaluate')}, {champion}. Received: "
            f"{metadata.champion}, of another run. Bring it back: dvc checkout; or run the pipeline: dvc repro"
        )
    return metadata.model_dump(mode="json")


def _read_rows(paths: Paths, name: str, columns: Sequence[str]) -> Rows:
    """Read the rows of a table that stage evaluate wrote."""
    check_results(paths, "evaluate", name)
    table = read_table(paths.plots("evaluate") / name, columns)
    return [{str(key): str(value) for key, value in row.items()} for row in table.to_dict("records")]
