"""Which image is labelled what: one row per image, from the archive's metadata.csv or from its folders' names."""

import csv
import io
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from rare_species.archive import Limits, extract, inspect_archive, name_below, name_problem, read_member
from rare_species.errors import UserError
from rare_species.formats import IMAGE_SUFFIXES, is_image
from rare_species.manifest import LISTING_COLUMNS
from rare_species.params import Layout

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
# Family names end so by the codes of nomenclature: ICZN Art. 29.2 (animals), ICN Art. 18.1 (plants, algae, fungi).
_FAMILY_SUFFIXES = ("idae", "aceae")
_EOL_NAME = re.compile(r"(?P<content_id>\d+)_(?P<species>\d+)_eol-full-size-copy\.jpg")
_MOST_NAMED = 5


def unpack(archive: Path, destination: Path, limits: Limits, layout: Layout) -> pd.DataFrame:
    """Extract a zip of labelled photos and list its labels.

    The folder of metadata.csv, or the one above the class folders, becomes `destination`. metadata.csv itself is not
    written: the listing takes its place.

    Args:
        archive: the zip.
        destination: folder to write into; give a temporary one, it is left half full by an error.
        limits: what the zip may hold.
        layout: where labels come from, see `find_root` and `rows_from_folders`.

    Returns:
        DataFrame of the string columns `LISTING_COLUMNS`, sorted by `file_path`, which is relative to `destination`;
        "" where a value is unknown.

    Raises:
        UserError: if the zip is not safe, damaged or over a limit, or its labels cannot be read.
    """
    names = [member.name for member in inspect_archive(archive, limits)]
    root, metadata = find_root(names, layout)
    files = [below for name in names if (below := name_below(name, root))]
    if metadata:
        listing = read_metadata(read_member(archive, metadata, limits), f"{metadata} in {archive}")
        _check_any_present(listing, files, metadata)
    else:
        listing = rows_from_folders(files, layout)
    extract(archive, destination, limits, root, leave_out=[name for name in names if _is_metadata(name)])
    return listing


def find_root(names: Sequence[str], layout: Layout) -> tuple[str, str]:
    """Find the folder that listed paths are relative to, and the metadata.csv that lists them.

    With `metadata`, and with `auto` when there is one, the one metadata.csv decides, wherever it lies: its folder is
    the root. Else the root is the deepest folder that holds all class folders; images in it, beside the class
    folders, have no label.

    Args:
        names: files of the archive, with "/" between folders.
        layout: `phylum_family` and `class_folders` read folders even where there is a metadata.csv.

    Returns:
        The root, "" for the archive's top, and the name of metadata.csv, "" for none.

    Raises:
        UserError: if there is no image, no image in a folder, or not the one metadata.csv there must be.
    """
    images = [name for name in names if is_image(name)]
    if not images:
        raise UserError(
            f"The archive must hold images ({', '.join(sorted(IMAGE_SUFFIXES))}). Received: no images among "
            f"{len(names)} files. Set unzip.archive in params.yaml to a zip of photos."
        )
    found = [name for name in names if _is_metadata(name)] if layout in {"auto", "metadata"} else []
    if len(found) > 1 or (layout == "metadata" and not found):
        raise UserError(
            f"The archive must hold one {METADATA_NAME}. Received: {_some(found) or 'none'}. Keep or add one, or set "
            "unzip.layout in params.yaml to class_folders or phylum_family to read labels from folder names."
        )
    return (posixpath.dirname(found[0]), found[0]) if found else (_folder_root(images), "")


def rows_from_folders(names: Iterable[str], layout: Layout) -> pd.DataFrame:
    """List images whose label is the name of the folder that directly holds them.

    Folders of one name under different parents (`train/cat`, `test/cat`) are one class; images in no folder get no
    row. Species and content id come from names like `<content id>_<page id>_eol-full-size-copy.jpg`.

    Args:
        names: files relative to the root, with "/" between folders; those that are not images are passed over.
        layout: `phylum_family` splits a folder's name at its first underscore, `class_folders` takes it whole, and
            `auto` splits when every folder has an underscore and ends like a family (`-idae`, `-aceae`).

    Returns:
        DataFrame of the string columns `LISTING_COLUMNS`, sorted by `file_path`.

    Raises:
        UserError: if a folder cannot be split in two, or a family has two phyla.
    """
    images = [name for name in names if is_image(name) and "/" in name]
    folders = sorted({PurePosixPath(name).parent.name for name in images})
    if layout == "auto":
        layout = "phylum_family" if all(_is_phylum_family(folder) for folder in folders) else "class_folders"
    labels = {folder: _split_label(folder) if layout == "phylum_family" else ("", folder) for folder in folders}
    return _to_frame((_folder_row(name, *labels[PurePosixPath(name).parent.name]) for name in images), "folder names")


def read_metadata(data: bytes, source: str) -> pd.DataFrame:
    """Read a metadata.csv of the rare-species set's shape.

    Args:
        data: UTF-8 text with or without BOM. Columns `family` and `file_path` must be there; `phylum`, `eol_page_id`
            (the species) and `eol_content_id` may; others are ignored.
        source: what to call it in messages.

    Returns:
        DataFrame of the string columns `LISTING_COLUMNS`, sorted by `file_path`; cells stripped, paths with "/",
        a phylum that some of a family's rows give filled in for the others.

    Raises:
        UserError: if it is not such a file, has no rows, or a row is incomplete, unsafe, repeated or contradictory.
    """
    return _to_frame(_metadata_rows(data, source), source)


