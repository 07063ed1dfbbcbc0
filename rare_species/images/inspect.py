"""Read an image file once and report what it is, or why it can't be used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import imagehash
from PIL import Image

from rare_species.common.image_formats import SUFFIXES
from rare_species.common.status import Guess, Reason
from rare_species.images import jpeg
from rare_species.images.colours import flat, flatten
from rare_species.images.decode import format_of, is_blank, load_pixels, open_image
from rare_species.images.decode_errors import judge_error
from rare_species.images.fit import scaled_size
from rare_species.images.orientation import read_orientation, turn_upright

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
    except Exception as error:  # a damaged file may raise anything else, and is one of many
        return replace(facts, reason=judge_error(error, data)[0])


def _grey(image: Image.Image, data: bytes) -> tuple[Image.Image, Guess | None]:
    """Decode all of an image, and turn it grey for its hash, for which a JPEG need not be decoded at full size."""
    if format_of(image) == "JPEG" and image.mode != "CMYK":
        small = jpeg.decode_grey(data, image.size, HASH_SIDE_PX)
        if small is not None:
            return small, None
    image.draft("L", (HASH_SIDE_PX, HASH_SIDE_PX))
    return flatten(load_pixels(image, data), "L")


def _image_to_score(image: Image.Image, data: bytes) -> Image.Image:
    """The image that was decoded for its hash; a JPEG, then decoded small and in grey, is decoded again."""
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
