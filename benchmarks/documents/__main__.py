"""Fit and measure the filter that tells documents from photos (`rare_species.clean.document_detector`).

Run from the repository root: `python -m benchmarks.documents photos.zip [--fit]`, any zip of real photos.
`--fit` fits weights to the tuning kinds of documents and to every other photo, and prints them for
`clean/document_detector.py`. Everything else uses the weights in the code and reports on the test kinds, which no
weight was fitted to, and on the photos left over.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.documents.testing_kinds import TEST_KINDS
from benchmarks.documents.tuning_kinds import TUNING_KINDS
from benchmarks.documents.workers import draw_document, inspect_file, measure_file
from rare_species.clean.document_detector import IS_DOCUMENT, MIN_MARKS_SPREAD, Traits
from rare_species.common.cores import available_cores
from rare_species.common.image_formats import is_image
from rare_species.parallel.pools import map_in_processes

TUNING_DOCUMENTS, TEST_DOCUMENTS = 60, 20  # of each kind
FLAGGED_PHOTOS = 0.008  # share of the tuning photos above the threshold


def main() -> int:
    """Print the fitted weights, or recall by kind, flagged photos and speed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents")
    parser.add_argument("photos", type=Path, help="a zip of photos")
    parser.add_argument("--fit", action="store_true", help="fit the weights again")
    arguments = parser.parse_args()
    if not zipfile.is_zipfile(arguments.photos):
        print(f"Expected a zip of photos. Received: {arguments.photos}. Name one.", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        photos = unpack_images(arguments.photos, Path(folder))
        if arguments.fit:
            print_fit(photos[::2], Path(folder))
        else:
            print_report(photos, Path(folder))
    return 0


def unpack_images(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip's images into a folder under numbers, in order of their names."""
    files = []
    with zipfile.ZipFile(archive) as members:
        for number, name in enumerate(sorted(name for name in members.namelist() if is_image(name))):
            files.append(folder / f"{number:06d}{Path(name).suffix.lower()}")
            files[-1].write_bytes(members.read(name))
    return files


def draw_documents(kinds: Iterable[str], of_each: int, folder: Path) -> pd.DataFrame:
    """Draw documents into a folder; a table of columns kind and file."""
    jobs = [(kind, number) for kind in kinds for number in range(of_each)]
    draw = partial(draw_document, folder)
    files = list(map_in_processes(draw, jobs, "draw documents", available_cores()))
    return pd.DataFrame({"kind": [kind for kind, _ in jobs], "file": files})


def print_fit(photos: list[Path], folder: Path) -> None:
    """Fit a logistic regression and print it; its threshold is moved to `IS_DOCUMENT`."""
    documents = list(draw_documents(TUNING_KINDS, TUNING_DOCUMENTS, folder)["file"])
    traits = np.array(list(map_in_processes(measure_file, documents + photos, "measure", available_cores())))
    centre, spread = traits.mean(axis=0), traits.std(axis=0)
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
    model.fit((traits - centre) / spread, np.arange(len(traits)) < len(documents))
    weights = model.coef_[0] / spread
    has_marks = traits[:, Traits._fields.index("marks_spread")] >= MIN_MARKS_SPREAD
    logits = np.where(has_marks, traits @ weights, -np.inf)
    threshold = np.quantile(logits[len(documents) :], 1 - FLAGGED_PHOTOS, method="lower")
    print(f"BIAS = {-threshold:.3f}\nWEIGHTS = Traits(")
    for name, weight in zip(Traits._fields, weights, strict=True):
        print(f"    {name}={weight:.3f},")
    print(f")\nrecall on the tuning kinds: {np.mean(logits[: len(documents)] > threshold):.3f}")


def print_report(photos: list[Path], folder: Path) -> None:
    """Recall by test kind, share of photos flagged, and images per second with and without the filter."""
    documents = draw_documents(TEST_KINDS, TEST_DOCUMENTS, folder)
    scores, rate = inspect_all([*documents["file"], *photos], find_documents=True)
    found = scores[: len(documents)] >= IS_DOCUMENT
    flagged = scores[len(documents) :] >= IS_DOCUMENT
    for kind, share in pd.Series(found).groupby(documents["kind"], sort=False).mean().items():
        print(f"{kind:<18} recall {share:.2f}")
    print(f"{'all test kinds':<18} recall {found.mean():.3f} of {len(found)}")
    for name, part in (
        ("photos fitted to", flagged[::2]),
        ("photos left over", flagged[1::2]),
        ("all photos", flagged),
    ):
        print(f"{name:<18} flagged {part.mean():.4f}: {part.sum()} of {len(part)}")
    _, bare_rate = inspect_all(photos, find_documents=False)
    print(f"{rate:.0f} images/s on {available_cores()} cores with the filter; {bare_rate:.0f} photos/s without")


def inspect_all(files: list[Path], find_documents: bool) -> tuple[NDArray[np.float64], float]:
    """Do what stage clean does to each file.

    Returns:
        float array of shape (n_files,), the documents' scores, NaN without; and files per second.
    """
    inspect = partial(inspect_file, find_documents=find_documents)
    start = perf_counter()
    facts = list(map_in_processes(inspect, files, "inspect", available_cores()))
    return np.array([fact.document_score for fact in facts], dtype=float), len(files) / (perf_counter() - start)


if __name__ == "__main__":
    sys.exit(main())
