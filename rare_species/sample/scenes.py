"""Draw habitats: textured ground, clutter behind and in front of a creature, light and shadows."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from rare_species.sample.flat_parts import Part, Rgb, Role, ellipse, tube
from rare_species.sample.patterns import soft_noise


@dataclass(frozen=True)
class Habitat:
    """The look of one kind of place.

    Attributes:
        tones: dark, middle and light colour of the ground.
        grain: number of cells of random grey across and down, which make the coarse texture of the ground.
        clutter: kind of things that lie about, a key of CLUTTER.
        leaf: colour of the clutter.
        tint: factors on red, green and blue of the whole photo.
        sky: colour of the sky above the horizon, in photos that show it; None for a place without sky.
    """

    tones: tuple[Rgb, Rgb, Rgb]
    grain: tuple[int, int]
    clutter: str
    leaf: Rgb
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sky: Rgb | None = None


HABITATS: dict[str, Habitat] = {
    "meadow": Habitat(
        ((58, 82, 32), (112, 136, 62), (176, 188, 110)), (7, 12), "blades", (96, 128, 52), sky=(196, 210, 206)
    ),
    "forest": Habitat(((34, 42, 26), (84, 88, 54), (142, 138, 92)), (11, 4), "blades", (66, 84, 44)),
    "sand": Habitat(((150, 120, 82), (198, 170, 122), (232, 212, 170)), (5, 14), "stones", (164, 142, 110)),
    "rock": Habitat(((82, 78, 72), (134, 128, 118), (188, 182, 170)), (8, 7), "stones", (124, 116, 104)),
    "sky": Habitat(((150, 186, 214), (186, 208, 224), (232, 238, 240)), (4, 3), "twigs", (84, 66, 50)),
    "foliage": Habitat(((26, 60, 28), (70, 118, 50), (142, 176, 84)), (6, 6), "leaves", (74, 126, 50)),
    "shore": Habitat(((70, 104, 112), (122, 152, 150), (196, 208, 196)), (4, 18), "stones", (118, 116, 104)),
    "reef": Habitat(((14, 60, 92), (38, 112, 136), (118, 178, 176)), (7, 6), "weeds", (88, 110, 82), (0.86, 1.0, 1.06)),
    "deep": Habitat(
        ((6, 28, 66), (16, 62, 110), (62, 128, 168)), (4, 4), "bubbles", (120, 176, 204), (0.72, 0.94, 1.12)
    ),
    "specimen": Habitat(((214, 208, 196), (230, 226, 216), (244, 242, 236)), (3, 3), "labels", (178, 170, 154)),
    "litter": Habitat(((58, 40, 24), (110, 82, 52), (166, 132, 90)), (10, 9), "leaves", (138, 96, 52)),
    "bark": Habitat(((52, 42, 34), (104, 88, 70), (160, 142, 118)), (14, 4), "twigs", (86, 72, 56)),
}


def _blade(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    x, lean, tall = rng.random() * width, rng.normal() * 0.12 * height, (0.15 + 0.5 * rng.random()) * height
    root = (0.55 + 0.5 * rng.random()) * height
    line = [(x, root), (x + lean * 0.3, root - tall * 0.6), (x + lean, root - tall)]
    return [Part(tube(line, [height * 0.011, height * 0.009, 0.4], 5), Role.LEAF, shade=0.6 + 0.7 * rng.random())]


def _stone(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    size = (0.015 + 0.07 * rng.random() ** 2) * width
    outline = ellipse(rng.random() * width, rng.random() * height, size, size * 0.7, rng.random() * 3)
    return [Part(outline + rng.normal(0, size * 0.06, outline.shape), Role.LEAF, shade=0.6 + 0.7 * rng.random())]


def _leaf(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    x, y, turn = rng.random() * width, rng.random() * height, rng.random() * 6.28
    long = (0.08 + 0.14 * rng.random()) * width
    tip = (x + long * math.cos(turn), y + long * math.sin(turn))
    middle = ((x + tip[0]) / 2 + 3, (y + tip[1]) / 2 - 3)
    shade = 0.55 + 0.8 * rng.random()
    blade = Part(tube([(x, y), middle, tip], [1, long * (0.16 + 0.14 * rng.random()), 0.5]), Role.LEAF, shade=shade)
    return [blade, Part(tube([(x, y), middle, tip], [0.8, 0.7, 0.4]), Role.STEM, shade=shade)]


def _twig(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    x, y = rng.random() * width, rng.random() * height
    turn, long = rng.random() * 3.14, (0.3 + 0.5 * rng.random()) * width
    end = (x + long * math.cos(turn), y + long * math.sin(turn))
    middle = ((x + end[0]) / 2 + rng.normal() * 6, (y + end[1]) / 2 + rng.normal() * 6)
    return [
        Part(tube([(x, y), middle, end], [0.014 * width, 0.01 * width, 0.8]), Role.LEAF, shade=0.7 + 0.5 * rng.random())
    ]


def _weed(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    x, root = rng.random() * width, (0.7 + 0.4 * rng.random()) * height
    tall, sway = (0.15 + 0.3 * rng.random()) * height, rng.normal(0, 0.04, 2) * width
    line = [(x, root), (x + sway[0], root - tall * 0.5), (x + sway[1], root - tall)]
    return [Part(tube(line, [0.02 * width, 0.028 * width, 0.008 * width]), Role.LEAF, shade=0.55 + 0.8 * rng.random())]


def _bubble(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    size = (0.006 + 0.02 * rng.random()) * width
    return [
        Part(
            ellipse(rng.random() * width, rng.random() * height, size, size), Role.LEAF, shade=0.8 + 0.4 * rng.random()
        )
    ]


def _label(rng: np.random.Generator, width: int, height: int) -> list[Part]:
    """Draw one tick of a ruler along the lower edge, as beside museum specimens."""
    tick, y = rng.integers(0, 24) * width / 24, 0.94 * height
    return [
        Part(
            np.array([(tick, y), (tick + 1.5, y), (tick + 1.5, y + 0.04 * height), (tick, y + 0.04 * height)]),
            Role.STEM,
        )
    ]


CLUTTER: dict[str, Callable[[np.random.Generator, int, int], list[Part]]] = {
    "blades": _blade,
    "stones": _stone,
    "leaves": _leaf,
    "twigs": _twig,
    "weeds": _weed,
    "bubbles": _bubble,
    "labels": _label,
}
# Number of things behind a creature, before a random factor: many of the small kinds, few of the large ones.
CLUTTER_COUNT = {"blades": 60, "stones": 30, "leaves": 24, "twigs": 4, "weeds": 16, "bubbles": 14, "labels": 16}


def scatter(rng: np.random.Generator, kind: str, size: tuple[int, int], count: int) -> list[Part]:
    """Scatter things of one kind over a picture.

    Args:
        rng: source of randomness.
        kind: a key of CLUTTER.
        size: width and height in pixels.
        count: number of things.

    Returns:
        Parts in pixels.
    """
    return [part for _ in range(count) for part in CLUTTER[kind](rng, *size)]


def _shade(colour: Rgb, shade: float) -> Rgb:
    red, green, blue = (min(round(channel * shade), 255) for channel in colour)
    return red, green, blue


def _drift(rng: np.random.Generator, colour: Rgb, spread: float) -> Rgb:
    red, green, blue = (
        min(max(round(channel + d), 0), 255) for channel, d in zip(colour, rng.normal(0, spread, 3), strict=True)
    )
    return red, green, blue


def _ground(rng: np.random.Generator, habitat: Habitat, size: tuple[int, int]) -> Image.Image:
    coarse = soft_noise(rng, size, habitat.grain)
    fine = soft_noise(rng, size, (size[0] // 5, size[1] // 4))
    texture = ImageOps.autocontrast(Image.blend(coarse, fine, 0.1 + 0.25 * rng.random()), cutoff=1)
    dark, middle, light = (_drift(rng, tone, 10.0) for tone in habitat.tones)
    ground = ImageOps.colorize(texture, dark, light, middle)
    if habitat.sky is None or rng.random() < 0.4:
        return ground
    horizon = 0.2 + 0.4 * rng.random()
    fade = (
        Image.linear_gradient("L")
        .resize(size)
        .point([min(max(round((v / 255 - horizon) * 1600), 0), 255) for v in range(256)])
    )
    return Image.composite(ground, Image.new("RGB", size, _drift(rng, habitat.sky, 12.0)), fade)


def draw_background(rng: np.random.Generator, habitat: Habitat, size: tuple[int, int]) -> Image.Image:
    """Draw a place without its creature.

    Args:
        rng: source of randomness.
        habitat: kind of place.
        size: width and height in pixels.

    Returns:
        Mode RGB image.
    """
    image = _ground(rng, habitat, size)
    draw = ImageDraw.Draw(image)
    count = round(CLUTTER_COUNT[habitat.clutter] * (0.3 + rng.random()))
    for part in scatter(rng, habitat.clutter, size, count):
        colour = habitat.leaf if part.role is Role.LEAF else _shade(habitat.leaf, 0.6)
        corners = [(int(x), int(y)) for x, y in np.floor(part.points + 0.5)]
        draw.polygon(corners, fill=_shade(colour, part.shade))
    return image.filter(ImageFilter.GaussianBlur(round(0.6 + 2.4 * rng.random(), 2)))


def cast_shadow(image: Image.Image, alpha: Image.Image, shift: tuple[int, int]) -> Image.Image:
    """Darken a background where a creature casts its shadow.

    Args:
        image: background, mode RGB.
        alpha: silhouette of the creature, mode L.
        shift: offset of the shadow from the creature, in pixels to the right and down.

    Returns:
        Mode RGB image.
    """
    shadow = ImageChops.offset(alpha, *shift).filter(ImageFilter.BoxBlur(4)).point([v * 9 // 20 for v in range(256)])
    return Image.composite(image.point([v // 4 for v in range(256)] * 3), image, shadow)
