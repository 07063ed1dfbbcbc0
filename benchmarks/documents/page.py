"""A blank page and what is written and drawn on it; the kinds of documents are put together from this."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Points = NDArray[np.float64]
FONTS = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "DejaVuSerif-Bold", "STIXGeneralItalic")
BLACK: Colour = (25, 25, 28)


class Page:
    """A page being drawn.

    Args:
        rng: source of randomness.
        width: in pixels.
        height: in pixels.
        paper: its colour; a random shade of white when not given.
    """

    def __init__(self, rng: np.random.Generator, width: int, height: int, paper: Colour | None = None) -> None:
        self.rng, self.width, self.height = rng, width, height
        self.paper = paper or _random_paper(rng)
        self.ink: Colour = BLACK
        self.image = Image.new("RGB", (width, height), self.paper)
        self.draw = ImageDraw.Draw(self.image)
        self.face = str(rng.choice(FONTS))

    def between(self, low: float, high: float) -> float:
        """A random number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A random whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def words(self, n_words: int) -> str:
        """Made-up lower-case words, the first with a capital."""
        letters = "eeettaaooiinnssrhldcumfpgwybv"
        lengths = self.rng.integers(2, 11, n_words)
        return " ".join("".join(self.rng.choice(list(letters), length)) for length in lengths).capitalize()

    def write(self, x: float, y: float, text: str, size: float, colour: Colour | None = None) -> float:
        """Write one line with its top left at (x, y); gives the x where it ends."""
        font = _font(self.face, max(int(size), 6))
        self.draw.text((x, y), text, font=font, fill=colour or self.ink)
        return x + font.getlength(text)

    def paragraph(self, box: tuple[float, float, float, float], size: float, spacing: float = 1.35) -> None:
        """Fill a box with lines of text; a paragraph's last line is short."""
        left, top, right, bottom = box
        font, y = _font(self.face, max(int(size), 6)), top
        while y + size < bottom:
            end = right if self.rng.random() > 0.15 else left + (right - left) * self.between(0.2, 0.9)
            text = self.words(max(int((right - left) / size / 2), 2))
            while text and left + font.getlength(text) > end:
                text = text[:-1]
            self.draw.text((left, y), text, font=font, fill=self.ink)
            y += size * spacing

    def scribble(self, x: float, y: float, length: float, size: float) -> None:
        """A line of joined handwriting: loops that move to the right, with gaps between words."""
        while length > size:
            span = min(self.between(1.5, 6) * size, length)
            steps = np.arange(0, span, size / 14)
            tall = np.repeat(self.rng.choice([0.35, 0.4, 0.9], len(steps) // 10 + 1), 10)[: len(steps)]
            phase = steps / size * self.between(9, 12)
            xs = x + steps + np.cos(phase) * size * 0.16
            ys = y + size * 0.6 - np.sin(phase) * size * tall * 0.6
            self.curve(np.column_stack([xs, ys]), max(size / 12, 1))
            x, length = x + span + size * 0.6, length - span - size * 0.6

    def curve(self, points: Points, width: float, colour: Colour | None = None, close: bool = False) -> None:
        """A line through points."""
        through = np.vstack([points, points[:1]]) if close else points
        self.draw.line([(x, y) for x, y in through], fill=colour or self.ink, width=max(round(width), 1), joint="curve")

    def region(self, points: Points, fill: Colour, outline: Colour | None = None, width: float = 1) -> None:
        """A filled shape."""
        self.draw.polygon([(x, y) for x, y in points], fill=fill, outline=outline, width=max(round(width), 1))

    def hatch(self, points: Points, gap: float) -> None:
        """Shade a shape with slanted lines, as engravers do."""
        mask = Image.new("1", self.image.size)
        ImageDraw.Draw(mask).polygon([(x, y) for x, y in points], fill=1)
        lines = self.image.copy()
        draw = ImageDraw.Draw(lines)
        for start in np.arange(-self.height, self.width, gap):
            draw.line([(start, self.height), (start + self.height, 0)], fill=self.ink)
        self.image.paste(lines, mask=mask)

    def blob(self, x: float, y: float, radius: float, roughness: float = 0.35, n_points: int = 160) -> Points:
        """Outline of a random rounded shape, float array of shape (n_points, 2)."""
        angle = np.linspace(0, 2 * np.pi, n_points, endpoint=False)
        waves = sum(self.rng.normal(0, roughness / k) * np.cos(k * angle + self.between(0, 6.3)) for k in range(1, 12))
        distance = radius * np.clip(1 + np.asarray(waves), 0.25, 2.5)
        return np.column_stack([x + np.cos(angle) * distance, y + np.sin(angle) * distance])

    def arrow(self, start: Points, end: Points, width: float) -> None:
        """A straight arrow."""
        along = (end - start) / max(float(np.hypot(*(end - start))), 1)
        side = np.array([-along[1], along[0]])
        self.curve(np.stack([start, end]), width)
        self.region(
            np.stack([end, end - along * width * 6 + side * width * 3, end - along * width * 6 - side * width * 3]),
            self.ink,
        )


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf" / f"{face}.ttf"), size)


def _random_paper(rng: np.random.Generator) -> Colour:
    """White, ivory, yellowed, grey or pale blue."""
    shades = [(255, 255, 255), (250, 247, 238), (236, 225, 198), (222, 222, 220), (228, 236, 244), (210, 190, 150)]
    base = np.array(shades[rng.choice(len(shades), p=[0.35, 0.2, 0.18, 0.1, 0.07, 0.1])])
    red, green, blue = (int(value) for value in np.clip(base + rng.integers(-6, 7, 3), 0, 255))
    return red, green, blue
