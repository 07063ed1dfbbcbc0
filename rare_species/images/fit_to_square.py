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
from rare_species.common.photo_status import Guess
from rare_species.common.terminal import printable
from rare_species.images.bit_depth import is_deep
from rare_species.images.colour_modes import WHITE, flatten, one_colour
from rare_species.images.decode import encode_jpeg, is_blank, load_pixels, open_image
from rare_species.images.decode_errors import judge_error
from rare_species.images.orientation import read_orientation, turn_upright

Treat = Callable[[Image.Image], Image.Image]  # changes a fitted photo and keeps its side, see `treatments.registry`


@dataclass(frozen=True)
class Fitted:
    """A photo that is ready for a network.

    Attributes:
        jpeg: the fitted and treated square, encoded.
        guess: how the file was interpreted, see `Facts`.
        blank: whether the photo, before padding and treatment, has one colour everywhere.
    """

    jpeg: bytes
    guess: Guess | None
    blank: bool


def fit_square(data: bytes, side_px: int, resize: Resize, max_pixels: int | None = None) -> Image.Image:
    """Decode a photo and fit it to a square.

    Args:
        data: bytes of the file.
        side_px: side of the square, in pixels.
        resize: "crop" scales the shorter side and cuts the centre, "pad" scales the longer side and adds
            white bars, "stretch" scales both.
        max_pixels: refuse larger photos before decoding; None leaves the limit to Pillow.

    Returns:
        An RGB image of `side_px` by `side_px`.

    Raises:
        Exception: of any kind, when the file is damaged.
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
        path: path of the file.
        side_px: side of the square, in pixels.
        resize: how the photo is fitted, see `fit_square`.
        treat: applied to the fitted photo.
        quality: JPEG quality.
        folder: folder that `path` is relative to.
        max_pixels: see `fit_square`.
        sha256: SHA-256 of the file when stage clean inspected it; None skips the comparison.

    Raises:
        PhotoError: when the file can't be read as a photo.
        UserError: when the file has changed since stage clean.
        MemoryError: when the memory is too small.
        OSError: when the system refuses to read the file.
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


def fit_checked(photo: tuple[str, str], **how: Any) -> bytes:
    """Fit one photo, given as its path and SHA-256, in a worker of stage preprocess; see `fit_file`."""
    path, sha256 = photo
    return fit_file(path, sha256=sha256, **how).jpeg


def scaled_size(width: float, height: float, side_px: int, resize: Resize) -> tuple[int, int]:
    """Return the size of the whole photo after scaling for a square of `side_px`, before cropping or padding."""
    if resize == "stretch":
        return side_px, side_px
    scale = side_px / (min(width, height) if resize == "crop" else max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _fit_square(
    data: bytes, side_px: int, resize: Resize, max_pixels: int | None
) -> tuple[Image.Image, Guess | None, bool]:
    """Return the square with `Fitted.guess` and `Fitted.blank`."""
    with open_image(data) as (image, data_read):
        if max_pixels is not None and image.width * image.height > max_pixels:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {max_pixels:,} together")
        # JPEG: decodes at 1/2, 1/4 or 1/8, never smaller than needed
        drafted = image.draft("RGB", scaled_size(*image.size, side_px, resize))
        whole, guess = flatten(load_pixels(image, data_read), "L" if is_deep(image) else "RGB")
        # The photo may cover only a part of a reduced JPEG's last pixels
        extent = drafted[1][2:] if drafted else whole.size
        scaled = _scale(whole, extent, side_px, resize).convert("RGB")
        blank = one_colour(scaled) and is_blank(whole, image, data_read)
        return _pad(turn_upright(scaled, read_orientation(image)), side_px), guess, blank


def _scale(image: Image.Image, extent: tuple[float, float], side_px: int, resize: Resize) -> Image.Image:
    """Resize for a square and crop; `extent` is the width and height, from the top left, that the photo covers."""
    width, height = extent
    size, box = scaled_size(width, height, side_px, resize), (0.0, 0.0, width, height)
    if resize == "crop":
        side = min(extent)
        left, top = (width - side) / 2, (height - side) / 2
        size, box = (side_px, side_px), (left, top, left + side, top + side)
    return image.resize(size, Image.Resampling.BICUBIC, box)


def _pad(image: Image.Image, side_px: int) -> Image.Image:
    """Add white bars on both sides, unless the image already is a square of that side."""
    if image.size == (side_px, side_px):
        return image
    canvas = Image.new("RGB", (side_px, side_px), WHITE)
    canvas.paste(image, ((side_px - image.width) // 2, (side_px - image.height) // 2))
    return canvas
