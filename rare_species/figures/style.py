"""Style of all figures: colours, resolution and saving.

Sizes never depend on the values, so that the figures of two runs can be compared side by side.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 100
INK, ACCENT, QUIET, WARM = "#222222", "#2f6f8f", "#a9b9c1", "#e0a458"
QUIET_LINE = "#7d8e97"  # for thin lines, which need more contrast
MAX_LABELS = 60  # family names along an axis


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without matplotlib's version in its metadata."""
    _save(figure, path, format="png", metadata={"Software": None})


def save_jpeg(figure: Figure, path: Path) -> None:
    """Write a figure with photos as JPEG, a tenth of a PNG's size."""
    _save(figure, path, format="jpeg", pil_kwargs={"quality": 85})


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or JPEG, whichever its name ends in."""
    save = save_png if path.suffix == ".png" else save_jpeg
    save(figure, path)


def _save(figure: Figure, path: Path, **options: Any) -> None:
    """Draw in memory and write the bytes: when Pillow writes a file, it does not notice a full disk."""
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn.getvalue())
