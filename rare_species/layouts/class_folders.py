"""The layout with one folder per class, also below folders named train, test and the like."""

from __future__ import annotations

from rare_species.layouts.folder_labels import read_folders
from rare_species.layouts.layout import Archive, Labels, Layout, Options


def detects(_archive: Archive, _options: Options) -> bool:
    """Take every archive that no other layout took; `read` says what is missing."""
    return True


def read(archive: Archive, options: Options) -> Labels:
    """Take the name of each class folder as it is; phyla are unknown.

    Raises:
        UserError: when photos lie in no folder, or folders can be read in two ways.
    """
    return read_folders(archive, options).label(lambda folder: ("", folder), options)


LAYOUT = Layout("class_folders", 30, detects, read)
