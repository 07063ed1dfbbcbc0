"""Section `preprocess` of params.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt, create_model

from rare_species.common.image_formats import Resize
from rare_species.common.validation import Section
from rare_species.treatments.registry import TREATMENTS, treatment_recipe

if TYPE_CHECKING:
    TreatmentName = str
else:
    TreatmentName = Literal[tuple(TREATMENTS)]


class _Preprocess(Section):
    """Section `preprocess`: side of the packed images, how photos are fitted to it and treated, and JPEG quality.

    A treatment with parameters has a subsection of its own, under the treatment's name.
    """

    image_size: Annotated[int, Field(ge=16, le=1024)]
    resize: Resize
    treatment: TreatmentName
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    shard_images: PositiveInt

    def recipe(self, treatment: str | None = None) -> dict[str, Any]:
        """Describe a treatment with its parameters, by default the chosen one; see `registry.treatment_recipe`."""
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
