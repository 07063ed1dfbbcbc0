"""JSON documents that one command writes and another reads: a model of each, and one way to read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rare_species.common.checksums import require_file, restore
from rare_species.common.errors import UserError
from rare_species.common.files import write_json
from rare_species.common.validation import reason

LONGEST_SHOWN = 60  # characters of a wrong value
T = TypeVar("T")


class JsonFile(BaseModel):
    """Base of all: other keys, values of another type, NaN and infinity are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def write_json_file(path: Path, document: Any, kind: type[Any]) -> None:
    """Write a JSON document, and see that it is one that `read_json_file` takes.

    Args:
        path: the file.
        document: mappings, lists, text and numbers.
        kind: its model, or dataclass of pydantic's.

    Raises:
        ValidationError: when it is not: a mistake of the code's.
    """
    write_json(path, document)
    TypeAdapter(kind).validate_json(path.read_bytes())


def read_json_file(path: Path, kind: type[T]) -> T:
    """Read a JSON document.

    Args:
        path: the file.
        kind: its model, or dataclass of pydantic's.

    Raises:
        UserError: when there is no such file, or it is not such a document; the message names the first wrong value.
    """
    require_file(path)
    return parse_json_file(path.read_bytes(), kind, str(path), restore(path))


def parse_json_file(data: bytes, kind: type[T], source: str, what_to_do: str) -> T:
    """Read a JSON document from its bytes; see `read_json_file`.

    Args:
        data: UTF-8 JSON.
        kind: its model.
        source: what to call it in a message.
        what_to_do: the last sentence of that.
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
