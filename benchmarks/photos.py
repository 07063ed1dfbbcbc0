"""Photos to measure with: drawn once, kept in build/bench/ and used again."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pandas as pd

from rare_species.common.checksums import file_digest
from rare_species.common.cores import available_cores
from rare_species.common.csv_tables import LISTING_COLUMNS, read_table, write_table
from rare_species.common.read_params import load_params
from rare_species.common.staged_files import staged
from rare_species.data.shards import Packed, open_packed
from rare_species.params.preprocess import PreprocessParams
from rare_species.params.unzip import UnzipParams
from rare_species.preprocess.write_shards import fit_and_pack
from rare_species.sample.archive import TOP_FOLDER, Settings, draw_archive
from rare_species.sample.rows import Row, make_rows, read_rows, write_rows
from rare_species.unzip.unpack import unpack

FOLDER = Path("build/bench")
COUNT = 600  # realistic photos
SIDES_PX = (375, 1024)  # of these
SMALL_SIDES_PX = (64, 96)  # where only their number matters: several times as fast to draw
PACKED = 2  # times each realistic photo: an epoch of the real ones has 8,600
FULL_SCALE = 11_983  # photos of the rare-species set
FEWEST = 3  # photos of a family in a smaller set: each split gets one
NEXT_COPY = 10**9  # content ids of a copy of the metadata are so much higher


@dataclass(frozen=True)
class Unzip:
    """Sections of params.yaml."""

    unzip: UnzipParams


@dataclass(frozen=True)
class Preprocess:
    """The section of params.yaml that says how photos are packed."""

    preprocess: PreprocessParams


@dataclass(frozen=True)
class Photos:
    """Unpacked photos.

    Attributes:
        folder: that the listing's paths are relative to.
        listing: columns `LISTING_COLUMNS` and sha256, that of the file.
    """

    folder: Path
    listing: pd.DataFrame

    @property
    def files(self) -> list[Path]:
        """All photos."""
        return [self.folder / path for path in self.listing["file_path"]]


def realistic_photos() -> Photos:
    """About `COUNT` photos with sides of `SIDES_PX`, unpacked."""
    folder = FOLDER / "photos"
    if not folder.is_dir():
        with staged(folder) as (unpacked,):
            archive = unpacked / "photos.zip"
            draw(make_rows(0, COUNT), archive, SIDES_PX)
            listing = unpack(archive, unpacked, load_params(Path("params.yaml"), Unzip).unzip).listing
            archive.unlink()
            write_table(unpacked / "listing.csv", listing, LISTING_COLUMNS)
    listing = read_table(folder / "listing.csv", LISTING_COLUMNS)
    return Photos(folder, listing.assign(sha256=[file_digest(folder / path) for path in listing["file_path"]]))


def packed_photos() -> tuple[Packed, int]:
    """The same photos, `PACKED` times, as stage preprocess packs them; and the number of families.

    A fifth of them is for validation.
    """
    photos, folder = realistic_photos(), FOLDER / f"packed-{PACKED}"
    families = photos.listing["family"].astype("category").cat
    if not folder.is_dir():
        listing = pd.concat([photos.listing.assign(class_id=families.codes, split="train")] * PACKED, ignore_index=True)
        listing.loc[listing.index % 5 == 0, "split"] = "val"
        with staged(folder) as (packed,):
            preprocess(listing, photos.folder, packed)
    return open_packed(folder), len(families.categories)


def preprocess(rows: pd.DataFrame, images: Path, folder: Path) -> None:
    """Fit and pack photos on all cores as stage preprocess does, with its parameters in params.yaml.

    Args:
        rows: columns file_path, split, class_id and sha256.
        images: folder that `file_path` is relative to.
        folder: an empty one.
    """
    parameters = load_params(Path("params.yaml"), Preprocess).preprocess
    fit_and_pack(rows, images, parameters, folder, available_cores())


def full_scale_archive(metadata: Path | None) -> Path:
    """An archive of realistic photos, one per row of a metadata.csv; of `FULL_SCALE` made-up rows without one."""
    file = _archive("full-scale", metadata)
    if not file.is_file():
        draw(_rows(metadata), file, SIDES_PX)
    return file


def archive_of(count: int, metadata: Path | None) -> Path:
    """An archive of small photos, one per row of a metadata.csv.

    Args:
        count: photos, about. More than there are rows: the rows come again, as other photos. Fewer: all families get
            smaller alike.
        metadata: of the real photos; None for rows of `FULL_SCALE` made-up ones.
    """
    file = _archive(str(count), metadata)
    if file.is_file():
        return file
    rows = _rows(metadata)
    copies = {_archive(f"copy{copy}", metadata): _copied(rows, copy) for copy in range(-(-count // len(rows)))}
    for archive, copied in copies.items():
        if not archive.is_file():
            draw(copied, archive, SMALL_SIDES_PX)
    with staged(file) as (partial_file,):
        _join(list(copies), _chosen([row for copied in copies.values() for row in copied], count), partial_file)
    return file


def _archive(name: str, metadata: Path | None) -> Path:
    return FOLDER / f"{'real' if metadata else 'made-up'}-{name}.zip"


def _rows(metadata: Path | None) -> Sequence[Row]:
    return read_rows(metadata) if metadata else make_rows(0, FULL_SCALE)


def draw(rows: Sequence[Row], archive: Path, sides_px: tuple[int, int]) -> None:
    """Draw an archive.

    Args:
        rows: one photo each.
        archive: the zip to write.
        sides_px: shortest and longest side of a photo.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        metadata = Path(folder) / "metadata.csv"
        metadata.write_bytes(write_rows(rows))
        draw_archive(Settings(archive, metadata, len(rows), None, *sides_px, seed=0, workers=available_cores()))


def _copied(rows: Sequence[Row], copy: int) -> list[Row]:
    """The same families and bursts, of other photos."""
    if not copy:
        return list(rows)
    moved = []
    for row in rows:
        content_id = row.eol_content_id + copy * NEXT_COPY
        path = PurePosixPath(row.file_path).with_name(f"{content_id}_{row.eol_page_id}.jpg").as_posix()
        identity = f"{row.rare_species_id}-{copy}"
        moved.append(replace(row, rare_species_id=identity, eol_content_id=content_id, file_path=path))
    return moved


def _chosen(rows: Sequence[Row], count: int) -> list[Row]:
    families = Counter(row.family for row in rows)
    left = {family: max(FEWEST, round(size * count / len(rows))) for family, size in families.items()}
    chosen = []
    for row in rows:
        left[row.family] -= 1
        if left[row.family] >= 0:
            chosen.append(row)
    return chosen


def _join(archives: Sequence[Path], rows: Sequence[Row], file: Path) -> None:
    """Write the photos of these rows, wherever they are, into one archive."""
    wanted = {f"{TOP_FOLDER}/{row.file_path}" for row in rows}
    with zipfile.ZipFile(file, "w") as joined:
        joined.writestr(f"{TOP_FOLDER}/metadata.csv", write_rows(rows))
        for archive in archives:
            with zipfile.ZipFile(archive) as source:
                for member in source.infolist():
                    if member.filename in wanted:
                        joined.writestr(member, source.read(member))
