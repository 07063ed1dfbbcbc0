"""Figures of stage evaluate: one entry of `FIGURES` each; what they show is the same for every classifier.

A new figure is a new entry, a function that draws it, and a line in the plots of dvc.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from rare_species.evaluate.calibration import is_sure, phylum_probabilities
from rare_species.evaluate.measured_classifier import MeasuredClassifier
from rare_species.figures.bars import name_rows, readable
from rare_species.figures.contact_sheet import contact_sheet
from rare_species.figures.fonts import legible
from rare_species.figures.style import ACCENT, INK, QUIET, WARM
from rare_species.metrics import family_tables
from rare_species.metrics.photo_outcomes import predicted_classes
from rare_species.params.evaluate import EvaluateParams


def confusion_matrix(counts: NDArray[np.int64], names: Sequence[str], title: str, rank: str = "family") -> Figure:
    """Draw a confusion matrix with each row scaled to its class's images; numbers and all names are shown if they fit.

    Args:
        counts: int array of shape (n, n), rows true, columns predicted.
        names: names of the n classes.
        title: title of the figure.
        rank: what the classes are: families or phyla.
    """
    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(names) <= 40:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=colour)
    places = readable(range(len(names)))
    labels, fonts = legible([names[place] for place in places])
    axes.set_xticks(places, labels, rotation=90, fontsize=8, fontfamily=fonts, parse_math=False)
    axes.set_yticks(places, labels, fontsize=8, fontfamily=fonts, parse_math=False)
    axes.set(title=title, xlabel=f"predicted {rank}", ylabel=f"true {rank}")
    figure.colorbar(image, ax=axes, shrink=0.6, label=f"share of the {rank}'s images")
    return figure


def f1_by_family(table: pd.DataFrame, title: str) -> Figure:
    """Draw the F1 of each family, the worst at the bottom, with its number of test images.

    Args:
        table: columns family, f1 and images.
        title: above the bars.
    """
    table = table.sort_values(["f1", "family"], kind="stable")
    figure = Figure(figsize=(9, 11), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(table)), table["f1"], color=ACCENT, height=0.8)
    labels = [f"{family} ({images})" for family, images in zip(table["family"], table["images"], strict=True)]
    name_rows(axes, labels)
    axes.set(title=title, xlabel="F1 (test images in brackets)", xlim=(0, 1), ylim=(-0.6, len(table) - 0.4))
    return figure


def reliability_diagram(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw a reliability diagram: accuracy against confidence, and how many photos have which confidence.

    Args:
        tables: by name, such as "as trained"; see `calibration.reliability`.
        title: above the diagram.
    """
    figure = Figure(figsize=(7, 7), layout="constrained")
    curve, counts = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    curve.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=":", label="as sure as right")
    for (name, table), colour in zip(tables.items(), (WARM, ACCENT), strict=False):
        curve.plot(table["confidence"], table["accuracy"], color=colour, marker="o", label=name)
        width = (table["high"] - table["low"]).iloc[0]
        counts.bar(table["low"], table["images"], width, align="edge", color=colour, alpha=0.6)
    curve.set(title=title, ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    curve.legend(frameon=False)
    counts.set(xlabel="probability of the answer", ylabel="photos")
    return figure


def risk_coverage_curve(curve: pd.DataFrame, threshold: float | None, title: str) -> Figure:
    """Draw the risk-coverage curve: the share of wrong answers against the share of answered photos.

    Args:
        curve: see `calibration.risk_coverage`.
        threshold: probability from which on families are answered; a line marks how many photos reach it.
        title: above the curve.
    """
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.step(curve["coverage"], curve["risk"], where="post", color=ACCENT, linewidth=2)
    sure = is_sure(curve["threshold"].to_numpy(), threshold)
    answered = float(curve.loc[sure, "coverage"].to_numpy().max(initial=0.0))
    axes.axvline(answered, color=INK, linewidth=1, linestyle=":", label=f"sure of the family: {answered:.0%}")
    axes.set(title=title, xlabel="share of photos answered", ylabel="share of those wrong", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def f1_by_images(table: pd.DataFrame, title: str) -> Figure:
    """Draw each family's F1 against its number of training photos.

    Args:
        table: columns train_images and f1, see `family_tables.family_table`.
        title: above the points.
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(table["train_images"], table["f1"], s=18, alpha=0.6, color=ACCENT, linewidths=0)
    quarters = pd.qcut(table["train_images"].rank(method="first"), min(4, len(table)), labels=False)
    means = table.groupby(quarters)[["train_images", "f1"]].mean()
    axes.plot(means["train_images"], means["f1"], color=WARM, marker="o", label="mean of a quarter of the families")
    axes.set(title=title, xlabel="training photos of the family", ylabel="F1", ylim=(-0.03, 1.03), xscale="log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.legend(frameon=False, loc="lower right")
    return figure


def accuracy_bars(table: pd.DataFrame, title: str) -> Figure:
    """Draw the accuracy by properties of the photos, one panel each, with 95 % intervals.

    Args:
        table: see `error_analysis.accuracy_by_property`.
        title: above the panels.
    """
    names = list(table["property"].unique())
    figure = Figure(figsize=(11, 4), layout="constrained")
    figure.suptitle(title)
    for number, name in enumerate(names, start=1):
        rows = table[table["property"] == name]
        axes = figure.add_subplot(1, len(names), number)
        errors = [rows["accuracy"] - rows["accuracy_low"], rows["accuracy_high"] - rows["accuracy"]]
        axes.bar(range(len(rows)), rows["accuracy"], color=QUIET, yerr=errors, ecolor=INK, capsize=3)
        labels = [
            f"{low:.4g}–{high:.4g}\n{n:.0f} photos" for low, high, n in rows[["low", "high", "images"]].to_numpy()
        ]
        axes.set_xticks(range(len(rows)), labels, fontsize=7)
        axes.set(
            title=name.replace("_", " ").replace(" px", ", px"), ylim=(0, 1), ylabel="accuracy" if number == 1 else ""
        )
    return figure


def captions(table: pd.DataFrame) -> list[str]:
    """Write what stands below misclassified photos: the family, and what it was taken for, how surely."""
    return [
        f"{row['family']}\nas {row['predicted']} {row['calibrated_probability']:.2f}" for _, row in table.iterrows()
    ]


def _families(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    return f1_by_family(measured.families, f"{measured.name}: F1 by family")


def _f1_by_images(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    return f1_by_images(measured.families, f"{measured.name}: F1 against training photos")


def _confusion(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    names = list(measured.predictions.families)
    return confusion_matrix(measured.confusion, names, f"{measured.name}: all families")


def _most_confused(measured: MeasuredClassifier, params: EvaluateParams) -> Figure:
    worst = family_tables.most_confused(measured.confusion, params.confused_families)
    title = f"{measured.name}: the {len(worst)} most confused families"
    part = measured.confusion[np.ix_(worst, worst)]
    return confusion_matrix(part, list(measured.predictions.families[worst]), title)


def _phyla(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    phyla = measured.predictions.phyla
    if not all(phyla):
        return contact_sheet([], [], f"{measured.name}: the phylum of some family is unknown")
    names, sums = phylum_probabilities(measured.probabilities, phyla)
    place = {name: number for number, name in enumerate(names)}
    labels = np.array([place[name] for name in phyla])[measured.labels]
    counts = family_tables.confusion_matrix(labels, predicted_classes(sums), len(names))
    return confusion_matrix(counts, names, f"{measured.name}: phyla, by the sum of their families", "phylum")


def _reliability(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    before, after = measured.reliability.values()
    temperature = measured.predictions.calibration.temperature
    drawn = {"as trained": before, f"calibrated, temperature {temperature:.2f}": after}
    return reliability_diagram(drawn, f"{measured.name}: how right against how sure")


def _risk_coverage(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    threshold = measured.predictions.calibration.family_threshold
    title = f"{measured.name}: mistakes among the surest answers"
    return risk_coverage_curve(measured.risk_coverage, threshold, title)


def _conditions(measured: MeasuredClassifier, _: EvaluateParams) -> Figure:
    title = f"{measured.name}: accuracy by size, brightness and sharpness of the photo"
    return accuracy_bars(measured.conditions, title)


def _misclassified(measured: MeasuredClassifier, params: EvaluateParams) -> Figure:
    wrong = measured.mistakes
    shown = wrong.head(params.worst_photos)
    photos = list(measured.packed.photos(measured.rows.loc[shown.index]))
    found = f"{len(wrong)} of {len(measured.table)} test photos misclassified"
    return contact_sheet(photos, captions(shown), f"{measured.name}: {found}; the {len(shown)} it was surest of")


FIGURES: Mapping[str, Callable[[MeasuredClassifier, EvaluateParams], Figure]] = {
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
