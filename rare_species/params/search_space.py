"""Schema of a search space: ranges, choices, and lists with one number per layer; parameters have dotted names."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from rare_species.common.validation import Section


class Range(Section):
    """A number between `low` and `high`, both included; optionally in steps or on a log scale."""

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
        """Whether the number of values is finite, as a grid search needs."""
        return self.step is not None or (self.type == "int" and not self.log)

    def examples(self) -> list[float | int]:
        """Return both ends, in the parameter's type; for a float also a number between, as the ends may be whole."""
        if self.type == "int":
            return [int(self.low), int(self.high)]
        return [self.low, self.low + (self.step or (self.high - self.low) / math.e), self.high]


class Choices(Section):
    """One of the listed values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    @property
    def texts(self) -> list[str]:
        """The choices as JSON text, because Optuna does not accept a list as a choice."""
        return [json.dumps(choice) for choice in self.choices]

    @property
    def is_finite(self) -> bool:
        """Whether the number of values is finite, as a grid search needs."""
        return True

    def examples(self) -> list[Any]:
        """Return every choice."""
        return list(self.choices)


Single = Annotated[Range | Choices, Field(discriminator="type")]


class Layers(Section):
    """A list with one number per layer; a layer's number is searched only in trials that have the layer.

    Attributes:
        each: distribution of each layer's number; its length is the largest number of layers.
        at_least: smallest number of layers; the search chooses how many there are. None if `as_many_as` is given.
        as_many_as: dotted name of another parameter of this type; this list has as many layers as that one. None if
            `at_least` is given.
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
        """Return the name and range of the number of layers; an empty list if the search does not choose it."""
        most = len(self.each)
        if self.at_least is None or self.at_least == most:
            return []
        return [(f"{parameter}.layers", Range(type="int", low=self.at_least, high=most))]

    def layers(self, parameter: str) -> list[tuple[str, Range | Choices]]:
        """Return the name and distribution of each possible layer's number."""
        return [(f"{parameter}.{number}", each) for number, each in enumerate(self.each, start=1)]

    @property
    def is_finite(self) -> bool:
        """Whether the number of values is finite, as a grid search needs."""
        return all(layer.is_finite for layer in self.each)

    def examples(self) -> list[list[Any]]:
        """Return lists of every length: one with each layer's first example, one with the second ones, and so on."""
        lengths, each = range(self.at_least or 0, len(self.each) + 1), [layer.examples() for layer in self.each]
        most = max(len(examples) for examples in each)
        return [
            [examples[min(number, len(examples) - 1)] for examples in each[:length]]
            for length in lengths
            for number in range(most)
        ]


Distribution = Annotated[Range | Choices | Layers, Field(discriminator="type")]


def flatten_space(space: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten a search space that is nested like `train` to dotted names; a mapping with a `type` is a distribution.

    Args:
        space: nested mapping, such as `{"head": {"dropout": {"type": "float", "low": 0, "high": 0.6}}}`.
        prefix: dotted name of `space` itself with a final dot; "" for the whole space.

    Returns:
        Values by dotted name, such as `{"head.dropout": {"type": "float", "low": 0, "high": 0.6}}`.

    Raises:
        ValueError: if a parameter is given twice, nested and by its dotted name.
    """
    flat: dict[str, Any] = {}
    for name, value in space.items():
        inside = isinstance(value, dict) and "type" not in value
        found = flatten_space(value, f"{prefix}{name}.") if inside else {f"{prefix}{name}": value}
        if twice := sorted(flat.keys() & found.keys()):
            raise ValueError(f"expected each parameter once. Received twice: {', '.join(twice)}")
        flat |= found
    return flat
