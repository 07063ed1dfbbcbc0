"""Bar charts of images per family, and readable names along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rare_species.figures.fonts import legible
from rare_species.figures.style import ACCENT, MAX_LABELS, QUIET, WARM


def family_counts(counts: pd.DataFrame, title: str) -> Figure:
    """Draw stacked horizontal bars, one per family, the largest first.

    Args:
        counts: one row per family, one column per part of the bar.
        title: title of the figure.
    """
    counts = counts.loc[counts.sum(axis="columns").sort_values(kind="stable").index]
    figure = Figure(figsize=(9, 11), layout="constrained")
    axes = figure.add_subplot()
    start = np.zeros(len(counts))
    colours = [ACCENT, WARM, "#b5554d", QUIET]
    for column, colour in zip(counts.columns, colours, strict=False):
        axes.barh(range(len(counts)), counts[column], left=start, color=colour, label=str(column), height=0.8)
        start = start + counts[column].to_numpy()
    name_rows(axes, list(counts.index))
    axes.set(title=title, xlabel="images", ylim=(-0.6, len(counts) - 0.4))
    axes.legend(loc="lower right", frameon=False)
    return figure


def readable(places: range) -> range:
    """Return all places, or every n-th if there are too many labels to read."""
    return places[:: max(1, -(-len(places) // MAX_LABELS))]


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows of an axis, always including the last one."""
    places = readable(range(len(names) - 1, -1, -1))
    labels, fonts = legible([names[place] for place in places])
    axes.set_yticks(places, labels, fontsize=8, fontfamily=fonts, parse_math=False)
