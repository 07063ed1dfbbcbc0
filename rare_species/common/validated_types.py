"""Base class and types of validated values, for sections of params.yaml and other schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFraction = Annotated[float, Field(gt=0, le=1)]
SEEDS = 2**32  # NumPy's largest seed, plus 1
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]


class Parameters(BaseModel):
    """Base class of parameters: refuses unknown keys, NaN and infinity; instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def reason(problem: Mapping[str, Any]) -> str:
    """Return why pydantic refused a value."""
    return str(problem["msg"]).removeprefix("Value error, ")
