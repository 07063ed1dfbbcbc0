"""Open and decode image files. This package is the only one that deals with Pillow's modes and quirks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from rare_species.common.image_formats import FORMATS, VARIANTS
from rare_species.images import jpeg, tiff, webp
from rare_species.images.colour_modes import flat, one_colour
from rare_species.images.orientation import read_orientation, turn_upright
from rare_species.images.png import without_side_chunks


def decode_rgb(data: bytes) -> Image.Image:
    """Decode an image file at full size, upright, as RGB, with transparency over white."""
    with open_image(data) as (image, data_read):
        rgb = flat(load_pixels(image, data_read))
        return turn_upright(rgb, read_orientation(image))


def encode_jpeg(image: Image.Image, quality: int) -> bytes:
    """Encode as a baseline JPEG with full-resolution colour (4:4:4)."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


@contextmanager
def open_image(data: bytes) -> Iterator[tuple[Image.Image, bytes]]:
    """Open an image without decoding it; yield it and the bytes it is read from, `data` mended."""
    data = without_side_chunks(jpeg.with_end(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata; real problems are errors
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if format_of(image) == "JPEG":
                jpeg.refuse_many_scans(data, image.width * image.height)
            yield image, data


def format_of(image: Image.Image) -> str:
    """Return Pillow's name of the format, the general one for variants such as MPO."""
    name = image.format or ""
    return VARIANTS.get(name, name)


def load_pixels(image: Image.Image, data: bytes) -> Image.Image:
    """Decode all of an image that was opened from these bytes."""
    if format_of(image) == "JPEG":
        jpeg.refuse_damaged(data)
    elif image.format == "WEBP":
        webp.refuse_hole(data)
    elif isinstance(image, TiffImageFile):
        tiff.silence_libtiff()
        tiff.refuse_damaged(image, data)
    image.load()
    return image


def is_blank(grey: Image.Image, image: Image.Image, data: bytes) -> bool:
    """Return whether an image has one colour everywhere; `grey` is the small grey image that was hashed."""
    if not one_colour(grey):
        return False
    if format_of(image) == "JPEG":
        return one_colour(decode_rgb(data))
    return one_colour(flat(image))
