"""Unpack an archive and list its labels."""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rare_species.layouts.layout import Archive
from rare_species.layouts.registry import read_labels
from rare_species.layouts.spreadsheet_ids import unread_ids
from rare_species.params.unzip import UnzipParams
from rare_species.unzip.safe_zip import Contents, Limits, extract, inspect_archive, read_member

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Unpacked:
    """What an archive held: each file was written, was junk, lay outside, or was a list of labels.

    Attributes:
        listing: DataFrame of the string columns `csv_tables.LISTING_COLUMNS`, sorted by `file_path`, "" where a value
            is unknown.
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

    The folder that the layout's paths are relative to becomes `destination`. Lists of labels that the layout read are
    not written: the listing takes their place.

    Args:
        archive: the zip.
        destination: folder to write into; an error leaves it incomplete, so give a temporary one.
        params: limits, and how labels are read; its `archive` is ignored.

    Raises:
        UserError: if the zip is not safe, damaged or over a limit, or its labels cannot be read.
    """
    limits = Limits(params.max_files, params.max_bytes, params.max_ratio, params.name_encoding)
    contents = inspect_archive(archive, limits)
    _tell_names(archive, contents)
    names = [member.name for member in contents.members]
    members = Archive(archive, names, lambda name: read_member(archive, name, limits))
    labels = read_labels(members, params.layout, params)
    n_files = extract(archive, destination, limits, labels.folder, leave_out=labels.lists)
    _tell_ids(labels.listing)
    return Unpacked(labels.listing, n_files, contents.n_junk, len(set(names).difference(labels.lists)) - n_files)


def _tell_names(archive: Path, contents: Contents) -> None:
    for encoding, n_names in sorted(contents.read_as.items()):
        log.info("%s: names read as %s: %d", archive, encoding, n_names)
    if contents.n_junk:
        log.info("%s: files of systems and tools passed over: %d", archive, contents.n_junk)


def _tell_ids(listing: pd.DataFrame) -> None:
    unread = listing["content_id"][unread_ids(listing["content_id"])]
    if len(unread):
        log.info(
            "content ids that are no whole numbers: %d of %d, first %r; bursts among them are unknown",
            len(unread),
            int((listing["content_id"] != "").sum()),
            unread.iloc[0],
        )
