"""Schema of metrics/split.json."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.common.validated_json import JsonFile
from rare_species.common.validated_types import Fraction


class SplitCounts(JsonFile):
    """Number of images, families and groups in a split."""

    images: NonNegativeInt
    families: NonNegativeInt
    groups: NonNegativeInt


class HeldOutCounts(JsonFile):
    """Number of images, species and families that are held out of training."""

    images: NonNegativeInt
    species: NonNegativeInt
    families: NonNegativeInt


class SplitMetrics(JsonFile):
    """Content of metrics/split.json, see `assign.describe_splits`."""

    train: SplitCounts
    val: SplitCounts
    test: SplitCounts
    held_out_species: HeldOutCounts
    leaked_pairs: NonNegativeInt | None
    families_without_val: NonNegativeInt
    families_without_test: NonNegativeInt
    family_share_deviation: Fraction
