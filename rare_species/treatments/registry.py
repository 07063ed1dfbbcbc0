"""The registry of treatments, which change how much of an animal's surroundings the network sees.

Every module of this package that defines `TREATMENT` is a treatment: to add one, add a module. Photos are treated
after they are fitted to their final side, so a network that finds the animal looks at no more pixels than needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rare_species.common.errors import UserError
from rare_species.common.registry import find_registered
from rare_species.common.validated_types import Parameters, reason
from rare_species.images.fit_to_square import Treat
from rare_species.treatments.treatment import Treatment

FIRST = "none"
AGAIN = "Run the pipeline again: make repro"


TREATMENTS: Mapping[str, Treatment] = {
    treatment.name: treatment
    for treatment in sorted(
        find_registered("rare_species.treatments", "TREATMENT"),
        key=lambda treatment: (treatment.name != FIRST, treatment.name),
    )
}


def treatment_recipe(name: str, parameters: Parameters | None) -> dict[str, Any]:
    """Describe a treatment with its parameters as a mapping that can be written to a JSON file.

    Args:
        name: name of the treatment.
        parameters: parameters of this treatment; None if it has none.

    Returns:
        The name and the parameters, such as `{"name": "circular_mask", "radius": 1.0, ...}`.
    """
    return {"name": name} | (parameters.model_dump() if parameters else {})


def make_treatment(recipe: Mapping[str, Any]) -> Treat:
    """Make the function that applies the treatment a recipe describes.

    Args:
        recipe: name and parameters, see `treatment_recipe`.

    Returns:
        A picklable function from a square RGB image to another with the same side. Its result depends on nothing but
        its argument.

    Raises:
        UserError: if the treatment is unknown, its parameters are wrong, or something that it needs is missing.
    """
    name = recipe.get("name")
    if not isinstance(name, str) or name not in TREATMENTS:
        raise UserError(f"Expected a treatment among {', '.join(TREATMENTS)}. Received: {name!r}. {AGAIN}")
    try:
        return TREATMENTS[name].from_json({key: value for key, value in recipe.items() if key != "name"})
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise UserError(
            f"Expected the parameters of treatment {name}. {place}: {reason(problem)}. "
            f"Received: {problem['input']!r}. {AGAIN}"
        ) from error
