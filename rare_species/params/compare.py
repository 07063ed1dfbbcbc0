"""Section `compare` of params.yaml; no stage reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from rare_species.common.validated_types import Fraction, Parameters, Seed


class MetricRule(Parameters):
    """When a metric in [0, 1] regressed: lost more than the tolerance, or fell below the minimum."""

    tolerance: Fraction
    minimum: Fraction


class LossRule(Parameters):
    """When the loss regressed: grew by more than the tolerance, or beyond the maximum."""

    tolerance: Annotated[float, Field(ge=0)]
    maximum: PositiveFloat


class CompareParams(Parameters):
    """Section `compare`: when a change made the model worse; no stage reads it."""

    resamples: Annotated[int, Field(ge=100)]
    macro_f1: MetricRule
    accuracy: MetricRule
    top_k_accuracy: MetricRule
    loss: LossRule
    seed: Seed

    @property
    def rules(self) -> dict[str, MetricRule | LossRule]:
        """Rules by the metric that they judge, in their order."""
        return {name: rule for name, rule in self if isinstance(rule, MetricRule | LossRule)}
