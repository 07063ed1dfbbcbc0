"""Set parameters of params.yaml as a file names them; comments and order stay."""

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

WHOLE = "space"  # knobs of an earlier search must not stay in it


class Unread:
    """No section: all are checked, none is used."""


def apply(part: Path, params: Path) -> list[str]:
    """Set knobs.

    Args:
        part: YAML, a part of what `params` holds.
        params: the file that is changed.

    Returns:
        One line per knob that changed.

    Raises:
        UserError: when one of them is not YAML or not valid.
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
        except UserError as error:  # it was valid before, so that the part is to be mended
            raise UserError(*(line.replace(str(partial), str(part)) for line in error.args)) from None
    return list(_differences(before, flatten_space(document)))


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # lines are not broken
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
            f"Expected a file with knobs. Received: no {file}. Name one, such as models/tune/best.yaml, which a "
            "search writes."
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} must be YAML. Received: {yaml_problem(error)}. Mend that, and run again.") from None
    except (*NO_VALUE, RecursionError) as error:
        raise UserError(f"{file} must hold knobs as params.yaml does. Received: {error}. Mend it.") from None
    if not isinstance(document, dict):
        kind = "nothing" if document is None else type(document).__name__
        raise UserError(f"{file} must be a mapping of sections. Received: {kind}. Nest the knobs as in params.yaml.")
    return document


def _set(document: MutableMapping[str, Any], wanted: MutableMapping[str, Any]) -> None:
    for name, value in wanted.items():
        old = document.get(name)
        if isinstance(value, dict) and isinstance(old, dict) and name != WHOLE:
            _set(old, value)
        elif old != value or name not in document:
            document[name] = value


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for knob in before | after:
        if before.get(knob) != after.get(knob):
            yield f"{knob}: {_show(before, knob)} -> {_show(after, knob)}"


def _show(knobs: dict[str, Any], knob: str) -> str:
    if knob not in knobs:
        return "not searched"
    return knobs[knob] if isinstance(knobs[knob], str) else json.dumps(knobs[knob])
