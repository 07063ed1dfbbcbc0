"""The formats of an export, and the checks before it starts; needs no TensorFlow."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rare_species.common.errors import UserError
from rare_species.common.staged_files import file_in_the_way


@dataclass(frozen=True)
class Format:
    """The shape of an export on disk, and what it needs.

    Attributes:
        suffix: suffix of the exported file; "" for a folder.
        needs: names of required packages that the pipeline itself does not need.
    """

    suffix: str
    needs: tuple[str, ...] = ()


FORMATS: Mapping[str, Format] = {
    "keras": Format(".keras"),
    "saved_model": Format(""),
    "tflite": Format(".tflite"),
    "onnx": Format(".onnx", ("onnx", "tf2onnx")),
}
SAVED_MODEL = "saved_model.pb"  # a folder with this file is a SavedModel


def check_out(out: Path, name: str) -> None:
    """Refuse a path where an export in this format can't be written.

    Raises:
        UserError: if `out` is a file and the format needs a folder, or the other way round, or if its suffix is wrong.
    """
    suffix = FORMATS[name].suffix
    if blocking := file_in_the_way(out.parent):
        raise UserError(f"Expected --out to lie in a folder. Received: {out}, and {blocking} is a file. Name another.")
    if suffix and (out.suffix != suffix or out.is_dir()):
        raise UserError(f"Expected --out to be a file that ends in {suffix} for {name}. Received: {out}. Rename it.")
    if not suffix and out.exists() and not (out / SAVED_MODEL).is_file():
        raise UserError(
            f"Expected --out to be a new folder, or an older SavedModel to replace. Received: {out}, which is neither. "
            "Name another."
        )


def check_packages(name: str) -> None:
    """Refuse a format whose packages are not installed.

    Raises:
        UserError: if a package is missing.
    """
    missing = [package for package in FORMATS[name].needs if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(
            f"Expected {' and '.join(missing)} for --format {name}. Received: not installed. "
            "Install it with pip install -r requirements-export.txt, or choose another format."
        )
