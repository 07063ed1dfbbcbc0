"""The layout with one metadata.csv, wherever it lies: its rows give each photo's path, relative to it, and label."""

from __future__ import annotations

import logging
import posixpath
from pathlib import PurePosixPath

from rare_species.common.errors import UserError
from rare_species.common.spelling import match_files
from rare_species.common.terminal import count, first_few
from rare_species.layouts.labels import tabulate_labels
from rare_species.layouts.layout import Archive, Labels, Layout, Options, name_below
from rare_species.layouts.metadata import METADATA_NAME, read_rows

log = logging.getLogger(__name__)


def _find_lists(archive: Archive) -> list[str]:
    return [name for name in archive.names if PurePosixPath(name).name.casefold() == METADATA_NAME]


def detects(archive: Archive, _: Options) -> bool:
    """Whether there is a metadata.csv; of several, `read` says that there must be one."""
    return bool(_find_lists(archive))


def read(archive: Archive, options: Options) -> Labels:
    """Read the rows of the one metadata.csv.

    Where images lie beside its folder, paths begin at the folder that holds them all.

    Raises:
        UserError: when there is not one, or none of its rows names a file that there is.
    """
    found = _find_lists(archive)
    if len(found) != 1:
        raise UserError(
            f"The archive must hold one {METADATA_NAME}. Received: {first_few(found) or 'none'}. Keep or add one, or "
            "set unzip.layout in params.yaml to class_folders or phylum_family to read labels from folder names."
        )
    (metadata,) = found
    folder = _folder_of_all(archive, posixpath.dirname(metadata))
    files, source = archive.below(folder), f"{metadata} in {archive.path}"
    rows = read_rows(archive.read(metadata), source)
    above = name_below(posixpath.dirname(metadata), folder)
    meant = match_files([posixpath.join(above, row["file_path"]) for row in rows], files, source)
    if not set(files).intersection(meant):
        raise UserError(
            f"file_path in {metadata} must be relative to the folder it lies in. Received: {count(len(rows), 'row')}, "
            f"none of a file there, first {rows[0]['file_path']!r}. Move {METADATA_NAME}, or correct its paths."
        )
    paired = (row | {"file_path": path} for row, path in zip(rows, meant, strict=True))
    return Labels(tabulate_labels(paired, source, options.merge_spellings), folder, [metadata])


def _folder_of_all(archive: Archive, root: str) -> str:
    """Return the folder of metadata.csv, or the one above it that holds all images."""
    folders = [posixpath.dirname(name) for name in archive.images]
    outside = [folder for folder in folders if folder != root and not name_below(folder, root)]
    if not outside:
        return root
    base = posixpath.commonpath([root, *outside]) if root and all(outside) else ""
    log.info(
        "images beside the folder of %s: %d; listed paths begin at %s", METADATA_NAME, len(outside), base or "the top"
    )
    return base


LAYOUT = Layout("metadata", 10, detects, read)
