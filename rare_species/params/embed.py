"""Section `embed` of params.yaml."""

from __future__ import annotations

from pydantic import (
    NonNegativeInt,
    PositiveInt,
)

from rare_species.augmentation.augmentation_params import AugmentationParams
from rare_species.common.validated_types import Parameters, Seed


class EmbedParams(Parameters):
    """Section `embed`: batch size, and augmented copies of each training image."""

    batch_size: PositiveInt
    augmented_copies: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed
