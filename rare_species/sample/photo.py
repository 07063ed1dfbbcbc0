"""Draw one photo: a creature in its habitat, as a camera sees it."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from rare_species.sample.catalogue import colours_of, family_named, pattern_of
from rare_species.sample.creatures import PLANS, BodyPlan
from rare_species.sample.flat_parts import (
    MAX_PARTS,
    SUPERSAMPLE,
    Part,
    Placement,
    Rgb,
    Role,
    number_parts,
    paint_numbers,
    place,
    relief,
)
from rare_species.sample.keyed_random import Dials, generator, unit
from rare_species.sample.patterns import PATTERNS, lay_pattern
from rare_species.sample.scenes import HABITATS, Habitat, cast_shadow, draw_background, scatter

# Longest side, in pixels, at which a scene is painted; a larger photo is enlarged, and noise is added at full size.
WORKING_SIDE = 320
# Share of the painted scene that is left over for the camera to move within a burst.
MARGIN = 0.06


@dataclass(frozen=True)
class Subject:
    """What a photo shows, and the keys that all its randomness is derived from.

    Attributes:
        family: taxonomic family.
        phylum: phylum of the family.
        species: key of the species.
        burst: key shared by the frames of one burst.
        frame: key of this photo.
    """

    family: str
    phylum: str
    species: str
    burst: str
    frame: str


def choose_size(subject: Subject, min_side: int, max_side: int) -> tuple[int, int]:
    """Choose the size of a photo, the same for all frames of a burst.

    Args:
        subject: what the photo shows.
        min_side: smallest allowed side in pixels.
        max_side: largest allowed side in pixels.

    Returns:
        Width and height in pixels, both in [min_side, max_side].
    """
    rng = generator(subject.burst, "size")
    long = round(min_side + (max_side - min_side) * (0.35 + 0.65 * rng.random()))
    short = max(round(long * (0.67, 0.75, 0.8, 1.0)[rng.integers(4)]), min_side)
    return (long, short) if rng.random() < 0.7 else (short, long)


def _placement(rng: np.random.Generator, plan: BodyPlan, size: tuple[int, int]) -> Placement:
    reach = min(size) * (0.21 + 0.3 * rng.random())
    squeeze = 0.78 + 0.22 * rng.random()
    off_x, off_y = rng.normal(0, 0.09, 2).clip(-0.22, 0.22)
    return Placement(
        scale_x=reach * (squeeze if rng.random() < 0.5 else 1.0),
        scale_y=reach * squeeze,
        centre_x=size[0] * (0.5 + off_x),
        centre_y=size[1] * (0.5 + off_y),
        angle=plan.turn * (2 * rng.random() - 1),
        mirrored=bool(rng.random() < 0.5),
    )


def _colour(part: Part, colours: dict[Role, Rgb], role: Role) -> Rgb:
    red, green, blue = (min(round(channel * part.shade), 255) for channel in colours[role])
    return red, green, blue


def _paint(
    subject: Subject, parts: list[Part], placement: Placement, habitat: Habitat, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """Paint parts with their colours and pattern; return an RGB image and its alpha mask."""
    family = family_named(subject.family, subject.phylum)
    colours = colours_of(family, subject.species, subject.burst)
    stem: Rgb = (habitat.leaf[0] // 2, habitat.leaf[1] // 2, habitat.leaf[2] // 2)
    colours = {**colours, Role.LEAF: habitat.leaf, Role.STEM: stem}
    shown = parts[-MAX_PARTS:]
    numbers = number_parts(shown, size)
    base = paint_numbers(numbers, [_colour(part, colours, part.role) for part in shown])
    marked = paint_numbers(
        numbers, [_colour(part, colours, Role.ACCENT if part.patterned else part.role) for part in shown]
    )
    scale = 0.55 + 0.9 * unit(family.name, "pattern-scale") + 0.4 * unit(subject.species, "pattern-scale")
    tile = PATTERNS[pattern_of(family, subject.species, subject.burst)](generator(subject.burst, "pattern"), scale)
    painted = Image.composite(marked, base, lay_pattern(tile, placement, size)).reduce(SUPERSAMPLE)
    return painted, numbers.point([0] + [255] * 255).reduce(SUPERSAMPLE)


def _compose(subject: Subject, size: tuple[int, int]) -> Image.Image:
    family = family_named(subject.family, subject.phylum)
    plan = PLANS[family.plan]
    rng = generator(subject.burst, "scene")
    habitat = HABITATS[plan.habitats[int(len(plan.habitats) * rng.random() ** 1.5)]]
    background = draw_background(rng, habitat, size)
    placement = _placement(rng, plan, size)
    dials = Dials(family.name, subject.species, subject.burst, subject.frame, family.traits)
    in_front = scatter(rng, habitat.clutter, size, int(rng.integers(0, 12)))
    creature = place(plan.draw(dials), placement)
    painted, alpha = _paint(subject, [*creature, *in_front], placement, habitat, size)
    light = (-1.0 if rng.random() < 0.5 else 1.0, -1.0)
    bulge = relief(alpha, light, placement.scale_y * 0.3)
    painted = ImageChops.overlay(painted, Image.merge("RGB", [bulge] * 3))
    shift = (round(-light[0] * size[0] * 0.015), round(size[1] * 0.025))
    background = cast_shadow(background, alpha, shift)
    return _light(rng, Image.composite(painted, background, alpha), habitat)


def _light(rng: np.random.Generator, image: Image.Image, habitat: Habitat) -> Image.Image:
    """Expose a scene: brightness, contrast, colour of the light, haze."""
    exposure, contrast, warmth = 0.7 + 0.55 * rng.random(), 0.75 + 0.4 * rng.random(), rng.normal(0, 0.06)
    haze = 60.0 * rng.random() ** 3
    tables: list[int] = []
    for factor in (1 + warmth, 1.0, 1 - warmth):
        gain = exposure * factor * habitat.tint[len(tables) // 256]
        tables += [min(max(round((v - 110) * contrast * gain + 110 * gain + haze), 0), 255) for v in range(256)]
    image = image.point(tables)
    return image.convert("L").convert("RGB") if rng.random() < 0.02 else image


def _expose(subject: Subject, scene: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Take one frame of a scene: crop with a little shake, blur, sensor noise."""
    rng, burst = generator(subject.frame, "camera"), generator(subject.burst, "camera")
    blur = 1.4 * burst.random() ** 2
    soft = scene.filter(ImageFilter.BoxBlur(round(blur, 2))) if blur > 0.3 else scene
    frame = (round(scene.width * (1 - MARGIN)), round(scene.height * (1 - MARGIN)))
    shake_x, shake_y, turn = rng.uniform(-1, 1, 3)
    left = scene.width * MARGIN / 2 * (1 + 0.6 * shake_x)
    top = scene.height * MARGIN / 2 * (1 + 0.6 * shake_y)
    lean = 0.012 * turn
    data = (1.0, lean, left, -lean, 1.0, top)
    # Rotating at the painted size and then enlarging is four times as fast as doing both at once.
    photo = soft.transform(frame, Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    photo = photo.resize(size, Image.Resampling.BICUBIC)
    grain = int(3 + 9 * burst.random() ** 2)
    noise = rng.integers(-grain, grain + 1, (size[1], size[0], 1), dtype=np.int16)
    bright = int(rng.integers(-5, 6))
    pixels = np.asarray(photo).astype(np.int16) + noise + bright
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_photo(subject: Subject, size: tuple[int, int]) -> Image.Image:
    """Draw a photo.

    Args:
        subject: what it shows.
        size: width and height in pixels.

    Returns:
        Mode RGB image; the same for the same subject and size.
    """
    shrink = min(WORKING_SIDE / max(size), 1 / (1 - MARGIN))
    working = (round(size[0] * shrink), round(size[1] * shrink))
    return _expose(subject, _compose(subject, working), size)
