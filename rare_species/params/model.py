"""Section `model` of params.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import (
    field_validator,
    model_validator,
)

from rare_species.backbones.registry import REGISTRY
from rare_species.common.validated_types import Parameters

if TYPE_CHECKING:
    ModelName = str
else:
    ModelName = Literal[(*REGISTRY, "cnn")]  # cnn, the baseline from scratch, has no backbone


class ModelParams(Parameters):
    """Section `model`: the backbone, its weights, and the inputs of the classifier."""

    name: ModelName
    weights: str
    inputs: tuple[Literal["image", "phylum"], ...]

    @field_validator("inputs")
    @classmethod
    def _image_once(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        if "image" not in inputs or len(set(inputs)) < len(inputs):
            raise ValueError("Input should be [image] or [image, phylum]")
        return inputs

    @model_validator(mode="after")
    def _network_learns_from_photos(self) -> ModelParams:
        if self.name == "cnn" and "phylum" in self.inputs:
            raise ValueError(
                "model.inputs must be [image] with model.name=cnn, which learns from photos alone. "
                f"Received: [{', '.join(self.inputs)}]"
            )
        return self
