"""What metrics/split.json holds."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.common.schema import JsonFile
from rare_species.common.validation import Fraction


class SplitCounts(JsonFile):
    """What a split holds."""

    images: NonNegativeInt
    families: NonNegativeInt
    groups: NonNegativeInt


class HeldOutCounts(JsonFile):
    """What is held out of training."""

    images: NonNegativeInt
    species: NonNegativeInt
    families: NonNegativeInt


class SplitMetrics(JsonFile):
    """metrics/split.json, see `assign.describe_splits`."""

    train: SplitCounts
    val: SplitCounts
    test: SplitCounts
    held_out_species: HeldOutCounts
    leaked_pairs: NonNegativeInt | None
    families_without_val: NonNegativeInt
    families_without_test: NonNegativeInt
    family_share_deviation: Fraction
