"""Describe creatures as lists of flat parts, and turn parts into antialiased pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Points = NDArray[np.float64]
Rgb = tuple[int, int, int]
SUPERSAMPLE = 2
MAX_PARTS = 127


class Role(StrEnum):
    """Which colour of the palette a part takes."""

    COAT = "coat"
    BELLY = "belly"
    ACCENT = "accent"
    DETAIL = "detail"
    BONE = "bone"
    WHITE = "white"
    LEAF = "leaf"
    STEM = "stem"


@dataclass(frozen=True)
class Part:
    """One polygon of a creature, in body units: the body spans about -1 to 1, x to the right, y down.

    Attributes:
        points: float array of shape (n_points, 2).
        role: which colour of the palette the part takes.
        patterned: whether the creature's pattern shows on the part.
        shade: factor on its brightness; below 1 for the far side of the body.
        outlined: whether its edge is darker; a part without an outline merges with the parts under it.
    """

    points: Points
    role: Role
    patterned: bool = False
    shade: float = 1.0
    outlined: bool = True


@dataclass(frozen=True)
class Placement:
    """Where a creature stands in the picture: pixels per body unit, centre in pixels, angle in radians."""

    scale_x: float
    scale_y: float
    centre_x: float
    centre_y: float
    angle: float
    mirrored: bool

    def matrix(self) -> NDArray[np.float64]:
        """Return the 2 by 2 matrix that turns body units into pixels."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        flip = -1.0 if self.mirrored else 1.0
        turn = np.array([[cos, -sin], [sin, cos]])
        return turn @ np.diag([flip * self.scale_x, self.scale_y])


def ellipse(x: float, y: float, radius_x: float, radius_y: float, angle: float = 0.0) -> Points:
    """Trace an ellipse as 28 points, shape (28, 2); angle in radians."""
    turn = np.linspace(0.0, 2 * math.pi, 28, endpoint=False)
    across, down = radius_x * np.cos(turn), radius_y * np.sin(turn)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.stack([x + across * cos - down * sin, y + across * sin + down * cos], axis=1)


def curve(knots: Sequence[tuple[float, float]], steps: int = 8) -> Points:
    """Trace a smooth (Catmull-Rom) line through knots.

    Args:
        knots: at least two points.
        steps: number of points from one knot to the next.

    Returns:
        Float array of shape ((n_knots - 1) * steps + 1, 2).
    """
    line = np.asarray(knots, dtype=np.float64)
    padded = np.concatenate([2 * line[:1] - line[1:2], line, 2 * line[-1:] - line[-2:-1]])
    a, b, c, d = (padded[at : len(line) - 1 + at, None] for at in range(4))
    t = (np.arange(steps) / steps)[:, None]
    pieces = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([pieces.reshape(-1, 2), line[-1:]])


def tube(knots: Sequence[tuple[float, float]], widths: Sequence[float], steps: int = 8) -> Points:
    """Trace the outline of a bent tube with round ends, such as a limb or a trunk.

    Args:
        knots: points on the middle line of the tube.
        widths: half the width at evenly spaced places along the tube.
        steps: number of points from one knot to the next.

    Returns:
        Float array of shape (n_points, 2).
    """
    middle = curve(knots, steps)
    profile = curve([(float(at), width) for at, width in enumerate(widths)], 8)
    half = np.interp(np.linspace(0, len(widths) - 1, len(middle)), profile[:, 0], profile[:, 1].clip(0.0))[:, None]
    along = np.gradient(middle, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    turn = np.linspace(0.0, math.pi, 7)[1:-1, None]
    tip = middle[-1] + half[-1] * (np.cos(turn) * normal[-1] + np.sin(turn) * along[-1])
    root = middle[0] - half[0] * (np.cos(turn) * normal[0] + np.sin(turn) * along[0])
    return np.concatenate([middle + normal * half, tip, (middle - normal * half)[::-1], root])


def coat(points: Points, shade: float = 1.0) -> Part:
    """Make a part with the coat's colour and pattern that merges with its neighbours."""
    return Part(points, Role.COAT, True, shade, outlined=False)


def eye(x: float, y: float, size: float) -> list[Part]:
    """Draw an eye with its glint; `size` is its radius."""
    return [
        Part(ellipse(x, y, size, size), Role.WHITE),
        Part(ellipse(x, y, size * 0.75, size * 0.75), Role.DETAIL),
        Part(ellipse(x - size * 0.25, y - size * 0.3, size * 0.25, size * 0.25), Role.WHITE),
    ]


def place(parts: Sequence[Part], placement: Placement) -> list[Part]:
    """Move parts from body units to pixels."""
    matrix, centre = placement.matrix(), np.array([placement.centre_x, placement.centre_y])
    return [replace(part, points=part.points @ matrix.T + centre) for part in parts]


def number_parts(parts: Sequence[Part], size: tuple[int, int]) -> Image.Image:
    """Paint the number of each part where it shows; a part covers the parts before it.

    Args:
        parts: parts in pixels; only the last 127 are drawn.
        size: width and height in pixels.

    Returns:
        Mode L image of twice the size: 0 for nothing, 2i + 1 inside part i, 2i + 2 on its outline.
    """
    numbers = Image.new("L", (size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE))
    draw = ImageDraw.Draw(numbers)
    for index, part in enumerate(parts[-MAX_PARTS:]):
        corners = [(int(x), int(y)) for x, y in np.floor(part.points * SUPERSAMPLE + 0.5)]
        draw.polygon(corners, fill=2 * index + 1)
        if part.outlined:
            draw.line([*corners, corners[0]], fill=2 * index + 2, width=2)
    return numbers


def paint_numbers(numbers: Image.Image, colours: Sequence[Rgb]) -> Image.Image:
    """Turn numbers into colours: the given colour inside a part, a darker one on its outline, dark elsewhere."""
    flat = [40, 34, 30]
    for red, green, blue in colours[-MAX_PARTS:]:
        flat += [red, green, blue, red * 11 // 16, green * 11 // 16, blue * 11 // 16]
    painted = numbers.copy()
    painted.putpalette(flat)
    return painted.convert("RGB")


def relief(alpha: Image.Image, light: tuple[float, float], depth_px: float) -> Image.Image:
    """Shade a silhouette as if it bulged.

    Args:
        alpha: silhouette, mode L.
        light: direction the light comes from.
        depth_px: how far the bulge reaches in from the edge.

    Returns:
        Mode L image of the same size: above 128 where light brightens the silhouette, below in shade, else 128.
    """
    small = alpha.reduce(2).filter(ImageFilter.BoxBlur(max(depth_px / 3, 1.0)))
    small = small.filter(ImageFilter.BoxBlur(max(depth_px / 4, 1.0)))
    shift_x, shift_y = round(light[0] * depth_px / 3), round(light[1] * depth_px / 3)
    lit, dark = ImageChops.offset(small, -shift_x, -shift_y), ImageChops.offset(small, shift_x, shift_y)
    return ImageChops.subtract(dark, lit, scale=2.0, offset=128).resize(alpha.size, Image.Resampling.BILINEAR)
