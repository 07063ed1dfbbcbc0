"""Compare the archive's list of photos with the files it really has, and decide which images are kept."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rare_species.clean.document_detector import IS_DOCUMENT, document_score
from rare_species.common.csv_tables import LISTING_COLUMNS, MANIFEST_COLUMNS, read_table
from rare_species.common.errors import UserError
from rare_species.common.image_formats import is_image
from rare_species.common.junk import list_files
from rare_species.common.photo_status import Guess, PhotoStatus, Reason, describe_guess
from rare_species.common.spelling_variants import match_files, posix_path
from rare_species.common.terminal import printable
from rare_species.images.inspect_image import Facts, inspect_image
from rare_species.parallel.pools import map_in_processes
from rare_species.params.clean import CleanParams

NOT_READ = Facts(0, "")
log = logging.getLogger(__name__)


def build_manifest(
    listing: pd.DataFrame, images: Path, exclusions: Collection[str], params: CleanParams, workers: int
) -> pd.DataFrame:
    """Inspect every image once and decide whether it is kept.

    Args:
        listing: labels of the archive's photos, columns `csv_tables.LISTING_COLUMNS`.
        images: folder that `file_path` is relative to.
        exclusions: paths of photos that a person excluded by hand, spelt like the files or as `match_files` allows.
        params: limits on the size of an image, and what happens to documents.
        workers: number of processes.

    Returns:
        One row per listed label and per unlisted image, columns `MANIFEST_COLUMNS`, ordered by `file_path`.

    Raises:
        UserError: if `exclusions` names a file that the listing does not name and the folder does not hold.
    """
    missing, unlisted = _missing_and_unlisted(listing, images)
    rows = pd.concat([listing, pd.DataFrame({"file_path": unlisted})]).fillna("")
    rows = rows.sort_values(list(LISTING_COLUMNS)).reset_index(drop=True)
    excluded = _find_excluded(sorted(exclusions), set(rows["file_path"]), params.exclude)
    inspect = partial(
        inspect_image,
        min_side_px=params.min_side_px,
        max_pixels=params.max_pixels,
        score_document=None if params.documents == "keep" else document_score,
        folder=images,
    )
    readable = [path for path in rows["file_path"] if path not in missing]
    with closing(map_in_processes(inspect, readable, "inspect", workers)) as facts:
        manifest = rows.join(_tabulate(NOT_READ if path in missing else next(facts) for path in rows["file_path"]))
    manifest[["reason", "guess"]] = manifest[["reason", "guess"]].fillna("")
    _reject(manifest, manifest["file_path"].isin(missing), Reason.MISSING)
    _reject(manifest, manifest["file_path"].isin(unlisted), Reason.UNLISTED)
    _reject(manifest, manifest["file_path"].isin(excluded) | _same_photo(manifest, excluded), Reason.EXCLUDED)
    if params.documents == "reject":
        _reject(manifest, manifest["document_score"] >= IS_DOCUMENT, Reason.DOCUMENT)
    _reject_copies(manifest)
    manifest["status"] = [PhotoStatus.REJECTED if reason else PhotoStatus.KEPT for reason in manifest["reason"]]
    return manifest[list(MANIFEST_COLUMNS)]


def find_documents(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that look like a document, likeliest first; rows rejected for another reason are left out."""
    usable = manifest["reason"].isin(["", Reason.DOCUMENT])
    found = manifest[usable & (manifest["document_score"] >= IS_DOCUMENT)]
    return found.sort_values(["document_score", "file_path"], ascending=[False, True])


def count_guesses(manifest: pd.DataFrame) -> dict[str, int]:
    """Count the kept photos whose pixels rest on a guess, by kind of guess, and log the first photo of each kind."""
    kept = manifest[manifest["status"] == PhotoStatus.KEPT]
    found = {guess: kept["file_path"][kept["guess"] == guess] for guess in Guess}
    for guess, paths in found.items():
        if len(paths):
            log.info("%s", describe_guess(guess, len(paths), paths.iloc[0]))
    return {guess.value: len(paths) for guess, paths in found.items()}


def count_others(manifest: pd.DataFrame, images: Path) -> int:
    """Count the files in `images` that the manifest does not name: they are neither images nor listed."""
    known = set(manifest["file_path"])
    return sum(path not in known for path in list_files(images))


