"""Figures that people look at; sizes never depend on the values, so that two runs lie side by side.

Text is drawn as it is: file and class names may hold `$`, which matplotlib would read as a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray
from PIL import Image

from rare_species.fonts import legible

DPI = 100
INK, ACCENT, QUIET, WARM = "#222222", "#2f6f8f", "#a9b9c1", "#e0a458"
QUIET_LINE = "#7d8e97"  # thin things need more contrast
MAX_LABELS = 60  # of families along a side
SHEET_COLUMNS = 6


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without the version of the library that drew it."""
    _save(figure, path, format="png", metadata={"Software": None})


def save_jpeg(figure: Figure, path: Path) -> None:
    """Write a figure that holds photos as JPEG, a tenth of the size."""
    _save(figure, path, format="jpeg", pil_kwargs={"quality": 85})


def family_counts(counts: pd.DataFrame, title: str) -> Figure:
    """Stacked horizontal bars, one per family, largest first.

    Args:
        counts: one row per family, one column per part of the bar.
        title: above the bars.
    """
    counts = counts.loc[counts.sum(axis="columns").sort_values(kind="stable").index]
    figure = Figure(figsize=(9, 11), layout="constrained")
    axes = figure.add_subplot()
    start = np.zeros(len(counts))
    colours = [ACCENT, WARM, "#b5554d", QUIET]
    for column, colour in zip(counts.columns, colours, strict=False):
        axes.barh(range(len(counts)), counts[column], left=start, color=colour, label=str(column), height=0.8)
        start = start + counts[column].to_numpy()
    _name_rows(axes, list(counts.index))
    axes.set(title=title, xlabel="images", ylim=(-0.6, len(counts) - 0.4))
    axes.legend(loc="lower right", frameon=False)
    return figure


