"""Outputs that are written completely or not at all, and JSON files with reproducible bytes."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rare_species.common.atomic_replace import put_in_place, recover, remove
from rare_species.common.errors import UserError
from rare_species.common.locking import alone

DECIMALS = 6  # enough to see a difference, few enough to read


@contextmanager
def staged(*outputs: Path) -> Iterator[tuple[Path, ...]]:
    """Write outputs to temporary places; move all of them to their final places when the block ends without an error.

    Args:
        outputs: final places; a path with a suffix is a file, one without is a folder.

    Yields:
        One temporary place per output, on the same disk; folders exist and are empty.

    Raises:
        IsADirectoryError: when a folder is in the place of a file.
        UserError: when another run is writing one of them, or a pipe or a device is in its place.
    """
    for output in outputs:
        refuse_special(output)
        if output.suffix and output.is_dir() and not output.is_symlink():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(output))
    partials = tuple(output.with_name(output.name + ".partial") for output in outputs)
    with ExitStack() as stack:
        for output in outputs:
            stack.enter_context(alone(output))
        for output, partial in zip(outputs, partials, strict=True):
            recover(output)
            remove(partial)
            (partial.parent if output.suffix else partial).mkdir(parents=True, exist_ok=True)
        try:
            yield partials
            put_in_place(dict(zip(partials, outputs, strict=True)))
        finally:
            for partial in partials:
                remove(partial)


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe, a socket or a device; reading one may never end."""
    return path.exists() and not (path.is_file() or path.is_dir())


def refuse_special(path: Path) -> None:
    """Refuse a path that is a pipe, a socket or a device.

    Raises:
        UserError: when it is one.
    """
    if is_special(path):
        raise UserError(
            f"Expected a file at {path}. Received: a pipe, a socket or a device. Name a file; write what a pipe gives "
            "into one first."
        )


def file_in_the_way(folder: Path) -> Path | None:
    """Return the file that prevents a folder from being made: the path itself, or one of its parents."""
    return next((path for path in (folder, *folder.parents) if path.is_file()), None)


def write_json(path: Path, document: Any) -> None:
    """Write indented UTF-8 JSON with a final newline; NaN and infinity are refused (ValueError)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a UTF-8 JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def rounded(value: Any) -> Any:
    """Round every number inside mappings and lists."""
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value
