"""The layout with folders named <phylum>_<family>."""

from __future__ import annotations

from rare_species.common.errors import UserError
from rare_species.layouts.folder_labels import read_folders
from rare_species.layouts.layout import Archive, Labels, Layout, Options

# Family names end so by the codes of nomenclature: ICZN Art. 29.2 (animals), ICN Art. 18.1 (plants, algae, fungi)
FAMILY_SUFFIXES = ("idae", "aceae")


def detects(archive: Archive, options: Options) -> bool:
    """Whether every class folder has an underscore and ends like a family (`-idae`, `-aceae`).

    Raises:
        UserError: when the archive has no class folders, or they can be read in two ways.
    """
    return all(map(_is_phylum_family, read_folders(archive, options).classes))


def read(archive: Archive, options: Options) -> Labels:
    """Split the name of each class folder at its first underscore.

    Raises:
        UserError: when one can't be split, or a family is in two phyla.
    """
    return read_folders(archive, options).label(_split, options)


def _is_phylum_family(folder: str) -> bool:
    phylum, _, family = folder.partition("_")
    return bool(phylum) and family.lower().endswith(FAMILY_SUFFIXES)


def _split(folder: str) -> tuple[str, str]:
    phylum, _, family = folder.partition("_")
    if not phylum or not family:
        raise UserError(
            f"With unzip.layout phylum_family every class folder must be named <phylum>_<family>. Received: {folder!r}."
            " Rename it, or set unzip.layout in params.yaml to class_folders."
        )
    return phylum, family


LAYOUT = Layout("phylum_family", 20, detects, read)
