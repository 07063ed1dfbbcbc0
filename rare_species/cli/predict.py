"""Name the family on photos: `python -m rare_species predict PHOTO|FOLDER|PATTERN...`.

Uses the champion of the last run. If it is not sure enough of the family, it answers the phylum instead. Answers
appear as soon as they are found: in a table, as JSON lines (one object per photo) or as CSV.

Exit codes: 0 all photos were read, 1 there is something to mend, 2 some files were skipped because they could not be
read or show a single colour, 130 after Ctrl-C. After a full disk or Ctrl-C, the earlier answers are kept; the last one
may be cut off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from tqdm import tqdm

from rare_species.common.command_line import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.common.photo_status import Guess, describe_guess
from rare_species.common.terminal import count, printable
from rare_species.evaluate.champion_file import Classifier, read_classifier
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.predict.answers import Answer, csv_lines, json_lines, make_answer, table_lines
from rare_species.predict.explained_photos import Overlays
from rare_species.predict.photo_files import MAX_PIXELS, find_photos, photo_reader, read_ahead

if TYPE_CHECKING:
    from rare_species.predict.predictor import Prediction

READ, SKIPPED = 0, 2
WAIT_S = 2  # seconds until the progress bar appears: quicker work needs none


def main(argv: Sequence[str] | None = None) -> int:
    """Predict photos from the command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        The exit code, see this module's docstring.
    """
    args = _parse(argv)
    return run_command("predict", lambda: _predict(args))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="python -m rare_species predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "photos", nargs="+", metavar="PHOTO|FOLDER|PATTERN", help="** in a pattern stands for folders of any depth"
    )
    parser.add_argument("--top", type=_count, default=5, metavar="N", help="families listed for each photo; default: 5")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one line of JSON per photo")
    form.add_argument("--csv", action="store_true", help="comma-separated values with a header")
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="write each photo to DIR, under a heatmap of what speaks for its likeliest family (Grad-CAM)",
    )
    parser.add_argument("--phylum", metavar="NAME", help="phylum of all photos, for a model that is conditioned on it")
    parser.add_argument(
        "--max-pixels",
        type=_count,
        default=MAX_PIXELS,
        metavar="N",
        help="skip larger photos: a photo takes up to 9 bytes per pixel in each thread; default: %(default)s",
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
    """Prints answers, problems and progress while predictions come in.

    Attributes:
        classifier: the champion that makes the predictions.
        top: number of families to list in an answer.
        overlays: where explanations go; None to write none.
        progress: the progress bar.
        skipped: number of files so far that could not be read or show a single colour.
        guessed: photos so far whose pixels rest on a guess, by kind of guess.
    """

    classifier: Classifier
    top: int
    overlays: Overlays | None
    progress: tqdm[NoReturn]
    skipped: int = 0
    guessed: dict[Guess, list[Path]] = field(default_factory=dict)

    def answers(self, predictions: Iterable[Prediction]) -> Iterator[Answer]:
        """Make an answer for each photo; report and count the files that can't be read."""
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
        """Describe each kind of guess in one line, with the number of photos."""
        for guess, paths in self.guessed.items():
            yield describe_guess(guess, len(paths), str(paths[0]))

    def show(self, line: str, file: TextIO) -> None:
        """Print a line: above the progress bar if the bar is visible and the line goes to a terminal or stderr."""
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
