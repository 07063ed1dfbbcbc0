"""Read an image file once and report what it is, or why it can't be used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import imagehash
from PIL import Image

from rare_species.common.image_formats import SUFFIXES
from rare_species.common.photo_status import Guess, Reason
from rare_species.images import jpeg
from rare_species.images.colour_modes import flat, flatten
from rare_species.images.decode import format_of, is_blank, load_pixels, open_image
from rare_species.images.decode_errors import judge_error
from rare_species.images.fit_to_square import scaled_size
from rare_species.images.orientation import read_orientation, turn_upright

HASH_SIDE_PX = 64  # twice the side that the perceptual hash uses
SCORED_SIDE_PX = 256  # longer side of the image that the document detector gets


@dataclass(frozen=True)
class Facts:
    """What reading an image file completely tells.

    Attributes:
        bytes: size of the file, in bytes.
        sha256: SHA-256 of the file, in hexadecimal.
        reason: why the image can't be used, or None.
        format: Pillow's name of the format, such as "JPEG".
        extension_matches: whether the file's suffix belongs to that format.
        mode: Pillow's mode, such as "RGB" or "CMYK".
        guess: how the image was interpreted, None where it means what it says.
        orientation: EXIF orientation, 1 (upright) to 8; 1 for a TIFF, which Pillow itself turns upright.
        width: width of the upright image, in pixels.
        height: height of the upright image, in pixels.
        phash: 64-bit perceptual hash in hexadecimal (Zauner, 2010, "Implementation and Benchmarking of
            Perceptual Image Hash Functions").
        document_score: how much it looks like a page, map or diagram, in [0, 1]; None when it was not computed.
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


def inspect_image(
    path: Path | str,
    min_side_px: int,
    max_pixels: int,
    score_document: Callable[[Image.Image], float] | None,
    *,
    folder: Path = Path(),
) -> Facts:
    """Read an image once, decode it completely and report what it is.

    Args:
        path: path of the file.
        min_side_px: images with a shorter side than this are `Reason.TOO_SMALL`.
        max_pixels: images with more pixels are `Reason.TOO_LARGE` and not decoded.
        score_document: returns how much an RGB image looks like a document; None skips this. It gets JPEGs at a reduced
            size, at least `SCORED_SIDE_PX`, and not turned upright.
        folder: folder that `path` is relative to.

    Returns:
        The facts; their `reason` says why the image can't be used.

    Raises:
        MemoryError: when the memory is too small for an image within `max_pixels`.
    """
    file = folder / path
    data = file.read_bytes()
    facts = Facts(len(data), hashlib.sha256(data).hexdigest())
    try:
        with open_image(data) as (image, data_read):
            facts = replace(
                facts,
                reason=_size_reason(*image.size, min_side_px, max_pixels),
                format=format_of(image),
                extension_matches=file.suffix.lower() in SUFFIXES[format_of(image)],
                mode=image.mode,
                width=image.width,
                height=image.height,
            )
            if facts.reason:
                return facts
            grey, guess = _grey(image, data_read)
            if is_blank(grey, image, data_read):
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
    except Exception as error:  # damaged files raise anything, and must not stop the stage
        return replace(facts, reason=judge_error(error, data)[0])


def _grey(image: Image.Image, data: bytes) -> tuple[Image.Image, Guess | None]:
    """Decode an image completely and convert it to grey for its hash; JPEGs are decoded at a reduced size."""
    if format_of(image) == "JPEG" and image.mode != "CMYK":
        small = jpeg.decode_grey(data, image.size, HASH_SIDE_PX)
        if small is not None:
            return small, None
    image.draft("L", (HASH_SIDE_PX, HASH_SIDE_PX))
    return flatten(load_pixels(image, data), "L")


def _image_to_score(image: Image.Image, data: bytes) -> Image.Image:
    """Return the image for the document detector; JPEGs are decoded again, because the hash used a small grey one."""
    if format_of(image) != "JPEG":
        return flat(image)
    with open_image(data) as (again, _):
        again.draft("RGB", scaled_size(*again.size, SCORED_SIDE_PX, "pad"))
        again.load()
        return flat(again)


def _size_reason(width: int, height: int, min_side_px: int, max_pixels: int) -> Reason | None:
    if width * height > max_pixels:
        return Reason.TOO_LARGE
    return Reason.TOO_SMALL if min(width, height) < min_side_px else None
