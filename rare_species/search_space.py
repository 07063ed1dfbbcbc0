"""What a search may try: ranges and choices of knobs, by dotted name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rare_species.section import Section


class Range(Section):
    """A number searched between `low` and `high`, both included, on a log scale if so wished."""

    type: Literal["float", "int"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _low_below_high(self) -> Range:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError("expected low < high, and low > 0 when log is true")
        return self

    def examples(self) -> list[float | int]:
        """Both ends, in the knob's own type."""
        return [int(end) if self.type == "int" else end for end in (self.low, self.high)]


class Choices(Section):
    """A knob that takes one of the listed values."""

    type: Literal["categorical"]
    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    def examples(self) -> list[Any]:
        """Every choice."""
        return list(self.choices)


Distribution = Annotated[Range | Choices, Field(discriminator="type")]


def flatten_space(space: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn a search space nested like `train` into dotted names; a mapping with a `type` is a distribution.

    Args:
        space: for instance `{"head": {"dropout": {"type": "float", "low": 0, "high": 0.6}}}`.
        prefix: dotted name of `space` itself, with a final dot.

    Returns:
        For instance `{"head.dropout": {"type": "float", "low": 0, "high": 0.6}}`.
    """
    flat: dict[str, Any] = {}
    for name, value in space.items():
        if isinstance(value, dict) and "type" not in value:
            flat |= flatten_space(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
