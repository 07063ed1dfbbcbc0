"""The metrics: one entry of `METRICS` each, from which everything else about a metric follows; no TensorFlow.

Macro averages run over the families that have images in the split that is measured: a family without one has no
recall, and counting it as 0 would punish a model for a photo that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rare_species.common.array_types import Labels, Probabilities
from rare_species.metrics.auc import macro_auc, sample_macro_auc
from rare_species.metrics.family_tables import confusion_matrix, macro_f1
from rare_species.metrics.photo_outcomes import Outcomes, Samples, WeightedPhotos, Weights, outcomes

Average = Literal["pooled", "macro", "weighted"]
_AVERAGES: Mapping[Average, Callable[[WeightedPhotos, NDArray[Any]], Samples]] = {
    "pooled": WeightedPhotos.share,
    "macro": WeightedPhotos.macro,
    "weighted": WeightedPhotos.weighted,
}


@dataclass(frozen=True)
class Metric:
    """A number that says how good predictions are.

    Attributes:
        name: its key in metrics/*.json; "{k}" in it stands for evaluate.top_k.
        average: what `values` are averaged over: "pooled" over photos, "macro" over classes, "weighted" over classes by
            their photos; None when they are values of the metric itself.
        values: computes a value of each photo, shape (n,); of each class, shape (resamples, n_classes); or, if there is
            no average, of each bootstrap sample, shape (resamples,).
        point: computes the metric quickly for the photos as they are; the sample in which each photo counts once when
            None.
        bounds: the smallest and the largest value.
        better: whether a higher or a lower value is better, for the verdict of compare.
        epoch_name: its name in the training curves that dvclive records; None when it is measured at the end alone.
        needs: the fields of `Outcomes` that it needs and a table of predictions lacks.
    """

    name: str
    average: Average | None
    values: Callable[[WeightedPhotos], NDArray[Any]]
    point: Callable[[Outcomes], float] | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    better: Literal["higher", "lower"] = "higher"
    epoch_name: str | None = None
    needs: tuple[Literal["probabilities", "phyla"], ...] = ()

    def __post_init__(self) -> None:
        """Refuse one that is followed from epoch to epoch without a quick way to compute it."""
        if self.epoch_name and not self.point:
            raise ValueError(f"{self.name} must have a point to be followed from epoch to epoch")

    @property
    def rule(self) -> str:
        """The name of its rule in section `compare` of params.yaml, if it has one."""
        return self.name.replace("{k}", "_k")

    def key(self, top_k: int) -> str:
        """Its key in metrics/*.json."""
        return self.name.format(k=top_k)

    def can_measure(self, photos: Outcomes) -> bool:
        """Whether the photos have all that it needs."""
        return ("probabilities" not in self.needs or photos.probabilities is not None) and (
            "phyla" not in self.needs or bool(photos.phyla)
        )

    def samples(self, photos: WeightedPhotos) -> Samples:
        """Compute it for every bootstrap sample, shape (resamples,); its interval follows from these."""
        values = self.values(photos)
        return _AVERAGES[self.average](photos, values) if self.average else values

    def of(self, photos: WeightedPhotos) -> float:
        """Compute it for photos that each count once."""
        return self.point(photos.photos) if self.point else float(self.samples(photos)[0])


def _macro_f1(photos: Outcomes) -> float:
    return macro_f1(confusion_matrix(photos.labels, photos.predicted, photos.n_classes))


def _macro_auc(photos: WeightedPhotos) -> Samples:
    return sample_macro_auc(photos.photos.labels, _probabilities(photos.photos), photos.weights)


def _probabilities(photos: Outcomes) -> Probabilities:
    if photos.probabilities is None:
        raise ValueError("expected photos with all probabilities")
    return photos.probabilities


METRICS: tuple[Metric, ...] = (
    Metric(
        "loss",
        "pooled",
        lambda photos: photos.photos.losses,
        point=lambda photos: float(photos.losses.mean()),
        bounds=(0.0, np.inf),
        better="lower",
        epoch_name="loss",
    ),
    Metric(
        "accuracy",
        "pooled",
        lambda photos: photos.photos.hit,
        point=lambda photos: float(photos.hit.mean()),
        epoch_name="accuracy",
    ),
    Metric("top{k}_accuracy", "pooled", lambda photos: photos.photos.true_rank <= photos.top_k),
    Metric("macro_precision", "macro", lambda photos: photos.precision),
    Metric("macro_recall", "macro", lambda photos: photos.recall),
    Metric("macro_f1", "macro", lambda photos: photos.f1, point=_macro_f1, epoch_name="macro_f1"),
    Metric("weighted_precision", "weighted", lambda photos: photos.precision),
    Metric("weighted_recall", "weighted", lambda photos: photos.recall),
    Metric("weighted_f1", "weighted", lambda photos: photos.f1),
    # The same as macro recall by definition (Brodersen et al., 2010)
    Metric("balanced_accuracy", "macro", lambda photos: photos.recall),
    Metric(
        "macro_auc",
        None,
        _macro_auc,
        point=lambda photos: macro_auc(photos.labels, _probabilities(photos)),
        epoch_name="auc",
        needs=("probabilities",),
    ),
    Metric("phylum_accuracy", "pooled", lambda photos: photos.photos.phylum_hit, needs=("phyla",)),
)
# In the order of the panels of training curves; macro F1, by which models are chosen, is the last
EPOCH_METRICS = tuple(
    sorted((metric.epoch_name for metric in METRICS if metric.epoch_name), key=lambda name: name == "macro_f1")
)
_BY_EPOCH_NAME = {metric.epoch_name: metric for metric in METRICS if metric.epoch_name}


def compute_metrics(
    labels: Labels, probabilities: Probabilities, top_k: int, phyla: Sequence[str] | None = None
) -> dict[str, float]:
    """Compute all metrics of one model on one split.

    Args:
        labels: int array of shape (n,), true class ids.
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        top_k: the k of the top-k accuracy.
        phyla: phylum of each class; without it, or where one is unknown, there is no phylum accuracy.

    Returns:
        Metrics by name, within their bounds.
    """
    photos = outcomes(labels, probabilities, phyla)
    once = WeightedPhotos(photos, np.ones((1, len(labels))), top_k)
    return {metric.key(top_k): metric.of(once) for metric in METRICS if metric.can_measure(photos)}


def sample_metrics(photos: Outcomes, weights: Weights, top_k: int) -> dict[str, Samples]:
    """Compute all metrics of every bootstrap sample.

    Args:
        photos: of one model.
        weights: float array of shape (resamples, n).
        top_k: the k of the top-k accuracy.

    Returns:
        Float arrays of shape (resamples,) by name; without the metrics that need more than the photos have.
    """
    weighted = WeightedPhotos(photos, weights, top_k)
    return {metric.key(top_k): metric.samples(weighted) for metric in METRICS if metric.can_measure(photos)}


def epoch_metrics(
    labels: Labels, probabilities: Probabilities, names: Sequence[str] = EPOCH_METRICS
) -> dict[str, float]:
    """Compute the metrics that are followed from epoch to epoch.

    Args:
        labels: int array of shape (n,), class ids.
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        names: of `EPOCH_METRICS`; with 202 classes most of the time goes into auc.
    """
    photos = outcomes(labels, probabilities)
    points = {name: _BY_EPOCH_NAME[name].point for name in names}
    return {name: point(photos) for name, point in points.items() if point}


def find_metric(key: str) -> Metric | None:
    """Find a metric by its key in metrics/*.json, whatever its k is."""
    return next((metric for metric in METRICS if re.fullmatch(metric.name.replace("{k}", r"\d+"), key)), None)
