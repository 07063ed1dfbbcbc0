"""Decode, verify, hash and fit single photos; everything that knows Pillow's modes and quirks."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import imagehash
import numpy as np
from PIL import Image

from rare_species.formats import SUFFIXES
from rare_species.status import Reason

if TYPE_CHECKING:
    from rare_species.params import Resize

ORIENTATION_TAG = 0x0112  # EXIF 2.3, section 4.6.4
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WHITE = (255, 255, 255)
Treatment = Callable[[Image.Image], Image.Image]  # from a fitted photo to one of the same side, see `treatments`
DRAFTED = ("JPEG", "MPO")  # formats that Pillow can decode at a reduced size
HASH_SIDE_PX = 64  # twice what the perceptual hash looks at
SCORED_SIDE_PX = 256  # longer side
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
EXIF_ERRORS = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, struct.error)


@dataclass(frozen=True)
class Facts:
    """What one full read of an image file tells.

    Attributes:
        bytes: size of the file.
        sha256: of the file, in hexadecimal.
        reason: why the image can't be used, or None.
        format: Pillow's name, such as "JPEG".
        extension_matches: whether the file's suffix belongs to that format.
        mode: Pillow's, such as "RGB" or "CMYK".
        orientation: EXIF's, 1 (upright) to 8; 1 for a TIFF, which Pillow itself turns upright.
        width: in pixels, upright.
        height: in pixels, upright.
        phash: 64-bit perceptual hash in hexadecimal (Zauner, 2010, "Implementation and Benchmarking of
            Perceptual Image Hash Functions").
        document_score: how much it looks like a page, map or diagram, in [0, 1]; None if nobody asked or can tell.
    """

    bytes: int
    sha256: str
    reason: Reason | None = None
    format: str = ""
    extension_matches: bool = True
    mode: str = ""
    orientation: int = 1
    width: int = 0
    height: int = 0
    phash: str = ""
    document_score: float | None = None


def inspect_image(
    path: Path | str,
    min_side_px: int,
    max_pixels: int,
    score_document: Callable[[Image.Image], float] | None,
    *,
    folder: Path = Path(),
) -> Facts:
    """Read an image once, decode all of it and report what it is.

    Args:
        path: the file.
        min_side_px: a shorter side below this is `Reason.TOO_SMALL`.
        max_pixels: more than this is `Reason.TOO_LARGE`; such an image is not decoded.
        score_document: says of a mode RGB image how much it looks like a document; None saves the time. It gets no
            JPEG at full size, but one of `SCORED_SIDE_PX` at least, and not turned upright.
        folder: that the path is relative to.

    Returns:
        The facts; `reason` says why the image can't be used.
    """
    file = folder / path
    data = file.read_bytes()
    facts = Facts(len(data), hashlib.sha256(data).hexdigest())
    try:
        with _open(data) as image:
            reason = _size_reason(*image.size, min_side_px, max_pixels)
            # reading a PNG's EXIF decodes all of it
            orientation = 1 if reason is Reason.TOO_LARGE else _orientation(image)
            width, height = image.size if orientation < 5 else image.size[::-1]
            facts = replace(
                facts,
                reason=reason,
                format=_format(image),
                extension_matches=file.suffix.lower() in SUFFIXES[_format(image)],
                mode=image.mode,
                orientation=orientation,
                width=width,
                height=height,
            )
            if reason is Reason.TOO_LARGE:
                return facts
            facts = replace(facts, phash=_perceptual_hash(image, orientation))
            if reason is None and score_document is not None:
                facts = replace(facts, document_score=score_document(_image_to_score(image, data)))
            return facts
    except Image.DecompressionBombError:
        return replace(facts, reason=Reason.TOO_LARGE)
    except DECODE_ERRORS as error:
        return replace(facts, reason=_decode_reason(error))


def decode_rgb(data: bytes) -> Image.Image:
    """Decode an image file at full size, upright, as RGB, with transparency over white."""
    with _open(data) as image:
        orientation = _orientation(image)
        return _turn(_to_rgb(_loaded(image)), orientation)


def fit_square(data: bytes, side_px: int, resize: Resize) -> Image.Image:
    """Decode a photo and fit it to a square.

    Args:
        data: the file's bytes.
        side_px: side of the square.
        resize: "crop" scales the shorter side and cuts the centre, "pad" scales the longer side and adds
            white bars, "stretch" scales both.

    Returns:
        An RGB image of `side_px` by `side_px`.
    """
    with _open(data) as image:
        drafted = image.draft("RGB", scaled_size(*image.size, side_px, resize))  # JPEG: 1/2, 1/4 or 1/8, never below
        orientation = _orientation(image)
        rgb = _to_rgb(_loaded(image))
        extent = drafted[1][2:] if drafted else rgb.size  # a reduced JPEG's last pixels may be part of the photo only
    return _pad(_turn(_scale(rgb, extent, side_px, resize), orientation), side_px)


def fit_file(
    path: Path | str, side_px: int, resize: Resize, treat: Treatment, quality: int, *, folder: Path = Path()
) -> bytes:
    """Fit one photo, treat it and encode it again: what a worker of `preprocess` does.

    Args:
        path: the file.
        side_px: see `fit_square`, as for `resize`.
        resize: how.
        treat: what is done to the fitted photo.
        quality: see `encode_jpeg`.
        folder: that the path is relative to.
    """
    return encode_jpeg(treat(fit_square((folder / path).read_bytes(), side_px, resize)), quality)


def scaled_size(width: float, height: float, side_px: int, resize: Resize) -> tuple[int, int]:
    """Size of the whole photo once scaled for a square of `side_px`, before it is cropped or padded."""
    if resize == "stretch":
        return side_px, side_px
    scale = side_px / (min(width, height) if resize == "crop" else max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Encode as a baseline JPEG with full-resolution colour (4:4:4)."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


@contextmanager
def _open(data: bytes) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; what matters is raised
        with Image.open(io.BytesIO(data), formats=tuple(SUFFIXES)) as image:
            yield image


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else image.format or ""  # MPO: a JPEG followed by more of them


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":  # turned upright by Pillow as it loads
        return 1
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except EXIF_ERRORS:  # broken metadata does not make a photo unusable
        return 1
    return value if value in UPRIGHT else 1


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


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


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel: convert() would clip at 255 instead of scaling
        levels = np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255)
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        canvas = Image.new("RGBA", image.size, (*WHITE, 255))
        canvas.alpha_composite(image)
        return canvas.convert("RGB")
    return image.convert("RGB")


def _perceptual_hash(image: Image.Image, orientation: int) -> str:
    image.draft("L", (HASH_SIDE_PX, HASH_SIDE_PX))
    return str(imagehash.phash(_turn(_to_rgb(_loaded(image)), orientation)))


def _image_to_score(image: Image.Image, data: bytes) -> Image.Image:
    """The image that was decoded for its hash; a JPEG, then decoded small and in grey, is decoded again."""
    if image.format not in DRAFTED:
        return _to_rgb(image)
    with _open(data) as again:
        again.draft("RGB", scaled_size(*again.size, SCORED_SIDE_PX, "pad"))
        return _to_rgb(_loaded(again))


def _size_reason(width: int, height: int, min_side_px: int, max_pixels: int) -> Reason | None:
    if width * height > max_pixels:
        return Reason.TOO_LARGE
    return Reason.TOO_SMALL if min(width, height) < min_side_px else None


def _decode_reason(error: Exception) -> Reason:
    early_end = isinstance(error, EOFError) or "truncated" in str(error).lower()
    return Reason.TRUNCATED if early_end else Reason.UNREADABLE
