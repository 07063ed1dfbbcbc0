"""Find the photos a person names, and read each as the pipeline's photos were read; no TensorFlow."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rare_species.common.cores import available_cores
from rare_species.common.errors import PhotoError, UserError
from rare_species.common.files import is_special, refuse_special
from rare_species.common.image_formats import IMAGE_SUFFIXES, is_image
from rare_species.common.junk import is_junk, list_files
from rare_species.common.status import Guess
from rare_species.common.terminal import printable
from rare_species.data.shards import Preprocessing
from rare_species.images.decode import decode_rgb
from rare_species.images.fit import Fitted, fit_file
from rare_species.parallel.pools import map_in_threads
from rare_species.treatments.registry import make_treatment

AHEAD = 64  # photos that are read while the network is busy: two batches
MAX_PIXELS = 100_000_000  # the default of clean.max_pixels
BLANK = "one colour everywhere, which shows nothing"


@dataclass(frozen=True)
class Photo:
    """A file that was to be read.

    Attributes:
        path: as it was named or found.
        pixels: uint8 array of shape (side, side, 3), RGB; None for a file that can't be read, or is blank.
        problem: why there are none, "" otherwise.
        guess: what it was taken for; None where it is read as it stands.
    """

    path: Path
    pixels: NDArray[np.uint8] | None
    problem: str = ""
    guess: Guess | None = None


def find_photos(names: Sequence[str]) -> list[Path]:
    """List the photos that names on a command line stand for.

    Args:
        names: files, taken as they are; folders, in which all files that end like images are found, however deep; and
            patterns such as "photos/**/*.jpg" that the shell left alone, whose files are taken as they are too, and in
            which a folder that exists is no pattern ("photos [2024]/*.jpg"). What tools leave behind is passed over in
            folders and by wildcards, see `junk.is_junk`; so are pipes, sockets and devices.

    Returns:
        Paths in the order of the names, those of a folder or a pattern sorted, each once.

    Raises:
        UserError: when a name stands for nothing, or for a pipe, a socket or a device.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        refuse_special(path)
        matches = [path] if path.exists() else _matching(name)
        photos = [photo for match in matches for photo in _below(match)]
        if not photos:
            raise UserError(_nothing_found(name, bool(matches)))
        found |= dict.fromkeys(photos)
    return list(found)


def photo_reader(shape: Preprocessing, max_pixels: int) -> Callable[[Path], Photo]:
    """Make a function that reads a file as stage `preprocess` and what follows it do.

    That includes being a JPEG in between: a network sees its test photos through that of `data/processed/`, and gives
    the same file other probabilities without. A photo of one colour is a problem, as stage `clean` rejects it.

    Args:
        shape: of the photos that the network was trained with.
        max_pixels: a larger photo is a problem, and not decoded.

    Raises:
        UserError: when their treatment can't be had.
    """
    fit = partial(
        fit_file,
        side_px=shape.image_size,
        resize=shape.resize,
        treat=make_treatment(shape.treatment),
        quality=shape.jpeg_quality,
        max_pixels=max_pixels,
    )
    return partial(_read, fit=fit)


def _read(path: Path, fit: Callable[[Path], Fitted]) -> Photo:
    try:
        fitted = fit(path)
        if fitted.blank:
            return Photo(path, None, BLANK)
        return Photo(path, np.asarray(decode_rgb(fitted.jpeg)), guess=fitted.guess)
    except PhotoError as error:
        return Photo(path, None, error.problem)
    except MemoryError:
        return Photo(path, None, "more pixels than there is memory for")
    except OSError as error:
        problem = error.strerror or str(error)
        return Photo(path, None, problem[0].lower() + problem[1:])


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    there = next((folder for folder in path.parents if folder.exists()), Path())
    wanted = f"{path.relative_to(there)}{'/' * pattern.endswith('/')}"
    matches = [there / match for match in sorted(glob.glob(wanted, root_dir=there, recursive=True))]  # noqa: PTH207
    return [match for match in matches if not is_junk(part for part in match.parts if part not in path.parts)]


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path / name for name in list_files(path) if is_image(name))
    elif not is_special(path):
        yield path


def _nothing_found(name: str, exists: bool) -> str:
    if exists:
        suffixes, shown = ", ".join(sorted(IMAGE_SUFFIXES)), printable(name)
        return f"Expected photos. Received: {shown}, where no file ends in {suffixes}. Name other files or folders."
    return f"Expected a photo, a folder or a pattern. Received: {name!r}, where there is nothing. Mend the path."


@contextmanager
def read_ahead(read: Callable[[Path], Photo], files: Sequence[Path]) -> Iterator[Iterator[Photo]]:
    """Read files in threads, in their order, some ahead of who takes them; they end with the block."""
    # each thread silences Pillow while it opens a photo, and as it ends may switch it on again under another
    with warnings.catch_warnings(), closing(map_in_threads(read, files, available_cores(), AHEAD)) as photos:
        warnings.filterwarnings("ignore", module="PIL")
        yield photos
