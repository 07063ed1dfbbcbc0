"""Section `compare` of params.yaml; no stage reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    Field,
    PositiveFloat,
)

from rare_species.common.validation import Fraction, Section, Seed


class ScoreRule(Section):
    """When a metric in [0, 1] counts as regressed: it falls by more than `floor`, or below `minimum`."""

    floor: Fraction
    minimum: Fraction


class LossRule(Section):
    """When the loss counts as regressed: it grows by more than `floor`, or above `maximum`."""

    floor: Annotated[float, Field(ge=0)]
    maximum: PositiveFloat


class CompareParams(Section):
    """Section `compare`: when a change counts as having made the model worse; no stage reads it."""

    resamples: Annotated[int, Field(ge=100)]
    macro_f1: ScoreRule
    accuracy: ScoreRule
    top_k_accuracy: ScoreRule
    loss: LossRule
    seed: Seed
