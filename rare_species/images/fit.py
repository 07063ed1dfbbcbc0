"""Fit photos to a square, as a network takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rare_species.common.errors import PhotoError, UserError
from rare_species.common.image_formats import Resize
from rare_species.common.status import Guess
from rare_species.common.terminal import printable
from rare_species.images.colours import WHITE, flatten, one_colour
from rare_species.images.decode import encode_jpeg, is_blank, load_pixels, open_image
from rare_species.images.decode_errors import judge_error
from rare_species.images.depth import is_deep
from rare_species.images.orientation import read_orientation, turn_upright

Treat = Callable[[Image.Image], Image.Image]  # from a fitted photo to one of the same side, see `treatments.registry`


@dataclass(frozen=True)
class Fitted:
    """A photo that was read for a network.

    Attributes:
        jpeg: a square, treated and encoded.
        guess: what it was taken for, as in `Facts`.
        blank: whether the photo is of one colour everywhere, before it is padded or treated.
    """

    jpeg: bytes
    guess: Guess | None
    blank: bool


def fit_square(data: bytes, side_px: int, resize: Resize, max_pixels: int | None = None) -> Image.Image:
    """Decode a photo and fit it to a square.

    Args:
        data: the file's bytes.
        side_px: side of the square.
        resize: "crop" scales the shorter side and cuts the centre, "pad" scales the longer side and adds
            white bars, "stretch" scales both.
        max_pixels: a larger photo is refused before it is decoded; None leaves that to Pillow.

    Returns:
        An RGB image of `side_px` by `side_px`.

    Raises:
        Exception: of any kind, from a file that is damaged.
    """
    return _fit_square(data, side_px, resize, max_pixels)[0]


def fit_file(
    path: Path | str,
    side_px: int,
    resize: Resize,
    treat: Treat,
    quality: int,
    *,
    folder: Path = Path(),
    max_pixels: int | None = None,
    sha256: str | None = None,
) -> Fitted:
    """Fit one photo, treat it and encode it again.

    Args:
        path: the file.
        side_px: see `fit_square`, as for `resize`.
        resize: how.
        treat: what is done to the fitted photo.
        quality: see `encode_jpeg`.
        folder: that the path is relative to.
        max_pixels: see `fit_square`.
        sha256: of the file when stage clean looked at it, if it did.

    Raises:
        PhotoError: when the file can't be read as a photo.
        UserError: when it is another file now.
        MemoryError: when there is too little.
        OSError: when the system does not give the file.
    """
    data = (folder / path).read_bytes()
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(
            f"Expected {printable(folder / path)} as it was when stage clean looked at it. Received: other bytes. "
            "Unpack all photos again: dvc repro --force unzip."
        )
    try:
        photo, guess, blank = _fit_square(data, side_px, resize, max_pixels)
    except MemoryError:
        raise
    except Exception as error:
        raise PhotoError(str(path), judge_error(error, data)[1]) from error
    return Fitted(encode_jpeg(treat(photo), quality), guess, blank)


def fit_unchanged(photo: tuple[str, str], **how: Any) -> bytes:
    """Do what a worker of `preprocess` does to a path and the SHA-256 of its file; see `fit_file`."""
    path, sha256 = photo
    return fit_file(path, sha256=sha256, **how).jpeg


def scaled_size(width: float, height: float, side_px: int, resize: Resize) -> tuple[int, int]:
    """Size of the whole photo once scaled for a square of `side_px`, before it is cropped or padded."""
    if resize == "stretch":
        return side_px, side_px
    scale = side_px / (min(width, height) if resize == "crop" else max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fit_square(
    data: bytes, side_px: int, resize: Resize, max_pixels: int | None
) -> tuple[Image.Image, Guess | None, bool]:
    """See `Fitted` for what comes with the square."""
    with open_image(data) as (image, data_read):
        if max_pixels is not None and image.width * image.height > max_pixels:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {max_pixels:,} together")
        drafted = image.draft("RGB", scaled_size(*image.size, side_px, resize))  # JPEG: 1/2, 1/4 or 1/8, never below
        whole, guess = flatten(load_pixels(image, data_read), "L" if is_deep(image) else "RGB")
        extent = drafted[1][2:] if drafted else whole.size  # a reduced JPEG's last pixels may be part of the photo only
        scaled = _scale(whole, extent, side_px, resize).convert("RGB")
        blank = one_colour(scaled) and is_blank(whole, image, data_read)
        return _pad(turn_upright(scaled, read_orientation(image)), side_px), guess, blank


def _scale(image: Image.Image, extent: tuple[float, float], side_px: int, resize: Resize) -> Image.Image:
    """Resize for a square, and crop; `extent` is the part that holds the photo, in pixels from the top left."""
    width, height = extent
    size, box = scaled_size(width, height, side_px, resize), (0.0, 0.0, width, height)
    if resize == "crop":
        side = min(extent)
        left, top = (width - side) / 2, (height - side) / 2
        size, box = (side_px, side_px), (left, top, left + side, top + side)
    return image.resize(size, Image.Resampling.BICUBIC, box)


def _pad(image: Image.Image, side_px: int) -> Image.Image:
    """Add white bars on both sides; a square of that side stays as it is."""
    if image.size == (side_px, side_px):
        return image
    canvas = Image.new("RGB", (side_px, side_px), WHITE)
    canvas.paste(image, ((side_px - image.width) // 2, (side_px - image.height) // 2))
    return canvas
