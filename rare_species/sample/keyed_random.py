"""Named dials: every number of a drawing is derived from a name, so it never depends on the order of random calls."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# How much a trait varies between the species of a family, and between the individuals of a species; shares of the
# dial's range.
SPECIES_SPREAD = 0.30
INDIVIDUAL_SPREAD = 0.24
# How much a pose varies between the frames of one burst, as a share of the dial's range.
FRAME_SPREAD = 0.05


def unit(*names: object) -> float:
    """Hash names to a number in [0, 1), the same on every machine.

    Args:
        names: names that identify the number, such as a family and one of its traits.

    Returns:
        Float in [0, 1).
    """
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


def generator(*names: object) -> np.random.Generator:
    """Build a random generator seeded from names alone.

    Args:
        names: identity of the thing to draw, such as a seed and a content id.

    Returns:
        PCG64 generator.
    """
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(int.from_bytes(digest, "big"))))


@dataclass(frozen=True)
class Dials:
    """Dials of one creature in one photo.

    Attributes:
        family: name of the family; the traits that all its members share are derived from it.
        species: key that the variation of the species is derived from.
        individual: key that the variation of the creature and its pose are derived from; all frames of a burst share
            it.
        frame: key of the photo, which changes the pose a little.
        fixed: traits that the family sets itself, in [0, 1] by name; the others are derived from its name.
    """

    family: str
    species: str
    individual: str
    frame: str
    fixed: Mapping[str, float]

    def trait(self, name: str, low: float, high: float) -> float:
        """Read a trait of the body: the family's value, shifted by the species and the individual.

        Args:
            name: name of the trait.
            low: value at dial 0.
            high: value at dial 1.

        Returns:
            Value between low and high.
        """
        at = self.fixed.get(name, unit(self.family, name))
        at += SPECIES_SPREAD * (unit(self.species, name) - 0.5)
        at += INDIVIDUAL_SPREAD * (unit(self.individual, name) - 0.5)
        return low + (high - low) * min(max(at, 0.0), 1.0)

    def has(self, name: str) -> bool:
        """Check whether the family has a feature; all its species and individuals have it or none."""
        return self.fixed.get(name, unit(self.family, name)) > 0.5

    def pose(self, name: str, low: float, high: float) -> float:
        """Read a pose: any value in the range, but nearly the same one in all frames of a burst.

        Args:
            name: name of the pose.
            low: value at dial 0.
            high: value at dial 1.

        Returns:
            Value between low and high, or slightly outside.
        """
        at = unit(self.individual, "pose", name) + FRAME_SPREAD * (unit(self.frame, "pose", name) - 0.5)
        return low + (high - low) * at
