"""Join what the archive lists with what its files are, and decide which images are kept."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd

from rare_species.documents import IS_DOCUMENT, document_score
from rare_species.errors import UserError
from rare_species.formats import is_image
from rare_species.images import Facts, inspect_image
from rare_species.manifest import LISTING_COLUMNS, MANIFEST_COLUMNS, Reason, Status, read_table
from rare_species.parallel import map_in_processes
from rare_species.params import CleanParams


def build_manifest(
    listing: pd.DataFrame, images: Path, excluded: set[str], params: CleanParams, workers: int
) -> pd.DataFrame:
    """Look at every image once and decide its status.

    Args:
        listing: what the archive lists, columns `manifest.LISTING_COLUMNS`.
        images: folder that `file_path` is relative to.
        excluded: file paths that a person removed by hand.
        params: limits on the size of an image, and what is done with documents.
        workers: processes.

    Returns:
        One row per listed label and per unlisted image, columns `MANIFEST_COLUMNS`, ordered by `file_path`.

    Raises:
        UserError: when `excluded` names a file that is neither listed nor there.
    """
    present = list_files(images)
    unlisted = sorted(path for path in present - set(listing["file_path"]) if is_image(path))
    rows = pd.concat([listing, pd.DataFrame({"file_path": unlisted})]).fillna("")
    rows = rows.sort_values(list(LISTING_COLUMNS)).reset_index(drop=True)
    _refuse_unknown(excluded, set(rows["file_path"]))
    inspect = partial(_inspect_below, images, params)
    readable = [path for path in rows["file_path"] if path in present]
    facts = dict(zip(readable, map_in_processes(inspect, readable, "inspect", workers), strict=True))
    manifest = rows.join(pd.DataFrame([vars(facts.get(path, Facts(0, ""))) for path in rows["file_path"]]))
    manifest["reason"] = manifest["reason"].fillna("")
    _reject(manifest, ~manifest["file_path"].isin(present), Reason.MISSING)
    _reject(manifest, manifest["file_path"].isin(unlisted), Reason.UNLISTED)
    _reject(manifest, manifest["file_path"].isin(excluded) | _same_photo(manifest, excluded), Reason.EXCLUDED)
    if params.documents == "reject":
        _reject(manifest, manifest["document_score"] >= IS_DOCUMENT, Reason.DOCUMENT)
    _reject_copies(manifest)
    manifest["status"] = [Status.REJECTED if reason else Status.KEPT for reason in manifest["reason"]]
    return manifest[list(MANIFEST_COLUMNS)]


def find_documents(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows that are kept, or rejected for this alone, and look like a document; the likeliest first."""
    usable = manifest["reason"].isin(["", Reason.DOCUMENT])
    found = manifest[usable & (manifest["document_score"] >= IS_DOCUMENT)]
    return found.sort_values(["document_score", "file_path"], ascending=[False, True])


def list_files(folder: Path) -> set[str]:
    """POSIX paths of the files below a folder, relative to it, without the listing itself."""
    found: set[str] = set()
    for place, _, names in os.walk(folder, onerror=_raise):  # `Path.rglob` would hold every path
        paths = (Path(place, name) for name in names)
        found.update(path.relative_to(folder).as_posix() for path in paths if path.is_file())
    found.discard("listing.csv")
    return found


def _raise(error: OSError) -> None:
    raise error


def read_exclusions(path: Path) -> set[str]:
    """Read the file paths that a person removed by hand, from a CSV with a column `file_path`."""
    return set(read_table(path, ["file_path"])["file_path"])


def refuse_too_many(manifest: pd.DataFrame, max_rejected_fraction: float) -> None:
    """Stop when an archive is too broken to be worth a model.

    Raises:
        UserError: when no image is kept, or more than that fraction is rejected, those a person excluded left out;
            it names the worst reasons.
    """
    judged = manifest[manifest["reason"] != Reason.EXCLUDED]
    rejected = judged[judged["status"] == Status.REJECTED]
    if len(rejected) < len(judged) and len(rejected) / len(judged) <= max_rejected_fraction:
        return
    if judged.empty:
        raise UserError(
            "Expected photos to keep. Received: all are named in the file of clean.exclude. Remove some rows."
        )
    worst = ", ".join(f"{reason} {count}" for reason, count in Counter(rejected["reason"]).most_common(3))
    raise UserError(
        f"Expected at most {max_rejected_fraction:.3g} of the images to be rejected (clean.max_rejected_fraction). "
        f"Received: {len(rejected)} of {len(judged)} ({worst}; for instance {rejected['file_path'].iloc[0]}). "
        "Mend the archive, or raise the limit with dvc exp run -S clean.max_rejected_fraction=VALUE."
    )


def _inspect_below(images: Path, params: CleanParams, file_path: str) -> Facts:
    score_document = None if params.documents == "keep" else document_score
    return inspect_image(images / file_path, params.min_side_px, params.max_pixels, score_document)


def _refuse_unknown(excluded: set[str], known: set[str]) -> None:
    unknown = sorted(excluded - known)
    if unknown:
        raise UserError(
            f"clean.exclude must name files of the archive. Received {len(unknown)} that it does not have, "
            f"first {unknown[0]!r}. Remove those rows, or write them as in {min(known, default='the archive')!r}."
        )


def _reject(manifest: pd.DataFrame, rows: pd.Series[bool], reason: Reason) -> None:
    """Give the rows a reason that takes precedence over what decoding said, but not over an earlier reason."""
    earlier = list(Reason)[: list(Reason).index(reason)]
    manifest.loc[rows & ~manifest["reason"].isin(earlier), "reason"] = reason.value


def _same_photo(manifest: pd.DataFrame, excluded: set[str]) -> pd.Series[bool]:
    """Rows with the bytes and the family of an excluded one; under another family it is what the person kept."""
    gone = manifest[manifest["file_path"].isin(excluded) & (manifest["sha256"] != "")]
    photos = set(zip(gone["sha256"], gone["family"], strict=True))
    pairs = zip(manifest["sha256"], manifest["family"], strict=True)
    return pd.Series([pair in photos for pair in pairs], index=manifest.index)


def _reject_copies(manifest: pd.DataFrame) -> None:
    """Of images with the same bytes keep the first, or none where they are labelled as different families."""
    usable = manifest[manifest["reason"] == ""]
    families = usable.groupby("sha256")["family"].transform("nunique")
    conflicting = usable.index[families > 1]
    copies = usable.index[(families == 1) & usable.duplicated("sha256")]
    manifest.loc[conflicting, "reason"] = Reason.CONFLICTING_LABELS.value
    manifest.loc[copies, "reason"] = Reason.DUPLICATE.value
