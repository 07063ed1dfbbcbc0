"""Read a metadata.csv: the labels that an archive's author wrote down."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rare_species.common.csv_tables import column_advice, near_columns
from rare_species.common.errors import UserError
from rare_species.common.spelling_variants import posix_path, spelling_key
from rare_species.common.terminal import count
from rare_species.layouts.safe_names import has_control_character, name_problem
from rare_species.layouts.spreadsheet_ids import read_id

METADATA_NAME = "metadata.csv"

# Column of the listing -> column of metadata.csv.
_SOURCE_COLUMNS = {
    "file_path": "file_path",
    "phylum": "phylum",
    "family": "family",
    "species": "eol_page_id",
    "content_id": "eol_content_id",
}
_REQUIRED = ("family", "file_path")
_IDS = ("species", "content_id")
_OPTIONAL = ("phylum", *_IDS)
_UNKNOWN = "NA"  # what R writes for an unknown value
_OPEN_QUOTE = "unexpected end of data"  # what csv says of a quote that is never closed
# A cell that csv reads strictly, and the comma behind it.
_CELL = re.compile(r' *+(?:"[^"]*+(?:""[^"]*+)*+"|[^",\r\n][^,\r\n]*+)?+,')

Row = dict[str, str]
log = logging.getLogger(__name__)


def read_rows(data: bytes, source: str) -> list[Row]:
    r"""Read the rows of a metadata.csv of the rare-species set's shape; empty rows are passed over.

    Args:
        data: UTF-8 text with or without BOM, cells between commas; a quote in a quoted cell is doubled or, as R writes
            it, `\"`. Columns `family` and `file_path` must be there; `phylum`, `eol_page_id` (the species) and
            `eol_content_id` may; others are ignored.
        source: what to call it in messages.

    Returns:
        One mapping per row of the columns `LISTING_COLUMNS`; cells stripped, paths with "/", ids without what
        spreadsheets do to them (`spreadsheet_ids.read_id`).

    Raises:
        UserError: if it is not such a file, has no rows, or a row is incomplete or unsafe, or has a label that can't be
            seen.
    """
    with _cells_of_any_length(len(data)):
        return _read_rows(data, source)


@contextmanager
def _cells_of_any_length(most: int) -> Iterator[None]:
    """Lift csv's limit on a cell's length: an unclosed quote makes one long cell, and the error must name the quote."""
    before = csv.field_size_limit()
    csv.field_size_limit(max(before, most))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_rows(data: bytes, source: str) -> list[Row]:
    try:
        return list(_rows(_decode(data, source), source))
    except UserError:
        if b'\\"' not in data:
            raise
        try:
            rows = list(_rows(_decode(data.replace(b'\\"', b'""'), source), source))
        except UserError:
            rows = []
        if not rows:
            raise
    log.info('%s: \\" is read as a quote within a cell', source)
    return rows


def _rows(text: str, source: str) -> Iterator[Row]:
    rewritten, unknown = Counter[str](), Counter[str]()
    example = ""
    for line, record in _records(text, source):
        row = {column: record.get(source_column, "") for column, source_column in _SOURCE_COLUMNS.items()}
        if problem := _row_problem(row):
            raise _bad_line(source, line, problem)
        unknown.update(column for column, cell in row.items() if cell == _UNKNOWN)
        row |= {column: "" for column in _OPTIONAL if row[column] == _UNKNOWN}
        for column in _IDS:
            read = _read_id(row[column], source, line, _SOURCE_COLUMNS[column])
            if read != row[column]:
                rewritten[_SOURCE_COLUMNS[column]] += 1
                example = f"{row[column]!r} is {read}"
            row[column] = read
        yield row | {"file_path": posix_path(row["file_path"])}
    if rewritten:
        log.info("%s: ids read as the whole numbers that they are: %s (%s)", source, _counts(rewritten), example)
    if families := unknown.pop("family", 0):
        log.info("%s: %s is a family here, of rows: %d; remove them if nobody knows theirs", source, _UNKNOWN, families)
    if unknown:
        log.info("%s: %s read as unknown, as R writes it: %s", source, _UNKNOWN, _counts(unknown))


def _counts(amounts: Counter[str]) -> str:
    return ", ".join(f"{name} {amount:,}" for name, amount in amounts.items())


def _row_problem(row: Row) -> str:
    """What is wrong with a row, "" when nothing is."""
    if empty := [column for column in _REQUIRED if not spelling_key(row[column])]:
        return f"an empty {' and '.join(empty)}"
    if problem := name_problem(row["file_path"].replace("\\", "/")):
        return f"file_path {row['file_path']!r}, which {problem}"
    unseen = next((column for column, cell in row.items() if has_control_character(cell)), None)
    return f"{_SOURCE_COLUMNS[unseen]} {row[unseen]!r}, which has a control character" if unseen else ""


def _read_id(text: str, source: str, line: int, column: str) -> str:
    try:
        return read_id(text)
    except ValueError as error:
        raise UserError(
            f"Ids in {source} must have all digits. Received: {error}, in column {column!r} on line {line}. Take the "
            "column from the table that the spreadsheet was given, as text, or leave it out: bursts are then unknown."
        ) from None


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line = before.count("\n") + 1
        record = before.rpartition("\n")[2]
        where = _column(_header(before), len(_cells(record))) if record else "the first column"
        raise _no_csv(source, f"{error}, on line {line}, in {where}") from error


def _records(text: str, source: str) -> Iterator[tuple[int, Row]]:
    """Rows of a CSV by column name, each with its line number, 1 being the header; one at a time in memory."""
    lines = _lines(text, source)
    _, header = next(lines, (1, []))
    _check_header(header, source)
    n_rows = n_empty = 0
    for line, cells in lines:
        if not any(cells):
            n_empty += 1
            continue
        if len(cells) != len(header):
            raise _bad_line(source, line, f"{count(len(cells), 'cell')} for {len(header)} columns")
        n_rows += 1
        yield line, dict(zip(header, cells, strict=True))
    if not n_rows:
        raise UserError(f"{source} must list at least one image. Received: no rows. Add one row per image.")
    _tell_left_out(header, n_empty, source)


def _tell_left_out(header: Sequence[str], n_empty: int, source: str) -> None:
    if n_empty:
        log.info("%s: empty rows passed over: %d", source, n_empty)
    missing = [column for column in _SOURCE_COLUMNS.values() if column not in header]
    for name, column in near_columns(missing, header).items():
        log.info("%s: column %r is not read; rename it to %r if it is that", source, name, column)


def _lines(text: str, source: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    begins = 1
    try:
        for cells in reader:
            begins = reader.line_num + 1
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        where = _column(_header(text) if begins > 1 else [], _torn_cell(_from_line(text, begins)))
        said = "a quote that is never closed" if str(error) == _OPEN_QUOTE else "a quote that is not doubled"
        raise _no_csv(source, f"{error} ({said}), on line {begins}, in {where}") from error


def _from_line(text: str, number: int) -> str:
    """The text from a line on, counted from 1 as csv counts."""
    lines = io.StringIO(text, newline="")
    for _ in range(number - 1):
        next(lines)
    return lines.read()


def _torn_cell(record: str) -> int:
    """Number of the cell, from 1, at which a strict reader gives up."""
    number, begins = 1, 0
    while whole := _CELL.match(record, begins):
        number, begins = number + 1, whole.end()
    return number


def _cells(record: str) -> list[str]:
    """Cells of the first record, as far as it goes."""
    return next(csv.reader(io.StringIO(record, newline=""), skipinitialspace=True), [])


def _header(text: str) -> list[str]:
    return [cell.strip() for cell in _cells(text)]


def _column(header: Sequence[str], number: int) -> str:
    return f"column {header[number - 1]!r}" if 0 < number <= len(header) else f"column {max(number, 1)}"


def _no_csv(source: str, received: str) -> UserError:
    return UserError(
        f"{source} must be a comma-separated table in UTF-8. Received: {received}. Save it again as CSV UTF-8."
    )


def _check_header(header: Sequence[str], source: str) -> None:
    missing = [column for column in _REQUIRED if column not in header]
    named = [column for column in header if column]  # spreadsheets add empty ones
    if missing or len(set(named)) != len(named):
        raise UserError(
            f"{source} must have the columns family and file_path, separated by commas, and none twice. "
            f"Received: {', '.join(map(repr, header)) or 'nothing'}. "
            + (column_advice(missing, header) if missing else "Rename or remove the second.")
        )


def _bad_line(source: str, line: int, received: str) -> UserError:
    return UserError(
        f"Every row of {source} must give an image's path inside the folder and its family, with one cell per column. "
        f"Received: {received}, on line {line}. Correct that line and zip the photos again."
    )
