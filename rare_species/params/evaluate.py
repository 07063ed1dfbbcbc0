"""Section `evaluate` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
)

from rare_species.augmentation.parameters import AugmentationParams
from rare_species.common.validation import Section, Seed


class EvaluateParams(Section):
    """Section `evaluate`: what the pictures show, how intervals are computed, and when a family counts as sure."""

    top_k: PositiveInt
    wanted_precision: Annotated[float, Field(gt=0, le=1)]
    confused_families: Annotated[int, Field(ge=2)]
    worst_photos: PositiveInt
    explained_photos: NonNegativeInt
    resamples: Annotated[int, Field(ge=100)]
    views: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed
