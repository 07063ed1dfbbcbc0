"""Encode a drawn photo as the bytes of a file, either sound or with a planted defect."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rare_species.sample.documents import draw_map, draw_text_page
from rare_species.sample.keyed_random import generator
from rare_species.sample.photo import Subject, choose_size, draw_photo
from rare_species.sample.planted import Defect

ORIENTATION_TAG = 0x0112
START_OF_SCAN = b"\xff\xda"
# Value of the Orientation tag, and how the upright photo is turned before it is stored.
UPRIGHT: tuple[int, Image.Transpose | None] = (1, None)
STORED_TURN: dict[Defect, tuple[int, Image.Transpose | None]] = {
    Defect.EXIF_UPSIDE_DOWN: (3, Image.Transpose.ROTATE_180),
    Defect.EXIF_TURNED_RIGHT: (6, Image.Transpose.ROTATE_90),
    Defect.EXIF_TURNED_LEFT: (8, Image.Transpose.ROTATE_270),
}
NOTE = b"The photo could not be fetched: 404 Not Found\n"


@dataclass(frozen=True)
class Job:
    """Everything that the bytes of one file depend on.

    Attributes:
        path: path in the archive.
        subject: what the photo shows.
        min_side: smallest side in pixels.
        max_side: largest side in pixels.
        defect: defect to plant; None for a sound file.
    """

    path: str
    subject: Subject
    min_side: int
    max_side: int
    defect: Defect | None = None


def encode_job(job: Job) -> bytes:
    """Draw and encode one file.

    Args:
        job: what to draw.

    Returns:
        The file's bytes; the same for the same job.
    """
    if job.defect is Defect.EMPTY:
        return b""
    if job.defect is Defect.NOT_AN_IMAGE:
        return NOTE
    rng = generator(job.subject.frame, "file")
    picture, quality = _picture(job, rng), int(rng.integers(70, 86))
    encode = OTHER_MODES.get(job.defect) if job.defect else None
    if encode is not None:
        return encode(picture)
    orientation, turn = STORED_TURN.get(job.defect, UPRIGHT) if job.defect else UPRIGHT
    data = _jpeg(picture if turn is None else picture.transpose(turn), quality, orientation)
    return _cut(data) if job.defect is Defect.TRUNCATED else data


def _picture(job: Job, rng: np.random.Generator) -> Image.Image:
    size = choose_size(job.subject, job.min_side, job.max_side)
    if job.defect is Defect.TEXT_PAGE:
        return draw_text_page(rng, size)
    if job.defect is Defect.MAP:
        return draw_map(rng, size)
    return draw_photo(job.subject, size)


def _jpeg(image: Image.Image, quality: int, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    if orientation != 1:
        exif[ORIENTATION_TAG] = orientation
    subsampling = 2 if image.mode == "RGB" else 0
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling, optimize=True, progressive=False, exif=exif)
    return buffer.getvalue()


def _cut(data: bytes) -> bytes:
    """Keep a JPEG's headers and the first half of its pixels."""
    scan = data.index(START_OF_SCAN)
    return data[: (scan + len(data)) // 2]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=False, compress_level=9)
    return buffer.getvalue()


def _grey(photo: Image.Image) -> bytes:
    return _jpeg(photo.convert("L"), 80)


def _cmyk(photo: Image.Image) -> bytes:
    return _jpeg(photo.convert("CMYK"), 80)


def _rgba(photo: Image.Image) -> bytes:
    """Make the corners transparent and keep the middle, as in a cut-out."""
    cut_out = _few_colours(photo).convert("RGBA")
    cut_out.putalpha(Image.radial_gradient("L").resize(photo.size).point([255] * 200 + [0] * 56))
    return _png(cut_out)


def _palette(photo: Image.Image) -> bytes:
    return _png(_few_colours(photo))


def _few_colours(photo: Image.Image) -> Image.Image:
    """Reduce to 64 colours, which keeps PNG files small."""
    return photo.quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _sixteen_bit(photo: Image.Image) -> bytes:
    grey = np.asarray(photo.convert("L")) & 0xF8
    return _png(Image.fromarray(grey.astype(np.uint16) * 257))


OTHER_MODES: dict[Defect, Callable[[Image.Image], bytes]] = {
    Defect.GREY: _grey,
    Defect.CMYK: _cmyk,
    Defect.RGBA: _rgba,
    Defect.PALETTE: _palette,
    Defect.SIXTEEN_BIT: _sixteen_bit,
    Defect.PNG_NAMED_JPG: _palette,
}
