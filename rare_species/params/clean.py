"""Section `clean` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    PositiveInt,
)

from rare_species.common.validated_types import Fraction, Parameters


class CleanParams(Parameters):
    """Section `clean`: which images are rejected, and how many rejections are too many."""

    exclude: Path
    min_side_px: PositiveInt
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)]  # Pillow refuses to decode more
    documents: Literal["keep", "flag", "reject"]
    max_rejected_fraction: Fraction
