"""The layout with one metadata.csv, wherever it lies: its rows give each photo's path, relative to it, and label."""

from __future__ import annotations

from pathlib import PurePosixPath

from rare_species.common.errors import UserError
from rare_species.common.terminal import first_few
from rare_species.layouts.layout import Archive, Labels, Layout, Options
from rare_species.layouts.parse_metadata_csv import METADATA_NAME, read_rows
from rare_species.layouts.photo_list import read_list


def _find_lists(archive: Archive) -> list[str]:
    return [name for name in archive.names if PurePosixPath(name).name.casefold() == METADATA_NAME]


def detects(archive: Archive, _: Options) -> bool:
    """Whether there is a metadata.csv; of several, `read` says that there must be one."""
    return bool(_find_lists(archive))


def read(archive: Archive, options: Options) -> Labels:
    """Read the rows of the one metadata.csv.

    Raises:
        UserError: when there is not one, or `photo_list.read_list` raises it.
    """
    found = _find_lists(archive)
    if len(found) != 1:
        raise UserError(
            f"The archive must hold one {METADATA_NAME}. Received: {first_few(found) or 'none'}. Keep or add one, or "
            "set unzip.layout in params.yaml to class_folders or phylum_family to read labels from folder names."
        )
    return read_list(archive, options, found[0], read_rows)


LAYOUT = Layout("metadata", 10, detects, read)
