"""Section `evaluate` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
)

from rare_species.augmentation.augmentation_params import AugmentationParams
from rare_species.common.validated_types import Parameters, Seed


class EvaluateParams(Parameters):
    """Section `evaluate`: what pictures show, how intervals are computed, and when an answer names the family."""

    top_k: PositiveInt
    target_precision: Annotated[float, Field(gt=0, le=1)]
    confused_families: Annotated[int, Field(ge=2)]
    worst_photos: PositiveInt
    explained_photos: NonNegativeInt
    resamples: Annotated[int, Field(ge=100)]
    test_time_copies: NonNegativeInt
    augmentation: AugmentationParams
    seed: Seed
