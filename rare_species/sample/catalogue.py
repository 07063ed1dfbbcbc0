"""Look a family up or derive it from its name, and mix the colours of its species."""

import colorsys

from rare_species.sample.creatures import PLANS, PLANS_BY_PHYLUM
from rare_species.sample.families import FAMILIES, Family
from rare_species.sample.flat_parts import Rgb, Role
from rare_species.sample.keyed_random import unit
from rare_species.sample.patterns import PATTERNS

# Colours of each palette: coat, belly, accent, detail.
PALETTES: dict[str, tuple[Rgb, Rgb, Rgb, Rgb]] = {
    "tawny": ((196, 150, 92), (232, 208, 165), (110, 70, 38), (60, 40, 28)),
    "russet": ((160, 82, 45), (215, 160, 115), (84, 40, 24), (50, 28, 20)),
    "grey": ((128, 128, 126), (200, 198, 190), (70, 70, 74), (40, 40, 44)),
    "slate": ((92, 108, 128), (180, 190, 198), (48, 58, 76), (30, 34, 44)),
    "olive": ((112, 118, 58), (196, 192, 130), (60, 66, 30), (38, 40, 20)),
    "leaf": ((92, 150, 62), (200, 214, 140), (44, 92, 44), (30, 50, 24)),
    "umber": ((98, 70, 48), (170, 136, 98), (48, 34, 26), (30, 22, 18)),
    "cream": ((222, 204, 168), (244, 236, 214), (150, 104, 66), (80, 56, 40)),
    "ember": ((206, 92, 40), (240, 190, 120), (58, 32, 28), (40, 24, 20)),
    "gold": ((214, 168, 48), (244, 224, 150), (58, 48, 32), (40, 32, 20)),
    "teal": ((52, 130, 136), (170, 214, 200), (24, 70, 92), (20, 44, 56)),
    "azure": ((70, 128, 190), (200, 220, 232), (236, 170, 60), (26, 44, 80)),
    "coral": ((222, 122, 104), (248, 206, 186), (160, 60, 64), (90, 40, 44)),
    "plum": ((122, 72, 116), (204, 170, 196), (66, 34, 72), (44, 26, 46)),
    "ink": ((50, 48, 54), (124, 118, 118), (196, 160, 60), (22, 22, 26)),
    "snow": ((226, 226, 220), (246, 246, 242), (88, 88, 90), (50, 50, 54)),
}
# Palettes for mammals, which are never blue or green.
FURS = ("tawny", "russet", "grey", "umber", "cream", "gold", "ink", "snow")
BONES: tuple[Rgb, ...] = ((226, 186, 96), (70, 62, 56), (218, 116, 44), (196, 184, 160))


# Share of a species' members that may have another palette or pattern of the family than most of the species.
MORPHS = 0.3
_BUILT_IN = {family.name: family for family in FAMILIES}


def family_named(name: str, phylum: str) -> Family:
    """Find a built-in family, or derive one from its name.

    Args:
        name: taxonomic family, in any letter case.
        phylum: phylum of the family, which decides the body plans that a derived family may have.

    Returns:
        The family; the same names give the same family on every machine.
    """
    key = name.strip().lower()
    if key in _BUILT_IN:
        return _BUILT_IN[key]
    plans = PLANS_BY_PHYLUM.get(phylum.strip().lower(), tuple(PLANS))
    plan = _pick(plans, key, "plan")
    palettes, patterns = FURS if plan == "quadruped" else tuple(PALETTES), tuple(PATTERNS)
    return Family(
        name=key,
        phylum=phylum,
        plan=plan,
        palettes=(_pick(palettes, key, "palette", 0), _pick(palettes, key, "palette", 1)),
        patterns=(_pick(patterns, key, "pattern", 0), _pick(patterns, key, "pattern", 1)),
        traits={},
    )


def _pick(options: tuple[str, ...], *names: object) -> str:
    return options[int(unit(*names) * len(options))]


def _morph(options: tuple[str, ...], species: str, individual: str, what: str) -> str:
    """Pick one option: most members of a species share theirs, a few take any option of the family."""
    key = individual if unit(individual, what, "morph") < MORPHS else species
    return _pick(options, key, what)


def pattern_of(family: Family, species: str, individual: str) -> str:
    """Choose the pattern of one creature, a key of PATTERNS."""
    return _morph(family.patterns, species, individual, "pattern")


def colours_of(family: Family, species: str, individual: str) -> dict[Role, Rgb]:
    """Mix the colours of one creature: its species' palette, with its own small shift.

    Args:
        family: family of the creature.
        species: key of its species.
        individual: key of the creature.

    Returns:
        A colour for every role of a body part.
    """
    palette = PALETTES[_morph(family.palettes, species, individual, "palette")]
    hue = 0.05 * (unit(species, "hue") - 0.5) + 0.03 * (unit(individual, "hue") - 0.5)
    value = 1.0 + 0.3 * (unit(species, "value") - 0.5) + 0.3 * (unit(individual, "value") - 0.5)
    coat, belly, accent, detail = (_shifted(colour, hue, value) for colour in palette)
    bone = BONES[int(unit(family.name, "bone") * len(BONES))]
    return {
        Role.COAT: coat,
        Role.BELLY: belly,
        Role.ACCENT: accent,
        Role.DETAIL: detail,
        Role.BONE: bone,
        Role.WHITE: (240, 238, 228),
    }


def _shifted(colour: Rgb, hue: float, value: float) -> Rgb:
    h, s, v = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    red, green, blue = colorsys.hsv_to_rgb((h + hue) % 1.0, s, min(v * value, 1.0))
    return round(red * 255), round(green * 255), round(blue * 255)
