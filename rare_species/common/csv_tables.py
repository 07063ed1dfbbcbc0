"""The CSV tables that stages pass on: listing, manifest and split."""

from __future__ import annotations

import csv
import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from rare_species.common.checksums import check_files, require_file, restore
from rare_species.common.errors import UserError
from rare_species.common.photo_status import Guess, PhotoStatus, Reason

LISTING_COLUMNS = ("file_path", "phylum", "family", "species", "content_id")
MANIFEST_COLUMNS = (
    *LISTING_COLUMNS,
    "status",
    "reason",
    "format",
    "extension_matches",
    "mode",
    "guess",
    "orientation",
    "width",
    "height",
    "bytes",
    "sha256",
    "phash",
    "document_score",
)
SPLIT_COLUMNS = (*LISTING_COLUMNS, "class_id", "group", "split", "held_out_species", "sha256")
SPLITS = ("train", "val", "test")
ROWS_AT_ONCE = 4096  # rows whose columns are all in memory while a table is read
log = logging.getLogger(__name__)


def _one_of(values: Sequence[str] | type[StrEnum]) -> tuple[str, str]:
    texts = [str(value) for value in values]
    return "|".join(map(re.escape, texts)), f"one of {', '.join(filter(None, texts))}"


_COUNT = (r"\d{1,15}", "a whole number")
_SHARE = (r"0(?:\.\d+)?|1(?:\.0)?|[1-9](?:\.\d+)?e-\d+", "a number from 0 to 1")
# By column name, in any table: the pattern of its values, and the pattern in words.
_RULES: Mapping[str, tuple[str, str]] = {
    "file_path": (r"(?!/)(?!(?:.*/)?\.\.(?:/|\Z))[^\0]+", "a path inside the folder of photos"),
    "status": _one_of(PhotoStatus),
    "reason": _one_of(["", *Reason]),
    "guess": _one_of(["", *Guess]),
    "extension_matches": _one_of(["True", "False"]),
    "orientation": ("[1-8]", "a number from 1 to 8"),
    "width": _COUNT,
    "height": _COUNT,
    "bytes": _COUNT,
    "sha256": ("(?:[0-9a-f]{64})?", "64 hexadecimal digits"),
    "phash": ("(?:[0-9a-f]{16})?", "16 hexadecimal digits"),
    "document_score": (f"(?:{_SHARE[0]})?", _SHARE[1]),
    "class_id": (r"\d{1,9}", "a whole number"),
    "group": _COUNT,
    "split": _one_of(SPLITS),
    "held_out_species": _one_of(["0", "1"]),
    "shard": (r"shard-\d{5,}\.tar", "the name of a shard"),
    "offset": _COUNT,
    "length": _COUNT,
    "crc32": (r"\d{1,10}", "a whole number"),
    "train_images": _COUNT,
    "images": _COUNT,
    "precision": _SHARE,
    "recall": _SHARE,
    "f1": _SHARE,
}


def write_csv(path: Path, table: pd.DataFrame, **options: Any) -> None:
    """Write a table as UTF-8 CSV with Unix line ends, from which the same cells are read back.

    Args:
        path: path of the file.
        table: a table whose columns and index may hold any text.
        options: further options of `DataFrame.to_csv`.
    """
    texts = table.reset_index().select_dtypes(exclude=["number", "bool"])
    # csv does not quote a carriage return when lines end with \n, but readers take it for the end of a row.
    has_return = any(texts[column].astype(str).str.contains("\r", regex=False).any() for column in texts)
    table.to_csv(path, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL, **options)


