"""The champion: the better of the two models, with what its answers need besides; no TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rare_species.calibration import Calibration
from rare_species.files import read_json, write_json
from rare_species.reporting import rounded


def save_champion(folder: Path, candidate: Path, calibration: Calibration, test: Mapping[str, float]) -> None:
    """Copy a saved candidate, and add to its metadata how sure its answers are and how right on the test split.

    Args:
        folder: an empty folder.
        candidate: where it was saved.
        calibration: fitted to its validation predictions.
        test: its metrics.
    """
    for name in ("model.keras", "classes.json"):
        shutil.copyfile(candidate / name, folder / name)
    added = {"champion": candidate.name, "calibration": asdict(calibration), "test": rounded(test)}
    write_json(folder / "metadata.json", read_json(candidate / "metadata.json") | added)
