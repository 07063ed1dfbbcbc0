"""Section `split` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    model_validator,
)

from rare_species.common.validated_types import Parameters, Seed


class SplitParams(Parameters):
    """Section `split`: shares of the splits, and which photos belong together."""

    method: Literal["grouped", "stratified"]
    train: Annotated[float, Field(gt=0, lt=1)]
    val: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    burst_gap: NonNegativeInt
    near_duplicate_bits: Annotated[int, Field(ge=0, le=15)]
    holdout_species: bool
    seed: Seed

    @model_validator(mode="after")
    def _species_are_held_out_in_groups(self) -> SplitParams:
        if self.holdout_species and self.method != "grouped":
            raise ValueError(
                "split.method must be grouped with split.holdout_species=true, which keeps bursts and near-duplicates "
                f"together. Received: {self.method}"
            )
        return self

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> SplitParams:
        total = self.train + self.val + self.test
        if abs(total - 1) > 1e-6:
            shares = f"{self.train:g} + {self.val:g} + {self.test:g} = {total:g}"
            raise ValueError(f"split.train + split.val + split.test must be 1. Received: {shares}")
        return self
