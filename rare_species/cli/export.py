"""Write the champion for other programs: `python -m rare_species export --format keras|saved_model|tflite|onnx`.

The exported model takes photos as "rgb" of shape (n, side, side, 3) with values from 0 to 255, and a one-hot "phylum"
if it is conditioned on the phylum. It gives calibrated "probabilities". Two JSON texts inside it describe both:
"champion" says how to fit photos, and "classes" lists the families in the order of the probabilities. To read them,
unzip a .keras or .tflite file (champion.json, classes.json), look into assets.extra/ of a SavedModel, or read the
metadata properties of an ONNX file.

Before the exported model is put in place, its probabilities are compared with the original's on test photos.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.common.terminal import printable
from rare_species.evaluate.champion_file import read_classifier
from rare_species.export.comparison_photos import photos_to_compare
from rare_species.export.formats import FORMATS, check_out, check_packages
from rare_species.networks.tensorflow_start import start_tensorflow


def main(argv: Sequence[str] | None = None) -> int:
    """Export the champion from the command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if the model is written and agrees with the original, 1 if the user has something to mend.
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
    check_out(out, args.format)
    check_packages(args.format)
    photos, source = photos_to_compare(classifier, paths)
    start_tensorflow()
    from rare_species.export.converters import export_classifier

    difference = export_classifier(classifier, args.format, out, photos)
    print(f"{printable(out)}: {_size(out) / 2**20:.1f} MiB")
    print(f"largest difference of a probability on {len(photos['rgb'])} {source}: {difference:.1e}")
    return 0


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
