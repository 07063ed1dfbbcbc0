"""Set parameters of params.yaml to the values in another file; comments and order are kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rare_species.common.checksums import LIST_NAME, check_files, read_checksums
from rare_species.common.errors import UserError
from rare_species.common.files import refuse_special, staged
from rare_species.common.params_file import NO_VALUE, load_params, yaml_problem
from rare_species.common.yaml_aliases import refuse_endless
from rare_species.params.search_space import flatten_space

WHOLE = "space"  # this section is replaced, not merged: no parameter of an earlier search may stay in it


class Unread:
    """A request for no section: `load_params` checks the whole file, and nothing is used of it."""


def apply(part: Path, params: Path) -> list[str]:
    """Set the parameters that a file names.

    Args:
        part: YAML file with some parameters, nested as in `params`.
        params: the params.yaml to change.

    Returns:
        One line per changed parameter, such as "train.epochs: 10 -> 20".

    Raises:
        UserError: if one of the files is not YAML or not valid.
    """
    load_params(params, Unread)
    wanted, yaml = _read(part), _yaml()
    content = yaml.load(params)
    before = flatten_space(content)
    _set(content, wanted)
    with staged(params) as (partial,):
        yaml.dump(content, partial)
        try:
            load_params(partial, Unread)
        except UserError as error:  # params was valid before, so the mistake is in part
            raise UserError(*(line.replace(str(partial), str(part)) for line in error.args)) from None
    return list(_differences(before, flatten_space(content)))


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # do not break lines
    return yaml


def _read(file: Path) -> dict[str, Any]:
    refuse_special(file)
    try:
        if (file.parent / LIST_NAME).is_file() and file.name in read_checksums(file.parent):  # a stage wrote it
            check_files(file.parent, file.name)
        content = _yaml().load(file)
        refuse_endless(content)
    except FileNotFoundError:
        raise UserError(
            f"Expected a file with parameters. Received: {file}, which does not exist. Name another, such as "
            "models/tune/best.yaml, which a search writes."
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} must be YAML. Received: {yaml_problem(error)}. Mend that, and run again.") from None
    except (*NO_VALUE, RecursionError) as error:
        raise UserError(f"{file} must hold parameters as params.yaml does. Received: {error}. Mend it.") from None
    if not isinstance(content, dict):
        kind = "nothing" if content is None else type(content).__name__
        raise UserError(
            f"{file} must be a mapping of sections. Received: {kind}. Nest the parameters as in params.yaml."
        )
    return content


def _set(content: MutableMapping[str, Any], wanted: MutableMapping[str, Any]) -> None:
    for name, value in wanted.items():
        old = content.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name != WHOLE:
            _set(old, value)
        elif old != value or name not in content:
            content[name] = value


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for parameter in before | after:
        if before.get(parameter) != after.get(parameter):
            yield f"{parameter}: {_show(before, parameter)} -> {_show(after, parameter)}"


def _show(parameters: dict[str, Any], parameter: str) -> str:
    if parameter not in parameters:
        return "not searched"
    return parameters[parameter] if isinstance(parameters[parameter], str) else json.dumps(parameters[parameter])
