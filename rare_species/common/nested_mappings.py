"""Nested mappings, such as a file of metrics, as dotted names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of nested mappings by dotted name; an empty mapping is a value."""
    return dict(walk(document, lambda value: not isinstance(value, Mapping) or not value))


def walk(document: Mapping[str, Any], is_leaf: Callable[[Any], bool], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of every leaf.

    Args:
        document: nested mappings.
        is_leaf: whether a value is yielded as it is; else it is a mapping.
        prefix: dotted name of `document` itself, with a final dot.
    """
    for name, value in document.items():
        if is_leaf(value):
            yield f"{prefix}{name}", value
        else:
            yield from walk(value, is_leaf, f"{prefix}{name}.")
