"""Treatments of a fitted photo, which change how much a network sees of what surrounds the animal.

Every file of this package that has a `TREATMENT` is one of them: another file is another treatment. Photos are of
their final side when they are treated: a network that finds the animal need not look at more.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rare_species.common.errors import UserError
from rare_species.common.validation import Parameters, reason
from rare_species.images.fit import Treat
from rare_species.treatments.treatment import Treatment

FIRST = "none"
AGAIN = "Run the pipeline again: make repro"


def _find_treatments() -> Iterator[Treatment]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        found = importlib.import_module(f"{__package__}.{module.name}")
        if hasattr(found, "TREATMENT"):
            yield found.TREATMENT


TREATMENTS: Mapping[str, Treatment] = {
    treatment.name: treatment
    for treatment in sorted(_find_treatments(), key=lambda treatment: (treatment.name != FIRST, treatment.name))
}


def treatment_recipe(name: str, parameters: Parameters | None) -> dict[str, Any]:
    """Say how to treat photos, in words for a JSON file.

    Args:
        name: of the treatment.
        parameters: its own; None for a treatment without any.

    Returns:
        The name and the parameters, such as `{"name": "circular_mask", "radius": 1.0, ...}`.
    """
    return {"name": name} | (parameters.model_dump() if parameters else {})


def make_treatment(recipe: Mapping[str, Any]) -> Treat:
    """Make the function that a recipe describes.

    Args:
        recipe: from `treatment_recipe`.

    Returns:
        A picklable function from a square RGB image to another of the same side. Like the photo, its result depends
        on nothing but its argument.

    Raises:
        UserError: when the recipe describes no treatment that there is, or one that needs what is not there.
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
