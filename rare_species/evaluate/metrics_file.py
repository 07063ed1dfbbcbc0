"""The schema of metrics/evaluate.json, and how the file is written and read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, NonNegativeFloat, PositiveFloat, model_validator

from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.result_checksums import check_results
from rare_species.common.staged_files import rounded
from rare_species.common.validated_json import JsonFile, read_json_file, write_json_file
from rare_species.common.validated_types import Fraction, PositiveFraction
from rare_species.metrics.registry import find_metric

CandidateName = Literal["train", "tune"]
TOP_K = re.compile(r"top\d+_accuracy")
SHOWN = ("accuracy", "macro_f1", "macro_auc", "loss")  # metrics in the summary and in the report


def top_k_names(metrics: Mapping[str, float]) -> list[str]:
    """Return the names of top-k accuracies, whatever k is."""
    return [name for name in metrics if TOP_K.fullmatch(name)]


def _check_metrics(metrics: dict[str, float]) -> dict[str, float]:
    """Check that what is shown is there, and that every value is within the bounds of its metric."""
    missing = [name for name in SHOWN if name not in metrics]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    if len(top_k_names(metrics)) != 1:
        raise ValueError(f"one top-k accuracy is expected, and there are {len(top_k_names(metrics))}")
    for name, value in metrics.items():
        low, high = _bounds(name)
        if not low <= value <= high:
            allowed = f"from {low:g} to {high:g}" if math.isfinite(high) else f"at least {low:g}"
            raise ValueError(f"{name} must be {allowed}, and is {value}")
    return metrics


def _bounds(name: str) -> tuple[float, float]:
    metric = find_metric(name)
    if metric is None:
        raise ValueError(f"{name} is no metric")
    return metric.bounds


Metrics = Annotated[dict[str, float], AfterValidator(_check_metrics)]


class Interval(JsonFile):
    """A 95 % interval."""

    low: float
    high: float

    @model_validator(mode="after")
    def _check(self) -> Interval:
        if self.low > self.high:
            raise ValueError(f"low must be at most high, and is {self.low} above {self.high}")
        return self


class Gap(JsonFile):
    """Macro F1 lost from one split to the next."""

    train_val: float
    val_test: float


class CalibrationErrors(JsonFile):
    """Calibration error and loss before and after temperature scaling."""

    ece: Fraction
    ece_calibrated: Fraction
    loss: NonNegativeFloat
    loss_calibrated: NonNegativeFloat


class CalibrationMetrics(JsonFile):
    """The temperature and its effect."""

    temperature: PositiveFloat
    val: CalibrationErrors
    test: CalibrationErrors


class SelectiveAnswers(JsonFile):
    """See `calibration.selective_metrics`."""

    answered: Fraction
    precision: Fraction
    phylum_precision: Fraction | None = None
    right: Fraction | None = None


class SelectiveMetrics(JsonFile):
    """The threshold for family answers and its effect."""

    threshold: PositiveFraction | None  # None where no probability is high enough
    target_precision: PositiveFraction
    val: SelectiveAnswers
    test: SelectiveAnswers


class RiskCoverageMetrics(JsonFile):
    """See `calibration.risk_coverage_metrics`."""

    aurc: Fraction
    accuracy_at_80: Fraction


class CandidateMetrics(JsonFile):
    """See `candidate_metrics.evaluate_predictions`."""

    train: Metrics
    val: Metrics
    test: Metrics
    test_95: dict[str, Interval]
    known_phylum: Metrics | None = None
    gap: Gap
    calibration: CalibrationMetrics
    selective: SelectiveMetrics
    risk_coverage: RiskCoverageMetrics

    @model_validator(mode="after")
    def _check(self) -> CandidateMetrics:
        if "macro_f1" not in self.test_95:
            raise ValueError("test_95.macro_f1 is missing")
        return self


class Evaluation(JsonFile):
    """metrics/evaluate.json: the champion, chosen by macro F1 on validation, and all metrics of the candidates."""

    champion: CandidateName
    train: CandidateMetrics | None = None
    tune: CandidateMetrics | None = None

    @model_validator(mode="after")
    def _check(self) -> Evaluation:
        if getattr(self, self.champion) is None:
            raise ValueError(f"champion is {self.champion}, of which there are no metrics")
        candidates = [candidate for candidate in (self.train, self.tune) if candidate]
        splits = [metrics for candidate in candidates for metrics in (candidate.train, candidate.val, candidate.test)]
        tops = {name for metrics in splits for name in top_k_names(metrics)}
        if len(tops) > 1:
            raise ValueError(f"all metrics must have the same top-k accuracy, and have {' and '.join(sorted(tops))}")
        return self


class PastEvaluation(BaseModel):
    """The part of metrics/evaluate.json that comparisons need; files of other versions may have other metrics."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    champion: CandidateName
    train: dict[str, object] | None = None
    tune: dict[str, object] | None = None


def write_evaluation(path: Path, evaluated: Mapping[str, Mapping[str, Any]]) -> str:
    """Choose the champion and write metrics/evaluate.json.

    Args:
        path: path of the file.
        evaluated: result of `candidate_metrics.evaluate_predictions`, by candidate.

    Returns:
        The candidate with the best macro F1 on validation; the first one of equals.
    """
    champion = max(evaluated, key=lambda name: float(evaluated[name]["val"]["macro_f1"]))
    write_json_file(path, rounded({"champion": champion, **evaluated}), Evaluation)
    return champion


def read_evaluation(paths: Paths) -> dict[str, Any]:
    """Read metrics/evaluate.json, see `Evaluation`; optional parts that it lacks are left out.

    Raises:
        UserError: when evaluate has not run, or the file has changed since.
    """
    file = paths.metrics("evaluate")
    if not file.is_file():
        raise UserError(f"Expected {file}. Received: no such file. Run the pipeline first: make repro")
    check_results(paths, "evaluate")
    return read_json_file(file, Evaluation).model_dump(mode="json", exclude_unset=True)