def write_table(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Write the named columns as UTF-8 CSV with Unix line ends, sorted by `file_path`."""
    write_csv(path, table.sort_values("file_path", kind="stable")[list(columns)], index=False)


def read_table(path: Path, columns: Sequence[str], *, by_hand: bool = False) -> pd.DataFrame:
    """Read a CSV written by `write_table`.

    Args:
        path: the file.
        columns: columns that it must have.
        by_hand: whether a person wrote it; then values are not checked, paths may repeat and empty rows are skipped.

    Returns:
        A table of those columns; every value is text, "" where it is unknown.

    Raises:
        UserError: when the file is missing, is no CSV or lacks a column, or a value does not fit its column; the
            message names the first.
    """
    require_file(path)
    try:
        with pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", chunksize=ROWS_AT_ONCE
        ) as chunks:
            table = pd.concat(_select(chunk, columns, path, by_hand) for chunk in chunks)
    except ValueError as error:  # empty, cut off or not UTF-8
        raise UserError(
            f"{path} must be a UTF-8 CSV with a header. Received: {str(error).strip()}. Mend it."
        ) from error
    if by_hand:
        return table.reset_index(drop=True)
    _check_table(path, table)
    return table


def read_checked(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table after comparing its bytes with the folder's checksums; see `read_table`.

    Raises:
        UserError: also when its bytes changed since its stage wrote it.
    """
    check_files(path.parent, path.name)
    return read_table(path, columns)


def kept(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that later stages use, numbered from 0."""
    return manifest[manifest["status"] == PhotoStatus.KEPT].reset_index(drop=True)


def column_advice(missing: Sequence[str], header: Sequence[str]) -> str:
    """Advise on missing columns: save with commas, rename similar columns, add the others."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        return "Save it again with commas."
    near = near_columns(missing, header)
    steps = [f"rename {name!r} to {column!r}" for name, column in near.items()]
    if absent := [column for column in missing if column not in near.values()]:
        steps.append(f"add {' and '.join(absent)} to its first line")
    advice = " and ".join(steps)
    return f"{advice[0].upper()}{advice[1:]}."


def near_columns(missing: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    """Map names in a header to missing columns that differ only in case, spaces and the like (`File Path`)."""
    first = {_bare(name): name for name in reversed(header)}
    return {first[_bare(column)]: column for column in missing if _bare(column) in first}


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _select(table: pd.DataFrame, columns: Sequence[str], path: Path, by_hand: bool) -> pd.DataFrame:
    """Select the named columns and drop empty rows of hand-written tables; an error names missing columns."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} must have the columns {', '.join(columns)}. Received: {', '.join(table.columns)}. "
            + column_advice(missing, list(table.columns))
        )
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first cells of longer rows for an index
        raise ValueError("rows with more cells than the header")
    if not by_hand:
        return table[list(columns)]
    empty = (table == "").all(axis=1)
    if empty.any():
        log.info("%s: empty rows passed over: %d", path, empty.sum())
    return table.loc[~empty, list(columns)]


def _check_table(path: Path, table: pd.DataFrame) -> None:
    """Refuse values that don't fit their column, and repeated paths; each distinct value is checked once."""
    for column in table.columns.intersection(list(_RULES)):
        pattern, expected = _RULES[column]
        allowed = re.compile(pattern, re.DOTALL | re.ASCII)
        distinct = table[column].drop_duplicates()
        wrong = distinct[[not allowed.fullmatch(value) for value in distinct]]
        if len(wrong):
            raise _wrong_value(path, wrong, f"{expected} in every row")
    if "file_path" in table.columns:
        repeated = table["file_path"][table["file_path"].duplicated()]
        if len(repeated):
            raise _wrong_value(path, repeated, "another path in every row")


def _wrong_value(path: Path, wrong: pd.Series[str], expected: str) -> UserError:
    """Return the error about the first of these values."""
    return UserError(
        f"Expected {expected} of column {wrong.name} in {path}. Received: {wrong.iloc[0]!r}, "
        f"on line {_line_of(path, int(wrong.index[0]))}. {restore(path)}"
    )


def _line_of(path: Path, row: int) -> int:
    """Return the file's line on which a row ends; rows count from 0 after the header, and cells may span lines."""
    with path.open(encoding="utf-8-sig", newline="") as file, suppress(csv.Error):  # a cell that is too long for csv
        reader = csv.reader(file)
        ends = (reader.line_num for cells in reader if cells)
        return next(itertools.islice(ends, row + 1, None))
    return row + 2
