"""Name the family on photos: `python -m rare_species predict PHOTO|FOLDER|PATTERN...`.

Takes the champion of the last run. Where the family is not sure enough, the phylum is answered instead. Answers appear
as they are found, in a table, as JSON lines (one document per photo) or as CSV.

Exit codes: 0 all photos were read, 1 there is something to mend, 2 some files were skipped, as they could not be read
or are of one colour everywhere, 130 after Ctrl-C. After a full disk or Ctrl-C the answers that were found before stand,
the last perhaps cut off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from tqdm import tqdm

from rare_species.common.command import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.common.status import Guess, describe_guess
from rare_species.common.terminal import count, printable
from rare_species.evaluate.champion_file import Classifier, read_classifier
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.predict.answers import Answer, csv_lines, json_lines, make_answer, table_lines
from rare_species.predict.photo_files import find_photos, photo_reader

if TYPE_CHECKING:
    from rare_species.predict.predictor import Prediction
from rare_species.predict.explained_photos import Overlays
from rare_species.predict.photo_files import MAX_PIXELS, read_ahead

READ, SKIPPED = 0, 2
WAIT_S = 2  # quicker work needs no progress bar


def main(argv: Sequence[str] | None = None) -> int:
    """Predict photos from the command line.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        One of the exit codes above.
    """
    args = _parse(argv)
    return run_command("predict", lambda: _predict(args))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="python -m rare_species predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|PATTERN", help="** in a pattern goes down folders")
    parser.add_argument("--top", type=_count, default=5, metavar="N", help="families listed for each photo; default: 5")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document per line and photo")
    form.add_argument("--csv", action="store_true", help="comma-separated values with a header")
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="write photos there, each under a heatmap of what spoke for the likeliest family (Grad-CAM)",
    )
    parser.add_argument("--phylum", metavar="NAME", help="of all photos, for a model that is told it")
    parser.add_argument(
        "--max-pixels",
        type=_count,
        default=MAX_PIXELS,
        metavar="N",
        help="larger photos are skipped: one takes up to 9 bytes a pixel in each thread; default: %(default)s",
    )
    champion = Paths().champion
    parser.add_argument("--model", type=Path, default=champion, metavar="DIR", help=f"default: {champion}")
    return parser.parse_args(argv)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1. Received: {text!r}. For example: 5")
    return int(text)


def _predict(args: argparse.Namespace) -> int:
    classifier = read_classifier(args.model)
    phylum = classifier.one_hot_phylum(args.phylum)
    files = find_photos(args.photos)
    overlays = Overlays.beside(args.explain, files) if args.explain else None
    read = photo_reader(classifier.preprocessing, args.max_pixels)
    start_tensorflow()
    from rare_species.predict.predictor import open_predictor

    predictor = open_predictor(classifier, phylum)
    with (
        read_ahead(read, files) as photos,
        tqdm(total=len(files), desc="predict", unit="photo", mininterval=1.0, delay=WAIT_S) as progress,
    ):
        printer = Printer(classifier, min(args.top, len(classifier.classes)), overlays, progress)
        answers = printer.answers(predictor.run(photos, explain=overlays is not None))
        for line in _lines(args, printer, answers, files):
            printer.show(line, sys.stdout)
            sys.stdout.flush()
    for line in printer.guesses():
        print(f"predict: {line}", file=sys.stderr)
    if printer.skipped:
        print(f"predict: skipped {printer.skipped} of {count(len(files), 'file')}", file=sys.stderr)
    return SKIPPED if printer.skipped else READ


@dataclass
class Printer:
    """What is said while predictions come in.

    Attributes:
        classifier: that makes them.
        top: families of an answer.
        overlays: for explanations; None to make none.
        progress: the bar.
        skipped: files that could not be read so far, or are blank.
        guessed: photos that are not read as they stand so far, by what they were taken for.
    """

    classifier: Classifier
    top: int
    overlays: Overlays | None
    progress: tqdm[NoReturn]
    skipped: int = 0
    guessed: dict[Guess, list[Path]] = field(default_factory=dict)

    def answers(self, predictions: Iterable[Prediction]) -> Iterator[Answer]:
        """An answer for each photo; what can't be read is reported and counted."""
        threshold = self.classifier.calibration.family_threshold
        for prediction in predictions:
            photo = prediction.photo
            self.progress.update()
            if photo.pixels is None or prediction.probabilities is None:
                self.skipped += 1
                self.show(f"predict: skipped {printable(photo.path)}: {printable(photo.problem)}", sys.stderr)
                continue
            if photo.guess is not None:
                self.guessed.setdefault(photo.guess, []).append(photo.path)
            if self.overlays and prediction.heatmap is not None:
                self.overlays.write(photo.path, photo.pixels, prediction.heatmap)
            yield make_answer(photo.path, prediction.probabilities, self.classifier.classes, threshold, self.top)

    def guesses(self) -> Iterator[str]:
        """A line for each kind of photos that are not read as they stand."""
        for guess, paths in self.guessed.items():
            yield describe_guess(guess, len(paths), str(paths[0]))

    def show(self, line: str, file: TextIO) -> None:
        """Print a line above the bar, unless they go to different places or the bar's time has not come."""
        if self.progress.format_dict["elapsed"] > WAIT_S and (file is sys.stderr or file.isatty()):
            self.progress.write(line, file=file)
        else:
            print(line, file=file)


def _lines(
    args: argparse.Namespace, printer: Printer, answers: Iterator[Answer], files: Sequence[Path]
) -> Iterator[str]:
    if args.json:
        return json_lines(answers)
    return csv_lines(answers, printer.top) if args.csv else table_lines(answers, files, printer.classifier.classes)
