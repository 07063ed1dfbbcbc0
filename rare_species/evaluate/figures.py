"""Figures of stage evaluate, each from a table of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from rare_species.evaluate.calibration import is_sure
from rare_species.figures.bars import name_rows, readable
from rare_species.figures.fonts import legible
from rare_species.figures.style import ACCENT, INK, QUIET, WARM


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
