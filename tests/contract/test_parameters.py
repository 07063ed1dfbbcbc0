"""params.yaml against its schema and against the code: every parameter is there, valid and read."""

import ast
import functools
import operator
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from rare_species.common.validated_types import Parameters
from rare_species.params.all_sections import RENAMED, SECTIONS
from rare_species.params.search_space import flatten_space
from rare_species.predict.photo_files import MAX_PIXELS
from tests.toy import REPO

DOCUMENT = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
CODE = [file for folder in ("rare_species", "stages") for file in sorted((REPO / folder).rglob("*.py"))]


def sections_inside(model: type[Parameters]) -> dict[str, type[Parameters]]:
    """Fields of a section that are sections themselves."""
    annotations = {name: field.annotation for name, field in model.model_fields.items()}
    return {name: kind for name, kind in annotations.items() if isinstance(kind, type) and issubclass(kind, Parameters)}


def differences(model: type[Parameters], document: dict[str, Any], name: str) -> Iterator[str]:
    """Parameters that only the schema or only the document has, and defaults that would hide one."""
    yield from (f"{name}.{parameter}" for parameter in set(model.model_fields) ^ set(document))
    yield from (
        f"{name}.{parameter} has a default"
        for parameter, field in model.model_fields.items()
        if not field.is_required()
    )
    for parameter, inner in sections_inside(model).items():
        yield from differences(inner, document[parameter], f"{name}.{parameter}")


def leaves(document: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted names of all parameters."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def value_of(document: dict[str, Any], parameter: str) -> Any:
    """The value of a parameter by its dotted name."""
    return functools.reduce(operator.getitem, parameter.split("."), document)


PARAMETERS = sorted(leaves(DOCUMENT))


def test_sections_are_those_of_the_schema():
    assert list(DOCUMENT) == list(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_section_is_valid(section):
    SECTIONS[section].model_validate(DOCUMENT[section])


@pytest.mark.parametrize("section", SECTIONS)
def test_section_has_every_parameter_of_the_schema_and_no_default_hides_one(section):
    assert list(differences(SECTIONS[section], DOCUMENT[section], section)) == []


@pytest.mark.parametrize(
    "parameter", [parameter for parameter in PARAMETERS if isinstance(value_of(DOCUMENT, parameter), list)]
)
def test_params_file_survives_that_a_list_is_set_twice(parameter, tmp_path):
    """DVC rewrites the file at every `-S`; an empty list with a comment behind it tears it."""
    file = Path(shutil.copy(REPO / "params.yaml", tmp_path))
    apply_overrides(str(file), ["train.head.dropout=0.7"])
    apply_overrides(str(file), [f"{parameter}=[]"])
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert value_of(document, parameter) == []
    others = set(PARAMETERS) - {parameter, "train.head.dropout"}
    assert {other: value_of(document, other) for other in others} == {
        other: value_of(DOCUMENT, other) for other in others
    }


def test_new_names_are_parameters_and_old_ones_are_not():
    assert set(RENAMED.values()) <= set(PARAMETERS)
    assert not set(RENAMED) & set(PARAMETERS)


def test_predict_takes_photos_as_large_as_clean_does():
    assert DOCUMENT["clean"]["max_pixels"] == MAX_PIXELS


def test_searched_parameters_are_parameters_of_train():
    searched = flatten_space(DOCUMENT["tune"]["space"])
    assert {f"train.{parameter}" for parameter in searched} <= set(PARAMETERS)


def test_every_parameter_is_read():
    """Code outside the schema reads each parameter as an attribute."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in CODE if "params" not in file.parts]
    attributes = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    names = {parameter.rpartition(".")[2] for parameter in PARAMETERS if not parameter.startswith("tune.space.")}
    assert names - attributes == set()


@pytest.mark.parametrize("file", [REPO / "README.md", REPO / "params.yaml", *CODE], ids=lambda file: file.name)
def test_every_parameter_that_is_named_for_exp_run_exists(file):
    # strings may be broken in two for their length
    text = re.sub(r'"\s+f?"', "", file.read_text(encoding="utf-8"))
    named = set(re.findall(r"(?:-S|--set-param) '?([a-z_]+(?:\.[a-z_0-9]+)+)=", text))
    assert named <= set(PARAMETERS)
