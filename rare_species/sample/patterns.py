"""Draw coat patterns as masks, which say where a part shows the accent colour instead of its own."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from rare_species.sample.flat_parts import SUPERSAMPLE, Placement

TILE_PX = 288
# A tile of a pattern spans the body units from -HALF_SPAN to HALF_SPAN.
HALF_SPAN = 1.5

Pattern = Callable[[np.random.Generator, float], Image.Image]


def soft_noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int]) -> Image.Image:
    """Draw smooth random greys.

    Args:
        rng: source of randomness.
        size: width and height in pixels.
        cells: number of random values across and down; they are interpolated to the size of the image.

    Returns:
        Mode L image.
    """
    across, down = max(cells[0], 2), max(cells[1], 2)
    values = rng.integers(0, 256, (down, across), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def _threshold(image: Image.Image, level: int) -> Image.Image:
    return image.point([0] * level + [255] * (256 - level))


def _plain(_rng: np.random.Generator, _scale: float) -> Image.Image:
    return Image.new("L", (TILE_PX, TILE_PX))


def _stripes(rng: np.random.Generator, scale: float) -> Image.Image:
    tile = _plain(rng, scale)
    draw = ImageDraw.Draw(tile)
    step, x = 30 * scale, -20.0
    while x < TILE_PX + 20:
        wobble = rng.integers(-7, 8, 7) * min(scale, 1.0)
        line = [(round(x + dx), y * 48) for y, dx in enumerate(wobble)]
        draw.line(line, fill=255, width=max(round(step * 0.36), 2), joint="curve")
        x += step * (0.8 + 0.4 * rng.random())
    return tile


def _bands(rng: np.random.Generator, scale: float) -> Image.Image:
    return _stripes(rng, scale * 0.55).transpose(Image.Transpose.ROTATE_90)


def _dots(rng: np.random.Generator, scale: float, hollow: bool) -> Image.Image:
    tile = _plain(rng, scale)
    draw = ImageDraw.Draw(tile)
    step = 26 * scale
    for row in range(math.ceil(TILE_PX / step)):
        for column in range(math.ceil(TILE_PX / step)):
            dx, dy, grow = rng.random(3)
            x, y = (column + dx * 0.6) * step, (row + dy * 0.6) * step
            radius = step * (0.18 + 0.16 * grow)
            box = (round(x - radius), round(y - radius), round(x + radius), round(y + radius * 0.9))
            draw.ellipse(box, fill=0 if hollow else 255, outline=255, width=max(round(radius * 0.45), 1))
    return tile


def _spots(rng: np.random.Generator, scale: float) -> Image.Image:
    return _dots(rng, scale, hollow=False)


def _rings(rng: np.random.Generator, scale: float) -> Image.Image:
    return _dots(rng, scale * 1.5, hollow=True)


def _patches(rng: np.random.Generator, scale: float) -> Image.Image:
    cells = max(round(14 / scale), 3)
    return _threshold(soft_noise(rng, (TILE_PX, TILE_PX), (cells, cells)), 150)


def _speckle(rng: np.random.Generator, scale: float) -> Image.Image:
    cells = max(round(64 / scale), 8)
    return _threshold(soft_noise(rng, (TILE_PX, TILE_PX), (cells, cells)), 170)


def _saddle(rng: np.random.Generator, scale: float) -> Image.Image:
    """Draw a back in the accent colour that fades out towards the belly."""
    fade = (
        Image.linear_gradient("L").resize((TILE_PX, TILE_PX)).point([max(min(430 - 3 * v, 255), 0) for v in range(256)])
    )
    cells = max(round(12 / scale), 3)
    return Image.blend(fade, soft_noise(rng, (TILE_PX, TILE_PX), (cells, cells)), 0.2)


PATTERNS: dict[str, Pattern] = {
    "plain": _plain,
    "stripes": _stripes,
    "bands": _bands,
    "spots": _spots,
    "rings": _rings,
    "patches": _patches,
    "speckle": _speckle,
    "saddle": _saddle,
}


def lay_pattern(tile: Image.Image, placement: Placement, size: tuple[int, int]) -> Image.Image:
    """Move a tile from body units onto the canvas, so that it turns and grows with the creature.

    Args:
        tile: pattern over the body, mode L.
        placement: placement of the creature, in pixels of the picture.
        size: width and height of the picture, in pixels.

    Returns:
        Mode L mask, SUPERSAMPLE times as wide and high as the picture.
    """
    inverse = np.linalg.inv(placement.matrix() * SUPERSAMPLE) * (TILE_PX / (2 * HALF_SPAN))
    centre = np.array([placement.centre_x, placement.centre_y]) * SUPERSAMPLE
    offset = TILE_PX / 2 - inverse @ centre
    data = (*inverse[0].tolist(), float(offset[0]), *inverse[1].tolist(), float(offset[1]))
    smooth = tile.filter(ImageFilter.BoxBlur(1))
    canvas = (size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE)
    return smooth.transform(canvas, Image.Transform.AFFINE, data, Image.Resampling.NEAREST)
