"""Assign every kept photo to train, validation or test; bursts and near-duplicates stay together.

Reads:  data/clean/manifest.csv
Writes: data/split/split.csv (photo, label, group, split; held_out_species is 1 for a test photo of a held-out species)
        data/split/classes.json (the class ids, which every later stage uses)
        metrics/split.json (images, families and groups per split; held-out species; leaked pairs: 0 when grouped, null
        when bursts are asked for and some content ids are unreadable)
        plots/split/families.png, families.csv
Params: split
Takes:  seconds
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from rare_species.common.class_labels import CLASSES, Classes
from rare_species.common.csv_tables import LISTING_COLUMNS, SPLIT_COLUMNS, kept, read_checked, write_csv, write_table
from rare_species.common.paths import ASSIGNMENTS, Paths
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.stage_runner import Stage
from rare_species.common.staged_files import staged
from rare_species.common.validated_json import write_json_file
from rare_species.params.split import SplitParams
from rare_species.split.assign import assign_splits, count_families, describe_splits, list_classes, refuse_empty_splits
from rare_species.split.figures import draw_split
from rare_species.split.groups import count_leaks, group_photos
from rare_species.split.held_out_species import assign_others, choose_held_out
from rare_species.split.metrics_file import SplitMetrics


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    split: SplitParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Group, assign, count leaked pairs."""
    fractions = {"train": params.split.train, "val": params.split.val, "test": params.split.test}
    manifest = read_checked(paths.manifest, (*LISTING_COLUMNS, "status", "phash", "sha256"))
    manifest["group"] = group_photos(manifest, params.split.burst_gap, params.split.near_duplicate_bits)
    photos = kept(manifest)
    classes = list_classes(photos)
    photos["class_id"] = photos["family"].map({entry["family"]: entry["class_id"] for entry in classes})
    families = photos["family"].to_numpy(dtype=str)
    together = photos["group"].to_numpy() if params.split.method == "grouped" else np.arange(len(photos))
    if params.split.holdout_species:
        photos["held_out_species"] = held_out = choose_held_out(photos, fractions, params.split.seed)
        photos["split"] = assign_others(families, together, held_out, fractions, params.split.seed)
    else:
        photos["held_out_species"] = False
        photos["split"] = assign_splits(families, together, fractions, params.split.seed)
    refuse_empty_splits(photos["split"].to_numpy(dtype=str))
    leaked = count_leaks(photos, manifest, params.split.burst_gap)
    with staged(paths.split, paths.metrics("split"), paths.plots("split")) as (split, metrics, plots):
        write_table(split / ASSIGNMENTS, photos.astype({"held_out_species": int}), SPLIT_COLUMNS)
        write_json_file(split / CLASSES, classes, Classes)
        write_json_file(metrics, describe_splits(photos, fractions, leaked), SplitMetrics)
        draw_split(photos, plots)
        write_csv(plots / "families.csv", count_families(photos))
        write_result_checksums(STAGE.name, metrics, plots, split)
    shown = "unknown" if leaked is None else leaked
    return {name: int((photos["split"] == name).sum()) for name in fractions} | {"leaked pairs": shown}


STAGE = Stage("split", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
