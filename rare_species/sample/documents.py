"""Draw pages of text and maps, which collections of wildlife photos contain by mistake.

Letters are random strokes, because different versions of FreeType render a font differently.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from rare_species.sample.flat_parts import Rgb
from rare_species.sample.patterns import soft_noise

INK: Rgb = (44, 42, 46)


def _word(draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: int, y: int, height: int) -> int:
    """Draw one word of letter-like strokes, and return the x where the next word starts."""
    for _ in range(int(rng.integers(2, 10))):
        corners = rng.integers(0, 3, (int(rng.integers(2, 5)), 2)) * np.array([height // 4, height // 2])
        draw.line([(x + int(dx), y + int(dy)) for dx, dy in corners], fill=INK, width=max(height // 6, 1))
        x += height * 3 // 4
    return x + height // 2


def _paragraph(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[int, int, int, int], height: int
) -> None:
    left, top, right, bottom = box
    for y in range(top, bottom - height, height * 2):
        x = left
        end = right if rng.random() < 0.85 else left + (right - left) // 2
        while x < end - height * 3:
            x = _word(draw, rng, x, y, height)


def draw_text_page(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a scanned page: title, columns of text, perhaps a figure.

    Args:
        rng: source of randomness.
        size: width and height in pixels.

    Returns:
        Mode RGB image.
    """
    width, height = size
    letter = max(min(size) // 36, 4)
    paper = ImageOps.colorize(soft_noise(rng, size, (4, 5)), (226, 218, 198), (246, 242, 232))
    draw = ImageDraw.Draw(paper)
    margin = width // 10
    _paragraph(draw, rng, (margin, height // 12, width - margin, height // 12 + letter * 4), letter * 2)
    middle = width // 2
    columns = (
        [(margin, middle - letter), (middle + letter, width - margin)]
        if rng.random() < 0.5
        else [(margin, width - margin)]
    )
    for left, right in columns:
        _paragraph(draw, rng, (left, height // 4, right + letter * 3, height - margin), letter)
    turned = paper.rotate(int(rng.integers(-3, 4)), Image.Resampling.BICUBIC, fillcolor=(206, 200, 186))
    return turned.filter(ImageFilter.BoxBlur(0.5))


def draw_map(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Draw a range map: land, sea, a grid and dots where a species was seen.

    Args:
        rng: source of randomness.
        size: width and height in pixels.

    Returns:
        Mode RGB image.
    """
    width, height = size
    coast = Image.blend(soft_noise(rng, size, (5, 4)), soft_noise(rng, size, (24, 20)), 0.15)
    land = coast.point([0] * 118 + [255] * 138)
    sea = Image.new("RGB", size, (176, 208, 228))
    chart = Image.composite(Image.new("RGB", size, (236, 230, 200)), sea, land)
    chart.paste((120, 116, 100), mask=land.filter(ImageFilter.FIND_EDGES))
    seen = soft_noise(rng, size, (6, 5)).point([0] * 165 + [150] * 91)
    chart.paste((206, 74, 60), mask=Image.composite(seen, Image.new("L", size), land))
    draw = ImageDraw.Draw(chart)
    for step in range(1, 6):
        draw.line([(width * step // 6, 0), (width * step // 6, height)], fill=(150, 178, 196))
        draw.line([(0, height * step // 6), (width, height * step // 6)], fill=(150, 178, 196))
    for x, y in rng.random((12, 2)):
        at = (round(x * width), round(y * height))
        draw.ellipse((at[0] - 2, at[1] - 2, at[0] + 2, at[1] + 2), fill=(150, 30, 30))
    box = (width * 2 // 3, height * 4 // 5, width - 4, height - 4)
    draw.rectangle(box, fill=(250, 250, 246), outline=INK)
    _paragraph(draw, rng, (box[0] + 4, box[1] + 4, box[2] - 4, box[3]), max(height // 40, 4))
    return chart
