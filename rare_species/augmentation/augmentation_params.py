"""Parameters of augmentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
)

from rare_species.common.validated_types import Fraction, Parameters


class AugmentationParams(Parameters):
    """Random changes to photos; params.yaml explains the units."""

    flip: bool
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    zoom: Annotated[float, Field(ge=0, lt=1)]
    translation: Annotated[float, Field(ge=0, lt=1)]
    brightness: Fraction
    contrast: Annotated[float, Field(ge=0, lt=1)]
    rand_augment: Fraction
    random_erasing: Fraction


class TrainAugmentationParams(AugmentationParams):
    """Augmentations that need labels too, so only training can use them."""

    mixup: Annotated[float, Field(ge=0, le=10)]
    cutmix: Fraction
