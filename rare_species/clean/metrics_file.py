"""Schema of metrics/clean.json."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.common.schema import JsonFile
from rare_species.common.status import Guess, Reason


class CleanMetrics(JsonFile):
    """Content of metrics/clean.json."""

    kept: NonNegativeInt
    rejected: dict[Reason, NonNegativeInt]
    guessed: dict[Guess, NonNegativeInt]
    documents: NonNegativeInt | None
    format_differs_from_extension: NonNegativeInt
    families: NonNegativeInt
    smallest_family: NonNegativeInt
    largest_family: NonNegativeInt
    other_files: NonNegativeInt
