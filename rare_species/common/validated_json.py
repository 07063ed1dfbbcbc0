"""JSON files with a schema, which one command writes and another reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rare_species.common.checksums import require_file, restore
from rare_species.common.errors import UserError
from rare_species.common.staged_files import write_json
from rare_species.common.validated_types import reason

LONGEST_SHOWN = 60  # characters of a wrong value
T = TypeVar("T")


class JsonFile(BaseModel):
    """Base class of all schemas: refuses unknown keys, other types, NaN and infinity; instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def write_json_file(path: Path, document: Any, kind: type[Any]) -> None:
    """Write a JSON file after checking it against its schema.

    Args:
        path: path of the file.
        document: mappings, lists, text and numbers.
        kind: the schema: a pydantic model or dataclass.

    Raises:
        ValidationError: when it does not match, which is a bug of the caller.
    """
    write_json(path, document)
    TypeAdapter(kind).validate_json(path.read_bytes())


def read_json_file(path: Path, kind: type[T]) -> T:
    """Read a JSON file and check it against its schema.

    Args:
        path: path of the file.
        kind: the schema: a pydantic model or dataclass.

    Raises:
        UserError: when the file is missing or does not match; the message names the first wrong value.
    """
    require_file(path)
    return parse_json_file(path.read_bytes(), kind, str(path), restore(path))


def parse_json_file(data: bytes, kind: type[T], source: str, what_to_do: str) -> T:
    """Parse the bytes of a JSON file; see `read_json_file`.

    Args:
        data: UTF-8 JSON.
        kind: the schema.
        source: the file's name in error messages.
        what_to_do: the last sentence of the error message.
    """
    try:
        return TypeAdapter(kind).validate_json(data)
    except ValidationError as error:
        problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    received = "" if problem["type"] in ("json_invalid", "missing") else f" ({_shown(problem['input'])})"
    found = f"{place}: {reason(problem)}{received}" if place else f"{reason(problem)}{received}"
    raise UserError(f"Expected {source} to be what its stage writes. Received: {found}. {what_to_do}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
