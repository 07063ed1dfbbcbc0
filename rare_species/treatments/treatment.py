"""The type of a treatment: its name, its parameters, and how its function is made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rare_species.common.validated_types import Parameters
from rare_species.images.fit_to_square import Treat


@dataclass(frozen=True)
class Treatment:
    """A treatment, which its module in this package registers under the name `TREATMENT`.

    Attributes:
        name: value of `preprocess.treatment` that chooses it; its parameters are in section `preprocess.<name>`.
        make: makes the function that treats a photo, from an instance of `parameters`, or from nothing if the treatment
            has none. That function is picklable, takes a square RGB image and returns another with the same side; its
            result depends on nothing else.
        parameters: schema of the parameters; None for a treatment without any.
    """

    name: str
    make: Callable[..., Treat]
    parameters: type[Parameters] | None = None

    def from_json(self, values: dict[str, Any]) -> Treat:
        """Make the function that treats a photo, from parameters read from a JSON file.

        Raises:
            pydantic.ValidationError: if the parameters do not match the schema.
            UserError: if something that the treatment needs is missing.
        """
        parameters = self.parameters or Parameters
        checked = parameters.model_validate(values, strict=True)
        return self.make(checked) if self.parameters else self.make()
