"""Distributions of a search space: ranges, choices and lists."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from rare_species.common.nested_mappings import walk
from rare_species.common.validated_types import Parameters


class Range(Parameters):
    """A number from `low` to `high`, both included, optionally in steps or on a log scale."""

    type: Literal["float", "int"]
    low: float
    high: float
    step: Annotated[float, Field(gt=0)] | None = None
    log: bool = False

    @model_validator(mode="after")
    def _makes_sense(self) -> Range:
        if self.low >= self.high:
            raise ValueError("expected low < high")
        if self.log and self.low <= 0:
            raise ValueError("expected low > 0 when log is true")
        if self.step is not None and self.step > self.high - self.low:
            raise ValueError("expected step to be at most high - low")
        if self.log and self.step is not None:
            raise ValueError("expected step or log, not both")
        if self.type == "int" and any(number != int(number) for number in (self.low, self.high, self.step or 1)):
            raise ValueError("expected whole numbers of type int")
        return self

    @property
    def is_finite(self) -> bool:
        """Whether it has finitely many values."""
        return self.step is not None or (self.type == "int" and not self.log)

    def examples(self) -> list[float | int]:
        """Both ends, in the parameter's type, and for floats a value between, as both ends may be whole numbers."""
        if self.type == "int":
            return [int(self.low), int(self.high)]
        return [self.low, self.low + (self.step or (self.high - self.low) / math.e), self.high]


class Choices(Parameters):
    """One of the listed values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    @property
    def texts(self) -> list[str]:
        """The choices as text, because Optuna allows no lists as choices."""
        return [json.dumps(choice) for choice in self.choices]

    @property
    def is_finite(self) -> bool:
        """Whether it has finitely many values."""
        return True

    def examples(self) -> list[Any]:
        """Every choice."""
        return list(self.choices)


Single = Annotated[Range | Choices, Field(discriminator="type")]


class Layers(Parameters):
    """A list with one value per layer; the value of a layer is searched only in trials that have the layer.

    Attributes:
        each: distribution of each layer's value.
        at_least: smallest number of layers; the search chooses the number.
        as_many_as: name of another parameter of this type, which has the same number of layers.
    """

    type: Literal["layers"]
    each: Annotated[tuple[Single, ...], Field(min_length=1)]
    at_least: NonNegativeInt | None = None
    as_many_as: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Layers:
        if (self.at_least is None) == (self.as_many_as is None):
            raise ValueError("expected either at_least or as_many_as")
        if self.at_least is not None and self.at_least > len(self.each):
            raise ValueError(f"expected at_least to be at most the {len(self.each)} of each")
        return self

    def depth(self, parameter: str) -> list[tuple[str, Range]]:
        """Return the name and range of the number of layers if the search chooses it; else nothing."""
        most = len(self.each)
        if self.at_least is None or self.at_least == most:
            return []
        return [(f"{parameter}.layers", Range(type="int", low=self.at_least, high=most))]

    def layers(self, parameter: str) -> list[tuple[str, Range | Choices]]:
        """Return the name and distribution of every possible layer's value."""
        return [(f"{parameter}.{number}", each) for number, each in enumerate(self.each, start=1)]

    @property
    def is_finite(self) -> bool:
        """Whether it has finitely many values."""
        return all(layer.is_finite for layer in self.each)

    def examples(self) -> list[list[Any]]:
        """Lists of every length: one with each layer's first example, one with the second, and so on."""
        lengths, each = range(self.at_least or 0, len(self.each) + 1), [layer.examples() for layer in self.each]
        most = max(len(examples) for examples in each)
        return [
            [examples[min(number, len(examples) - 1)] for examples in each[:length]]
            for length in lengths
            for number in range(most)
        ]


Distribution = Annotated[Range | Choices | Layers, Field(discriminator="type")]


def flatten_space(space: dict[str, Any]) -> dict[str, Any]:
    """Turn a search space nested like `train` into dotted names; a mapping with a `type` is a distribution.

    Args:
        space: for instance `{"head": {"dropout": {"type": "float", "low": 0, "high": 0.6}}}`.

    Returns:
        For instance `{"head.dropout": {"type": "float", "low": 0, "high": 0.6}}`.

    Raises:
        ValueError: when a parameter is there twice, nested and by its dotted name.
    """
    found = list(walk(space, lambda value: not isinstance(value, dict) or "type" in value))
    counts = Counter(name for name, _ in found)
    if twice := sorted(name for name, times in counts.items() if times > 1):
        raise ValueError(f"expected each parameter once. Received twice: {', '.join(twice)}")
    return dict(found)
