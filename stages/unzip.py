"""Unpack the archive and write down what each photo is labelled.

Reads:  unzip.archive, a zip laid out in one of three ways (see unzip.layout in params.yaml)
Writes: data/images/ (the photos, and listing.csv with file_path, phylum, family, species, content_id)
        metrics/unzip.json
Params: unzip
Takes:  seconds; about 5 s for 12,000 photos of 0.6 GB
"""

import os
import sys
from dataclasses import dataclass
from typing import Any

from rare_species.archive import Limits
from rare_species.data_metrics import UnzipMetrics
from rare_species.files import staged
from rare_species.listing import unpack
from rare_species.manifest import LISTING_COLUMNS, write_table
from rare_species.params import UnzipParams
from rare_species.paths import Paths
from rare_species.schema import write_document
from rare_species.stage import Stage


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    unzip: UnzipParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Unpack and list."""
    knobs = params.unzip
    limits = Limits(knobs.max_files, knobs.max_bytes, knobs.max_ratio)
    with staged(paths.images, paths.metrics("unzip")) as (images, metrics):
        listing = unpack(paths.root / knobs.archive, images, limits, knobs.layout)
        write_table(images / "listing.csv", listing, LISTING_COLUMNS)
        counts = {
            "files": sum(len(names) for _, _, names in os.walk(images)) - 1,
            "labels": len(listing),
            "families": listing["family"].nunique(),
            "phyla": listing["phylum"].nunique(),
            "species": listing["species"].nunique(),
        }
        write_document(metrics, counts, UnzipMetrics)
    return counts


STAGE = Stage("unzip", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
