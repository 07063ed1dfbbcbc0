"""Spellings: when two texts mean the same label or the same file."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

log = logging.getLogger(__name__)


def spelling_key(text: str) -> str:
    """Reduce a text to a key that ignores case, composition, width, whitespace and invisible characters.

    The key is Unicode's NFKC with case folding (Unicode Standard Annex 15, section 3.13 of the core specification),
    without format characters such as the zero-width space, and with single spaces; "" when nothing is visible.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def path_key(path: str) -> str:
    """Return the spelling keys of a path's parts, joined by "/"."""
    return "/".join(map(spelling_key, path.split("/")))


def posix_path(path: str) -> str:
    """Rewrite a path as archives write it: with `/` instead of backslashes, and without `./`."""
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def match_files(listed: Sequence[str], files: Iterable[str], source: str) -> list[str]:
    """Replace listed paths by the files that they mean.

    A path without a file means the file whose name differs only in case, composed accents, whitespace or invisible
    characters. If several do, it means the one that no row lists in its exact spelling, provided there is only one.

    Args:
        listed: paths, relative to the same folder as `files`.
        files: paths of existing files.
        source: the list's name in the log.

    Returns:
        As many paths, in the same order; a path that matches no file, or several, stays as it is.
    """
    present = set(files)
    astray = [path for path in listed if path not in present]
    if not astray:
        return list(listed)
    by_key: dict[str, list[str]] = {}
    for file in present:
        by_key.setdefault(path_key(file), []).append(file)
    free = present.difference(listed)
    meant = {}
    for path in astray:
        alike = by_key.get(path_key(path), [])
        found = [file for file in alike if file in free] or alike
        if len(found) == 1:
            meant[path] = found[0]
    if meant:
        path, file = next(iter(meant.items()))
        log.info("%s: paths spelt otherwise than their files: %d, first %a for %a", source, len(meant), path, file)
    return [meant.get(path, path) for path in listed]


def spelt_twice(labels: Iterable[str]) -> list[list[tuple[str, int]]]:
    """Find labels that occur in several spellings.

    Args:
        labels: one label per photo.

    Returns:
        One list per such label, in alphabetical order: its spellings with their counts, the most frequent first, ties
        in alphabetical order.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for spelling, count in sorted(Counter(labels).items()):
        groups.setdefault(spelling_key(spelling), []).append((spelling, count))
    return [sorted(group, key=lambda entry: -entry[1]) for _, group in sorted(groups.items()) if len(group) > 1]


def canonical_spellings(groups: Iterable[list[tuple[str, int]]]) -> Mapping[str, str]:
    """Map each spelling that `spelt_twice` found to the most frequent spelling of its label."""
    return {spelling: group[0][0] for group in groups for spelling, _ in group}
