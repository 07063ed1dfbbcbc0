"""What scanners and cameras do to a page: colour, light, angle, blur, noise, size and JPEG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter, ImageOps


def scan(page: Image.Image, rng: np.random.Generator) -> bytes:
    """Scan, photograph or export a page.

    Args:
        page: mode RGB.
        rng: source of randomness.

    Returns:
        A JPEG file whose longer side is 240 to 1000 pixels.
    """
    way = rng.choice(["export", "scan", "photograph"], p=[0.3, 0.4, 0.3])
    if way != "export":
        page = _tone(page, rng)
        page = _photograph(page, rng) if way == "photograph" else _turn(page, rng, 1.5)
        page = page.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))
        page = _add_noise(page, rng, float(rng.uniform(1, 9)))
    scale = float(np.exp(rng.uniform(np.log(240), np.log(1000)))) / max(page.size)
    small = page.resize((round(page.width * scale), round(page.height * scale)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=int(rng.integers(50, 96)))
    return buffer.getvalue()


def _tone(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Leave the colours, take them away, or make them brown."""
    tone = rng.choice(["colour", "grey", "sepia"], p=[0.55, 0.3, 0.15])
    if tone == "colour":
        return page
    grey = ImageOps.grayscale(page)
    return grey.convert("RGB") if tone == "grey" else ImageOps.colorize(grey, (58, 38, 20), (238, 218, 180))


def _turn(page: Image.Image, rng: np.random.Generator, degrees: float) -> Image.Image:
    around = tuple(int(value) for value in rng.integers(150, 256, 3))
    return page.rotate(float(rng.uniform(-degrees, degrees)), Image.Resampling.BICUBIC, fillcolor=around)


def _photograph(page: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Lay the page on a table, look at it at an angle, under a lamp to one side."""
    width, height = page.size
    margin = float(rng.uniform(0, 0.09))
    table = Image.new("RGB", page.size, tuple(int(value) for value in rng.integers(40, 200, 3)))
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) * (1 - 2 * margin) + margin
    corners = (corners + rng.uniform(-0.03, 0.03, (4, 2))) * (width, height)
    source = np.array([(0, 0), (0, height), (width, height), (width, 0)], dtype=float)
    coefficients = _perspective(corners, source)
    laid = page.transform(page.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    mask = Image.new("L", page.size, 255)
    table.paste(laid, mask=mask.transform(page.size, Image.Transform.PERSPECTIVE, coefficients))
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.4)
    light = 1 - depth * (0.5 + 0.5 * (np.cos(angle) * x + np.sin(angle) * y) / 1.42) - 0.1 * (x**2 + y**2)
    return Image.fromarray(np.clip(np.asarray(table) * light[..., None], 0, 255).astype(np.uint8))


def _perspective(target: np.ndarray, source: np.ndarray) -> list[float]:
    """The eight coefficients with which Pillow maps target points back to source points."""
    rows = [
        row
        for (x, y), (u, v) in zip(target, source, strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y])
    ]
    return [float(value) for value in np.linalg.solve(np.array(rows), source.ravel())]


def _add_noise(page: Image.Image, rng: np.random.Generator, strength: float) -> Image.Image:
    pixels = np.asarray(page, dtype=np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, strength, pixels.shape), 0, 255).astype(np.uint8))
