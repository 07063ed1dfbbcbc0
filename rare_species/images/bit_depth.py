"""Convert grey pictures of 16-bit, signed or real numbers to 8 bits; Pillow would clip them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rare_species.images.row_strips import strips

TAGS = {"bits": 258, "photometric": 262, "sample_format": 339}  # TIFF 6.0, section 8 and page 80
WHITE_IS_ZERO = 0
SIGNED = 2  # of TAGS["sample_format"]
WHITE = 255
SAMPLED_VALUES = 1_000_000
OUTLIERS_PERCENT = 0.5  # cut off at both ends: dead pixels of a thermal camera, a lamp at night
LITTLE = 0.25  # share of the type's range; 14-bit data in 16 bits fill no more


@dataclass(frozen=True)
class Declared:
    """The number format of a picture, as its file declares it.

    Attributes:
        low: smallest possible value.
        high: largest possible value.
        step: distance between neighbouring values: 1, or 0 for real numbers.
        inverted: whether the smallest value is white.
        dtype: NumPy type to view Pillow's numbers as; None keeps theirs.
    """

    low: float
    high: float
    step: int
    inverted: bool
    dtype: type[np.generic] | None


def is_deep(image: Image.Image) -> bool:
    """Return whether a picture needs `to_8_bits`."""
    return (
        image.mode.startswith("I")
        or image.mode == "F"
        or (image.mode == "L" and _tag(image, "sample_format") == SIGNED)
    )


def to_8_bits(image: Image.Image) -> tuple[Image.Image, bool]:
    """Scale a grey picture by the range of its type: of 16 bits the upper eight stay.

    A picture that fills little of that range (12 bits in 16, temperatures, 8 bits in 32, most real numbers) is
    stretched instead: black is its 0.5th percentile, white its 99.5th. Signed numbers without a negative one are taken
    as unsigned, and real numbers in [0, 1] as shares of white. What is not a number gets the grey of the smallest
    value. What a PNG calls transparent becomes white.

    Args:
        image: as Pillow opened it, with its TIFF tags, of a mode such as I;16, I or F.

    Returns:
        An image of mode L and that size, and whether it is stretched.
    """
    declared = _declared(image)
    low, high, stretched = _black_and_white(image, declared)
    scale = 256 / ((high - low + declared.step) or 1.0)
    levels, transparent = Image.new("L", image.size), image.info.get("transparency")
    for box, values in _values(image, declared):
        part = np.nan_to_num((values.astype(np.float64) - low) * scale, nan=0.0)
        grey = np.clip(part, 0, 255).astype(np.uint8)
        grey = 255 - grey if declared.inverted else grey
        if transparent is not None:
            grey[values == transparent] = WHITE
        levels.paste(Image.fromarray(grey), box)
    return levels, stretched


def _tag(image: Image.Image, name: str) -> Any:
    value = getattr(image, "tag_v2", {}).get(TAGS[name])
    return value[0] if isinstance(value, tuple) and value else value


def _declared(image: Image.Image) -> Declared:
    deep = image.mode != "L"  # Pillow itself inverts those of 8 bits
    inverted = deep and _tag(image, "photometric") == WHITE_IS_ZERO
    if image.mode == "F":
        return Declared(0.0, 1.0, 0, inverted, None)
    bits = int(_tag(image, "bits") or 16)
    if _tag(image, "sample_format") == SIGNED:
        return Declared(-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1, 1, inverted, None if deep else np.int8)
    return Declared(0.0, 2.0**bits - 1, 1, inverted, np.uint32 if bits == 32 else None)


def _black_and_white(image: Image.Image, declared: Declared) -> tuple[float, float, bool]:
    """Return the values that become black and white, and whether the picture is stretched between them."""
    every = max(1, image.width * image.height // SAMPLED_VALUES)
    sample = np.concatenate([values.ravel()[::every] for _, values in _values(image, declared)]).astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return declared.low, declared.high, False
    least, most = float(sample.min()), float(sample.max())
    low, high = (float(value) for value in np.percentile(sample, [OUTLIERS_PERCENT, 100 - OUTLIERS_PERCENT]))
    if low == high:  # almost all pixels have one value
        low, high = least, most
    bottom, top = (0.0 if least >= 0 else declared.low), declared.high
    fits = bottom <= least and most <= top
    if fits and (low == high or high - low >= LITTLE * (top - bottom)):
        return bottom, top, False
    return low, high, True


def _values(image: Image.Image, declared: Declared) -> Iterator[tuple[tuple[int, int, int, int], NDArray[Any]]]:
    """Yield a picture's values strip by strip, each with its box."""
    for box in strips(image):
        values = np.asarray(image.crop(box))
        yield box, values if declared.dtype is None else values.view(declared.dtype)
