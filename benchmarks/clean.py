"""Time stage clean against reading, hashing and decoding alone.

Run from the repository root: `python -m benchmarks.clean`. About two minutes. The stage's side starts its
processes, looks at every photo and puts the manifest together; it gets each photo under many names (hard links).
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from benchmarks.photos import FOLDER, Photos, realistic_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import take_turns, timed
from rare_species.clean.keep_or_reject import build_manifest
from rare_species.common.cores import available_cores
from rare_species.common.read_params import load_params
from rare_species.images.inspect_image import HASH_SIDE_PX, Facts, inspect_image
from rare_species.params.clean import CleanParams

NAMES = 20  # of each photo: as many as 12,000 photos


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that the stage reads."""

    clean: CleanParams


def rows() -> list[Row]:
    """Clean against its limit."""
    photos, cores, parameters = realistic_photos(), available_cores(), load_params(Path("params.yaml"), Params).clean
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        listing = link_all(photos, Path(folder))
        turns = take_turns(
            {
                "clean": timed(lambda: build_manifest(listing, Path(folder), set(), parameters, cores), len(listing)),
                "inspection": timed(lambda: [inspect(file, parameters) for file in photos.files], len(photos.files)),
                "limit": timed(lambda: [look_at(file) for file in photos.files], len(photos.files)),
            }
        )
    limit = f"reading, SHA-256 and a scaled decoding alone, times {cores} cores"
    measured = str(turns.speed("clean", "limit", by=cores))
    whole, inspection, least = (1000 * turns.median(side) for side in ("clean", "inspection", "limit"))
    costs = (
        f"a photo costs {whole * cores:.2f} ms of a core; its inspection {inspection:.2f} of these, with orientation "
        f"and perceptual hash beside the limit's {least:.2f}; the rest is the processes' start and the manifest"
    )
    return [Row(f"`clean`, photos a second on {cores} cores", limit, "≥ 0.7×", measured, costs)]


def link_all(photos: Photos, folder: Path) -> pd.DataFrame:
    """Give each photo many names; the listing of these."""
    listings = []
    for number in range(NAMES):
        listings.append(photos.listing.assign(file_path=f"{number:02d}/" + photos.listing["file_path"]))
        for file, path in zip(photos.files, listings[-1]["file_path"], strict=True):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).hardlink_to(file)
    return pd.concat(listings, ignore_index=True)


def inspect(file: Path, parameters: CleanParams) -> Facts:
    """What the stage does with a photo when it looks for no documents."""
    return inspect_image(file, parameters.min_side_px, parameters.max_pixels, None)


def look_at(file: Path) -> str:
    """What cannot be left out; the hash."""
    data = file.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (HASH_SIDE_PX, HASH_SIDE_PX))
        image.load()
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    run_alone(rows)
