"""Registry of body plans: how each creature is drawn, how far it may turn, and where it lives."""

from collections.abc import Callable
from dataclasses import dataclass

from rare_species.sample import bodies_cold, bodies_jointed, bodies_soft, bodies_warm
from rare_species.sample.flat_parts import Part
from rare_species.sample.keyed_random import Dials


@dataclass(frozen=True)
class BodyPlan:
    """A way to draw a creature.

    Attributes:
        draw: function from dials to the creature's parts, in body units.
        turn: largest rotation in radians; creatures seen from above may turn to any angle.
        habitats: scenes that the creature appears in, the usual one first.
    """

    draw: Callable[[Dials], list[Part]]
    turn: float
    habitats: tuple[str, ...]


PLANS: dict[str, BodyPlan] = {
    "quadruped": BodyPlan(bodies_warm.quadruped, 0.15, ("meadow", "forest", "sand", "rock")),
    "bird": BodyPlan(bodies_warm.bird, 0.2, ("sky", "meadow", "foliage", "shore")),
    "fish": BodyPlan(bodies_cold.fish, 0.4, ("reef", "deep", "reef", "specimen")),
    "snake": BodyPlan(bodies_cold.snake, 3.1, ("sand", "litter", "meadow", "rock")),
    "lizard": BodyPlan(bodies_cold.lizard, 3.1, ("rock", "litter", "foliage", "sand")),
    "frog": BodyPlan(bodies_cold.frog, 3.1, ("litter", "foliage", "shore", "meadow")),
    "turtle": BodyPlan(bodies_cold.turtle, 3.1, ("sand", "reef", "meadow", "shore")),
    "beetle": BodyPlan(bodies_jointed.beetle, 3.1, ("litter", "foliage", "bark", "specimen")),
    "butterfly": BodyPlan(bodies_jointed.butterfly, 3.1, ("foliage", "meadow", "specimen", "litter")),
    "spider": BodyPlan(bodies_jointed.spider, 3.1, ("litter", "bark", "foliage", "sand")),
    "crab": BodyPlan(bodies_jointed.crab, 3.1, ("sand", "reef", "rock", "shore")),
    "snail": BodyPlan(bodies_soft.snail, 0.3, ("foliage", "litter", "rock", "specimen")),
    "bivalve": BodyPlan(bodies_soft.bivalve, 3.1, ("sand", "specimen", "shore", "rock")),
    "starfish": BodyPlan(bodies_soft.starfish, 3.1, ("reef", "sand", "rock", "shore")),
    "cucumber": BodyPlan(bodies_soft.cucumber, 3.1, ("sand", "reef", "rock", "deep")),
    "branching-coral": BodyPlan(bodies_soft.branching_coral, 0.3, ("reef", "deep", "reef", "specimen")),
    "boulder-coral": BodyPlan(bodies_soft.boulder_coral, 0.3, ("reef", "deep", "reef", "rock")),
    "jellyfish": BodyPlan(bodies_soft.jellyfish, 0.6, ("deep", "reef", "deep", "shore")),
    "anemone": BodyPlan(bodies_soft.anemone, 3.1, ("reef", "rock", "deep", "reef")),
}

PLANS_BY_PHYLUM: dict[str, tuple[str, ...]] = {
    "chordata": ("quadruped", "quadruped", "bird", "bird", "bird", "fish", "fish", "lizard", "frog", "snake", "turtle"),
    "arthropoda": ("beetle", "beetle", "butterfly", "spider", "crab"),
    "mollusca": ("snail", "bivalve"),
    "echinodermata": ("starfish", "cucumber"),
    "cnidaria": ("branching-coral", "boulder-coral", "anemone", "jellyfish"),
}
