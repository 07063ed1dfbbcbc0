"""Image formats that the pipeline reads, their file suffixes, and the ways to fit a photo to a square."""

from pathlib import PurePosixPath
from typing import Literal

from PIL import (  # noqa: F401 - each tells Pillow its suffixes as it is imported
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

VARIANTS = {"MPO": "JPEG", "DIB": "BMP"}  # MPO: several JPEGs in one file; DIB: a BMP without its file header
SUFFIXES: dict[str, frozenset[str]] = {
    name: frozenset(suffix for suffix, other in Image.EXTENSION.items() if VARIANTS.get(other, other) == name)
    for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
}

Resize = Literal["crop", "pad", "stretch"]  # see `fit_to_square.fit_square`
FORMATS = (*SUFFIXES, "DIB")  # formats that Pillow may open; it opens an MPO as a JPEG
IMAGE_SUFFIXES = frozenset().union(*SUFFIXES.values())


def is_image(name: str) -> bool:
    """Return whether a file name has the suffix of an image, in upper or lower case."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
