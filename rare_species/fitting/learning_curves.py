"""Learning curves of a fit."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from rare_species.figures.style import ACCENT, INK, QUIET_LINE, WARM


def learning_curves(history: pd.DataFrame, best_epoch: int, names: Sequence[str], fine_tuned_after: int = 0) -> Figure:
    """Draw training and validation curves, and mark the epoch whose weights are kept.

    Args:
        history: one row per epoch, with columns `train_<name>` and `val_<name>`.
        best_epoch: the marked epoch, from 1.
        names: metrics; each gets a panel, two in a row.
        fine_tuned_after: the last epoch before fine-tuning; 0 for no mark.
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
