"""Decode each kept photo once, upright and in RGB; fit it to a square, treat it and pack it.

Reads:  data/images/, data/split/split.csv
Writes: data/processed/ (tar shards of JPEGs, index.csv, packed.json, SHA256SUMS), metrics/preprocess.json
        plots/preprocess/ (a contact sheet per split)
Params: preprocess
Takes:  about a minute for 12,000 photos on two cores; remove_background takes half a second per photo and core
"""

import sys
from dataclasses import dataclass
from typing import Any

from rare_species.common.cores import available_cores
from rare_species.common.csv_tables import read_checked
from rare_species.common.paths import Paths
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.stage_runner import Stage
from rare_species.common.staged_files import staged, write_json
from rare_species.data.shards import open_packed
from rare_species.params.preprocess import PreprocessParams
from rare_species.preprocess.figures import draw_packed
from rare_species.preprocess.write_shards import fit_and_pack


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    preprocess: PreprocessParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Fit, treat, encode, pack."""
    photos = read_checked(paths.assignments, ("file_path", "family", "class_id", "split", "sha256"))
    with staged(paths.processed, paths.metrics("preprocess"), paths.plots("preprocess")) as (processed, metrics, plots):
        fit_and_pack(photos, paths.images, params.preprocess, processed, available_cores())
        packed = open_packed(processed)
        counts = {"images": len(packed.index), "shards": packed.index["shard"].nunique()}
        write_json(metrics, counts | {"mean_bytes": round(float(packed.index["length"].mean()))})
        draw_packed(packed, dict(zip(photos["file_path"], photos["family"], strict=True)), plots)
        write_result_checksums(STAGE.name, metrics, plots)
    return counts


STAGE = Stage("preprocess", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
