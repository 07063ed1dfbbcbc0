"""Write the champion for other programs: `python -m rare_species export --format keras|saved_model|tflite|onnx`.

What is written takes RGB from 0 to 255, as "rgb" of shape (n, side, side, 3), fitted as its document "champion" says,
and the one-hot "phylum" if the model is told it. It gives calibrated "probabilities" in the order of its document
"classes". Both documents are JSON inside it: unzip a .keras or .tflite file (classes.json, champion.json), look into
assets.extra/ of a SavedModel, or at the metadata properties of an ONNX file.

It is compared with the original on test photos before it is put in its place.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rare_species.common.command import Parser, run_command
from rare_species.common.errors import UserError
from rare_species.common.files import file_in_the_way
from rare_species.common.paths import Paths
from rare_species.common.terminal import printable
from rare_species.data.shards import SHAPE_NAME, open_packed
from rare_species.evaluate.champion_document import Classifier, read_classifier
from rare_species.images.decode import decode_rgb
from rare_species.networks.tensorflow_start import start_tensorflow

PHOTOS = 32  # to compare on


@dataclass(frozen=True)
class Format:
    """How an exported model lies on the disk.

    Attributes:
        suffix: of its file; "" for a folder.
        needs: packages beyond those of the pipeline.
    """

    suffix: str
    needs: tuple[str, ...] = ()


FORMATS: Mapping[str, Format] = {
    "keras": Format(".keras"),
    "saved_model": Format(""),
    "tflite": Format(".tflite"),
    "onnx": Format(".onnx", ("onnx", "tf2onnx")),
}
SAVED_MODEL = "saved_model.pb"  # what makes a folder one


def main(argv: Sequence[str] | None = None) -> int:
    """Export from the command line.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        0 when the model is written and agrees, 1 when there is something to mend.
    """
    args = _parse(argv)
    return run_command("export", lambda: _export(args))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="python -m rare_species export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    paths = Paths()
    default = paths.exports / "champion"
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--out", type=Path, metavar="PATH", help=f"default: {default} with the format's suffix")
    parser.add_argument("--model", type=Path, default=paths.champion, metavar="DIR", help=f"default: {paths.champion}")
    return parser.parse_args(argv)


def _export(args: argparse.Namespace) -> int:
    form, paths = FORMATS[args.format], Paths()
    classifier = read_classifier(args.model)
    out = args.out or paths.exports / f"champion{form.suffix}"
    _check_out(out, args.format)
    _check_packages(args.format)
    photos, source = _photos_to_compare(classifier, paths)
    start_tensorflow()
    from rare_species.export.formats import export_classifier

    difference = export_classifier(classifier, args.format, out, photos)
    print(f"{printable(out)}: {_size(out) / 2**20:.1f} MiB")
    print(f"largest difference of a probability on {len(photos['rgb'])} {source}: {difference:.1e}")
    return 0


def _check_out(out: Path, name: str) -> None:
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


def _check_packages(name: str) -> None:
    missing = [package for package in FORMATS[name].needs if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(
            f"Expected {' and '.join(missing)} for --format {name}. Received: not installed. "
            "Install it with pip install -r requirements-export.txt, or choose another format."
        )


def _photos_to_compare(classifier: Classifier, paths: Paths) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Inputs by name, and what they are."""
    side_px, source = classifier.shape.image_size, f"test photos of {paths.processed}"
    packed = open_packed(paths.processed) if (paths.processed / SHAPE_NAME).is_file() else None
    rows = packed.rows("test") if packed and packed.shape == classifier.shape else None
    if packed and rows is not None and len(rows):
        chosen = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, PHOTOS).astype(int))]
        photos = np.stack([np.asarray(decode_rgb(jpeg), dtype=np.float32) for jpeg in packed.read(chosen)])
    else:
        source = f"photos of noise, as {paths.processed} has none of this model's"
        photos = np.random.default_rng(0).uniform(0, 255, (PHOTOS, side_px, side_px, 3)).astype(np.float32)
    if not classifier.phyla:
        return {"rgb": photos}, source
    each_in_turn = np.arange(len(photos)) % len(classifier.phyla)
    return {"rgb": photos, "phylum": np.eye(len(classifier.phyla), dtype=np.float32)[each_in_turn]}, source


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
