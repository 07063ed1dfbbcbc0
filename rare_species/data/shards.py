"""Pack fitted photos into tar files, and find any of them again by name.

A shard is a plain tar (`tar tf data/processed/shard-00000.tar`) whose members are JPEGs. The index has one
row per photo with the shard, the offset and the length of its bytes, so that a reader never scans a tar.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import pandas as pd
from PIL import Image
from pydantic import AfterValidator, Field, PositiveInt

from rare_species.common.checksums import check_files, require_file, restore, write_checksums
from rare_species.common.csv_tables import read_table, write_table
from rare_species.common.errors import UserError
from rare_species.common.image_formats import Resize
from rare_species.common.validated_json import JsonFile, read_json_file, write_json_file

INDEX_NAME, PACKED_NAME = "index.csv", "packed.json"
INDEX_COLUMNS = ("file_path", "split", "class_id", "shard", "offset", "length", "crc32")
_NUMBERS = ("class_id", "offset", "length", "crc32")


def _has_name(recipe: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(recipe.get("name"), str):
        raise ValueError(f"name must be that of a treatment, and is {recipe.get('name')!r}")
    return recipe


class Preprocessing(JsonFile):
    """packed.json: how photos were fitted, treated and encoded.

    Attributes:
        image_size: side of every photo, in pixels.
        resize: "crop", "pad" or "stretch", see `fit_to_square.fit_square`.
        treatment: name and parameters of the treatment; `registry.make_treatment` checks them.
        jpeg_quality: JPEG quality, 50 to 100.
    """

    image_size: PositiveInt
    resize: Resize
    treatment: Annotated[dict[str, Any], AfterValidator(_has_name)]
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]


@dataclass(frozen=True)
class Packed:
    """A folder of shards.

    Attributes:
        folder: folder of the shards.
        index: columns `INDEX_COLUMNS`, sorted by `file_path`, with numeric columns as int.
        preprocessing: how every photo was fitted, treated and encoded.
    """

    folder: Path
    index: pd.DataFrame
    preprocessing: Preprocessing

    def rows(self, split: str) -> pd.DataFrame:
        """Return the index of one split, numbered from 0."""
        return self.index[self.index["split"] == split].reset_index(drop=True)

    def read(self, rows: pd.DataFrame) -> Iterator[bytes]:
        """Yield the JPEG of each row, in order; a shard stays open while consecutive rows are in it.

        Raises:
            UserError: when a shard is missing, or holds other bytes than were packed.
        """
        for _, run in rows.groupby((rows["shard"] != rows["shard"].shift()).cumsum(), sort=False):
            shard = self.folder / run["shard"].iloc[0]
            require_file(shard)
            with shard.open("rb") as file:
                for place in zip(run["offset"], run["length"], run["crc32"], run["file_path"], strict=True):
                    yield _read_photo(file, *place)

    def check(self, rows: pd.DataFrame) -> None:
        """Read photos once, to find a damaged shard before hours of work.

        Raises:
            UserError: when a shard is missing or damaged, see `read`.
        """
        for _ in self.read(rows):
            pass

    def photos(self, rows: pd.DataFrame) -> Iterator[Image.Image]:
        """Decode the photos of some rows of the index to RGB, in their order.

        Raises:
            UserError: when a shard is missing or damaged.
        """
        for jpeg in self.read(rows):
            with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as photo:
                photo.load()
                yield photo

    def check_classes(self, n_classes: int) -> None:
        """Check that the class ids of all photos exist.

        Raises:
            UserError: when one does not; the message names the first.
        """
        wrong = self.index[self.index["class_id"] >= n_classes]
        if len(wrong):
            raise UserError(
                f"Expected class ids below {n_classes} in {self.folder / INDEX_NAME}, as there are so many classes. "
                f"Received: {wrong['class_id'].iloc[0]} of {wrong['file_path'].iloc[0]!r}. Run dvc repro."
            )


def pack(
    photos: pd.DataFrame, jpegs: Iterable[bytes], folder: Path, shard_images: int, preprocessing: Preprocessing
) -> None:
    """Write shards, their index, packed.json and checksums.

    Args:
        photos: columns file_path, split and class_id; one row per JPEG.
        jpegs: encoded photos, in the order of `photos`; consumed one at a time.
        folder: an empty folder.
        shard_images: photos per shard.
        preprocessing: how every photo was fitted, treated and encoded.
    """
    places, stream = [], iter(jpegs)
    for number, start in enumerate(range(0, len(photos), shard_images)):
        name = f"shard-{number:05d}.tar"
        with tarfile.open(folder / name, "w", format=tarfile.USTAR_FORMAT) as tar:
            for position in range(start, min(start + shard_images, len(photos))):
                jpeg = next(stream)
                offset = _append(tar, f"{position:08d}.jpg", jpeg)
                places.append((name, offset, len(jpeg), zlib.crc32(jpeg)))
    index = photos.assign(**dict(zip(("shard", "offset", "length", "crc32"), zip(*places, strict=True), strict=True)))
    write_table(folder / INDEX_NAME, index, INDEX_COLUMNS)
    write_json_file(folder / PACKED_NAME, preprocessing.model_dump(), Preprocessing)
    write_checksums(folder, INDEX_NAME, PACKED_NAME)  # the index has a checksum of every photo


def open_packed(folder: Path) -> Packed:
    """Open the shards that `pack` wrote.

    Raises:
        UserError: when they are missing, or the index or packed.json has changed.
    """
    check_files(folder, INDEX_NAME, PACKED_NAME)
    index = read_table(folder / INDEX_NAME, INDEX_COLUMNS).astype(dict.fromkeys(_NUMBERS, int))
    return Packed(folder, index, read_json_file(folder / PACKED_NAME, Preprocessing))


def _read_photo(file: IO[bytes], offset: int, length: int, crc32: int, file_path: str) -> bytes:
    file.seek(offset)
    jpeg = file.read(length)
    if zlib.crc32(jpeg) != crc32:  # also when the file ends too early
        raise UserError(
            f"Expected the JPEG of {file_path!r} in {file.name}, as its index says. Received: "
            f"{'other bytes' if len(jpeg) == length else 'the end of the file'}. {restore(Path(file.name))}"
        )
    return jpeg


def _append(tar: tarfile.TarFile, name: str, data: bytes) -> int:
    """Append a file, and return the offset of its bytes."""
    member = tarfile.TarInfo(name)  # time, owner and mode stay at fixed defaults
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
    return tar.offset - -(-len(data) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
