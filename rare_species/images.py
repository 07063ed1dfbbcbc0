"""Decode, verify, hash and fit single photos; everything that knows Pillow's modes and quirks."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagehash
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from rare_species import jpeg, tiff, webp
from rare_species.colours import WHITE, flat, flatten, one_colour
from rare_species.decode_errors import judge_error
from rare_species.depth import is_deep
from rare_species.errors import PhotoError, UserError
from rare_species.formats import FORMATS, SUFFIXES, VARIANTS
from rare_species.orientation import read_orientation, turn_upright
from rare_species.png import without_side_chunks
from rare_species.status import Guess, Reason
from rare_species.terminal import printable

if TYPE_CHECKING:
    from rare_species.params import Resize

Treatment = Callable[[Image.Image], Image.Image]  # from a fitted photo to one of the same side, see `treatments`
HASH_SIDE_PX = 64  # twice what the perceptual hash looks at
SCORED_SIDE_PX = 256  # longer side


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
        guess: what it is taken for, or None where it is read as it stands.
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
    guess: Guess | None = None
    orientation: int = 1
    width: int = 0
    height: int = 0
    phash: str = ""
    document_score: float | None = None


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

    Raises:
        MemoryError: when there is too little for an image within `max_pixels`, which is not the image's fault.
    """
    file = folder / path
    data = file.read_bytes()
    facts = Facts(len(data), hashlib.sha256(data).hexdigest())
    try:
        with _open(data) as (image, data_read):
            facts = replace(
                facts,
                reason=_size_reason(*image.size, min_side_px, max_pixels),
                format=_format(image),
                extension_matches=file.suffix.lower() in SUFFIXES[_format(image)],
                mode=image.mode,
                width=image.width,
                height=image.height,
            )
            if facts.reason:
                return facts
            grey, guess = _grey(image, data_read)
            if _is_blank(grey, image, data_read):
                return replace(facts, reason=Reason.BLANK)
            orientation = read_orientation(image)
            if orientation >= 5:
                facts = replace(facts, width=facts.height, height=facts.width)
            phash = str(imagehash.phash(turn_upright(grey, orientation)))
            facts = replace(facts, guess=guess, orientation=orientation, phash=phash)
            if score_document is not None:
                facts = replace(facts, document_score=score_document(_image_to_score(image, data_read)))
            return facts
    except MemoryError:
        raise
    except Exception as error:  # a damaged file may raise anything else, and is one of many
        return replace(facts, reason=judge_error(error, data)[0])


def decode_rgb(data: bytes) -> Image.Image:
    """Decode an image file at full size, upright, as RGB, with transparency over white."""
    with _open(data) as (image, data_read):
        rgb = flat(_loaded(image, data_read))
        return turn_upright(rgb, read_orientation(image))


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
    treat: Treatment,
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


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Encode as a baseline JPEG with full-resolution colour (4:4:4)."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


@contextmanager
def _open(data: bytes) -> Iterator[tuple[Image.Image, bytes]]:
    """An image that is not decoded yet, and the bytes that it is read from: those that make the picture."""
    data = without_side_chunks(jpeg.with_end(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; what matters is raised
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if _format(image) == "JPEG":
                jpeg.refuse_many_scans(data, image.width * image.height)
            yield image, data


def _format(image: Image.Image) -> str:
    name = image.format or ""
    return VARIANTS.get(name, name)


def _loaded(image: Image.Image, data: bytes) -> Image.Image:
    """Decode an image that was opened from these bytes, all of it."""
    if _format(image) == "JPEG":
        jpeg.refuse_damaged(data)
    elif image.format == "WEBP":
        webp.refuse_hole(data)
    elif isinstance(image, TiffImageFile):
        tiff.silence_libtiff()
        tiff.refuse_damaged(image, data)
    image.load()
    return image


def _fit_square(
    data: bytes, side_px: int, resize: Resize, max_pixels: int | None
) -> tuple[Image.Image, Guess | None, bool]:
    """See `Fitted` for what comes with the square."""
    with _open(data) as (image, data_read):
        if max_pixels is not None and image.width * image.height > max_pixels:
            raise ValueError(f"{image.width} x {image.height} pixels, more than {max_pixels:,} together")
        drafted = image.draft("RGB", scaled_size(*image.size, side_px, resize))  # JPEG: 1/2, 1/4 or 1/8, never below
        whole, guess = flatten(_loaded(image, data_read), "L" if is_deep(image) else "RGB")
        extent = drafted[1][2:] if drafted else whole.size  # a reduced JPEG's last pixels may be part of the photo only
        scaled = _scale(whole, extent, side_px, resize).convert("RGB")
        blank = one_colour(scaled) and _is_blank(whole, image, data_read)
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


def _grey(image: Image.Image, data: bytes) -> tuple[Image.Image, Guess | None]:
    """Decode all of an image, and turn it grey for its hash, for which a JPEG need not be decoded at full size."""
    if _format(image) == "JPEG" and image.mode != "CMYK":
        small = jpeg.decode_grey(data, image.size, HASH_SIDE_PX)
        if small is not None:
            return small, None
    image.draft("L", (HASH_SIDE_PX, HASH_SIDE_PX))
    return flatten(_loaded(image, data), "L")


def _is_blank(grey: Image.Image, image: Image.Image, data: bytes) -> bool:
    """Whether an image, grey and perhaps small as it was hashed, is of one colour."""
    if not one_colour(grey):
        return False
    if _format(image) == "JPEG":
        return one_colour(decode_rgb(data))
    return one_colour(flat(image))


def _image_to_score(image: Image.Image, data: bytes) -> Image.Image:
    """The image that was decoded for its hash; a JPEG, then decoded small and in grey, is decoded again."""
    if _format(image) != "JPEG":
        return flat(image)
    with _open(data) as (again, _):
        again.draft("RGB", scaled_size(*again.size, SCORED_SIDE_PX, "pad"))
        again.load()
        return flat(again)


def _size_reason(width: int, height: int, min_side_px: int, max_pixels: int) -> Reason | None:
    if width * height > max_pixels:
        return Reason.TOO_LARGE
    return Reason.TOO_SMALL if min(width, height) < min_side_px else None