def _is_metadata(name: str) -> bool:
    return PurePosixPath(name).name.casefold() == METADATA_NAME


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(repr(name) for name in names[:_MOST_NAMED]) + more


def _folder_root(images: Sequence[str]) -> str:
    folders = {posixpath.dirname(name) for name in images}
    if folders == {""}:
        raise UserError(
            f"Images must lie in one folder per class, or be listed in a {METADATA_NAME}. Received: {len(images)} "
            "images in no folder. Sort them into folders named for their class, or add the list, and zip them again."
        )
    # A folder that holds every image is itself a class; the root is the one above.
    return posixpath.dirname(folders.pop()) if len(folders) == 1 else posixpath.commonpath(folders)


def _is_phylum_family(folder: str) -> bool:
    phylum, _, family = folder.partition("_")
    return bool(phylum) and family.lower().endswith(_FAMILY_SUFFIXES)


def _split_label(folder: str) -> tuple[str, str]:
    phylum, _, family = folder.partition("_")
    if not phylum or not family:
        raise UserError(
            f"With unzip.layout phylum_family every class folder must be named <phylum>_<family>. Received: {folder!r}."
            " Rename it, or set unzip.layout in params.yaml to class_folders."
        )
    return phylum, family


def _folder_row(name: str, phylum: str, family: str) -> dict[str, str]:
    ids = _EOL_NAME.fullmatch(PurePosixPath(name).name)
    unknown = {"species": "", "content_id": ""}
    return {"file_path": name, "phylum": phylum, "family": family} | (ids.groupdict() if ids else unknown)


def _metadata_rows(data: bytes, source: str) -> Iterator[dict[str, str]]:
    for line, record in _records(data, source):
        row = {column: record.get(source_column, "") for column, source_column in _SOURCE_COLUMNS.items()}
        if empty := [column for column in _REQUIRED if not row[column]]:
            raise _bad_line(source, line, f"an empty {' and '.join(empty)}")
        posix = row["file_path"].replace("\\", "/")
        if problem := name_problem(posix):
            raise _bad_line(source, line, f"file_path {row['file_path']!r}, which {problem}")
        yield row | {"file_path": PurePosixPath(posix).as_posix()}


def _records(data: bytes, source: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV by column name, each with its line number, 1 being the header; one at a time in memory."""
    lines = _lines(data, source)
    _, header = next(lines, (1, []))
    _check_header(header, source)
    line = 0
    for line, cells in lines:
        if len(cells) != len(header):
            raise _bad_line(source, line, f"{len(cells)} cells for {len(header)} columns")
        yield line, dict(zip(header, cells, strict=True))
    if not line:
        raise UserError(f"{source} must list at least one image. Received: no rows. Add one row per image.")


def _lines(data: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    try:
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8-sig", newline=""), strict=True)
        for cells in filter(None, reader):
            yield reader.line_num, [cell.strip() for cell in cells]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{source} must be a comma-separated table in UTF-8. Received: {error}. Save it again as CSV UTF-8."
        ) from error


def _check_header(header: Sequence[str], source: str) -> None:
    missing = [column for column in _REQUIRED if column not in header]
    other_separator = len(header) == 1 and any(mark in header[0] for mark in ";\t|")
    advice = "Save it again with commas." if other_separator else f"Add {' and '.join(missing)} to its first line."
    if missing or len(set(header)) != len(header):
        raise UserError(
            f"{source} must have the columns family and file_path, separated by commas, and none twice. "
            f"Received: {', '.join(map(repr, header)) or 'nothing'}. "
            + (advice if missing else "Rename or remove the second.")
        )


def _bad_line(source: str, line: int, received: str) -> UserError:
    return UserError(
        f"Every row of {source} must give an image's path inside the folder and its family, with one cell per column. "
        f"Received: {received}, on line {line}. Correct that line and zip the photos again."
    )


def _to_frame(rows: Iterable[dict[str, str]], source: str) -> pd.DataFrame:
    in_order = sorted(([row[column] for column in LISTING_COLUMNS] for row in rows), key=lambda cells: cells[0])
    frame = pd.DataFrame(in_order, columns=list(LISTING_COLUMNS), dtype="str")
    repeated = frame["file_path"][frame["file_path"].duplicated()].unique().tolist()
    if repeated:
        raise UserError(
            f"{source} must list each image once. Received twice or more: {_some(repeated)}. Remove the extra rows."
        )
    phyla = frame[frame["phylum"] != ""].groupby("family")["phylum"].unique()
    for family, names in phyla.items():
        if len(names) > 1:
            raise UserError(
                f"{source} must place each family in one phylum. Received: {family!r} in {_some(sorted(names))}. "
                "Correct the phylum, or give one of the families another name."
            )
    phylum_of = {family: names[0] for family, names in phyla.items()}
    frame["phylum"] = pd.Series([phylum_of.get(family, "") for family in frame["family"]], dtype="str")
    return frame


def _check_any_present(listing: pd.DataFrame, files: Sequence[str], metadata: str) -> None:
    if not set(files).intersection(listing["file_path"]):
        raise UserError(
            f"file_path in {metadata} must be relative to the folder it lies in. Received: {len(listing)} rows, "
            f"none of a file there, first {listing['file_path'][0]!r}. Move {METADATA_NAME}, or correct its paths."
        )
