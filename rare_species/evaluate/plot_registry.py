"""The pictures of a classifier: one entry of `PLOTS` each; what they show is the same for every classifier.

A new picture is a new entry, a function that draws it, and a line in the plots of dvc.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rare_species.evaluate import figures
from rare_species.evaluate.calibration import phylum_probabilities
from rare_species.evaluate.measured_classifier import MeasuredClassifier
from rare_species.figures.contact_sheet import contact_sheet
from rare_species.metrics import family_tables
from rare_species.metrics.photo_outcomes import predicted_classes
from rare_species.params.evaluate import EvaluateParams


def captions(table: pd.DataFrame) -> list[str]:
    """Write what stands below misclassified photos: the family, and what it was taken for, how surely."""
    return [
        f"{row['family']}\nas {row['predicted']} {row['calibrated_probability']:.2f}" for _, row in table.iterrows()
    ]


def _families(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    return figures.f1_by_family(measured.families, f"{measured.name}: F1 by family")


def _f1_by_images(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    return figures.f1_by_images(measured.families, f"{measured.name}: F1 against training photos")


def _confusion(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    names = list(measured.predictions.families)
    return figures.confusion_matrix(measured.confusion, names, f"{measured.name}: all families")


def _most_confused(measured: MeasuredClassifier, params: EvaluateParams) -> Figure:
    worst = family_tables.most_confused(measured.confusion, params.confused_families)
    title = f"{measured.name}: the {len(worst)} most confused families"
    part = measured.confusion[np.ix_(worst, worst)]
    return figures.confusion_matrix(part, list(measured.predictions.families[worst]), title)


def _phyla(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    phyla = measured.predictions.phyla
    if not all(phyla):
        return contact_sheet([], [], f"{measured.name}: the phylum of some family is unknown")
    names, sums = phylum_probabilities(measured.probabilities, phyla)
    place = {name: number for number, name in enumerate(names)}
    labels = np.array([place[name] for name in phyla])[measured.labels]
    counts = family_tables.confusion_matrix(labels, predicted_classes(sums), len(names))
    return figures.confusion_matrix(counts, names, f"{measured.name}: phyla, by the sum of their families", "phylum")


def _reliability(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    before, after = measured.reliability.values()
    temperature = measured.predictions.calibration.temperature
    drawn = {"as trained": before, f"calibrated, temperature {temperature:.2f}": after}
    return figures.reliability_diagram(drawn, f"{measured.name}: how right against how sure")


def _risk_coverage(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    threshold = measured.predictions.calibration.family_threshold
    title = f"{measured.name}: mistakes among the surest answers"
    return figures.risk_coverage_curve(measured.risk_coverage, threshold, title)


def _conditions(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    title = f"{measured.name}: accuracy by size, brightness and sharpness of the photo"
    return figures.accuracy_bars(measured.conditions, title)


def _misclassified(measured: MeasuredClassifier, params: EvaluateParams) -> Figure:
    wrong = measured.mistakes
    shown = wrong.head(params.worst_photos)
    photos = list(measured.packed.photos(measured.rows.loc[shown.index]))
    found = f"{len(wrong)} of {len(measured.table)} test photos misclassified"
    return contact_sheet(photos, captions(shown), f"{measured.name}: {found}; the {len(shown)} it was surest of")


PLOTS: Mapping[str, Callable[[MeasuredClassifier, EvaluateParams], Figure]] = {
    "families.png": _families,
    "f1_by_images.png": _f1_by_images,
    "confusion.png": _confusion,
    "most_confused.png": _most_confused,
    "phyla.png": _phyla,
    "reliability.png": _reliability,
    "risk_coverage.png": _risk_coverage,
    "conditions.png": _conditions,
    "misclassified.jpg": _misclassified,
}
