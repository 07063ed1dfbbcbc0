"""How much a random split flatters where photos were taken in bursts: one archive, two splits.

    python -m benchmarks.leak data/raw/photos.zip

Gives a share of the photos two to four near-copies each (cropped a little, darker or lighter, another JPEG quality;
the content ids that follow, the same species), writes them with all photos to ARCHIVE-bursts.zip beside the archive,
and runs the pipeline on that with the grouped and with the random split. Real bursts differ more from photo to photo.

Besides all test photos it scores the archive's own among them, no two of which are near-copies: intervals over all take
near-copies for photos of their own and are too narrow. params.yaml ends as it was, but outputs, metrics and plots are
those of the last run.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance
from tqdm import tqdm

from benchmarks.single_parameters import PARAMS, measure
from rare_species.common.paths import Paths
from rare_species.common.staged_files import staged
from rare_species.common.validated_json import read_json_file
from rare_species.compare.runs import WORKSPACE, find_revision
from rare_species.compare.split_gap import SplitRun, describe, read_split_run
from rare_species.images.decode import decode_rgb
from rare_species.split.metrics_file import SplitMetrics

SHARE = 0.6  # of the photos that get near-copies, which makes about 85 % of all photos parts of bursts
MOST_COPIES = 4
FREE_IDS = 10  # that must follow a photo's, so that its near-copies join no other burst
EPOCH = (1980, 1, 1, 0, 0, 0)
METHODS = {"grouped": "grouped", "random": "stratified"}


def plant_bursts(archive: Path, planted: Path, share: float, seed: int) -> set[str]:
    """Write an archive's photos again, some of them with near-copies.

    Args:
        archive: a zip with one metadata.csv that has eol_content_id.
        planted: the zip to write; the same bytes for the same archive, share and seed.
        share: of the photos that get near-copies.
        seed: of the choice and of what is done to them.

    Returns:
        `file_path` of every near-copy.
    """
    with zipfile.ZipFile(archive) as source, staged(planted) as (partial,), zipfile.ZipFile(partial, "w") as target:
        (metadata,) = (name for name in source.namelist() if PurePosixPath(name).name == "metadata.csv")
        root = PurePosixPath(metadata).parent
        rows = list(csv.DictReader(io.StringIO(source.read(metadata).decode("utf-8-sig"))))
        chosen, copies = choose_photos(rows, share, seed), []
        for row in tqdm(rows, desc="plant", unit="image"):
            data = source.read(str(root / row["file_path"]))
            target.writestr(_member(root / row["file_path"]), data)
            if row["eol_content_id"] in chosen:
                for copy, changed in near_copies(row, data, seed):
                    target.writestr(_member(root / copy["file_path"]), changed)
                    copies.append(copy)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows + copies)
        target.writestr(_member(PurePosixPath(metadata)), text.getvalue())
    return {copy["file_path"] for copy in copies}


def choose_photos(rows: list[dict[str, str]], share: float, seed: int) -> set[str]:
    """Content ids of a share of the photos, of those whose following ids are free."""
    ids = np.unique([int(row["eol_content_id"]) for row in rows])
    free = ids[np.diff(ids, append=ids[-1] + FREE_IDS) >= FREE_IDS]
    count = min(round(share * len(rows)), len(free))
    return {str(number) for number in np.random.default_rng(seed).choice(free, count, replace=False)}


def near_copies(row: dict[str, str], data: bytes, seed: int) -> Iterator[tuple[dict[str, str], bytes]]:
    """Yield rows and JPEGs of two to four near-copies of a photo."""
    photo, content_id = decode_rgb(data), int(row["eol_content_id"])
    rng = np.random.default_rng([seed, content_id])
    for number in range(content_id + 1, content_id + 1 + rng.integers(2, MOST_COPIES + 1)):
        name = f"{number}_{row['eol_page_id']}_eol-full-size-copy.jpg"
        path = PurePosixPath(row["file_path"]).with_name(name)
        yield row | {"eol_content_id": str(number), "file_path": str(path)}, _change(photo, rng)


def leaked_share() -> float:
    """Share of the test photos of which a training photo shows the same moment, in the run just made."""
    table = pd.read_csv(Paths().assignments)
    trained = set(table.loc[table["split"] == "train", "group"])
    return float(table.loc[table["split"] == "test", "group"].isin(trained).mean())


def main() -> None:
    """Plant, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the near-copies; default: 0")
    arguments = parser.parse_args()
    planted = arguments.archive.with_name(f"{arguments.archive.stem}-bursts.zip")
    copies = plant_bursts(arguments.archive, planted, SHARE, arguments.seed)
    print(f"{planted}: {len(copies)} near-copies beside the photos of {arguments.archive}")
    before, runs = PARAMS.read_bytes(), []
    try:
        for name, method in METHODS.items():
            measure(str(planted), [f"split.method={method}", "split.holdout_species=false"])
            PARAMS.write_bytes(before)
            runs.append(replace(read_split_run(find_revision(WORKSPACE, Path())), name=name))
            pairs = read_json_file(Paths().metrics("split"), SplitMetrics).leaked_pairs
            print(
                f"{name}: {pairs} leaked pairs; {leaked_share():.1%} of test photos have one of their moment in train"
            )
    finally:
        PARAMS.write_bytes(before)
    families = list(runs[0].counts.index)
    print(f"\nall test photos, 95 % intervals\n{describe(runs, families)}")
    print(f"\nthe archive's own among them\n{describe([_without(run, copies) for run in runs], families)}")


def _change(photo: Image.Image, rng: np.random.Generator) -> bytes:
    sides = np.round(np.array(photo.size) * rng.uniform(0.9, 0.97)).astype(int)
    left, top = rng.integers(0, np.array(photo.size) - sides + 1)
    cropped = photo.crop((left, top, left + sides[0], top + sides[1]))
    file = io.BytesIO()
    ImageEnhance.Brightness(cropped).enhance(rng.uniform(0.85, 1.15)).save(
        file, "JPEG", quality=int(rng.integers(60, 91))
    )
    return file.getvalue()


def _without(run: SplitRun, copies: set[str]) -> SplitRun:
    return run.only(~np.isin(run.file_paths, list(copies)))


def _member(path: PurePosixPath) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(str(path), EPOCH)


if __name__ == "__main__":
    main()
