"""Copy parameters from another file into params.yaml; comments and order stay."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rare_species.common.checksums import LIST_NAME, check_files, read_checksums
from rare_species.common.errors import UserError
from rare_species.common.read_params import NO_VALUE, load_params, yaml_problem
from rare_species.common.staged_files import refuse_special, staged
from rare_species.common.yaml_aliases import refuse_endless
from rare_species.params.search_space import flatten_space

REPLACED_WHOLE = "space"  # replaced as a whole, so that nothing of an earlier search stays


class Unread:
    """Asks `load_params` for no section: all are checked, none is used."""


def apply(part: Path, params: Path) -> list[str]:
    """Set the parameters that a file names.

    Args:
        part: a YAML file with some of the keys of `params`.
        params: the file to change.

    Returns:
        One line per parameter that changed.

    Raises:
        UserError: when one of the files is not valid.
    """
    load_params(params, Unread)
    wanted, yaml = _read(part), _yaml()
    document = yaml.load(params)
    before = flatten_space(document)
    _set(document, wanted)
    with staged(params) as (partial,):
        yaml.dump(document, partial)
        try:
            load_params(partial, Unread)
        except UserError as error:  # the file was valid before, so the mistake is in the part
            raise UserError(*(line.replace(str(partial), str(part)) for line in error.args)) from None
    return list(_differences(before, flatten_space(document)))


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # never breaks lines
    return yaml


def _read(file: Path) -> dict[str, Any]:
    refuse_special(file)
    try:
        if (file.parent / LIST_NAME).is_file() and file.name in read_checksums(file.parent):  # a stage wrote it
            check_files(file.parent, file.name)
        document = _yaml().load(file)
        refuse_endless(document)
    except FileNotFoundError:
        raise UserError(
            f"Expected a file with parameters. Received: {file}, which does not exist. Name another, such as "
            "models/tune/best.yaml, which a search writes."
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} must be YAML. Received: {yaml_problem(error)}. Mend that, and run again.") from None
    except (*NO_VALUE, RecursionError) as error:
        raise UserError(f"{file} must hold parameters as params.yaml does. Received: {error}. Mend it.") from None
    if not isinstance(document, dict):
        kind = "nothing" if document is None else type(document).__name__
        raise UserError(
            f"{file} must be a mapping of sections. Received: {kind}. Nest the parameters as in params.yaml."
        )
    return document


def _set(document: MutableMapping[str, Any], wanted: MutableMapping[str, Any]) -> None:
    for name, value in wanted.items():
        old = document.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name != REPLACED_WHOLE:
            _set(old, value)
        elif old != value or name not in document:
            document[name] = value


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for parameter in before | after:
        if before.get(parameter) != after.get(parameter):
            yield f"{parameter}: {_show(before, parameter)} -> {_show(after, parameter)}"


def _show(parameters: dict[str, Any], parameter: str) -> str:
    if parameter not in parameters:
        return "not searched"
    return parameters[parameter] if isinstance(parameters[parameter], str) else json.dumps(parameters[parameter])
