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
        families: distinct families in the listing.
        phyla: distinct phyla in the listing, one of which may be "" (unknown).
        species: distinct species in the listing, one of which may be "" (unknown).
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
