"""What all sections of params.yaml have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # as far as NumPy's go


class Section(BaseModel):
    """Base of all sections: unknown keys, NaN and infinity are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
