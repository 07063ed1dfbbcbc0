"""Read params.yaml: the sections that a stage asks for, or one message that names every mistake in them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pprint import pformat
from typing import Any, TypeVar, get_type_hints

import yaml
from pydantic import ValidationError

from rare_species.common.errors import UserError
from rare_species.common.files import refuse_special
from rare_species.common.validation import reason

T = TypeVar("T")
PARAMS = "params.yaml"  # in the repository's root
WHOLE_FILE = "rare_species.params.whole_file"  # imported by name: a stage depends on the code of its own sections alone
NO_VALUE = (ValueError, TypeError, KeyError, AttributeError)  # what YAML's readers let through of a wrong value
LONGEST_VALUE = 1000  # characters that are shown
KINDS = {"float", "int", "categorical", "layers", "number", "list"}  # of what a knob may hold: named by errors, no keys


def load_params(file: Path, kind: type[T]) -> T:
    """Read the sections of params.yaml that a stage uses; all are checked, so that a typo does not wait for its stage.

    Args:
        file: the YAML file.
        kind: a dataclass with one field per section, named as in `whole_file.SECTIONS` and typed with its model.

    Returns:
        An instance of `kind`.

    Raises:
        UserError: when the file is missing or not YAML, or any section has a wrong, unknown or missing key.
    """
    document, whole = _read_yaml(file), importlib.import_module(WHOLE_FILE)
    unknown = sorted(str(name) for name in document if name not in whole.SECTIONS)
    if unknown:
        raise UserError(
            f"{file} must hold the sections {', '.join(whole.SECTIONS)}. Received also: {', '.join(unknown)}. "
            "Remove them, or mend their names."
        )
    sections: dict[str, Any] = {}
    problems = []
    for name, model in whole.SECTIONS.items():
        try:
            sections[name] = model.model_validate(document.get(name, {}))
        except ValidationError as error:
            problems += [(_key(name, problem), problem) for problem in error.errors()]
    if problems:
        raise UserError(*_describe_all(problems, whole.RENAMED, file))
    try:
        whole.check_together(sections["model"], sections["train"])
    except ValueError as error:
        raise UserError(_mend(str(error), file)) from error
    return kind(**{name: sections[name] for name in get_type_hints(kind)})


class _Loader(yaml.SafeLoader):
    """PyYAML takes the last of several values of one key, and lets Python's own errors about a value through."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping as it is written, before `<<` brings in keys of others.

        Raises:
            yaml.YAMLError: when a key stands there twice.
        """
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):  # a list as a key is refused by PyYAML
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
                seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """A value as Python has it.

        Raises:
            yaml.YAMLError: when it can't be what it looks like, such as a 30th of February.
        """
        try:
            return super().construct_object(node, deep)
        except NO_VALUE as error:
            text = node.value if isinstance(node, yaml.ScalarNode) else "what stands here"
            problem = f"{text} can't be read ({error})"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def _read_yaml(file: Path) -> dict[str, Any]:
    refuse_special(file)
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        advice = "Run this from the repository's root" if file == Path(PARAMS) else "Mend the path"
        raise UserError(f"Expected {file} in {Path.cwd()}. Received: no such file. {advice}.") from None
    except RecursionError:
        raise UserError(
            f"{file} must hold sections of knobs. Received: a value that is nested so deep that Python gives up. "
            "Mend it, or write it as it was."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} must be YAML. Received: {yaml_problem(error)}. Mend that, and run again.") from error
    if not isinstance(document, dict):
        received = "nothing" if document is None else type(document).__name__
        raise UserError(
            f"{file} must be a mapping of sections. Received: {received}. Write it as it was, or name another file."
        )
    return document


def yaml_problem(error: Exception) -> str:
    """What is wrong with a text and where, on one line; their own words end with a picture of the place."""
    problem, context, mark = (getattr(error, name, None) for name in ("problem", "context", "problem_mark"))
    if not (problem and mark):
        return " ".join(str(error).split())
    return f"{problem}{f' {context}' if context else ''}, on line {mark.line + 1}, column {mark.column + 1}"


def _key(section: str, problem: Any) -> str:
    """Dotted name of the parameter that a problem is about, or of the section that holds several such."""
    *inner, last = problem["loc"] or ("",)
    names_a_key = problem["type"] in ("missing", "extra_forbidden") or last not in KINDS
    place = [part for part in inner if part not in KINDS] + [last] * (names_a_key and last != "")
    return ".".join([section, *(str(part) for part in place)])


def _describe_all(problems: Sequence[tuple[str, Any]], renamed: Mapping[str, str], file: Path) -> Iterator[str]:
    """One message for each problem; a parameter under its old name is not also said to be missing under its new one."""
    old = {key for key, problem in problems if problem["type"] == "extra_forbidden" and key in renamed}
    known = {renamed[key] for key in old}
    for key, problem in problems:
        if key in old:
            yield f"{key} is called {renamed[key]} now. Received: the old name. Rename it in {file}."
        elif not (problem["type"] == "missing" and key in known):
            yield _describe(key, problem, file)


def _describe(key: str, problem: Any, file: Path) -> str:
    message = reason(problem)
    if problem["type"] == "value_error" and "Received" in message:  # about several parameters, which it names
        return _mend(f"{key}: {message}" if "." in key else message, file)
    if problem["type"] == "missing":
        return f"{key} is missing. Add it to {file}."
    received = _shown(problem["input"])
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a parameter. Received: {received}. Remove it from {file} or mend its name."
    # with -S, DVC merges mappings: it takes nothing away
    command = "" if isinstance(problem["input"], dict) else f" or with dvc exp run -S {key}=VALUE"
    return f"{key}: {message}. Received: {received}. Set it in {file}{command}."


def _shown(value: object) -> str:
    """A value on one line, and in short: a few lines of YAML with aliases can stand for more than fits into memory."""
    text = pformat(value, depth=3, width=sys.maxsize, sort_dicts=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _mend(message: str, file: Path) -> str:
    if message.endswith("."):  # it says what to do
        return message
    return f"{message}. Set it in {file} or with dvc exp run -S KEY=VALUE."
