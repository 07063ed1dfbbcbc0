"""The CSV tables that stages hand on: what an image is called, what it is labelled, whether it was kept."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rare_species.errors import UserError
from rare_species.status import Status

LISTING_COLUMNS = ("file_path", "phylum", "family", "species", "content_id")
MANIFEST_COLUMNS = (
    *LISTING_COLUMNS,
    "status",
    "reason",
    "format",
    "extension_matches",
    "mode",
    "orientation",
    "width",
    "height",
    "bytes",
    "sha256",
    "phash",
    "document_score",
)
SPLIT_COLUMNS = (*LISTING_COLUMNS, "class_id", "group", "split", "held_out_species")
SPLITS = ("train", "val", "test")
ROWS_AT_ONCE = 4096  # all columns of so many rows are in memory while a table is read


def write_csv(path: Path, table: pd.DataFrame, **options: Any) -> None:
    """Write a table as UTF-8 CSV with Unix line ends, so that it is read back to the same cells.

    Args:
        path: the file.
        table: its columns and its index may hold any text.
        options: further ones of `DataFrame.to_csv`.
    """
    texts = table.reset_index().select_dtypes(exclude=["number", "bool"])
    # csv leaves a carriage return bare where lines end otherwise, and readers take it for the end of a row.
    has_return = any(texts[column].astype(str).str.contains("\r", regex=False).any() for column in texts)
    table.to_csv(path, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL, **options)


def write_table(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Write the named columns, rows in order of `file_path`, as UTF-8 CSV with Unix line ends."""
    write_csv(path, table.sort_values("file_path", kind="stable")[list(columns)], index=False)


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV written by `write_table`.

    Args:
        path: the file.
        columns: those it must have.

    Returns:
        A table of those columns; every value is text, "" where it is unknown.

    Raises:
        UserError: when the file is missing, not a CSV or lacks a column.
    """
    if not path.is_file():
        raise UserError(f"Expected {path}. Received: no such file. Run the stage that writes it first: dvc repro.")
    try:
        with pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", chunksize=ROWS_AT_ONCE
        ) as chunks:
            return pd.concat(_select(chunk, columns, path) for chunk in chunks)
    except ValueError as error:  # empty, torn or not UTF-8
        raise UserError(
            f"{path} must be a UTF-8 CSV with a header. Received: {str(error).strip()}. Mend it."
        ) from error


def kept(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows that later stages see, numbered from 0."""
    return manifest[manifest["status"] == Status.KEPT].reset_index(drop=True)


def _select(table: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """The named columns; an error says which are not there."""
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first cells for names of rows
        raise ValueError("rows with more cells than the header")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} must have the columns {', '.join(columns)}. Received: {', '.join(table.columns)}. "
            f"Add {', '.join(missing)}."
        )
    return table[list(columns)]
