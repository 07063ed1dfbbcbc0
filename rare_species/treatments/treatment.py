"""What a treatment is: a name, its parameters, and how it is made from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rare_species.common.validation import Parameters
from rare_species.images.fit import Treat


@dataclass(frozen=True)
class Treatment:
    """A treatment, as its file in this package registers it under the name `TREATMENT`.

    Attributes:
        name: its value of `preprocess.treatment`; its parameters stand below `preprocess.<name>`.
        make: makes the function that treats a photo; it takes an instance of `parameters`, or nothing without them.
            That function is picklable, takes a square RGB image and gives another of the same side, and its result
            depends on nothing else.
        parameters: their schema; None for a treatment without any.
    """

    name: str
    make: Callable[..., Treat]
    parameters: type[Parameters] | None = None

    def from_json(self, values: dict[str, Any]) -> Treat:
        """Make the function from parameters as a JSON file holds them.

        Raises:
            pydantic.ValidationError: when they are not those of the schema.
            UserError: when what the treatment needs is not there.
        """
        parameters = self.parameters or Parameters
        checked = parameters.model_validate(values, strict=True)
        return self.make(checked) if self.parameters else self.make()
