"""Section `clean` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    PositiveInt,
)

from rare_species.common.validation import Fraction, Section


class CleanParams(Section):
    """Section `clean`: when an image is rejected, and how many rejected images are too many."""

    exclude: Path
    min_side_px: PositiveInt
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)]  # Pillow refuses to decode more
    documents: Literal["keep", "flag", "reject"]
    max_rejected_fraction: Fraction
