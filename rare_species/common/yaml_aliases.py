"""A guard against YAML aliases, with which a few lines can contain themselves or exceed the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 100  # nested levels; params.yaml has 6
MOST = 100_000  # values; those of an alias count each time


def refuse_endless(document: object) -> None:
    """Refuse a document that contains itself, or is too deep or too large to traverse.

    Args:
        document: mappings, lists and values as a YAML loader returns them; each is visited once, however many aliases
            name it.

    Raises:
        ValueError: when a value contains itself, or the document is too deep or too large.
        TypeError: when a key is of a type that JSON does not have.
    """
    _measure(document, {})


def _measure(part: Any, sizes: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return the levels and the number of values of a part; `sizes` caches them by id, None while a part is visited."""
    if not isinstance(part, Mapping | list | tuple):
        return 1, 1
    if id(part) not in sizes:
        sizes[id(part)] = None
        found = [_measure(inner, sizes) for inner in _parts(part)]
        levels, values = 1 + max((one for one, _ in found), default=0), 1 + sum(one for _, one in found)
        if levels > DEEPEST or values > MOST:
            raise ValueError(f"more than {DEEPEST} levels or {MOST:,} values")
        sizes[id(part)] = levels, values
    size = sizes[id(part)]
    if size is None:
        raise ValueError("a value that holds itself")
    return size


def _parts(part: Any) -> list[Any]:
    if not isinstance(part, Mapping):
        return list(part)
    for key in part:
        if not isinstance(key, str | int | float | None):
            raise TypeError(f"keys must be text or numbers, not {key}")
    return list(part.values())
