"""YAML's aliases: a few lines can hold themselves, or stand for more values than fit into memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEEPEST = 100  # levels; params.yaml has 6
MOST = 100_000  # values, those of an alias counted each time


def refuse_endless(document: object) -> None:
    """See that all values of a document can be gone through; each is looked at once, however often aliases name it.

    Args:
        document: mappings, lists and values as a YAML loader gives them.

    Raises:
        ValueError: when one holds itself, they lie too deep or are too many.
        TypeError: when a key is not one that JSON has too.
    """
    _measure(document, {})


def _measure(part: Any, sizes: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Levels and values of a part of a document; `sizes` has those of parts that were seen, None while they are."""
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
