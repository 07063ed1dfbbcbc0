"""What all figures have in common: colours, resolution, and how they are saved.

Sizes never depend on the values, so that two runs lie side by side.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 100
INK, ACCENT, QUIET, WARM = "#222222", "#2f6f8f", "#a9b9c1", "#e0a458"
QUIET_LINE = "#7d8e97"  # thin things need more contrast
MAX_LABELS = 60  # of families along a side


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without the version of the library that drew it."""
    _save(figure, path, format="png", metadata={"Software": None})


def save_jpeg(figure: Figure, path: Path) -> None:
    """Write a figure that holds photos as JPEG, a tenth of the size."""
    _save(figure, path, format="jpeg", pil_kwargs={"quality": 85})


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or JPEG, whichever its name ends in."""
    save = save_png if path.suffix == ".png" else save_jpeg
    save(figure, path)


def _save(figure: Figure, path: Path, **options: Any) -> None:
    """Draw in memory: where Pillow itself writes a file, it does not see that a full disk took only a part."""
    FigureCanvasAgg(figure)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn.getvalue())
