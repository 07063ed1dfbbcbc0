"""Image formats the pipeline reads: Pillow's names and the suffixes their files have."""

from pathlib import PurePosixPath

SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jfif", ".jpe"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "BMP": {".bmp"},
    "TIFF": {".tif", ".tiff"},
    "WEBP": {".webp"},
}
IMAGE_SUFFIXES = frozenset().union(*SUFFIXES.values())


def is_image(name: str) -> bool:
    """Whether a file's name ends like an image's, in upper or lower case."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