def read_exclusions(path: Path) -> set[str]:
    """Read the paths of photos that a person excluded by hand, from a CSV with a column `file_path`."""
    return set(read_table(path, ["file_path"], by_hand=True)["file_path"])


def refuse_too_many(manifest: pd.DataFrame, max_rejected_fraction: float) -> None:
    """Stop if too many images are rejected to train a useful model.

    Photos that a person excluded by hand count neither as kept nor as rejected.

    Raises:
        UserError: if no image is kept, or more than `max_rejected_fraction` of them are rejected. The error names the
            most frequent reasons.
    """
    judged = manifest[manifest["reason"] != Reason.EXCLUDED]
    rejected = judged[judged["status"] == PhotoStatus.REJECTED]
    if len(rejected) < len(judged) and len(rejected) / len(judged) <= max_rejected_fraction:
        return
    if judged.empty:
        raise UserError(
            "Expected photos to keep. Received: all are named in the file of clean.exclude. Remove some rows."
        )
    first = printable(rejected["file_path"].iloc[0])
    worst = ", ".join(f"{reason} {count}" for reason, count in Counter(rejected["reason"]).most_common(3))
    raise UserError(
        f"Expected at most {max_rejected_fraction:.3g} of the images to be rejected (clean.max_rejected_fraction). "
        f"Received: {len(rejected)} of {len(judged)} ({worst}; for instance {first}). "
        "Mend the archive, or raise the limit with dvc exp run -S clean.max_rejected_fraction=VALUE."
    )


def _missing_and_unlisted(listing: pd.DataFrame, images: Path) -> tuple[set[str], list[str]]:
    """Return the listed paths that have no file, and the image files that are not listed."""
    listed, present = set(listing["file_path"]), set(list_files(images))
    return listed - present, sorted(path for path in present - listed if is_image(path))


def _tabulate(facts: Iterable[Facts]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {fact.name: [] for fact in fields(Facts)}
    for each in facts:
        for name, values in columns.items():
            values.append(getattr(each, name))
    return pd.DataFrame(columns)


def _find_excluded(exclusions: Sequence[str], known: set[str], source: Path) -> set[str]:
    meant = match_files([posix_path(path) for path in exclusions], known, str(source))
    unknown = [path for path, file in zip(exclusions, meant, strict=True) if file not in known]
    if unknown:
        raise UserError(
            f"{source} (clean.exclude) must name files of the archive. Received {len(unknown)} that it does not have, "
            f"first {unknown[0]!r}. Remove those rows, or write them as in {min(known, default='the archive')!r}."
        )
    return set(meant)


def _reject(manifest: pd.DataFrame, rows: pd.Series[bool], reason: Reason) -> None:
    """Set the reason of these rows; it replaces a reason that comes later in `Reason`, but not an earlier one."""
    earlier = list(Reason)[: list(Reason).index(reason)]
    manifest.loc[rows & ~manifest["reason"].isin(earlier), "reason"] = reason.value


def _same_photo(manifest: pd.DataFrame, excluded: set[str]) -> pd.Series[bool]:
    """Mark copies of the excluded photos: rows with the same bytes and the same family.

    A copy under another family is not marked: the person excluded one label and kept the other.
    """
    gone = manifest[manifest["file_path"].isin(excluded) & (manifest["sha256"] != "")]
    photos = set(zip(gone["sha256"], gone["family"], strict=True))
    pairs = zip(manifest["sha256"], manifest["family"], strict=True)
    return pd.Series([pair in photos for pair in pairs], index=manifest.index)


def _reject_copies(manifest: pd.DataFrame) -> None:
    """Keep only the first of images with the same bytes, or none if they are labelled as different families."""
    usable = manifest[manifest["reason"] == ""]
    families = usable.groupby("sha256")["family"].transform("nunique")
    conflicting = usable.index[families > 1]
    copies = usable.index[(families == 1) & usable.duplicated("sha256")]
    manifest.loc[conflicting, "reason"] = Reason.CONFLICTING_LABELS.value
    manifest.loc[copies, "reason"] = Reason.DUPLICATE.value
