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

from rare_species.common.validation import Parameters, Seed, reason
from rare_species.fitting.parameters import FitParams
from rare_species.params.search_space import Distribution, Layers, Range, flatten_space


class PruningParams(Parameters):
    """Hyperband (Li et al., 2018): after `min_epochs`, and `factor` times as many each time, the worse trials end."""

    name: Literal["hyperband", "none"]
    min_epochs: PositiveInt
    factor: Annotated[int, Field(ge=2)]


class TuneParams(Parameters):
    """Section `tune`: the search space over `base`, how it is searched and what trials are judged by."""

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
        for knob in self.space:
            for value in self._examples(knob):
                try:
                    with_parameters(self.base, {knob: value} | self._others(knob, value))
                except ValidationError as error:
                    problem = error.errors()[0]
                    if problem["type"] == "extra_forbidden":
                        raise ValueError(
                            f"tune.space must name knobs of tune.base. Received: {knob}, which is none of these. "
                            "Remove it or mend its name."
                        ) from error
                    raise ValueError(f"tune.space.{knob}: {reason(problem)}. Received: {value!r}") from error
        return self

    def _examples(self, knob: str) -> list[Any]:
        """What a knob may have; of one that follows another, with as many layers as that may have."""
        distribution = self.space[knob]
        if not isinstance(distribution, Layers):
            return list(distribution.examples())
        leader = self.space.get(distribution.as_many_as or knob)
        if not isinstance(leader, Layers):  # `_others` says so
            return list(distribution.examples())
        lengths = {len(value) for value in leader.examples()}
        return [value for value in distribution.examples() if len(value) in lengths]

    def _others(self, knob: str, value: Any) -> dict[str, Any]:
        """The knobs that have as many layers as `value`, of the same length."""
        distribution = self.space[knob]
        if not isinstance(distribution, Layers):
            return {}
        leader = distribution.as_many_as or knob
        if not isinstance(self.space.get(leader), Layers):
            raise ValueError(f"tune.space.{knob}.as_many_as must name a knob of type layers. Received: {leader}")
        others = {
            name: other
            for name, other in self.space.items()
            if isinstance(other, Layers) and leader in (name, other.as_many_as)
        }
        fitting = {name: [one for one in other.examples() if len(one) == len(value)] for name, other in others.items()}
        for name, found in fitting.items():
            if not found and distribution.as_many_as is None:
                raise ValueError(f"tune.space.{name}.each must have as many layers as {leader}. Received: fewer")
        return {name: found[0] for name, found in fitting.items() if found and name != knob}

    @model_validator(mode="after")
    def _sampler_fits_space(self) -> TuneParams:
        if self.sampler == "grid":
            for knob, distribution in self.space.items():
                if not distribution.is_finite:
                    raise ValueError(
                        f"tune.sampler=grid needs a step or choices for each knob. Received: none for {knob}"
                    )
        if self.sampler == "cmaes":  # Optuna would draw all that it can't take at random, and say nothing
            for knob, distribution in self.space.items():
                if not isinstance(distribution, Range):
                    raise ValueError(
                        "tune.sampler=cmaes needs a number, of type float or int, for each knob. "
                        f"Received: type {distribution.type} for {knob}"
                    )
        return self


def with_parameters(fit: FitParams, knobs: dict[str, Any]) -> FitParams:
    """Copy `fit` with some knobs replaced.

    Args:
        fit: the parameters to start from.
        knobs: values by dotted name, such as `{"head.dropout": 0.2}`.

    Returns:
        The validated copy.

    Raises:
        pydantic.ValidationError: when they do not go together.
    """
    document = fit.model_dump()
    for knob, value in knobs.items():
        *sections, name = knob.split(".")
        place = document
        for section in sections:
            if not isinstance(place.get(section), dict):
                place[section] = {}  # validation says what belongs there
            place = place[section]
        place[name] = value
    return FitParams.model_validate(document)
