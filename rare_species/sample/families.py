"""The built-in families, largest first, and the properties that the species of a family share."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family: the properties that all its species share.

    Attributes:
        name: name of the taxonomic family.
        phylum: phylum of the family.
        plan: body plan, a key of PLANS.
        palettes: keys of PALETTES; each species takes one, and a few of its members may take another.
        patterns: keys of PATTERNS; each species takes one, and a few of its members may take another.
        traits: fixed dials in [0, 1] by name; the others are derived from the family's name.
        species: number of species of the family in the default sample.
    """

    name: str
    phylum: str
    plan: str
    palettes: tuple[str, ...]
    patterns: tuple[str, ...]
    traits: Mapping[str, float]
    species: int = 1


def _family(kind: str, species: int, *, palettes: str, patterns: str, traits: str) -> Family:
    name, phylum, plan = kind.split()
    words = traits.split()
    dials = {dial: float(value) for dial, value in zip(words[::2], words[1::2], strict=True)}
    return Family(name, phylum, plan, tuple(palettes.split()), tuple(patterns.split()), dials, species)


# Families of one plan share palettes and patterns on purpose, so that a classifier confuses them.
FAMILIES: tuple[Family, ...] = (
    _family(
        "bovidae chordata quadruped",
        4,
        palettes="tawny umber grey",
        patterns="plain saddle patches",
        traits="horn .5 horn-sweep .8 antlers 0 snout .6 neck .35 depth .75 legs .5 tail .3 ears .35 grazes 1",
    ),
    _family(
        "salamandridae chordata lizard",
        3,
        palettes="ink ember umber",
        patterns="spots plain patches",
        traits="toes .05 head-width .6 thick .75 tail .3 limb-width .7 tail-width .85 stripe 0",
    ),
    _family(
        "turdidae chordata bird",
        3,
        palettes="umber olive grey",
        patterns="plain spots saddle",
        traits="beak .12 legs .3 neck .08 crest .1 length .4 tail .4 head .55 bright-breast 1 hook .2",
    ),
    _family(
        "serranidae chordata fish",
        3,
        palettes="russet coral olive",
        patterns="spots bands stripes",
        traits="depth .62 fork .15 tail .4 dorsal .5 dorsal-length .8 low-lobe .9 eye .6",
    ),
    _family(
        "ranidae chordata frog",
        2,
        palettes="leaf olive umber",
        patterns="spots plain patches",
        traits="leap .7 nose .65 depth .3 ridges 1 eye .55 thigh .4",
    ),
    _family(
        "felidae chordata quadruped",
        3,
        palettes="tawny gold grey",
        patterns="rings spots stripes",
        traits="horn 0 snout .1 neck .1 depth .4 legs .4 tail .8 ears .25 ear-width .9 head .7 grazes 0 leg-width .7",
    ),
    _family(
        "carabidae arthropoda beetle",
        2,
        palettes="ink teal umber",
        patterns="plain bands speckle",
        traits="antennae .18 shield .6 jaws .55 length .45 depth .5 grooves 1 legs .5 waist .6 bright-shield 0",
    ),
    _family(
        "colubridae chordata snake",
        3,
        palettes="olive tawny umber",
        patterns="bands stripes plain",
        traits="thick .45 head .3 head-width .3",
    ),
    _family(
        "nymphalidae arthropoda butterfly",
        2,
        palettes="ember umber gold",
        patterns="spots patches stripes",
        traits="tails .15 eyespot .6 span .45 broad .55 dark-border 1 tip .5",
    ),
    _family(
        "dactyloidae chordata lizard",
        2,
        palettes="leaf umber olive",
        patterns="plain stripes speckle",
        traits="toes .8 head-width .45 thick .4 tail .85 limb-width .3 tail-width .35 stripe 1 limbs .8",
    ),
    _family(
        "ardeidae chordata bird",
        2,
        palettes="grey snow slate",
        patterns="plain saddle stripes",
        traits="beak .7 legs .8 neck .85 crest .7 length .5 tail .15 head .25 bright-breast 0 hook .2 cap 0",
    ),
    _family(
        "acroporidae cnidaria branching-coral",
        2,
        palettes="cream coral teal",
        patterns="plain speckle",
        traits="thick .35 fan .5 spread .4",
    ),
    _family(
        "cervidae chordata quadruped",
        2,
        palettes="tawny russet umber",
        patterns="plain spots saddle",
        traits="horn .8 horn-sweep .4 antlers 1 snout .6 neck .65 depth .45 legs .75 tail .1 ears .7 grazes 1",
    ),
    _family(
        "labridae chordata fish",
        2,
        palettes="teal azure coral",
        patterns="bands stripes saddle",
        traits="depth .35 fork .05 tail .2 dorsal .2 dorsal-length .95 low-lobe .95 eye .4",
    ),
    _family(
        "bufonidae chordata frog",
        2,
        palettes="umber olive leaf",
        patterns="patches speckle spots",
        traits="leap .25 nose .35 depth .7 ridges 0 eye .45 thigh .6",
    ),
    _family(
        "papilionidae arthropoda butterfly",
        2,
        palettes="gold ink ember",
        patterns="stripes bands patches",
        traits="tails .8 eyespot .5 span .65 broad .5 dark-border 1 tip .3",
    ),
    _family(
        "ciconiidae chordata bird",
        1,
        palettes="snow grey ink",
        patterns="saddle plain patches",
        traits="beak .85 legs .9 neck .6 crest .1 length .65 tail .2 head .35 bright-breast 0 hook .3 cap 0 depth .65",
    ),
    _family(
        "cerambycidae arthropoda beetle",
        1,
        palettes="umber ink gold",
        patterns="speckle stripes patches",
        traits="antennae .7 shield .35 jaws .3 length .7 depth .3 grooves 0 legs .6 waist .3 bright-shield 0",
    ),
    _family(
        "zonitidae mollusca snail",
        1,
        palettes="umber cream olive",
        patterns="plain bands speckle",
        traits="shell .45 flat .75 turns .6",
    ),
    _family(
        "carcharhinidae chordata fish",
        2,
        palettes="slate grey teal",
        patterns="saddle plain",
        traits="depth .25 fork .7 tail .75 dorsal .8 dorsal-length .1 low-lobe .2 eye .1 length .9",
    ),
    _family(
        "asteriidae echinodermata starfish",
        1,
        palettes="ember coral tawny",
        patterns="speckle plain spots",
        traits="arms .3 broad .4 reach .6 beaded 1 tip .4",
    ),
    _family(
        "goniasteridae echinodermata starfish",
        1,
        palettes="ember coral gold",
        patterns="plain spots patches",
        traits="arms .3 broad .75 reach .45 beaded 1 tip .6 beads .7",
    ),
    _family(
        "emydidae chordata turtle",
        1,
        palettes="olive umber leaf",
        patterns="plain stripes patches",
        traits="depth .5 limbs .4 neck .5",
    ),
    _family(
        "unionidae mollusca bivalve",
        1,
        palettes="umber olive ink",
        patterns="plain bands",
        traits="length .75 depth .4 ribbed 0 rings 1",
    ),
)
