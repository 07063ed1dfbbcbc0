"""What metrics/unzip.json, clean.json and split.json hold: a model of each, by which it is written and read."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.schema import Document
from rare_species.section import Fraction
from rare_species.status import Guess, Reason


class UnzipMetrics(Document):
    """metrics/unzip.json.

    Attributes:
        files: unpacked.
        junk: files that tools leave, passed over.
        outside: files beside the folder of metadata.csv, not unpacked.
        labels: rows of the listing.
        families: of these.
        phyla: of these.
        species: of these.
        unread_ids: content ids that are no whole number.
    """

    files: NonNegativeInt
    junk: NonNegativeInt
    outside: NonNegativeInt
    labels: NonNegativeInt
    families: NonNegativeInt
    phyla: NonNegativeInt
    species: NonNegativeInt
    unread_ids: NonNegativeInt


class CleanMetrics(Document):
    """metrics/clean.json."""

    kept: NonNegativeInt
    rejected: dict[Reason, NonNegativeInt]
    guessed: dict[Guess, NonNegativeInt]
    documents: NonNegativeInt | None
    format_differs_from_extension: NonNegativeInt
    families: NonNegativeInt
    smallest_family: NonNegativeInt
    largest_family: NonNegativeInt
    other_files: NonNegativeInt


class SplitCounts(Document):
    """What a split holds."""

    images: NonNegativeInt
    families: NonNegativeInt
    groups: NonNegativeInt


class HeldOutCounts(Document):
    """What is held out of training."""

    images: NonNegativeInt
    species: NonNegativeInt
    families: NonNegativeInt


class SplitMetrics(Document):
    """metrics/split.json, see `splitting.describe_splits`."""

    train: SplitCounts
    val: SplitCounts
    test: SplitCounts
    held_out_species: HeldOutCounts
    leaked_pairs: NonNegativeInt | None
    families_without_val: NonNegativeInt
    families_without_test: NonNegativeInt
    family_share_deviation: Fraction
