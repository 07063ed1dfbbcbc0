"""Time predict against decoding plus a bare `model.predict`, and measure its memory, on this machine.

Run from the repository root, after `make repro`: `python -m benchmarks.predict [ARCHIVE] [--photos 500] [--rounds 3]`.
Both sides fit the same photos in as many threads and run the champion in batches of the same size; they take turns, so
that whatever else runs slows both, and their first turns are not counted. The bare side decodes all photos before the
network starts, encodes none again, and says nothing. What a start takes (TensorFlow, the network) is in neither.

Memory is the peak of whole commands of their own, on Linux (`ru_maxrss` would begin with this process' own); photos
come again where the archive holds too few.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from rare_species.cli.predict import Printer
from rare_species.common.cores import available_cores
from rare_species.common.image_formats import is_image
from rare_species.common.paths import Paths
from rare_species.evaluate.champion_file import Classifier, read_classifier
from rare_species.images.fit_to_square import fit_square
from rare_species.parallel.pools import map_in_threads
from rare_species.predict.answers import json_lines
from rare_species.predict.photo_files import AHEAD, MAX_PIXELS, photo_reader
from rare_species.predict.predictor import BATCH, Predictor, open_predictor

MEMORY_OF = (100, 500, 2000)
COMMAND = """
import pathlib, re, sys
from rare_species.cli.predict import main
code = main([sys.argv[1], "--model", sys.argv[2], "--csv"])
status = pathlib.Path("/proc/self/status").read_text()
print(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)
sys.exit(code)
"""


def main() -> int:
    """Print both times, their ratio, and the memory."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict")
    parser.add_argument("archive", nargs="?", type=Path, default=Path("data/raw/sample.zip"))
    parser.add_argument("--photos", type=int, default=500, help="default: 500")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each; default: 3")
    parser.add_argument("--model", type=Path, default=Paths().champion, help=f"default: {Paths().champion}")
    parameters = parser.parse_args()
    classifier = read_classifier(parameters.model)
    with tempfile.TemporaryDirectory() as folder:
        files = write_photos(parameters.archive, Path(folder), max(parameters.photos, *MEMORY_OF))
        compare(classifier, files[: parameters.photos], parameters.rounds)
        for count in MEMORY_OF:
            print(f"peak memory at {count:4} photos: {peak_mib(classifier, files[:count], Path(folder)):.0f} MiB")
    return 0


def write_photos(archive: Path, folder: Path, count: int) -> list[Path]:
    """Unpack an archive's readable photos, spread over all of it."""
    with zipfile.ZipFile(archive) as source:
        names = [name for name in source.namelist() if is_image(name)]
        step = max(1, len(names) // count)
        readable: list[bytes] = []
        for name in names[::step]:
            data = source.read(name)
            try:
                fit_square(data, 32, "crop")
            except (OSError, SyntaxError, ValueError):
                continue
            readable.append(data)
    files = []
    for number, data in zip(range(count), itertools.cycle(readable), strict=False):
        files.append(folder / f"{number:05d}.jpg")
        files[-1].write_bytes(data)
    return files


def compare(classifier: Classifier, files: Sequence[Path], rounds: int) -> None:
    """Print the medians of both sides and their ratio."""
    predictor = open_predictor(classifier, None)
    sides: dict[str, Callable[[], object]] = {
        "predict": lambda: with_predict(classifier, predictor, files),
        "decoding, then model.predict": lambda: bare(classifier, predictor.model, files),
    }
    turns = [{name: seconds(side) for name, side in sides.items()} for _ in range(1 + rounds)][1:]
    medians = {name: float(np.median([turn[name] for turn in turns])) for name in sides}
    print(f"{len(files)} photos on {available_cores()} cores, median of {rounds}")
    for name, median in medians.items():
        print(f"{name:30} {median:6.2f} s  {len(files) / median:6.1f} photos a second")
    ratios = [turn["predict"] / turn["decoding, then model.predict"] for turn in turns]
    print(f"predict takes {np.median(ratios):.2f} times as long ({min(ratios):.2f} to {max(ratios):.2f})")


def with_predict(classifier: Classifier, predictor: Predictor, files: Sequence[Path]) -> None:
    """What the command does once it has started, to JSON."""
    with tqdm(total=len(files), delay=600) as progress:
        photos = map_in_threads(photo_reader(classifier.preprocessing, MAX_PIXELS), files, available_cores(), AHEAD)
        printer = Printer(classifier, 5, None, progress)
        for _ in json_lines(printer.answers(predictor.run(photos))):
            pass


def bare(classifier: Classifier, model: keras.Model, files: Sequence[Path]) -> None:
    """Decode all, then let Keras predict."""
    side, resize = classifier.preprocessing.image_size, classifier.preprocessing.resize
    photos = np.empty((len(files), side, side, 3), np.float32)
    squares = map_in_threads(lambda file: fit_square(file.read_bytes(), side, resize), files, available_cores(), AHEAD)
    for place, square in enumerate(squares):
        photos[place] = np.asarray(square)
    model.predict(photos, batch_size=BATCH, verbose=0)


def seconds(side: Callable[[], object]) -> float:
    """Time of one turn."""
    started = time.perf_counter()
    side()
    return time.perf_counter() - started


def peak_mib(classifier: Classifier, files: Sequence[Path], folder: Path) -> float:
    """Largest resident memory of the command on these photos."""
    chosen = folder / f"first{len(files)}"
    chosen.mkdir()
    for file in files:
        (chosen / file.name).symlink_to(file)
    command = [sys.executable, "-c", COMMAND, str(chosen), str(classifier.folder)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(result.stderr.split()[-1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
