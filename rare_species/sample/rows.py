"""Rows of metadata.csv: read them from a file, or make them up for the default sample."""

import csv
import io
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from rare_species.common.errors import UserError
from rare_species.sample.families import FAMILIES
from rare_species.sample.keyed_random import generator

COLUMNS = ("rare_species_id", "eol_content_id", "eol_page_id", "kingdom", "phylum", "family", "file_path")
# Rows of one species whose content ids are at most this far apart were uploaded in one burst.
BURST_GAP = 2
LARGEST_TO_SMALLEST = 8.0
# A family with fewer photos has no bursts: they would leave too few groups of photos to split it.
SMALL_FAMILY = 20
_NAMESPACE = uuid.UUID("8a4e1c52-1f5b-4b57-9a43-0d6f0f2f4c11")


@dataclass(frozen=True)
class Row:
    """One row of metadata.csv; columns and values have the same meaning as in the real archive."""

    rare_species_id: str
    eol_content_id: int
    eol_page_id: str
    kingdom: str
    phylum: str
    family: str
    file_path: str


def make_row(content_id: int, page_id: str, phylum: str, family: str, suffix: str = ".jpg") -> Row:
    """Build the row of a made-up photo, named as in the real archive.

    Args:
        content_id: content id of the photo.
        page_id: page id of the species.
        phylum: phylum of the family.
        family: family, which is the photo's label.
        suffix: suffix of the file.

    Returns:
        The row; its UUID is derived from the content id.
    """
    path = f"{phylum}_{family}/{content_id}_{page_id}_eol-full-size-copy{suffix}"
    identity = str(uuid.uuid5(_NAMESPACE, str(content_id)))
    return Row(identity, content_id, page_id, "animalia", phylum, family, path)


def write_rows(rows: Iterable[Row]) -> bytes:
    """Write metadata.csv.

    Args:
        rows: rows, written in this order.

    Returns:
        UTF-8 text with a header and Unix line ends.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    return text.getvalue().encode()


def read_rows(path: Path) -> list[Row]:
    """Read a metadata.csv to draw photos for.

    Args:
        path: path of a CSV file with at least the columns COLUMNS.

    Returns:
        Rows in the file's order.

    Raises:
        UserError: if the file is missing, lacks a column, is not UTF-8, or has a wrong or repeated row.
    """
    if not path.is_file():
        raise UserError(
            f"--metadata must be a CSV file. Received: {path}, where there is no file. Give the path of a metadata.csv."
        )
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise UserError(
                    f"{path} must have the columns {', '.join(COLUMNS)}. Received: no {', '.join(missing)}. "
                    "Add the missing columns."
                )
            rows = [_checked_row(path, number, record) for number, record in enumerate(reader, start=2)]
    except UnicodeDecodeError as error:
        raise UserError(f"{path} must be UTF-8 text. Received: {error.reason}. Save it as UTF-8 CSV.") from error
    _refuse_repeats(path, rows)
    return rows


def _checked_row(path: Path, number: int, record: dict[str, str | None]) -> Row:
    text = {column: record[column] or "" for column in COLUMNS}
    content_id, place = text.pop("eol_content_id"), PurePosixPath(text["file_path"])
    if not (content_id.isascii() and content_id.isdigit()):
        raise UserError(
            f"eol_content_id must be a whole number in {path}, line {number}. Received: {content_id!r}. Mend the line."
        )
    if place.suffix.lower() not in {".jpg", ".jpeg"} or place.is_absolute() or ".." in place.parts:
        raise UserError(
            f"file_path must be a relative path of a .jpg in {path}, line {number}. Received: {str(place)!r}. "
            "Mend the line."
        )
    return Row(eol_content_id=int(content_id), **text)


def _refuse_repeats(path: Path, rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.file_path in seen:
            raise UserError(
                f"file_path must differ in every line of {path}. Received: {row.file_path!r} twice. Remove one."
            )
        seen.add(row.file_path)


def burst_starts(rows: Iterable[Row]) -> dict[tuple[str, int], int]:
    """Find the burst that each row belongs to.

    Args:
        rows: rows in any order.

    Returns:
        First content id of the burst, by (eol_page_id, eol_content_id).
    """
    starts: dict[tuple[str, int], int] = {}
    before: tuple[str, int] | None = None
    for key in sorted({(row.eol_page_id, row.eol_content_id) for row in rows}):
        follows = before is not None and before[0] == key[0] and key[1] - before[1] <= BURST_GAP
        starts[key] = starts[before] if follows and before is not None else key[1]
        before = key
    return starts


def family_sizes(images: int) -> list[int]:
    """Divide images among the built-in families, largest first; the largest gets 8 times as many as the smallest.

    Args:
        images: total number of images; the result adds up to about as many, because it is rounded.

    Returns:
        Images per family, each at least 1.
    """
    shares = LARGEST_TO_SMALLEST ** -np.linspace(0.0, 1.0, len(FAMILIES))
    return [max(round(float(share)), 1) for share in shares / shares.sum() * images]


def _burst_lengths(rng: np.random.Generator, count: int, small: bool) -> list[int]:
    lengths: list[int] = []
    while (left := count - sum(lengths)) > 0:
        burst = 1 if small else (1, 1, 1, 1, 1, 1, 2, 2, 3, 4)[rng.integers(10)]
        lengths.append(min(burst, left))
    return lengths


def make_rows(seed: int, images: int) -> list[Row]:
    """Make up the rows of the default sample.

    Args:
        seed: seed of the sample.
        images: approximate number of rows.

    Returns:
        Rows in shuffled order; content ids of different bursts are at least 10 apart.
    """
    rng = generator(seed, "rows")
    bursts: list[tuple[str, str, str, int]] = []
    for rank, (family, count) in enumerate(zip(FAMILIES, family_sizes(images), strict=True)):
        pages = [str(1_000_000 + 1_000 * rank + 37 * species) for species in range(family.species)]
        for length in _burst_lengths(rng, count, count < SMALL_FAMILY):
            bursts.append((pages[rng.integers(len(pages))], family.phylum, family.name, length))
    content_id = 1_000_000
    rows: list[Row] = []
    for index in rng.permutation(len(bursts)):
        page, phylum, family_name, length = bursts[index]
        content_id += int(rng.integers(10, 40_000))
        rows += [make_row(content_id + step, page, phylum, family_name) for step in range(length)]
        content_id += length
    return [rows[index] for index in rng.permutation(len(rows))]
