"""Pictures of known colours in every format, and how far apart two are."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rare_species.images.inspect_image import Facts, inspect_image

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
WHITE = (255, 255, 255)
ORIENTATION = 0x0112
Pixels = NDArray[np.uint8]
# EXIF 2.3, section 4.6.4: how the rows and columns of an upright picture lie in a file of each orientation.
STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,  # its first row is the right side of the picture
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
KINDS = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
}


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind.split(maxsplit=1)[0], **options)
    return buffer.getvalue()


def four_corners(width: int = 64, height: int = 32) -> Image.Image:
    """Red, green, blue and yellow quarters: no turn or flip leaves it as it is."""
    image = Image.new("RGB", (width, height), YELLOW)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def noise(seed: int = 0, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Random blocks: some detail for every coder and for the perceptual hash."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def oriented(upright: Image.Image, orientation: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(STORED[orientation](np.asarray(upright)))
    return encode(Image.fromarray(stored), kind, exif=exif, **KINDS[kind])


def pixels(image: Image.Image) -> NDArray[np.int64]:
    assert image.mode == "RGB"
    return np.asarray(image, dtype=np.int64)


def distance(image: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference, in levels of 256."""
    return float(np.abs(pixels(image) - pixels(other)).mean())


def is_all(image: Image.Image, colour: tuple[int, int, int], tolerance: int = 0) -> bool:
    return bool((np.abs(pixels(image) - colour) <= tolerance).all())


def inspect(
    tmp_path: Path, data: bytes, name: str = "photo.png", min_side_px: int = 8, max_pixels: int = 10**6
) -> Facts:
    path = tmp_path / name
    path.write_bytes(data)
    return inspect_image(path, min_side_px, max_pixels, score_document=None)


def palette(transparency: int | None = None) -> bytes:
    image = Image.new("P", (24, 16), 1)
    image.putpalette([*RED, *GREEN, *BLUE])
    return encode(image, transparency=transparency) if transparency is not None else encode(image)


def grey16(level: int, kind: str = "PNG") -> bytes:
    return encode(Image.fromarray(np.full((16, 24), level, dtype=np.uint16)), kind)


def solid(mode: str, colour: object, kind: str = "PNG", **options: object) -> bytes:
    return encode(Image.new(mode, (24, 16), colour), kind, **options)  # type: ignore[arg-type]


COLOURS = {
    "grey": (solid("L", 100), (100, 100, 100)),
    "grey JPEG": (solid("L", 100, "JPEG"), (100, 100, 100)),
    "black and white": (solid("1", 1), WHITE),
    "CMYK JPEG": (solid("CMYK", (0, 255, 255, 0), "JPEG"), RED),
    "RGBA, half": (solid("RGBA", (0, 255, 0, 128)), (127, 255, 127)),
    "RGBA, an alpha of zeros": (solid("RGBA", (9, 9, 9, 0)), (9, 9, 9)),
    "RGBA, opaque": (solid("RGBA", (*BLUE, 255)), BLUE),
    "RGBA, WEBP": (solid("RGBA", (0, 255, 0, 0), "WEBP", lossless=True, exact=True), GREEN),
    "LA, half": (solid("LA", (0, 128)), (127, 127, 127)),
    "palette": (palette(), GREEN),
    "palette, all transparent": (palette(transparency=1), GREEN),
    "palette, another colour transparent": (palette(transparency=2), GREEN),
    "RGB, all transparent": (solid("RGB", GREEN, transparency=GREEN), GREEN),
    "16 bits, middle": (grey16(0x8000), (128, 128, 128)),
    "16 bits, dark": (grey16(300), (1, 1, 1)),
    "16 bits, bright": (grey16(0xFFFF), WHITE),
    "16 bits, TIFF": (grey16(0x4000, "TIFF"), (64, 64, 64)),
    "GIF": (solid("RGB", BLUE, "GIF"), BLUE),
    "GIF, all transparent": (solid("P", 0, "GIF", transparency=0), (0, 0, 0)),
    "WEBP": (solid("RGB", BLUE, "WEBP", lossless=True), BLUE),
    "BMP": (solid("RGB", BLUE, "BMP"), BLUE),
    "TIFF": (solid("RGB", BLUE, "TIFF"), BLUE),
    "JPEG": (solid("RGB", BLUE, "JPEG", quality=100), BLUE),
}
