"""Find the photos that a user names, and read them the way the pipeline reads its own; needs no TensorFlow."""

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
from rare_species.common.image_formats import IMAGE_SUFFIXES, is_image
from rare_species.common.junk import is_junk, list_files
from rare_species.common.photo_status import Guess
from rare_species.common.staged_files import is_special, refuse_special
from rare_species.common.terminal import printable
from rare_species.data.shards import Preprocessing
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import Fitted, fit_file
from rare_species.parallel.pools import map_in_threads
from rare_species.treatments.registry import make_treatment

AHEAD = 64  # photos to read ahead while the network is busy: two batches
MAX_PIXELS = 100_000_000  # the default of clean.max_pixels
BLANK = "one colour everywhere, which shows nothing"


@dataclass(frozen=True)
class Photo:
    """A file and what was read from it.

    Attributes:
        path: path of the file, as it was named or found.
        pixels: uint8 array of shape (side, side, 3), RGB; None if the file can't be read or shows a single colour.
        problem: why there are no pixels; "" if there are.
        guess: the guess that the pixels rest on, see `photo_status.Guess`; None if the file could be read without one.
    """

    path: Path
    pixels: NDArray[np.uint8] | None
    problem: str = ""
    guess: Guess | None = None


def find_photos(names: Sequence[str]) -> list[Path]:
    """List the photos that the names on a command line stand for.

    Folders and patterns skip files that tools leave behind (see `junk.is_junk`), and pipes, sockets and devices.

    Args:
        names: each is one of:
            - a file, which is taken whatever its suffix is;
            - a folder: all files in it with the suffix of an image are taken, at any depth;
            - a pattern that the shell did not expand, such as "photos/**/*.jpg": all matching files are taken, whatever
              their suffix is. A folder that exists is taken literally, even if it looks like a pattern
              ("photos [2024]/*.jpg").

    Returns:
        Paths in the order of the names; those of one folder or pattern are sorted. Each path is listed once.

    Raises:
        UserError: if a name stands for no photo, or for a pipe, a socket or a device.
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
    """Make a function that reads a file exactly as stage `preprocess` and the later stages do.

    That includes encoding the photo as a JPEG and decoding it again: the network saw its test photos as the JPEGs of
    `data/processed/`, and without this step it gives the same file other probabilities. A photo of a single colour is
    reported as a problem, because stage `clean` rejects such photos.

    Args:
        shape: side, fitting, treatment and JPEG quality of the photos that the network was trained on.
        max_pixels: a photo with more pixels is reported as a problem and not decoded.

    Returns:
        A function from a path to a `Photo`. It does not raise for a file that can't be read, but reports it
        in `Photo.problem`.

    Raises:
        UserError: if something that the treatment needs is missing.
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
        return Photo(path, None, "more pixels than fit into memory")
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
    """Read files in threads and give the photos in order; up to `AHEAD` are read before they are needed.

    The threads end with the `with` block.
    """
    # each thread silences Pillow's warnings while it opens a photo; then it may turn them on again for another thread
    with warnings.catch_warnings(), closing(map_in_threads(read, files, available_cores(), AHEAD)) as photos:
        warnings.filterwarnings("ignore", module="PIL")
        yield photos
