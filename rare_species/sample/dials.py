"""Named dials: every number of a drawing comes from a name, never from the order of random calls."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

# Spread of a trait between the species of a family, and between the individuals of a species (of a dial's range).
SPECIES_SPREAD = 0.30
INDIVIDUAL_SPREAD = 0.24
# How far the frames of one burst move a pose.
FRAME_SPREAD = 0.05


def unit(*names: object) -> float:
    """Hash names to a number in [0, 1), the same on every machine.

    Args:
        names: what the number belongs to, such as a family and one of its traits.

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
        family: name that gives the traits all its members share.
        species: key of the species' variation.
        individual: key of the creature and of its pose; shared by the frames of a burst.
        frame: key of the photo, which moves the pose a little.
        fixed: traits in [0, 1] that the family states instead of deriving them from its name.
    """

    family: str
    species: str
    individual: str
    frame: str
    fixed: Mapping[str, float]

    def trait(self, name: str, low: float, high: float) -> float:
        """Read a trait of the body: family value, shifted by the species and the individual.

        Args:
            name: of the trait.
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
        """Tell whether the family has a feature; neither species nor individual change it."""
        return self.fixed.get(name, unit(self.family, name)) > 0.5

    def pose(self, name: str, low: float, high: float) -> float:
        """Read a pose: anything in the range, nearly the same in all frames of a burst.

        Args:
            name: of the pose.
            low: value at dial 0.
            high: value at dial 1.

        Returns:
            Value near or between low and high.
        """
        at = unit(self.individual, "pose", name) + FRAME_SPREAD * (unit(self.frame, "pose", name) - 0.5)
        return low + (high - low) * at