def size_distribution(widths: NDArray[np.int64], heights: NDArray[np.int64]) -> Figure:
    """Each photo's width against its height, with a histogram of the shorter side."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    scatter, histogram = figure.subplots(1, 2)
    scatter.scatter(widths, heights, s=6, alpha=0.4, color=ACCENT, linewidths=0)
    scatter.set(title="size of the photos", xlabel="width, pixels", ylabel="height, pixels", aspect="equal")
    histogram.hist(np.minimum(widths, heights), bins=40, color=ACCENT)
    histogram.set(title="shorter side", xlabel="pixels", ylabel="images")
    return figure


def contact_sheet(
    photos: Sequence[Image.Image | None], captions: Sequence[str], title: str, columns: int = SHEET_COLUMNS
) -> Figure:
    """A grid of photos with a caption below each.

    Args:
        photos: None draws an empty frame (a file that is no image).
        captions: one per photo.
        title: above the grid; shown alone when there are no photos.
        columns: of the grid.
    """
    rows = max(1, -(-len(photos) // columns))
    figure = Figure(figsize=(2.0 * columns, 2.4 * rows + 0.5), layout="constrained")
    figure.suptitle(title, fontsize=12, color=INK)
    captions, fonts = legible(captions)
    for number, (photo, caption) in enumerate(zip(photos, captions, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.set(xticks=[], yticks=[], frame_on=False)
        axes.set_xlabel(caption, fontsize=7, fontfamily=fonts, color=INK, labelpad=2, parse_math=False)
        if photo is None:
            axes.text(0.5, 0.5, "no image", ha="center", va="center", fontsize=9, color=INK, transform=axes.transAxes)
        axes.imshow(np.full((8, 8, 3), 235, np.uint8) if photo is None else np.asarray(photo))
    return figure


def confusion_matrix(counts: NDArray[np.int64], names: Sequence[str], title: str, rank: str = "family") -> Figure:
    """A confusion matrix with each row scaled to its class's images; cells numbered and all classes named if they fit.

    Args:
        counts: int array of shape (n, n), rows true, columns predicted.
        names: of the n classes.
        title: above the matrix.
        rank: what a class is.
    """
    figure = Figure(figsize=(11, 10), layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(names) <= 40:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else INK
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=colour)
    places = _readable(range(len(names)))
    labels, fonts = legible([names[place] for place in places])
    axes.set_xticks(places, labels, rotation=90, fontsize=8, fontfamily=fonts, parse_math=False)
    axes.set_yticks(places, labels, fontsize=8, fontfamily=fonts, parse_math=False)
    axes.set(title=title, xlabel=f"predicted {rank}", ylabel=f"true {rank}")
    figure.colorbar(image, ax=axes, shrink=0.6, label=f"share of the {rank}'s images")
    return figure


def family_scores(table: pd.DataFrame, title: str) -> Figure:
    """F1 of each family, worst at the bottom, with its number of test images.

    Args:
        table: columns family, f1 and images.
        title: above the bars.
    """
    table = table.sort_values(["f1", "family"], kind="stable")
    figure = Figure(figsize=(9, 11), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(table)), table["f1"], color=ACCENT, height=0.8)
    labels = [f"{family} ({images})" for family, images in zip(table["family"], table["images"], strict=True)]
    _name_rows(axes, labels)
    axes.set(title=title, xlabel="F1 (test images in brackets)", xlim=(0, 1), ylim=(-0.6, len(table) - 0.4))
    return figure


def learning_curves(history: pd.DataFrame, best_epoch: int, names: Sequence[str], fine_tuned_after: int = 0) -> Figure:
    """Training and validation curves with the epoch whose weights are kept.

    Args:
        history: one row per epoch, columns `train_<name>` and `val_<name>`.
        best_epoch: counted from 1.
        names: a panel for each, two in a row.
        fine_tuned_after: the last epoch of the head alone; 0 when nothing was fine-tuned, or there was none.
    """
    rows = -(-len(names) // 2)
    figure = Figure(figsize=(9, 3.6 * rows), layout="constrained")
    for number, name in enumerate(names, start=1):
        axes = figure.add_subplot(rows, 2, number)
        epochs = range(1, len(history) + 1)
        axes.plot(epochs, history[f"train_{name}"], color=QUIET_LINE, linewidth=2, label="train")
        axes.plot(epochs, history[f"val_{name}"], color=ACCENT, linewidth=2, label="validation")
        if fine_tuned_after:
            axes.axvline(fine_tuned_after + 0.5, color=WARM, linewidth=1, label="fine-tuning begins")
        axes.axvline(best_epoch, color=INK, linewidth=1, linestyle=":", label=f"best, epoch {best_epoch}")
        axes.set(title=name.replace("_", " "), xlabel="epoch")
        axes.legend(frameon=False, fontsize=8)
    return figure


def reliability_diagram(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """How often answers are right against how probable they are said to be, and how many photos are how sure.

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
    """Share of wrong answers against the share of photos answered, the surest first.

    Args:
        curve: see `calibration.risk_coverage`.
        threshold: below it the phylum is answered, as everywhere with None; a line marks how many photos reach it.
        title: above the curve.
    """
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.step(curve["coverage"], curve["risk"], where="post", color=ACCENT, linewidth=2)
    sure = curve["threshold"] >= (np.inf if threshold is None else threshold)
    answered = float(curve.loc[sure, "coverage"].to_numpy().max(initial=0.0))
    axes.axvline(answered, color=INK, linewidth=1, linestyle=":", label=f"sure of the family: {answered:.0%}")
    axes.set(title=title, xlabel="share of photos answered", ylabel="share of those wrong", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def f1_by_images(table: pd.DataFrame, title: str) -> Figure:
    """Each family's F1 against its training photos.

    Args:
        table: columns train_images and f1, see `scores.family_table`.
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
    """Accuracy of photos by their properties, a panel each, with 95 % intervals.

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


def _readable(places: range) -> range:
    """Every place, or every n-th where there are too many labels to read."""
    return places[:: max(1, -(-len(places) // MAX_LABELS))]


def _name_rows(axes: object, names: Sequence[str]) -> None:
    """Label the rows, the last one in any case."""
    places = _readable(range(len(names) - 1, -1, -1))
    labels, fonts = legible([names[place] for place in places])
    axes.set_yticks(places, labels, fontsize=8, fontfamily=fonts, parse_math=False)  # type: ignore[attr-defined]


def _save(figure: Figure, path: Path, **options: Any) -> None:
    """Draw in memory: where Pillow itself writes a file, it does not see that a full disk took only a part."""
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn.getvalue())
