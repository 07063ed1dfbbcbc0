"""What metrics/unzip.json holds."""

from __future__ import annotations

from pydantic import NonNegativeInt

from rare_species.common.validated_json import JsonFile


class UnzipMetrics(JsonFile):
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
