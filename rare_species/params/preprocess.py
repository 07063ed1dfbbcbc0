"""Section `preprocess` of params.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt, create_model

from rare_species.common.image_formats import Resize
from rare_species.common.validated_types import Parameters
from rare_species.treatments.registry import TREATMENTS, treatment_recipe

if TYPE_CHECKING:
    TreatmentName = str
else:
    TreatmentName = Literal[tuple(TREATMENTS)]


class _Preprocess(Parameters):
    """Section `preprocess`: side, fitting, treatment and JPEG quality of the packed photos.

    Each treatment with parameters adds a field of its name.
    """

    image_size: Annotated[int, Field(ge=16, le=1024)]
    resize: Resize
    treatment: TreatmentName
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    shard_images: PositiveInt

    def recipe(self, treatment: str | None = None) -> dict[str, Any]:
        """Describe the chosen treatment, or another one, with its parameters; see `registry.treatment_recipe`."""
        name = treatment or self.treatment
        return treatment_recipe(name, getattr(self, name) if TREATMENTS[name].parameters else None)


if TYPE_CHECKING:
    PreprocessParams = _Preprocess
else:
    PreprocessParams = create_model(
        "PreprocessParams",
        __base__=_Preprocess,
        __doc__=_Preprocess.__doc__,
        **{name: (one.parameters, ...) for name, one in TREATMENTS.items() if one.parameters},
    )
