"""Schema of metrics/clean.json."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.common.photo_status import Guess, Reason
from rare_species.common.validated_json import JsonFile


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
