"""Section `embed` of params.yaml."""

from __future__ import annotations

from pydantic import (
    NonNegativeInt,
    PositiveInt,
)

from rare_species.augmentation.parameters import AugmentationParams
from rare_species.common.validation import Parameters, Seed


class EmbedParams(Parameters):
    """Section `embed`: batch size, and augmented copies of each training image."""

    batch_size: PositiveInt
    augmented_copies: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed
