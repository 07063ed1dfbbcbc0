"""Image formats the pipeline reads: Pillow's names and the suffixes their files have; and how photos are fitted."""

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

VARIANTS = {"MPO": "JPEG", "DIB": "BMP"}  # a JPEG followed by more of them; a BMP without its file header
SUFFIXES: dict[str, frozenset[str]] = {
    name: frozenset(suffix for suffix, other in Image.EXTENSION.items() if VARIANTS.get(other, other) == name)
    for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
}

Resize = Literal["crop", "pad", "stretch"]  # how a photo is fitted to a square, see `fit.fit_square`
FORMATS = (*SUFFIXES, "DIB")  # that Pillow is asked to open; an MPO it opens as a JPEG
IMAGE_SUFFIXES = frozenset().union(*SUFFIXES.values())


def is_image(name: str) -> bool:
    """Whether a file's name ends like an image's, in upper or lower case."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
