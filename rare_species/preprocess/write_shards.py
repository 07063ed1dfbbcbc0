"""Fit photos to a square, treat, encode and pack them, using several processes."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd

from rare_species.data.shards import Preprocessing, pack
from rare_species.images.fit_to_square import fit_checked
from rare_species.parallel.pools import map_in_processes
from rare_species.params.preprocess import PreprocessParams
from rare_species.treatments.registry import make_treatment


def fit_and_pack(photos: pd.DataFrame, images: Path, params: PreprocessParams, folder: Path, workers: int) -> None:
    """Fit photos to a square, treat them, encode them as JPEG and pack them into shards.

    Args:
        photos: columns file_path, split, class_id and sha256 (checksum of the file when stage clean read it).
        images: folder that `file_path` is relative to.
        params: how photos are fitted, treated, encoded and packed.
        folder: empty folder for the shards and their index.
        workers: number of processes.

    Raises:
        UserError: if something that the treatment needs is missing, or a file has changed since stage clean.
    """
    recipe = params.recipe()
    fit = partial(
        fit_checked,
        side_px=params.image_size,
        resize=params.resize,
        treat=make_treatment(recipe),
        quality=params.jpeg_quality,
        folder=images,
    )
    named = list(zip(photos["file_path"], photos["sha256"], strict=True))
    shape = Preprocessing(
        image_size=params.image_size, resize=params.resize, treatment=recipe, jpeg_quality=params.jpeg_quality
    )
    with closing(map_in_processes(fit, named, "preprocess", workers)) as jpegs:
        pack(photos, jpegs, folder, params.shard_images, shape)
