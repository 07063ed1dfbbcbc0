"""Section `embed` of params.yaml."""

from __future__ import annotations

from pydantic import (
    NonNegativeInt,
    PositiveInt,
)

from rare_species.augmentation.parameters import AugmentationParams
from rare_species.common.validation import Section, Seed


class EmbedParams(Section):
    """Section `embed`: the batch size, and how many augmented copies of each training image there are (`views`)."""

    batch_size: PositiveInt
    views: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed
