"""Pack fitted photos into tar files, and find any of them again by name.

A shard is a plain tar (`tar tf data/processed/shard-00000.tar`) whose members are JPEGs. The index has one
row per photo with the shard, the offset and the length of its bytes, so that a reader never scans a tar.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from rare_species.errors import UserError
from rare_species.files import read_json, write_json
from rare_species.manifest import read_table, write_table
from rare_species.params import Resize

INDEX_COLUMNS = ("file_path", "split", "class_id", "shard", "offset", "length")


@dataclass(frozen=True)
class Shape:
    """How photos were fitted and treated.

    Attributes:
        image_size: side of every photo, in pixels.
        resize: "crop", "pad" or "stretch", see `images.fit_square`.
        treatment: its name and knobs, see `treatments.make_treatment`.
        jpeg_quality: they were encoded with, see `images.encode_jpeg`.
    """

    image_size: int
    resize: Resize
    treatment: dict[str, Any]
    jpeg_quality: int


@dataclass(frozen=True)
class Packed:
    """A folder of shards.

    Attributes:
        folder: where they lie.
        index: columns `INDEX_COLUMNS`, ordered by `file_path`; numbers are numbers.
        shape: of every photo.
    """

    folder: Path
    index: pd.DataFrame
    shape: Shape

    def rows(self, split: str) -> pd.DataFrame:
        """The index of one split, numbered from 0."""
        return self.index[self.index["split"] == split].reset_index(drop=True)

    def read(self, rows: pd.DataFrame) -> Iterator[bytes]:
        """Yield the JPEG of each row, in order; each shard is opened once per run of rows."""
        for shard, run in rows.groupby((rows["shard"] != rows["shard"].shift()).cumsum(), sort=False):
            del shard
            with (self.folder / run["shard"].iloc[0]).open("rb") as file:
                for offset, length in zip(run["offset"], run["length"], strict=True):
                    file.seek(offset)
                    yield file.read(length)


def pack(photos: pd.DataFrame, jpegs: Iterable[bytes], folder: Path, shard_images: int, shape: Shape) -> None:
    """Write photos into shards, their index and what they were made with.

    Args:
        photos: columns file_path, split and class_id; one row per JPEG.
        jpegs: the encoded photos, in the order of `photos`; read one at a time.
        folder: an empty folder.
        shard_images: photos per shard.
        shape: of every photo.
    """
    places, stream = [], iter(jpegs)
    for number, start in enumerate(range(0, len(photos), shard_images)):
        name = f"shard-{number:05d}.tar"
        with tarfile.open(folder / name, "w", format=tarfile.USTAR_FORMAT) as tar:
            for position in range(start, min(start + shard_images, len(photos))):
                offset, length = _append(tar, f"{position:08d}.jpg", next(stream))
                places.append((name, offset, length))
    index = photos.assign(**dict(zip(("shard", "offset", "length"), zip(*places, strict=True), strict=True)))
    write_table(folder / "index.csv", index, INDEX_COLUMNS)
    write_json(folder / "packed.json", asdict(shape))


def open_packed(folder: Path) -> Packed:
    """Open the shards that `pack` wrote.

    Raises:
        UserError: when they are not there.
    """
    index = read_table(folder / "index.csv", INDEX_COLUMNS).astype({"class_id": int, "offset": int, "length": int})
    return Packed(folder, index, Shape(**read_json(folder / "packed.json")))


def find_photo(packed: Packed, file_path: str) -> bytes:
    """Read one photo's JPEG by the name it has in the archive.

    Raises:
        UserError: when there is no such photo.
    """
    rows = packed.index[packed.index["file_path"] == file_path]
    if rows.empty:
        raise UserError(f"Expected a packed photo. Received: {file_path!r}, not in {packed.folder / 'index.csv'}.")
    return next(packed.read(rows))


def _append(tar: tarfile.TarFile, name: str, data: bytes) -> tuple[int, int]:
    member = tarfile.TarInfo(name)  # its default time, owner and mode are fixed
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
    return tar.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, len(data)
