"""Which image is labelled what: one row per image, from the archive's metadata.csv or from its folders' names."""

import logging
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from rare_species.common.errors import UserError
from rare_species.common.ids import unread_ids
from rare_species.common.image_formats import IMAGE_SUFFIXES, is_image
from rare_species.common.spelling import match_files
from rare_species.common.terminal import count, first_few
from rare_species.params.unzip import ClassFolder, Layout, UnzipParams
from rare_species.unzip.class_folders import describe_classes, folder_labels
from rare_species.unzip.labels import tabulate_labels
from rare_species.unzip.metadata import METADATA_NAME, read_rows
from rare_species.unzip.safe_zip import Contents, Limits, extract, inspect_archive, name_below, read_member

# Family names end so by the codes of nomenclature: ICZN Art. 29.2 (animals), ICN Art. 18.1 (plants, algae, fungi).
_FAMILY_SUFFIXES = ("idae", "aceae")
# Numbers: zeros in front of them are left out, as by `ids.read_id`.
_EOL_NAME = re.compile(r"0*(?P<content_id>\d+)_0*(?P<species>\d+)_eol-full-size-copy\.jpg")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive; its files are those written, those of junk, those outside, and its lists.

    Attributes:
        listing: DataFrame of the string columns `tables.LISTING_COLUMNS`, sorted by `file_path`, "" where a value is
            unknown.
        n_files: files written.
        n_junk: files passed over, see `junk.is_junk`.
        n_outside: files, none of them an image, that lie beside the folder of all images.
    """

    listing: pd.DataFrame
    n_files: int
    n_junk: int
    n_outside: int


def unpack(archive: Path, destination: Path, params: UnzipParams) -> Unpacked:
    """Extract a zip of labelled photos and list its labels.

    The folder of metadata.csv, or the one above the class folders, becomes `destination`; where images lie beside the
    folder of metadata.csv, the one that holds them all does, and listed paths begin with the folders in between.
    The metadata.csv that is read is not written: the listing takes its place.

    Args:
        archive: the zip.
        destination: folder to write into; give a temporary one, it is left half full by an error.
        params: limits, and how labels are read; its `archive` is not.

    Raises:
        UserError: if the zip is not safe, damaged or over a limit, or its labels cannot be read.
    """
    limits = _limits(params)
    contents = inspect_archive(archive, limits)
    _tell_names(archive, contents)
    names = [member.name for member in contents.members]
    root, metadata = find_root(names, params.layout)
    base = _folder_of_all(names, root) if metadata else root
    files = [below for name in names if (below := name_below(name, base))]
    if metadata:
        listing = _list_from_metadata(archive, metadata, base, files, params)
    else:
        listing = rows_from_folders(files, params.layout, params.class_folder, params.join_labels)
        _tell_root(root, listing)
    n_files = extract(archive, destination, limits, base, leave_out=[metadata])
    _tell_ids(listing)
    return Unpacked(listing, n_files, contents.n_junk, len(set(names) - {metadata}) - n_files)


def _limits(params: UnzipParams) -> Limits:
    return Limits(params.max_files, params.max_bytes, params.max_ratio, params.names)


def _list_from_metadata(
    archive: Path, metadata: str, base: str, files: Sequence[str], params: UnzipParams
) -> pd.DataFrame:
    """The listing, its paths relative to `base`, as those of `files` are."""
    source, above = f"{metadata} in {archive}", name_below(posixpath.dirname(metadata), base)
    rows = read_rows(read_member(archive, metadata, _limits(params)), source)
    meant = match_files([posixpath.join(above, row["file_path"]) for row in rows], files, source)
    if not set(files).intersection(meant):
        raise UserError(
            f"file_path in {metadata} must be relative to the folder it lies in. Received: {count(len(rows), 'row')}, "
            f"none of a file there, first {rows[0]['file_path']!r}. Move {METADATA_NAME}, or correct its paths."
        )
    paired = (row | {"file_path": path} for row, path in zip(rows, meant, strict=True))
    return tabulate_labels(paired, source, params.join_labels)


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
            f"{count(len(names), 'file')}. Set unzip.archive in params.yaml to a zip of photos."
        )
    found = [name for name in names if _is_metadata(name)] if layout in {"auto", "metadata"} else []
    if len(found) > 1 or (layout == "metadata" and not found):
        raise UserError(
            f"The archive must hold one {METADATA_NAME}. Received: {first_few(found) or 'none'}. Keep or add one, or "
            "set unzip.layout in params.yaml to class_folders or phylum_family to read labels from folder names."
        )
    return (posixpath.dirname(found[0]), found[0]) if found else (_folder_root(images), "")


def rows_from_folders(
    names: Iterable[str], layout: Layout, class_folder: ClassFolder = "auto", join_labels: bool = False
) -> pd.DataFrame:
    """List images whose label is the name of a folder that holds them.

    Folders of one name under `train`, `test` and the like are one class; images in no folder get no row. Species and
    content id come from names like `<content id>_<page id>_eol-full-size-copy.jpg`.

    Args:
        names: files relative to the root, with "/" between folders; those that are not images are passed over.
        layout: `phylum_family` splits a folder's name at its first underscore, `class_folders` takes it whole, and
            `auto` splits when every folder has an underscore and ends like a family (`-idae`, `-aceae`).
        class_folder: which of nested folders is the class, see `class_folders.folder_labels`.
        join_labels: see `labels.tabulate_labels`.

    Returns:
        DataFrame of the string columns `LISTING_COLUMNS`, sorted by `file_path`.

    Raises:
        UserError: if folders can be read in two ways, one cannot be split in two, or labels don't agree.
    """
    images = [name for name in names if is_image(name) and "/" in name]
    folder_of = folder_labels({posixpath.dirname(name) for name in images}, class_folder)
    folders = sorted(set(folder_of.values()))
    if layout == "auto":
        layout = "phylum_family" if all(_is_phylum_family(folder) for folder in folders) else "class_folders"
    labels = {folder: _split_label(folder) if layout == "phylum_family" else ("", folder) for folder in folders}
    rows = (_folder_row(name, *labels[folder_of[posixpath.dirname(name)]]) for name in images)
    return tabulate_labels(rows, "folder names", join_labels)


def _is_metadata(name: str) -> bool:
    return PurePosixPath(name).name.casefold() == METADATA_NAME


def _folder_root(images: Sequence[str]) -> str:
    folders = {posixpath.dirname(name) for name in images}
    if folders == {""}:
        raise UserError(
            f"Images must lie in one folder per class, or be listed in a {METADATA_NAME}. Received: "
            f"{count(len(images), 'image')} in no folder. Sort them into folders named for their class, or add the "
            "list, and zip them again."
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


def _folder_of_all(names: Sequence[str], root: str) -> str:
    """The folder of metadata.csv, or the one above it that holds all images."""
    images = [posixpath.dirname(name) for name in names if is_image(name)]
    outside = [folder for folder in images if folder != root and not name_below(folder, root)]
    if not outside:
        return root
    base = posixpath.commonpath([root, *outside]) if root and all(outside) else ""
    log.info(
        "images beside the folder of %s: %d; listed paths begin at %s", METADATA_NAME, len(outside), base or "the top"
    )
    return base


def _tell_names(archive: Path, contents: Contents) -> None:
    for encoding, n_names in sorted(contents.read_as.items()):
        log.info("%s: names read as %s: %d", archive, encoding, n_names)
    if contents.n_junk:
        log.info("%s: files of systems and tools passed over: %d", archive, contents.n_junk)


def _tell_root(root: str, listing: pd.DataFrame) -> None:
    if root:
        classes = describe_classes(set(listing["family"]))
        log.info("all photos lie in folder %r, which names no class; the folders below it do: %s", root, classes)


def _tell_ids(listing: pd.DataFrame) -> None:
    unread = listing["content_id"][unread_ids(listing["content_id"])]
    if len(unread):
        log.info(
            "content ids that are no whole numbers: %d of %d, first %r; bursts among them are unknown",
            len(unread),
            int((listing["content_id"] != "").sum()),
            unread.iloc[0],
        )
