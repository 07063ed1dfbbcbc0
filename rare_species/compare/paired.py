"""Paired statistics of two runs on the same test photos, and the verdict whether the model got worse.

Several metrics are judged at once, so their intervals are widened by Bonferroni's inequality (Dunn, 1961, "Multiple
Comparisons among Means"): together they hold with 95 % confidence, however the metrics are correlated. Holm's procedure
has more power but gives no intervals, from which the verdict is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any

import numpy as np
from scipy.stats import binomtest

from rare_species.common.errors import UserError
from rare_species.common.nested_mappings import flatten
from rare_species.common.terminal import first_few
from rare_species.compare.runs import Run, TestPredictions
from rare_species.evaluate.confidence_intervals import LEVEL, resample_for_differences, symmetric_interval
from rare_species.metrics.photo_outcomes import Outcomes, WeightedPhotos, Weights
from rare_species.metrics.registry import METRICS, Metric, sample_metrics
from rare_species.params.compare import CompareParams, LossRule, MetricRule

SHOWN = 10  # photos named in a message


class Verdict(StrEnum):
    """The verdict on a metric."""

    REGRESSED = "regressed"
    BEYOND_LIMIT = "beyond its limit"
    NOT_A_NUMBER = "not a number"
    WITHIN_TOLERANCE = "worse, within the tolerance"
    UNCLEAR = "no difference shown"
    IMPROVED = "improved"


BAD = (Verdict.REGRESSED, Verdict.BEYOND_LIMIT, Verdict.NOT_A_NUMBER)


@dataclass(frozen=True)
class Change:
    """How a metric changed.

    Attributes:
        base: value in the base run, possibly NaN.
        head: value in the head run, possibly NaN.
        low: lower end of the simultaneous interval of head - base.
        high: upper end of that interval.
        status: the verdict.
    """

    base: float
    head: float
    low: float
    high: float
    status: Verdict


@dataclass(frozen=True)
class McNemar:
    """The exact test of McNemar (1947) on top-1: a binomial test of the photos that only one side gets right.

    Attributes:
        only_base: photos that only the base gets right.
        only_head: photos that only the head gets right.
        p: two-sided, in (0, 1].
    """

    only_base: int
    only_head: int
    p: float


@dataclass(frozen=True)
class FamilyChange:
    """A family whose results changed.

    Attributes:
        family: name of the family.
        images: number of its test photos.
        base_hits: number of them that the base run gets right.
        head_hits: number of them that the head run gets right.
        base_f1: F1 in the base run, in [0, 1].
        head_f1: F1 in the head run, in [0, 1].
    """

    family: str
    images: int
    base_hits: int
    head_hits: int
    base_f1: float
    head_f1: float

    @property
    def gain(self) -> tuple[float, int]:
        """The change of F1, then of hits, by which families are sorted; negative when the family got worse."""
        return self.head_f1 - self.base_f1, self.head_hits - self.base_hits


@dataclass(frozen=True)
class Comparison:
    """The comparison of two runs on the same test photos.

    Attributes:
        base: the run that is compared with.
        head: the run that is judged.
        changes: changes by metric.
        mcnemar: McNemar's test on top-1 accuracy.
        lost: metrics that the head run lacks, see `lost_metrics`.
        worse: families that got worse, the largest change first.
        better: families that got better, the largest change first.
        params: changed parameters by dotted name, before and now; None where a run lacks the parameter.
    """

    base: Run
    head: Run
    changes: Mapping[str, Change]
    mcnemar: McNemar
    lost: Mapping[str, str]
    worse: Sequence[FamilyChange]
    better: Sequence[FamilyChange]
    params: Mapping[str, tuple[Any, Any]]

    @property
    def regressed(self) -> bool:
        """Whether any metric regressed, is beyond its limit, or is missing."""
        return bool(self.lost) or any(change.status in BAD for change in self.changes.values())


class DifferentTestSetsError(UserError):
    """The two sides were not measured on the same photos with the same labels.

    Attributes:
        base: the run to compare with.
        head: the run to judge.
        only_base: paths of photos that only the base run has.
        only_head: paths of photos that only the head run has.
        relabelled: families in the base and head runs, by path of photos whose label changed.
    """

    def __init__(self, base: Run, head: Run) -> None:
        self.base, self.head = base, head
        one, other = (dict(zip(run.photos.file_paths, run.photos.families, strict=True)) for run in (base, head))
        self.only_base = [path for path in one if path not in other]
        self.only_head = [path for path in other if path not in one]
        both = [path for path in one if path in other and one[path] != other[path]]
        self.relabelled = {path: (one[path], other[path]) for path in both}
        labels = [f"{path}: {before} -> {now}" for path, (before, now) in self.relabelled.items()]
        parts = (
            (self.only_base, f"in {base.revision} alone"),
            (self.only_head, f"in {head.revision} alone"),
            (labels, "of another family"),
        )
        super().__init__(
            f"Expected the same test photos and families in {base.revision} and {head.revision}. Received others:",
            *(f"{len(photos)} {where}: {first_few(photos, SHOWN, quoted=False)}" for photos, where in parts if photos),
            "Compare runs of the same archive, clean and split.",
        )


def compare_runs(base: Run, head: Run, rules: CompareParams, top_k: int) -> Comparison:
    """Compare two runs.

    Args:
        base: the run to compare with.
        head: the run to judge.
        rules: section `compare`.
        top_k: the k of the top-k accuracy.

    Raises:
        DifferentTestSetsError: when their test photos or labels differ.
    """
    if (base.photos.file_paths, base.photos.families) != (head.photos.file_paths, head.photos.families):
        raise DifferentTestSetsError(base, head)
    families = sorted({*base.photos.families, *base.photos.predicted, *head.photos.predicted})
    one, other = (_outcomes(run.photos, families) for run in (base, head))
    weights = resample_for_differences(one.labels, rules.resamples, rules.seed)
    changed = list(compare_families(one, other, families))
    return Comparison(
        base,
        head,
        compare_metrics(one, other, weights, rules, top_k),
        mcnemar(one, other),
        lost_metrics(base.metrics, head.metrics),
        sorted((family for family in changed if family.gain < (0, 0)), key=attrgetter("gain")),
        sorted((family for family in changed if family.gain > (0, 0)), key=attrgetter("gain"), reverse=True),
        compare_params(base.params, head.params),
    )


def compare_metrics(
    base: Outcomes, head: Outcomes, weights: Weights, rules: CompareParams, top_k: int
) -> dict[str, Change]:
    """Compute how each judged metric changed.

    Args:
        base: outcomes in the base run.
        head: outcomes in the head run, for the same photos.
        weights: bootstrap samples, the same for both runs, so that the intervals are those of paired differences.
        rules: tolerance and limit of each judged metric.
        top_k: the k of the top-k accuracy.

    Returns:
        Changes by metric, with simultaneous intervals (see this module's docstring).
    """
    metrics = {metric.rule: metric for metric in METRICS}
    judged = {metrics[name].key(top_k): (metrics[name], rule) for name, rule in rules.rules.items()}
    whole = np.ones((1, len(base.labels)))
    values = [sample_metrics(photos, whole, top_k) for photos in (base, head)]
    samples = [sample_metrics(photos, weights, top_k) for photos in (base, head)]
    level = 1 - (1 - LEVEL) / len(judged)
    changes = {}
    for name, (metric, rule) in judged.items():
        before, now = (float(side[name][0]) for side in values)
        low, high = symmetric_interval(now - before, samples[1][name] - samples[0][name], level)
        changes[name] = Change(before, now, low, high, _judge(before, now, (low, high), metric, rule))
    return changes


def _judge(base: float, head: float, span: tuple[float, float], metric: Metric, rule: MetricRule | LossRule) -> Verdict:
    sign = 1 if metric.better == "higher" else -1
    worst, best = sorted(sign * end for end in span)
    if math.isnan(head):
        return Verdict.NOT_A_NUMBER
    if _beyond_limit(head, rule):
        return Verdict.BEYOND_LIMIT
    if best < 0:
        return Verdict.REGRESSED if sign * (base - head) > rule.tolerance else Verdict.WITHIN_TOLERANCE
    return Verdict.IMPROVED if worst > 0 else Verdict.UNCLEAR


def _beyond_limit(value: float, rule: MetricRule | LossRule) -> bool:
    if isinstance(rule, LossRule):
        return value > rule.maximum
    return value < rule.minimum


def mcnemar(base: Outcomes, head: Outcomes) -> McNemar:
    """Test whether one run gets more photos right than the other; p is 1 when they agree on all."""
    before, now = (photos.hit for photos in (base, head))
    only_base, only_head = int((before & ~now).sum()), int((now & ~before).sum())
    split = only_base + only_head
    return McNemar(only_base, only_head, float(binomtest(only_base, split).pvalue) if split else 1.0)


def compare_families(base: Outcomes, head: Outcomes, families: Sequence[str]) -> Iterator[FamilyChange]:
    """Yield the families whose F1 or hits changed, ordered by class id."""
    before, now = (WeightedPhotos(photos, np.ones((1, len(photos.labels))), top_k=1) for photos in (base, head))
    support, hits_before, hits_now = before.support[0], before.hits[0], now.hits[0]
    f1_before, f1_now = before.f1[0], now.f1[0]
    for number in map(int, np.flatnonzero(support)):
        change = FamilyChange(
            families[number],
            int(support[number]),
            int(hits_before[number]),
            int(hits_now[number]),
            float(f1_before[number]),
            float(f1_now[number]),
        )
        if change.gain != (0, 0):
            yield change


def lost_metrics(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, str]:
    """Find metrics that are a finite number in the base run but not in the head run.

    Args:
        base: a model's part of metrics/evaluate.json, in the base run.
        head: the same in the head run.

    Returns:
        What happened to each, by dotted name.
    """
    before, now = (_top_k_alike(flatten(metrics)) for metrics in (base, head))
    lost = [name for name, value in before.items() if _is_number(value) and not _is_number(now.get(name))]
    return {name: "is not a number" if name in now else "disappeared" for name in lost}


def compare_params(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return parameters that differ, before and now, by dotted name; None where a run lacks the parameter."""
    before, now = flatten(base), flatten(head)
    names = list(dict.fromkeys([*before, *now]))
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def _top_k_alike(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the k from names of top-k accuracies, so that another evaluate.top_k does not make a metric disappear."""
    return {re.sub(r"\btop\d+_accuracy\b", "top_k_accuracy", name): value for name, value in metrics.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _outcomes(photos: TestPredictions, families: Sequence[str]) -> Outcomes:
    ids = {family: number for number, family in enumerate(families)}
    labels, predicted = (
        np.array([ids[family] for family in names], dtype=np.int64) for names in (photos.families, photos.predicted)
    )
    return Outcomes(labels, predicted, photos.true_probability, photos.true_rank, len(families))
