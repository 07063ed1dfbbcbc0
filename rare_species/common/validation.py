"""What all sections of params.yaml have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFraction = Annotated[float, Field(gt=0, le=1)]
SEEDS = 2**32  # as far as NumPy's go
Seed = Annotated[int, Field(ge=0, lt=SEEDS)]


class Parameters(BaseModel):
    """Base of all sections: unknown keys, NaN and infinity are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def reason(problem: Mapping[str, Any]) -> str:
    """Why a value was refused, from one of the errors that pydantic lists."""
    return str(problem["msg"]).removeprefix("Value error, ")
