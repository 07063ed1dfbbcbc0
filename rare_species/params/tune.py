"""Section `tune` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from rare_species.common.validated_types import Parameters, Seed, reason
from rare_species.fitting.fit_params import FitParams
from rare_species.params.search_space import Distribution, Layers, Range, flatten_space


class PruningParams(Parameters):
    """Hyperband (Li et al., 2018): worse trials end after `min_epochs`, then `factor` times as many, and so on."""

    name: Literal["hyperband", "none"]
    min_epochs: PositiveInt
    factor: Annotated[int, Field(ge=2)]


class TuneParams(Parameters):
    """Section `tune`: the search space, the base parameters, the sampler and the objective."""

    trials: NonNegativeInt
    concurrent_trials: PositiveInt
    objective: Literal["val_macro_f1", "val_accuracy", "val_auc", "val_loss"]
    sampler: Literal["tpe", "random", "grid", "cmaes"]
    pruning: PruningParams
    base: FitParams
    space: Annotated[dict[str, Distribution], Field(min_length=1)]
    seed: Seed

    @field_validator("space", mode="before")
    @classmethod
    def _flatten(cls, space: Any) -> Any:
        return flatten_space(space) if isinstance(space, dict) else space

    @model_validator(mode="after")
    def _space_fits_base(self) -> TuneParams:
        for parameter in self.space:
            for value in self._examples(parameter):
                try:
                    with_parameters(self.base, {parameter: value} | self._others(parameter, value))
                except ValidationError as error:
                    problem = error.errors()[0]
                    if problem["type"] == "extra_forbidden":
                        raise ValueError(
                            f"tune.space must name parameters of tune.base. Received: {parameter}, which is none. "
                            "Remove it or mend its name."
                        ) from error
                    raise ValueError(f"tune.space.{parameter}: {reason(problem)}. Received: {value!r}") from error
        return self

    def _examples(self, parameter: str) -> list[Any]:
        """Return example values; lists that follow another parameter have only lengths that it can have."""
        distribution = self.space[parameter]
        if not isinstance(distribution, Layers):
            return list(distribution.examples())
        leader = self.space.get(distribution.as_many_as or parameter)
        if not isinstance(leader, Layers):  # `_others` reports this
            return list(distribution.examples())
        lengths = {len(value) for value in leader.examples()}
        return [value for value in distribution.examples() if len(value) in lengths]

    def _others(self, parameter: str, value: Any) -> dict[str, Any]:
        """Return example values, with as many layers as `value`, of the parameters that share its number of layers."""
        distribution = self.space[parameter]
        if not isinstance(distribution, Layers):
            return {}
        leader = distribution.as_many_as or parameter
        if not isinstance(self.space.get(leader), Layers):
            raise ValueError(
                f"tune.space.{parameter}.as_many_as must name a parameter of type layers. Received: {leader}"
            )
        others = {
            name: other
            for name, other in self.space.items()
            if isinstance(other, Layers) and leader in (name, other.as_many_as)
        }
        fitting = {name: [one for one in other.examples() if len(one) == len(value)] for name, other in others.items()}
        for name, found in fitting.items():
            if not found and distribution.as_many_as is None:
                raise ValueError(f"tune.space.{name}.each must have as many layers as {leader}. Received: fewer")
        return {name: found[0] for name, found in fitting.items() if found and name != parameter}

    @model_validator(mode="after")
    def _sampler_fits_space(self) -> TuneParams:
        if self.sampler == "grid":
            for parameter, distribution in self.space.items():
                if not distribution.is_finite:
                    raise ValueError(
                        f"tune.sampler=grid needs a step or choices for each parameter. Received: none for {parameter}"
                    )
        if self.sampler == "cmaes":  # Optuna would silently sample other types at random
            for parameter, distribution in self.space.items():
                if not isinstance(distribution, Range):
                    raise ValueError(
                        "tune.sampler=cmaes needs a number, of type float or int, for each parameter. "
                        f"Received: type {distribution.type} for {parameter}"
                    )
        return self


def with_parameters(fit: FitParams, changes: dict[str, Any]) -> FitParams:
    """Copy `fit` with some parameters replaced.

    Args:
        fit: the parameters to start from.
        changes: values by dotted name, such as `{"head.dropout": 0.2}`.

    Returns:
        The validated copy.

    Raises:
        pydantic.ValidationError: when they do not go together.
    """
    document = fit.model_dump()
    for parameter, value in changes.items():
        *sections, name = parameter.split(".")
        place = document
        for section in sections:
            if not isinstance(place.get(section), dict):
                place[section] = {}  # validation then reports what belongs there
            place = place[section]
        place[name] = value
    return FitParams.model_validate(document)
