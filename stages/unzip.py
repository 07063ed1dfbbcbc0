"""Unpack the archive and list the label of each photo.

Reads:  unzip.archive, a zip in one of the layouts that params.yaml lists at unzip.layout
Writes: data/images/ (the photos), data/labels/listing.csv (file_path, phylum, family, species, content_id)
        metrics/unzip.json (counts: unpacked files, files that were left out, labels, ids that are no numbers)
Params: unzip
Takes:  seconds; about 5 s for 12,000 photos of 0.6 GB in all
"""

import sys
from dataclasses import dataclass
from typing import Any

from rare_species.common.csv_tables import LISTING_COLUMNS, write_table
from rare_species.common.paths import LISTING, Paths
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.stage_runner import Stage
from rare_species.common.staged_files import staged
from rare_species.common.validated_json import write_json_file
from rare_species.layouts.spreadsheet_ids import unread_ids
from rare_species.params.unzip import UnzipParams
from rare_species.unzip.metrics_file import UnzipMetrics
from rare_species.unzip.unpack import unpack


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    unzip: UnzipParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Unpack, list, count."""
    with staged(paths.images, paths.labels, paths.metrics("unzip")) as (images, labels, metrics):
        found = unpack(paths.root / params.unzip.archive, images, params.unzip)
        listing = found.listing
        write_table(labels / LISTING, listing, LISTING_COLUMNS)
        counts = {
            "files": found.n_files,
            "junk": found.n_junk,
            "outside": found.n_outside,
            "labels": len(listing),
            "families": listing["family"].nunique(),
            "phyla": listing["phylum"].nunique(),
            "species": listing["species"].nunique(),
            "unread_ids": int(unread_ids(listing["content_id"]).sum()),
        }
        write_json_file(metrics, counts, UnzipMetrics)
        write_result_checksums(STAGE.name, metrics, labels)
    return counts


STAGE = Stage("unzip", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
