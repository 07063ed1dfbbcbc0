"""Packed photos for every test that reads them, and signals as they are in a terminal."""

import signal
from pathlib import Path

import pandas as pd
import pytest

from rare_species.data.shards import Packed, Preprocessing, open_packed, pack
from rare_species.images.decode import encode_jpeg
from rare_species.images.fit_to_square import fit_square
from tests import toy

SIDE_PX = 32
SPLIT_OF = ("train", "val", "train", "test", "train", "val", "train", "test")  # of each family's 8 photos

# Under nohup, or in a script's background, signals are ignored, and so they would be in all that tests start
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The toy's 24 photos of 3 families at 32 px in three shards: 4 train, 2 val and 2 test each."""
    folder: Path = tmp_path_factory.mktemp("packed")
    photos, _ = toy.draw_photos()
    rows = pd.DataFrame(
        {
            "file_path": list(photos),
            "split": SPLIT_OF * len(toy.FAMILIES),
            "class_id": [list(toy.FAMILIES).index(path.split("/")[0]) for path in photos],
        }
    )
    jpegs = (encode_jpeg(fit_square(data, SIDE_PX, "crop"), 95) for data in photos.values())
    pack(
        rows,
        jpegs,
        folder,
        shard_images=10,
        preprocessing=Preprocessing(image_size=SIDE_PX, resize="crop", treatment={"name": "none"}, jpeg_quality=95),
    )
    return open_packed(folder)
