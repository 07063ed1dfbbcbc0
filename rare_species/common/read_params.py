"""Read the sections of params.yaml that a stage needs; report all mistakes in one message."""

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
from rare_species.common.staged_files import refuse_special
from rare_species.common.validated_types import reason

T = TypeVar("T")
PARAMS = "params.yaml"  # in the repository's root
ALL_SECTIONS = "rare_species.params.all_sections"  # imported by name, so that a stage depends only on its own sections
NO_VALUE = (ValueError, TypeError, KeyError, AttributeError)  # errors that YAML loaders do not turn into a YAMLError
LONGEST_VALUE = 1000  # characters of a value in a message
# Members of unions, which pydantic names in the place of an error; they are no keys
KINDS = {"float", "int", "categorical", "layers", "number", "list"}


def load_params(file: Path, kind: type[T]) -> T:
    """Read the sections of params.yaml that a stage uses; check all sections, so that every typo is found at once.

    Args:
        file: the YAML file.
        kind: a dataclass with one field per section; see `all_sections.SECTIONS` for names and types.

    Returns:
        An instance of `kind`.

    Raises:
        UserError: when the file is missing or not YAML, or any section has a wrong, unknown or missing key.
    """
    document, whole = _read_yaml(file), importlib.import_module(ALL_SECTIONS)
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
    """PyYAML's loader, made strict: it refuses repeated keys, and reports unreadable values as YAML errors."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a mapping before `<<` merges other keys into it.

        Raises:
            yaml.YAMLError: when a key occurs twice.
        """
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):  # PyYAML itself refuses a list as a key
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there twice", key.start_mark)
                seen.add(key.value)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Convert a value to Python.

        Raises:
            yaml.YAMLError: when the value is impossible, such as a 30th of February.
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
            f"{file} must hold sections of parameters. Received: a value that is nested so deep that Python gives up. "
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
    """Describe a YAML error and its place on one line; PyYAML's own message spans several."""
    problem, context, mark = (getattr(error, name, None) for name in ("problem", "context", "problem_mark"))
    if not (problem and mark):
        return " ".join(str(error).split())
    return f"{problem}{f' {context}' if context else ''}, on line {mark.line + 1}, column {mark.column + 1}"


def _key(section: str, problem: Any) -> str:
    """Return the dotted name of the parameter with a problem, or of the section when several parameters clash."""
    *inner, last = problem["loc"] or ("",)
    names_a_key = problem["type"] in ("missing", "extra_forbidden") or last not in KINDS
    place = [part for part in inner if part not in KINDS] + [last] * (names_a_key and last != "")
    return ".".join([section, *(str(part) for part in place)])


def _describe_all(problems: Sequence[tuple[str, Any]], renamed: Mapping[str, str], file: Path) -> Iterator[str]:
    """Yield one message per problem; a parameter with an old name is not reported as missing under its new name too."""
    old = {key for key, problem in problems if problem["type"] == "extra_forbidden" and key in renamed}
    known = {renamed[key] for key in old}
    for key, problem in problems:
        if key in old:
            yield f"{key} is called {renamed[key]} now. Received: the old name. Rename it in {file}."
        elif not (problem["type"] == "missing" and key in known):
            yield _describe(key, problem, file)


def _describe(key: str, problem: Any, file: Path) -> str:
    message = reason(problem)
    if problem["type"] == "value_error" and "Received" in message:  # the message itself names several parameters
        return _mend(f"{key}: {message}" if "." in key else message, file)
    if problem["type"] == "missing":
        return f"{key} is missing. Add it to {file}."
    received = _shown(problem["input"])
    if problem["type"] == "extra_forbidden":
        return f"{key} is not a parameter. Received: {received}. Remove it from {file} or mend its name."
    # -S can't remove keys: DVC merges mappings
    command = "" if isinstance(problem["input"], dict) else f" or with dvc exp run -S {key}=VALUE"
    return f"{key}: {message}. Received: {received}. Set it in {file}{command}."


def _shown(value: object) -> str:
    """Format a value on one line, shortened: with aliases, a few lines of YAML can exceed the memory."""
    text = pformat(value, depth=3, width=sys.maxsize, sort_dicts=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _mend(message: str, file: Path) -> str:
    if message.endswith("."):  # the message already says what to do
        return message
    return f"{message}. Set it in {file} or with dvc exp run -S KEY=VALUE."
