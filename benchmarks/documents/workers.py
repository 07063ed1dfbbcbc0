"""What a worker does with one document or one file; processes can't import from a package's `__main__`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.documents.scanning import scan
from benchmarks.documents.testing_kinds import TEST_KINDS
from benchmarks.documents.tuning_kinds import TUNING_KINDS
from rare_species.clean.document_detector import Traits, document_score, measure
from rare_species.images.decode import decode_rgb
from rare_species.images.inspect_image import Facts, inspect_image

KINDS: Mapping[str, Callable[[np.random.Generator], Image.Image]] = {**TUNING_KINDS, **TEST_KINDS}


def draw_document(folder: Path, job: tuple[str, int]) -> Path:
    """Draw and scan one document of a kind; the number is its seed."""
    kind, number = job
    rng = np.random.default_rng([number, *kind.encode()])
    file = folder / f"{kind} {number}.jpg"
    file.write_bytes(scan(KINDS[kind](rng), rng))
    return file


def measure_file(file: Path) -> Traits:
    """Measure an image decoded at full size."""
    return measure(decode_rgb(file.read_bytes()))


def inspect_file(file: Path, find_documents: bool) -> Facts:
    """Do what stage clean does to one file."""
    return inspect_image(
        file, min_side_px=1, max_pixels=10**8, score_document=document_score if find_documents else None
    )
