"""Read labels from a list that an archive holds: where its paths begin, and which files they mean."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Sequence

from rare_species.common.errors import UserError
from rare_species.common.spelling_variants import match_files
from rare_species.common.terminal import count
from rare_species.layouts.layout import Archive, Labels, Options, name_below
from rare_species.layouts.safe_names import name_problem
from rare_species.layouts.tabulate_labels import tabulate_labels

log = logging.getLogger(__name__)


def read_list(
    archive: Archive, options: Options, name: str, parse: Callable[[bytes, str], Sequence[dict[str, str]]]
) -> Labels:
    """Read a list whose paths are relative to the folder that it lies in.

    Where images lie beside that folder, paths in the listing begin at the folder that holds them all.

    Args:
        archive: the archive.
        options: how labels are read.
        name: file name of the list in the archive.
        parse: reads the rows, of columns `csv_tables.LISTING_COLUMNS`, from the list's bytes; its second argument names
            the list in messages.

    Raises:
        UserError: if `parse` raises it, no row names a file that there is, a path leaves the folder, or
            `tabulate_labels` raises it.
    """
    root, called = posixpath.dirname(name), posixpath.basename(name)
    folder = _folder_of_all(archive, root, called)
    files, source = archive.below(folder), f"{name} in {archive.path}"
    rows = parse(archive.read(name), source)
    above = name_below(root, folder)
    meant = match_files([posixpath.join(above, row["file_path"]) for row in rows], files, source)
    there = set(files)
    if there.isdisjoint(meant):
        first = f", first {rows[0]['file_path']!r}" if rows else ""
        raise UserError(
            f"file_path in {name} must be relative to the folder it lies in. Received: {count(len(rows), 'row')}, "
            f"none of a file there{first}. Move {called}, or correct its paths."
        )
    for path in meant:  # files of the archive have safe names
        if path not in there and (problem := name_problem(path)):
            raise UserError(
                f"{source} must give paths inside its folder. Received: file_path {path!r}, which {problem}. Correct "
                "it and zip the photos again."
            )
    paired = (row | {"file_path": path} for row, path in zip(rows, meant, strict=True))
    return Labels(tabulate_labels(paired, source, options.merge_spellings), folder, [name])


def _folder_of_all(archive: Archive, root: str, called: str) -> str:
    """Return the folder of the list, or the one above it that holds all images."""
    folders = [posixpath.dirname(name) for name in archive.images]
    outside = [folder for folder in folders if folder != root and not name_below(folder, root)]
    if not outside:
        return root
    base = posixpath.commonpath([root, *outside]) if root and all(outside) else ""
    log.info("images beside the folder of %s: %d; listed paths begin at %s", called, len(outside), base or "the top")
    return base
